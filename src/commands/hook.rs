//! `vigie hook`: try hooks out, see what was given up, send it again. Works beside a running vigie.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::Failure;
use super::desk::Place;
use crate::clock::now_ms;
use crate::config::Config;
use crate::config::hook::HookConfig;
use crate::respond::Sink;
use crate::respond::hook::{self, Hook, webhook_id};
use crate::respond::ndjson::AlertsFile;
use crate::respond::outbox::{Outbox, OutboxState, Outcome};
use crate::respond::sign::Secret;
use crate::respond::topic::Topic;
use crate::store::datadir::DATABASE;
use crate::store::sqlite::DailyCaps;
use crate::triage::rfc3339;
use clap::{Args, Subcommand};

/// Most dead letters listed.
const DEAD_ROWS_MAX: u32 = 1_000;

/// Arguments of `vigie hook`.
#[derive(Debug, Args)]
pub(super) struct HookArgs {
    #[command(flatten)]
    place: Place,
    #[command(subcommand)]
    command: HookCommand,
}

#[derive(Debug, Subcommand)]
enum HookCommand {
    /// Send a webhook.test event to one hook, or to all
    Test {
        /// Its name in the configuration
        name: Option<String>,
    },
    /// The hooks, and how sending to them goes
    List,
    /// What was given up, newest first
    Dead,
    /// Send again what was given up; switches on hooks that were off for it
    Replay {
        /// Number in `vigie hook dead`, or `all`
        #[arg(value_name = "SEQ|all")]
        which: String,
    },
}

pub(super) fn hook(args: HookArgs) -> Result<(), Failure> {
    let config = args.place.config()?;
    match args.command {
        HookCommand::Test { name } => test(&config, name.as_deref()),
        HookCommand::List => list(&config),
        HookCommand::Dead => dead(&config),
        HookCommand::Replay { which } => replay(&config, &which),
    }
}

/// Everything that the configuration says alerts are sent to. `public_url` is where people find the
/// console.
pub(super) fn sinks(config: &Config, public_url: Option<&str>) -> Result<Vec<Sink>, Failure> {
    let mut sinks = Vec::new();
    for hook in hooks(config, public_url)? {
        sinks.push(Sink::Hook(Box::new(hook)));
    }
    let file = &config.alerts_file;
    if file.enabled {
        let bytes_max = u64::from(file.max_mb) * 1_000_000;
        let file = AlertsFile::new(&file.place(&config.store.data), bytes_max, file.keep);
        sinks.push(Sink::File(file));
    }
    let kafka = &config.kafka;
    if !kafka.brokers.is_empty() && !kafka.alerts_topic.is_empty() {
        let client = kafka.connection().client_config();
        let client = client.map_err(|error| Failure::Failed(error.to_string()))?;
        let topic = Topic::new(client, &kafka.alerts_topic).map_err(Failure::Failed)?;
        sinks.push(Sink::Topic(Box::new(topic)));
    }
    Ok(sinks)
}

fn hooks(config: &Config, public_url: Option<&str>) -> Result<Vec<Hook>, Failure> {
    let mut wrong = Vec::new();
    let mut hooks = Vec::new();
    for configured in &config.hook {
        match ready(configured, public_url) {
            Ok(hook) => hooks.push(hook),
            Err(problem) => wrong.push(format!("hook {}: {problem}", configured.name)),
        }
    }
    if wrong.is_empty() { Ok(hooks) } else { Err(Failure::Failed(wrong.join("\n"))) }
}

fn ready(configured: &HookConfig, public_url: Option<&str>) -> Result<Hook, String> {
    let secret = |path: &PathBuf| {
        let text = std::fs::read_to_string(path)
            .map_err(|e| format!("secret_files: {}: {e}", path.display()))?;
        Secret::parse(&text).map_err(|e| format!("secret_files: {}: {e}", path.display()))
    };
    let ca = Some(&configured.ca_file).filter(|path| !path.as_os_str().is_empty());
    let ca = ca.map(|path| std::fs::read(path).map_err(|e| format!("{}: {e}", path.display())));
    Hook::new(hook::Settings {
        name: configured.name.clone(),
        url: configured.url.clone(),
        secrets: configured.secret_files.iter().map(secret).collect::<Result<_, _>>()?,
        detail: configured.detail,
        severity_min: configured.severity_min,
        per_day: DailyCaps {
            messages: configured.alerts_per_day,
            new_alerts: configured.new_alerts_per_day,
        },
        ca: ca.transpose().map_err(|e| format!("ca_file: {e}"))?,
        allow_http: configured.allow_http,
        timeout: Duration::from_secs(configured.timeout_seconds.into()),
        public_url: public_url.map(str::to_owned),
    })
}

fn test(config: &Config, name: Option<&str>) -> Result<(), Failure> {
    let hooks = hooks(config, None)?;
    let chosen: Vec<&Hook> =
        hooks.iter().filter(|h| name.is_none_or(|name| h.settings().name == name)).collect();
    if chosen.is_empty() {
        let names: Vec<&str> = hooks.iter().map(|h| h.settings().name.as_str()).collect();
        return Err(Failure::Failed(match (name, names.as_slice()) {
            (_, []) => "no [[hook]] is configured".into(),
            (name, names) => {
                let name = name.unwrap_or_default();
                format!("no hook is called {name:?}; valid choices: {}", names.join(", "))
            }
        }));
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut out = io::stdout().lock();
    let mut failed = Vec::new();
    for hook in chosen {
        let name = &hook.settings().name;
        let report = runtime.block_on(hook::test(hook)).map_err(Failure::Failed)?;
        writeln!(out, "hook {name}\n{}\n", report.sent)?;
        let attempt = report.attempt;
        if let Some(status) = attempt.status {
            let took = attempt.took.as_millis();
            writeln!(out, "answer: {status} in {took} ms {}", attempt.answer)?;
        }
        match attempt.outcome {
            Outcome::Delivered => writeln!(
                out,
                "\nThe receiver verifies it with a Standard Webhooks library (standardwebhooks.com) \
                 and the same secret:\nbase64(HMAC-SHA256(secret after whsec_, from base64; \
                 webhook-id.webhook-timestamp.body)) equals what follows `v1,`\nin one of the \
                 signatures, and the timestamp is at most 5 minutes old.\n"
            )?,
            Outcome::Failed { error, .. }
            | Outcome::Impossible { error }
            | Outcome::Gone { error } => {
                failed.push(format!("hook {name}: {}: {error}", hook.shown_url()));
            }
        }
    }
    if failed.is_empty() { Ok(()) } else { Err(Failure::Failed(failed.join("\n"))) }
}

fn list(config: &Config) -> Result<(), Failure> {
    let outbox = Some(database(config)).filter(|db| db.is_file());
    let outbox = outbox.map(|db| Outbox::open(&db)).transpose()?;
    let (counts, health) = match &outbox {
        Some(outbox) => (outbox.counts()?, outbox.health()?),
        None => Default::default(),
    };
    let mut names: Vec<&str> = config.hook.iter().map(|h| h.name.as_str()).collect();
    names.extend(config.alerts_file.enabled.then_some(AlertsFile::NAME));
    let others =
        counts.iter().map(|c| c.sink.as_str()).chain(health.iter().map(|h| h.name.as_str()));
    for other in others {
        if !names.contains(&other) {
            names.push(other);
        }
    }
    let mut out = io::stdout().lock();
    for name in names {
        let configured = config.hook.iter().find(|h| h.name == name);
        let what = match configured {
            Some(hook) => {
                let url = hook::check_url(&hook.url, hook.allow_http).map_err(Failure::Failed)?;
                let floor = format!("{:?}", hook.severity_min).to_lowercase();
                let url = hook::shown_url(&url);
                format!(
                    "{url}  {}, {floor} and worse, {} new alerts and {} messages a day",
                    hook.detail.word(),
                    hook.new_alerts_per_day,
                    hook.alerts_per_day
                )
            }
            None if name == AlertsFile::NAME => {
                config.alerts_file.place(&config.store.data).display().to_string()
            }
            None => "not a hook of this configuration".into(),
        };
        writeln!(out, "{name}  {what}")?;
        let of = |state: OutboxState| {
            let found = counts.iter().find(|c| c.sink == name && c.state == state);
            format!("{} {}", found.map_or(0, |c| c.rows), state.word())
        };
        let states = [OutboxState::Pending, OutboxState::Delivered, OutboxState::Dead];
        let [pending, delivered, dead] = states.map(of);
        writeln!(out, "  {pending}, {delivered}, {dead}, {}", of(OutboxState::Summarised))?;
        let Some(health) = health.iter().find(|h| h.name == name) else { continue };
        if let Some(at) = health.disabled_at {
            writeln!(out, "  off since {}: change its configuration, or replay", rfc3339(at))?;
        }
        if let Some(at) = health.last_ok_at {
            writeln!(out, "  last success {}", rfc3339(at))?;
        }
        if let (Some(at), Some(error)) = (health.last_error_at, &health.last_error) {
            writeln!(out, "  last failure {}: {error}", rfc3339(at))?;
        }
    }
    Ok(())
}

fn dead(config: &Config) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    for row in open(config)?.dead(DEAD_ROWS_MAX)? {
        let (at, id) = (rfc3339(row.done_at.unwrap_or(row.created_at)), webhook_id(&row));
        let error = row.last_error.as_deref().unwrap_or("unknown reason");
        let (seq, sink, kind, attempts) = (row.seq, &row.sink, &row.kind, row.attempts);
        writeln!(out, "{seq}  {at}  {sink}  {kind}  {id}  {attempts} attempts: {error}")?;
    }
    Ok(())
}

fn replay(config: &Config, which: &str) -> Result<(), Failure> {
    let mut outbox = open(config)?;
    if which == "all" {
        let off: Vec<_> =
            outbox.health()?.into_iter().filter(|sink| sink.disabled_at.is_some()).collect();
        for sink in &off {
            outbox.enable(&sink.name)?;
        }
        let rows = outbox.replay_all(now_ms())?;
        println!("{rows} owed again, {} switched on", off.len());
        return Ok(());
    }
    let Ok(seq) = which.parse() else {
        let problem = format!("{which:?} is neither a number of `vigie hook dead` nor `all`");
        return Err(Failure::Usage(problem));
    };
    if outbox.replay(seq, now_ms())? {
        println!("{seq} owed again");
        Ok(())
    } else {
        let problem =
            format!("nothing that was given up has the number {seq}; see vigie hook dead");
        Err(Failure::Failed(problem))
    }
}

fn database(config: &Config) -> PathBuf {
    config.store.data.join(DATABASE)
}

fn open(config: &Config) -> Result<Outbox, Failure> {
    let path = database(config);
    if !Path::is_file(&path) {
        let problem =
            format!("{}: there is no database: name the folder with --data", path.display());
        return Err(Failure::Failed(problem));
    }
    Ok(Outbox::open(&path)?)
}
