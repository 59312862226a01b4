//! The click line: resolve, mint, record, answer.

use model::catalog::Domain;
use model::clock::Timestamp;
use model::record::RecordKind;
use model::wire;

use crate::links::Compiled;
use crate::links::Now;
use crate::links::template::Template;
use crate::mint;
use crate::mint::Die;
use crate::request::Request;
use crate::request::Verb;
use crate::respond::Answer;
use crate::respond::Problem;
use crate::rooms::Rooms;
use crate::router::LinkKey;
use crate::target;
use crate::target::Ports;

/// How a redirect names its link.
#[derive(Debug, Clone, Copy)]
pub enum Ask<'a> {
    /// By its slug.
    Slug(LinkKey<'a>),
    /// By publisher and target, `/click`.
    Target,
    /// Not at all: a path that cannot be a slug.
    Nothing,
}

/// Answers one redirect and records its click. Never waits: what the journal refuses is counted.
pub fn redirect(rooms: &Rooms, request: &Request<'_>, ask: Ask<'_>, now: Timestamp) -> Answer {
    let catalog = rooms.links.now();
    let Some(domain) = catalog.directory.domain(request.host) else { return Answer::UnknownLink };
    match ask {
        Ask::Slug(key) => match rooms.links.resolve(&catalog, domain, key, now) {
            Some(link) if link.is_live(now) => {
                let Some(template) = &link.plan.template else {
                    return stopped(&catalog, &link, domain);
                };
                click(rooms, request, (&catalog, &link, template), now)
            }
            Some(link) => stopped(&catalog, &link, domain),
            None => fallback_of(domain).unwrap_or(Answer::UnknownLink),
        },
        Ask::Target => match find_target(rooms, request, &catalog, domain) {
            Ok((link, template)) if link.is_live(now) => {
                click(rooms, request, (&catalog, &link, &template), now)
            }
            Ok((link, _)) => stopped(&catalog, &link, domain),
            Err(problem) => Answer::Problem(problem),
        },
        Ask::Nothing => fallback_of(domain).unwrap_or(Answer::UnknownLink),
    }
}

/// A page that says where a link goes; nothing is counted.
pub fn preview(rooms: &Rooms, request: &Request<'_>, key: LinkKey<'_>) -> Answer {
    let now = rooms.clock.now();
    let catalog = rooms.links.now();
    let domain = catalog.directory.domain(request.host);
    let found = domain.and_then(|domain| rooms.links.resolve(&catalog, domain, key, now));
    match found {
        Some(link) if link.is_live(now) => match &link.plan.template {
            Some(template) => Answer::Preview { destination: mint::shown(template).into() },
            None => Answer::Gone,
        },
        Some(_) => Answer::Gone,
        None => Answer::UnknownLink,
    }
}

/// Mints a click, records it, answers it.
fn click(
    rooms: &Rooms,
    request: &Request<'_>,
    (catalog, link, template): (&Now, &Compiled, &Template),
    now: Timestamp,
) -> Answer {
    // Without keys no click can be signed. Links and keys come by the same log, keys first.
    let Some(signer) = &catalog.directory.signer else { return Answer::UnknownLink };
    let sighting = rooms.shared.visitors.sight(&rooms.memory, signer, (request, link.number), now);
    let die = Die { link, template, ring: &signer.ring };
    let mut minted = mint::click(die, request, sighting, now, &mut *rooms.rng.borrow_mut());
    if request.verb != Verb::Head {
        if rooms.journal.clicks.level() >= journal::Level::Alert {
            mint::compact(&mut minted.click);
        }
        let mut buffer = rooms.buffer.take();
        buffer.clear();
        let buffer = wire::encode_click(&minted.click, buffer);
        rooms.journal.enqueue_click(RecordKind::Click, now, &buffer, &rooms.cells);
        rooms.buffer.set(buffer);
    }
    let referrer_policy = link.plan.referrer_policy.clone();
    Answer::Redirect { destination: minted.destination, referrer_policy }
}

/// A link that is killed, expired, capped, or without a destination.
fn stopped(catalog: &Now, link: &Compiled, domain: &Domain) -> Answer {
    let of = (link.plan.tenant, link.plan.offer);
    match link.fallbacks().find(|url| catalog.directory.may_fall_back(of, url)) {
        Some(destination) => Answer::Fallback { destination: destination.into() },
        None => fallback_of(domain).unwrap_or(Answer::Gone),
    }
}

fn fallback_of(domain: &Domain) -> Option<Answer> {
    let destination = domain.fallback_url.as_deref().and_then(target::fallback)?;
    Some(Answer::Fallback { destination })
}

/// The wildcard link and the checked target of `/click?ref=&target=`.
fn find_target(
    rooms: &Rooms,
    request: &Request<'_>,
    catalog: &Now,
    domain: &Domain,
) -> Result<(Compiled, Template), Problem> {
    let code = request.param("ref").filter(|code| !code.is_empty());
    let code = code.ok_or(Problem::Click("ref is missing"))?;
    let raw = request.param("target").ok_or(Problem::Click("target is missing"))?;
    let url = target::parse(&raw, Ports::Default).map_err(Problem::Target)?;
    let host = url.host_str().unwrap_or_default();
    let named = request.param("campaign").filter(|campaign| !campaign.is_empty());
    let mut links = rooms.links.wildcards(domain, &code);
    if let Some(named) = named {
        links.retain(|link| link.campaign.to_string() == *named);
    }
    let mut fitting = links.iter().filter_map(|link| Some((link, offer_for(catalog, link, host)?)));
    let (link, offer) = match (fitting.next(), fitting.next()) {
        (Some(found), None) => found,
        (Some(_), Some(_)) => {
            return Err(Problem::Click("campaign is needed: several allow target"));
        }
        (None, _) if links.is_empty() => return Err(Problem::Click("ref or campaign is unknown")),
        (None, _) => return Err(Problem::Target(target::TargetError::NotAllowed)),
    };
    let compiled = rooms.links.compile_wildcard(catalog, link, offer);
    let ours = [compiled.plan.click_param.as_deref(), compiled.plan.ref_param.as_deref()];
    let ours: Vec<&str> = ours.into_iter().flatten().collect();
    let template = Template::of_target(&url, &ours);
    Ok((compiled, template))
}

/// The campaign's offer for a host: the first whose destination is there, else its first. Only
/// offers whose advertiser allows the host count, so that in a campaign of several advertisers the
/// click is never the wrong one's.
fn offer_for(catalog: &Now, link: &model::link::Link, host: &str) -> Option<model::id::OfferId> {
    let directory = &catalog.directory;
    let campaign = directory.campaign(link.campaign)?;
    let offers = campaign.offers.iter().filter_map(|id| directory.offer(*id)).filter(|offer| {
        let allowed = directory.allowed_hosts(offer).iter().map(|host| &**host);
        target::is_allowed_host(host, allowed)
    });
    let mut first = None;
    for offer in offers {
        let own_host = offer.destination.strip_prefix("https://").unwrap_or_default();
        let own_host = own_host.split(['/', '?', '#', ':']).next().unwrap_or_default();
        if own_host.eq_ignore_ascii_case(host) {
            return Some(offer.id);
        }
        first.get_or_insert(offer.id);
    }
    first
}
