//! Who did or saw what: append-only, each entry's hash over the one before, so that nothing in
//! between can be changed or taken away unseen. Who could change the whole chain is found by the
//! hash of an earlier head, noted elsewhere.

use rusqlite::{OptionalExtension, Row, Transaction, params};
use sha2::{Digest, Sha256};

use super::{Desk, hex};
use crate::event::TimestampMs;
use crate::store::sqlite::StoreError;

/// Most entries of one page.
const PAGE_ROWS_MAX: u32 = 1_000;

const COLUMNS: &str = "seq, at, actor, what, subject, detail, previous, hash";

/// One entry of the trail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEntry {
    /// From 1, without a gap.
    pub seq: i64,
    /// Epoch ms by the wall clock.
    pub at: TimestampMs,
    /// Who.
    pub actor: String,
    /// `alert.close`, `account.view`, `user.add` …
    pub what: String,
    /// Of what: an alert's id, an account's or a user's name …
    pub subject: String,
    /// More about it, as JSON.
    pub detail: String,
    /// Hash of the entry before, lower-case hexadecimal; empty for the very first.
    pub previous: String,
    /// SHA-256 of the compact JSON `[previous, seq, at, actor, what, subject, detail]`.
    pub hash: String,
}

/// Whether the trail is whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainCheck {
    /// Entries that follow from each other.
    pub entries: u64,
    /// Hash of the last of them; noted elsewhere, it proves what was there today.
    pub head: String,
    /// The first entry that is changed, missing or out of place; `None`: the trail is whole.
    pub broken_at: Option<i64>,
}

impl AuditEntry {
    /// What its hash should be.
    fn expected_hash(&self) -> String {
        let [previous, actor, what, subject] =
            [&self.previous, &self.actor, &self.what, &self.subject].map(|text| quoted(text));
        let AuditEntry { seq, at, detail, .. } = self;
        let content = format!("[{previous},{seq},{at},{actor},{what},{subject},{detail}]");
        hex(&Sha256::digest(content))
    }

    /// The entry as one JSON object; the trail is exported as lines of these.
    #[must_use]
    pub fn json(&self) -> String {
        let [previous, hash, actor, what, subject] =
            [&self.previous, &self.hash, &self.actor, &self.what, &self.subject]
                .map(|text| quoted(text));
        let AuditEntry { seq, at, detail, .. } = self;
        format!(
            "{{\"seq\":{seq},\"at\":{at},\"actor\":{actor},\"what\":{what},\"subject\":{subject},\
             \"detail\":{detail},\"previous\":{previous},\"hash\":{hash}}}"
        )
    }
}

impl Desk {
    /// Adds an entry to the trail. `now` is the wall clock.
    ///
    /// # Errors
    /// The disk refuses: then what is to be recorded must not happen.
    pub fn record(
        &mut self,
        actor: &str,
        what: &str,
        subject: &str,
        detail: &serde_json::Value,
        now: TimestampMs,
    ) -> Result<(), StoreError> {
        self.store(|tx| append(tx, actor, what, subject, detail, now))
    }

    /// Follows the chain from its anchor to its end.
    ///
    /// # Errors
    /// The disk refuses; a broken chain is no error.
    pub fn verify_audit(&self) -> Result<ChainCheck, StoreError> {
        self.read(|conn| {
            // One transaction: entries that are added meanwhile do not count as missing.
            let tx = conn.unchecked_transaction()?;
            verify(&tx)
        })
    }

    /// Entries before a number (`None`: the newest), newest first, at most `rows` (1 to 1,000).
    ///
    /// # Errors
    /// The disk refuses.
    pub fn audit_page(
        &self,
        before: Option<i64>,
        rows: u32,
    ) -> Result<Vec<AuditEntry>, StoreError> {
        let which =
            format!("SELECT {COLUMNS} FROM audit WHERE seq < ?1 ORDER BY seq DESC LIMIT ?2");
        let before = before.unwrap_or(i64::MAX);
        self.entries(&which, before, rows)
    }

    /// Entries after a number (0: the oldest), oldest first, at most `rows` (1 to 1,000).
    ///
    /// # Errors
    /// The disk refuses.
    pub fn audit_after(&self, after: i64, rows: u32) -> Result<Vec<AuditEntry>, StoreError> {
        let which = format!("SELECT {COLUMNS} FROM audit WHERE seq > ?1 ORDER BY seq LIMIT ?2");
        self.entries(&which, after, rows)
    }

    fn entries(&self, which: &str, from: i64, rows: u32) -> Result<Vec<AuditEntry>, StoreError> {
        self.read(|conn| {
            let rows = rows.clamp(1, PAGE_ROWS_MAX);
            conn.prepare_cached(which)?.query_map(params![from, rows], entry)?.collect()
        })
    }
}

/// Adds an entry within a transaction that does what the entry says.
pub(super) fn append(
    tx: &Transaction<'_>,
    actor: &str,
    what: &str,
    subject: &str,
    detail: &serde_json::Value,
    now: TimestampMs,
) -> rusqlite::Result<()> {
    let last = tx
        .prepare_cached("SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1")?
        .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let (last, previous) = match last {
        Some(last) => last,
        None => anchor(tx)?,
    };
    let mut entry = AuditEntry {
        seq: last + 1,
        at: now,
        actor: actor.into(),
        what: what.into(),
        subject: subject.into(),
        detail: detail.to_string(),
        previous,
        hash: String::new(),
    };
    entry.hash = entry.expected_hash();
    tx.prepare_cached(&format!(
        "INSERT INTO audit ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"
    ))?
    .execute(params![
        entry.seq,
        entry.at,
        entry.actor,
        entry.what,
        entry.subject,
        entry.detail,
        entry.previous,
        entry.hash
    ])
    .map(drop)
}

/// As a JSON string.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// Number and hash of the last entry that retention took.
fn anchor(tx: &Transaction<'_>) -> rusqlite::Result<(i64, String)> {
    tx.query_row("SELECT seq, hash FROM audit_anchor", [], |row| Ok((row.get(0)?, row.get(1)?)))
}

fn verify(tx: &Transaction<'_>) -> rusqlite::Result<ChainCheck> {
    let (mut last, mut head) = anchor(tx)?;
    let mut check = ChainCheck { entries: 0, head: head.clone(), broken_at: None };
    let mut statement = tx.prepare(&format!("SELECT {COLUMNS} FROM audit ORDER BY seq"))?;
    for found in statement.query_map([], entry)? {
        let found = found?;
        let follows = found.seq == last + 1 && found.previous == head;
        if !follows || found.expected_hash() != found.hash {
            check.broken_at = Some(last + 1);
            return Ok(check);
        }
        (last, head) = (found.seq, found.hash);
        check.entries += 1;
        check.head.clone_from(&head);
    }
    // SQLite remembers the greatest number ever given: entries cut off at the end are missed.
    let given = "SELECT seq FROM sqlite_sequence WHERE name = 'audit'";
    let given: Option<i64> = tx.query_row(given, [], |row| row.get(0)).optional()?;
    check.broken_at = (given.unwrap_or(0) > last).then_some(last + 1);
    Ok(check)
}

fn entry(row: &Row<'_>) -> rusqlite::Result<AuditEntry> {
    Ok(AuditEntry {
        seq: row.get(0)?,
        at: row.get(1)?,
        actor: row.get(2)?,
        what: row.get(3)?,
        subject: row.get(4)?,
        detail: row.get(5)?,
        previous: row.get(6)?,
        hash: row.get(7)?,
    })
}
