//! What outside systems told us and how it ended: the rows behind the debugger.

use model::clock::Timestamp;
use model::id::AdvertiserId;
use model::id::ConversionId;
use model::id::EventId;
use model::id::IntegrationId;
use model::id::TenantId;
use model::inbound::Channel;
use model::outcome::Outcome;
use serde_json::Value as Json;

use crate::conn::Scope;
use crate::error::StoreResult;
use crate::offsets::Partition;
use crate::page::KEYS_PER_STATEMENT;
use crate::page::PageAsk;
use crate::page::Statement;
use crate::params;
use crate::sql::Row;
use crate::sql::Value;
use crate::unit::BatchTx;
use crate::unit::TenantTx;

/// Refused inbounds kept per integration.
pub const REFUSED_ROWS_MAX: i64 = 200;

/// One inbound after the pipeline.
#[derive(Debug, Clone, PartialEq)]
pub struct InboundRow {
    /// Its id, given at the door.
    pub event: EventId,
    /// Through which connection.
    pub integration: IntegrationId,
    /// The integration's advertiser; absent for networks.
    pub advertiser: Option<AdvertiserId>,
    /// Through which door.
    pub channel: Channel,
    /// By the daemon's clock.
    pub received_at: Timestamp,
    /// When the pipeline last ended it.
    pub processed_at: Timestamp,
    /// Stream, partition and sequence it was read from.
    pub topic: String,
    /// See `topic`.
    pub part: String,
    /// See `topic`.
    pub seq: i64,
    /// GET or POST.
    pub method: String,
    /// Without query.
    pub path: String,
    /// Raw, tokens replaced.
    pub query: String,
    /// JSON array of `[name, value]`.
    pub headers: Json,
    /// As received; absent once its retention is over.
    pub body: Option<Vec<u8>>,
    /// Where it came from.
    pub remote_prefix: Option<String>,
    /// A signature was demanded and good.
    pub is_signed: bool,
    /// How it ended.
    pub outcome: Outcome,
    /// Why, in a closed word, or `rule:<name>`.
    pub reason: Option<String>,
    /// Why, for people.
    pub detail: Option<String>,
    /// JSON array: the claims as the adapter read them.
    pub claims: Json,
    /// What it became or changed.
    pub conversion: Option<ConversionId>,
    /// JSON `{"name","version","sha256"}` of the adapter.
    pub plugin: Option<Json>,
    /// How often it went through the pipeline.
    pub attempts: i64,
}

/// Which inbounds are listed. Everything absent: all.
#[derive(Debug, Clone, Default)]
pub struct InboundFilter {
    /// Of one integration.
    pub integration: Option<IntegrationId>,
    /// Of one advertiser's integrations.
    pub advertiser: Option<AdvertiserId>,
    /// That ended so.
    pub outcome: Option<Outcome>,
    /// For this reason.
    pub reason: Option<String>,
    /// Received at or after.
    pub from: Option<Timestamp>,
    /// Received before.
    pub to: Option<Timestamp>,
}

/// How an inbound that is already stored ended this time.
#[derive(Debug, Clone)]
pub struct Ending {
    /// Which.
    pub event: EventId,
    /// How.
    pub outcome: Outcome,
    /// See [`InboundRow::reason`].
    pub reason: Option<String>,
    /// See [`InboundRow::detail`].
    pub detail: Option<String>,
    /// See [`InboundRow::claims`].
    pub claims: Json,
    /// See [`InboundRow::conversion`].
    pub conversion: Option<ConversionId>,
    /// See [`InboundRow::plugin`].
    pub plugin: Option<Json>,
}

/// Repository of `inbound`.
#[derive(Debug)]
pub struct Inbounds<'t>(Scope<'t>);

impl TenantTx {
    /// The inbounds of its tenant.
    pub const fn inbound(&mut self) -> Inbounds<'_> {
        Inbounds(self.scope())
    }
}

impl BatchTx {
    /// The inbounds of one tenant.
    pub const fn inbound(&mut self, tenant: TenantId) -> Inbounds<'_> {
        Inbounds(self.scope(tenant))
    }
}

const COLUMNS: [&str; 24] = [
    "tenant_id",
    "event_id",
    "integration_id",
    "advertiser_id",
    "channel",
    "received_at",
    "processed_at",
    "topic",
    "part",
    "seq",
    "method",
    "path",
    "query",
    "headers",
    "body",
    "remote_prefix",
    "is_signed",
    "outcome",
    "reason",
    "detail",
    "claims",
    "conversion_id",
    "plugin",
    "attempts",
];

fn to_values(tenant: TenantId, row: InboundRow) -> Vec<Value> {
    params![
        tenant,
        row.event,
        row.integration,
        row.advertiser,
        row.channel.as_str(),
        row.received_at,
        row.processed_at,
        row.topic,
        row.part,
        row.seq,
        row.method,
        row.path,
        row.query,
        row.headers.to_string(),
        row.body,
        row.remote_prefix,
        row.is_signed,
        row.outcome.as_str(),
        row.reason,
        row.detail,
        row.claims.to_string(),
        row.conversion,
        row.plugin.map(|plugin| plugin.to_string()),
        row.attempts,
    ]
}

fn from_row(row: &Row) -> StoreResult<InboundRow> {
    let plugin = match row.opt_text("plugin")? {
        Some(_) => Some(row.json("plugin")?),
        None => None,
    };
    Ok(InboundRow {
        event: row.id("event_id")?,
        integration: row.id("integration_id")?,
        advertiser: row.opt_id("advertiser_id")?,
        channel: row.word("channel", Channel::parse)?,
        received_at: row.at("received_at")?,
        processed_at: row.at("processed_at")?,
        topic: row.string("topic")?,
        part: row.string("part")?,
        seq: row.int("seq")?,
        method: row.string("method")?,
        path: row.string("path")?,
        query: row.string("query")?,
        headers: row.json("headers")?,
        body: row.opt_bytes("body")?.map(<[u8]>::to_vec),
        remote_prefix: row.opt_string("remote_prefix")?,
        is_signed: row.flag("is_signed")?,
        outcome: row.word("outcome", Outcome::parse)?,
        reason: row.opt_string("reason")?,
        detail: row.opt_string("detail")?,
        claims: row.json("claims")?,
        conversion: row.opt_id("conversion_id")?,
        plugin,
        attempts: row.int("attempts")?,
    })
}

impl Inbounds<'_> {
    /// Keeps inbounds of a batch. One that is there already stays as it is.
    ///
    /// # Errors
    /// [`crate::error::StoreError::Database`].
    pub async fn insert(&mut self, rows: Vec<InboundRow>) -> StoreResult<()> {
        let tenant = self.0.tenant();
        let rows = rows.into_iter().map(|row| to_values(tenant, row)).collect();
        self.0.insert_many("inbound", &COLUMNS, rows, "ON CONFLICT DO NOTHING").await.map(drop)
    }

    /// Ends an inbound anew, after it went through the pipeline again.
    ///
    /// # Errors
    /// [`crate::error::StoreError::Database`].
    pub async fn end_again(&mut self, ending: Ending, now: Timestamp) -> StoreResult<()> {
        let sql = "UPDATE inbound SET outcome = $1, reason = $2, detail = $3, claims = $4, \
                   conversion_id = $5, plugin = $6, processed_at = $7, attempts = attempts + 1 \
                   WHERE tenant_id = $8 AND event_id = $9";
        let params = params![
            ending.outcome.as_str(),
            ending.reason,
            ending.detail,
            ending.claims.to_string(),
            ending.conversion,
            ending.plugin.map(|plugin| plugin.to_string()),
            now,
            self.0.tenant(),
            ending.event,
        ];
        self.0.execute(sql, params).await.map(drop)
    }

    /// Gives an inbound that waited for its order the outcome it has now.
    ///
    /// # Errors
    /// [`crate::error::StoreError::Database`].
    pub async fn resolve(
        &mut self,
        event: EventId,
        outcome: Outcome,
        conversion: ConversionId,
        now: Timestamp,
    ) -> StoreResult<()> {
        let sql = "UPDATE inbound SET outcome = $1, reason = NULL, conversion_id = $2, \
                   processed_at = $3 WHERE tenant_id = $4 AND event_id = $5";
        let params = params![outcome.as_str(), conversion, now, self.0.tenant(), event];
        self.0.execute(sql, params).await.map(drop)
    }

    /// Ends an inbound whose news was held as a change back: it was decided, or overtaken.
    ///
    /// # Errors
    /// [`crate::error::StoreError::Database`].
    pub async fn end_changed_back(
        &mut self,
        event: EventId,
        outcome: Outcome,
        now: Timestamp,
    ) -> StoreResult<()> {
        let sql = "UPDATE inbound SET outcome = $1, processed_at = $2, \
                   reason = CASE WHEN $1 = 'updated' THEN NULL ELSE reason END \
                   WHERE tenant_id = $3 AND event_id = $4 AND outcome = 'held' \
                   AND reason = 'changed_back'";
        let params = params![outcome.as_str(), now, self.0.tenant(), event];
        self.0.execute(sql, params).await.map(drop)
    }

    /// Drops all but the newest [`REFUSED_ROWS_MAX`] refused ones of an integration.
    ///
    /// # Errors
    /// [`crate::error::StoreError::Database`].
    pub async fn trim_refused(&mut self, integration: IntegrationId) -> StoreResult<u64> {
        let sql = "DELETE FROM inbound WHERE tenant_id = $1 AND integration_id = $2 \
                   AND outcome = 'refused' AND event_id <= (SELECT event_id FROM inbound \
                   WHERE tenant_id = $1 AND integration_id = $2 AND outcome = 'refused' \
                   ORDER BY event_id DESC LIMIT 1 OFFSET $3)";
        let params = params![self.0.tenant(), integration, REFUSED_ROWS_MAX];
        self.0.execute(sql, params).await
    }

    /// Drops all but the newest [`REFUSED_ROWS_MAX`] of those that named no integration of the
    /// tenant, over all names.
    ///
    /// # Errors
    /// [`crate::error::StoreError::Database`].
    pub async fn trim_strangers(&mut self) -> StoreResult<u64> {
        let sql = "DELETE FROM inbound WHERE tenant_id = $1 AND outcome = 'refused' \
                   AND reason = 'unknown_integration' AND event_id <= (SELECT event_id \
                   FROM inbound WHERE tenant_id = $1 AND outcome = 'refused' \
                   AND reason = 'unknown_integration' ORDER BY event_id DESC LIMIT 1 OFFSET $2)";
        self.0.execute(sql, params![self.0.tenant(), REFUSED_ROWS_MAX]).await
    }

    /// One page, newest first.
    ///
    /// # Errors
    /// [`crate::error::StoreError::Database`].
    pub async fn list(
        &mut self,
        filter: &InboundFilter,
        page: &PageAsk,
    ) -> StoreResult<Vec<InboundRow>> {
        let begin = "SELECT * FROM inbound WHERE tenant_id = $1";
        let mut statement = Statement::new(begin, params![self.0.tenant()]);
        statement.when("AND integration_id =", filter.integration);
        statement.when("AND advertiser_id =", filter.advertiser);
        statement.when("AND outcome =", filter.outcome.map(Outcome::as_str));
        statement.when("AND reason =", filter.reason.as_ref());
        statement.when("AND received_at >=", filter.from);
        statement.when("AND received_at <", filter.to);
        statement.when("AND event_id <", page.after.as_ref());
        statement.value("ORDER BY event_id DESC LIMIT", page.rows());
        self.0.fetch_built(statement.sql, statement.params).await?.iter().map(from_row).collect()
    }

    /// Where those of `events` were read that have a row.
    ///
    /// # Errors
    /// [`crate::error::StoreError::Database`].
    pub async fn places(
        &mut self,
        events: &[EventId],
    ) -> StoreResult<Vec<(EventId, Partition, i64)>> {
        let mut places = Vec::new();
        for events in events.chunks(KEYS_PER_STATEMENT) {
            let begin = "SELECT event_id, topic, part, seq FROM inbound WHERE tenant_id = $1";
            let mut statement = Statement::new(begin, params![self.0.tenant()]);
            statement.among("AND event_id", events.iter().map(|event| Value::from(*event)));
            for row in self.0.fetch_built(statement.sql, statement.params).await? {
                let partition =
                    Partition { topic: row.string("topic")?, part: row.string("part")? };
                places.push((row.id("event_id")?, partition, row.int("seq")?));
            }
        }
        Ok(places)
    }

    /// One inbound; absent until the pipeline has ended it.
    ///
    /// # Errors
    /// [`crate::error::StoreError::Database`].
    pub async fn get(&mut self, event: EventId) -> StoreResult<Option<InboundRow>> {
        let sql = "SELECT * FROM inbound WHERE tenant_id = $1 AND event_id = $2";
        let row = self.0.fetch_optional(sql, params![self.0.tenant(), event]).await?;
        row.as_ref().map(from_row).transpose()
    }

    /// Those whose adapter failed and that were last tried before `tried_before`, oldest first.
    ///
    /// # Errors
    /// [`crate::error::StoreError::Database`].
    pub async fn held_by_adapter(
        &mut self,
        tried_before: Timestamp,
        limit: u32,
    ) -> StoreResult<Vec<InboundRow>> {
        let sql = "SELECT * FROM inbound WHERE tenant_id = $1 AND outcome = 'held' \
                   AND reason = 'adapter_error' AND processed_at < $2 \
                   ORDER BY processed_at LIMIT $3";
        let params = params![self.0.tenant(), tried_before, limit];
        self.0.fetch_all(sql, params).await?.iter().map(from_row).collect()
    }
}
