mod accounts;
mod audit;
mod retention;
mod triage;
