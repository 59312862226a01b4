//! How much of a cap or a tier is used: sums of one object over one span of time.
//!
//! # Why the rollups
//!
//! They move in the database transaction of what they count, under the lock of the only writer, so
//! a sum read there is exact, and nothing has to be kept in step with them.

use model::id::CampaignId;
use model::id::LinkId;
use model::id::OfferId;
use model::id::PublisherId;
use model::money::Currency;

use super::ConversionKey;
use super::ConversionSums;
use super::Rollups;
use super::Timestamp;
use super::bucket_of;
use super::params;
use crate::error::StoreResult;
use crate::page::Statement;

/// Whose usage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum UsedBy {
    /// Of everything sold under an offer.
    Offer(OfferId),
    /// Of a campaign.
    Campaign(CampaignId),
    /// Of a link.
    Link(LinkId),
}

/// One sum: of what, by whom, when, in which currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Usage {
    /// Of what.
    pub by: UsedBy,
    /// Only this publisher's.
    pub publisher: Option<PublisherId>,
    /// Money of other currencies is left out; counts are of all.
    pub currency: Currency,
    /// First instant; a whole bucket.
    pub from: Timestamp,
    /// First instant that is not counted; a whole bucket.
    pub to: Timestamp,
}

impl Usage {
    /// Whether what is kept by a key belongs to it.
    #[must_use]
    pub fn holds(&self, key: &ConversionKey) -> bool {
        let is_of = match self.by {
            UsedBy::Offer(id) => key.offer == id,
            UsedBy::Campaign(id) => key.campaign == id,
            UsedBy::Link(id) => key.link == Some(id),
        };
        is_of
            && self.publisher.is_none_or(|id| key.publisher == id)
            && self.from <= key.bucket
            && key.bucket < self.to
    }

    fn narrow(&self, statement: &mut Statement) {
        match self.by {
            UsedBy::Offer(id) => statement.value("AND offer_id =", id),
            UsedBy::Campaign(id) => statement.value("AND campaign_id =", id),
            UsedBy::Link(id) => statement.value("AND link_id =", id),
        }
        statement.value("AND bucket >=", bucket_of(self.from));
        statement.value("AND bucket <", self.to);
        statement.when("AND publisher_id =", self.publisher);
    }
}

impl Rollups<'_> {
    /// The sum as it stands.
    ///
    /// # Errors
    /// As [`Rollups::add_clicks`].
    pub async fn used(&mut self, usage: &Usage) -> StoreResult<ConversionSums> {
        let begin = "SELECT currency, SUM(conversions) AS conversions, SUM(gmv_minor) AS gmv, \
                     SUM(charge_minor) AS charge, SUM(commission_minor) AS commission, \
                     SUM(net_minor) AS net FROM conversion_rollups WHERE tenant_id = $1";
        let mut statement = Statement::new(begin, params![self.0.tenant()]);
        usage.narrow(&mut statement);
        statement.text("GROUP BY currency");
        let mut sums = ConversionSums::default();
        for row in self.0.fetch_built(statement.sql, statement.params).await? {
            sums.conversions += row.int("conversions")?;
            if row.text("currency")? == usage.currency.code() {
                sums.gmv = row.int("gmv")?;
                sums.charge = row.int("charge")?;
                sums.commission = row.int("commission")?;
                sums.net = row.int("net")?;
            }
        }
        Ok(sums)
    }

    /// Clicks of the span that are not filtered.
    ///
    /// # Errors
    /// As [`Rollups::add_clicks`].
    pub async fn clicks_used(&mut self, usage: &Usage) -> StoreResult<i64> {
        let begin = "SELECT COALESCE(SUM(clicks), 0) AS clicks FROM click_rollups \
                     WHERE tenant_id = $1";
        let mut statement = Statement::new(begin, params![self.0.tenant()]);
        usage.narrow(&mut statement);
        let rows = self.0.fetch_built(statement.sql, statement.params).await?;
        rows.first().map_or(Ok(0), |row| row.int("clicks"))
    }
}
