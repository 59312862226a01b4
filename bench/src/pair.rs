//! Two arms in alternating slices, and the rules by which slices are thrown out.
//!
//! The rules stand here, before any run: looking at a result never decides what counts.

use std::time::Duration;

use rand::Rng;
use rand::SeedableRng;
use rand::rngs::StdRng;
use serde::Serialize;

use crate::stats::Ratio;
use crate::usage::Ticks;
use crate::usage::Usage;
use crate::usage::pressure_micros;

/// A slice goes when the host took more than this share of the time.
pub const STEAL_MAX: f64 = 0.005;
/// A slice goes when threads waited for a processor in more than this share of it, beyond what the
/// two arms need.
pub const PRESSURE_MAX: f64 = 0.05;
/// An open-loop slice goes when the generator used more than this share of its core.
pub const GENERATOR_MAX: f64 = 0.9;
/// An open-loop slice goes when more than this share of its requests was sent late.
pub const LATE_MAX: f64 = 0.01;
/// A run goes when more than this share of its slices went.
pub const DROPPED_MAX: f64 = 0.25;
/// A run goes when the same program against itself differs by more than this.
pub const BAND_MAX: f64 = 0.03;

/// How a pair is measured.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Plan {
    /// Pairs of slices; two make one ABBA.
    pub pairs: usize,
    /// Length of one slice.
    #[serde(serialize_with = "seconds")]
    pub slice: Duration,
    /// Length of the warm-up of each arm.
    #[serde(serialize_with = "seconds")]
    pub warm_up: Duration,
    /// Of the order and of the bootstrap.
    pub seed: u64,
}

fn seconds<S: serde::Serializer>(span: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(span.as_secs_f64())
}

/// What an arm says about one slice of its own.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Reading {
    /// The measured value, greater than zero: a cost, a rate or a latency.
    pub value: f64,
    /// Requests, records or calls.
    pub count: u64,
    /// Answers that were wrong.
    pub wrong: u64,
    /// Requests the generator sent late.
    pub late: u64,
    /// What the server used.
    pub server: Usage,
    /// What the generator used.
    pub generator: Usage,
    /// Whether a busy generator spoils the slice.
    pub is_open_loop: bool,
    /// Whether waiting for a processor belongs to the experiment (everything on one core).
    pub shares_core: bool,
}

/// One slice as it is kept.
#[derive(Debug, Clone, Serialize)]
pub struct Slice {
    /// `a` or `b`.
    pub arm: char,
    /// What the arm read.
    pub reading: Reading,
    /// Share of the time the host took.
    pub steal: f64,
    /// Share of the time in which a thread waited for a processor.
    pub pressure: Option<f64>,
    /// Why it does not count.
    pub dropped: Option<&'static str>,
}

/// All slices of one comparison and what they say.
#[derive(Debug, Clone, Serialize)]
pub struct Comparison {
    /// a ÷ b over the pairs that counted.
    pub ratio: Option<Ratio>,
    /// a ÷ b over all pairs, disturbed or not: what a rejected run would have said.
    pub ratio_of_all: Option<Ratio>,
    /// Pairs that counted.
    pub pairs: usize,
    /// Slices that did not.
    pub dropped: usize,
    /// In the order they ran.
    pub slices: Vec<Slice>,
}

/// One side of a pair: runs one slice of the given length.
pub type Arm<'a> = dyn FnMut(Duration) -> anyhow::Result<Reading> + 'a;

/// Warms both arms up, then runs the plan.
///
/// # Errors
///
/// The first that an arm returns.
pub fn compare(plan: &Plan, a: &mut Arm<'_>, b: &mut Arm<'_>) -> anyhow::Result<Comparison> {
    a(plan.warm_up)?;
    b(plan.warm_up)?;
    let mut slices = Vec::new();
    for arm in order(plan) {
        let reading = |arm_of: &mut Arm<'_>| slice(arm, plan.slice, arm_of);
        slices.push(if arm == 'a' { reading(a)? } else { reading(b)? });
    }
    Ok(conclude(slices, plan.seed))
}

/// ABBA or BAAB, drawn for each four slices.
fn order(plan: &Plan) -> Vec<char> {
    let mut chance = StdRng::seed_from_u64(plan.seed);
    (0..plan.pairs.div_ceil(2))
        .flat_map(|_| if chance.random() { ['a', 'b', 'b', 'a'] } else { ['b', 'a', 'a', 'b'] })
        .collect()
}

fn slice(arm: char, span: Duration, run: &mut Arm<'_>) -> anyhow::Result<Slice> {
    let (ticks, pressure) = (Ticks::read()?, pressure_micros());
    let begin = crate::clock::now();
    let reading = run(span)?;
    let seconds = begin.elapsed().as_secs_f64();
    let steal = Ticks::read()?.steal_since(ticks);
    let pressure = pressure
        .zip(pressure_micros())
        .map(|(before, after)| after.saturating_sub(before) as f64 / 1e6 / seconds);
    let dropped = why_dropped(&reading, steal, pressure, seconds);
    Ok(Slice { arm, reading, steal, pressure, dropped })
}

fn why_dropped(
    reading: &Reading,
    steal: f64,
    pressure: Option<f64>,
    seconds: f64,
) -> Option<&'static str> {
    let generator = reading.generator.cpu_ns as f64 / 1e9 / seconds;
    let late = reading.late as f64 / reading.count.max(1) as f64;
    if reading.wrong > 0 {
        Some("a wrong answer")
    } else if reading.count == 0 {
        Some("nothing answered")
    } else if steal > STEAL_MAX {
        Some("steal")
    } else if pressure.is_some_and(|share| share > PRESSURE_MAX) && !reading.shares_core {
        Some("pressure")
    } else if reading.is_open_loop && generator > GENERATOR_MAX {
        Some("generator busy")
    } else if reading.is_open_loop && late > LATE_MAX {
        Some("late sends")
    } else {
        None
    }
}

/// Pairs neighbours of the two arms; a pair counts when both of its slices do.
fn conclude(slices: Vec<Slice>, seed: u64) -> Comparison {
    let counts = |pair: &[Slice]| pair.iter().all(|slice| slice.dropped.is_none());
    let logs = |is_taken: &dyn Fn(&[Slice]) -> bool| -> Vec<f64> {
        let pairs = slices.chunks_exact(2).filter(|pair| is_taken(pair));
        pairs.map(log_ratio).filter(|log| log.is_finite()).collect()
    };
    let (counted, all) = (logs(&counts), logs(&|_| true));
    let dropped = slices.iter().filter(|slice| slice.dropped.is_some()).count();
    Comparison {
        ratio: Ratio::of(&counted, seed),
        ratio_of_all: Ratio::of(&all, seed),
        pairs: counted.len(),
        dropped,
        slices,
    }
}

/// The logarithm of a ÷ b of two neighbours, whichever ran first.
fn log_ratio(pair: &[Slice]) -> f64 {
    let (a, b) = if pair[0].arm == 'a' { (&pair[0], &pair[1]) } else { (&pair[1], &pair[0]) };
    (a.reading.value / b.reading.value).ln()
}

impl Comparison {
    /// Whether too much was disturbed to believe the rest.
    #[must_use]
    pub fn is_disturbed(&self) -> bool {
        self.ratio.is_none() || self.dropped as f64 > self.slices.len() as f64 * DROPPED_MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(value: f64) -> Reading {
        Reading { value, count: 1000, ..Reading::default() }
    }

    fn sliced(arm: char, value: f64, dropped: Option<&'static str>) -> Slice {
        Slice { arm, reading: reading(value), steal: 0.0, pressure: None, dropped }
    }

    #[test]
    fn the_order_is_abba_or_baab_and_repeats_with_its_seed() {
        let plan = Plan { pairs: 20, slice: Duration::ZERO, warm_up: Duration::ZERO, seed: 3 };
        let order = order(&plan);
        assert_eq!(order.len(), 40);
        let fours: Vec<String> = order.chunks(4).map(|four| four.iter().collect()).collect();
        assert!(fours.iter().all(|four| four == "abba" || four == "baab"), "{fours:?}");
        assert!(fours.iter().any(|four| four != &fours[0]), "{fours:?}");
        assert_eq!(super::order(&plan), order);
    }

    #[test]
    fn a_pair_counts_only_when_both_slices_do() {
        let comparison = conclude(
            vec![
                sliced('a', 8.0, None),
                sliced('b', 10.0, None),
                sliced('b', 1.0, Some("steal")),
                sliced('a', 100.0, None),
                sliced('b', 10.0, None),
                sliced('a', 8.0, None),
            ],
            1,
        );
        assert_eq!((comparison.pairs, comparison.dropped), (2, 1));
        let ratio = comparison.ratio.unwrap().ratio;
        assert!((ratio - 0.8).abs() < 1e-9, "{ratio}");
        assert!(!comparison.is_disturbed());
    }

    #[test]
    fn slices_go_by_the_rules_and_not_by_their_value() {
        let quiet = reading(1.0);
        assert_eq!(why_dropped(&quiet, 0.0, Some(0.0), 1.0), None);
        assert_eq!(why_dropped(&quiet, 0.006, None, 1.0), Some("steal"));
        assert_eq!(why_dropped(&quiet, 0.0, Some(0.06), 1.0), Some("pressure"));
        let wrong = Reading { wrong: 1, ..reading(1.0) };
        assert_eq!(why_dropped(&wrong, 0.0, None, 1.0), Some("a wrong answer"));
        let late = Reading { late: 11, is_open_loop: true, ..reading(1.0) };
        assert_eq!(why_dropped(&late, 0.0, None, 1.0), Some("late sends"));
        let closed = Reading { late: 11, ..quiet };
        assert_eq!(why_dropped(&closed, 0.0, None, 1.0), None);
    }

    #[test]
    fn a_run_with_too_many_dropped_slices_is_not_believed() {
        let mut slices = vec![sliced('a', 1.0, None), sliced('b', 1.0, None)];
        slices.extend([sliced('b', 1.0, Some("steal")), sliced('a', 1.0, None)]);
        assert!(!conclude(slices.clone(), 1).is_disturbed(), "a quarter is allowed");
        slices[1].dropped = Some("steal");
        assert!(conclude(slices, 1).is_disturbed());
    }
}
