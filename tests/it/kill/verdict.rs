//! Compares what the customers were told with what the program knows.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fmt;

use harness::Shop;
use harness::Site;
use harness::sentences::rows;
use harness::sentences::text;

use crate::kill::customer::Notes;

/// What one conversion of the experiment leaves pending for its publisher: 700.00 KZT.
const NET_MINOR: i64 = 70_000;

/// What is known before anything is compared.
pub(crate) struct Run {
    pub(crate) seed: u64,
    pub(crate) cycles: u64,
    pub(crate) cycles_in_vain: u64,
    pub(crate) restarts_ms: Vec<u128>,
}

/// The numbers of one experiment.
pub(crate) struct Verdict {
    pub(crate) run: Run,
    pub(crate) cycles_in_vain: u64,
    pub(crate) acknowledged: usize,
    pub(crate) orders: usize,
    pub(crate) lost: usize,
    /// The first words about what was lost.
    pub(crate) astray: Vec<String>,
    pub(crate) doubled: usize,
    pub(crate) pending_difference_minor: i64,
    pub(crate) audit_findings: usize,
}

impl Run {
    /// Nobody was killed.
    pub(crate) fn quiet() -> Self {
        Self { seed: 0, cycles: 0, cycles_in_vain: 0, restarts_ms: Vec::new() }
    }
}

impl Verdict {
    /// What was acknowledged and what became of it.
    pub(crate) fn sums(&self) -> String {
        let mut text = format!(
            "{} acknowledged, {} orders: lost {}, doubled {}, pending off by {} minor, audit {}",
            self.acknowledged,
            self.orders,
            self.lost,
            self.doubled,
            self.pending_difference_minor,
            self.audit_findings
        );
        for one in self.astray.iter().take(3) {
            text.push_str("; ");
            text.push_str(one);
        }
        text
    }

    /// Whether nothing is wrong.
    pub(crate) fn is_clean(&self) -> bool {
        self.lost == 0
            && self.doubled == 0
            && self.pending_difference_minor == 0
            && self.audit_findings == 0
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = |share: usize| {
            let last = self.run.restarts_ms.len().saturating_sub(1);
            self.run.restarts_ms.get(last * share / 100).copied().unwrap_or_default()
        };
        let Run { seed, cycles, .. } = self.run;
        let (median, last, vain) = (at(50), at(99), self.cycles_in_vain);
        write!(
            formatter,
            "{cycles} kills (seed {seed}), {}, cycles in vain {vain}, restart median {median} ms, \
             P99 {last} ms",
            self.sums()
        )
    }
}

/// Waits until every acknowledged inbound has an outcome, then counts.
pub(crate) fn judge(world: &Site, shop: &Shop, notes: &Notes, run: Run) -> Verdict {
    let acknowledged = notes.lines();
    let mut astray = Vec::new();
    for entry in &acknowledged {
        let (outcome, reason) = world.outcome(&entry.event_id);
        let is_counted = ["converted", "updated", "duplicate"].contains(&outcome.as_str());
        if !is_counted {
            astray.push(format!("{} ended as {outcome} ({reason:?})", entry.order_ref));
        }
    }
    let mut counted: BTreeMap<String, usize> = BTreeMap::new();
    for order_ref in all_orders(world) {
        *counted.entry(order_ref).or_default() += 1;
    }
    let told: BTreeSet<&str> = acknowledged.iter().map(|entry| entry.order_ref.as_str()).collect();
    let uncounted = told.iter().filter(|order_ref| !counted.contains_key(**order_ref));
    astray.extend(uncounted.map(|order_ref| format!("{order_ref} has no conversion")));
    let tried: BTreeSet<String> = notes.tried().into_iter().collect();
    let invented = counted.keys().filter(|order_ref| !tried.contains(*order_ref)).count();
    assert_eq!(invented, 0, "orders that nobody told");
    let pending = world.balance(&shop.publisher)["pending"]["amount"].clone();
    let expected = i64::try_from(counted.len()).unwrap_or(i64::MAX) * NET_MINOR;
    Verdict {
        cycles_in_vain: run.cycles_in_vain,
        run,
        acknowledged: acknowledged.len(),
        orders: counted.len(),
        lost: astray.len(),
        astray,
        doubled: counted.values().filter(|count| **count > 1).count(),
        pending_difference_minor: minor(&text(&pending)) - expected,
        audit_findings: world.audit().iter().filter(|(_, value)| *value != 0).count(),
    }
}

/// The order numbers of all conversions, page by page.
fn all_orders(world: &Site) -> Vec<String> {
    let mut orders = Vec::new();
    let mut target = "/v1/conversions?limit=500".to_owned();
    loop {
        let page = world.api_get(&target).expect_status(200).json();
        orders.extend(rows(&page).iter().map(|row| text(&row["order_ref"])));
        let Some(cursor) = page["next_cursor"].as_str() else { return orders };
        target = format!("/v1/conversions?limit=500&cursor={}", harness::http::encoded(cursor));
    }
}

/// `700.00` as minor units.
fn minor(amount: &str) -> i64 {
    amount.replace('.', "").parse().expect("an amount with two digits")
}
