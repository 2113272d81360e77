//! The way out of the group, which ends also where no broker answers.
//!
//! The library closes a consumer only when every commit on its way was answered, and it goes on
//! trying for minutes or for ever. Commits are only for people who look at lag, so what counts is
//! that the owner has its partitions back; the rest is tried for a while and then left to a thread
//! that nobody waits for. A member that could not say good-bye loses its place in the group by the
//! session timeout, like one that was killed.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use rdkafka::consumer::Consumer;

use super::health::Trouble;
use super::{KafkaSource, QUIET, Stage};
use crate::clock::Stopwatch;

/// How long leaving the group may take.
const LEAVE: Duration = Duration::from_secs(10);

/// The same while no broker can be reached and nothing is left to give back: long enough to learn
/// from the figures of every second that one is there again.
const LEAVE_AWAY: Duration = Duration::from_secs(2);

impl KafkaSource {
    /// Gives the partitions back and leaves the group, while their owner still listens.
    pub(super) fn leave(&mut self) {
        let open = std::mem::replace(&mut self.stage, Stage::Ended) != Stage::Ended;
        if open && self.consumer.close_queue().is_ok() {
            let since = Stopwatch::start();
            while !self.consumer.closed() && since.elapsed() < self.patience() {
                self.consumer.poll(QUIET);
                // An owner that cannot go on needs not: this is the end.
                let _ = self.hear();
            }
        }
        self.consumer.context().set_owner(None);
        self.ready.clear();
    }

    fn patience(&self) -> Duration {
        let away = self.trouble == Some(Trouble::Brokers);
        if away && self.arenas.ours().is_empty() { LEAVE_AWAY } else { LEAVE }
    }
}

impl Drop for KafkaSource {
    /// Whoever owns the shards may be gone already and is not asked.
    fn drop(&mut self) {
        self.consumer.context().set_owner(None);
        self.leave();
        if self.consumer.closed() {
            return;
        }
        let last = Arc::clone(&self.consumer);
        // Without a thread the source itself is the last to drop it, and waits.
        let _ = thread::Builder::new().name("kafka-leave".to_owned()).spawn(move || {
            while Arc::strong_count(&last) > 1 {
                thread::sleep(QUIET);
            }
        });
    }
}
