//! Whether anything is being read, in words: "no alert" must never look like "no data".

use super::frame::Frame;
use super::say::Html;
use super::view::Reading;

/// How reading stands, worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// Not one event yet, and the input has not ended.
    Nothing,
    /// A source is away or a blind alert is open.
    Partly,
    /// Read to the end, on purpose.
    Ended,
    /// All is read.
    Well,
}

impl Standing {
    pub(super) fn of(reading: &Reading) -> Standing {
        if reading.unreachable > 0 || reading.blind > 0 {
            Standing::Partly
        } else if reading.last_event_at.is_none() {
            Standing::Nothing
        } else if reading.ended {
            Standing::Ended
        } else {
            Standing::Well
        }
    }

    /// CSS class.
    pub(super) fn class(self) -> &'static str {
        match self {
            Standing::Nothing | Standing::Partly => "bad",
            Standing::Ended => "still",
            Standing::Well => "good",
        }
    }
}

/// The lines of an empty queue.
pub(super) struct ReadingLines {
    pub(super) class: &'static str,
    pub(super) text: &'static str,
    pub(super) last_event: Html,
    pub(super) last_arrival: Html,
    pub(super) sources: String,
    pub(super) waiting: String,
    pub(super) blind: String,
}

impl ReadingLines {
    pub(super) fn of(f: &Frame<'_>, reading: &Reading) -> ReadingLines {
        let w = &f.w.queue;
        let standing = Standing::of(reading);
        let never = || Html(f.w.never.to_owned());
        let answering = reading.shards.saturating_sub(reading.unreachable);
        ReadingLines {
            class: standing.class(),
            text: match standing {
                Standing::Nothing => w.reading_nothing,
                Standing::Partly => w.reading_bad,
                Standing::Ended => w.reading_ended,
                Standing::Well => w.reading_ok,
            },
            last_event: reading.last_event_at.map_or_else(never, |at| f.say.time(at)),
            last_arrival: reading.last_arrival_at.map_or_else(never, |at| f.say.ago(at)),
            sources: format!(
                "{} {}",
                f.say.number(answering),
                w.sources_of.replace("{}", &f.say.number(reading.shards))
            ),
            waiting: reading
                .lag_records
                .map_or_else(|| f.w.unknown.to_owned(), |n| f.say.number(n)),
            blind: f.say.number(reading.blind),
        }
    }
}
