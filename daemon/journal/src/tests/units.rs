//! Records that belong together: all of them, or none.

use std::path::Path;
use std::sync::Arc;

use super::sim::SEGMENT_BYTES;
use super::sim::Sim;
use super::sim::payload;
use super::sim::small_config;
use super::sim::sweep;
use super::threads::environment;
use crate::config::JournalConfig;
use crate::config::Lane;
use crate::config::LaneConfig;
use crate::journal::Journal;
use crate::observer::Level;
use crate::reader::BatchLimit;
use crate::receipt::Receipt;
use crate::record::AppendError;
use crate::record::Group;
use crate::record::Record;
use crate::storage::ModelDisk;
use crate::storage::Storage;

const ROUNDS: u64 = 200;
const UNIT_RECORDS: usize = 4;
const UNIT_SEQS: u64 = UNIT_RECORDS as u64;

/// Fills a lane whose disk ends somewhere with groups of units; whether a unit was ever parted.
fn is_ever_parted(seed: u64, in_units: bool) -> Result<bool, String> {
    let config = LaneConfig { quota_bytes: 64 * SEGMENT_BYTES, ..small_config() };
    let mut sim = Sim::new(seed, config, None);
    sim.open()?.ok_or("does not open")?;
    let room = SEGMENT_BYTES * sim.chance.below(4) + sim.chance.below(SEGMENT_BYTES);
    sim.disk.set_capacity(sim.disk.used_bytes() + room);
    loop {
        let mut group = Group::default();
        for _ in 0..=sim.chance.below(3) {
            let bytes = payload(1, 9 + sim.chance.index(300));
            let record = Record { kind: 1, flags: 0, received_at: 1, payload: &bytes };
            let unit = [record; UNIT_RECORDS];
            if in_units {
                group.push_unit(&unit);
            } else {
                for record in unit {
                    group.push(record);
                }
            }
        }
        let written = sim.writer().write(group, 1);
        if written.error.is_some() {
            return Ok(!written.accepted.is_multiple_of(UNIT_SEQS));
        }
    }
}

#[test]
fn a_disk_that_ends_takes_a_unit_whole_or_not_at_all() {
    sweep(0..ROUNDS, |seed| {
        if is_ever_parted(seed, true)? { Err("a unit was parted".to_owned()) } else { Ok(()) }
    });
}

#[test]
fn without_units_a_disk_that_ends_takes_a_part() {
    let parted = (0..ROUNDS).filter(|seed| is_ever_parted(*seed, false) == Ok(true)).count();
    assert!(parted > 0);
}

#[test]
fn a_receipt_covers_the_whole_unit_and_a_refusal_none_of_it() {
    let disk = ModelDisk::new(9);
    let storage: Arc<dyn Storage> = Arc::new(disk.clone());
    let config = JournalConfig { lanes: vec![small_config()], scrub_bytes_per_second: 0 };
    let (journal, _) =
        Journal::open(Path::new("/journal"), config, environment(storage)).expect("opens");
    let inbound = journal.lane(&Lane::Inbound).expect("configured");
    let bytes = payload(1, 400);
    let record = Record { kind: 1, flags: 0, received_at: 0, payload: &bytes };
    let unit = [record; UNIT_RECORDS];
    let last = inbound.append_unit(&unit).and_then(Receipt::wait).expect("durable");
    assert_eq!(last, UNIT_SEQS);
    disk.set_capacity(disk.used_bytes());
    let mut confirmed = last;
    let refused = loop {
        match inbound.append_unit(&unit).and_then(Receipt::wait) {
            Ok(seq) => confirmed = seq,
            Err(error) => break error,
        }
    };
    assert_eq!(refused, AppendError::Full);
    assert_eq!(inbound.stats().shed, 0, "what is refused is not shed");
    let mut reader = inbound.reader(1);
    let mut found = 0;
    while let Some(count) =
        Some(reader.next_batch(BatchLimit::default()).expect("read").records.len())
        && count > 0
    {
        found += count as u64;
    }
    assert_eq!(found, confirmed, "nothing of what was refused is there");
    disk.set_capacity(u64::MAX);
    let mut state = inbound.state();
    while state.borrow_and_update().level == Level::Full {
        std::thread::yield_now();
    }
    let taken = inbound.append_unit(&unit).expect("taken").wait();
    assert_eq!(taken, Ok(confirmed + UNIT_SEQS));
}

#[test]
fn a_unit_without_records_or_longer_than_a_segment_is_the_callers_mistake() {
    let storage: Arc<dyn Storage> = Arc::new(ModelDisk::new(9));
    let config = JournalConfig { lanes: vec![small_config()], scrub_bytes_per_second: 0 };
    let (journal, _) =
        Journal::open(Path::new("/journal"), config, environment(storage)).expect("opens");
    let inbound = journal.lane(&Lane::Inbound).expect("configured");
    assert_eq!(inbound.append_unit(&[]).err(), Some(AppendError::Empty));
    let bytes = payload(1, 1000);
    let record = Record { kind: 1, flags: 0, received_at: 0, payload: &bytes };
    let most = usize::try_from(SEGMENT_BYTES / 1000).expect("few");
    assert_eq!(inbound.append_unit(&vec![record; most]).err(), Some(AppendError::TooLarge));
    assert!(inbound.append_unit(&vec![record; most / 2]).and_then(Receipt::wait).is_ok());
}
