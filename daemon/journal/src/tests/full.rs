//! Quota and disk run out, and come back, without a person.

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
use crate::record::AppendError;
use crate::record::Record;
use crate::record::Shed;
use crate::storage::ModelDisk;
use crate::storage::Storage;

const ROUNDS: u64 = 100;

fn with_reserve() -> LaneConfig {
    LaneConfig {
        quota_bytes: 8 * SEGMENT_BYTES,
        reserve_bytes: 2 * SEGMENT_BYTES,
        ..small_config()
    }
}

/// Writes until the lane is full; returns the levels in the order they were seen.
fn fill(sim: &mut Sim) -> Result<Vec<Level>, String> {
    let mut levels = vec![sim.writer().state().level];
    for _ in 0..2000 {
        sim.write_group(true)?;
        let level = sim.writer().state().level;
        if levels.last() != Some(&level) {
            levels.push(level);
        }
        if level == Level::Full {
            return Ok(levels);
        }
    }
    Err(format!("never full: {levels:?}"))
}

#[test]
fn the_ladder_is_climbed_step_by_step() {
    let mut sim = Sim::new(1, with_reserve(), None);
    sim.open().expect("opens").expect("opens");
    let levels = fill(&mut sim).expect("full");
    let ladder = [Level::Normal, Level::Alert, Level::Shedding, Level::Reserve, Level::Full];
    assert_eq!(levels, ladder);
    assert_eq!(sim.writer().state().reserve_bytes, 0, "the reserve is used up");
}

#[test]
fn a_full_lane_confirms_nothing_loses_nothing_and_returns_by_itself() {
    sweep(0..ROUNDS, |seed| {
        let mut sim = Sim::new(seed, with_reserve(), None);
        sim.open()?.ok_or("does not open")?;
        // The disk, not the quota, ends first in every second round.
        let by_disk = seed % 2 == 0;
        if by_disk {
            let room = SEGMENT_BYTES * (1 + sim.chance.below(5)) + sim.chance.below(SEGMENT_BYTES);
            sim.disk.set_capacity(sim.disk.used_bytes() + room);
        }
        fill(&mut sim)?;
        let refused_at = sim.model.confirmed;
        sim.write_group(true)?;
        if sim.model.confirmed != refused_at || sim.writer().is_failed() {
            return Err("a full lane confirmed or failed".to_owned());
        }
        if sim.chance.percent(30) {
            sim.crash();
            sim.open()?.ok_or("does not open on a full disk")?;
        }
        sim.disk.set_capacity(u64::MAX);
        sim.consume_all();
        sim.trim();
        sim.writer().reopen(1);
        sim.write_group(true)?;
        if sim.model.confirmed <= refused_at {
            return Err("a lane with room again took nothing".to_owned());
        }
        sim.writer().restore_reserve().map_err(|error| error.to_string())?;
        if sim.writer().state().reserve_bytes != 2 * SEGMENT_BYTES {
            return Err("the reserve is not restored".to_owned());
        }
        sim.crash();
        sim.open()?.map(drop).ok_or_else(|| "does not open".to_owned())
    });
}

#[test]
fn a_start_on_a_full_disk_succeeds_and_uses_the_reserve_of_the_last_life() {
    let mut sim = Sim::new(3, with_reserve(), None);
    sim.open().expect("opens").expect("opens");
    sim.write_group(true).expect("written");
    sim.disk.set_capacity(sim.disk.used_bytes());
    sim.crash();
    sim.open().expect("opens").expect("opens");
    assert_eq!(sim.writer().state().level, Level::Reserve);
    let confirmed = sim.model.confirmed;
    sim.write_group(true).expect("written");
    assert!(sim.model.confirmed > confirmed, "inbound goes on");
}

/// Through the door: refused at once while full, taken again without a restart.
#[test]
fn a_full_lane_refuses_at_the_door_until_there_is_room() {
    let disk = ModelDisk::new(9);
    let storage: Arc<dyn Storage> = Arc::new(disk.clone());
    let clicks = LaneConfig { lane: Lane::Clicks, ..small_config() };
    let lanes = vec![small_config(), LaneConfig { quota_bytes: 4 * SEGMENT_BYTES, ..clicks }];
    let config = JournalConfig { lanes, scrub_bytes_per_second: 0 };
    let (journal, _) =
        Journal::open(Path::new("/journal"), config, environment(storage)).expect("opens");
    let inbound = journal.lane(&Lane::Inbound).expect("configured");
    disk.set_capacity(disk.used_bytes() + 100);
    let bytes = payload(1, 1500);
    let record = Record { kind: 1, flags: 0, received_at: 0, payload: &bytes };
    let mut confirmed = 0;
    let refused = loop {
        match inbound.append_durable(record).and_then(crate::receipt::Receipt::wait) {
            Ok(seq) => confirmed = seq,
            Err(error) => break error,
        }
    };
    assert_eq!(refused, AppendError::Full);
    assert!(confirmed > 0, "some fitted");
    assert_eq!(inbound.append_durable(record).err(), Some(AppendError::Full));
    assert_eq!(inbound.enqueue(record), Err(Shed::Quota));
    disk.set_capacity(u64::MAX);
    let mut state = inbound.state();
    while state.borrow_and_update().level == Level::Full {
        std::thread::yield_now();
    }
    let taken = inbound.append_durable(record).expect("taken").wait();
    assert!(taken.is_ok_and(|seq| seq > confirmed), "{taken:?}");

    // Clicks stop at nine tenths, before their quota is gone.
    let clicks = journal.lane(&Lane::Clicks).expect("configured");
    let mut taken = 0;
    while clicks.enqueue(record).is_ok() {
        clicks.flush().wait().expect("durable");
        taken += 1;
        assert!(taken < 100, "the quota ends it");
    }
    assert!(clicks.level() >= Level::Shedding);
    assert!(!clicks.state().borrow().failed);
}
