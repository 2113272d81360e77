//! What just happened, for pages that are open: ids only, so that whoever may see an alert is
//! decided where it is fetched.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use tokio::sync::broadcast;

use super::problem::Problem;
use super::secret;

/// Happenings kept for pages whose connection broke.
const KEPT: usize = 1_024;

/// Happenings that a slow page may be behind; beyond, it is told to load anew.
const BEHIND_MAX: usize = 256;

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Happened {
    /// A revision is stored.
    Alert {
        /// Of this alert.
        id: String,
        /// From 1.
        revision: u32,
        /// It is a first one, and about now.
        opened: bool,
    },
    /// People changed an alert.
    Triage {
        /// Which.
        id: String,
        /// Its triage version now.
        version: u32,
    },
    /// A blind alert opened or closed.
    Blind,
}

impl Happened {
    /// Type and data of the message.
    fn words(&self) -> (&'static str, String) {
        let data = |value: serde_json::Value| value.to_string();
        match self {
            Happened::Alert { id, revision, opened } => (
                "alert",
                data(serde_json::json!({"id": id, "revision": revision, "opened": opened})),
            ),
            Happened::Triage { id, version } => {
                ("triage", data(serde_json::json!({"id": id, "version": version})))
            }
            Happened::Blind => ("blind", "{}".to_owned()),
        }
    }
}

/// A happening as pages receive it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Message {
    /// `<run>-<number>`; what a page sends back as Last-Event-ID.
    pub(super) id: String,
    pub(super) event: &'static str,
    pub(super) data: String,
    number: u64,
}

/// Tells everybody who listens, and remembers the last happenings.
#[derive(Debug)]
pub struct Live {
    /// Tells this run's numbers from an earlier one's.
    run: String,
    kept: Mutex<VecDeque<Message>>,
    sender: broadcast::Sender<Message>,
}

/// What a page that begins to listen gets.
#[derive(Debug)]
pub(super) struct Listening {
    /// What it missed.
    pub(super) missed: Vec<Message>,
    /// Nobody knows what it missed: it must load anew.
    pub(super) reset: bool,
    pub(super) receiver: broadcast::Receiver<Message>,
}

impl Live {
    pub(super) fn new() -> Result<Live, Problem> {
        let run = secret::encode(&secret::random::<6>()?);
        let (sender, _) = broadcast::channel(BEHIND_MAX);
        Ok(Live { run, kept: Mutex::default(), sender })
    }

    /// Tells it; never waits.
    pub fn tell(&self, happened: &Happened) {
        let (event, data) = happened.words();
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let number = kept.back().map_or(1, |last| last.number + 1);
        let id = format!("{}-{number}", self.run);
        let message = Message { id, event, data, number };
        kept.push_back(message.clone());
        if kept.len() > KEPT {
            kept.pop_front();
        }
        // Under the lock, so that numbers arrive in order. Nobody listening is fine.
        let _ = self.sender.send(message);
    }

    /// Begins to listen, after the message that was received last.
    pub(super) fn listen(&self, last: Option<&str>) -> Listening {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let receiver = self.sender.subscribe();
        let Some(last) = last else {
            return Listening { missed: Vec::new(), reset: false, receiver };
        };
        let number = last
            .rsplit_once('-')
            .filter(|(run, _)| *run == self.run)
            .and_then(|(_, number)| number.parse::<u64>().ok());
        let newest = kept.back().map_or(0, |message| message.number);
        let oldest = kept.front().map_or(1, |message| message.number);
        match number.filter(|number| *number <= newest && *number + 1 >= oldest) {
            Some(number) => {
                let missed = kept.iter().filter(|m| m.number > number).cloned().collect();
                Listening { missed, reset: false, receiver }
            }
            None => Listening { missed: Vec::new(), reset: true, receiver },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(live: &Live, count: u32) {
        for version in 1..=count {
            live.tell(&Happened::Triage { id: "01A".into(), version });
        }
    }

    #[test]
    fn a_page_that_comes_back_gets_what_it_missed() {
        let live = Live::new().unwrap();
        told(&live, 3);
        let first = live.kept.lock().unwrap()[0].id.clone();
        let back = live.listen(Some(&first));
        let data: Vec<&str> = back.missed.iter().map(|m| m.data.as_str()).collect();
        assert_eq!(data, [r#"{"id":"01A","version":2}"#, r#"{"id":"01A","version":3}"#]);
        assert!(!back.reset);
        let newest = back.missed[1].id.clone();
        let up_to_date = live.listen(Some(&newest));
        assert!(!up_to_date.reset && up_to_date.missed.is_empty());
    }

    #[test]
    fn what_nobody_remembers_means_loading_anew() {
        let live = Live::new().unwrap();
        told(&live, 3);
        let first = live.kept.lock().unwrap()[0].id.clone();
        told(&live, u32::try_from(KEPT).unwrap());
        let huge = format!("{}-{}", live.run, u64::MAX - 1);
        for last in [first.as_str(), "other-3", "", "-", "x", "é-1", huge.as_str()] {
            let back = live.listen(Some(last));
            assert!(back.reset && back.missed.is_empty(), "{last}");
        }
        assert!(!live.listen(None).reset);
        assert_eq!(live.kept.lock().unwrap().len(), KEPT);
    }
}
