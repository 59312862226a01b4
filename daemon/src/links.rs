//! Resolves a slug to its link, or to none; unknown slugs are remembered briefly.

use std::cell::RefCell;
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
use crate::links::cache::Held;
use crate::links::cache::Known;
use crate::links::cache::UNKNOWN_FOR;
use crate::links::template::Template;
use crate::respond::DEFAULT_REFERRER_POLICY;
use crate::router::LinkKey;
use crate::target;

pub mod cache;
pub mod table;
pub mod template;

/// A link with everything an answer needs.
#[derive(Debug)]
pub struct Compiled {
    pub id: LinkId,
    pub number: LinkNumber,
    pub tenant: TenantId,
    pub campaign: CampaignId,
    pub offer: OfferId,
    pub publisher: PublisherId,
    pub slug: Box<str>,
    /// Where it leads; absent when the stored destination may not be redirected to.
    pub template: Option<Template>,
    /// Where a stopped link leads, its own or its offer's.
    pub fallback: Option<Box<str>>,
    pub click_param: Option<Box<str>>,
    pub ref_param: Option<Box<str>>,
    pub referrer_policy: HeaderValue,
    pass_params: Vec<Box<str>>,
    domain: Option<DomainId>,
    is_live: bool,
    from: Option<Timestamp>,
    until: Option<Timestamp>,
    version: u64,
}

impl Compiled {
    /// Whether it redirects at `now`: neither stopped nor outside its dates, and with a destination on the list.
    #[must_use]
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.is_live
            && self.from.is_none_or(|from| from <= now)
            && self.until.is_none_or(|until| now < until)
    }

    /// Whether a parameter is carried over because the offer asks for it.
    #[must_use]
    pub fn passes(&self, name: &str) -> bool {
        self.pass_params.iter().any(|passed| **passed == *name)
    }

    pub(crate) fn text_bytes(&self) -> usize {
        self.template.as_ref().map_or(0, Template::text_bytes)
            + self.fallback.as_ref().map_or(0, |fallback| fallback.len())
    }

    /// Puts link, offer, campaign and advertiser together.
    ///
    /// Without its campaign or offer, or with an inactive advertiser, a link has no destination and falls back.
    #[must_use]
    pub fn new(link: &Link, directory: &Directory, version: u64) -> Self {
        let campaign = directory.campaign(link.campaign);
        let offer_id = link.offer.or_else(|| campaign?.offers.first().copied());
        let offer = offer_id.and_then(|id| directory.offer(id));
        let template = offer.and_then(|offer| template_of(link, offer, directory));
        let own_fallback = link.fallback_url.as_deref().and_then(target::fallback);
        let offer_fallback =
            || offer.and_then(|offer| offer.fallback_url.as_deref()).and_then(target::fallback);
        let ends = [link.expires_at, campaign.and_then(|campaign| campaign.ends_at)];
        let policy = campaign.map(|campaign| HeaderValue::from_str(&campaign.referrer_policy));
        Self {
            id: link.id,
            number: link.number,
            tenant: link.tenant,
            campaign: link.campaign,
            offer: offer_id.unwrap_or(OfferId(0)),
            publisher: link.publisher,
            slug: link.slug.clone(),
            is_live: link.state == LinkState::Live && template.is_some() && campaign.is_some(),
            template,
            fallback: own_fallback.or_else(offer_fallback),
            click_param: offer.and_then(|offer| offer.click_param.clone()),
            ref_param: offer.and_then(|offer| offer.ref_param.clone()),
            referrer_policy: match policy {
                Some(Ok(policy)) if !policy.is_empty() => policy,
                _ => DEFAULT_REFERRER_POLICY,
            },
            pass_params: offer.map(|offer| offer.pass_params.clone()).unwrap_or_default(),
            domain: link.domain,
            from: campaign.and_then(|campaign| campaign.starts_at),
            until: ends.into_iter().flatten().min(),
            version,
        }
    }
}

/// The checked destination of a link. A destination off the list is nobody's to follow, so it is none.
fn template_of(link: &Link, offer: &Offer, directory: &Directory) -> Option<Template> {
    let destination = link.destination.as_deref().unwrap_or(&offer.destination);
    let allowed = directory.allowed_hosts(offer).iter().map(|host| &**host);
    match Template::parse(destination, allowed) {
        Ok(template) => Some(template),
        Err(error) => {
            tracing::debug!(link = %link.id, %error, "destination is not served");
            None
        }
    }
}

/// The directory as a thread hands it around; counted twice for the reason of [`Held`].
pub type Shelf = Rc<Arc<Directory>>;

/// One thread's way to the catalog.
#[derive(Debug)]
pub struct Links {
    view: Arc<View>,
    front: Front,
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
        Self { view, front: Front::default(), directory }
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

    /// The link of a domain with this slug. `None`: there is none, or it is served on another domain only.
    #[must_use]
    pub fn resolve(
        &self,
        catalog: &Now,
        domain: &Domain,
        key: LinkKey<'_>,
        now: Timestamp,
    ) -> Option<Held> {
        let mut lower = [0_u8; SLUG_CHARS_MAX];
        let slug = lower_case(key.0, &mut lower)?;
        let hash = self.view.table.key_hash(domain.tenant, slug);
        let is_it = |link: &Compiled| link.tenant == domain.tenant && *link.slug == *slug;
        let found = match self.front.get(hash, catalog.version) {
            Some(link) if is_it(&link) => link,
            _ => {
                let link = self.look_up(catalog, hash, (domain.tenant, slug), now)?;
                let link = Rc::new(link);
                self.front.put(hash, Rc::clone(&link));
                link
            }
        };
        found.domain.is_none_or(|only| only == domain.id).then_some(found)
    }

    /// From the shared cache, else from the table.
    fn look_up(
        &self,
        catalog: &Now,
        hash: u64,
        (tenant, slug): (TenantId, &str),
        now: Timestamp,
    ) -> Option<Arc<Compiled>> {
        match self.view.cache.get(hash) {
            Some(Known::Link(link))
                if link.version >= catalog.directory.changed_at
                    && link.tenant == tenant
                    && *link.slug == *slug =>
            {
                return Some(link);
            }
            Some(Known::Nothing { version, at })
                if version == catalog.version && now.since(at) < UNKNOWN_FOR =>
            {
                return None;
            }
            _ => {}
        }
        let link = self.view.table.get(hash, tenant, slug);
        let compiled =
            link.map(|link| Arc::new(Compiled::new(&link, &catalog.directory, catalog.version)));
        let known = match &compiled {
            Some(link) => Known::Link(Arc::clone(link)),
            None => Known::Nothing { version: catalog.version, at: now },
        };
        self.view.cache.put(hash, known);
        // The follower forgets changed keys after it raises the version. What was put after that would stay, so whoever
        // sees the version move takes its own entry back.
        if self.view.version() != catalog.version {
            self.view.cache.forget(hash);
        }
        compiled
    }

    /// The wildcard links of a publisher on a domain, by the publisher's code.
    #[must_use]
    pub fn wildcards(&self, domain: &Domain, code: &str) -> Vec<Link> {
        let mut links = self.view.table.wildcards(domain.tenant, code);
        links.retain(|link| link.domain.is_none_or(|only| only == domain.id));
        links
    }

    /// A wildcard link compiled for one offer; not cached, because the target differs with every request.
    #[must_use]
    pub fn compile_wildcard(&self, catalog: &Now, link: &Link, offer: OfferId) -> Compiled {
        let link = Link { offer: Some(offer), ..link.clone() };
        Compiled::new(&link, &catalog.directory, catalog.version)
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
