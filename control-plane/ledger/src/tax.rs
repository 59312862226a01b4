//! Flat tax rates for the estimate that stands until release.
//!
//! The rows are dated, carry their legal reference and say how sure we are of them. They are what
//! a tenant's table starts with; the operator confirms or replaces them. Deductions, steps and
//! ceilings need a person's month and year and belong to the recomputation at release; the flat
//! estimate leaves them out.
//!
//! Source: Tax Code of Kazakhstan of 18.07.2025 No. 214-VIII, in force from 2026-01-01.

use model::money::BasisPoints;

use crate::split::{TaxBase, TaxRate};
use crate::word::Word;

model::words! {
    /// How a publisher is taxed.
    pub enum TaxRegime {
        /// Special regime of the self-employed: four social payments, no income tax.
        SelfEmployed = "self_employed",
        /// Simplified declaration of an entrepreneur, who pays alone.
        Simplified = "simplified",
        /// An individual under a civil contract; the operator is the tax agent.
        GphPerson = "gph_person",
        /// The demonstration: a tenth of the charge. Never law.
        Illustrative10 = "illustrative_10",
        /// Nothing to withhold.
        None = "none",
        /// Not stated yet: earns, estimate 0, no payout.
        Undeclared = "undeclared",
    }
}

model::words! {
    /// How sure we are of a row.
    pub enum Confidence {
        /// Read in the law or an official text.
        High = "high",
        /// Read in secondary texts.
        Medium = "medium",
        /// Not law.
        Demo = "demo",
    }
}

model::words! {
    /// Who brings the money to the state.
    pub enum Payer {
        /// The operator, as tax agent or platform: Gamma withholds it.
        Agent = "agent",
        /// The publisher: Gamma withholds nothing.
        Person = "person",
    }
}

/// A calendar day in the tenant's time zone; ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Day {
    year: u16,
    month: u8,
    in_month: u8,
}

impl Day {
    /// The caller's calendar has checked that the day exists; only the order matters here.
    pub const fn new(year: u16, month: u8, in_month: u8) -> Self {
        Self { year, month, in_month }
    }
}

/// One dated rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TaxRow {
    pub regime: TaxRegime,
    pub component: Word,
    pub rate: BasisPoints,
    pub base: TaxBase,
    pub payer: Payer,
    pub valid_from: Day,
    /// The first day on which it is no longer valid.
    pub valid_to: Option<Day>,
    pub legal_ref: &'static str,
    pub confidence: Confidence,
}

/// Every row we ship, in the order in which the components are taken from a publisher's gross.
pub const TAX_ROWS: &[TaxRow] = &[
    person(TaxRegime::SelfEmployed, "opv", 100, SELF_EMPLOYED, Confidence::High),
    person(TaxRegime::SelfEmployed, "opvr", 100, SELF_EMPLOYED, Confidence::High),
    person(TaxRegime::SelfEmployed, "so", 100, SELF_EMPLOYED, Confidence::High),
    person(TaxRegime::SelfEmployed, "osms", 100, SELF_EMPLOYED, Confidence::High),
    TaxRow {
        payer: Payer::Person,
        ..person(TaxRegime::Simplified, "single_tax", 400, CODE, Confidence::High)
    },
    person(TaxRegime::GphPerson, "opv", 1_000, CODE, Confidence::Medium),
    person(TaxRegime::GphPerson, "vosms", 200, CODE, Confidence::Medium),
    person(TaxRegime::GphPerson, "iit", 1_000, CODE, Confidence::Medium),
    TaxRow {
        base: TaxBase::Charge,
        ..person(TaxRegime::Illustrative10, "illustrative", 1_000, "none", Confidence::Demo)
    },
];

const CODE: &str = "Code 214-VIII";
const SELF_EMPLOYED: &str = "Code 214-VIII Art. 721 pp. 3-4; Social Code Art. 102-1";
const CODE_IN_FORCE: Day = Day::new(2026, 1, 1);
/// The demonstration has no law and therefore no date that matters.
const ALWAYS: Day = Day::new(1, 1, 1);

/// The rates that Gamma withholds under a regime on a day. Empty where nothing is withheld: by the
/// regime, because the publisher pays alone, or because no row is valid on that day.
pub fn flat_rates(regime: TaxRegime, on: Day) -> Vec<TaxRate> {
    let is_valid = |row: &&TaxRow| {
        row.regime == regime
            && row.payer == Payer::Agent
            && row.valid_from <= on
            && row.valid_to.is_none_or(|end| on < end)
    };
    let to_rate =
        |row: &TaxRow| TaxRate { component: row.component, rate: row.rate, base: row.base };
    TAX_ROWS.iter().filter(is_valid).map(to_rate).collect()
}

/// A row of an individual's tax on the publisher's gross, withheld by us.
const fn person(
    regime: TaxRegime,
    component: &str,
    rate: u32,
    legal_ref: &'static str,
    confidence: Confidence,
) -> TaxRow {
    let component = Word::parse(component).expect("components of the table are words");
    let valid_from = if matches!(confidence, Confidence::Demo) { ALWAYS } else { CODE_IN_FORCE };
    TaxRow {
        regime,
        component,
        rate: BasisPoints(rate),
        base: TaxBase::Gross,
        payer: Payer::Agent,
        valid_from,
        valid_to: None,
        legal_ref,
        confidence,
    }
}
