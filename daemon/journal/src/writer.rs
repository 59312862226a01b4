//! The writer of one lane as a plain state machine: no thread, no clock, no waiting.
//!
//! [`LaneWriter::write`] gives a group its sequences and hands it to the disk in one write;
//! [`LaneWriter::sync`] makes everything written durable. The thread in [`crate::lane`] is only a
//! shell around these two, so the crash simulation drives exactly the code that runs in production.
//!
//! # Why groups stay in memory until they are durable
//!
//! After a failed sync the kernel may call pages clean that never reached the disk, so neither the
//! file nor the page cache can say what is there. What was not yet confirmed is therefore kept, and
//! written again, with the same sequences, into a new segment.

mod room;
mod upkeep;

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use crate::blank::Blank;
use crate::config::LaneConfig;
use crate::config::Mutation;
use crate::config::SyncMode;
use crate::format::BATCH_BYTES;
use crate::format::Frame;
use crate::format::JournalId;
use crate::format::KIND_BATCH;
use crate::format::SEAL_BYTES;
use crate::format::SegmentHeader;
use crate::format::record_bytes;
use crate::format::unit_bytes;
use crate::record::AppendError;
use crate::record::Group;
use crate::record::Record;
use crate::recovery::LaneRecovery;
use crate::segment::Reading;
use crate::storage::File;
use crate::storage::Storage;

/// Emptied groups kept for reuse.
const SPARE_GROUPS_MAX: usize = 4;
/// Buffers larger than this are given back instead of being reused.
const SPARE_BYTES_MAX: usize = 8 << 20;

/// Where a lane lives and by which rules.
#[derive(Clone)]
pub(crate) struct LaneContext {
    pub(crate) storage: Arc<dyn Storage>,
    pub(crate) dir: PathBuf,
    pub(crate) config: LaneConfig,
    pub(crate) journal: JournalId,
    pub(crate) entropy: Arc<dyn Fn() -> u64 + Send + Sync>,
}

impl fmt::Debug for LaneContext {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("LaneContext").field("dir", &self.dir).finish_non_exhaustive()
    }
}

/// See the module's documentation.
#[derive(Debug)]
pub(crate) struct LaneWriter {
    context: LaneContext,
    active: Option<Active>,
    /// Segments behind the active one, oldest first.
    sealed: VecDeque<SealedSegment>,
    /// Groups with records that are not durable, oldest first.
    pending: VecDeque<Pending>,
    next_seq: u64,
    written_seq: u64,
    durable_seq: u64,
    /// Highest sequence that was ever handed to the disk; never given to another record.
    handed_seq: u64,
    next_number: u64,
    prepared: Option<Blank>,
    reserve: Vec<PathBuf>,
    scratch: Vec<u8>,
    spare: Vec<Group>,
    /// The next segment is the first of this life and shorter.
    is_first: bool,
    full: bool,
    failed: bool,
    poisonings: u64,
}

#[derive(Debug)]
struct Active {
    file: Box<dyn File>,
    header: SegmentHeader,
    frame: Frame,
    offset: u64,
    from_reserve: bool,
}

/// A segment that is not written any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SealedSegment {
    pub(crate) number: u64,
    pub(crate) first_seq: u64,
    pub(crate) created_at: i64,
    pub(crate) bytes: u64,
}

#[derive(Debug)]
struct Pending {
    first_seq: u64,
    group: Group,
}

/// Why the disk did not take something.
#[derive(Debug)]
pub(crate) enum Fault {
    /// An error nobody can reason about: the segment is given up.
    Disk(io::Error),
    /// Quota, disk and reserve are used up; trying again later is right.
    NoRoom,
}

/// What became of one group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Written {
    /// Sequence of the first record.
    pub(crate) first_seq: u64,
    /// Records that were taken, from the front.
    pub(crate) accepted: u64,
    /// Why the others were not, or why none of those taken will be confirmed.
    pub(crate) error: Option<AppendError>,
}

impl Active {
    /// Bytes left for records; the seal always fits behind them.
    fn room(&self) -> u64 {
        self.header.planned_bytes.saturating_sub(self.offset + SEAL_BYTES)
    }
}

impl LaneContext {
    pub(crate) fn reading(&self) -> Reading {
        Reading {
            lane: self.config.lane.clone(),
            journal: Some(self.journal),
            payload_bytes_max: self.config.payload_bytes_max,
            weak_checksum: self.config.mutation == Some(Mutation::WeakChecksum),
        }
    }

    /// Makes names in the lane's directory durable.
    pub(crate) fn sync_dir(&self) -> io::Result<()> {
        let skipped = self.config.mutation == Some(Mutation::SkipDirSync);
        if skipped || self.config.sync == SyncMode::Off {
            return Ok(());
        }
        self.storage.sync_dir(&self.dir)
    }

    pub(crate) fn sync_file(&self, file: &dyn File) -> io::Result<()> {
        if self.config.sync == SyncMode::Off { Ok(()) } else { file.sync_data() }
    }
}

impl LaneWriter {
    /// Recovers the lane's directory and opens a new segment in it.
    ///
    /// A life of the writer never continues a file of an earlier one: the old file is sealed where
    /// its last whole record ends, so each segment has one author and one salt.
    ///
    /// # Errors
    /// When the disk cannot be read or the end of the newest segment cannot be settled. A disk
    /// without room is not an error: the lane opens full and takes records once there is room.
    pub(crate) fn open(
        context: LaneContext,
        cursors: &[u64],
        now: i64,
    ) -> io::Result<(Self, LaneRecovery)> {
        let (recovered, report) = crate::recovery::recover(&context, cursors)?;
        let durable_seq = recovered.next_seq - 1;
        let mut writer = Self {
            context,
            active: None,
            sealed: recovered.sealed,
            pending: VecDeque::new(),
            next_seq: recovered.next_seq,
            written_seq: durable_seq,
            durable_seq,
            handed_seq: durable_seq,
            next_number: recovered.next_number,
            prepared: None,
            reserve: Vec::new(),
            scratch: Vec::new(),
            spare: Vec::new(),
            is_first: true,
            full: false,
            failed: false,
            poisonings: 0,
        };
        writer.fill_reserve()?;
        match writer.open_segment(now) {
            Ok(()) => {}
            Err(Fault::NoRoom) => writer.full = true,
            Err(Fault::Disk(error)) => return Err(error),
        }
        Ok((writer, report))
    }

    pub(crate) fn durable_seq(&self) -> u64 {
        self.durable_seq
    }

    pub(crate) fn next_seq(&self) -> u64 {
        self.next_seq
    }

    pub(crate) fn has_unsynced(&self) -> bool {
        self.durable_seq < self.written_seq
    }

    /// Payload bytes held in memory until they are durable.
    pub(crate) fn unsynced_bytes(&self) -> usize {
        self.pending.iter().map(|pending| pending.group.payload_bytes()).sum()
    }

    #[cfg(test)]
    pub(crate) fn is_failed(&self) -> bool {
        self.failed
    }

    pub(crate) fn is_full(&self) -> bool {
        self.full
    }

    /// An empty group, with the buffers of an earlier one when there is one.
    pub(crate) fn spare_group(&mut self) -> Group {
        self.spare.pop().unwrap_or_default()
    }

    /// Gives the records their sequences and writes them, usually with one write.
    ///
    /// Nothing is confirmed by this. With [`AppendError::Poisoned`] all records were taken and
    /// written again elsewhere, but none that was not durable before may be confirmed.
    pub(crate) fn write(&mut self, group: Group, now: i64) -> Written {
        let first_seq = self.next_seq;
        let count = group.len() as u64;
        if count == 0 {
            return Written { first_seq, accepted: 0, error: None };
        }
        if self.failed {
            return Written { first_seq, accepted: 0, error: Some(AppendError::Failed) };
        }
        self.pending.push_back(Pending { first_seq, group });
        self.next_seq += count;
        let error = match self.write_pending(now) {
            Ok(()) => None,
            Err(Fault::NoRoom) => Some(self.give_up_unwritten()),
            Err(Fault::Disk(error)) => Some(self.poison(&error, now)),
        };
        Written { first_seq, accepted: self.next_seq.saturating_sub(first_seq), error }
    }

    /// Makes everything written durable.
    ///
    /// # Errors
    /// [`AppendError::Poisoned`] or [`AppendError::Failed`]: nothing that was not durable before
    /// this call may be confirmed.
    pub(crate) fn sync(&mut self, now: i64) -> Result<(), AppendError> {
        match self.sync_active() {
            Ok(()) => Ok(()),
            Err(Fault::Disk(error)) => Err(self.poison(&error, now)),
            Err(Fault::NoRoom) => Err(AppendError::Full),
        }
    }

    /// Syncs and seals, so that the next start finds nothing to settle.
    ///
    /// # Errors
    /// As [`LaneWriter::sync`].
    pub(crate) fn close(&mut self, now: i64) -> Result<(), AppendError> {
        self.sync(now)?;
        if self.active.is_some() {
            match self.finish_active() {
                Ok(()) => {}
                Err(Fault::NoRoom) => return Err(AppendError::Full),
                Err(Fault::Disk(_)) => return Err(AppendError::Poisoned),
            }
        }
        if let Some(blank) = self.prepared.take() {
            let _ = self.context.storage.unlink(&blank.path);
        }
        Ok(())
    }

    /// Writes whatever has a sequence but is not in the active segment.
    fn write_pending(&mut self, now: i64) -> Result<(), Fault> {
        while self.written_seq + 1 < self.next_seq {
            let need = self.next_unit_bytes();
            self.make_room(need, now)?;
            self.write_batch(now)?;
        }
        self.full = false;
        Ok(())
    }

    /// The group that holds the first unwritten record, and its place in it.
    fn first_unwritten(&self) -> Option<(&Pending, usize)> {
        let seq = self.written_seq + 1;
        let pending = self.pending.iter().rev().find(|pending| pending.first_seq <= seq)?;
        Some((pending, usize::try_from(seq - pending.first_seq).ok()?))
    }

    /// Bytes of a write with only the first unwritten unit.
    fn next_unit_bytes(&self) -> u64 {
        let Some((pending, index)) = self.first_unwritten() else { return 0 };
        unit_bytes(pending.group.unit(index).map(|record| record.payload.len()))
    }

    /// One write: a batch record and as many units of one group as fit in the segment. A unit is
    /// never parted: there may be no room for a next segment.
    fn write_batch(&mut self, now: i64) -> Result<(), Fault> {
        let mut scratch = std::mem::take(&mut self.scratch);
        scratch.clear();
        let count = self.encode_batch(&mut scratch, now);
        let Some(active) = self.active.as_mut().filter(|_| count > 0) else {
            return Err(Fault::Disk(io::Error::other("no open segment with room")));
        };
        // From here on the disk may hold any part of it.
        self.handed_seq = self.handed_seq.max(self.written_seq + count);
        let outcome = active.file.write_at(&scratch, active.offset);
        let bytes = scratch.len();
        self.scratch = scratch;
        match outcome {
            Ok(taken) if taken == bytes => {
                active.offset += bytes as u64;
                self.written_seq += count;
                Ok(())
            }
            Ok(_) => Err(Fault::Disk(io::ErrorKind::WriteZero.into())),
            Err(error) => Err(Fault::Disk(error)),
        }
    }

    /// Returns how many records are in `out`.
    fn encode_batch(&self, out: &mut Vec<u8>, now: i64) -> u64 {
        let (Some(active), Some((pending, start))) = (&self.active, self.first_unwritten()) else {
            return 0;
        };
        let room = active.room();
        let mut bytes = BATCH_BYTES;
        let mut count = 0_u32;
        loop {
            let unit = pending.group.unit(start + count as usize);
            let (records, unit_bytes) = unit.fold((0, 0), |(records, bytes), record| {
                (records + 1, bytes + record_bytes(record.payload.len()))
            });
            bytes += unit_bytes;
            if records == 0 || bytes > room {
                break;
            }
            count += records;
        }
        let seq = self.written_seq + 1;
        let identity = active.header.identity(count, self.durable_seq);
        let payload = &identity.encode(&self.context.config.lane);
        let batch = Record { kind: KIND_BATCH, flags: 0, received_at: now, payload };
        active.frame.put(out, active.offset, seq, batch);
        for index in 0..count {
            if let Some(record) = pending.group.get(start + index as usize) {
                active.frame.put(out, active.offset, seq + u64::from(index), record);
            }
        }
        u64::from(count)
    }

    fn sync_active(&mut self) -> Result<(), Fault> {
        let Some(active) = self.active.as_ref().filter(|_| self.durable_seq < self.written_seq)
        else {
            return Ok(());
        };
        if self.context.config.mutation == Some(Mutation::AckBeforeSync) {
            self.durable_seq = self.written_seq;
        }
        let mut outcome = self.context.sync_file(&*active.file);
        if outcome.is_err() && self.context.config.mutation == Some(Mutation::ResyncPoisoned) {
            outcome = self.context.sync_file(&*active.file);
        }
        outcome.map_err(Fault::Disk)?;
        self.durable_seq = self.written_seq;
        self.forget_durable();
        Ok(())
    }

    fn forget_durable(&mut self) {
        while let Some(pending) = self.pending.front() {
            let end = pending.first_seq + pending.group.len() as u64;
            if end > self.durable_seq + 1 {
                break;
            }
            let Some(mut pending) = self.pending.pop_front() else { break };
            let reusable = pending.group.payload_bytes() <= SPARE_BYTES_MAX;
            if reusable && self.spare.len() < SPARE_GROUPS_MAX {
                pending.group.clear();
                self.spare.push(pending.group);
            }
        }
    }

    /// There is no room: records that never met the disk lose their sequences again.
    fn give_up_unwritten(&mut self) -> AppendError {
        self.full = true;
        let end = self.handed_seq.max(self.written_seq) + 1;
        self.next_seq = self.next_seq.min(end);
        while let Some(pending) = self.pending.back_mut() {
            if pending.first_seq < end {
                pending.group.truncate(usize::try_from(end - pending.first_seq).unwrap_or(0));
                break;
            }
            self.pending.pop_back();
        }
        AppendError::Full
    }

    /// Gives the active segment up and writes what it owed into a new one.
    ///
    /// The old descriptor is closed and never synced again, and nothing is read back from it.
    fn poison(&mut self, error: &io::Error, now: i64) -> AppendError {
        let lane = &self.context.config.lane;
        tracing::error!(%lane, %error, "journal segment given up");
        self.poisonings += 1;
        self.leave_active();
        self.written_seq = self.durable_seq;
        let again = self.write_pending(now).and_then(|()| self.sync_active());
        match again {
            Ok(()) => AppendError::Poisoned,
            // What met the disk stays in memory, with its sequences, until there is room.
            Err(Fault::NoRoom) => {
                self.give_up_unwritten();
                AppendError::Poisoned
            }
            Err(Fault::Disk(error)) => {
                let lane = &self.context.config.lane;
                tracing::error!(%lane, %error, "journal lane failed twice");
                self.failed = true;
                self.leave_active();
                AppendError::Failed
            }
        }
    }
}
