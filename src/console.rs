//! 8. What people look at: pages, API and metrics over HTTP.

pub mod pages;
