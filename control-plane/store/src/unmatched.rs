//! Claims nobody could be credited for. Those with reason `unknown_order` are news parked until
//! their order arrives.

use std::time::Duration;

use model::clock::Timestamp;
use model::id::AdvertiserId;
use model::id::EventId;
use model::id::IntegrationId;
use model::id::TenantId;
use model::outcome::Reason;
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

/// How long unmatched claims and parked news are kept.
pub const UNMATCHED_FOR: Duration = Duration::from_hours(90 * 24);

/// One claim without anybody to credit.
#[derive(Debug, Clone, PartialEq)]
pub struct UnmatchedRow {
    /// The inbound.
    pub event: EventId,
    /// Which of its claims.
    pub claim_index: i64,
    /// Through which connection.
    pub integration: IntegrationId,
    /// The integration's advertiser; absent for networks.
    pub advertiser: Option<AdvertiserId>,
    /// A word of [`Reason`].
    pub reason: String,
    /// The order it speaks of.
    pub order: OrderKey,
    /// The claim as JSON.
    pub claim: Json,
    /// By the daemon's clock.
    pub received_at: Timestamp,
    /// Not looked at from then on.
    pub expires_at: Timestamp,
    /// Its order came, or a replay matched it.
    pub resolved_at: Option<Timestamp>,
}

impl UnmatchedRow {
    /// What a page behind this row is asked for with: an inbound can have several claims.
    #[must_use]
    pub fn cursor(&self) -> String {
        format!("{}:{}", self.event, self.claim_index)
    }
}

fn parse_cursor(text: &str) -> Option<(EventId, i64)> {
    let (event, index) = text.split_once(':')?;
    Some((event.parse().ok()?, index.parse().ok()?))
}

/// Which unmatched claims are listed.
#[derive(Debug, Clone, Default)]
pub struct UnmatchedFilter {
    /// Of one integration.
    pub integration: Option<IntegrationId>,
    /// Of one advertiser's integrations.
    pub advertiser: Option<AdvertiserId>,
    /// For this reason.
    pub reason: Option<String>,
    /// Only those that are neither resolved nor expired at this instant.
    pub open_at: Option<Timestamp>,
}

/// Repository of `unmatched`.
#[derive(Debug)]
pub struct Unmatched<'t>(Scope<'t>);

impl TenantTx {
    /// The unmatched claims of its tenant.
    pub const fn unmatched(&mut self) -> Unmatched<'_> {
        Unmatched(self.scope())
    }
}

impl BatchTx {
    /// The unmatched claims of one tenant.
    pub const fn unmatched(&mut self, tenant: TenantId) -> Unmatched<'_> {
        Unmatched(self.scope(tenant))
    }
}

const COLUMNS: [&str; 14] = [
    "tenant_id",
    "event_id",
    "claim_index",
    "integration_id",
    "advertiser_id",
    "reason",
    "order_space",
    "order_ref",
    "line",
    "action",
    "claim",
    "received_at",
    "expires_at",
    "resolved_at",
];

fn from_row(row: &Row) -> StoreResult<UnmatchedRow> {
    Ok(UnmatchedRow {
        event: row.id("event_id")?,
        claim_index: row.int("claim_index")?,
        integration: row.id("integration_id")?,
        advertiser: row.opt_id("advertiser_id")?,
        reason: row.string("reason")?,
        order: OrderKey {
            order_space: row.string("order_space")?,
            order_ref: row.string("order_ref")?,
            line: row.string("line")?,
            action: row.string("action")?,
        },
        claim: row.json("claim")?,
        received_at: row.at("received_at")?,
        expires_at: row.at("expires_at")?,
        resolved_at: row.opt_at("resolved_at")?,
    })
}

impl Unmatched<'_> {
    /// Keeps claims; one that is there already takes the new reason.
    ///
    /// # Errors
    /// [`crate::error::StoreError::Database`].
    pub async fn insert(&mut self, rows: Vec<UnmatchedRow>) -> StoreResult<()> {
        let tenant = self.0.tenant();
        let to_values = |row: UnmatchedRow| {
            params![
                tenant,
                row.event,
                row.claim_index,
                row.integration,
                row.advertiser,
                row.reason,
                row.order.order_space,
                row.order.order_ref,
                row.order.line,
                row.order.action,
                row.claim.to_string(),
                row.received_at,
                row.expires_at,
                row.resolved_at,
            ]
        };
        let rows = rows.into_iter().map(to_values).collect();
        let suffix = "ON CONFLICT (tenant_id, event_id, claim_index) DO UPDATE SET \
                      reason = excluded.reason, resolved_at = excluded.resolved_at";
        self.0.insert_many("unmatched", &COLUMNS, rows, suffix).await.map(drop)
    }

    /// News that waits for one of these orders, oldest first.
    ///
    /// # Errors
    /// [`crate::error::StoreError::Database`].
    pub async fn parked(
        &mut self,
        order_refs: &[String],
        now: Timestamp,
    ) -> StoreResult<Vec<UnmatchedRow>> {
        let mut found = Vec::new();
        for refs in order_refs.chunks(KEYS_PER_STATEMENT) {
            let begin = "SELECT * FROM unmatched WHERE tenant_id = $1 AND resolved_at IS NULL \
                         AND reason = $2 AND expires_at > $3";
            let params = params![self.0.tenant(), Reason::UnknownOrder.as_str(), now];
            let mut statement = Statement::new(begin, params);
            statement.among("AND order_ref", refs.iter().map(Value::from));
            statement.text("ORDER BY event_id, claim_index");
            for row in self.0.fetch_built(statement.sql, statement.params).await? {
                found.push(from_row(&row)?);
            }
        }
        Ok(found)
    }

    /// Marks a claim as settled.
    ///
    /// # Errors
    /// [`crate::error::StoreError::Database`].
    pub async fn resolve(
        &mut self,
        event: EventId,
        claim_index: i64,
        now: Timestamp,
    ) -> StoreResult<()> {
        let sql = "UPDATE unmatched SET resolved_at = $1 \
                   WHERE tenant_id = $2 AND event_id = $3 AND claim_index = $4";
        let params = params![now, self.0.tenant(), event, claim_index];
        self.0.execute(sql, params).await.map(drop)
    }

    /// One page, newest first. `page.after` is the [`UnmatchedRow::cursor`] of the last row.
    ///
    /// # Errors
    /// [`crate::error::StoreError::Database`].
    pub async fn list(
        &mut self,
        filter: &UnmatchedFilter,
        page: &PageAsk,
    ) -> StoreResult<Vec<UnmatchedRow>> {
        let begin = "SELECT * FROM unmatched WHERE tenant_id = $1";
        let mut statement = Statement::new(begin, params![self.0.tenant()]);
        statement.when("AND integration_id =", filter.integration);
        statement.when("AND advertiser_id =", filter.advertiser);
        statement.when("AND reason =", filter.reason.as_ref());
        statement.when("AND resolved_at IS NULL AND expires_at >", filter.open_at);
        if let Some((event, index)) = page.after.as_deref().and_then(parse_cursor) {
            statement.value("AND (event_id <", event);
            statement.value("OR (event_id =", event);
            statement.value("AND claim_index >", index);
            statement.text("))");
        }
        statement.value("ORDER BY event_id DESC, claim_index LIMIT", page.rows());
        self.0.fetch_built(statement.sql, statement.params).await?.iter().map(from_row).collect()
    }

    /// Open claims per reason.
    ///
    /// # Errors
    /// [`crate::error::StoreError::Database`].
    pub async fn open(&mut self, now: Timestamp) -> StoreResult<Vec<(String, i64)>> {
        let sql = "SELECT reason, COUNT(*) AS n FROM unmatched WHERE tenant_id = $1 \
                   AND resolved_at IS NULL AND expires_at > $2 GROUP BY reason";
        let rows = self.0.fetch_all(sql, params![self.0.tenant(), now]).await?;
        rows.iter().map(|row| Ok((row.string("reason")?, row.int("n")?))).collect()
    }
}
