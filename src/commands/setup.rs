//! From flags and files to a shard: configuration, rules, reference data, key, decoder.

use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::gather::Gathered;
use super::{Common, Failure};
use crate::config::Config;
use crate::decode::pseudonym::Witness;
use crate::decode::{Decoder, Mapping, PseudonymKey, Pseudonymiser};
use crate::detect::epoch::{Budget, Epoch};
use crate::detect::rule::Rules;
use crate::detect::snapshot::{self, PAYLOAD_VERSION};
use crate::detect::{Control, Detector, Settings};
use crate::directory;
use crate::pipeline::shard::Shard;
use crate::triage::{Language, Triage};

/// Everything a command needs before it reads its first line.
pub(super) struct Setup {
    pub(super) config: Config,
    pub(super) rules: Arc<Rules>,
    pub(super) mapping: Mapping,
}

/// A control record as it is stored: what, and its fingerprint.
#[derive(Clone)]
pub(super) struct Loaded {
    pub(super) kind: &'static str,
    pub(super) digest: String,
    pub(super) body: Vec<u8>,
    pub(super) control: Control,
    /// Rows behind it, to refuse a reload that loses many.
    pub(super) rows: usize,
}

/// Stored form of a control record.
#[derive(Serialize, Deserialize)]
struct Body {
    rows: u64,
    control: Control,
}

impl Setup {
    /// From flags, environment and files; says which file nobody named is in force, if `aloud`.
    pub(super) fn new(common: &Common, aloud: bool) -> Result<Setup, Failure> {
        let gathered = Gathered::new(common)?;
        if aloud {
            gathered.say_file();
        }
        match gathered {
            Gathered { config, mapping: Some(mapping), rules: Some(rules), problems, .. }
                if problems.is_empty() =>
            {
                Ok(Setup { config, rules, mapping })
            }
            Gathered { problems, .. } => Err(Failure::Failed(problems.join("\n"))),
        }
    }

    /// As [`Setup::new`], with a second setup that differs in its rules: those of a folder. What is
    /// wrong with either is said at once.
    pub(super) fn two(
        common: &Common,
        folder: &Path,
        aloud: bool,
    ) -> Result<(Setup, Setup), Failure> {
        let others = match folder.as_os_str().is_empty() {
            true => Err(vec!["--diff needs a folder of rule files, not \"\"".to_owned()]),
            false => super::gather::load_rules(folder),
        };
        match (Setup::new(common, aloud), others) {
            (Ok(setup), Ok(rules)) => {
                let mut config = setup.config.clone();
                folder.clone_into(&mut config.detection.rules);
                let mapping = setup.mapping.clone();
                Ok((setup, Setup { config, rules: Arc::new(rules), mapping }))
            }
            (Err(Failure::Failed(text)), Err(wrong)) => {
                // The same folder twice is wrong once.
                let known: Vec<&str> = text.lines().collect();
                let more = wrong.into_iter().filter(|line| !known.contains(&line.as_str()));
                Err(super::gather::all([vec![text.clone()], more.collect()].concat()))
            }
            (Err(failure), _) => Err(failure),
            (_, Err(wrong)) => Err(super::gather::all(wrong)),
        }
    }

    /// The simulator's settings: built in, whatever stands in the folder, and its population codes.
    pub(super) fn simulated() -> Result<Setup, Failure> {
        let config = Config::built_in().map_err(super::gather::all)?;
        let rules = Arc::new(Rules::built_in().map_err(super::gather::all)?);
        let mapping = Mapping { preset: Some(config.source.format.clone()), ..Mapping::default() };
        let mut setup = Setup { config, rules, mapping };
        setup.tell_simulated_populations();
        Ok(setup)
    }

    /// Configures the population codes of simulated worlds.
    pub(super) fn tell_simulated_populations(&mut self) {
        self.config.source.population =
            crate::simulate::POPULATION_CODES.map(str::to_owned).to_vec();
    }

    pub(super) fn decoder(&self, key: PseudonymKey) -> Result<Decoder, Failure> {
        Ok(Decoder::new(&self.mapping, key, self.config.decode_options())?)
    }

    /// A decoder that remembers raw identifiers: for evidence only.
    pub(super) fn witness(&self, key: PseudonymKey) -> Result<Decoder<Witness>, Failure> {
        Ok(Decoder::with_witness(&self.mapping, key, self.config.decode_options())?)
    }

    pub(super) fn settings(&self, key: PseudonymKey) -> Settings {
        let detection = &self.config.detection;
        // Account names are hashed with a key of their own, drawn from the same secret.
        let names = Pseudonymiser::new(key, "account");
        Settings {
            zone: detection.zone.clone(),
            budget: Budget {
                per_account_week: detection.budget_per_1000_account_weeks / 1_000.0,
                per_week_min: detection.budget_per_week_min,
            },
            quiet_ms: i64::from(detection.quiet_hours) * 3_600_000,
            accounts_max: detection.accounts_max as usize,
            name_key: (names.opaque("account-name", "0"), names.opaque("account-name", "1")),
        }
    }

    /// A shard that has seen nothing.
    pub(super) fn shard(&self, key: PseudonymKey, source: &str) -> Result<Shard, Failure> {
        let settings = self.settings(key);
        let detector = Detector::new(settings, Arc::clone(&self.rules)).map_err(Failure::Failed)?;
        let language = match self.config.alerts.language.as_str() {
            "fr" => Language::French,
            _ => Language::English,
        };
        let triage = Triage {
            shard: source.to_owned(),
            rules_version: self.rules.version.clone(),
            population: self.config.source.population.clone(),
            language,
        };
        Ok(Shard::new(self.decoder(key)?, detector, triage))
    }

    /// The rules and every reference file that is configured, as control records; all problems at
    /// once.
    pub(super) fn controls(&self, key: PseudonymKey) -> Result<Vec<Loaded>, Failure> {
        // The key of account names is the state's own; it is no setting and is not stored twice.
        let settings = Settings { name_key: (0, 0), ..self.settings(key) };
        let settings = Loaded::new("settings", Control::Settings(settings), 0);
        let rules = Loaded::new("rules", Control::Rules(Arc::clone(&self.rules)), 0);
        let files = reference(&self.config, key).map_err(super::gather::all)?;
        Ok([settings, rules].into_iter().chain(files).collect())
    }
}

/// A control record and the rows behind it, or what is wrong with its file.
type Parsed = Result<(Control, usize), String>;

/// Every reference file that is configured.
pub(super) fn reference(config: &Config, key: PseudonymKey) -> Result<Vec<Loaded>, Vec<String>> {
    let reference = &config.reference;
    let person = Pseudonymiser::new(key, &config.source.namespace);
    let mut problems = Vec::new();
    let mut loaded = Vec::new();
    let mut load = |path: &Path, kind, read: &dyn Fn(&str, &[u8]) -> Parsed| {
        if path.as_os_str().is_empty() {
            return;
        }
        let file = path.display().to_string();
        let parsed = std::fs::read(path)
            .map_err(|e| format!("{file}: cannot be read: {e}"))
            .and_then(|text| read(&file, &text));
        match parsed {
            Ok((control, rows)) => loaded.push(Loaded::new(kind, control, rows)),
            Err(problem) => problems.push(problem),
        }
    };
    load(&reference.accounts, "accounts", &|file, text| {
        let accounts = directory::Accounts::read(file, text).map_err(|e| e.to_string())?;
        let rows = accounts.0.len();
        Ok((Control::Accounts(Arc::new(accounts)), rows))
    });
    load(&reference.expected, "expected", &|file, text| {
        let expected = directory::read_expected(file, text).map_err(|e| e.to_string())?;
        Ok((Control::Expected(Arc::new(expected)), 0))
    });
    load(&reference.persons, "persons", &|file, text| {
        let units = directory::PersonUnits::read(file, text, &person).map_err(|e| e.to_string())?;
        let rows = units.0.len();
        Ok((Control::PersonUnits(Arc::new(units)), rows))
    });
    load(&reference.caseload, "caseload", &|file, text| {
        let caseload = directory::Caseload::read(file, text, &person).map_err(|e| e.to_string())?;
        let rows = caseload.0.len();
        Ok((Control::Caseload(Arc::new(caseload)), rows))
    });
    if problems.is_empty() { Ok(loaded) } else { Err(problems) }
}

impl Loaded {
    pub(super) fn new(kind: &'static str, control: Control, rows: usize) -> Loaded {
        let body = Body { rows: rows as u64, control };
        let bytes = postcard::to_stdvec(&body).unwrap_or_default();
        let digest = Sha256::digest(&bytes).iter().map(|b| format!("{b:02x}")).collect();
        Loaded { kind, digest, body: bytes, control: body.control, rows }
    }

    /// A stored control record, and the rows behind it.
    pub(super) fn read(body: &[u8]) -> Result<(Control, usize), Failure> {
        if let Ok((Body { rows, control }, [])) = postcard::take_from_bytes(body) {
            return Ok((control, rows as usize));
        }
        let epoch = epoch_of_an_earlier_build(body)
            .ok_or_else(|| Failure::Failed("a stored control record is damaged".into()))?;
        Ok((Control::Epoch(Arc::new(epoch)), 0))
    }
}

/// Control records carry no version: one that is none of today's may be an epoch as builds of the
/// payload versions before wrote it.
fn epoch_of_an_earlier_build(body: &[u8]) -> Option<Epoch> {
    /// Place of the epoch among the control records, then as now.
    const EPOCH: u32 = 4;
    let ((_rows, EPOCH), body) = postcard::take_from_bytes::<(u64, u32)>(body).ok()? else {
        return None;
    };
    let earlier = (1..PAYLOAD_VERSION).rev();
    let mut read = earlier.filter_map(|version| match snapshot::epoch(version, body) {
        Ok((epoch, [])) => Some(epoch),
        _ => None,
    });
    read.next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stored_epoch_of_an_earlier_build_is_read() {
        let kept = include_bytes!("../../tests/store/epochs-v2/19735.epoch");
        let (_builder, epoch) = snapshot::builder(2, kept).unwrap();
        let body = [&[0, 4], epoch].concat();
        let (control, rows) = Loaded::read(&body).unwrap();
        let Control::Epoch(epoch) = control else { panic!("{control:?}") };
        assert_eq!((epoch.number, epoch.day, rows), (7, 19_735, 0));
        let stored = Loaded::new("epoch", Control::Epoch(Arc::clone(&epoch)), 0);
        assert!(
            matches!(Loaded::read(&stored.body), Ok((Control::Epoch(again), 0)) if again == epoch)
        );
        for damaged in [&body[..body.len() - 1], &[0, 4, 1][..], &[]] {
            assert!(Loaded::read(damaged).is_err());
        }
    }
}
