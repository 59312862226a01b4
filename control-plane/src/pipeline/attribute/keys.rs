//! The keys a claim brings, read once: which click ids are ours is known before any store is asked.

use model::click_id::ClickFacts;
use model::click_id::ClickId;
use model::click_id::ClickIdError;
use model::click_id::KeyRing;
use model::link::is_slug;
use url::Url;

/// Candidates for a click id looked at in one claim.
const CLICK_IDS_MAX: usize = 8;
/// Names under which shops keep our slug.
const REF_NAMES: [&str; 3] = ["ref_code", "ref", "code"];
/// Names under which shops keep our click id.
const CLICK_NAMES: [&str; 8] =
    ["click_id", "clickid", "cid", "gamma_click", "subid", "sub_id", "sub1", "aff_sub"];

/// One text that may be a click id.
#[derive(Debug, Clone)]
pub(crate) struct ClickKey {
    /// As it came.
    pub(crate) text: String,
    /// What it says, if it is ours.
    pub(crate) read: Result<(ClickId, ClickFacts), ClickIdError>,
}

/// Every attribution key of one claim.
#[derive(Debug, Clone, Default)]
pub(crate) struct Keys {
    pub(crate) coupon: Option<String>,
    /// As named by the claim, in order.
    pub(crate) clicks: Vec<ClickKey>,
    pub(crate) ref_code: Option<String>,
    /// Dug out of landing URL and referrer, in that order.
    pub(crate) lazy_clicks: Vec<ClickKey>,
    pub(crate) lazy_slugs: Vec<String>,
}

impl Keys {
    /// Reads the keys of a claim as the adapter gave it, before its URLs are cut.
    pub(crate) fn of(claim: &plugin_host::Claim, ring: &KeyRing) -> Self {
        let filled = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        let mut keys = Self {
            coupon: filled(&claim.coupon_code).map(|code| code.to_uppercase()),
            ref_code: filled(&claim.ref_code).map(|slug| slug.to_lowercase()),
            ..Self::default()
        };
        for text in claim.click_ids.iter().take(CLICK_IDS_MAX) {
            keys.clicks.push(ClickKey { text: text.clone(), read: ring.read(text) });
        }
        for url in [&claim.landing_url, &claim.referrer].into_iter().flatten() {
            keys.dig(url, ring);
        }
        keys
    }

    fn dig(&mut self, url: &str, ring: &KeyRing) {
        let Ok(url) = Url::parse(url) else { return };
        for (name, value) in url.query_pairs() {
            let read = ring.read(&value);
            let is_named = CLICK_NAMES.contains(&&*name) && ClickId::parse(&value).is_some();
            if read.is_ok() || is_named {
                if self.lazy_clicks.len() < CLICK_IDS_MAX {
                    self.lazy_clicks.push(ClickKey { text: value.into_owned(), read });
                }
            } else if REF_NAMES.contains(&&*name) && is_slug(&value.to_lowercase()) {
                self.lazy_slugs.push(value.to_lowercase());
            }
        }
    }

    /// The first click id that is ours, among those the claim names.
    pub(crate) fn first_good_click(&self) -> Option<ClickId> {
        self.clicks.iter().find_map(|key| key.read.ok()).map(|(id, _)| id)
    }

    /// Everything that is ours.
    pub(crate) fn good_clicks(&self) -> impl Iterator<Item = (ClickId, ClickFacts)> {
        self.clicks.iter().chain(&self.lazy_clicks).filter_map(|key| key.read.ok())
    }

    /// Every slug that came.
    pub(crate) fn slugs(&self) -> impl Iterator<Item = &String> {
        self.ref_code.iter().chain(&self.lazy_slugs)
    }
}

/// A URL without any query value that attribution does not read: the rest of a shop's URL is none
/// of our business.
pub(crate) fn cut_url(text: &str) -> String {
    let Ok(mut url) = Url::parse(text) else {
        return text.split(['?', '#']).next().unwrap_or_default().to_owned();
    };
    let is_key = |name: &str, value: &str| {
        CLICK_NAMES.contains(&name) || REF_NAMES.contains(&name) || ClickId::parse(value).is_some()
    };
    let pairs = url.query_pairs().filter(|(name, value)| is_key(name, value));
    let kept: Vec<(String, String)> =
        pairs.map(|(name, value)| (name.into(), value.into())).collect();
    url.set_fragment(None);
    if kept.is_empty() {
        url.set_query(None);
    } else {
        url.query_pairs_mut().clear().extend_pairs(kept);
    }
    url.into()
}
