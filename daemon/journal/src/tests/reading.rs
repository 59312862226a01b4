//! Cursors, trimming, replay window, readers, scrubbing and the offline tools.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use parking_lot::Mutex;

use super::sim::ROOT;
use super::sim::closed_lane;
use super::sim::context;
use super::sim::lane_dir;
use super::sim::payload;
use super::sim::read_all;
use super::sim::small_config;
use super::threads::environment;
use crate::config::JournalConfig;
use crate::config::Lane;
use crate::config::LaneConfig;
use crate::cursor::Cursors;
use crate::inspect::SegmentHealth;
use crate::inspect::inspect;
use crate::inspect::verify;
use crate::journal::Journal;
use crate::lane::Worker;
use crate::observer::JournalObserver;
use crate::reader::BatchLimit;
use crate::reader::Reader;
use crate::record::Group;
use crate::record::Record;
use crate::record::SeqRange;
use crate::scan::Damage;
use crate::scrub::Scrubber;
use crate::segment::list_segments;
use crate::segment::segment_path;
use crate::storage::ModelDisk;
use crate::storage::Storage;
use crate::storage::ensure_dir;
use crate::writer::LaneWriter;

const HOUR_MICROS: i64 = 3_600_000_000;

fn group(number: u64) -> Group {
    let mut group = Group::default();
    let bytes = payload(number, 700);
    group.push(Record { kind: 1, flags: 0, received_at: 0, payload: &bytes });
    group
}

/// An open lane with ten segments and a replay window of one hour.
fn lane(disk: &ModelDisk) -> LaneWriter {
    let config = LaneConfig { replay_window: Duration::from_hours(1), ..small_config() };
    ensure_dir(disk, Path::new(ROOT)).expect("created");
    let (mut writer, _) = LaneWriter::open(context(disk, config, 1), &[], 0).expect("opens");
    for number in 0..100 {
        assert_eq!(writer.write(group(number), 0).error, None, "written");
        writer.sync(0).expect("synced");
    }
    writer
}

fn segment_count(disk: &ModelDisk) -> usize {
    list_segments(disk, &lane_dir(), &Lane::Inbound).expect("listed").len()
}

#[test]
fn a_segment_goes_only_when_all_have_read_it_and_the_replay_window_is_over() {
    let disk = ModelDisk::new(1);
    let mut writer = lane(&disk);
    let all = segment_count(&disk);
    assert_eq!(writer.trim(0, HOUR_MICROS * 2).expect("trimmed"), 0, "nobody has read it");
    assert_eq!(writer.trim(100, HOUR_MICROS - 1).expect("trimmed"), 0, "it may be replayed");
    assert_eq!(writer.first_seq(), 1);
    let removed = writer.trim(35, HOUR_MICROS).expect("trimmed");
    assert_eq!(removed, 3, "three whole segments lie before the slowest reader");
    assert_eq!(segment_count(&disk), all - 3);
    assert!(writer.first_seq() <= 36);
    disk.crash();
    let batch = read_all(&context(&disk, small_config(), 1)).expect("read");
    assert_eq!(batch.missing, [SeqRange { first: 1, last: batch.records[0].seq - 1 }]);
    assert_eq!(batch.records.last().expect("some").seq, 100);
}

#[test]
fn the_slowest_cursor_counts_and_survives_damage_as_zero() {
    let disk = ModelDisk::new(2);
    let storage: Arc<dyn Storage> = Arc::new(disk.clone());
    let dir = Path::new(ROOT).join("cursors");
    ensure_dir(&disk, &dir).expect("created");
    let load = || Arc::new(Cursors::load(Arc::clone(&storage), dir.clone()).expect("loaded"));
    let cursors = load();
    assert_eq!(cursors.slowest(), None);
    let mut fast = cursors.open("fast", 0).expect("a cursor");
    let mut slow = cursors.open("slow", 7).expect("a cursor");
    assert_eq!(slow.position(), 7, "a new one begins where it is told");
    fast.save(90).expect("saved");
    slow.save(12).expect("saved");
    assert!(cursors.open("../fast", 0).is_err());
    disk.crash();
    let cursors = load();
    assert_eq!(cursors.positions(), [("fast".to_owned(), 90), ("slow".to_owned(), 12)]);
    assert_eq!(cursors.slowest(), Some(12));
    assert!(disk.corrupt(&dir.join("fast.cursor"), |bytes| bytes[9] ^= 1));
    assert_eq!(load().slowest(), Some(0), "an unreadable cursor holds everything back");
    load().forget("fast").expect("forgotten");
    disk.crash();
    assert_eq!(load().slowest(), Some(12));
}

#[test]
fn the_next_sequence_is_behind_every_cursor_also_without_the_newest_segment() {
    let disk = ModelDisk::new(3);
    drop(lane(&disk));
    let files = list_segments(&disk, &lane_dir(), &Lane::Inbound).expect("listed");
    for file in &files[5..] {
        disk.unlink(&segment_path(&lane_dir(), &Lane::Inbound, file.number)).expect("removed");
    }
    let (mut writer, report) =
        LaneWriter::open(context(&disk, small_config(), 2), &[97, 20], 0).expect("opens");
    assert_eq!(writer.write(group(1000), 0).first_seq, 98);
    assert!(report.is_degraded(), "somebody read what is not there any more: {report:?}");
}

#[test]
fn a_reader_may_begin_anywhere_and_asks_for_as_much_as_it_likes() {
    let disk = ModelDisk::new(4);
    drop(lane(&disk));
    let open = |from| {
        Reader::open_dir(Arc::new(disk.clone()), Path::new(ROOT), Lane::Inbound, from)
            .expect("opens")
    };
    let mut reader = open(55);
    let batch = reader.next_batch(BatchLimit { records_max: 3, bytes_max: 1 << 20 });
    let batch = batch.expect("read");
    let seqs: Vec<_> = batch.records.iter().map(|record| record.seq).collect();
    assert_eq!((seqs, batch.next_seq), (vec![55, 56, 57], 58));
    let one = reader.next_batch(BatchLimit { records_max: 99, bytes_max: 1 }).expect("read");
    assert_eq!(one.records.len(), 1, "one record always fits");
    assert_eq!(open(101).next_batch(BatchLimit::default()).expect("read").records, []);
    assert!(Reader::open_dir(Arc::new(disk), Path::new(ROOT), Lane::Clicks, 1).is_err());
}

#[test]
fn inspect_and_verify_describe_a_journal_from_outside() {
    let disk = ModelDisk::new(5);
    let storage: Arc<dyn Storage> = Arc::new(disk.clone());
    let config = || JournalConfig::single(small_config());
    let (journal, _) =
        Journal::open(Path::new(ROOT), config(), environment(Arc::clone(&storage))).expect("opens");
    let inbound = journal.lane(&Lane::Inbound).expect("configured");
    for number in 0..60 {
        let bytes = payload(number, 500);
        let record = Record { kind: 1, flags: 0, received_at: 0, payload: &bytes };
        inbound.append_durable(record).expect("taken").wait().expect("durable");
    }
    inbound.cursor("pipeline").expect("a cursor").save(40).expect("saved");
    journal.close().expect("closes");
    let shallow = inspect(&*storage, Path::new(ROOT)).expect("inspected");
    let deep = verify(&*storage, Path::new(ROOT)).expect("verified");
    let lane = &deep.lanes[0];
    assert_eq!(shallow.lanes[0].segments.len(), lane.segments.len());
    assert_eq!((lane.records, lane.first_seq, lane.last_seq), (60, Some(1), Some(60)));
    assert_eq!(lane.cursors, [("pipeline".to_owned(), 40)]);
    assert!(lane.segments.iter().all(|s| s.sealed && s.health == SegmentHealth::Intact));
    assert_eq!((lane.damage.len(), deep.is_damaged()), (0, false));
    let path = segment_path(&lane_dir(), &Lane::Inbound, 2);
    assert!(disk.corrupt(&path, |bytes| bytes[3000] ^= 16));
    let damaged = verify(&*storage, Path::new(ROOT)).expect("verified");
    assert!(damaged.is_damaged());
    assert_eq!(damaged.lanes[0].records, 59, "one bit costs one record");
}

#[derive(Debug, Default)]
struct Seen(Mutex<Vec<Damage>>);

impl JournalObserver for Seen {
    fn damaged(&self, _lane: &Lane, damage: &Damage) {
        self.0.lock().push(*damage);
    }
}

#[test]
fn the_scrubber_reports_damage_in_a_sealed_segment_once() {
    let disk = ModelDisk::new(6);
    let context = context(&disk, small_config(), 3);
    closed_lane(&context, 3, 60);
    let path = segment_path(&lane_dir(), &Lane::Inbound, 1);
    assert!(disk.corrupt(&path, |bytes| bytes[2000] ^= 1));
    let seen = Arc::new(Seen::default());
    let mut environment = environment(Arc::new(disk.clone()));
    environment.observer = Arc::clone(&seen) as Arc<dyn JournalObserver>;
    let dir = Path::new(ROOT).join("cursors");
    let cursors = Arc::new(Cursors::load(Arc::new(disk.clone()), dir).expect("loaded"));
    let (writer, _) = LaneWriter::open(context.clone(), &[], 1).expect("opens");
    let worker = Worker::new(writer, context.clone(), cursors, environment.clone());
    let stop = Arc::new(AtomicBool::new(false));
    let lanes = vec![(context, worker.handle())];
    let mut scrubber = Scrubber::new(lanes, None, environment, u64::MAX, stop);
    scrubber.pass();
    scrubber.pass();
    let found = seen.0.lock().clone();
    assert_eq!(found.len(), 1, "{found:?}");
    assert!((found[0].segment, found[0].start <= 2000, found[0].end > 2000) == (1, true, true));
    let copies = disk.list(&lane_dir().join("quarantine")).expect("listed");
    assert_eq!(copies.len(), 1, "a copy for whoever wants to look");
}
