//! Ids of signed messages, so that a recorded message cannot be sent again.
//!
//! An id is remembered for twice the time its timestamp may be off; older ones are refused by their
//! timestamp. The memory is bounded; after a start it is read back from the journal, which holds
//! every message that was accepted (`recall`).

use std::collections::HashSet;
use std::collections::VecDeque;
use std::time::Duration;

use model::clock::Timestamp;
use model::id::IntegrationId;
use parking_lot::Mutex;

use crate::limits::REPLAY_IDS_MAX;
use crate::limits::SIGNATURE_AGE_SECONDS_MAX;

/// The header that holds an id.
pub const ID_HEADER: &str = "webhook-id";
/// How long an id is remembered.
pub const KEPT_FOR: Duration = Duration::from_secs(2 * SIGNATURE_AGE_SECONDS_MAX.unsigned_abs());

/// What is kept of an id.
pub type Fingerprint = [u8; 16];

/// The ids that were accepted lately, over all integrations.
#[derive(Debug, Default)]
pub struct ReplayMemory {
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    ids: HashSet<Fingerprint>,
    by_age: VecDeque<(Timestamp, Fingerprint)>,
}

/// An id that was remembered; forgotten again when its message could not be stored, so that the
/// sender may retry.
#[derive(Debug)]
pub struct Remembered(Fingerprint);

/// An id of one integration's messages.
#[must_use]
pub fn fingerprint(integration: IntegrationId, id: &str) -> Fingerprint {
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
            if held.by_age.len() < REPLAY_IDS_MAX && now.since(at) <= KEPT_FOR {
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

    /// Remembers what was accepted before this start.
    pub fn recall(&self, mut ids: Vec<(Timestamp, Fingerprint)>) {
        ids.sort_unstable();
        let mut held = self.held.lock();
        let Held { ids: known, by_age } = &mut *held;
        // A batch is several records of one message.
        by_age.extend(ids.into_iter().filter(|(_, fingerprint)| known.insert(*fingerprint)));
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
        assert!(memory.remember(one, "msg_1", NOW + KEPT_FOR).is_none());
        let over = KEPT_FOR + Duration::from_micros(1);
        assert!(memory.remember(one, "msg_1", NOW + over).is_some());
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
