//! Ids of signed messages, so that a recorded message cannot be sent again.
//!
//! An id is remembered for twice the time its timestamp may be off; older ones are refused by their
//! timestamp. The memory is bounded and lost with the process: what slips through meets the
//! permanent keys of the pipeline.

use std::collections::HashSet;
use std::collections::VecDeque;

use model::clock::Timestamp;
use model::id::IntegrationId;
use parking_lot::Mutex;

use crate::limits::REPLAY_IDS_MAX;
use crate::limits::SIGNATURE_AGE_SECONDS_MAX;

const KEEP_MICROS: i64 = 2 * SIGNATURE_AGE_SECONDS_MAX * 1_000_000;

/// The ids that were accepted lately, over all integrations.
#[derive(Debug, Default)]
pub struct ReplayMemory {
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    ids: HashSet<[u8; 16]>,
    by_age: VecDeque<(Timestamp, [u8; 16])>,
}

/// An id that was remembered; forgotten again when its message could not be stored, so that the
/// sender may retry.
#[derive(Debug)]
pub struct Remembered([u8; 16]);

fn fingerprint(integration: IntegrationId, id: &str) -> [u8; 16] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&integration.0.to_be_bytes()).update(id.as_bytes());
    let mut short = [0; 16];
    short.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
    short
}

impl ReplayMemory {
    /// Remembers an id. `None`: it was used before.
    pub fn remember(
        &self,
        integration: IntegrationId,
        id: &str,
        now: Timestamp,
    ) -> Option<Remembered> {
        let fingerprint = fingerprint(integration, id);
        let mut held = self.held.lock();
        while let Some((at, oldest)) = held.by_age.front().copied() {
            if held.by_age.len() < REPLAY_IDS_MAX && now.0.saturating_sub(at.0) <= KEEP_MICROS {
                break;
            }
            held.by_age.pop_front();
            held.ids.remove(&oldest);
        }
        if !held.ids.insert(fingerprint) {
            return None;
        }
        held.by_age.push_back((now, fingerprint));
        Some(Remembered(fingerprint))
    }

    /// Lets an id be used again.
    pub fn forget(&self, id: &Remembered) {
        let mut held = self.held.lock();
        held.ids.remove(&id.0);
        held.by_age.retain(|(_, kept)| *kept != id.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_700_000_000_000_000);

    #[test]
    fn an_id_is_good_once_per_integration_and_window() {
        let memory = ReplayMemory::default();
        let (one, two) = (IntegrationId(1), IntegrationId(2));
        assert!(memory.remember(one, "msg_1", NOW).is_some());
        assert!(memory.remember(one, "msg_1", NOW).is_none());
        assert!(memory.remember(two, "msg_1", NOW).is_some());
        assert!(memory.remember(one, "msg_1", Timestamp(NOW.0 + KEEP_MICROS)).is_none());
        assert!(memory.remember(one, "msg_1", Timestamp(NOW.0 + KEEP_MICROS + 1)).is_some());
    }

    #[test]
    fn a_message_that_was_not_stored_may_come_again() {
        let memory = ReplayMemory::default();
        let first = memory.remember(IntegrationId(1), "msg_1", NOW).unwrap();
        memory.forget(&first);
        assert!(memory.remember(IntegrationId(1), "msg_1", NOW).is_some());
    }

    #[test]
    fn the_memory_is_bounded() {
        let memory = ReplayMemory::default();
        for number in 0..REPLAY_IDS_MAX + 10 {
            assert!(memory.remember(IntegrationId(1), &number.to_string(), NOW).is_some());
        }
        assert!(memory.held.lock().ids.len() <= REPLAY_IDS_MAX);
        let held = memory.held.lock();
        assert_eq!(held.ids.len(), held.by_age.len());
    }
}
