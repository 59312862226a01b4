//! Links: slugs, what they lead to and whose they are.

use model::catalog::CatalogKind;
use model::clock::Timestamp;
use model::id::CampaignId;
use model::id::DomainId;
use model::id::LinkId;
use model::id::OfferId;
use model::id::PublisherId;
use model::link::LinkNumber;
use model::link::LinkState;

use crate::catalog_outbox::changed;
use crate::error::StoreError;
use crate::error::StoreResult;
use crate::listing::Listing;
use crate::listing::Paged;
use crate::listing::Reach;
use crate::listing::Sight;
use crate::listing::Sights;
use crate::listing::json;
use crate::listing::repository;
use crate::page::PageAsk;
use crate::params;
use crate::sql::Row;

/// One slug.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkRow {
    /// Its id.
    pub id: LinkId,
    /// Its number in click ids.
    pub number: LinkNumber,
    /// The campaign it earns in.
    pub campaign: CampaignId,
    /// What it leads to; absent on wildcard links.
    pub offer: Option<OfferId>,
    /// Who earns.
    pub publisher: PublisherId,
    /// Served on this host only; absent: on every host of the tenant.
    pub domain: Option<DomainId>,
    /// Lower case, unique in the tenant.
    pub slug: String,
    /// Overrides the offer's destination template.
    pub destination: Option<String>,
    /// Limits by day, month and in total.
    pub caps: serde_json::Value,
    /// From then on it only falls back.
    pub expires_at: Option<Timestamp>,
    /// Where visitors go when it is stopped.
    pub fallback_url: Option<String>,
    /// The publisher's code, on the wildcard link of an enrolment.
    pub wildcard_code: Option<String>,
    /// Stopped by a person.
    pub killed_at: Option<Timestamp>,
    /// Over a cap until the period ends.
    pub is_capped: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was taken out of the lists; it was killed then at the latest.
    pub archived_at: Option<Timestamp>,
}

/// A link and how it stands, with everything above it taken into account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StandingLink {
    /// The link.
    pub link: LinkRow,
    /// Killed also when its campaign, offer or publisher is archived or its enrolment is not
    /// active.
    pub state: LinkState,
}

/// Filters of a list; absent ones do not filter.
#[derive(Debug, Clone, Default)]
pub struct LinkFilter {
    /// In this campaign.
    pub campaign: Option<CampaignId>,
    /// Of this publisher.
    pub publisher: Option<PublisherId>,
    /// To this offer.
    pub offer: Option<OfferId>,
    /// With this slug.
    pub slug: Option<String>,
}

repository! {
    /// Links of the tenant.
    Links = links
}

const SELECT: &str = "SELECT id, number, campaign_id, offer_id, publisher_id, domain_id, slug, \
                      destination, caps, expires_at, fallback_url, wildcard_code, killed_at, \
                      is_capped, created_at, archived_at FROM links";

const SELECT_STANDING: &str = "SELECT id, number, campaign_id, offer_id, publisher_id, domain_id, \
     slug, destination, caps, expires_at, fallback_url, wildcard_code, killed_at, is_capped, \
     created_at, archived_at, \
     CASE WHEN killed_at IS NULL AND EXISTS (SELECT 1 FROM campaigns c \
     WHERE c.tenant_id = links.tenant_id AND c.id = links.campaign_id AND c.archived_at IS NULL) \
     AND EXISTS (SELECT 1 FROM publishers p WHERE p.tenant_id = links.tenant_id \
     AND p.id = links.publisher_id AND p.archived_at IS NULL) \
     AND EXISTS (SELECT 1 FROM enrolments e WHERE e.tenant_id = links.tenant_id \
     AND e.campaign_id = links.campaign_id AND e.publisher_id = links.publisher_id \
     AND e.status = 'active' AND e.archived_at IS NULL) \
     AND NOT EXISTS (SELECT 1 FROM offers o WHERE o.tenant_id = links.tenant_id \
     AND o.id = links.offer_id AND o.archived_at IS NOT NULL) \
     THEN 1 ELSE 0 END AS is_standing FROM links";

const SIGHTS: Sights = Sights {
    advertiser: Sight::Where(
        "campaign_id IN (SELECT c.id FROM campaigns c \
         WHERE c.tenant_id = links.tenant_id AND c.advertiser_id = ?)",
    ),
    publisher: Sight::Where("publisher_id = ?"),
};

impl Links<'_> {
    /// A number that no link of any tenant ever had.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn next_number(&mut self) -> StoreResult<LinkNumber> {
        let sql = "INSERT INTO counters (name, value) VALUES ('link_number', 1) \
                   ON CONFLICT (name) DO UPDATE SET value = counters.value + 1 RETURNING value";
        let number = self.0.fetch_one(sql, params![]).await?.int("value")?;
        u64::try_from(number).map(LinkNumber).map_err(|_| StoreError::Missing)
    }

    /// Adds a link.
    ///
    /// # Errors
    /// [`StoreError::Unique`] when the slug is taken.
    pub async fn insert(&mut self, row: &LinkRow) -> StoreResult<()> {
        let sql = "INSERT INTO links (tenant_id, id, number, campaign_id, offer_id, publisher_id, \
                   domain_id, slug, destination, rules, caps, expires_at, fallback_url, \
                   wildcard_code, killed_at, is_capped, created_at) VALUES ($1, $2, $3, $4, $5, \
                   $6, $7, $8, $9, '[]', $10, $11, $12, $13, $14, $15, $16)";
        let number = i64::try_from(row.number.0).map_err(|_| StoreError::Missing)?;
        let params = params![
            self.0.tenant(),
            row.id,
            number,
            row.campaign,
            row.offer,
            row.publisher,
            row.domain,
            &row.slug,
            row.destination.clone(),
            json(&row.caps),
            row.expires_at,
            row.fallback_url.clone(),
            row.wildcard_code.clone(),
            row.killed_at,
            row.is_capped,
            row.created_at
        ];
        self.0.execute(sql, params).await?;
        changed(&mut self.0, CatalogKind::Link, row.id, row.created_at).await
    }

    /// Changes what may change: offer, destination, caps, expiry, fallback and state.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn update(&mut self, row: &LinkRow, now: Timestamp) -> StoreResult<()> {
        let sql = "UPDATE links SET offer_id = $3, destination = $4, caps = $5, expires_at = $6, \
                   fallback_url = $7, killed_at = $8, is_capped = $9, archived_at = $10 \
                   WHERE tenant_id = $1 AND id = $2";
        let params = params![
            self.0.tenant(),
            row.id,
            row.offer,
            row.destination.clone(),
            json(&row.caps),
            row.expires_at,
            row.fallback_url.clone(),
            row.killed_at,
            row.is_capped,
            row.archived_at
        ];
        self.0.execute(sql, params).await?;
        changed(&mut self.0, CatalogKind::Link, row.id, now).await
    }

    /// One link, killed or not.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn get(&mut self, id: LinkId, reach: Reach) -> StoreResult<Option<LinkRow>> {
        let listing = Listing::of(SELECT, self.0.tenant()).only("id = ?", id).within(reach, SIGHTS);
        listing.first(&mut self.0).await?.as_ref().map(read).transpose()
    }

    /// The link whose number stands in a click id.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn by_number(&mut self, number: LinkNumber) -> StoreResult<Option<LinkRow>> {
        let number = i64::try_from(number.0).map_err(|_| StoreError::Missing)?;
        let listing = Listing::of(SELECT, self.0.tenant()).only("number = ?", number);
        listing.first(&mut self.0).await?.as_ref().map(read).transpose()
    }

    /// The link with a slug, in lower case.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn by_slug(&mut self, slug: &str) -> StoreResult<Option<LinkRow>> {
        let listing = Listing::of(SELECT, self.0.tenant()).only("slug = ?", slug);
        listing.first(&mut self.0).await?.as_ref().map(read).transpose()
    }

    /// Links, newest first, wildcard ones left out.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn list(
        &mut self,
        filter: &LinkFilter,
        reach: Reach,
        page: &PageAsk,
    ) -> StoreResult<Paged<LinkRow>> {
        let listing = Listing::of(SELECT, self.0.tenant())
            .within(reach, SIGHTS)
            .matching("campaign_id = ?", filter.campaign)
            .matching("publisher_id = ?", filter.publisher)
            .matching("offer_id = ?", filter.offer)
            .matching("slug = ?", filter.slug.clone())
            .and("wildcard_code IS NULL")
            .in_use("archived_at", page);
        listing.page(page, &mut self.0, read).await
    }

    /// One link and how it stands.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn standing(&mut self, id: LinkId) -> StoreResult<Option<StandingLink>> {
        let listing = Listing::of(SELECT_STANDING, self.0.tenant()).only("id = ?", id);
        listing.first(&mut self.0).await?.as_ref().map(read_standing).transpose()
    }

    /// Every link and how it stands, newest first in pages: there are too many for one answer.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn all_standing(&mut self, page: &PageAsk) -> StoreResult<Paged<StandingLink>> {
        let listing = Listing::of(SELECT_STANDING, self.0.tenant());
        listing.page(page, &mut self.0, read_standing).await
    }
}

fn read(row: &Row) -> StoreResult<LinkRow> {
    let number = row.int("number")?;
    Ok(LinkRow {
        id: row.id("id")?,
        number: u64::try_from(number).map(LinkNumber).map_err(|_| StoreError::Missing)?,
        campaign: row.id("campaign_id")?,
        offer: row.opt_id("offer_id")?,
        publisher: row.id("publisher_id")?,
        domain: row.opt_id("domain_id")?,
        slug: row.string("slug")?,
        destination: row.opt_string("destination")?,
        caps: row.json("caps")?,
        expires_at: row.opt_at("expires_at")?,
        fallback_url: row.opt_string("fallback_url")?,
        wildcard_code: row.opt_string("wildcard_code")?,
        killed_at: row.opt_at("killed_at")?,
        is_capped: row.flag("is_capped")?,
        created_at: row.at("created_at")?,
        archived_at: row.opt_at("archived_at")?,
    })
}

fn read_standing(row: &Row) -> StoreResult<StandingLink> {
    let link = read(row)?;
    let state = match (row.flag("is_standing")?, link.is_capped) {
        (false, _) => LinkState::Killed,
        (true, true) => LinkState::Capped,
        (true, false) => LinkState::Live,
    };
    Ok(StandingLink { link, state })
}
