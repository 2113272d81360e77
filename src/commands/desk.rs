//! What `user`, `token`, `audit` and `hook` have in common: the database, opened beside a running vigie.

use std::path::PathBuf;

use clap::Args;

use super::Failure;
use crate::config::Config;
use crate::event::TimestampMs;
use crate::store::datadir::{DATABASE, DataDir, Purpose};
use crate::store::desk::Desk;
use crate::store::sqlite::{Store, StoreError};

/// Where the database is.
#[derive(Clone, Debug, Args)]
pub(super) struct Place {
    /// Configuration file [default: ./vigie.toml, /etc/vigie/vigie.toml, built-in]
    #[arg(long, value_name = "FILE", env = "VIGIE_CONFIG", global = true)]
    config: Option<PathBuf>,
    /// Data folder [default: vigie-data]
    #[arg(long, value_name = "DIR", env = "VIGIE_DATA", global = true)]
    data: Option<PathBuf>,
}

impl Place {
    /// The desk of a database that is there.
    pub(super) fn desk(&self) -> Result<Desk, Failure> {
        Ok(Desk::open(&self.folder()?.join(DATABASE))?)
    }

    /// The desk of a database that is made, or brought to this build's schema, where need be: users
    /// are added before the first run.
    pub(super) fn made_desk(&self) -> Result<Desk, Failure> {
        let folder = self.folder()?;
        let path = folder.join(DATABASE);
        match Desk::open(&path) {
            Err(StoreError::Missing { .. } | StoreError::Older { .. }) => {
                // Only its owner may do that; with another vigie in the folder this is refused.
                drop(Store::open(&DataDir::open(&folder, Purpose::Live)?)?);
                Ok(Desk::open(&path)?)
            }
            opened => Ok(opened?),
        }
    }

    fn folder(&self) -> Result<PathBuf, Failure> {
        match &self.data {
            // What is wrong with the configuration does not matter then.
            Some(data) => Ok(data.clone()),
            None => Ok(self.config()?.store.data),
        }
    }

    /// The configuration, in which the data folder is the one of the flag.
    pub(super) fn config(&self) -> Result<Config, Failure> {
        let reading = Config::load(self.config.as_deref()).map_err(super::gather::all)?;
        if !reading.errors.is_empty() {
            return Err(super::gather::all(reading.errors));
        }
        let mut config = reading.config;
        if let Some(data) = &self.data {
            config.store.data.clone_from(data);
        }
        Ok(config)
    }
}

/// For people: a date and time in UTC to the second.
pub(super) fn time(at: TimestampMs) -> String {
    let second = at.div_euclid(1_000);
    jiff::Timestamp::from_second(second).map_or_else(|_| at.to_string(), |time| time.to_string())
}
