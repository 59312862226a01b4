//! The whole journal with its threads, on a real directory and on the model disk.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

use tokio::runtime::Builder;

use super::sim::payload;
use crate::config::Environment;
use crate::config::JournalConfig;
use crate::config::Lane;
use crate::config::LaneConfig;
use crate::config::Time;
use crate::fact::Fact;
use crate::inspect::verify;
use crate::journal::Journal;
use crate::journal::OpenError;
use crate::observer::NoObserver;
use crate::reader::BatchLimit;
use crate::reader::Reader;
use crate::record::AppendError;
use crate::record::Record;
use crate::record::Shed;
use crate::record::StoredRecord;
use crate::storage::ModelDisk;
use crate::storage::RealStorage;
use crate::storage::Storage;

/// Moves on by a little at every look, so that what is paced by time happens.
#[derive(Debug, Default)]
pub(super) struct TickingTime(AtomicU64);

impl Time for TickingTime {
    fn wall_micros(&self) -> i64 {
        self.monotonic_micros().cast_signed()
    }

    fn monotonic_micros(&self) -> u64 {
        self.0.fetch_add(20_000, Ordering::Relaxed)
    }
}

/// Stands still: nothing happens that only time would bring.
#[derive(Debug)]
struct FrozenTime;

impl Time for FrozenTime {
    fn wall_micros(&self) -> i64 {
        1
    }

    fn monotonic_micros(&self) -> u64 {
        1
    }
}

pub(super) fn environment(storage: Arc<dyn Storage>) -> Environment {
    let salts = AtomicU64::new(7);
    Environment {
        storage,
        time: Arc::new(TickingTime::default()),
        entropy: Arc::new(move || salts.fetch_add(0x1234_5677, Ordering::Relaxed)),
        observer: Arc::new(NoObserver),
    }
}

/// Small segments, so that every test rotates.
fn small(lane: LaneConfig) -> LaneConfig {
    LaneConfig {
        segment_bytes: 64 << 10,
        first_segment_bytes: 32 << 10,
        quota_bytes: 64 << 20,
        reserve_bytes: lane.reserve_bytes.min(128 << 10),
        payload_bytes_max: 4096,
        ..lane
    }
}

fn config() -> JournalConfig {
    let lanes = [LaneConfig::inbound(), LaneConfig::clicks(), LaneConfig::control()];
    JournalConfig { lanes: lanes.into_iter().map(small).collect(), scrub_bytes_per_second: 1 << 20 }
}

fn record(payload: &[u8]) -> Record<'_> {
    Record { kind: 1, flags: 0, received_at: 77, payload }
}

fn drain(reader: &mut Reader) -> Vec<StoredRecord> {
    let mut records = Vec::new();
    loop {
        let batch = reader.next_batch(BatchLimit::default()).expect("read");
        assert_eq!(batch.missing, [], "nothing is missing");
        if batch.records.is_empty() {
            return records;
        }
        records.extend(batch.records);
    }
}

/// Four threads append and wait; then everything they were told is there, after a new start too.
fn check_appends(storage: &Arc<dyn Storage>, root: &Path) {
    let (journal, _) =
        Journal::open(root, config(), environment(Arc::clone(storage))).expect("opens");
    let inbound = journal.lane(&Lane::Inbound).expect("configured");
    let told: Vec<(u64, Vec<u8>)> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4_u64)
            .map(|thread| {
                let inbound = inbound.clone();
                scope.spawn(move || {
                    let append = |number: u64| {
                        let bytes = payload(
                            thread << 32 | number,
                            30 + usize::try_from(number % 900).unwrap_or(0),
                        );
                        let receipt = inbound.append_durable(record(&bytes)).expect("taken");
                        (receipt.wait().expect("durable"), bytes)
                    };
                    (0..100).map(append).collect::<Vec<_>>()
                })
            })
            .collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("ends")).collect()
    });
    let live = drain(&mut inbound.reader(1));
    journal.close().expect("closes");

    let (journal, report) =
        Journal::open(root, config(), environment(Arc::clone(storage))).expect("opens again");
    assert!(!report.is_degraded(), "{report:?}");
    let mut reader = journal.lane(&Lane::Inbound).expect("configured").reader(1);
    let again = drain(&mut reader);
    assert_eq!(live, again, "the live reader and a later one agree");
    assert_eq!(again.len(), told.len(), "each record once");
    for (seq, bytes) in told {
        let index = usize::try_from(seq).expect("small") - 1;
        assert_eq!((again[index].seq, &again[index].payload[..]), (seq, &bytes[..]));
    }
    drop(journal);
    let summary = verify(&**storage, root).expect("verified");
    assert!(!summary.is_damaged(), "{summary:?}");
}

#[test]
fn receipts_of_many_threads_hold_after_a_restart_on_a_real_disk() {
    let dir = tempfile::tempdir().expect("a directory");
    let storage: Arc<dyn Storage> = Arc::new(RealStorage::new());
    check_appends(&storage, &dir.path().join("a").join("journal"));
}

#[test]
fn receipts_of_many_threads_hold_after_a_restart_on_the_model_disk() {
    let storage: Arc<dyn Storage> = Arc::new(ModelDisk::new(1));
    check_appends(&storage, Path::new("/journal"));
}

#[test]
fn receipts_hold_when_the_power_goes_without_a_goodbye() {
    let disk = ModelDisk::new(5);
    let storage: Arc<dyn Storage> = Arc::new(disk.clone());
    let root = Path::new("/journal");
    let (journal, _) =
        Journal::open(root, config(), environment(Arc::clone(&storage))).expect("opens");
    let inbound = journal.lane(&Lane::Inbound).expect("configured");
    for number in 0..50 {
        let bytes = payload(number, 200);
        inbound.append_durable(record(&bytes)).expect("taken").wait().expect("durable");
    }
    disk.crash_after(0);
    let lost = inbound.append_durable(record(b"too late")).expect("taken").wait();
    assert_eq!(lost, Err(AppendError::Failed), "a disk that is off confirms nothing");
    assert!(inbound.state().borrow().failed, "the caller can see that only a start helps");
    assert_eq!(inbound.append_durable(record(b"x")).err(), Some(AppendError::Failed));
    drop(journal);
    disk.crash();
    let (journal, _) = Journal::open(root, config(), environment(storage)).expect("opens");
    let records = drain(&mut journal.lane(&Lane::Inbound).expect("configured").reader(1));
    assert!(records.len() >= 50, "{} of 50", records.len());
}

#[test]
fn a_second_opening_is_refused_until_the_first_is_closed() {
    let dir = tempfile::tempdir().expect("a directory");
    let storage: Arc<dyn Storage> = Arc::new(RealStorage::new());
    let open = || Journal::open(dir.path(), config(), environment(Arc::clone(&storage)));
    let (first, _) = open().expect("opens");
    assert!(matches!(open(), Err(OpenError::Locked)));
    first.close().expect("closes");
    open().expect("opens after the first is closed");
}

#[test]
fn clicks_are_durable_without_anybody_waiting() {
    let storage: Arc<dyn Storage> = Arc::new(ModelDisk::new(2));
    let (journal, _) =
        Journal::open(Path::new("/journal"), config(), environment(storage)).expect("opens");
    let clicks = journal.lane(&Lane::Clicks).expect("configured");
    std::thread::scope(|scope| {
        for _ in 0..3 {
            let clicks = clicks.clone();
            scope.spawn(move || {
                for number in 0..500_u64 {
                    clicks.enqueue(record(&number.to_le_bytes())).expect("taken");
                }
            });
        }
    });
    let runtime = Builder::new_current_thread().build().expect("a runtime");
    let mut reader = clicks.reader(1);
    let mut count = 0;
    while count < 1500 {
        assert!(runtime.block_on(reader.wait()), "the journal is open");
        count += drain(&mut reader).len();
    }
    assert_eq!(clicks.stats().records, 1500);
    assert!(clicks.stats().syncs > 0, "by time alone");
}

#[test]
fn a_flush_covers_everything_before_it() {
    let storage: Arc<dyn Storage> = Arc::new(ModelDisk::new(3));
    let (journal, _) =
        Journal::open(Path::new("/journal"), config(), environment(storage)).expect("opens");
    let clicks = journal.lane(&Lane::Clicks).expect("configured");
    for number in 0..100_u64 {
        clicks.enqueue(record(&number.to_le_bytes())).expect("taken");
    }
    assert_eq!(clicks.flush().wait(), Ok(100));
    assert_eq!(drain(&mut clicks.reader(1)).len(), 100);
    let runtime = Builder::new_current_thread().build().expect("a runtime");
    assert_eq!(runtime.block_on(clicks.flush()), Ok(100), "also as a future, also when idle");
}

#[test]
fn what_cannot_be_a_record_is_refused_before_it_waits() {
    let storage: Arc<dyn Storage> = Arc::new(ModelDisk::new(4));
    let (journal, _) =
        Journal::open(Path::new("/journal"), config(), environment(storage)).expect("opens");
    let inbound = journal.lane(&Lane::Inbound).expect("configured");
    assert_eq!(inbound.append_durable(record(b"")).err(), Some(AppendError::Empty));
    assert_eq!(inbound.append_durable(record(&[1; 5000])).err(), Some(AppendError::TooLarge));
    let fact = Record { kind: 0xe0, ..record(b"x") };
    assert_eq!(inbound.append_durable(fact).err(), Some(AppendError::ReservedKind));
    assert_eq!(inbound.enqueue(fact), Err(Shed::Invalid));
    journal.close().expect("closes");
    assert_eq!(inbound.append_durable(record(b"x")).err(), Some(AppendError::Closed));
    assert_eq!(inbound.enqueue(record(b"x")), Err(Shed::Closed));
    assert_eq!(inbound.flush().wait(), Err(AppendError::Closed));
    assert_eq!(inbound.stats().shed, 2);
}

#[test]
fn missing_sequences_are_written_into_the_control_lane() {
    let disk = ModelDisk::new(6);
    let storage: Arc<dyn Storage> = Arc::new(disk.clone());
    let root = Path::new("/journal");
    let (journal, _) =
        Journal::open(root, config(), environment(Arc::clone(&storage))).expect("opens");
    let inbound = journal.lane(&Lane::Inbound).expect("configured");
    for number in 0..20 {
        let bytes = payload(number, 100);
        inbound.append_durable(record(&bytes)).expect("taken").wait().expect("durable");
    }
    drop(journal);
    // Record 3, well behind the syncs of its successors.
    let path = root.join("inbound/inbound-00000000000000000001.seg");
    assert!(disk.corrupt(&path, |bytes| bytes[610] ^= 1));
    let (journal, report) = Journal::open(root, config(), environment(storage)).expect("opens");
    assert!(report.is_degraded(), "{report:?}");
    let control = journal.lane(&Lane::Control).expect("configured");
    control.flush().wait().expect("durable");
    let facts: Vec<_> = drain(&mut control.reader(1))
        .iter()
        .filter_map(|record| Fact::decode(record.kind, &record.payload))
        // The scrubber may have come by as well.
        .filter(|fact| matches!(fact, Fact::Missing { .. }))
        .collect();
    let [Fact::Missing { lane: Lane::Inbound, range, .. }] = facts[..] else {
        panic!("{facts:?}");
    };
    assert_eq!(range.count(), 1, "one bit costs one record");
    let batch = journal.lane(&Lane::Inbound).expect("configured").reader(1);
    let batch = { batch }.next_batch(BatchLimit::default()).expect("read");
    assert_eq!((batch.records.len(), batch.missing.len()), (19, 1), "the neighbours are intact");
}

#[test]
fn control_is_synced_with_the_next_inbound_sync() {
    let storage: Arc<dyn Storage> = Arc::new(ModelDisk::new(7));
    let environment = Environment { time: Arc::new(FrozenTime), ..environment(storage) };
    let config = JournalConfig { scrub_bytes_per_second: 0, ..config() };
    let (journal, _) = Journal::open(Path::new("/journal"), config, environment).expect("opens");
    let control = journal.lane(&Lane::Control).expect("configured");
    let inbound = journal.lane(&Lane::Inbound).expect("configured");
    control.enqueue(record(b"catalog at 9")).expect("taken");
    inbound.append_durable(record(b"postback")).expect("taken").wait().expect("durable");
    let runtime = Builder::new_current_thread().build().expect("a runtime");
    assert!(runtime.block_on(control.reader(1).wait()), "no time passed");
    assert_eq!(drain(&mut control.reader(1)).len(), 1);
}

/// What a full queue does to either door: it refuses, and what was taken before is kept.
#[test]
fn a_full_queue_refuses_and_keeps_what_it_has() {
    let storage: Arc<dyn Storage> = Arc::new(ModelDisk::new(8));
    let environment = Environment { time: Arc::new(FrozenTime), ..environment(storage) };
    let clicks = LaneConfig { queue_records_max: 160, ..small(LaneConfig::clicks()) };
    let config = JournalConfig { lanes: vec![clicks], scrub_bytes_per_second: 0 };
    let (journal, _) = Journal::open(Path::new("/journal"), config, environment).expect("opens");
    let clicks = journal.lane(&Lane::Clicks).expect("configured");
    let mut taken = 0;
    while clicks.enqueue(record(b"click")).is_ok() {
        taken += 1;
        assert!(taken <= 1000, "the queue is bounded");
    }
    assert_eq!(clicks.enqueue(record(b"click")), Err(Shed::Busy));
    assert_eq!(clicks.append_durable(record(b"click")).err(), Some(AppendError::Busy));
    clicks.flush().wait().expect("durable");
    assert_eq!(drain(&mut clicks.reader(1)).len(), taken);
    assert_eq!(clicks.stats().shed, 2);
}

#[test]
fn without_durability_nothing_is_synced_between_start_and_end() {
    let disk = ModelDisk::new(9);
    let storage: Arc<dyn Storage> = Arc::new(disk.clone());
    let lane = LaneConfig { sync: crate::config::SyncMode::Off, ..small(LaneConfig::inbound()) };
    let config = JournalConfig { lanes: vec![lane], scrub_bytes_per_second: 0 };
    let (journal, _) =
        Journal::open(Path::new("/journal"), config, environment(storage)).expect("opens");
    let inbound = journal.lane(&Lane::Inbound).expect("configured");
    let syncs = disk.sync_count();
    for _ in 0..200 {
        let receipt = inbound.append_durable(record(&[7; 1000])).expect("taken");
        receipt.wait().expect("answered");
    }
    assert_eq!(disk.sync_count(), syncs, "over several segments");
}
