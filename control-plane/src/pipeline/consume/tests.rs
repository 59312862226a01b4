//! One suite for every source: what `RecordSource` promises.

use std::sync::Arc;
use std::time::Duration;

use journal::Environment;
use journal::Journal;
use journal::JournalConfig;
use journal::Lane;
use journal::LaneConfig;
use journal::NoObserver;
use journal::RealStorage;
use journal::Record;
use model::clock::Timestamp;
use store::offsets::Partition;

use super::JournalSource;
use super::MemorySource;
use super::RecordSource;
use super::SourceError;

/// Holds a fresh source over an empty partition to its contract. `push` appends a durable record.
async fn suite<S: RecordSource>(mut open: impl FnMut() -> S, push: impl Fn(&[u8])) {
    for payload in [b"one", b"two", b"six"] {
        push(payload);
    }
    let mut source = open();
    source.seek(1).await.expect("the beginning");
    let first = source.next_batch(2).await.expect("records");
    assert_eq!(first.records.iter().map(|record| record.seq).collect::<Vec<_>>(), [1, 2]);
    assert_eq!((first.next, first.missing), (3, 0));
    let second = source.next_batch(2).await.expect("records");
    assert_eq!(&*second.records[0].payload, b"six");
    assert_eq!(second.next, 4);
    // Told or not, it is still there: the database alone remembers.
    source.committed(4).await;
    let mut again = open();
    again.seek(3).await.expect("a place");
    assert_eq!(again.next_batch(9).await.expect("records").records, second.records);
    again.seek(4).await.expect("the end");
    push(b"ten");
    assert_eq!(&*again.next_batch(9).await.expect("records").records[0].payload, b"ten");
    for nowhere in [0, 6] {
        let refused = again.seek(nowhere).await;
        assert!(matches!(refused, Err(SourceError::OutOfRange { .. })), "{nowhere}: {refused:?}");
    }
}

#[tokio::test]
async fn memory_keeps_the_contract() {
    let source = MemorySource::new("journal-1", "inbound");
    let opened = source.clone();
    let push = |payload: &[u8]| {
        source.push(2, Timestamp(1), payload.to_vec());
    };
    suite(move || opened.clone(), push).await;
}

struct Ticks(std::sync::atomic::AtomicU64);

impl journal::Time for Ticks {
    fn wall_micros(&self) -> i64 {
        1
    }

    fn monotonic_micros(&self) -> u64 {
        self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed)
    }
}

#[tokio::test]
async fn a_journal_lane_keeps_the_contract() {
    let directory = tempfile::tempdir().expect("a directory");
    let lane = LaneConfig {
        segment_bytes: 1 << 20,
        first_segment_bytes: 1 << 20,
        reserve_bytes: 0,
        group_delay: Duration::ZERO,
        ..LaneConfig::inbound()
    };
    let environment = Environment {
        storage: Arc::new(RealStorage::new()),
        time: Arc::new(Ticks(std::sync::atomic::AtomicU64::new(0))),
        entropy: Arc::new(|| 7),
        observer: Arc::new(NoObserver),
    };
    let (journal, _) = Journal::open(directory.path(), JournalConfig::single(lane), environment)
        .expect("a journal");
    let handle = journal.lane(&Lane::Inbound).expect("the lane");
    let partition = Partition { topic: "journal-1".to_owned(), part: "inbound".to_owned() };
    let pushing = handle.clone();
    let push = move |payload: &[u8]| {
        let record = Record { kind: 2, flags: 0, received_at: 1, payload };
        let receipt = pushing.append_durable(record).expect("room");
        receipt.wait().expect("durable");
    };
    suite(|| JournalSource::new(handle.clone(), partition.clone()), push).await;
}
