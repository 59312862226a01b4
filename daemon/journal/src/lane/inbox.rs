//! The bounded buffers between the threads that record and the one that writes.

use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;

use parking_lot::Mutex;

use crate::receipt::ReceiptSender;
use crate::record::AppendError;
use crate::record::Group;
use crate::record::Record;
use crate::record::Shed;

/// Buffers of a lane whose records nobody waits for.
const SHARDS: usize = 16;

#[derive(Debug)]
pub(super) struct Inbox {
    shards: Vec<Mutex<Shard>>,
    flushes: Mutex<Vec<ReceiptSender>>,
    records_max: usize,
    bytes_max: usize,
    /// Set by the writer when it ends; nothing may be left behind that nobody will answer.
    ended: AtomicBool,
}

#[derive(Debug, Default)]
struct Shard {
    group: Group,
    waiting: Vec<Waiting>,
}

/// Somebody who waits for the record at this place of its group, and for those before it that are
/// of the same unit.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) index: usize,
    /// Records of the unit.
    pub(super) count: u64,
    pub(super) sender: ReceiptSender,
}

/// Everything that waited at one moment.
#[derive(Debug, Default)]
pub(super) struct Drained {
    pub(super) group: Group,
    pub(super) waiting: Vec<Waiting>,
    /// Answered when everything before them is durable.
    pub(super) flushes: Vec<ReceiptSender>,
}

impl Inbox {
    /// One buffer keeps the order of arrival; several keep threads apart.
    pub(super) fn new(sharded: bool, records_max: usize, bytes_max: usize) -> Self {
        let count = if sharded { SHARDS } else { 1 };
        Self {
            shards: (0..count).map(|_| Mutex::new(Shard::default())).collect(),
            flushes: Mutex::new(Vec::new()),
            records_max: (records_max / count).max(1),
            bytes_max: bytes_max / count,
            ended: AtomicBool::new(false),
        }
    }

    /// Leaves a unit: all of its records, or none.
    pub(super) fn push_waiting(
        &self,
        shard: usize,
        unit: &[Record<'_>],
        sender: ReceiptSender,
    ) -> Result<(), AppendError> {
        let mut shard = self.shards[shard % self.shards.len()].lock();
        if self.ended.load(Ordering::Acquire) {
            return Err(AppendError::Closed);
        }
        if !self.fits(&shard, unit) {
            return Err(AppendError::Busy);
        }
        shard.group.push_unit(unit);
        let index = shard.group.len().saturating_sub(1);
        shard.waiting.push(Waiting { index, count: unit.len() as u64, sender });
        Ok(())
    }

    /// Takes the first buffer from `shard` on that nobody holds at this moment and that has room.
    pub(super) fn push(&self, shard: usize, record: Record<'_>) -> Result<(), Shed> {
        let count = self.shards.len();
        for step in 0..count {
            let Some(mut shard) = self.shards[(shard + step) % count].try_lock() else { continue };
            if self.ended.load(Ordering::Acquire) {
                return Err(Shed::Closed);
            }
            if self.fits(&shard, &[record]) {
                shard.group.push(record);
                return Ok(());
            }
        }
        Err(Shed::Busy)
    }

    pub(super) fn push_flush(&self, sender: ReceiptSender) {
        let mut flushes = self.flushes.lock();
        if !self.ended.load(Ordering::Acquire) {
            flushes.push(sender);
        }
    }

    fn fits(&self, shard: &Shard, unit: &[Record<'_>]) -> bool {
        let payload_bytes: usize = unit.iter().map(|record| record.payload.len()).sum();
        let bytes = shard.group.payload_bytes() + payload_bytes;
        let records = shard.group.len() + unit.len();
        // A buffer that is empty takes anything the lane allows.
        shard.group.is_empty() || (records <= self.records_max && bytes <= self.bytes_max)
    }

    /// Takes everything; `spare` becomes the next buffer.
    pub(super) fn drain(&self, mut spare: Group) -> Drained {
        let mut drained = Drained {
            // First the flushes: what they cover is in the buffers that are emptied next.
            flushes: std::mem::take(&mut *self.flushes.lock()),
            ..Drained::default()
        };
        for shard in &self.shards {
            let mut shard = shard.lock();
            if shard.group.is_empty() {
                continue;
            }
            let before = drained.group.len();
            if before == 0 {
                std::mem::swap(&mut drained.group, &mut shard.group);
                std::mem::swap(&mut shard.group, &mut spare);
                drained.waiting = std::mem::take(&mut shard.waiting);
                continue;
            }
            drained.group.take_from(&mut shard.group);
            for waiting in shard.waiting.drain(..) {
                let index = waiting.index + before;
                drained.waiting.push(Waiting { index, ..waiting });
            }
        }
        drained
    }

    /// Refuses whatever comes from now on.
    pub(super) fn end(&self) {
        self.ended.store(true, Ordering::Release);
        // Whoever was inside a buffer is out of it after this.
        for shard in &self.shards {
            drop(shard.lock());
        }
        drop(self.flushes.lock());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::receipt::Receipt;

    #[test]
    fn a_full_queue_takes_none_of_a_unit() {
        let inbox = Inbox::new(false, 4, 1000);
        let record = Record { kind: 1, flags: 0, received_at: 0, payload: &[7; 100] };
        let push = |count| {
            let (sender, receipt) = Receipt::new();
            drop(receipt);
            inbox.push_waiting(0, &vec![record; count], sender)
        };
        assert_eq!(push(2), Ok(()));
        assert_eq!(push(3), Err(AppendError::Busy));
        assert_eq!(push(2), Ok(()));
        let drained = inbox.drain(Group::default());
        assert_eq!(drained.group.len(), 4);
        let places: Vec<_> = drained.waiting.iter().map(|one| (one.index, one.count)).collect();
        assert_eq!(places, [(1, 2), (3, 2)]);
        // An empty buffer takes whatever the lane allows.
        assert_eq!(push(9), Ok(()));
    }
}
