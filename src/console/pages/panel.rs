//! The panel beside an alert: how far people are, and the forms with which they go on.

use super::frame::Frame;
use super::say::Html;
use super::view::{AlertPage, Problem, ProblemKind};
use super::words::Words;
use crate::alert::Status;
use crate::store::sqlite::TriageState;

/// State of the handling, and which forms are there and open.
pub(super) struct Panel<'a> {
    pub(super) state: Html,
    pub(super) owner: Option<&'a str>,
    pub(super) verdict: Option<String>,
    pub(super) until: Option<Html>,
    pub(super) engine: &'static str,
    pub(super) problem: Option<String>,
    pub(super) closed: bool,
    pub(super) fresh: bool,
    pub(super) takeable: bool,
    pub(super) take: &'static str,
    pub(super) open_hold: bool,
    pub(super) open_close: bool,
    pub(super) open_comment: bool,
}

impl<'a> Panel<'a> {
    pub(super) fn of(f: &Frame<'_>, page: &'a AlertPage) -> Panel<'a> {
        let (w, triage) = (&f.w.alert, &page.triage);
        let asked = page.problem.as_ref().map_or("", |p| p.action.as_str());
        let mine = mine(f, page);
        Panel {
            state: f.state(triage.state),
            owner: triage.assignee.as_deref(),
            verdict: triage.verdict.map(|verdict| f.verdict(verdict.word())),
            until: page.wake_at.map(|at| f.say.time(at)),
            engine: if page.alert.status == Status::Ended { f.w.ended } else { f.w.ongoing },
            problem: page.problem.as_ref().map(|p| problem(f.w, p)),
            closed: triage.state == TriageState::Closed,
            fresh: triage.state == TriageState::New,
            takeable: !mine,
            take: if triage.assignee.is_some() { w.take_over } else { w.take },
            open_hold: asked == "hold",
            open_close: asked == "close" || (asked.is_empty() && mine),
            open_comment: asked == "comment",
        }
    }
}

/// The user has taken it, so the next thing they do is to judge it.
fn mine(f: &Frame<'_>, page: &AlertPage) -> bool {
    let user = f.chrome.user.as_ref().map(|u| u.name.as_str());
    page.triage.state == TriageState::InProgress
        && user.is_some()
        && page.triage.assignee.as_deref() == user
}

fn problem(words: &Words, problem: &Problem) -> String {
    let w = &words.alert;
    match &problem.kind {
        ProblemKind::Stale => w.stale.to_owned(),
        ProblemKind::CommentMissing => w.problem_comment.to_owned(),
        ProblemKind::VerdictMissing => w.problem_verdict.to_owned(),
        ProblemKind::Refused(reason) => w.problem_other.replace("{}", reason),
    }
}
