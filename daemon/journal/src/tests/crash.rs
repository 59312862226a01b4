//! Power cuts at any moment, also during recovery, any number in a row.

use super::sim::Sim;
use super::sim::first_failure;
use super::sim::seeds;
use super::sim::small_config;
use super::sim::sweep;
use crate::config::Mutation;

const SHORT_SEEDS: u64 = 10_000;
/// A safeguard that is off must show within this many seeds.
const CONTROL_SEEDS: u64 = 1_000;

/// Several lives, each ended by a crash or by itself, then one that must find everything.
fn crash_run(seed: u64, mutation: Option<Mutation>) -> Result<(), String> {
    let mut sim = Sim::new(seed, small_config(), mutation);
    for _ in 0..2 + sim.chance.below(3) {
        if sim.chance.percent(85) {
            sim.disk.crash_after(sim.chance.below(90));
        }
        life(&mut sim)?;
        sim.crash();
    }
    // Twice, with writes in between and without a crash.
    for _ in 0..2 {
        if sim.open()?.is_none() {
            return Err("the journal does not open".to_owned());
        }
        for _ in 0..4 {
            sim.write_group(true)?;
        }
        sim.read_live()?;
        sim.writer().close(1).map_err(|error| format!("closing: {error}"))?;
        sim.note_confirmed();
    }
    sim.open()?.map(drop).ok_or_else(|| "the journal does not open again".to_owned())
}

fn life(sim: &mut Sim) -> Result<(), String> {
    if sim.open()?.is_none() {
        return if sim.disk.is_dead() { Ok(()) } else { Err("does not open".to_owned()) };
    }
    for _ in 0..5 + sim.chance.below(30) {
        if sim.disk.is_dead() || sim.writer.is_none() {
            break;
        }
        sim.step()?;
    }
    Ok(())
}

#[test]
fn what_was_confirmed_survives_any_crash_once_and_in_order() {
    sweep(seeds("GAMMA_CRASH_SEEDS", SHORT_SEEDS), |seed| crash_run(seed, None));
}

#[test]
fn confirming_before_the_sync_is_found() {
    let found =
        first_failure(0..CONTROL_SEEDS, |seed| crash_run(seed, Some(Mutation::AckBeforeSync)));
    assert!(found.is_some(), "the control passed");
}

#[test]
fn skipping_the_directory_sync_is_found() {
    let found =
        first_failure(0..CONTROL_SEEDS, |seed| crash_run(seed, Some(Mutation::SkipDirSync)));
    assert!(found.is_some(), "the control passed");
}
