//! temp
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct AccountEntry { pub partner: Option<String>, pub unit: Option<String>, pub role: Option<String>, pub machine: bool, pub starts_on: Option<i32>, pub ends_on: Option<i32>, pub protected: bool }
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Accounts(pub BTreeMap<String, AccountEntry>);
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Scope { Account(String), Unit(String), Partner(String), Role(String), Group(String) }
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Expected { pub scope: Scope, pub ceiling: u64, pub from: Option<i32>, pub to: Option<i32>, pub author: String, pub reason: String }
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Caseload(pub Vec<(String, u32)>);
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PersonUnits(pub Vec<(u32, String, Option<i32>)>);
