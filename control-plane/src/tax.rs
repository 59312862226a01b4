//! The tax table: dated rows of `config/tax/*.toml`, with their legal references and how sure we
//! are of them; ceilings that hold a payment until the person has chosen another regime.

use std::sync::LazyLock;

use jiff::civil::Date;
use ledger::Confidence;
use ledger::Payer;
use ledger::TaxBase;
use ledger::TaxRegime;
use model::money::Currency;
use model::money::Money;
use serde::Deserialize;

/// The shipped files, compiled in: a program never runs without its table.
const FILES: [&str; 2] = [
    include_str!("../../config/tax/kz-2026.toml"),
    include_str!("../../config/tax/illustrative.toml"),
];

/// What ceilings are stated in.
const CURRENCY: Currency = Currency::KZT;

static TABLE: LazyLock<Table> = LazyLock::new(|| Table::read(&FILES).unwrap_or_default());

model::words! {
    /// Over which span a ceiling counts.
    pub enum Span {
        /// A calendar month.
        Month = "month",
        /// A calendar year.
        Year = "year",
    }
}

/// One dated rate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rule {
    pub(crate) regime: TaxRegime,
    pub(crate) component: String,
    pub(crate) bp: u32,
    pub(crate) base: TaxBase,
    pub(crate) payer: Payer,
    pub(crate) valid_from: Date,
    pub(crate) valid_to: Option<Date>,
    pub(crate) legal_ref: String,
    pub(crate) confidence: Confidence,
    /// Who has confirmed it, and when.
    pub(crate) confirmed_by: Option<String>,
    pub(crate) confirmed_on: Option<String>,
}

/// One dated ceiling of a person's income.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ceiling {
    pub(crate) regime: TaxRegime,
    pub(crate) span: Span,
    pub(crate) limit: Money,
    valid_from: Date,
    valid_to: Option<Date>,
}

/// Every row.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Table {
    pub(crate) rules: Vec<Rule>,
    ceilings: Vec<Ceiling>,
}

/// The table of this program.
pub(crate) fn table() -> &'static Table {
    &TABLE
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileRule {
    regime: String,
    component: String,
    bp: u32,
    base: String,
    payer: String,
    valid_from: String,
    valid_to: Option<String>,
    legal_ref: String,
    confidence: String,
    confirmed_by: Option<String>,
    confirmed_on: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileCeiling {
    regime: String,
    period: String,
    amount: String,
    valid_from: String,
    valid_to: Option<String>,
    #[expect(dead_code, reason = "read so that a file without it is refused")]
    legal_ref: String,
    #[expect(dead_code, reason = "read so that a file without it is refused")]
    confidence: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    rule: Vec<FileRule>,
    #[serde(default)]
    ceiling: Vec<FileCeiling>,
}

impl Table {
    /// Reads files; `None` when one cannot be read.
    fn read(files: &[&str]) -> Option<Self> {
        let mut table = Self::default();
        for text in files {
            let file: File = toml::from_str(text).ok()?;
            for row in file.rule {
                table.rules.push(rule(row)?);
            }
            for row in file.ceiling {
                table.ceilings.push(ceiling(&row)?);
            }
        }
        Some(table)
    }

    /// The ceilings of a regime on a day.
    pub(crate) fn ceilings(&self, regime: TaxRegime, on: Date) -> impl Iterator<Item = &Ceiling> {
        self.ceilings.iter().filter(move |row| {
            row.regime == regime && row.valid_from <= on && row.valid_to.is_none_or(|end| on < end)
        })
    }
}

fn date(text: &str) -> Option<Date> {
    text.parse().ok()
}

/// The first day on which a row is no longer valid; without one it stays valid. `Err`: no day.
fn end_of(text: Option<&str>) -> Result<Option<Date>, ()> {
    text.map(|text| date(text).ok_or(())).transpose()
}

fn rule(row: FileRule) -> Option<Rule> {
    Some(Rule {
        regime: TaxRegime::parse(&row.regime)?,
        bp: row.bp,
        base: TaxBase::parse(&row.base)?,
        payer: Payer::parse(&row.payer)?,
        valid_from: date(&row.valid_from)?,
        valid_to: end_of(row.valid_to.as_deref()).ok()?,
        confidence: Confidence::parse(&row.confidence)?,
        component: row.component,
        legal_ref: row.legal_ref,
        confirmed_by: row.confirmed_by,
        confirmed_on: row.confirmed_on,
    })
}

fn ceiling(row: &FileCeiling) -> Option<Ceiling> {
    Some(Ceiling {
        regime: TaxRegime::parse(&row.regime)?,
        span: Span::parse(&row.period)?,
        limit: Money::parse(&row.amount, CURRENCY).ok()?,
        valid_from: date(&row.valid_from)?,
        valid_to: end_of(row.valid_to.as_deref()).ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_files_say_what_the_ledger_computes_with() {
        let table = Table::read(&FILES).expect("every file can be read");
        assert_eq!(&table, super::table());
        let of_files: Vec<_> = table
            .rules
            .iter()
            .map(|row| {
                let component = row.component.clone();
                let legal_ref = row.legal_ref.as_str();
                (row.regime, component, row.bp, row.base, row.payer, legal_ref, row.confidence)
            })
            .collect();
        let compiled: Vec<_> = ledger::TAX_ROWS
            .iter()
            .map(|row| {
                let component = row.component.to_string();
                (
                    row.regime,
                    component,
                    row.rate.0,
                    row.base,
                    row.payer,
                    row.legal_ref,
                    row.confidence,
                )
            })
            .collect();
        assert_eq!(of_files, compiled);
    }

    #[test]
    fn a_ceiling_is_dated() {
        let count = |day: &str| {
            let day = date(day).expect("a day");
            table().ceilings(TaxRegime::SelfEmployed, day).count()
        };
        assert_eq!((count("2025-12-31"), count("2026-01-01")), (0, 2));
        let day = date("2026-06-01").expect("a day");
        let month = table().ceilings(TaxRegime::SelfEmployed, day).next().expect("a ceiling");
        assert_eq!((month.span, month.limit.minor), (Span::Month, 300 * 432_500));
    }

    #[test]
    fn a_file_that_cannot_be_read_is_refused_whole() {
        for text in ["[[rule]]\nregime = 1", "[[colour]]\n", "[[rule]]\nregime = \"x\"\n"] {
            assert_eq!(Table::read(&[text]), None, "{text}");
        }
    }
}
