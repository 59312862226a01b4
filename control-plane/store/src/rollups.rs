//! Sums per quarter of an hour, moved in the database transaction of what they count: one set of
//! numbers for every report.

use std::collections::BTreeMap;

use model::clock::Timestamp;
use model::id::AdvertiserId;
use model::id::CampaignId;
use model::id::LinkId;
use model::id::OfferId;
use model::id::PublisherId;
use model::id::TenantId;
use model::money::Currency;

use crate::conn::Scope;
use crate::conversions::currency_of;
use crate::error::StoreResult;
use crate::page::Statement;
use crate::params;
use crate::sql::Value;
use crate::unit::BatchTx;
use crate::unit::TenantTx;

mod usage;

pub use usage::Usage;
pub use usage::UsedBy;

/// Length of a bucket in microseconds.
pub const BUCKET_US: i64 = 15 * 60 * 1_000_000;

/// The bucket an instant falls into.
#[must_use]
pub const fn bucket_of(at: Timestamp) -> Timestamp {
    Timestamp(at.0.div_euclid(BUCKET_US) * BUCKET_US)
}

/// What a sum of clicks is kept by.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClickKey {
    /// See [`bucket_of`].
    pub bucket: Timestamp,
    /// Through which link.
    pub link: LinkId,
    /// In which campaign.
    pub campaign: CampaignId,
    /// For which offer.
    pub offer: OfferId,
    /// Whose link.
    pub publisher: PublisherId,
}

/// Counts of clicks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ClickCounts {
    /// Not filtered.
    pub clicks: i64,
    /// First of their visitor on their link inside the unique window.
    pub unique: i64,
    /// Known bots and previews.
    pub filtered: i64,
    /// Counted, but earning nothing by themselves.
    pub suspect: i64,
}

/// What a sum of conversions is kept by.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConversionKey {
    /// Of the claim; see [`bucket_of`].
    pub bucket: Timestamp,
    /// Whose order.
    pub advertiser: AdvertiserId,
    /// In which campaign.
    pub campaign: CampaignId,
    /// For which offer.
    pub offer: OfferId,
    /// Who earns.
    pub publisher: PublisherId,
    /// Absent for coupons.
    pub link: Option<LinkId>,
    /// Of the money.
    pub currency: Currency,
}

/// A change of sums of conversions that are pending or approved; may be below zero.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ConversionSums {
    /// How many.
    pub conversions: i64,
    /// Value of the orders, where it is in the charge's currency.
    pub gmv: i64,
    /// What is owed for them.
    pub charge: i64,
    /// Charge minus fee.
    pub commission: i64,
    /// What publishers get.
    pub net: i64,
}

/// What a count of journey steps is kept by.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EventKey {
    /// When it was received; see [`bucket_of`].
    pub bucket: Timestamp,
    /// What happened.
    pub action: String,
    /// At whose shop, where that is known.
    pub advertiser: Option<AdvertiserId>,
    /// Credited in, where anybody was.
    pub campaign: Option<CampaignId>,
    /// Credited to, where anybody was.
    pub publisher: Option<PublisherId>,
}

/// Which rows are summed. `from` and `to` are rounded down to buckets, `to` up when it lies inside
/// one.
#[derive(Debug, Clone)]
pub struct StatsFilter {
    /// First instant.
    pub from: Timestamp,
    /// First instant that is not counted.
    pub to: Timestamp,
    /// Of one publisher.
    pub publisher: Option<PublisherId>,
    /// Of one campaign.
    pub campaign: Option<CampaignId>,
    /// Of one advertiser.
    pub advertiser: Option<AdvertiserId>,
    /// Of one link.
    pub link: Option<LinkId>,
}

/// Money of one currency, in minor units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MoneySums {
    /// Of the numbers.
    pub currency: Currency,
    /// The sums.
    pub sums: ConversionSums,
}

/// The numbers of an overview.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Overview {
    /// Counts of clicks.
    pub clicks: ClickCounts,
    /// Pending and approved conversions of all currencies.
    pub conversions: i64,
    /// Steps by action, alphabetically.
    pub events: Vec<(String, i64)>,
    /// Sums per currency, alphabetically.
    pub money: Vec<MoneySums>,
}

model::words! {
    /// What rows of a report stand for.
    pub enum GroupBy {
        /// One row per publisher.
        Publisher = "publisher",
        /// One row per campaign.
        Campaign = "campaign",
        /// One row per offer.
        Offer = "offer",
        /// One row per link.
        Link = "link",
        /// One row per quarter of an hour; the key is its start in microseconds.
        Bucket = "bucket",
    }
}

/// One row of a report.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Grouped {
    /// An id, or the start of a bucket.
    pub key: String,
    /// Counts of clicks.
    pub clicks: ClickCounts,
    /// Pending and approved conversions of all currencies.
    pub conversions: i64,
    /// Sums per currency, alphabetically.
    pub money: Vec<MoneySums>,
}

/// Repository of the rollups.
#[derive(Debug)]
pub struct Rollups<'t>(Scope<'t>);

impl TenantTx {
    /// The sums of its tenant.
    pub const fn rollups(&mut self) -> Rollups<'_> {
        Rollups(self.scope())
    }
}

impl BatchTx {
    /// The sums of one tenant.
    pub const fn rollups(&mut self, tenant: TenantId) -> Rollups<'_> {
        Rollups(self.scope(tenant))
    }
}

fn text_or_empty<T: ToString>(id: Option<T>) -> String {
    id.map(|id| id.to_string()).unwrap_or_default()
}

const CLICK_COLUMNS: [&str; 10] = [
    "tenant_id",
    "bucket",
    "link_id",
    "campaign_id",
    "offer_id",
    "publisher_id",
    "clicks",
    "unique_clicks",
    "filtered",
    "suspect",
];

const CONVERSION_COLUMNS: [&str; 13] = [
    "tenant_id",
    "bucket",
    "advertiser_id",
    "campaign_id",
    "offer_id",
    "publisher_id",
    "link_id",
    "currency",
    "conversions",
    "gmv_minor",
    "charge_minor",
    "commission_minor",
    "net_minor",
];

const EVENT_COLUMNS: [&str; 7] =
    ["tenant_id", "bucket", "action", "advertiser_id", "campaign_id", "publisher_id", "events"];

impl Rollups<'_> {
    /// Adds clicks.
    ///
    /// # Errors
    /// [`crate::error::StoreError::Database`]; so do all below.
    pub async fn add_clicks(
        &mut self,
        counts: &BTreeMap<ClickKey, ClickCounts>,
    ) -> StoreResult<()> {
        let tenant = self.0.tenant();
        let to_values = |(key, counts): (&ClickKey, &ClickCounts)| {
            params![
                tenant,
                key.bucket,
                key.link,
                key.campaign,
                key.offer,
                key.publisher,
                counts.clicks,
                counts.unique,
                counts.filtered,
                counts.suspect,
            ]
        };
        let suffix = "ON CONFLICT (tenant_id, bucket, link_id, campaign_id, offer_id) DO UPDATE \
                      SET clicks = click_rollups.clicks + excluded.clicks, \
                      unique_clicks = click_rollups.unique_clicks + excluded.unique_clicks, \
                      filtered = click_rollups.filtered + excluded.filtered, \
                      suspect = click_rollups.suspect + excluded.suspect";
        let rows = counts.iter().map(to_values).collect();
        self.0.insert_many("click_rollups", &CLICK_COLUMNS, rows, suffix).await.map(drop)
    }

    /// Adds changes of conversions.
    ///
    /// # Errors
    /// As [`Self::add_clicks`].
    pub async fn add_conversions(
        &mut self,
        sums: &BTreeMap<ConversionKey, ConversionSums>,
    ) -> StoreResult<()> {
        let tenant = self.0.tenant();
        let to_values = |(key, sums): (&ConversionKey, &ConversionSums)| {
            params![
                tenant,
                key.bucket,
                key.advertiser,
                key.campaign,
                key.offer,
                key.publisher,
                text_or_empty(key.link),
                key.currency.code(),
                sums.conversions,
                sums.gmv,
                sums.charge,
                sums.commission,
                sums.net,
            ]
        };
        let suffix = "ON CONFLICT (tenant_id, bucket, advertiser_id, campaign_id, offer_id, \
                      publisher_id, link_id, currency) DO UPDATE SET \
                      conversions = conversion_rollups.conversions + excluded.conversions, \
                      gmv_minor = conversion_rollups.gmv_minor + excluded.gmv_minor, \
                      charge_minor = conversion_rollups.charge_minor + excluded.charge_minor, \
                      commission_minor = conversion_rollups.commission_minor \
                      + excluded.commission_minor, \
                      net_minor = conversion_rollups.net_minor + excluded.net_minor";
        let rows = sums.iter().map(to_values).collect();
        self.0.insert_many("conversion_rollups", &CONVERSION_COLUMNS, rows, suffix).await.map(drop)
    }

    /// Adds journey steps.
    ///
    /// # Errors
    /// As [`Self::add_clicks`].
    pub async fn add_events(&mut self, counts: &BTreeMap<EventKey, i64>) -> StoreResult<()> {
        let tenant = self.0.tenant();
        let to_values = |(key, count): (&EventKey, &i64)| {
            params![
                tenant,
                key.bucket,
                &key.action,
                text_or_empty(key.advertiser),
                text_or_empty(key.campaign),
                text_or_empty(key.publisher),
                *count,
            ]
        };
        let suffix = "ON CONFLICT (tenant_id, bucket, action, advertiser_id, campaign_id, \
                      publisher_id) DO UPDATE SET events = event_rollups.events + excluded.events";
        let rows = counts.iter().map(to_values).collect();
        self.0.insert_many("event_rollups", &EVENT_COLUMNS, rows, suffix).await.map(drop)
    }

    /// Sums over everything the filter lets through.
    ///
    /// # Errors
    /// As [`Self::add_clicks`].
    pub async fn overview(&mut self, filter: &StatsFilter) -> StoreResult<Overview> {
        let mut overview = Overview::default();
        for row in self.clicks_by(filter, None).await? {
            overview.clicks = row.clicks;
        }
        for row in self.conversions_by(filter, None).await? {
            overview.conversions += row.conversions;
            overview.money.extend(row.money);
        }
        overview.events = self.events(filter).await?;
        Ok(overview)
    }

    /// One row per key, keys in order; keys without anything are absent.
    ///
    /// # Errors
    /// As [`Self::add_clicks`].
    pub async fn by(&mut self, filter: &StatsFilter, group: GroupBy) -> StoreResult<Vec<Grouped>> {
        let mut rows: BTreeMap<String, Grouped> = BTreeMap::new();
        for row in self.clicks_by(filter, Some(group)).await? {
            rows.insert(row.key.clone(), row);
        }
        for part in self.conversions_by(filter, Some(group)).await? {
            let key = part.key.clone();
            let row = rows.entry(part.key).or_insert_with(|| Grouped { key, ..Grouped::default() });
            row.conversions += part.conversions;
            row.money.extend(part.money);
        }
        Ok(rows.into_values().collect())
    }

    /// What shoppers get of pending and approved conversions claimed in the span, per currency,
    /// alphabetically. Summed from the conversions themselves: the rollups do not keep it.
    ///
    /// # Errors
    /// As [`Self::add_clicks`].
    pub async fn shared(&mut self, filter: &StatsFilter) -> StoreResult<Vec<(Currency, i64)>> {
        let begin = "SELECT currency, SUM(shopper_minor) AS shared \
                     FROM conversions WHERE tenant_id = $1 AND status IN ('pending', 'approved')";
        let mut statement = Statement::new(begin, params![self.0.tenant()]);
        statement.value("AND claimed_at >=", bucket_of(filter.from));
        statement.value("AND claimed_at <", filter.to);
        statement.when("AND publisher_id =", filter.publisher);
        statement.when("AND campaign_id =", filter.campaign);
        statement.when("AND advertiser_id =", filter.advertiser);
        statement.when("AND link_id =", filter.link);
        statement.text("GROUP BY currency ORDER BY currency");
        let rows = self.0.fetch_built(statement.sql, statement.params).await?;
        rows.iter().map(|row| Ok((currency_of(row, "currency")?, row.int("shared")?))).collect()
    }

    async fn clicks_by(
        &mut self,
        filter: &StatsFilter,
        group: Option<GroupBy>,
    ) -> StoreResult<Vec<Grouped>> {
        let mut statement = self.begin(
            group,
            "SUM(clicks) AS clicks, SUM(unique_clicks) AS unique_clicks, \
             SUM(filtered) AS filtered, SUM(suspect) AS suspect FROM click_rollups",
        );
        narrow(&mut statement, filter);
        if let Some(advertiser) = filter.advertiser {
            statement.value(
                "AND offer_id IN (SELECT id FROM offers WHERE tenant_id = $1 AND advertiser_id =",
                advertiser,
            );
            statement.text(")");
        }
        statement.when("AND link_id =", filter.link);
        statement.text(grouping(group));
        let mut found = Vec::new();
        for row in self.0.fetch_built(statement.sql, statement.params).await? {
            let Some(clicks) = row.opt_int("clicks")? else { continue };
            let counts = ClickCounts {
                clicks,
                unique: row.int("unique_clicks")?,
                filtered: row.int("filtered")?,
                suspect: row.int("suspect")?,
            };
            let key = key_text(&row)?;
            found.push(Grouped { key, clicks: counts, ..Grouped::default() });
        }
        Ok(found)
    }

    async fn conversions_by(
        &mut self,
        filter: &StatsFilter,
        group: Option<GroupBy>,
    ) -> StoreResult<Vec<Grouped>> {
        let mut statement = self.begin(
            group,
            "currency, SUM(conversions) AS conversions, SUM(gmv_minor) AS gmv, \
             SUM(charge_minor) AS charge, SUM(commission_minor) AS commission, \
             SUM(net_minor) AS net FROM conversion_rollups",
        );
        narrow(&mut statement, filter);
        statement.when("AND advertiser_id =", filter.advertiser);
        statement.when("AND link_id =", filter.link);
        statement.text("GROUP BY 1, currency ORDER BY 1, currency");
        let mut found = Vec::new();
        for row in self.0.fetch_built(statement.sql, statement.params).await? {
            let sums = ConversionSums {
                conversions: row.int("conversions")?,
                gmv: row.int("gmv")?,
                charge: row.int("charge")?,
                commission: row.int("commission")?,
                net: row.int("net")?,
            };
            let money = vec![MoneySums { currency: currency_of(&row, "currency")?, sums }];
            let (key, conversions) = (key_text(&row)?, sums.conversions);
            found.push(Grouped { key, conversions, money, ..Grouped::default() });
        }
        Ok(found)
    }

    async fn events(&mut self, filter: &StatsFilter) -> StoreResult<Vec<(String, i64)>> {
        let begin = "SELECT action, SUM(events) AS events FROM event_rollups WHERE tenant_id = $1";
        let mut statement = Statement::new(begin, params![self.0.tenant()]);
        narrow(&mut statement, filter);
        statement.when("AND advertiser_id =", filter.advertiser);
        statement.text("GROUP BY action ORDER BY action");
        let rows = self.0.fetch_built(statement.sql, statement.params).await?;
        rows.iter().map(|row| Ok((row.string("action")?, row.int("events")?))).collect()
    }

    fn begin(&self, group: Option<GroupBy>, sums: &'static str) -> Statement {
        let key = match group {
            None => "SELECT '' AS group_key,",
            Some(GroupBy::Publisher) => "SELECT publisher_id AS group_key,",
            Some(GroupBy::Campaign) => "SELECT campaign_id AS group_key,",
            Some(GroupBy::Offer) => "SELECT offer_id AS group_key,",
            Some(GroupBy::Link) => "SELECT link_id AS group_key,",
            Some(GroupBy::Bucket) => "SELECT bucket AS group_key,",
        };
        let mut statement = Statement::new(key, params![self.0.tenant()]);
        statement.text(sums);
        statement.text("WHERE tenant_id = $1");
        statement
    }
}

fn grouping(group: Option<GroupBy>) -> &'static str {
    if group.is_some() { "GROUP BY 1 ORDER BY 1" } else { "" }
}

fn key_text(row: &crate::sql::Row) -> StoreResult<String> {
    match row.value("group_key")? {
        Value::Int(bucket) => Ok(bucket.to_string()),
        _ => row.string("group_key"),
    }
}

fn narrow(statement: &mut Statement, filter: &StatsFilter) {
    statement.value("AND bucket >=", bucket_of(filter.from));
    statement.value("AND bucket <", filter.to);
    statement.when("AND publisher_id =", filter.publisher);
    statement.when("AND campaign_id =", filter.campaign);
}
