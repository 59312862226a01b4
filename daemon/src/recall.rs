//! What is known from before this start, read back from the journal's own lanes: ids of signed
//! messages, so that none is accepted twice, and first sights of visitors, so that none counts
//! twice.
//!
//! # Why beside the start and not in it
//!
//! A redirect never waits for a disk. So a thread reads, the newest segments first, for as long as
//! the configuration allows; signed messages wait for their ids, and everything else goes on. What
//! was not read when time is up is said: until their windows are over, messages and visitors of
//! that time are strangers, and the permanent keys of the pipeline have to tell messages apart.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::time::Duration;

use journal::BatchLimit;
use journal::LaneHandle;
use journal::ReadError;
use journal::StoredRecord;
use journal::Time;
use model::clock::Clock;
use model::clock::Timestamp;
use model::record::RecordKind;
use model::wire;
use tokio::sync::watch;

use crate::ingest::replay;
use crate::limits::REPLAY_IDS_MAX;
use crate::rooms::Lanes;
use crate::rooms::Shared;
use crate::visitors::Visits;

/// How far reading has come, for operators.
#[derive(Debug, Default)]
pub struct Report {
    pub inbound: LaneReport,
    pub clicks: LaneReport,
}

/// What was read of one lane.
#[derive(Debug, Default)]
pub struct LaneReport {
    pub records: AtomicU64,
    /// Time was up, or the lane could not be read, before everything was seen that matters.
    pub is_cut: AtomicBool,
}

/// What reading needs.
pub struct Recall {
    pub lanes: Lanes,
    pub shared: Arc<Shared>,
    pub report: Arc<Report>,
    pub clock: Arc<dyn Clock>,
    /// Measures how long it takes.
    pub time: Arc<dyn Time>,
    pub within: Duration,
    pub stop: Arc<AtomicBool>,
}

impl std::fmt::Debug for Recall {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Recall").field("within", &self.within).finish_non_exhaustive()
    }
}

impl Recall {
    /// Reads, first the ids that signed messages wait for; `ids_known` tells them. Blocks.
    pub fn run(self, ids_known: &watch::Sender<bool>) {
        let now = self.clock.now();
        let within = u64::try_from(self.within.as_micros()).unwrap_or(u64::MAX);
        let until = self.time.monotonic_micros().saturating_add(within);
        let is_late = || self.stop.load(Ordering::Relaxed) || self.time.monotonic_micros() >= until;
        let mut ids = Vec::new();
        let note = |record: &StoredRecord| {
            note_id(&mut ids, record);
            ids.len() < REPLAY_IDS_MAX
        };
        let lane = (&self.lanes.inbound, now - replay::KEPT_FOR);
        self.report.inbound.note(lane.0, backwards(lane, note, is_late));
        self.shared.replays.recall(ids);
        // Nobody may wait any more.
        let _ = ids_known.send(true);
        let mut visits = Visits::new(self.shared.visitors.limits());
        let note = |record: &StoredRecord| {
            note_visit(&mut visits, record);
            !visits.is_full()
        };
        let lane = (&self.lanes.clicks, now - self.shared.visitors.limits().unique_window);
        self.report.clicks.note(lane.0, backwards(lane, note, is_late));
        self.shared.visitors.recall(visits, now);
    }
}

impl LaneReport {
    fn note(&self, lane: &LaneHandle, read: Result<Read, ReadError>) {
        let lane = lane.lane();
        let Read { records, unread_before } = read.unwrap_or_else(|error| {
            tracing::warn!(%lane, %error, "what was before this start could not be read");
            Read { records: 0, unread_before: Some(u64::MAX) }
        });
        self.records.store(records, Ordering::Relaxed);
        self.is_cut.store(unread_before.is_some(), Ordering::Relaxed);
        if let Some(before) = unread_before {
            tracing::warn!(
                %lane, records, before,
                "not everything of before this start was read: older messages and visitors are new"
            );
        }
    }
}

fn note_id(ids: &mut Vec<(Timestamp, replay::Fingerprint)>, record: &StoredRecord) {
    if RecordKind::from_byte(record.kind) != Some(RecordKind::Inbound) {
        return;
    }
    let Ok(inbound) = wire::decode_inbound(&record.payload) else { return };
    let id = inbound.headers.iter().find(|(name, _)| &**name == replay::ID_HEADER);
    if let (true, Some((_, id))) = (inbound.is_signed, id) {
        ids.push((inbound.received_at, replay::fingerprint(inbound.integration, id)));
    }
}

fn note_visit(visits: &mut Visits, record: &StoredRecord) {
    if RecordKind::from_byte(record.kind) != Some(RecordKind::Click) {
        return;
    }
    let Ok(click) = wire::decode_click(&record.payload) else { return };
    if click.unique {
        let facts = click.click_id.unchecked();
        visits.add(click.visitor, facts.link, facts.clicked_at);
    }
}

/// What was read, and the first sequence behind what was not, where something was not.
struct Read {
    records: u64,
    unread_before: Option<u64>,
}

/// Gives every record received since an instant to `note`, segment by segment, the newest first,
/// until `note` has enough or it is late.
fn backwards(
    (lane, since): (&LaneHandle, Timestamp),
    mut note: impl FnMut(&StoredRecord) -> bool,
    is_late: impl Fn() -> bool,
) -> Result<Read, ReadError> {
    let mut end = *lane.durable().borrow() + 1;
    let mut records = 0;
    let mut starts = lane.reader(1).starts()?;
    while let Some(start) = starts.pop() {
        let mut reader = lane.reader(start);
        let mut has_older = false;
        while reader.next_seq() < end {
            if is_late() {
                return Ok(Read { records, unread_before: Some(end) });
            }
            let batch = reader.next_batch(BatchLimit::default())?;
            if batch.records.is_empty() && batch.missing.is_empty() {
                break;
            }
            for record in batch.records.iter().filter(|record| record.seq < end) {
                if record.received_at < since.0 {
                    has_older = true;
                    continue;
                }
                records += 1;
                if !note(record) {
                    return Ok(Read { records, unread_before: Some(end) });
                }
            }
        }
        if has_older {
            break;
        }
        end = end.min(start);
    }
    Ok(Read { records, unread_before: None })
}

#[cfg(test)]
mod tests;
