//! An alert's activity: engine and people in one stream, in words.

use super::frame::{Frame, severity_label};
use super::say::Html;
use super::view::{Activity, Deed, Revision};
use crate::alert::Status;

/// One line of the stream.
pub(super) struct Entry<'a> {
    /// CSS class.
    pub(super) class: &'static str,
    pub(super) at: Html,
    pub(super) who: &'a str,
    pub(super) did: String,
    pub(super) comment: Option<&'a str>,
}

pub(super) fn entry<'a>(f: &Frame<'_>, activity: &'a Activity) -> Entry<'a> {
    let at = f.say.time(activity.at);
    match &activity.what {
        Deed::Engine(revision) => Entry {
            class: "engine",
            at,
            who: f.w.alert.engine_name,
            did: engine(f, revision),
            comment: None,
        },
        Deed::Person { actor, action, detail, comment } => Entry {
            class: "person",
            at,
            who: actor,
            did: person(f, action, detail.as_deref()),
            comment: comment.as_deref(),
        },
    }
}

fn engine(f: &Frame<'_>, revision: &Revision) -> String {
    let w = &f.w.alert;
    let pattern = match (revision.status, revision.revision) {
        (Status::Ended, _) => w.d_ended,
        (_, 1) => w.d_opened,
        _ => w.d_grew,
    };
    let persons = f.say.plural(f.w.persons, revision.persons);
    let severity = severity_label(f.w, revision.severity).to_lowercase();
    format!("{}, {severity}", pattern.replace("{}", &persons))
}

fn person(f: &Frame<'_>, action: &str, detail: Option<&str>) -> String {
    let w = &f.w.alert;
    match (action, detail) {
        ("take", _) => w.d_take.to_owned(),
        ("assign", Some(name)) => w.d_assign.replace("{}", name),
        ("assign", None) => w.d_unassign.to_owned(),
        ("hold", _) => w.d_hold.to_owned(),
        ("close", verdict) => w.d_close.replace("{}", &f.verdict(verdict.unwrap_or_default())),
        ("reopen", _) => w.d_reopen.to_owned(),
        ("comment", _) => w.d_comment.to_owned(),
        ("wake", _) => w.d_wake.to_owned(),
        (other, _) => other.to_owned(),
    }
}
