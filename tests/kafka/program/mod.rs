//! The real program on a real Apache Kafka, as an operator runs it.

mod instance;
mod kills;
mod load;
mod members;
mod records;
mod upkeep;
