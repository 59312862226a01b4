//! Objects with caps, and the links that stop while one is used up.

use model::catalog::CatalogKind;
use model::clock::Timestamp;
use model::id::CampaignId;
use model::id::LinkId;
use model::id::OfferId;
use model::money::Currency;
use model::money::Money;
use serde_json::Value as Json;
use serde_json::json;

use crate::catalog_outbox::changed;
use crate::conversions::currency_of;
use crate::error::StoreResult;
use crate::listing::repository;
use crate::params;
use crate::rollups::UsedBy;

/// An object and what limits it.
#[derive(Debug, Clone, PartialEq)]
pub struct Limited {
    /// Which.
    pub by: UsedBy,
    /// JSON object of caps.
    pub caps: Json,
    /// Of the amounts in it.
    pub currency: Currency,
}

repository! {
    /// What is limited in the tenant.
    LimitedObjects = limited
}

impl LimitedObjects<'_> {
    /// Every offer and link with caps, and every campaign with a budget.
    ///
    /// # Errors
    /// [`crate::error::StoreError::Database`]; so do all below.
    pub async fn list(&mut self) -> StoreResult<Vec<Limited>> {
        let mut found = Vec::new();
        let sql = "SELECT o.id AS id, o.caps AS caps, a.currency AS currency FROM offers o \
                   JOIN advertisers a ON a.tenant_id = o.tenant_id AND a.id = o.advertiser_id \
                   WHERE o.tenant_id = $1 AND o.caps <> '{}' AND o.archived_at IS NULL";
        for row in self.0.fetch_all(sql, params![self.0.tenant()]).await? {
            let by = UsedBy::Offer(row.id("id")?);
            let (caps, currency) = (row.json("caps")?, currency_of(&row, "currency")?);
            found.push(Limited { by, caps, currency });
        }
        let sql = "SELECT l.id AS id, l.caps AS caps, a.currency AS currency FROM links l \
                   JOIN offers o ON o.tenant_id = l.tenant_id AND o.id = l.offer_id \
                   JOIN advertisers a ON a.tenant_id = o.tenant_id AND a.id = o.advertiser_id \
                   WHERE l.tenant_id = $1 AND l.caps <> '{}' AND l.killed_at IS NULL";
        for row in self.0.fetch_all(sql, params![self.0.tenant()]).await? {
            let by = UsedBy::Link(row.id("id")?);
            let (caps, currency) = (row.json("caps")?, currency_of(&row, "currency")?);
            found.push(Limited { by, caps, currency });
        }
        let sql = "SELECT c.id AS id, c.budget_minor AS budget, a.currency AS currency \
                   FROM campaigns c JOIN advertisers a \
                   ON a.tenant_id = c.tenant_id AND a.id = c.advertiser_id \
                   WHERE c.tenant_id = $1 AND c.budget_minor IS NOT NULL \
                   AND c.archived_at IS NULL";
        for row in self.0.fetch_all(sql, params![self.0.tenant()]).await? {
            let currency = currency_of(&row, "currency")?;
            let budget = Money::new(row.int("budget")?, currency).amount();
            let caps = json!({ "charge": { "total": budget } });
            found.push(Limited { by: UsedBy::Campaign(row.id("id")?), caps, currency });
        }
        Ok(found)
    }

    /// Links that must stop because something of theirs is used up, and those that may go on
    /// again.
    ///
    /// # Errors
    /// As [`Self::list`].
    pub async fn moves(&mut self, full: &[UsedBy]) -> StoreResult<Vec<(LinkId, bool)>> {
        let sql = if full.is_empty() {
            "SELECT id, offer_id, campaign_id, is_capped FROM links WHERE tenant_id = $1 \
             AND killed_at IS NULL AND is_capped = 1"
        } else {
            "SELECT id, offer_id, campaign_id, is_capped FROM links WHERE tenant_id = $1 \
             AND killed_at IS NULL"
        };
        let params = params![self.0.tenant()];
        let mut moves = Vec::new();
        for row in self.0.fetch_all(sql, params).await? {
            let id: LinkId = row.id("id")?;
            let offer: Option<OfferId> = row.opt_id("offer_id")?;
            let campaign: CampaignId = row.id("campaign_id")?;
            let is_full = full.iter().any(|by| match by {
                UsedBy::Offer(of) => offer == Some(*of),
                UsedBy::Campaign(of) => campaign == *of,
                UsedBy::Link(of) => id == *of,
            });
            if is_full != row.flag("is_capped")? {
                moves.push((id, is_full));
            }
        }
        Ok(moves)
    }

    /// Stops links, or lets them go on; the catalog is told of each.
    ///
    /// # Errors
    /// As [`Self::list`].
    pub async fn mark(&mut self, moves: &[(LinkId, bool)], now: Timestamp) -> StoreResult<()> {
        for (id, is_capped) in moves {
            let sql = "UPDATE links SET is_capped = $3 WHERE tenant_id = $1 AND id = $2";
            self.0.execute(sql, params![self.0.tenant(), *id, *is_capped]).await?;
            changed(&mut self.0, CatalogKind::Link, *id, now).await?;
        }
        Ok(())
    }
}
