//! A click from a link and a request: pure. Signs the click id and expands the destination.

use std::borrow::Cow;

use model::click::Click;
use model::click::FilteredReason;
use model::click::IpPrefix;
use model::click::SuspectReason;
use model::click::USER_AGENT_BYTES_MAX;
use model::click_id::CLICK_ID_CHARS;
use model::click_id::ClickFacts;
use model::click_id::ClickFlags;
use model::click_id::ClickId;
use model::click_id::KeyRing;
use model::clock::Timestamp;
use rand::RngCore;

use crate::links::Compiled;
use crate::links::template::Macro;
use crate::links::template::Template;
use crate::links::template::Values;
use crate::request::Request;
use crate::request::decode;
use crate::target::push_encoded;

pub mod agent;

/// Longest referrer kept, in bytes.
const REFERRER_BYTES_MAX: usize = 1024;
/// Longest language tag kept, in bytes.
const LANGUAGE_BYTES_MAX: usize = 16;
/// Most parameters kept in a record.
const PARAMS_MAX: usize = 32;
/// Room for our own parameters in the first guess of a buffer.
const APPENDED_BYTES: usize = 128;

/// What honest counting says about a click.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sighting {
    /// Keyed hash of address and User-Agent, key of the day.
    pub visitor: u64,
    /// First sight of this visitor on this link inside the unique window, and neither filtered nor
    /// suspect.
    pub unique: bool,
    pub filtered: Option<FilteredReason>,
    pub suspect: Option<SuspectReason>,
}

/// What a click is minted from, the request apart.
#[derive(Debug, Clone, Copy)]
pub struct Die<'a> {
    pub link: &'a Compiled,
    /// The link's own destination, or the target that came with the request.
    pub template: &'a Template,
    pub ring: &'a KeyRing,
}

/// A click and where it leads.
#[derive(Debug)]
pub struct Minted<'a> {
    pub click: Click<'a>,
    /// Serialised https URL.
    pub destination: String,
}

/// Mints one click.
pub fn click<'a>(
    die: Die<'a>,
    request: &Request<'a>,
    sighting: Sighting,
    now: Timestamp,
    rng: &mut dyn RngCore,
) -> Minted<'a> {
    let link = die.link;
    let random = rng.next_u64();
    let flags = ClickFlags {
        filtered: sighting.filtered.is_some(),
        suspect: sighting.suspect.is_some(),
        ..ClickFlags::PLAIN
    };
    let facts = ClickFacts { clicked_at: now, link: link.number, flags, unique: random >> 24 };
    let click_id = die.ring.sign(&facts);
    let destination = expand(die, request, &click_id, Moment { now, random });
    let click = Click {
        click_id,
        tenant: link.plan.tenant,
        link: link.id,
        campaign: link.plan.campaign,
        offer: link.plan.offer,
        publisher: link.publisher,
        slug: Cow::Borrowed(link.slug()),
        domain: Cow::Borrowed(request.host),
        visitor: sighting.visitor,
        ip_prefix: Some(IpPrefix::from(request.client)),
        country: None,
        user_agent: Cow::Borrowed(cut(request.user_agent, USER_AGENT_BYTES_MAX)),
        language: Cow::Borrowed(first_language(request.language)),
        referrer: Cow::Borrowed(without_query(request.referrer)),
        params: recorded_params(request),
        unique: sighting.unique,
        filtered: sighting.filtered,
        suspect: sighting.suspect,
        user_id: None,
    };
    Minted { click, destination }
}

/// The short form of a click, for a lane that runs full: what decides about money, without the
/// visitor's texts.
pub fn compact(click: &mut Click<'_>) {
    click.user_agent = Cow::Borrowed("");
    click.language = Cow::Borrowed("");
    click.referrer = Cow::Borrowed("");
    click.params = Vec::new();
}

/// A template's expansion for a page that only shows it: without our parameters, macros empty.
#[must_use]
pub fn shown(template: &Template) -> String {
    struct Nothing;
    impl Values for Nothing {
        fn push(&self, _name: Macro, _out: &mut String) {}
    }
    let mut out = String::with_capacity(template.text_bytes());
    template.push_head(&Nothing, &mut out);
    template.push_fragment(&Nothing, &mut out);
    out
}

#[derive(Debug, Clone, Copy)]
struct Moment {
    now: Timestamp,
    random: u64,
}

struct ClickValues<'v> {
    letters: [u8; CLICK_ID_CHARS],
    link: &'v Compiled,
    request: &'v Request<'v>,
    moment: Moment,
}

impl Values for ClickValues<'_> {
    fn push(&self, name: Macro, out: &mut String) {
        let link = self.link;
        match name {
            Macro::ClickId => push_encoded(out, &self.letters),
            Macro::RefCode => push_encoded(out, link.slug().as_bytes()),
            Macro::LinkId => push_encoded(out, link.id.to_string().as_bytes()),
            Macro::CampaignId => push_encoded(out, link.plan.campaign.to_string().as_bytes()),
            Macro::OfferId => push_encoded(out, link.plan.offer.to_string().as_bytes()),
            Macro::PublisherId => push_encoded(out, link.publisher.to_string().as_bytes()),
            // Without geo data there is no country.
            Macro::Country => {}
            Macro::Device => out.push_str(agent::device(self.request.user_agent)),
            Macro::Os => out.push_str(agent::os(self.request.user_agent)),
            Macro::Timestamp => out.push_str(&(self.moment.now.unix_ms() / 1000).to_string()),
            Macro::Random => out.push_str(&(self.moment.random & 0xFFFF_FFFF).to_string()),
            sub => {
                if let Some(value) = self.request.param(sub.as_str()) {
                    push_encoded(out, value.as_bytes());
                }
            }
        }
    }
}

/// The destination's own parameters, then the carried ones, then ours; nothing twice; the fragment
/// last.
fn expand(die: Die<'_>, request: &Request<'_>, click_id: &ClickId, moment: Moment) -> String {
    let (link, template) = (die.link, die.template);
    let letters = click_id.letters();
    let values = ClickValues { letters, link, request, moment };
    let mut out = String::with_capacity(template.text_bytes() + APPENDED_BYTES);
    let mut appended = template.push_head(&values, &mut out);
    let plan = &link.plan;
    let click_param = plan.click_param.as_deref();
    let ref_param = plan.ref_param.as_deref();
    if request.query.is_some() {
        let mut carried: Vec<Cow<'_, str>> = Vec::new();
        for (name, value) in request.params() {
            let is_ours = click_param == Some(&*name) || ref_param == Some(&*name);
            let is_carried = is_recorded(&name) || plan.passes(&name);
            if is_carried && !is_ours && !template.has_own(&name) && !carried.contains(&name) {
                appended.push(&name, decode(value).as_bytes());
                carried.push(name);
            }
        }
    }
    if let Some(name) = click_param.filter(|name| !template.places_click_id(name)) {
        appended.push_plain(name, std::str::from_utf8(&letters).unwrap_or_default());
    }
    if let Some(name) = ref_param.filter(|name| !template.places_ref_code(name))
        && click_param != Some(name)
    {
        appended.push_plain(name, link.slug());
    }
    template.push_fragment(&values, &mut out);
    out
}

/// `sub1`…`sub10` and `utm_*`.
fn is_recorded(name: &str) -> bool {
    if let Some(number) = name.strip_prefix("sub") {
        return matches!(number, "1" | "2" | "3" | "4" | "5" | "6" | "7" | "8" | "9" | "10");
    }
    name.len() > "utm_".len() && name.starts_with("utm_")
}

fn recorded_params<'a>(request: &Request<'a>) -> Vec<(Cow<'a, str>, Cow<'a, str>)> {
    if request.query.is_none() {
        return Vec::new();
    }
    let recorded = request.params().filter(|(name, _)| is_recorded(name));
    recorded.map(|(name, value)| (name, decode(value))).take(PARAMS_MAX).collect()
}

/// At most `bytes_max` bytes, whole characters.
fn cut(text: &str, bytes_max: usize) -> &str {
    &text[..text.floor_char_boundary(bytes_max)]
}

fn first_language(accept_language: &str) -> &str {
    let first = accept_language.split([',', ';']).next().unwrap_or_default().trim();
    cut(first, LANGUAGE_BYTES_MAX)
}

/// The query of a referrer can hold anybody's secrets; it is not ours to keep.
fn without_query(referrer: &str) -> &str {
    cut(referrer.split(['?', '#']).next().unwrap_or_default(), REFERRER_BYTES_MAX)
}

#[cfg(test)]
mod tests;
