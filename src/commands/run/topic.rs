//! `vigie run --kafka`: partitions of a topic as shards that come and go.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::{Printer, RunArgs, key, well_ended};
use crate::alert::Alert;
use crate::commands::Failure;
use crate::commands::clerk::{self, Office, state_root};
use crate::commands::input::stop_on_signal;
use crate::commands::outcome::{EarlyWarning, Start};
use crate::commands::service::{Listen, Service};
use crate::commands::setup::Setup;
use crate::ingest::kafka::KafkaSource;
use crate::pipeline::exchange::Exchange;
use crate::pipeline::run::{Clerk, Extras, drive};
use crate::pipeline::shard::{Output, Shard};
use crate::store::datadir::{DataDir, Purpose};
use crate::store::epochs::EpochFiles;
use crate::watch::View;

/// Reads the configured topic until a signal.
pub(super) fn run(setup: &Setup, args: &RunArgs) -> Result<(), Failure> {
    let kafka = &setup.config.kafka;
    let topic = kafka.topic.as_str();
    let data = DataDir::open(&setup.config.store.data, Purpose::Live)?;
    let key = key(&data, args.pseudonym_key_file.as_deref())?;
    let every = Duration::from_secs(u64::from(setup.config.store.snapshot_seconds));
    let state = Some(kafka.state.as_path());
    let mut office = Office::open(setup, &data, topic, key, state)?;
    office.tell_days();
    let files = EpochFiles::open(&state_root(&data, state), topic)?;
    let exchange = Exchange::open(files);
    let mut keep = clerk::keep(&data, topic, key, state, every)?;
    let stop = stop_on_signal()?;
    let source = KafkaSource::open(kafka.options(Arc::clone(&stop)))?;
    let view = Arc::<View>::default();
    let service = Service::start(&setup.config, &mut keep.store, &view, Listen::Configured)?;
    eprintln!(
        "reading topic {topic} ({} partitions) at {} as {}, in group {}",
        source.partitions(),
        kafka.brokers,
        setup.config.source.format,
        kafka.group
    );
    service.say();
    let mut printer = Printer { json: args.json, last: None };
    let live = service.teller();
    let tell = Box::new(move |alert: &Alert, output: &Output| {
        live(alert);
        printer.print(alert, output)
    });
    let mut early = EarlyWarning::new(Start::default(), "LOG");
    let report = Box::new(move |_, shard: &Shard| {
        if let Some(text) = early.look(shard) {
            eprintln!("vigie: {text}");
        }
    });
    let mut shards = BTreeMap::new();
    let clerk: Option<Box<dyn Clerk>> = Some(Box::new(office));
    let extras = Extras {
        keep: Some(keep),
        clerk,
        exchange: Some(exchange),
        view: Some(view),
        ..Extras::default()
    };
    let driven = drive(Box::new(source), 0, &mut shards, extras, tell, report);
    service.stop();
    driven.map_err(well_ended)?;
    eprintln!("stopped; what was read is kept, and the next start goes on there");
    Ok(())
}
