//! What the writer does between groups: removing what nobody needs, keeping the reserve, and
//! saying how full the lane is.

use std::io;

use super::Fault;
use super::LaneWriter;
use crate::observer::LaneState;
use crate::observer::Level;
use crate::segment::segment_path;

/// Shares of the quota, in tenths, at which the levels begin.
const ALERT_TENTHS: u64 = 8;
const SHEDDING_TENTHS: u64 = 9;

impl LaneWriter {
    /// Removes segments whose records are all at or below `consumed_seq` and that were closed a
    /// replay window ago; returns how many.
    ///
    /// `consumed_seq` must come from cursors that are durable: a segment that is gone while the
    /// cursor still points into it would be a hole at the next start.
    ///
    /// # Errors
    /// What the disk reports; the rest is tried again next time.
    pub(crate) fn trim(&mut self, consumed_seq: u64, now: i64) -> io::Result<u64> {
        let window = i64::try_from(self.context.config.replay_window.as_micros());
        let window = window.unwrap_or(i64::MAX);
        let mut removed = 0;
        while let Some(oldest) = self.sealed.front() {
            let next = self.sealed.get(1).map(|next| (next.first_seq, next.created_at));
            let active = self.active.as_ref().map(|a| (a.header.first_seq, a.header.created_at));
            let Some((next_first_seq, closed_at)) = next.or(active) else { break };
            if next_first_seq > consumed_seq.saturating_add(1)
                || closed_at.saturating_add(window) > now
            {
                break;
            }
            let path = segment_path(&self.context.dir, &self.context.config.lane, oldest.number);
            match self.context.storage.unlink(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            self.sealed.pop_front();
            removed += 1;
        }
        if removed > 0 {
            self.context.sync_dir()?;
        }
        Ok(removed)
    }

    /// Builds the reserve up again once the quota has room for new segments.
    ///
    /// # Errors
    /// What the disk reports.
    pub(crate) fn restore_reserve(&mut self) -> io::Result<()> {
        if self.failed || !self.quota_allows_segment() {
            return Ok(());
        }
        self.fill_reserve()
    }

    /// Tries to leave the full state: opens a segment and writes what is still owed.
    pub(crate) fn reopen(&mut self, now: i64) {
        if !self.full || self.failed {
            return;
        }
        let opened = if self.active.is_some() { Ok(()) } else { self.open_segment(now) };
        match opened.and_then(|()| self.write_pending(now)).and_then(|()| self.sync_active()) {
            Ok(()) => self.full = false,
            Err(Fault::NoRoom) => {}
            Err(Fault::Disk(error)) => {
                self.poison(&error, now);
            }
        }
    }

    /// First sequence that can still be read.
    pub(crate) fn first_seq(&self) -> u64 {
        let active = self.active.as_ref().map(|active| active.header.first_seq);
        self.sealed.front().map(|segment| segment.first_seq).or(active).unwrap_or(self.next_seq)
    }

    /// Level, use and what is left.
    pub(crate) fn state(&self) -> LaneState {
        let config = &self.context.config;
        let sealed: u64 = self.sealed.iter().map(|segment| segment.bytes).sum();
        let used_bytes = sealed + self.active.as_ref().map_or(0, |active| active.offset);
        LaneState {
            level: self.level(used_bytes),
            failed: self.failed,
            used_bytes,
            quota_bytes: config.quota_bytes,
            reserve_bytes: self.reserve.len() as u64 * config.segment_bytes,
            poisonings: self.poisonings,
        }
    }

    /// The disk counts as well as the quota: whichever ends first decides.
    fn level(&self, used_bytes: u64) -> Level {
        if self.full || self.failed {
            return Level::Full;
        }
        if self.active.as_ref().is_some_and(|active| active.from_reserve) {
            return Level::Reserve;
        }
        let free = self.context.storage.free_bytes(&self.context.dir).unwrap_or(u64::MAX);
        let ahead = self.active.as_ref().map_or(0, super::Active::room)
            + self.prepared.as_ref().map_or(0, |blank| blank.bytes);
        let reachable = used_bytes.saturating_add(free).saturating_add(ahead);
        let allowance = self.context.config.quota_bytes.min(reachable);
        let tenths = used_bytes.saturating_mul(10);
        if tenths >= allowance.saturating_mul(SHEDDING_TENTHS) {
            Level::Shedding
        } else if tenths >= allowance.saturating_mul(ALERT_TENTHS) {
            Level::Alert
        } else {
            Level::Normal
        }
    }
}
