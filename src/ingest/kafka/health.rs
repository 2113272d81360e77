//! What is wrong with the brokers or with what they hold, and how it is told and mended.

use rdkafka::consumer::{Consumer, RebalanceProtocol};
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::{Offset, TopicPartitionList};

use super::context::Figures;
use super::error::KafkaError;
use super::{ASK, KafkaSource};
use crate::ingest::{Notice, SourceEvent};

/// What is wrong, by what ends it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Trouble {
    /// A broker is connected again.
    Brokers,
    /// A record is read.
    Refused,
}

impl KafkaSource {
    /// Tells once that the brokers cannot be reached or refuse us, or notes that a fetch was out of
    /// range.
    pub(super) fn trouble_with(&mut self, code: Option<RDKafkaErrorCode>, reason: String) {
        use RDKafkaErrorCode as Code;
        let trouble = match code {
            Some(Code::AutoOffsetReset) => {
                (self.hole, self.looked) = (true, None);
                return;
            }
            Some(Code::AllBrokersDown) => Trouble::Brokers,
            Some(Code::Authentication) => {
                self.last_reason = reason;
                Trouble::Brokers
            }
            Some(Code::BrokerTransportFailure | Code::Resolve | Code::OperationTimedOut) => {
                self.last_reason = reason;
                return;
            }
            Some(
                Code::TopicAuthorizationFailed
                | Code::GroupAuthorizationFailed
                | Code::ClusterAuthorizationFailed
                | Code::UnknownTopicOrPartition
                | Code::UnknownTopic
                | Code::UnknownPartition,
            ) => {
                self.last_reason = reason;
                Trouble::Refused
            }
            _ => {
                tracing::debug!(?code, reason, "kafka client");
                return;
            }
        };
        if self.trouble.is_none() {
            let said = match self.last_reason.as_str() {
                "" => "no broker is connected",
                reason => reason,
            };
            let reason = format!("{}: {said}", self.options.connection.brokers);
            self.ready.push_back(SourceEvent::Notice(Notice::Reachable { now: false, reason }));
        }
        self.trouble = Some(trouble);
        self.consumer.context().set_away(true);
    }

    /// Says each partition's lag, and that brokers can be reached again.
    pub(super) fn learn(&mut self, figures: &Figures) {
        if figures.connected && self.trouble == Some(Trouble::Brokers) {
            self.reached();
        }
        for (shard, next) in self.arenas.ours() {
            let known = figures.ends.iter().find(|(s, ..)| *s == shard);
            if let Some((_, end, fetched)) = known {
                let read = next.unwrap_or_default().max(*fetched);
                let records = end.saturating_sub(read) + self.arenas.gathered(shard);
                self.ready.push_back(SourceEvent::Notice(Notice::Lag { shard, records }));
            }
        }
    }

    /// Tells once that records come again.
    pub(super) fn reached(&mut self) {
        if self.trouble.take().is_some() {
            self.consumer.context().set_away(false);
            let notice = Notice::Reachable { now: true, reason: String::new() };
            self.ready.push_back(SourceEvent::Notice(notice));
        }
    }

    /// Some partition's next record does not exist. The library does not say which, and it stands
    /// still until it is told where to go on. Says whether all of them go on.
    pub(super) fn mend(&mut self) -> Result<bool, KafkaError> {
        let mut aims = Vec::new();
        let mut holes = false;
        for (shard, next) in self.arenas.ours() {
            let topic = &self.options.topic;
            let marks = self.consumer.fetch_watermarks(topic, shard.cast_signed(), ASK);
            // Later, then.
            let Ok((low, end)) = marks else { return Ok(false) };
            let (low, end) = (low.cast_unsigned(), end.cast_unsigned());
            match next {
                Some(position) if position > end => {
                    let topic = topic.clone();
                    return Err(KafkaError::Ahead { topic, shard, position, end });
                }
                Some(from) if from < low => {
                    holes = true;
                    self.hand_over(shard);
                    let notice = Notice::Gap { shard, from, to: low };
                    self.ready.push_back(SourceEvent::Notice(notice));
                    self.arenas.skip_to(shard, low);
                    aims.push((true, shard, low));
                }
                Some(next) => aims.push((false, shard, next)),
                None => aims.push((false, shard, low)),
            }
        }
        // No hole to be seen: it was a moment's error of some partition. All go on where they are,
        // as they must where the assignment can only be changed as a whole.
        let by_parts = matches!(self.consumer.rebalance_protocol(), RebalanceProtocol::Cooperative);
        aims.retain(|(hole, ..)| *hole || !holes || !by_parts);
        let mut list = TopicPartitionList::new();
        for (_, shard, at) in aims {
            let (number, at) = (shard.cast_signed(), Offset::Offset(at.cast_signed()));
            let _ = list.add_partition_offset(&self.options.topic, number, at);
            // The new assignment is not paused.
            self.arenas.hold(shard, false);
        }
        // Seeking is refused: after such an error the library counts the partition as stopped.
        let mended = if by_parts {
            let without = self.consumer.incremental_unassign(&list);
            without.and_then(|()| self.consumer.incremental_assign(&list))
        } else {
            self.consumer.assign(&list)
        };
        Ok(mended.is_ok())
    }

    /// Why the library gave up.
    pub(super) fn fatal(&self, code: RDKafkaErrorCode) -> KafkaError {
        let id = self.options.group_instance_id.clone();
        match code {
            RDKafkaErrorCode::Fenced | RDKafkaErrorCode::FencedInstanceId => {
                KafkaError::Fenced { id }
            }
            _ => KafkaError::Fatal(code.to_string()),
        }
    }
}
