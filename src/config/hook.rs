//! `[[hook]]`: who is told of alerts; and `[alerts_file]`.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::alert::Severity;
use crate::respond::body::Detail;
use crate::respond::hook::check_url;

use super::layers::Problem;

/// Most hooks.
const HOOKS_MAX: usize = 32;

/// One receiver of alerts.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct HookConfig {
    /// Its name: lower-case letters, digits, `-`.
    pub name: String,
    /// Where to; https, unless it is this machine.
    pub url: String,
    /// One secret each; all of them sign.
    pub secret_files: Vec<PathBuf>,
    /// How much it is told.
    pub detail: Detail,
    /// It is told of this severity or worse.
    pub severity_min: Severity,
    /// Most alerts told for the first time a UTC day; grave ones go beyond.
    pub new_alerts_per_day: u32,
    /// Most opened and grown alerts a UTC day; the rest comes as a summary.
    pub alerts_per_day: u32,
    /// PEM of the only certificate authorities to trust; empty = the machine's.
    pub ca_file: PathBuf,
    /// Plain http to another machine is wanted.
    pub allow_http: bool,
    /// For a whole exchange.
    pub timeout_seconds: u32,
}

/// `[alerts_file]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct AlertsFileConfig {
    /// Whether it is written.
    pub enabled: bool,
    /// Empty = `alerts.ndjson` in the data folder.
    pub path: PathBuf,
    /// Size at which it is renamed.
    pub max_mb: u32,
    /// Renamed files that stay.
    pub keep: u32,
}

impl AlertsFileConfig {
    /// Where it is, given the data folder.
    #[must_use]
    pub fn place(&self, data: &Path) -> PathBuf {
        if self.path.as_os_str().is_empty() {
            data.join("alerts.ndjson")
        } else {
            self.path.clone()
        }
    }
}

/// What types cannot say.
pub(super) fn check(hooks: &[HookConfig], file: &AlertsFileConfig) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut ensure = |holds: bool, path: &[&str], problem: &str| {
        if !holds {
            let key = path.last().copied().unwrap_or_default();
            problems.push((path.iter().map(|&p| p.into()).collect(), format!("{key}: {problem}")));
        }
    };
    ensure(hooks.len() <= HOOKS_MAX, &["hook"], &format!("at most {HOOKS_MAX}"));
    ensure(
        (1..=100_000).contains(&file.max_mb),
        &["alerts_file", "max_mb"],
        "must lie between 1 and 100000",
    );
    ensure(file.keep <= 1000, &["alerts_file", "keep"], "must be at most 1000");
    for (at, hook) in hooks.iter().enumerate() {
        let index = at.to_string();
        let mut ensure =
            |holds: bool, key: &str, problem: &str| ensure(holds, &["hook", &index, key], problem);
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        ensure(
            (1..=40).contains(&hook.name.len()) && hook.name.chars().all(plain),
            "name",
            "needs 1 to 40 of a-z, 0-9 and -",
        );
        let free = hooks[..at].iter().all(|other| other.name != hook.name);
        ensure(free && hook.name != "alerts-topic", "name", "another sink has this name");
        if let Err(problem) = check_url(&hook.url, hook.allow_http) {
            ensure(false, "url", &problem);
        }
        ensure(
            (1..=8).contains(&hook.secret_files.len()),
            "secret_files",
            "needs 1 to 8 files, each with whsec_ and the base64 of 24 to 64 random bytes",
        );
        ensure(
            (1..=100_000).contains(&hook.alerts_per_day),
            "alerts_per_day",
            "must lie between 1 and 100000",
        );
        ensure(
            (1..=100_000).contains(&hook.new_alerts_per_day),
            "new_alerts_per_day",
            "must lie between 1 and 100000",
        );
        ensure(
            (1..=60).contains(&hook.timeout_seconds),
            "timeout_seconds",
            "must lie between 1 and 60",
        );
    }
    problems
}

/// Makes relative paths relative to the configuration's folder.
pub(super) fn resolve(hooks: &mut [HookConfig], folder: &Path) {
    for hook in hooks {
        for path in hook.secret_files.iter_mut().chain([&mut hook.ca_file]) {
            if !path.as_os_str().is_empty() && path.is_relative() {
                *path = folder.join(&*path);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Config;
    use super::*;

    const GOOD: &str = "[[hook]]\nname = 'siem'\nurl = 'https://siem.example/in'\n\
                        secret_files = ['siem.secret']\n";

    fn errors(text: &str) -> Vec<String> {
        let errors = Config::parse("x", text, Path::new("")).unwrap_err();
        errors.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_hook_needs_three_lines() {
        let text = format!(
            "{GOOD}\n[[hook]]\nname = 'desk'\nurl = 'http://[::1]:9/'\n\
                            secret_files = ['/a', 'b']\ndetail = 'full'\nseverity_min = 'high'\n"
        );
        let config = Config::parse("x", &text, Path::new("/etc/vigie")).unwrap();
        let [siem, desk] = config.hook.as_slice() else { panic!("{:?}", config.hook) };
        assert_eq!(siem.secret_files, [Path::new("/etc/vigie/siem.secret")]);
        assert_eq!((siem.detail, siem.severity_min), (Detail::Thin, Severity::Medium));
        assert_eq!((siem.new_alerts_per_day, siem.alerts_per_day), (50, 200));
        assert_eq!(siem.timeout_seconds, 15);
        assert_eq!(siem.ca_file, Path::new(""));
        assert_eq!(desk.secret_files, [Path::new("/a"), Path::new("/etc/vigie/b")]);
        assert_eq!((desk.detail, desk.severity_min), (Detail::Full, Severity::High));
        assert_eq!(Config::built_in().unwrap().hook, []);
    }

    #[test]
    fn every_mistake_has_its_line() {
        let check = |more: &str, wanted: &[&str]| {
            let found = errors(&format!("{GOOD}{more}"));
            assert_eq!(found.len(), wanted.len(), "{found:#?}");
            for (found, wanted) in found.iter().zip(wanted) {
                assert!(found.starts_with(wanted), "{found}\n  wanted {wanted}");
            }
        };
        check(
            "secret_file = ['x']\n",
            &["x:5: hook.0.secret_file: unknown key; valid choices: al"],
        );
        check("detail = 'fat'\n", &["x:5: hook.0.detail: unknown variant `fat`, expected `thin`"]);
        check("timeout_seconds = '9'\n", &["x:5: hook.0.timeout_seconds: is string, must be int"]);
        check("alerts_per_day = 0\n", &["x:5: alerts_per_day: must lie between 1 and 100000"]);
        let problem = "x:5: new_alerts_per_day: must lie between 1 and 100000";
        check("new_alerts_per_day = 0\n", &[problem]);
        check(
            "\n[[hook]]\nname = 'siem'\nurl = 'http://u:hunter2@far.example/'\nsecrets = 1\n",
            &[
                "x:6: secret_files: needs 1 to 8 files",
                "x:7: name: another sink has this name",
                "x:8: url: must be https;",
                "x:9: hook.1.secrets: unknown key",
            ],
        );
        check("[alerts_file]\nmax_mb = 0\n", &["x:6: max_mb: must lie between 1 and 100000"]);
        assert!(errors("hook = 1\n")[0].starts_with("x:1: hook: is integer, must be array of"));
        assert!(errors("hook = [1]\n")[0].starts_with("x:1: hook.0: is integer, must be table"));
        assert!(errors("[hook]\nname = 'a'\n")[0].starts_with("x:1: hook: is table, must be arr"));
    }
}
