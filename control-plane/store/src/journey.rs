//! The journey: one event per claim, earning or not.

use model::clock::Timestamp;
use model::id::AdvertiserId;
use model::id::CampaignId;
use model::id::ConversionId;
use model::id::EventId;
use model::id::IntegrationId;
use model::id::LinkId;
use model::id::PublisherId;
use model::id::TenantId;

use crate::conn::Scope;
use crate::error::StoreResult;
use crate::params;
use crate::unit::BatchTx;

/// One step of a customer's journey.
#[derive(Debug, Clone)]
pub struct JourneyRow {
    /// The inbound that told it.
    pub event: EventId,
    /// Which of its claims.
    pub claim_index: i64,
    /// What happened.
    pub action: String,
    /// Through which connection it was told.
    pub integration: IntegrationId,
    /// At whose shop, where that is known.
    pub advertiser: Option<AdvertiserId>,
    /// Credited to, as are the next three, where anybody was.
    pub campaign: Option<CampaignId>,
    /// See `campaign`.
    pub publisher: Option<PublisherId>,
    /// See `campaign`.
    pub link: Option<LinkId>,
    /// See `campaign`.
    pub click_id: Option<String>,
    /// The outside's number.
    pub order_ref: Option<String>,
    /// The customer, as the shop names them.
    pub customer_key: Option<String>,
    /// Decimal text as told.
    pub amount: Option<String>,
    /// As told.
    pub currency: Option<String>,
    /// What it became or changed.
    pub conversion: Option<ConversionId>,
    /// When it was received.
    pub at: Timestamp,
}

/// Repository of `events`.
#[derive(Debug)]
pub struct Journey<'t>(Scope<'t>);

impl BatchTx {
    /// The journey steps of one tenant.
    pub const fn journey(&mut self, tenant: TenantId) -> Journey<'_> {
        Journey(self.scope(tenant))
    }
}

const COLUMNS: [&str; 16] = [
    "tenant_id",
    "event_id",
    "claim_index",
    "action",
    "integration_id",
    "advertiser_id",
    "campaign_id",
    "publisher_id",
    "link_id",
    "click_id",
    "order_ref",
    "customer_key",
    "amount",
    "currency",
    "conversion_id",
    "at",
];

impl Journey<'_> {
    /// Keeps steps; known ones stay as they are.
    ///
    /// # Errors
    /// [`crate::error::StoreError::Database`].
    pub async fn insert(&mut self, rows: Vec<JourneyRow>) -> StoreResult<()> {
        let tenant = self.0.tenant();
        let to_values = |row: JourneyRow| {
            params![
                tenant,
                row.event,
                row.claim_index,
                row.action,
                row.integration,
                row.advertiser,
                row.campaign,
                row.publisher,
                row.link,
                row.click_id,
                row.order_ref,
                row.customer_key,
                row.amount,
                row.currency,
                row.conversion,
                row.at,
            ]
        };
        let rows = rows.into_iter().map(to_values).collect();
        self.0.insert_many("events", &COLUMNS, rows, "ON CONFLICT DO NOTHING").await.map(drop)
    }
}
