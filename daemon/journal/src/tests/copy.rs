//! A copy made beside the writer: whole, bounded, and an honest picture of damage.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

use super::sim::ROOT;
use super::sim::closed_lane;
use super::sim::context;
use super::sim::lane_dir;
use super::sim::payload;
use super::sim::small_config;
use super::threads::environment;
use crate::config::JournalConfig;
use crate::config::Lane;
use crate::config::LaneConfig;
use crate::copy::copy_cursors;
use crate::copy::copy_records;
use crate::inspect::verify;
use crate::journal::Journal;
use crate::lane::LaneHandle;
use crate::reader::BatchLimit;
use crate::reader::Reader;
use crate::record::Record;
use crate::segment::segment_path;
use crate::storage::ModelDisk;
use crate::storage::RealStorage;
use crate::storage::Storage;

/// Copies made while records are appended.
const COPIES: usize = 12;

fn config() -> JournalConfig {
    JournalConfig::single(LaneConfig { payload_bytes_max: 4096, ..small_config() })
}

fn append(lane: &LaneHandle, number: u64) -> u64 {
    let bytes = payload(number, 900);
    let record = Record { kind: 1, flags: 0, received_at: 0, payload: &bytes };
    lane.append_durable(record).expect("taken").wait().expect("durable")
}

/// The payloads of the journal in `root`, in order, after it was opened and closed by a writer.
fn reopened(root: &Path) -> Vec<Vec<u8>> {
    let storage: Arc<dyn Storage> = Arc::new(RealStorage::new());
    let (journal, report) =
        Journal::open(root, config(), environment(Arc::clone(&storage))).expect("the copy opens");
    assert!(!report.is_degraded(), "{report:?}");
    journal.close().expect("closes");
    let mut reader = Reader::open_dir(storage, root, Lane::Inbound, 1).expect("a reader");
    let mut payloads = Vec::new();
    loop {
        let batch = reader.next_batch(BatchLimit::default()).expect("read");
        assert_eq!(batch.missing, []);
        if batch.records.is_empty() {
            return payloads;
        }
        payloads.extend(batch.records.into_iter().map(|record| record.payload.to_vec()));
    }
}

#[test]
fn a_copy_beside_the_writer_holds_everything_that_was_confirmed_before() {
    let directory = tempfile::tempdir().expect("a directory");
    let storage = RealStorage::new();
    let root = directory.path().join("journal");
    let mut config = config();
    config.lanes[0].quota_bytes = 64 << 20;
    let (journal, _) = Journal::open(&root, config, environment(Arc::new(storage))).expect("opens");
    let lane = journal.lane(&Lane::Inbound).expect("configured");
    let (confirmed, is_over) = (AtomicU64::new(0), AtomicBool::new(false));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut number = 0;
            while !is_over.load(Ordering::Relaxed) {
                append(&lane, number);
                number += 1;
                confirmed.store(number, Ordering::Release);
            }
        });
        for copy in 0..COPIES {
            while confirmed.load(Ordering::Acquire) < (copy as u64 + 1) * 5 {
                std::thread::yield_now();
            }
            let before = confirmed.load(Ordering::Acquire);
            let to = directory.path().join(format!("copy-{copy}"));
            let copied = copy_records(&storage, &root, &to).expect("copied");
            assert!(copied[0].last_seq >= before, "{copied:?}, {before} were confirmed");
            assert!(!verify(&storage, &to).expect("verified").is_damaged());
            let payloads = reopened(&to);
            assert_eq!(payloads.len() as u64, copied[0].last_seq);
            let expected = |number: usize| payload(number as u64, 900);
            assert!(payloads.iter().enumerate().all(|(number, held)| *held == expected(number)));
        }
        is_over.store(true, Ordering::Relaxed);
    });
    journal.close().expect("closes");
}

#[test]
fn cursors_are_copied_as_they_are() {
    let disk = ModelDisk::new(3);
    let storage: Arc<dyn Storage> = Arc::new(disk.clone());
    let root = Path::new(ROOT);
    let (journal, _) =
        Journal::open(root, config(), environment(Arc::clone(&storage))).expect("opens");
    let lane = journal.lane(&Lane::Inbound).expect("configured");
    for number in 0..30 {
        append(&lane, number);
    }
    lane.cursor("pipeline").expect("a cursor").save(21).expect("saved");
    let to = Path::new("/copy");
    copy_cursors(&disk, root, to).expect("copied");
    lane.cursor("pipeline").expect("a cursor").save(30).expect("saved");
    let copied = copy_records(&disk, root, to).expect("copied");
    assert_eq!((copied[0].first_seq, copied[0].last_seq), (1, 30));
    disk.crash();
    let summary = verify(&disk, to).expect("the copy was synced");
    assert_eq!(summary.lanes[0].cursors, [("pipeline".to_owned(), 21)]);
    assert_eq!((summary.lanes[0].records, summary.is_damaged()), (30, false));
}

#[test]
fn damage_of_the_original_is_damage_of_the_copy_and_costs_no_neighbour() {
    let disk = ModelDisk::new(4);
    closed_lane(&context(&disk, small_config(), 5), 4, 60);
    let path = segment_path(&lane_dir(), &Lane::Inbound, 2);
    assert!(disk.corrupt(&path, |bytes| bytes[3000] ^= 16));
    let original = verify(&disk, Path::new(ROOT)).expect("verified");
    let to = Path::new("/copy");
    copy_records(&disk, Path::new(ROOT), to).expect("copied");
    let copy = verify(&disk, to).expect("verified");
    assert!(copy.is_damaged());
    assert_eq!(copy.lanes[0].records, original.lanes[0].records);
    assert_eq!(copy.lanes[0].damage, original.lanes[0].damage);
}
