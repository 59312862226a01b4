//! A disk that fails: syncs and writes with EIO, short writes, and power cuts behind them.

use super::sim::Sim;
use super::sim::first_failure;
use super::sim::seeds;
use super::sim::small_config;
use super::sim::sweep;
use crate::config::Mutation;
use crate::storage::model::Faults;

const SHORT_SEEDS: u64 = 2_000;
const CONTROL_SEEDS: u64 = 1_000;
/// Each of the first so many syncs fails once.
const SYNCS: u64 = 200;

/// Some calls fail, then the power goes; nothing that was confirmed may be gone.
fn fault_run(seed: u64, mutation: Option<Mutation>) -> Result<(), String> {
    let mut sim = Sim::new(seed, small_config(), mutation);
    for _ in 0..3 {
        let mut faults = Faults::default();
        let (syncs, writes) = (sim.disk.sync_count(), sim.disk.write_count());
        for _ in 0..sim.chance.below(4) {
            faults.syncs.insert(syncs + sim.chance.below(40));
            if sim.chance.percent(30) {
                faults.short_writes.insert(writes + sim.chance.below(60));
            }
            if sim.chance.percent(30) {
                faults.writes.insert(writes + sim.chance.below(60));
            }
        }
        sim.disk.set_faults(faults);
        // A start may be refused by a disk that fails; the next one is tried at once.
        let opened = (0..8).find_map(|_| sim.open().transpose());
        opened.ok_or_else(|| "does not open".to_owned())??;
        for _ in 0..30 {
            if sim.writer.as_ref().is_none_or(crate::writer::LaneWriter::is_failed) {
                break;
            }
            sim.step()?;
        }
        sim.crash();
        sim.disk.set_faults(Faults::default());
    }
    sim.open()?.map(drop).ok_or_else(|| "does not open".to_owned())
}

#[test]
fn a_disk_that_fails_loses_nothing_that_was_confirmed() {
    sweep(seeds("GAMMA_FAULT_SEEDS", SHORT_SEEDS), |seed| fault_run(seed, None));
}

#[test]
fn syncing_a_poisoned_segment_again_is_found() {
    let found =
        first_failure(0..CONTROL_SEEDS, |seed| fault_run(seed, Some(Mutation::ResyncPoisoned)));
    assert!(found.is_some(), "the control passed");
}

/// A life that ended with failed syncs, a start without a power cut, and the cut afterwards.
fn restart_run(seed: u64, mutation: Option<Mutation>) -> Result<(), String> {
    let mut sim = Sim::new(seed, small_config(), mutation);
    sim.open()?.ok_or("does not open")?;
    for _ in 0..sim.chance.below(6) {
        sim.write_group(true)?;
    }
    let from = sim.disk.sync_count() + sim.chance.below(4);
    sim.disk.set_faults(Faults { syncs_from: Some(from), ..Faults::default() });
    for _ in 0..4 {
        sim.write_group(true)?;
    }
    sim.disk.set_faults(Faults::default());
    // Whatever this start shows to readers must still be there after the cut.
    sim.open()?.ok_or("does not open")?;
    sim.crash();
    sim.open()?.map(drop).ok_or_else(|| "does not open".to_owned())
}

#[test]
fn what_a_start_after_a_failed_sync_shows_survives_a_power_cut() {
    sweep(0..SHORT_SEEDS, |seed| restart_run(seed, None));
}

#[test]
fn trusting_the_page_cache_after_a_failed_sync_is_found() {
    let found =
        first_failure(0..CONTROL_SEEDS, |seed| restart_run(seed, Some(Mutation::TrustPageCache)));
    assert!(found.is_some(), "the control passed");
}

/// The lane goes on in a new segment, by itself, whichever sync fails.
#[test]
fn each_of_the_first_syncs_may_fail_once() {
    sweep(0..SYNCS, |number| {
        let mut sim = Sim::new(number, small_config(), None);
        sim.disk.set_faults(Faults { syncs: [number].into(), ..Faults::default() });
        let mut opened = sim.open()?;
        if opened.is_none() {
            opened = sim.open()?;
        }
        opened.ok_or_else(|| "does not open".to_owned())?;
        while sim.disk.sync_count() <= number {
            sim.write_group(true)?;
        }
        for _ in 0..3 {
            sim.write_group(true)?;
        }
        if sim.writer().is_failed() || sim.writer().has_unsynced() {
            return Err("one failed sync stopped the lane".to_owned());
        }
        sim.read_live()?;
        sim.crash();
        sim.open()?.map(drop).ok_or_else(|| "does not open".to_owned())
    });
}

#[test]
fn a_second_failure_in_a_row_ends_the_lane_and_confirms_nothing() {
    let mut sim = Sim::new(1, small_config(), None);
    sim.open().expect("opens");
    sim.write_group(true).expect("written");
    let confirmed = sim.model.confirmed;
    let from = sim.disk.sync_count();
    sim.disk.set_faults(Faults { syncs_from: Some(from), ..Faults::default() });
    sim.write_group(true).expect("handled");
    assert!(sim.writer().is_failed());
    assert_eq!(sim.model.confirmed, confirmed);
    sim.crash();
    sim.disk.set_faults(Faults::default());
    sim.open().expect("opens").expect("opens");
}
