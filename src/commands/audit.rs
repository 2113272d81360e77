//! `vigie audit`: whether the trail of who did and saw what is whole, and the trail itself.

use std::io::{self, Write};

use clap::{Args, Subcommand};
use serde_json::json;

use super::Failure;
use super::actor::os_user;
use super::desk::Place;
use crate::clock::now_ms;

/// Entries read at a time.
const PAGE_ROWS: u32 = 1_000;

/// Arguments of `vigie audit`.
#[derive(Debug, Args)]
pub(super) struct AuditArgs {
    #[command(flatten)]
    place: Place,
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Follow the chain of hashes; note the last one elsewhere to prove today's trail later
    Verify,
    /// Print entries as JSON, one a line, oldest first; the export itself is one of them
    Export {
        /// Only entries after this number
        #[arg(long, value_name = "SEQ", default_value_t = 0)]
        after: i64,
    },
}

pub(super) fn audit(args: AuditArgs) -> Result<(), Failure> {
    let mut desk = args.place.desk()?;
    match args.what {
        What::Verify => {
            let check = desk.verify_audit()?;
            if let Some(seq) = check.broken_at {
                return Err(Failure::Failed(format!(
                    "the audit trail is broken: entry {seq} was changed, moved or taken away; {} \
                     entries before it are whole",
                    check.entries
                )));
            }
            writeln!(io::stdout(), "{} entries, whole; last hash {}", check.entries, check.head)?;
        }
        What::Export { mut after } => {
            desk.record(&os_user(), "audit.export", "", &json!({ "after": after }), now_ms())?;
            let mut out = io::BufWriter::new(io::stdout().lock());
            loop {
                let entries = desk.audit_after(after, PAGE_ROWS)?;
                let Some(last) = entries.last() else { break };
                after = last.seq;
                for entry in &entries {
                    writeln!(out, "{}", entry.json())?;
                }
            }
            out.flush()?;
        }
    }
    Ok(())
}
