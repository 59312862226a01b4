//! From rows to catalog objects.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use model::catalog::Advertiser;
use model::catalog::Campaign;
use model::catalog::CatalogEntry;
use model::catalog::CatalogKey;
use model::catalog::CatalogKind;
use model::catalog::CatalogObject;
use model::catalog::Domain;
use model::catalog::Integration;
use model::catalog::Key;
use model::catalog::Offer;
use model::catalog::Secrets;
use model::clock::Timestamp;
use model::id::AdvertiserId;
use model::id::CampaignId;
use model::id::DomainId;
use model::id::IntegrationId;
use model::id::KeyId;
use model::id::LinkId;
use model::id::OfferId;
use model::id::TenantId;
use model::link::Link;
use store::advertisers::AdvertiserRow;
use store::campaigns::CampaignRow;
use store::catalog_outbox::Changed;
use store::domains::DomainRow;
use store::error::StoreResult;
use store::integrations::HmacSecret;
use store::integrations::IntegrationRow;
use store::integrations::TokenHash;
use store::keys::KeyKind;
use store::keys::KeyRow;
use store::links::StandingLink;
use store::listing::Reach;
use store::offers::OfferRow;
use store::page::PageAsk;
use store::tenants::TenantRow;
use store::unit::BatchTx;

use crate::api::time;

/// When a credential of an owner that does not stand has ended: before any present.
const LONG_AGO: Timestamp = Timestamp(0);

/// Builds objects as they are at one instant.
pub(super) struct Builder {
    batch: BatchTx,
    now: Timestamp,
    secrets: Option<Secrets>,
    endings: Vec<(Timestamp, TenantId, String)>,
}

impl Builder {
    pub(super) const fn new(batch: BatchTx, now: Timestamp, secrets: Option<Secrets>) -> Self {
        Self { batch, now, secrets, endings: Vec::new() }
    }

    /// Ends the reading; returns when secrets of the built integrations end.
    pub(super) async fn close(self) -> StoreResult<Vec<(Timestamp, TenantId, String)>> {
        self.batch.cancel().await?;
        Ok(self.endings)
    }

    /// The secrets, once there are some.
    pub(super) fn secrets(&self) -> Vec<CatalogEntry> {
        let object = |secrets: &Secrets| put(CatalogObject::Secrets(Box::new(secrets.clone())));
        self.secrets.iter().map(object).collect()
    }

    /// One changed object; nothing when its row never was.
    pub(super) async fn entry(&mut self, change: &Changed) -> StoreResult<Option<CatalogEntry>> {
        let Some(tenant) = change.tenant else { return Ok(self.secrets().pop()) };
        let id = &change.object_id;
        match change.kind {
            CatalogKind::Domain => self.domain(tenant, id).await,
            CatalogKind::Advertiser => self.advertiser(tenant, id).await,
            CatalogKind::Offer => self.offer(tenant, id).await,
            CatalogKind::Campaign => self.campaign(tenant, id).await,
            CatalogKind::Link => self.link(tenant, id).await,
            CatalogKind::Integration => self.integration(tenant, id).await,
            CatalogKind::Key => self.key(tenant, id).await,
            CatalogKind::Secrets => Ok(self.secrets().pop()),
        }
    }

    async fn domain(&mut self, tenant: TenantId, id: &str) -> StoreResult<Option<CatalogEntry>> {
        let Ok(id) = id.parse::<DomainId>() else { return Ok(None) };
        let row = self.batch.domains(tenant).get(id).await?;
        Ok(row.map(|row| match row.archived_at {
            Some(_) => CatalogEntry::Remove(CatalogKey { kind: CatalogKind::Domain, id: id.0 }),
            None => domain(tenant, row),
        }))
    }

    async fn advertiser(
        &mut self,
        tenant: TenantId,
        id: &str,
    ) -> StoreResult<Option<CatalogEntry>> {
        let Ok(id) = id.parse::<AdvertiserId>() else { return Ok(None) };
        let row = self.batch.advertisers(tenant).get(id, Reach::Tenant).await?;
        Ok(row.map(|row| advertiser(tenant, row)))
    }

    async fn offer(&mut self, tenant: TenantId, id: &str) -> StoreResult<Option<CatalogEntry>> {
        let Ok(id) = id.parse::<OfferId>() else { return Ok(None) };
        let row = self.batch.offers(tenant).get(id, Reach::Tenant).await?;
        Ok(row.map(|row| offer(tenant, row)))
    }

    async fn campaign(&mut self, tenant: TenantId, id: &str) -> StoreResult<Option<CatalogEntry>> {
        let Ok(id) = id.parse::<CampaignId>() else { return Ok(None) };
        let row = self.batch.campaigns(tenant).get(id, Reach::Tenant).await?;
        let zone = self.batch.own_tenant(tenant).get().await?.time_zone;
        Ok(row.map(|row| campaign(tenant, row, &zone)))
    }

    async fn link(&mut self, tenant: TenantId, id: &str) -> StoreResult<Option<CatalogEntry>> {
        let Ok(id) = id.parse::<LinkId>() else { return Ok(None) };
        let row = self.batch.links(tenant).standing(id).await?;
        Ok(row.map(|row| link(tenant, row)))
    }

    async fn integration(
        &mut self,
        tenant: TenantId,
        id: &str,
    ) -> StoreResult<Option<CatalogEntry>> {
        let Ok(id) = id.parse::<IntegrationId>() else { return Ok(None) };
        let row = self.batch.integrations(tenant).get(id, Reach::Tenant).await?;
        let Some(row) = row else { return Ok(None) };
        let owner = match row.advertiser {
            Some(id) => self.batch.advertisers(tenant).get(id, Reach::Tenant).await?,
            None => None,
        };
        Ok(Some(self.integration_of(tenant, row, owner.as_ref())))
    }

    async fn key(&mut self, tenant: TenantId, id: &str) -> StoreResult<Option<CatalogEntry>> {
        let Ok(id) = id.parse::<KeyId>() else { return Ok(None) };
        let Some(row) = self.batch.keys(tenant).get(id, Reach::Tenant).await? else {
            return Ok(None);
        };
        let is_owned = self.owner_stands(tenant, &row).await?;
        Ok(Some(key(row, is_owned)))
    }

    async fn owner_stands(&mut self, tenant: TenantId, row: &KeyRow) -> StoreResult<bool> {
        if let Some(id) = row.advertiser {
            let owner = self.batch.advertisers(tenant).get(id, Reach::Tenant).await?;
            return Ok(owner.is_some_and(|owner| owner.is_active()));
        }
        if let Some(id) = row.publisher {
            let owner = self.batch.publishers(tenant).get(id, Reach::Tenant).await?;
            return Ok(owner.is_some_and(|owner| owner.archived_at.is_none()));
        }
        Ok(true)
    }

    /// Every object of a tenant but its links.
    pub(super) async fn settings_of(
        &mut self,
        tenant: &TenantRow,
    ) -> StoreResult<Vec<CatalogEntry>> {
        let id = tenant.id;
        let mut entries = Vec::new();
        let domains = self.batch.domains(id).live().await?;
        entries.extend(domains.into_iter().map(|row| domain(id, row)));
        let advertisers = self.batch.advertisers(id).all().await?;
        entries.extend(advertisers.into_iter().map(|row| advertiser(id, row)));
        let offers = self.batch.offers(id).all().await?;
        entries.extend(offers.into_iter().map(|row| offer(id, row)));
        let campaigns = self.batch.campaigns(id).all().await?;
        entries.extend(campaigns.into_iter().map(|row| campaign(id, row, &tenant.time_zone)));
        entries.extend(self.integrations_of(id).await?);
        for row in self.batch.keys(id).all().await? {
            let is_owned = self.owner_stands(id, &row).await?;
            entries.push(key(row, is_owned));
        }
        Ok(entries)
    }

    /// Every integration of a tenant.
    pub(super) async fn integrations_of(
        &mut self,
        tenant: TenantId,
    ) -> StoreResult<Vec<CatalogEntry>> {
        let advertisers = self.batch.advertisers(tenant).all().await?;
        let rows = self.batch.integrations(tenant).all().await?;
        let mut entries = Vec::new();
        for row in rows {
            let owner = advertisers.iter().find(|owner| Some(owner.id) == row.advertiser);
            entries.push(self.integration_of(tenant, row, owner));
        }
        Ok(entries)
    }

    /// One page of a tenant's links.
    pub(super) async fn links_of(
        &mut self,
        tenant: TenantId,
        ask: &PageAsk,
    ) -> StoreResult<(Vec<CatalogEntry>, Option<String>)> {
        let page = self.batch.links(tenant).all_standing(ask).await?;
        Ok((page.rows.into_iter().map(|row| link(tenant, row)).collect(), page.next))
    }

    fn integration_of(
        &mut self,
        tenant: TenantId,
        row: IntegrationRow,
        owner: Option<&AdvertiserRow>,
    ) -> CatalogEntry {
        let now = self.now;
        let lives = |expires_at: Option<i64>| expires_at.is_none_or(|end| now.0 < end);
        let ends = row.token_hashes.iter().map(|token| token.expires_at);
        let ends = ends.chain(row.hmac_secrets.iter().map(|secret| secret.expires_at));
        let object_id = row.id.to_string();
        for end in ends.flatten().filter(|end| now.0 < *end) {
            self.endings.push((Timestamp(end), tenant, object_id.clone()));
        }
        let token_hashes: Vec<[u8; 32]> = row
            .token_hashes
            .iter()
            .filter(|token| row.auth.token && lives(token.expires_at))
            .filter_map(unhex)
            .collect();
        let hmac_secrets: Vec<Box<[u8]>> = row
            .hmac_secrets
            .iter()
            .filter(|secret| row.auth.hmac && lives(secret.expires_at))
            .filter_map(secret_bytes)
            .collect();
        // A proof that is demanded and cannot be given shuts the door; it must not fall away.
        let is_provable =
            row.auth.token != token_hashes.is_empty() && row.auth.hmac != hmac_secrets.is_empty();
        let is_owned = row.advertiser.is_none() || owner.is_some_and(AdvertiserRow::is_active);
        put(CatalogObject::Integration(Box::new(Integration {
            id: row.id,
            tenant,
            adapter: row.adapter.into(),
            advertiser: row.advertiser,
            token_hashes,
            hmac_secrets,
            ip_allow: row.auth.ip_allow.into_iter().map(Into::into).collect(),
            is_active: row.archived_at.is_none() && is_owned && is_provable,
        })))
    }
}

const fn put(object: CatalogObject) -> CatalogEntry {
    CatalogEntry::Put(object)
}

fn domain(tenant: TenantId, row: DomainRow) -> CatalogEntry {
    put(CatalogObject::Domain(Domain {
        id: row.id,
        tenant,
        host: row.host.into(),
        fallback_url: row.fallback_url.map(Into::into),
    }))
}

fn advertiser(tenant: TenantId, row: AdvertiserRow) -> CatalogEntry {
    put(CatalogObject::Advertiser(Advertiser {
        id: row.id,
        tenant,
        is_active: row.is_active(),
        allowed_hosts: row.allowed_hosts.into_iter().map(Into::into).collect(),
        events_integration: row.events_integration,
    }))
}

fn offer(tenant: TenantId, row: OfferRow) -> CatalogEntry {
    put(CatalogObject::Offer(Offer {
        id: row.id,
        tenant,
        advertiser: row.advertiser,
        destination: row.destination.into(),
        click_param: row.click_param.map(Into::into),
        ref_param: row.ref_param.map(Into::into),
        pass_params: row.pass_params.into_iter().map(Into::into).collect(),
        fallback_url: row.fallback_url.map(Into::into),
    }))
}

/// The last day is included: the campaign ends when the day after it begins.
fn campaign(tenant: TenantId, row: CampaignRow, zone: &str) -> CatalogEntry {
    let day = |text: &Option<String>| text.as_deref().and_then(time::parse_date);
    let starts_at = day(&row.starts_on).and_then(|day| time::start_of(day, zone));
    let ends_at = day(&row.ends_on)
        .and_then(|day| day.tomorrow().ok())
        .and_then(|day| time::start_of(day, zone));
    put(CatalogObject::Campaign(Campaign {
        id: row.id,
        tenant,
        offers: row.offers,
        referrer_policy: row.referrer_policy.into(),
        starts_at,
        ends_at,
    }))
}

fn link(tenant: TenantId, row: StandingLink) -> CatalogEntry {
    let StandingLink { link, state } = row;
    put(CatalogObject::Link(Box::new(Link {
        id: link.id,
        number: link.number,
        tenant,
        campaign: link.campaign,
        offer: link.offer,
        publisher: link.publisher,
        domain: link.domain,
        slug: link.slug.into(),
        destination: link.destination.map(Into::into),
        fallback_url: link.fallback_url.map(Into::into),
        expires_at: link.expires_at,
        state,
        wildcard_code: link.wildcard_code.map(Into::into),
    })))
}

fn key(row: KeyRow, owner_stands: bool) -> CatalogEntry {
    let expires_at = if owner_stands { row.ends_at() } else { Some(LONG_AGO) };
    put(CatalogObject::Key(Key {
        id: row.id,
        tenant: row.tenant,
        role: row.role,
        hash: row.hash,
        advertiser: row.advertiser,
        publisher: row.publisher,
        is_publishable: row.kind == KeyKind::Publishable,
        origins: row.origins.into_iter().map(Into::into).collect(),
        expires_at,
    }))
}

fn unhex(token: &TokenHash) -> Option<[u8; 32]> {
    let mut hash = [0_u8; 32];
    if token.hash.len() != 64 || !token.hash.is_ascii() {
        return None;
    }
    for (position, byte) in hash.iter_mut().enumerate() {
        *byte = u8::from_str_radix(token.hash.get(2 * position..2 * position + 2)?, 16).ok()?;
    }
    Some(hash)
}

fn secret_bytes(secret: &HmacSecret) -> Option<Box<[u8]>> {
    let text = secret.secret.strip_prefix("whsec_")?;
    STANDARD.decode(text).ok().map(Into::into)
}
