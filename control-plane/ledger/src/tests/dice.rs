//! Chance for the simulation, and a count of what it brought about.

use std::collections::BTreeMap;

/// How often each thing happened: a simulation that never claws back proves nothing about it.
#[derive(Default)]
pub(super) struct Seen {
    pub(super) counts: BTreeMap<&'static str, u32>,
    pub(super) transactions: usize,
}

impl Seen {
    pub(super) fn check_coverage(&self) {
        for what in [
            "accrue",
            "accrue again",
            "release",
            "release recomputed",
            "reverse",
            "partial_reverse",
            "claw_back",
            "claw_back in part",
            "claw_back remitted",
            "owed",
            "settled debt",
            "shortfall",
            "payout",
            "stale",
        ] {
            let count = self.counts.get(what).copied().unwrap_or_default();
            assert!(count >= 20, "{what} happened only {count} times");
        }
    }
}

/// SplitMix64 (Steele, Lea, Flood 2014).
pub(super) struct Dice(pub(super) u64);

impl Dice {
    pub(super) fn roll(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % below
    }

    pub(super) fn amount(&mut self, below: i64) -> i64 {
        i64::try_from(self.roll(below.unsigned_abs().max(1))).expect("below an i64")
    }

    pub(super) fn pick<'a, T>(&mut self, from: &'a [T]) -> Option<&'a T> {
        let index = self.roll(u64::try_from(from.len()).expect("a length").max(1));
        from.get(usize::try_from(index).expect("an index"))
    }
}
