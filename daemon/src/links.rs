//! Resolves a slug to its link, or to none; unknown slugs are remembered briefly.

use std::cell::Ref;
use std::cell::RefCell;
use std::hash::Hasher as _;
use std::rc::Rc;
use std::sync::Arc;

use http::HeaderValue;
use model::catalog::Domain;
use model::catalog::Offer;
use model::clock::Timestamp;
use model::id::CampaignId;
use model::id::DomainId;
use model::id::LinkId;
use model::id::OfferId;
use model::id::PublisherId;
use model::id::TenantId;
use model::link::Link;
use model::link::LinkNumber;
use model::link::LinkState;
use model::link::SLUG_CHARS_MAX;

use crate::catalog::View;
use crate::catalog::directory::Directory;
use crate::links::cache::Front;
use crate::links::cache::FrontCache;
use crate::links::cache::Held;
use crate::links::table::Row;
use crate::links::template::Template;
use crate::respond::referrer_policy;
use crate::router::LinkKey;
use crate::target;

pub mod cache;
pub mod table;
pub mod template;

/// What all links of one campaign, offer and destination have in common.
#[derive(Debug)]
pub struct Plan {
    pub tenant: TenantId,
    pub campaign: CampaignId,
    pub offer: OfferId,
    /// Where its links lead; absent when the stored destination may not be redirected to.
    pub template: Option<Template>,
    /// Where its stopped links lead, unless they say so themselves.
    pub fallback: Option<Box<str>>,
    pub click_param: Option<Box<str>>,
    pub ref_param: Option<Box<str>>,
    pub referrer_policy: HeaderValue,
    pass_params: Vec<Box<str>>,
    /// The destination that a link set itself.
    destination: Option<Box<str>>,
    from: Option<Timestamp>,
    until: Option<Timestamp>,
    version: u64,
}

impl Plan {
    /// Puts campaign, offer and advertiser together.
    ///
    /// Without the campaign or the offer, or with an inactive advertiser, there is no destination.
    #[must_use]
    pub fn new(row: &Row<'_>, directory: &Directory, version: u64) -> Self {
        let campaign = directory.campaign(row.campaign);
        let offer_id = offer_of(row, directory);
        let offer = campaign.and_then(|_| directory.offer(offer_id?));
        let text = |read: fn(&Offer) -> &Option<Box<str>>| offer.and_then(|it| read(it).clone());
        Self {
            tenant: row.tenant,
            offer: offer_id.unwrap_or(OfferId(0)),
            template: offer.and_then(|offer| template_of(row, offer, directory)),
            fallback: text(|offer| &offer.fallback_url).as_deref().and_then(target::fallback),
            click_param: text(|offer| &offer.click_param),
            ref_param: text(|offer| &offer.ref_param),
            referrer_policy: referrer_policy(campaign.map_or("", |it| &it.referrer_policy)),
            pass_params: offer.map(|offer| offer.pass_params.clone()).unwrap_or_default(),
            campaign: row.campaign,
            destination: row.destination.map(Box::from),
            from: campaign.and_then(|campaign| campaign.starts_at),
            until: campaign.and_then(|campaign| campaign.ends_at),
            version,
        }
    }

    /// Whether a parameter is carried over because the offer asks for it.
    #[must_use]
    pub fn passes(&self, name: &str) -> bool {
        self.pass_params.iter().any(|passed| **passed == *name)
    }

    pub(crate) fn text_bytes(&self) -> usize {
        let text = |text: &Option<Box<str>>| text.as_ref().map_or(0, |text| text.len());
        let template = self.template.as_ref().map_or(0, Template::text_bytes);
        template + text(&self.fallback) + text(&self.destination)
    }

    fn is_for(&self, row: &Row<'_>, offer: Option<OfferId>) -> bool {
        self.tenant == row.tenant
            && self.campaign == row.campaign
            && Some(self.offer) == offer.or(Some(OfferId(0)))
            && self.destination.as_deref() == row.destination
    }
}

/// A link's own offer, else the first of its campaign.
fn offer_of(row: &Row<'_>, directory: &Directory) -> Option<OfferId> {
    row.offer.or_else(|| directory.campaign(row.campaign)?.offers.first().copied())
}

/// The checked destination of a link. A destination off the list is nobody's to follow, so it is
/// none.
fn template_of(row: &Row<'_>, offer: &Offer, directory: &Directory) -> Option<Template> {
    let destination = row.destination.unwrap_or(&offer.destination);
    let allowed = directory.allowed_hosts(offer).iter().map(|host| &**host);
    // A stored `sub1=banner7` must not pass for our click id, nor keep it away.
    let ours = (offer.click_param.as_deref(), offer.ref_param.as_deref());
    let destination = template::without_ours(destination, ours);
    match Template::parse(&destination, allowed) {
        Ok(template) => Some(template),
        Err(error) => {
            tracing::debug!(link = %row.id, %error, "destination is not served");
            None
        }
    }
}

/// Letters of a slug that need no place of their own in memory: generated ones have eight.
const SHORT_SLUG_CHARS: usize = 22;

/// A slug; a short one stands where the link stands.
#[derive(Debug)]
enum Slug {
    Short { letters: [u8; SHORT_SLUG_CHARS], chars: u8 },
    Long(Box<str>),
}

impl Slug {
    fn new(text: &str) -> Self {
        let mut letters = [0; SHORT_SLUG_CHARS];
        match (letters.get_mut(..text.len()), u8::try_from(text.len())) {
            (Some(short), Ok(chars)) => {
                short.copy_from_slice(text.as_bytes());
                Self::Short { letters, chars }
            }
            _ => Self::Long(text.into()),
        }
    }

    fn as_str(&self) -> &str {
        match self {
            Self::Short { letters, chars } => {
                std::str::from_utf8(&letters[..usize::from(*chars)]).unwrap_or_default()
            }
            Self::Long(text) => text,
        }
    }
}

/// A link with everything an answer needs; one thread's own. Two cache lines, because most
/// links are read from far memory.
#[derive(Debug)]
pub struct Compiled {
    slug: Slug,
    is_live: bool,
    pub number: LinkNumber,
    until: Option<Timestamp>,
    pub plan: Held,
    pub id: LinkId,
    pub publisher: PublisherId,
    /// Rare, so it has its own place.
    domain: Option<Box<DomainId>>,
    fallback: Option<Box<str>>,
}

impl Compiled {
    /// Puts a link and its plan together.
    #[must_use]
    pub fn new(row: &Row<'_>, plan: Held) -> Self {
        let ends = [row.expires_at, plan.until];
        Self {
            id: row.id,
            number: row.number,
            publisher: row.publisher,
            domain: row.domain.map(Box::new),
            until: ends.into_iter().flatten().min(),
            is_live: row.state == LinkState::Live && plan.template.is_some(),
            slug: Slug::new(row.slug),
            fallback: row.fallback_url.and_then(target::fallback),
            plan,
        }
    }

    #[must_use]
    pub fn slug(&self) -> &str {
        self.slug.as_str()
    }

    /// Whether it redirects at `now`: neither stopped nor outside its dates, and with a destination
    /// on the list.
    #[must_use]
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.is_live
            && self.plan.from.is_none_or(|from| from <= now)
            && self.until.is_none_or(|until| now < until)
    }

    /// Where it wants to lead once it is stopped: its own place, then its offer's. Whether it may
    /// is the directory's to say.
    pub fn fallbacks(&self) -> impl Iterator<Item = &str> {
        [&self.fallback, &self.plan.fallback].into_iter().filter_map(Option::as_deref)
    }
}

/// The directory as a thread hands it around; counted twice for the reason of [`Held`].
pub type Shelf = Rc<Arc<Directory>>;

/// One thread's way to the catalog.
#[derive(Debug)]
pub struct Links {
    view: Arc<View>,
    front: FrontCache,
    directory: RefCell<(u64, Shelf)>,
}

/// The catalog at the start of a request.
#[derive(Debug, Clone)]
pub struct Now {
    version: u64,
    pub directory: Shelf,
}

impl Links {
    #[must_use]
    pub fn new(view: Arc<View>) -> Self {
        let directory = RefCell::new((view.version(), Rc::new(view.directory())));
        Self { view, front: FrontCache::default(), directory }
    }

    /// The catalog as it is. Everything a request asks about links is asked with one of these.
    #[must_use]
    pub fn now(&self) -> Now {
        let version = self.view.version();
        let mut held = self.directory.borrow_mut();
        if held.0 != version {
            *held = (version, Rc::new(self.view.directory()));
        }
        Now { version, directory: Rc::clone(&held.1) }
    }

    /// The link of a domain with this slug. `None`: there is none, or it is served on another
    /// domain only.
    #[must_use]
    pub fn resolve(
        &self,
        catalog: &Now,
        domain: &Domain,
        key: LinkKey<'_>,
        now: Timestamp,
    ) -> Option<Ref<'_, Compiled>> {
        let mut lower = [0_u8; SLUG_CHARS_MAX];
        let slug = lower_case(key.0, &mut lower)?;
        let hash = self.view.table.key_hash(domain.tenant, slug);
        let version = catalog.version;
        if let Front::Unasked = self.front.get(hash, version, now) {
            let read = |row: Row<'_>| Compiled::new(&row, self.plan(catalog, &row));
            let link = self.view.table.read(hash, (domain.tenant, slug), read);
            self.front.put((hash, version), link, now);
        }
        let Front::Known(Some(link)) = self.front.get(hash, version, now) else { return None };
        // Two slugs with one keyed hash of 64 bits: nobody will see it, and it must not lead
        // anywhere wrong.
        let is_it = link.plan.tenant == domain.tenant && link.slug() == slug;
        let is_here = link.domain.as_ref().is_none_or(|only| **only == domain.id);
        (is_it && is_here).then_some(link)
    }

    /// The plan of a link: at hand, shared, or made now.
    fn plan(&self, catalog: &Now, row: &Row<'_>) -> Held {
        let offer = offer_of(row, &catalog.directory);
        let key = self.plan_key(row, offer);
        if let Some(plan) =
            self.front.plan(key, catalog.version).filter(|plan| plan.is_for(row, offer))
        {
            return plan;
        }
        // A plan from before the directory changed may be of another destination.
        let is_good = |plan: &Arc<Plan>| {
            plan.version >= catalog.directory.changed_at && plan.is_for(row, offer)
        };
        let plan = self.view.plans.get(key).filter(is_good).unwrap_or_else(|| {
            let plan = Arc::new(Plan::new(row, &catalog.directory, catalog.version));
            self.view.plans.put(key, Arc::clone(&plan));
            plan
        });
        let plan = Rc::new(plan);
        self.front.put_plan((key, catalog.version), Rc::clone(&plan));
        plan
    }

    fn plan_key(&self, row: &Row<'_>, offer: Option<OfferId>) -> u64 {
        let mut hasher = self.view.table.hasher();
        hasher.write_u128(row.tenant.0);
        hasher.write_u128(row.campaign.0);
        hasher.write_u128(offer.map_or(0, |offer| offer.0));
        hasher.write(row.destination.unwrap_or_default().as_bytes());
        hasher.finish()
    }

    /// The wildcard links of a publisher on a domain, by the publisher's code.
    #[must_use]
    pub fn wildcards(&self, domain: &Domain, code: &str) -> Vec<Link> {
        let mut links = self.view.table.wildcards(domain.tenant, code);
        links.retain(|link| link.domain.is_none_or(|only| only == domain.id));
        links
    }

    /// A wildcard link compiled for one offer; not cached, because the target differs with every
    /// request.
    #[must_use]
    pub fn compile_wildcard(&self, catalog: &Now, link: &Link, offer: OfferId) -> Compiled {
        let row = Row { offer: Some(offer), ..Row::from(link) };
        Compiled::new(&row, self.plan(catalog, &row))
    }
}

/// `slug` in lower case, in the buffer if it was not. `None`: too long to be a slug.
fn lower_case<'a>(slug: &'a str, buffer: &'a mut [u8; SLUG_CHARS_MAX]) -> Option<&'a str> {
    if !slug.bytes().any(|letter| letter.is_ascii_uppercase()) {
        return Some(slug);
    }
    let lower = buffer.get_mut(..slug.len())?;
    lower.copy_from_slice(slug.as_bytes());
    lower.make_ascii_lowercase();
    std::str::from_utf8(lower).ok()
}

#[cfg(test)]
mod tests;
