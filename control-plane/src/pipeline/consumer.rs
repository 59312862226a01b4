//! One lane with its place in the database: takes a partition over, runs batches, and starts again
//! where the database stands after any doubt.

use std::collections::HashSet;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use model::id::EventId;
use model::inbound::Inbound;
use model::outcome::Outcome;
use model::record::RecordKind;
use model::wire;
use store::offsets::Advance;
use store::offsets::Assignment;
use store::offsets::Partition;
use tokio_util::sync::CancellationToken;

use super::Intake;
use super::Pipeline;
use super::PipelineError;
use super::clicks;
use super::consume::BATCH_RECORDS_MAX;
use super::consume::RecordSource;
use super::consume::SourceBatch;
use super::consume::SourceError;
use super::consume::SourceRecord;
use super::control;
use super::convert;
use super::parcel::Content;
use super::parcel::Parcel;
use super::parcel::Place;
use crate::metrics;

/// The one group of consumers.
const GROUP: &str = "pipeline";
/// How long to wait for a plugin that compiles.
const WAIT: Duration = Duration::from_millis(20);
/// How long to wait after a failure, at most.
const BACKOFF_MAX: Duration = Duration::from_secs(5);
/// How long a lane without inbounds rests between batches that were not full.
const GATHER: Duration = Duration::from_millis(100);
/// How often records held by a failed adapter are tried again.
const RETRY_EVERY: Duration = Duration::from_secs(30);
/// A partition that gives nothing for so long is read to its end.
const AT_END_AFTER: Duration = Duration::from_millis(500);
/// The part whose consumer does that: the lane inbounds come through.
const RETRYING_PART: &str = "inbound";

/// One source and where the database says it stands.
#[derive(Debug)]
pub struct Consumer<S> {
    source: S,
    assignment: Option<Assignment>,
    /// Read and not posted yet: given again after a wait.
    waiting: Option<SourceBatch>,
}

/// What one step did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// Records of the batch, those that a damaged range took included; 0: the source has ended.
    pub records: usize,
    /// How each inbound ended, in order. Records that were known already are not among them.
    pub outcomes: Vec<Outcome>,
}

impl<S: RecordSource> Consumer<S> {
    /// Nothing is taken over before the first step.
    pub const fn new(source: S) -> Self {
        Self { source, assignment: None, waiting: None }
    }

    /// The source, to be read from elsewhere.
    pub const fn source(&self) -> &S {
        &self.source
    }
}

impl Pipeline {
    /// Reads one batch and posts it.
    ///
    /// # Errors
    /// [`PipelineError`]: after [`PipelineError::Wait`] the same batch is given again by the next
    /// call; after anything else the next call takes the partition over anew and begins where the
    /// database stands.
    pub async fn step<S: RecordSource>(
        &self,
        consumer: &mut Consumer<S>,
    ) -> Result<Tally, PipelineError> {
        self.stand(consumer).await?;
        self.fill(consumer).await?;
        self.post_waiting(consumer).await
    }

    /// Takes the partition over, unless it has it.
    async fn stand<S: RecordSource>(
        &self,
        consumer: &mut Consumer<S>,
    ) -> Result<(), PipelineError> {
        if consumer.assignment.is_none() {
            consumer.waiting = None;
            consumer.assignment = Some(self.assign(&mut consumer.source).await?);
        }
        Ok(())
    }

    /// Waits for records; dropping it half-way loses nothing.
    async fn fill<S: RecordSource>(&self, consumer: &mut Consumer<S>) -> Result<(), PipelineError> {
        if consumer.waiting.is_none() {
            let part = consumer.source.partition().clone();
            let at_end = || self.rooms.lag(&part, Duration::ZERO);
            let read = next_of(&mut consumer.source, at_end).await;
            consumer.waiting = Some(read.inspect_err(|_| consumer.assignment = None)?);
        }
        Ok(())
    }

    async fn post_waiting<S: RecordSource>(
        &self,
        consumer: &mut Consumer<S>,
    ) -> Result<Tally, PipelineError> {
        let (Some(assignment), Some(batch)) = (&mut consumer.assignment, &consumer.waiting) else {
            return Ok(Tally::default());
        };
        let next = batch.next;
        if next == assignment.next {
            consumer.waiting = None;
            return Ok(Tally::default());
        }
        match self.batch(assignment, batch).await {
            Ok(tally) => {
                assignment.next = next;
                consumer.waiting = None;
                consumer.source.committed(next).await;
                Ok(tally)
            }
            Err(PipelineError::Wait) => Err(PipelineError::Wait),
            Err(error) => {
                // Whether a lost COMMIT happened is read from the offset row; the inbox absorbs
                // what is read twice.
                consumer.assignment = None;
                Err(error)
            }
        }
    }

    async fn batch(
        &self,
        assignment: &Assignment,
        batch: &SourceBatch,
    ) -> Result<Tally, PipelineError> {
        let rooms = &*self.rooms;
        let (mut parcels, intake) = sort(batch, assignment);
        parcels.extend(clicks::earning(rooms, &intake).await?);
        if let Some(oldest) = batch.records.first() {
            let lag = rooms.clock.now().since(oldest.received_at);
            rooms.lag(&assignment.partition, lag);
        }
        let missing = usize::try_from(batch.missing).unwrap_or(usize::MAX);
        let records = batch.records.len().saturating_add(missing);
        if parcels.is_empty() {
            clicks::count(rooms, &intake, rooms.clock.now()).await?;
            return Ok(Tally { records, outcomes: Vec::new() });
        }
        let posted = convert(rooms, parcels, Some(&intake)).await?;
        let now = rooms.clock.now();
        for one in &posted {
            metrics::inbound_ended(&one.into(), now);
        }
        let outcomes = posted.iter().map(|one| one.end.outcome).collect();
        Ok(Tally { records, outcomes })
    }

    async fn assign<S: RecordSource>(&self, source: &mut S) -> Result<Assignment, PipelineError> {
        let partition = source.partition().clone();
        let mut tx = self.rooms.store.begin_batch().await?;
        let now = self.rooms.clock.now();
        let assignment = tx.offsets().assign(GROUP, &partition, now).await?;
        tx.save().await?;
        if let (Some(expected), true) = (assignment.last_event, assignment.next > 1) {
            source.seek(assignment.next - 1).await?;
            let last = source.next_batch(1).await?;
            let found = last.records.first().filter(|record| record.seq + 1 == assignment.next);
            let found = found.and_then(event_of);
            if found.is_some_and(|found| found != expected) {
                let Partition { topic, part } = &partition;
                return Err(PipelineError::Rewritten(format!("{topic}/{part}")));
            }
        }
        source.seek(assignment.next).await?;
        Ok(assignment)
    }

    /// Runs one lane until it is told to stop, the source ends, or the partition belongs to
    /// somebody else.
    ///
    /// # Errors
    /// [`PipelineError`] where going on would be wrong: fenced, rewritten, stopped. Everything else
    /// is tried again.
    pub async fn run<S: RecordSource>(
        &self,
        source: S,
        stop: CancellationToken,
    ) -> Result<(), PipelineError> {
        let mut consumer = Consumer::new(source);
        let mut pause = WAIT;
        let retries_here = consumer.source.partition().part == RETRYING_PART;
        let mut retries = tokio::time::interval(RETRY_EVERY);
        while !stop.is_cancelled() {
            let stepped = match self.stand(&mut consumer).await {
                Ok(()) => {
                    // A batch that has begun is finished; only waiting for records is given up.
                    let filled = tokio::select! {
                        () = stop.cancelled() => return Ok(()),
                        _ = retries.tick(), if retries_here => {
                            if let Err(error) = self.retry_held(RETRY_EVERY).await {
                                tracing::warn!(error = %chain(&error), "pipeline.retry failed");
                            }
                            continue;
                        }
                        filled = self.fill(&mut consumer) => filled,
                    };
                    match filled {
                        Ok(()) => self.post_waiting(&mut consumer).await,
                        Err(error) => Err(error),
                    }
                }
                Err(error) => Err(error),
            };
            match stepped {
                Ok(tally) if tally.records == 0 => return Ok(()),
                Ok(tally) => {
                    pause = WAIT;
                    if tally.outcomes.is_empty() && tally.records < BATCH_RECORDS_MAX {
                        gather(&stop).await;
                    }
                }
                Err(PipelineError::Wait) => tokio::time::sleep(WAIT).await,
                Err(
                    error @ (PipelineError::Fenced
                    | PipelineError::Rewritten(_)
                    | PipelineError::Stopped),
                ) => return Err(error),
                Err(error) => {
                    tracing::error!(error = %chain(&error), "pipeline.batch failed, trying again");
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(BACKOFF_MAX);
                }
            }
        }
        Ok(())
    }
}

/// The next batch. `at_end` is told when there is none for a while: the partition is read to its
/// end.
async fn next_of<S: RecordSource>(
    source: &mut S,
    at_end: impl FnOnce(),
) -> Result<SourceBatch, SourceError> {
    let mut reading = pin!(source.next_batch(BATCH_RECORDS_MAX));
    tokio::select! {
        biased;
        read = &mut reading => return read,
        () = tokio::time::sleep(AT_END_AFTER) => at_end(),
    }
    reading.await
}

/// Lets clicks gather: they only move reports, and a commit for each would take the writer's time
/// from money.
async fn gather(stop: &CancellationToken) {
    tokio::select! {
        () = stop.cancelled() => {}
        () = tokio::time::sleep(GATHER) => {}
    }
}

/// An error with everything below it, in one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

fn event_of(record: &SourceRecord) -> Option<EventId> {
    match RecordKind::from_byte(record.kind)? {
        RecordKind::Inbound => {
            wire::decode_inbound(&record.payload).ok().map(|inbound| inbound.event_id)
        }
        _ => None,
    }
}

/// The inbounds of a batch, and what else it holds.
fn sort(batch: &SourceBatch, assignment: &Assignment) -> (Vec<Parcel>, Intake) {
    let partition = Arc::new(assignment.partition.clone());
    let advance = Advance { to: batch.next, last_event: None, passed: 0 };
    let (clicks, control) = (Vec::new(), Vec::new());
    let mut intake = Intake { assignment: assignment.clone(), advance, clicks, control };
    let mut parcels: Vec<Parcel> = Vec::new();
    let mut seen = HashSet::new();
    for record in &batch.records {
        intake.advance.last_event = None;
        match RecordKind::from_byte(record.kind) {
            Some(RecordKind::Inbound) => {
                let parcel = unpack(record, &partition);
                let event = parcel.inbound.event_id;
                intake.advance.last_event = Some(event);
                if seen.insert((parcel.inbound.tenant, event)) {
                    parcels.push(parcel);
                }
            }
            Some(RecordKind::Click) => intake.clicks.push(record.clone()),
            Some(RecordKind::Refusal | RecordKind::Shed) => intake.control.push(record.clone()),
            Some(RecordKind::Catalog) | None => {}
        }
    }
    // Counted from sequences: whatever a range lost, repeated or holds beside inbounds.
    let inbounds = u64::try_from(parcels.len()).unwrap_or(u64::MAX);
    intake.advance.passed = batch.next.saturating_sub(assignment.next).saturating_sub(inbounds);
    (parcels, intake)
}

/// An inbound that cannot be decoded is kept under an id made of its place, so that the record
/// alone is held and seen.
fn unpack(record: &SourceRecord, partition: &Arc<Partition>) -> Parcel {
    let place = Place { partition: Arc::clone(partition), seq: record.seq, again: None };
    let (inbound, content) = match wire::decode_inbound(&record.payload) {
        Ok(inbound) => (inbound, Content::Unread),
        Err(error) => {
            let end = super::parcel::End::held_by_adapter(format!("record: {error}"));
            (control::undecodable(record, partition), Content::Ended(end))
        }
    };
    let inbound: Arc<Inbound> = Arc::new(inbound);
    Parcel { place, inbound, integration: None, plugin: None, content, clicked: None }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;
    use std::sync::atomic::Ordering;

    use super::*;

    /// Has a batch after a while.
    struct After(Duration, Partition);

    impl RecordSource for After {
        fn partition(&self) -> &Partition {
            &self.1
        }

        async fn seek(&mut self, _next: u64) -> Result<(), SourceError> {
            Ok(())
        }

        async fn next_batch(&mut self, _records_max: usize) -> Result<SourceBatch, SourceError> {
            tokio::time::sleep(self.0).await;
            Ok(SourceBatch { next: 7, ..SourceBatch::default() })
        }

        async fn committed(&mut self, _next: u64) {}
    }

    #[tokio::test(start_paused = true)]
    async fn a_partition_that_gives_nothing_is_read_to_its_end() {
        let partition = Partition { topic: "journal-1".to_owned(), part: "inbound".to_owned() };
        for (pause, is_told) in [(AT_END_AFTER / 2, false), (AT_END_AFTER * 20, true)] {
            let (is_at_end, mut source) = (AtomicBool::new(false), After(pause, partition.clone()));
            let at_end = || is_at_end.store(true, Ordering::Relaxed);
            let batch = next_of(&mut source, at_end).await.expect("a batch");
            assert_eq!((is_at_end.into_inner(), batch.next), (is_told, 7));
        }
    }
}
