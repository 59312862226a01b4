//! Conversions: attributed claims that earn, what they have posted, and every news about them.

use std::time::Duration;

use ledger::Debtor;
use ledger::Parties;
use ledger::Position;
use ledger::Split;
use ledger::Stage;
use ledger::TaxRate;
use model::claim::ClaimStatus;
use model::clock::Timestamp;
use model::conversion::AttributionRule;
use model::conversion::Awaiting;
use model::conversion::ConversionStatus;
use model::conversion::Decision;
use model::id::AdvertiserId;
use model::id::CampaignId;
use model::id::ConversionId;
use model::id::CouponId;
use model::id::EnrolmentId;
use model::id::EventId;
use model::id::IntegrationId;
use model::id::LinkId;
use model::id::OfferId;
use model::id::PublisherId;
use model::id::ShopperId;
use model::id::TenantId;
use model::id::TransactionId;
use model::money::BasisPoints;
use model::money::Currency;
use model::money::Money;
use serde_json::Value as Json;

use crate::business_keys::OrderKey;
use crate::conn::Scope;
use crate::error::StoreResult;
use crate::page::KEYS_PER_STATEMENT;
use crate::page::PageAsk;
use crate::page::Statement;
use crate::params;
use crate::sql::Row;
use crate::sql::Value;
use crate::unit::BatchTx;
use crate::unit::TenantTx;

mod advances;
mod codec;
mod revisions;

pub(crate) use codec::currency_of;
pub(crate) use codec::from_row as conversion_from;

use codec::COLUMNS;
use codec::from_row;
use codec::to_values;

/// `held_by` of a conversion with news that changes it back and that nobody can date.
pub const CHANGED_BACK: &str = "changed_back";

/// The day in which holds run.
pub const HOLD_DAY: Duration = Duration::from_hours(24);

/// The rates a conversion was made with; they never change afterwards.
#[derive(Debug, Clone, PartialEq)]
pub struct Rates {
    /// The platform's part of the charge.
    pub fee: BasisPoints,
    /// The shopper's part of the commission.
    pub share: BasisPoints,
    /// Flat tax rates of the day of the claim.
    pub taxes: Vec<TaxRate>,
    /// JSON: the terms row used; `{"type":"stated"}` where the outside states its charge.
    pub term: Json,
}

/// One conversion as it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Conversion {
    /// Its id.
    pub id: ConversionId,
    /// Where it is in its life.
    pub status: ConversionStatus,
    /// What the outside last said of the order; never [`ClaimStatus::Absent`].
    pub outside_status: ClaimStatus,
    /// What names the order for ever.
    pub order: OrderKey,
    /// The connection that told it first.
    pub integration: IntegrationId,
    /// Whose order.
    pub advertiser: AdvertiserId,
    /// The integration owes, not the advertiser.
    pub is_network: bool,
    /// Earned in which campaign.
    pub campaign: CampaignId,
    /// For which offer.
    pub offer: OfferId,
    /// Who earns.
    pub publisher: PublisherId,
    /// The publisher's place in the campaign.
    pub enrolment: Option<EnrolmentId>,
    /// Through which link; absent for coupons.
    pub link: Option<LinkId>,
    /// By which coupon.
    pub coupon: Option<CouponId>,
    /// Who gets cashback.
    pub shopper: Option<ShopperId>,
    /// Text of the click id that earned.
    pub click_id: Option<String>,
    /// Which key attributed it.
    pub rule: AttributionRule,
    /// The customer, as the shop names them.
    pub customer_key: Option<String>,
    /// Value of the order; absent where only a charge was stated.
    pub order_amount_minor: Option<i64>,
    /// Of the order's value.
    pub order_currency: Currency,
    /// What the outside says it owes; overrides the terms.
    pub stated_charge_minor: Option<i64>,
    /// Charge and its parts, as posted where anything is posted, else as they would be.
    pub split: Split,
    /// How it is computed.
    pub rates: Rates,
    /// How far its money has come; absent while nothing is posted.
    pub stage: Option<Stage>,
    /// The transaction of the accrual that stands.
    pub origin: Option<TransactionId>,
    /// What of the net was paid before the release.
    pub advanced_minor: i64,
    /// What the rules, or a person after them, said.
    pub verdict: Decision,
    /// What a person has to decide: a rule's name, `filtered_click` or `parked_news` while it is
    /// pending, [`CHANGED_BACK`] in any status.
    pub held_by: Option<String>,
    /// What held it before [`CHANGED_BACK`] did, and holds it again afterwards.
    pub held_before: Option<String>,
    /// Why it is as it is: a closed word, `rule:<name>`, or what a person gave as the reason.
    pub reason: Option<String>,
    /// Length of the hold in days of 24 hours.
    pub hold_days: i64,
    /// When the claim was received or, where credible, happened.
    pub claimed_at: Timestamp,
    /// When the click that earned was made.
    pub clicked_at: Option<Timestamp>,
    /// When the outside first said approved.
    pub approved_at: Option<Timestamp>,
    /// When the hold ends; absent until the outside has approved.
    pub release_at: Option<Timestamp>,
    /// When it was released.
    pub released_at: Option<Timestamp>,
    /// Revision of its business key; 1 is the first.
    pub revision: i64,
    /// Orders news: the outside's own update time, else when it was received.
    pub revised_at: Timestamp,
    /// The inbound of the current revision; decides between equal `revised_at`.
    pub revised_event: EventId,
    /// Who decided the review.
    pub reviewed_by: Option<String>,
    /// JSON of section 6 of the contract.
    pub explanation: Json,
    /// When the row was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

impl Conversion {
    /// What its release still waits for, in the order it is shown; empty once it is not pending.
    #[must_use]
    pub fn awaiting(&self, now: Timestamp) -> Vec<Awaiting> {
        let mut awaiting = Vec::new();
        if self.status != ConversionStatus::Pending {
            return awaiting;
        }
        if matches!(self.outside_status, ClaimStatus::Pending | ClaimStatus::Unmapped) {
            awaiting.push(Awaiting::Advertiser);
        }
        let is_over = self.release_at.is_some_and(|at| at <= now);
        if self.hold_days > 0 && !is_over {
            awaiting.push(Awaiting::Time);
        }
        if self.held_by.is_some() {
            awaiting.push(Awaiting::Verdict);
        }
        if awaiting.is_empty() {
            // Due, and the next run of the settlement releases it.
            awaiting.push(Awaiting::Time);
        }
        awaiting
    }

    /// Value of the order, where it is known.
    #[must_use]
    pub fn order_amount(&self) -> Option<Money> {
        self.order_amount_minor.map(|minor| Money::new(minor, self.order_currency))
    }

    /// Who takes part in its money.
    #[must_use]
    pub const fn parties(&self) -> Parties {
        let debtor = if self.is_network {
            Debtor::Network(self.integration)
        } else {
            Debtor::Advertiser(self.advertiser)
        };
        Parties { debtor, publisher: self.publisher, shopper: self.shopper }
    }

    /// What it has posted; absent while nothing is posted.
    #[must_use]
    pub fn position(&self) -> Option<Position> {
        let (stage, origin) = (self.stage?, self.origin?);
        Some(Position {
            parties: self.parties(),
            split: self.split.clone(),
            stage,
            origin,
            advanced_minor: self.advanced_minor,
        })
    }

    /// Takes over what is posted after a ledger command.
    pub fn set_position(&mut self, position: Option<Position>) {
        self.stage = position.as_ref().map(|position| position.stage);
        self.origin = position.as_ref().map(|position| position.origin);
        self.advanced_minor = position.as_ref().map_or(0, |position| position.advanced_minor);
        if let Some(position) = position {
            self.split = position.split;
        }
    }
}

/// One news about a conversion that was not a plain duplicate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevisionRow {
    /// About which conversion.
    pub conversion: ConversionId,
    /// The inbound that told it.
    pub event: EventId,
    /// Which of its claims.
    pub claim_index: i64,
    /// Of the business key; 0: it had no effect.
    pub revision: i64,
    /// What it did.
    pub effect: RevisionEffect,
    /// Through which connection.
    pub integration: IntegrationId,
    /// The order's content after it, as are the next two.
    pub status: ClaimStatus,
    /// See `status`.
    pub amount_minor: Option<i64>,
    /// See `status`.
    pub stated_charge_minor: Option<i64>,
    /// The outside's own update time.
    pub outside_at: Option<Timestamp>,
    /// By the daemon's clock.
    pub received_at: Timestamp,
    /// Who decided what it does; absent where nobody was asked.
    pub decision: Option<RevisionDecision>,
}

/// A person's decision about a news.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevisionDecision {
    /// Id of the key that decided.
    pub by: String,
    /// The reason given.
    pub why: Option<String>,
}

model::words! {
    /// What a news did to its conversion.
    pub enum RevisionEffect {
        /// It is, or was, the current content.
        Applied = "applied",
        /// Older than what was current: no effect.
        Older = "older",
        /// A change back that nobody can date: a person decides.
        Held = "held",
        /// A person kept what was known.
        Declined = "declined",
        /// Its month is locked: no effect.
        Locked = "locked",
    }
}

/// Which conversions are listed. Everything absent: all.
#[derive(Debug, Clone, Default)]
pub struct ConversionFilter {
    /// Of one order.
    pub order_ref: Option<String>,
    /// In this status.
    pub status: Option<ConversionStatus>,
    /// Of one publisher.
    pub publisher: Option<PublisherId>,
    /// Of one advertiser.
    pub advertiser: Option<AdvertiserId>,
    /// In one campaign.
    pub campaign: Option<CampaignId>,
    /// For one offer.
    pub offer: Option<OfferId>,
    /// Through one link.
    pub link: Option<LinkId>,
    /// With cashback for one shopper.
    pub shopper: Option<ShopperId>,
    /// Claimed at or after.
    pub from: Option<Timestamp>,
    /// Claimed before.
    pub to: Option<Timestamp>,
    /// Only those that wait for a review, or only the others.
    pub is_held: Option<bool>,
}

/// One earlier claim of a customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CustomerClaim {
    /// The customer.
    pub customer_key: String,
    /// When.
    pub claimed_at: Timestamp,
}

/// Repository of `conversions` and `conversion_revisions`.
#[derive(Debug)]
pub struct Conversions<'t>(Scope<'t>);

impl TenantTx {
    /// The conversions of its tenant.
    pub const fn conversions(&mut self) -> Conversions<'_> {
        Conversions(self.scope())
    }
}

impl BatchTx {
    /// The conversions of one tenant.
    pub const fn conversions(&mut self, tenant: TenantId) -> Conversions<'_> {
        Conversions(self.scope(tenant))
    }
}

impl Conversions<'_> {
    /// One page, newest first.
    ///
    /// # Errors
    /// [`crate::error::StoreError::Database`]; so do all below.
    pub async fn list(
        &mut self,
        filter: &ConversionFilter,
        page: &PageAsk,
    ) -> StoreResult<Vec<Conversion>> {
        let begin = "SELECT * FROM conversions WHERE tenant_id = $1";
        let mut statement = Statement::new(begin, params![self.0.tenant()]);
        statement.when("AND order_ref =", filter.order_ref.as_ref());
        statement.when("AND status =", filter.status.map(ConversionStatus::as_str));
        statement.when("AND publisher_id =", filter.publisher);
        statement.when("AND advertiser_id =", filter.advertiser);
        statement.when("AND campaign_id =", filter.campaign);
        statement.when("AND offer_id =", filter.offer);
        statement.when("AND link_id =", filter.link);
        statement.when("AND shopper_id =", filter.shopper);
        statement.when("AND claimed_at >=", filter.from);
        statement.when("AND claimed_at <", filter.to);
        match filter.is_held {
            Some(true) => statement.text(
                "AND held_by IS NOT NULL AND (status = 'pending' OR held_by = 'changed_back')",
            ),
            Some(false) => statement.text(
                "AND (held_by IS NULL OR (status <> 'pending' AND held_by <> 'changed_back'))",
            ),
            None => {}
        }
        statement.when("AND id <", page.after.as_ref());
        statement.value("ORDER BY id DESC LIMIT", page.rows());
        self.fetch(statement).await
    }

    /// One conversion.
    ///
    /// # Errors
    /// As [`Self::list`].
    pub async fn get(&mut self, id: ConversionId) -> StoreResult<Option<Conversion>> {
        let sql = "SELECT * FROM conversions WHERE tenant_id = $1 AND id = $2";
        let row = self.0.fetch_optional(sql, params![self.0.tenant(), id]).await?;
        row.as_ref().map(from_row).transpose()
    }

    /// Every conversion with one of these order numbers, in any order space.
    ///
    /// # Errors
    /// As [`Self::list`].
    pub async fn of_orders(&mut self, order_refs: &[String]) -> StoreResult<Vec<Conversion>> {
        let mut found = Vec::new();
        for refs in order_refs.chunks(KEYS_PER_STATEMENT) {
            let begin = "SELECT * FROM conversions WHERE tenant_id = $1";
            let mut statement = Statement::new(begin, params![self.0.tenant()]);
            statement.among("AND order_ref", refs.iter().map(Value::from));
            statement.text("ORDER BY id");
            found.extend(self.fetch(statement).await?);
        }
        Ok(found)
    }

    /// Claims of these customers at or after `from`.
    ///
    /// # Errors
    /// As [`Self::list`].
    pub async fn of_customers(
        &mut self,
        customer_keys: &[String],
        from: Timestamp,
    ) -> StoreResult<Vec<CustomerClaim>> {
        let mut found = Vec::new();
        for keys in customer_keys.chunks(KEYS_PER_STATEMENT) {
            let begin = "SELECT customer_key, claimed_at FROM conversions WHERE tenant_id = $1";
            let mut statement = Statement::new(begin, params![self.0.tenant()]);
            statement.among("AND customer_key", keys.iter().map(Value::from));
            statement.value("AND claimed_at >=", from);
            for row in self.0.fetch_built(statement.sql, statement.params).await? {
                let customer_key = row.string("customer_key")?;
                found.push(CustomerClaim { customer_key, claimed_at: row.at("claimed_at")? });
            }
        }
        Ok(found)
    }

    /// Which of these customers have an order that was not rejected, and with which advertisers.
    ///
    /// # Errors
    /// As [`Self::list`].
    pub async fn known_customers(
        &mut self,
        customer_keys: &[String],
    ) -> StoreResult<Vec<(AdvertiserId, String)>> {
        let mut found = Vec::new();
        for keys in customer_keys.chunks(KEYS_PER_STATEMENT) {
            let begin = "SELECT DISTINCT advertiser_id, customer_key FROM conversions \
                         WHERE tenant_id = $1 AND status <> 'rejected'";
            let mut statement = Statement::new(begin, params![self.0.tenant()]);
            statement.among("AND customer_key", keys.iter().map(Value::from));
            for row in self.0.fetch_built(statement.sql, statement.params).await? {
                found.push((row.id("advertiser_id")?, row.string("customer_key")?));
            }
        }
        Ok(found)
    }

    /// Those whose hold ended by `now` and that nothing else holds, longest due first.
    ///
    /// # Errors
    /// As [`Self::list`].
    pub async fn due(&mut self, now: Timestamp, limit: u32) -> StoreResult<Vec<Conversion>> {
        let sql = "SELECT * FROM conversions WHERE tenant_id = $1 AND status = 'pending' \
                   AND held_by IS NULL AND release_at <= $2 \
                   AND outside_status IN ('approved', 'partial') ORDER BY release_at LIMIT $3";
        let rows = self.0.fetch_all(sql, params![self.0.tenant(), now, limit]).await?;
        rows.iter().map(from_row).collect()
    }

    /// How many wait for a review.
    ///
    /// # Errors
    /// As [`Self::list`].
    pub async fn held_open(&mut self) -> StoreResult<i64> {
        let sql = "SELECT (SELECT COUNT(*) FROM conversions WHERE tenant_id = $1 \
                   AND status = 'pending' AND held_by IS NOT NULL) \
                   + (SELECT COUNT(*) FROM conversions WHERE tenant_id = $1 \
                   AND status <> 'pending' AND held_by = 'changed_back') AS n";
        self.0.fetch_one(sql, params![self.0.tenant()]).await?.int("n")
    }

    /// Inserts new conversions and replaces what may change of known ones.
    ///
    /// # Errors
    /// As [`Self::list`].
    pub async fn save(&mut self, rows: &[&Conversion]) -> StoreResult<()> {
        let tenant = self.0.tenant();
        let rows = rows.iter().map(|row| to_values(tenant, row)).collect();
        self.0.insert_many("conversions", &COLUMNS, rows, codec::ON_CONFLICT).await.map(drop)
    }

    async fn fetch(&mut self, statement: Statement) -> StoreResult<Vec<Conversion>> {
        let rows: Vec<Row> = self.0.fetch_built(statement.sql, statement.params).await?;
        rows.iter().map(from_row).collect()
    }
}
