//! From slices to a ratio: the median of the log-ratios by Hodges and Lehmann, with a bootstrap
//! interval.

use rand::Rng;
use rand::SeedableRng;
use rand::rngs::StdRng;

/// Resamples of the bootstrap.
const RESAMPLES: usize = 2_000;
/// The interval leaves out this share at either end.
const TAIL: f64 = 0.025;

/// A ratio with its 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Ratio {
    /// The middle.
    pub ratio: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

impl Ratio {
    /// The ratio behind `logs`, natural logarithms of single ratios. `None` without any.
    #[must_use]
    pub fn of(logs: &[f64], seed: u64) -> Option<Self> {
        Self::resampled(logs, seed, RESAMPLES)
    }

    fn resampled(logs: &[f64], seed: u64, resamples: usize) -> Option<Self> {
        let middle = hodges_lehmann(logs)?;
        let mut chance = StdRng::seed_from_u64(seed);
        let mut middles: Vec<f64> = (0..resamples)
            .filter_map(|_| {
                let drawn: Vec<f64> =
                    logs.iter().map(|_| logs[chance.random_range(0..logs.len())]).collect();
                hodges_lehmann(&drawn)
            })
            .collect();
        middles.sort_by(f64::total_cmp);
        let (low, high) = (quantile(&middles, TAIL)?, quantile(&middles, 1.0 - TAIL)?);
        Some(Self { ratio: middle.exp(), low: low.exp(), high: high.exp() })
    }

    /// How far the interval reaches from 1 at most, as a share.
    #[must_use]
    pub fn band(&self) -> f64 {
        (self.high - 1.0).abs().max((1.0 - self.low).abs())
    }
}

/// The median of the means of all pairs, each value paired with itself too: as robust as a median,
/// and nearly as sharp as a mean (Hodges, Lehmann 1963).
#[must_use]
pub fn hodges_lehmann(values: &[f64]) -> Option<f64> {
    let mut means = Vec::with_capacity(values.len() * (values.len() + 1) / 2);
    for (at, left) in values.iter().enumerate() {
        means.extend(values[at..].iter().map(|right| f64::midpoint(*left, *right)));
    }
    means.sort_by(f64::total_cmp);
    quantile(&means, 0.5)
}

/// The value below which `share` of the sorted `values` lie, interpolated.
#[must_use]
pub fn quantile(values: &[f64], share: f64) -> Option<f64> {
    let last = values.len().checked_sub(1)?;
    let place = last as f64 * share.clamp(0.0, 1.0);
    let below = values.iter().enumerate().take_while(|(at, _)| *at as f64 <= place).count() - 1;
    let above = (below + 1).min(last);
    let part = place - below as f64;
    Some(values[below] * (1.0 - part) + values[above] * part)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_near(left: f64, right: f64) -> bool {
        (left - right).abs() < 1e-9
    }

    #[test]
    fn the_middle_of_one_value_is_that_value() {
        assert!(is_near(hodges_lehmann(&[3.0]).unwrap(), 3.0));
        assert_eq!(hodges_lehmann(&[]), None);
        assert_eq!(Ratio::of(&[], 1), None);
    }

    #[test]
    fn the_middle_is_the_median_of_all_means() {
        // Means: 1, 1.5, 2, 2, 2.5, 3 and with 9: 5, 5.5, 6, 9.
        assert!(is_near(hodges_lehmann(&[1.0, 2.0, 3.0, 9.0]).unwrap(), 2.75));
    }

    #[test]
    fn one_wild_value_moves_the_middle_little() {
        let calm = hodges_lehmann(&[1.0, 1.1, 0.9, 1.0, 1.05]).unwrap();
        let wild = hodges_lehmann(&[1.0, 1.1, 0.9, 1.0, 100.0]).unwrap();
        assert!((calm - wild).abs() < 0.1, "{calm} {wild}");
    }

    #[test]
    fn quantiles_are_interpolated() {
        let values = [0.0, 10.0, 20.0, 30.0];
        for (share, expected) in [(0.0, 0.0), (0.5, 15.0), (1.0, 30.0), (0.25, 7.5)] {
            assert!(is_near(quantile(&values, share).unwrap(), expected), "{share}");
        }
    }

    #[test]
    fn the_interval_holds_the_true_ratio_and_repeats_with_its_seed() {
        let mut chance = StdRng::seed_from_u64(7);
        let logs: Vec<f64> =
            (0..40).map(|_| 0.8_f64.ln() + chance.random_range(-0.05..0.05)).collect();
        let ratio = Ratio::of(&logs, 1).unwrap();
        assert!(ratio.low < 0.8 && 0.8 < ratio.high, "{ratio:?}");
        assert!(ratio.high - ratio.low < 0.05, "{ratio:?}");
        assert_eq!(Ratio::of(&logs, 1), Some(ratio));
    }

    #[test]
    fn the_interval_misses_the_true_ratio_about_once_in_twenty() {
        let mut chance = StdRng::seed_from_u64(11);
        let mut missed = 0;
        for seed in 0..100 {
            let logs: Vec<f64> = (0..20).map(|_| chance.random_range(-0.1..0.1)).collect();
            let ratio = Ratio::resampled(&logs, seed, 100).unwrap();
            missed += u32::from(!(ratio.low..=ratio.high).contains(&1.0));
        }
        assert!((1..=15).contains(&missed), "{missed} of 100");
    }
}
