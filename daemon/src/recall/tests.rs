//! Which records reading back sees, in which order, and what it says when it is cut short.

use std::cell::Cell;

use journal::Journal;
use journal::JournalConfig;
use journal::Lane;
use journal::LaneConfig;
use journal::Receipt;
use journal::Record;

use super::*;
use crate::app::testing::environment;

/// A lane of several segments with a record for each second of these.
fn lane(folder: &tempfile::TempDir, seconds: std::ops::Range<i64>) -> (Journal, LaneHandle) {
    let inbound = LaneConfig {
        segment_bytes: 64 << 10,
        first_segment_bytes: 64 << 10,
        reserve_bytes: 64 << 10,
        payload_bytes_max: 4096,
        ..LaneConfig::inbound()
    };
    let config = JournalConfig { lanes: vec![inbound], scrub_bytes_per_second: 0 };
    let (journal, _) = Journal::open(folder.path(), config, environment(3)).unwrap();
    let lane = journal.lane(&Lane::Inbound).unwrap();
    for second in seconds {
        let record =
            Record { kind: 2, flags: 0, received_at: second * 1_000_000, payload: &[7; 2000] };
        lane.append_durable(record).and_then(Receipt::wait).unwrap();
    }
    (journal, lane)
}

/// Seconds of what was seen since an instant, and what was not read.
fn check(lane: &LaneHandle, since: i64, looks: u64, most: usize) -> (Vec<i64>, Option<u64>) {
    let mut seen = Vec::new();
    let left = Cell::new(looks);
    let is_late = || {
        let now = left.get();
        left.set(now.saturating_sub(1));
        now == 0
    };
    let note = |record: &StoredRecord| {
        seen.push(record.received_at / 1_000_000);
        seen.len() < most
    };
    let read = backwards((lane, Timestamp(since * 1_000_000)), note, is_late).unwrap();
    assert_eq!(read.records, seen.len() as u64);
    seen.sort_unstable();
    (seen, read.unread_before)
}

#[test]
fn everything_since_an_instant_is_seen_and_nothing_older() {
    let folder = tempfile::tempdir().unwrap();
    let (journal, lane) = lane(&folder, 0..200);
    assert!(lane.reader(1).starts().unwrap().len() > 3);
    let (plenty, all) = (u64::MAX, usize::MAX);
    assert_eq!(check(&lane, 150, plenty, all), ((150..200).collect(), None));
    assert_eq!(check(&lane, 0, plenty, all), ((0..200).collect(), None));
    assert_eq!(check(&lane, 200, plenty, all), (Vec::new(), None));
    journal.close().unwrap();
}

#[test]
fn the_newest_are_seen_first_and_what_was_not_read_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let (journal, lane) = lane(&folder, 0..200);
    let (seen, unread) = check(&lane, 0, 2, usize::MAX);
    let first = seen[0];
    assert!(first > 100 && seen.len() < 100, "{seen:?}");
    assert_eq!(seen, (first..200).collect::<Vec<_>>());
    assert_eq!(unread, Some(u64::try_from(first).unwrap() + 1), "sequences begin at 1");
    assert_eq!(check(&lane, 0, 0, usize::MAX), (Vec::new(), Some(201)));
    let (seen, unread) = check(&lane, 0, u64::MAX, 10);
    assert_eq!((seen.len(), unread.is_some()), (10, true));
    journal.close().unwrap();
}

#[test]
fn an_empty_lane_has_nothing_to_read() {
    let folder = tempfile::tempdir().unwrap();
    let (journal, lane) = lane(&folder, 0..0);
    assert_eq!(check(&lane, 0, 0, usize::MAX), (Vec::new(), None));
    journal.close().unwrap();
}
