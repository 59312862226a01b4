//! Dated terms: what an action earns, by offer, campaign or enrolment.

use super::Credit;
use super::IntegrationId;
use super::OfferId;
use super::StoreResult;
use super::Timestamp;
use super::Value;
use super::params;
use crate::terms::Body;
use crate::terms::Price;
use crate::terms::body_of;
use crate::terms::price_of;

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
    pub price: Price,
    /// Tiers and conditions.
    pub body: Body,
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
    /// Terms of offers, campaigns and enrolments, in the order they were given. Ended ones are
    /// among them: a claim may be older than its terms' end.
    ///
    /// # Errors
    /// As [`Credit::version`].
    pub async fn terms(&mut self, scope_ids: &[String]) -> StoreResult<Vec<Term>> {
        let begin = "SELECT id, scope, scope_id, action, kind, bp, amount_minor, currency, body, \
                     valid_from, valid_to, position FROM terms WHERE tenant_id = $1";
        let values = scope_ids.iter().map(Value::from).collect();
        let mut found = Vec::new();
        for row in self.among(begin, "AND scope_id", values).await? {
            let price = price_of(&row)?;
            let term = Term {
                id: row.string("id")?,
                scope: row.word("scope", TermScope::parse)?,
                scope_id: row.string("scope_id")?,
                action: row.string("action")?,
                price,
                body: body_of(&row, price)?,
                valid_from: row.at("valid_from")?,
                valid_to: row.opt_at("valid_to")?,
            };
            found.push((row.int("position")?, term));
        }
        found.sort_by_key(|(position, term)| (*position, term.valid_from));
        Ok(found.into_iter().map(|(_, term)| term).collect())
    }

    /// Where clicks for these offers count as told: the built-in events integration of each offer's
    /// advertiser. Empty unless somebody in the tenant ever paid for clicks or views.
    ///
    /// # Errors
    /// As [`Credit::version`].
    pub async fn click_doors(
        &mut self,
        offers: &[OfferId],
    ) -> StoreResult<Vec<(OfferId, IntegrationId)>> {
        let sql = "SELECT 1 AS n FROM terms WHERE tenant_id = $1 \
                   AND action IN ('click', 'intent_click', 'view') LIMIT 1";
        if self.0.fetch_optional(sql, params![self.0.tenant()]).await?.is_none() {
            return Ok(Vec::new());
        }
        let begin = "SELECT o.id AS id, a.events_integration_id AS door FROM offers o \
                     JOIN advertisers a ON a.tenant_id = o.tenant_id AND a.id = o.advertiser_id \
                     WHERE o.tenant_id = $1";
        let values = offers.iter().map(|id| Value::from(*id)).collect();
        let rows = self.among(begin, "AND o.id", values).await?;
        rows.iter().map(|row| Ok((row.id("id")?, row.id("door")?))).collect()
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
