//! Candidates: each key that came, whom it would credit, or why it credits nobody.

use std::time::Duration;

use model::click_id::ClickFacts;
use model::click_id::ClickId;
use model::id::AdvertiserId;
use model::id::CampaignId;
use model::id::CouponId;
use model::id::LinkId;
use model::id::OfferId;
use model::id::PublisherId;
use store::credit::CreditLink;
use store::credit::CreditOffer;

use super::AttributionModel;
use super::AttributionRule;
use super::Claim;
use super::Keys;
use super::Reason;
use super::Sight;
use super::Timestamp;
use super::Touch;
use super::keys::ClickKey;
use super::model_of;

const DAY: Duration = Duration::from_hours(24);

/// A click whose MAC is good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct GoodClick {
    pub(crate) id: ClickId,
    pub(crate) facts: ClickFacts,
    pub(crate) window: Window,
}

/// The time in which a click may earn, and how much of it has passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Window {
    pub(crate) days: i64,
    pub(crate) age: Duration,
}

impl Window {
    fn is_inside(self) -> bool {
        let length = DAY.saturating_mul(u32::try_from(self.days).unwrap_or(0));
        self.age <= length
    }
}

/// Whom a key credits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Good {
    pub(crate) advertiser: AdvertiserId,
    pub(crate) campaign: CampaignId,
    pub(crate) offer: OfferId,
    pub(crate) publisher: PublisherId,
    pub(crate) link: Option<LinkId>,
    pub(crate) coupon: Option<CouponId>,
    pub(crate) click: Option<GoodClick>,
    /// The instant the claim counts as made.
    pub(crate) at: Timestamp,
}

/// One key that came.
#[derive(Debug, Clone)]
pub(crate) struct Candidate {
    pub(crate) kind: AttributionRule,
    /// Code, click id or slug as it came.
    pub(crate) id: String,
    pub(crate) link: Option<LinkId>,
    pub(crate) at: Option<Timestamp>,
    /// Found in the customer's memory, not named by the claim.
    pub(crate) is_touch: bool,
    pub(crate) good: Option<Good>,
    /// The reason an inbound ends with when nothing better came; absent for generic coupons.
    pub(crate) reason: Option<Reason>,
    pub(crate) why_not: Option<&'static str>,
}

impl Candidate {
    fn new(kind: AttributionRule, id: &str) -> Self {
        Self {
            kind,
            id: id.to_owned(),
            link: None,
            at: None,
            is_touch: false,
            good: None,
            reason: None,
            why_not: None,
        }
    }

    /// Nothing was found: a person says who earns.
    pub(super) fn by_hand(good: Good) -> Self {
        let at = Some(good.at);
        Self { at, ..Self::new(AttributionRule::Manual, "").good(good) }
    }

    fn bad(mut self, reason: Reason) -> Self {
        self.reason = Some(reason);
        self.why_not = Some(reason.as_str());
        self
    }

    /// Bad for a reason that people are told in other words.
    fn outside(self, reason: Reason, why_not: &'static str) -> Self {
        Self { why_not: Some(why_not), ..self.bad(reason) }
    }

    fn good(mut self, good: Good) -> Self {
        self.good = Some(good);
        self
    }
}

/// Every key of the claim, strongest first.
pub(super) fn gather(sight: &Sight<'_>, claim: &Claim, keys: &Keys) -> Vec<Candidate> {
    let mut found = Vec::new();
    if let Some(code) = &keys.coupon {
        found.push(of_coupon(sight, claim, code));
    }
    found.extend(of_clicks(sight, claim, (&keys.clicks, AttributionRule::ClickId)));
    if let Some(slug) = &keys.ref_code {
        found.push(of_slug(sight, claim, (slug, AttributionRule::RefCode)));
    }
    found.extend(of_clicks(sight, claim, (&keys.lazy_clicks, AttributionRule::LazyUrl)));
    for slug in &keys.lazy_slugs {
        found.push(of_slug(sight, claim, (slug, AttributionRule::LazyUrl)));
    }
    found
}

fn of_coupon(sight: &Sight<'_>, claim: &Claim, code: &str) -> Candidate {
    let candidate = Candidate::new(AttributionRule::Coupon, code);
    let coupon = sight.objects.coupon(code).filter(|coupon| coupon.is_active);
    let Some(coupon) = coupon else { return candidate.bad(Reason::UnknownCoupon) };
    let Some(publisher) = coupon.publisher else {
        return Candidate { why_not: Some("generic"), ..candidate };
    };
    let Some(offer) = offer_of_campaign(sight, coupon.campaign) else {
        return candidate.bad(Reason::WrongAdvertiser);
    };
    let at = told_at(sight, claim, None);
    if let Some(why) = sight.objects.outside_of(coupon.campaign, at) {
        return candidate.outside(Reason::UnknownCoupon, why);
    }
    candidate.good(Good {
        advertiser: offer.advertiser,
        campaign: coupon.campaign,
        offer: offer.id,
        publisher,
        link: None,
        coupon: Some(coupon.id),
        click: None,
        at,
    })
}

/// Texts until the first whose MAC is good: it counts, whatever its window says.
fn of_clicks(
    sight: &Sight<'_>,
    claim: &Claim,
    (keys, kind): (&[ClickKey], AttributionRule),
) -> Vec<Candidate> {
    let mut found = Vec::new();
    for key in keys {
        match key.read {
            Ok((id, facts)) => {
                found.push(of_click(sight, claim, (id, facts), kind));
                break;
            }
            Err(_) => found.push(Candidate::new(kind, &key.text).bad(Reason::BadClickId)),
        }
    }
    found
}

fn of_click(
    sight: &Sight<'_>,
    claim: &Claim,
    (id, facts): (ClickId, ClickFacts),
    kind: AttributionRule,
) -> Candidate {
    let mut candidate = Candidate::new(kind, &id.to_string());
    candidate.at = Some(facts.clicked_at);
    // A number that is no link of this tenant says no more than a forged id.
    let Some(link) = sight.objects.link(facts.link) else {
        return candidate.bad(Reason::BadClickId);
    };
    candidate.link = Some(link.id);
    let Some(offer) = offer_of_link(sight, link) else {
        return candidate.bad(Reason::WrongAdvertiser);
    };
    let at = told_at(sight, claim, Some(facts.clicked_at));
    let window = Window { days: offer.click_window_days, age: at.since(facts.clicked_at) };
    if !window.is_inside() {
        return candidate.bad(Reason::ClickExpired);
    }
    // A click that was made in time earns, whenever its sale is told.
    if let Some(why) = sight.objects.outside_of(link.campaign, facts.clicked_at) {
        return candidate.outside(Reason::ClickExpired, why);
    }
    candidate.good(Good {
        advertiser: offer.advertiser,
        campaign: link.campaign,
        offer: offer.id,
        publisher: link.publisher,
        link: Some(link.id),
        coupon: None,
        click: Some(GoodClick { id, facts, window }),
        at,
    })
}

fn of_slug(sight: &Sight<'_>, claim: &Claim, (slug, kind): (&str, AttributionRule)) -> Candidate {
    let mut candidate = Candidate::new(kind, slug);
    let Some(link) = sight.objects.link_of_slug(slug) else {
        return candidate.bad(Reason::UnknownRefCode);
    };
    candidate.link = Some(link.id);
    let Some(offer) = offer_of_link(sight, link) else {
        return candidate.bad(Reason::WrongAdvertiser);
    };
    let at = told_at(sight, claim, None);
    if let Some(why) = sight.objects.outside_of(link.campaign, at) {
        return candidate.outside(Reason::UnknownRefCode, why);
    }
    candidate.good(Good {
        advertiser: offer.advertiser,
        campaign: link.campaign,
        offer: offer.id,
        publisher: link.publisher,
        link: Some(link.id),
        coupon: None,
        click: None,
        at,
    })
}

/// The instant a claim counts as made: the outside's own, where it lies between the click and our
/// receipt.
fn told_at(sight: &Sight<'_>, claim: &Claim, clicked_at: Option<Timestamp>) -> Timestamp {
    let is_credible =
        |at: &Timestamp| *at <= sight.received_at && clicked_at.is_none_or(|click| click <= *at);
    claim.occurred_at.filter(is_credible).unwrap_or(sight.received_at)
}

fn offer_of_link<'a>(sight: &Sight<'a>, link: &CreditLink) -> Option<&'a CreditOffer> {
    match link.offer {
        Some(offer) => sight.objects.offer(offer).filter(|offer| is_wanted(sight, offer)),
        None => offer_of_campaign(sight, link.campaign),
    }
}

/// Wildcard links and coupons name no offer: the campaign's first of the claim's advertiser.
fn offer_of_campaign<'a>(sight: &Sight<'a>, campaign: CampaignId) -> Option<&'a CreditOffer> {
    let offers = &sight.objects.campaign(campaign)?.offers;
    let mut offers = offers.iter().filter_map(|offer| sight.objects.offer(*offer));
    offers.find(|offer| is_wanted(sight, offer))
}

/// A network speaks for any advertiser, everybody else for its own.
fn is_wanted(sight: &Sight<'_>, offer: &CreditOffer) -> bool {
    sight.integration.advertiser.is_none_or(|advertiser| advertiser == offer.advertiser)
}

/// The earliest touch of the customer inside its window, where the winner's campaign asks for one
/// and it is not the winner itself, and how many touches there were. Without a customer the named
/// click is the only touch.
pub(super) fn first_touch(
    sight: &Sight<'_>,
    claim: &Claim,
    found: &[Candidate],
    winner: usize,
) -> (Option<Candidate>, usize) {
    let Some(good) = &found[winner].good else { return (None, 0) };
    let (Some(named), true) = (good.click, claim.customer_ref.is_some()) else {
        return (None, 1);
    };
    let mut touches = 1;
    let mut earliest: Option<Candidate> = None;
    for touch in sight.touches.iter().filter(|touch| touch.advertiser == good.advertiser) {
        let Ok(read) = sight.ring.read(&touch.click_id) else { continue };
        if read.0 == named.id || read.1.clicked_at > good.at {
            continue;
        }
        let mut candidate = of_click(sight, claim, read, found[winner].kind);
        if candidate.good.as_ref().is_none_or(|other| other.advertiser != good.advertiser) {
            continue;
        }
        touches += 1;
        candidate.is_touch = true;
        let is_earlier = read.1.clicked_at < named.facts.clicked_at
            && earliest.as_ref().is_none_or(|other| other.at > candidate.at);
        if is_earlier {
            earliest = Some(candidate);
        }
    }
    let wants_first = model_of(sight, good) == AttributionModel::FirstTouch;
    (earliest.filter(|_| wants_first), touches)
}

/// The ties of the claim's customer to the clicks it brought.
pub(super) fn ties(sight: &Sight<'_>, claim: &Claim, found: &[Candidate]) -> Vec<Touch> {
    let Some(customer) = &claim.customer_ref else { return Vec::new() };
    let mut ties = Vec::new();
    for good in found.iter().filter_map(|candidate| candidate.good.as_ref()) {
        let Some(click) = &good.click else { continue };
        ties.push(Touch {
            advertiser: good.advertiser,
            customer_key: customer.clone(),
            click_id: click.id.to_string(),
            clicked_at: click.facts.clicked_at,
            event: sight.event,
        });
    }
    ties
}
