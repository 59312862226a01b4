//! What every balance must be, by another way than the ledger's.
//!
//! The ledger adds differences to balances. This model keeps no balance at all: it keeps what each
//! conversion is worth now and what was paid out, and sums that up from nothing on every question.
//! Between available and owed there is no history either: whoever was paid more than they earned
//! owes the difference, everybody else has it available.

use std::collections::{BTreeMap, HashMap};

/// Kind, owner as text, component, currency code: nothing of the ledger's own types.
pub(super) type Key = (&'static str, String, Option<usize>, &'static str);

/// A tax rate: component, basis points, of the charge (or of the gross).
pub(super) type Rate = (usize, i64, bool);

#[derive(Clone, Debug, Default)]
pub(super) struct Parts {
    pub(super) charge: i64,
    pub(super) fee: i64,
    pub(super) shopper: i64,
    /// Component, withheld, shortfall.
    pub(super) taxes: Vec<(usize, i64, i64)>,
    pub(super) net: i64,
}

#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) debtor: String,
    pub(super) publisher: String,
    pub(super) shopper: Option<String>,
    pub(super) currency: &'static str,
    pub(super) released: bool,
    pub(super) parts: Parts,
}

/// All that is known: rows by conversion, and what left by other doors.
#[derive(Debug, Default)]
pub(super) struct Model {
    pub(super) rows: HashMap<u128, Row>,
    /// Rows that nothing happens to any more, already summed up.
    settled: BTreeMap<Key, i128>,
    paid: BTreeMap<(&'static str, String, &'static str), i64>,
    remitted: BTreeMap<(String, usize, &'static str), i64>,
}

/// Schoolbook rounding: split off the part below a whole, round that alone.
fn half_up(amount: i64, basis_points: i64) -> i64 {
    let (whole, rest) = (amount / 10_000, amount % 10_000);
    let small = rest * basis_points;
    let up = i64::from(small % 10_000 >= 5_000);
    whole * basis_points + small / 10_000 + up
}

pub(super) fn parts(charge: i64, fee: i64, share: i64, rates: &[Rate]) -> Parts {
    let fee = half_up(charge, fee);
    let shopper = half_up(charge - fee, share);
    let gross = charge - fee - shopper;
    let mut due_before = 0;
    let mut taxes = Vec::new();
    for (component, rate, of_charge) in rates {
        let due = half_up(if *of_charge { charge } else { gross }, *rate);
        let withheld = (due_before + due).min(gross) - due_before.min(gross);
        taxes.push((*component, withheld, due - withheld));
        due_before += due;
    }
    Parts { charge, fee, shopper, taxes, net: gross - due_before.min(gross) }
}

impl Model {
    /// Somebody was paid out of what is available.
    pub(super) fn pay(&mut self, side: &'static str, owner: &str, currency: &'static str, by: i64) {
        *self.paid.entry((side, owner.to_owned(), currency)).or_default() += by;
    }

    /// Tax of a released row that shrinks from `old` to `new` after it went to the state.
    pub(super) fn remit(&mut self, row: &Row, old: &Parts, new: &Parts) {
        for (component, sign, part) in old
            .taxes
            .iter()
            .map(|tax| (tax.0, 1, tax))
            .chain(new.taxes.iter().map(|t| (t.0, -1, t)))
        {
            let key = (row.publisher.clone(), component, row.currency);
            *self.remitted.entry(key.clone()).or_default() += sign * part.1;
            let tenant = ("tenant".to_owned(), component, row.currency);
            *self.remitted.entry(tenant).or_default() += sign * part.2;
        }
    }

    /// Forgets a row but keeps what it is worth.
    pub(super) fn settle(&mut self, conversion: u128) {
        if let Some(row) = self.rows.remove(&conversion) {
            row.add_to(&mut self.settled);
        }
    }

    /// Every balance on its normal side; zeros may be absent.
    pub(super) fn balances(&self) -> BTreeMap<Key, i128> {
        let mut all = self.settled.clone();
        for row in self.rows.values() {
            row.add_to(&mut all);
        }
        for ((owner, component, currency), amount) in &self.remitted {
            let withheld = ("tax_withheld", owner.clone(), Some(*component), *currency);
            *all.entry(withheld).or_default() += i128::from(*amount);
            let suspense = ("suspense", "tenant".to_owned(), None, *currency);
            *all.entry(suspense).or_default() -= i128::from(*amount);
        }
        for ((side, owner, currency), amount) in &self.paid {
            let available = (*side, owner.clone(), None, *currency);
            *all.entry(available).or_default() -= i128::from(*amount);
            let clearing = ("payout_clearing", "rail:file".to_owned(), None, *currency);
            *all.entry(clearing).or_default() += i128::from(*amount);
        }
        let overdrawn: Vec<(Key, i128)> = all
            .iter()
            .filter(|((kind, ..), worth)| kind.ends_with("_available") && **worth < 0)
            .map(|(key, worth)| (key.clone(), *worth))
            .collect();
        for ((kind, owner, _, currency), worth) in overdrawn {
            all.insert((kind, owner.clone(), None, currency), 0);
            all.insert(("clawback_receivable", owner, None, currency), -worth);
        }
        all
    }
}

impl Row {
    fn add_to(&self, all: &mut BTreeMap<Key, i128>) {
        let Parts { charge, fee, shopper, taxes, net } = &self.parts;
        let pick = |pending, released| if self.released { released } else { pending };
        let mut add = |kind, owner: &str, component, amount: i64| {
            let key = (kind, owner.to_owned(), component, self.currency);
            *all.entry(key).or_default() += i128::from(amount);
        };
        add("advertiser_receivable", &self.debtor, None, *charge);
        add(pick("fee_pending", "fee_earned"), "tenant", None, *fee);
        if let Some(owner) = &self.shopper {
            add(pick("shopper_pending", "shopper_available"), owner, None, *shopper);
        }
        for (component, withheld, shortfall) in taxes {
            let kind = pick("tax_pending", "tax_withheld");
            add(kind, &self.publisher, Some(*component), *withheld);
            add(kind, "tenant", Some(*component), *shortfall);
            add("suspense", "tenant", None, -*shortfall);
        }
        add(pick("publisher_pending", "publisher_available"), &self.publisher, None, *net);
    }
}
