//! Dated terms: what an action earns, by offer, campaign or enrolment.

use super::BasisPoints;
use super::Credit;
use super::Money;
use super::Row;
use super::StoreResult;
use super::Timestamp;
use super::Value;
use super::basis_points;
use super::currency_of;
use super::params;

model::words! {
    /// What terms stand on; later ones are more specific and win.
    pub enum TermScope {
        /// An offer's.
        Offer = "offer",
        /// A campaign's.
        Campaign = "campaign",
        /// An enrolment's.
        Enrolment = "enrolment",
    }
}

/// How a charge follows from an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rate {
    /// Of the order's value.
    Percent(BasisPoints),
    /// Whatever the order's value.
    Fixed(Money),
}

/// One dated row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Term {
    /// Its id.
    pub id: String,
    /// What it stands on.
    pub scope: TermScope,
    /// Of which offer, campaign or enrolment.
    pub scope_id: String,
    /// What must happen.
    pub action: String,
    /// What is owed then.
    pub rate: Rate,
    /// From when on.
    pub valid_from: Timestamp,
    /// Until when, exclusive.
    pub valid_to: Option<Timestamp>,
}

impl Term {
    /// Whether it is live at an instant.
    #[must_use]
    pub fn is_live(&self, at: Timestamp) -> bool {
        self.valid_from <= at && self.valid_to.is_none_or(|end| at < end)
    }
}

impl Credit<'_> {
    /// Percent and fixed terms of offers, campaigns and enrolments, in the order they were given.
    /// Ended ones are among them: a claim may be older than its terms' end.
    ///
    /// # Errors
    /// As [`Credit::version`].
    pub async fn terms(&mut self, scope_ids: &[String]) -> StoreResult<Vec<Term>> {
        let begin = "SELECT id, scope, scope_id, action, kind, bp, amount_minor, currency, \
                     valid_from, valid_to, position FROM terms WHERE tenant_id = $1";
        let values = scope_ids.iter().map(Value::from).collect();
        let mut found = Vec::new();
        for row in self.among(begin, "AND scope_id", values).await? {
            let Some(rate) = rate_of(&row)? else { continue };
            let term = Term {
                id: row.string("id")?,
                scope: row.word("scope", TermScope::parse)?,
                scope_id: row.string("scope_id")?,
                action: row.string("action")?,
                rate,
                valid_from: row.at("valid_from")?,
                valid_to: row.opt_at("valid_to")?,
            };
            found.push((row.int("position")?, term));
        }
        found.sort_by_key(|(position, term)| (*position, term.valid_from));
        Ok(found.into_iter().map(|(_, term)| term).collect())
    }

    /// Actions for which anybody in the tenant ever paid.
    ///
    /// # Errors
    /// As [`Credit::version`].
    pub async fn paid_actions(&mut self) -> StoreResult<Vec<String>> {
        let sql = "SELECT DISTINCT action FROM terms WHERE tenant_id = $1";
        let rows = self.0.fetch_all(sql, params![self.0.tenant()]).await?;
        rows.iter().map(|row| row.string("action")).collect()
    }
}

/// Kinds that a conversion cannot earn by (clicks, views, deliverables) have no rate here.
fn rate_of(row: &Row) -> StoreResult<Option<Rate>> {
    match row.text("kind")? {
        "percent" => Ok(Some(Rate::Percent(basis_points(row, "bp")?))),
        "fixed" => {
            let currency = currency_of(row, "currency")?;
            Ok(Some(Rate::Fixed(Money::new(row.int("amount_minor")?, currency))))
        }
        _ => Ok(None),
    }
}
