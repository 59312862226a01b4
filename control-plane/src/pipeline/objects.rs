//! The objects attribution reads, cached per tenant under the tenant's version: what changed is
//! read anew, what did not costs nothing.

use std::collections::HashMap;
use std::collections::HashSet;
use std::hash::Hash;
use std::sync::Arc;

use jiff::tz::TimeZone;
use ledger::Day;
use ledger::TaxRegime;
use model::clock::Timestamp;
use model::id::AdvertiserId;
use model::id::CampaignId;
use model::id::EnrolmentId;
use model::id::IntegrationId;
use model::id::OfferId;
use model::id::PublisherId;
use model::id::ShopperId;
use model::id::TenantId;
use model::link::LinkNumber;
use model::money::Currency;
use store::credit::Credit;
use store::credit::CreditCampaign;
use store::credit::CreditCoupon;
use store::credit::CreditIntegration;
use store::credit::CreditLink;
use store::credit::CreditOffer;
use store::credit::ObjectVersion;
use store::credit::Term;
use store::error::StoreResult;
use store::rules::RuleRow;
use store::unit::BatchTx;

use super::caps::Period;
use crate::calendar;

/// Objects of one tenant kept at most; above it the cache begins anew.
const OBJECTS_MAX: usize = 200_000;

/// What a batch wants to know of one tenant.
#[derive(Debug, Default)]
pub(crate) struct Needs {
    pub(crate) numbers: HashSet<LinkNumber>,
    pub(crate) slugs: HashSet<String>,
    pub(crate) coupons: HashSet<String>,
    pub(crate) advertisers: HashSet<AdvertiserId>,
    /// Named directly, not through a link or a coupon.
    pub(crate) campaigns: HashSet<CampaignId>,
    pub(crate) publishers: HashSet<PublisherId>,
    /// Click ids that carry a user.
    pub(crate) user_clicks: HashSet<String>,
}

/// A cache: asked for and found, asked for and absent, or never asked for.
type Cache<K, V> = HashMap<K, Option<V>>;

/// What is known of one tenant.
#[derive(Debug)]
pub(crate) struct TenantObjects {
    pub(crate) version: ObjectVersion,
    zone: TimeZone,
    paid_actions: HashSet<String>,
    pub(crate) rules: Vec<RuleRow>,
    integrations: Cache<IntegrationId, Arc<CreditIntegration>>,
    currencies: Cache<AdvertiserId, Currency>,
    links: Cache<LinkNumber, Arc<CreditLink>>,
    slugs: Cache<String, Arc<CreditLink>>,
    coupons: Cache<String, CreditCoupon>,
    campaigns: Cache<CampaignId, Arc<CreditCampaign>>,
    offers: Cache<OfferId, CreditOffer>,
    regimes: Cache<PublisherId, TaxRegime>,
    enrolments: HashMap<(CampaignId, PublisherId), EnrolmentId>,
    terms: Cache<String, Vec<Term>>,
    shoppers: Cache<String, ShopperId>,
}

/// Those of `wanted` that were never asked for.
fn missing<K, V>(wanted: impl IntoIterator<Item = K>, cache: &Cache<K, V>) -> Vec<K>
where
    K: Eq + Hash + Ord,
{
    let new = wanted.into_iter().filter(|key| !cache.contains_key(key));
    let mut new: Vec<K> = new.collect();
    new.sort_unstable();
    new.dedup();
    new
}

/// Notes what was asked for and what came back.
fn fill<K, V>(cache: &mut Cache<K, V>, asked: Vec<K>, found: impl IntoIterator<Item = (K, V)>)
where
    K: Eq + Hash,
{
    for key in asked {
        cache.insert(key, None);
    }
    for (key, value) in found {
        cache.insert(key, Some(value));
    }
}

fn get<'a, K, V, Q>(cache: &'a Cache<K, V>, key: &Q) -> Option<&'a V>
where
    K: Eq + Hash + std::borrow::Borrow<Q>,
    Q: Eq + Hash + ?Sized,
{
    cache.get(key).and_then(Option::as_ref)
}

impl TenantObjects {
    /// An empty cache under the tenant's version of now.
    pub(crate) async fn begin(tx: &mut BatchTx, tenant: TenantId) -> StoreResult<Self> {
        let rules = tx.rules(tenant).list().await?;
        let mut credit = tx.credit(tenant);
        let zone = credit.time_zone().await?;
        let zone = zone.and_then(|name| TimeZone::get(&name).ok()).unwrap_or(TimeZone::UTC);
        Ok(Self {
            version: credit.version().await?,
            zone,
            paid_actions: credit.paid_actions().await?.into_iter().collect(),
            rules,
            integrations: HashMap::new(),
            currencies: HashMap::new(),
            links: HashMap::new(),
            slugs: HashMap::new(),
            coupons: HashMap::new(),
            campaigns: HashMap::new(),
            offers: HashMap::new(),
            regimes: HashMap::new(),
            enrolments: HashMap::new(),
            terms: HashMap::new(),
            shoppers: HashMap::new(),
        })
    }

    /// Whether it must begin anew.
    pub(crate) fn is_stale(&self, now: ObjectVersion) -> bool {
        let kept = self.links.len() + self.slugs.len() + self.coupons.len() + self.shoppers.len();
        self.version.any != now.any || kept > OBJECTS_MAX
    }

    pub(crate) async fn load_integrations(
        &mut self,
        credit: &mut Credit<'_>,
        ids: impl IntoIterator<Item = IntegrationId>,
    ) -> StoreResult<()> {
        let asked = missing(ids, &self.integrations);
        if asked.is_empty() {
            return Ok(());
        }
        let found = credit.integrations(&asked).await?;
        fill(&mut self.integrations, asked, found.into_iter().map(|row| (row.id, Arc::new(row))));
        Ok(())
    }

    /// Reads what `needs` names and everything that hangs on it.
    pub(crate) async fn load(&mut self, credit: &mut Credit<'_>, needs: &Needs) -> StoreResult<()> {
        self.load_links(credit, needs).await?;
        let mut campaigns = needs.campaigns.clone();
        let mut offers: HashSet<OfferId> = HashSet::new();
        let mut publishers = needs.publishers.clone();
        let of_numbers = needs.numbers.iter().filter_map(|number| get(&self.links, number));
        let of_slugs = needs.slugs.iter().filter_map(|slug| get(&self.slugs, slug));
        for link in of_numbers.chain(of_slugs) {
            campaigns.insert(link.campaign);
            offers.extend(link.offer);
            publishers.insert(link.publisher);
        }
        for coupon in needs.coupons.iter().filter_map(|code| get(&self.coupons, code)) {
            campaigns.insert(coupon.campaign);
            publishers.extend(coupon.publisher);
        }
        self.load_campaigns(credit, &campaigns).await?;
        for campaign in campaigns.iter().filter_map(|id| get(&self.campaigns, id)) {
            offers.extend(campaign.offers.iter().copied());
        }
        self.load_offers(credit, &offers, needs).await?;
        self.load_publishers(credit, &publishers).await?;
        let of_enrolments = self.enrolments.iter().filter_map(|((campaign, publisher), id)| {
            let is_ours = campaigns.contains(campaign) && publishers.contains(publisher);
            is_ours.then(|| id.to_string())
        });
        let of_campaigns = campaigns.iter().map(ToString::to_string);
        let scopes =
            of_enrolments.chain(of_campaigns).chain(offers.iter().map(ToString::to_string));
        let asked = missing(scopes.collect::<Vec<_>>(), &self.terms);
        if asked.is_empty() {
            return Ok(());
        }
        let mut by_scope: HashMap<String, Vec<Term>> = HashMap::new();
        for term in credit.terms(&asked).await? {
            by_scope.entry(term.scope_id.clone()).or_default().push(term);
        }
        fill(&mut self.terms, asked, by_scope);
        Ok(())
    }

    async fn load_links(&mut self, credit: &mut Credit<'_>, needs: &Needs) -> StoreResult<()> {
        let asked = missing(needs.numbers.iter().copied(), &self.links);
        if !asked.is_empty() {
            let found = credit.links_by_number(&asked).await?;
            fill(&mut self.links, asked, found.into_iter().map(|row| (row.number, Arc::new(row))));
        }
        let asked = missing(needs.slugs.iter().cloned(), &self.slugs);
        if !asked.is_empty() {
            let found = credit.links_by_slug(&asked).await?;
            let found = found.into_iter().map(|row| (row.slug.clone(), Arc::new(row)));
            fill(&mut self.slugs, asked, found);
        }
        let asked = missing(needs.coupons.iter().cloned(), &self.coupons);
        if !asked.is_empty() {
            let found = credit.coupons(&asked).await?;
            fill(&mut self.coupons, asked, found.into_iter().map(|row| (row.code.clone(), row)));
        }
        let asked = missing(needs.user_clicks.iter().cloned(), &self.shoppers);
        if !asked.is_empty() {
            let found = credit.shoppers(&asked).await?;
            fill(&mut self.shoppers, asked, found);
        }
        Ok(())
    }

    async fn load_campaigns(
        &mut self,
        credit: &mut Credit<'_>,
        ids: &HashSet<CampaignId>,
    ) -> StoreResult<()> {
        let asked = missing(ids.iter().copied(), &self.campaigns);
        if asked.is_empty() {
            return Ok(());
        }
        let found = credit.campaigns(&asked).await?;
        fill(&mut self.campaigns, asked, found.into_iter().map(|row| (row.id, Arc::new(row))));
        Ok(())
    }

    async fn load_offers(
        &mut self,
        credit: &mut Credit<'_>,
        ids: &HashSet<OfferId>,
        needs: &Needs,
    ) -> StoreResult<()> {
        let asked = missing(ids.iter().copied(), &self.offers);
        if !asked.is_empty() {
            let found = credit.offers(&asked).await?;
            fill(&mut self.offers, asked, found.into_iter().map(|row| (row.id, row)));
        }
        let of_offers = ids.iter().filter_map(|id| get(&self.offers, id)).map(|row| row.advertiser);
        let wanted: Vec<_> = of_offers.chain(needs.advertisers.iter().copied()).collect();
        let asked = missing(wanted, &self.currencies);
        if !asked.is_empty() {
            let found = credit.currencies(&asked).await?;
            fill(&mut self.currencies, asked, found);
        }
        Ok(())
    }

    async fn load_publishers(
        &mut self,
        credit: &mut Credit<'_>,
        ids: &HashSet<PublisherId>,
    ) -> StoreResult<()> {
        let asked = missing(ids.iter().copied(), &self.regimes);
        if asked.is_empty() {
            return Ok(());
        }
        for (campaign, publisher, enrolment) in credit.enrolments(&asked).await? {
            self.enrolments.insert((campaign, publisher), enrolment);
        }
        let found = credit.regimes(&asked).await?;
        fill(&mut self.regimes, asked, found);
        Ok(())
    }

    pub(crate) fn integration(&self, id: IntegrationId) -> Option<&Arc<CreditIntegration>> {
        get(&self.integrations, &id)
    }

    /// Every advertiser that was ever asked for.
    pub(crate) fn advertisers(&self) -> Vec<AdvertiserId> {
        self.currencies.keys().copied().collect()
    }

    pub(crate) fn currency(&self, id: AdvertiserId) -> Option<Currency> {
        get(&self.currencies, &id).copied()
    }

    pub(crate) fn link(&self, number: LinkNumber) -> Option<&CreditLink> {
        get(&self.links, &number).map(|link| &**link)
    }

    pub(crate) fn link_of_slug(&self, slug: &str) -> Option<&CreditLink> {
        get(&self.slugs, slug).map(|link| &**link)
    }

    pub(crate) fn coupon(&self, code: &str) -> Option<&CreditCoupon> {
        get(&self.coupons, code)
    }

    pub(crate) fn campaign(&self, id: CampaignId) -> Option<&CreditCampaign> {
        get(&self.campaigns, &id).map(|campaign| &**campaign)
    }

    pub(crate) fn offer(&self, id: OfferId) -> Option<&CreditOffer> {
        get(&self.offers, &id)
    }

    /// A publisher nobody knows any more counts as undeclared.
    pub(crate) fn regime(&self, id: PublisherId) -> TaxRegime {
        get(&self.regimes, &id).copied().unwrap_or(TaxRegime::Undeclared)
    }

    pub(crate) fn enrolment(&self, campaign: CampaignId, who: PublisherId) -> Option<EnrolmentId> {
        self.enrolments.get(&(campaign, who)).copied()
    }

    pub(crate) fn terms(&self, scope_id: &str) -> &[Term] {
        get(&self.terms, scope_id).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn shopper(&self, click: &str) -> Option<ShopperId> {
        get(&self.shoppers, click).copied()
    }

    /// Whether anybody in the tenant ever paid for an action.
    pub(crate) fn is_paid(&self, action: &str) -> bool {
        self.paid_actions.contains(action)
    }

    /// Why an instant lies outside the days on which a campaign earns; `None` inside. A campaign
    /// nobody knows any more has no days.
    pub(crate) fn outside_of(&self, id: CampaignId, at: Timestamp) -> Option<&'static str> {
        let campaign = self.campaign(id)?;
        // Days in this form sort as text.
        let day = self.date(at).to_string();
        if campaign.starts_on.as_ref().is_some_and(|first| day < *first) {
            return Some("campaign_not_started");
        }
        campaign.ends_on.as_ref().is_some_and(|last| day > *last).then_some("campaign_ended")
    }

    /// The day or month of the tenant's calendar that an instant lies in.
    pub(crate) fn span(&self, period: Period, at: Timestamp) -> (Timestamp, Timestamp) {
        calendar::span(period, at, &self.zone)
    }

    fn date(&self, at: Timestamp) -> jiff::civil::Date {
        calendar::date(at, &self.zone)
    }

    /// The calendar day of an instant in the tenant's time zone.
    pub(crate) fn day(&self, at: Timestamp) -> Day {
        let date = self.date(at);
        let part = |number: i8| u8::try_from(number).unwrap_or(1);
        Day::new(u16::try_from(date.year()).unwrap_or(1), part(date.month()), part(date.day()))
    }
}
