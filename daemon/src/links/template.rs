//! A destination with its macros found and its parameters known: pure, made once per link, expanded
//! per click.

use std::borrow::Cow;

use crate::request::decode;
use crate::target;
use crate::target::Ports;
use crate::target::TargetError;
use crate::target::push_encoded;
use model::words;
use url::Url;

words! {
    /// What a template may place. Anything else between braces becomes empty.
    pub enum Macro {
        ClickId = "click_id",
        RefCode = "ref_code",
        LinkId = "link_id",
        CampaignId = "campaign_id",
        OfferId = "offer_id",
        PublisherId = "publisher_id",
        Sub1 = "sub1",
        Sub2 = "sub2",
        Sub3 = "sub3",
        Sub4 = "sub4",
        Sub5 = "sub5",
        Sub6 = "sub6",
        Sub7 = "sub7",
        Sub8 = "sub8",
        Sub9 = "sub9",
        Sub10 = "sub10",
        Country = "country",
        Device = "device",
        Os = "os",
        Timestamp = "timestamp",
        Random = "random",
    }
}

/// Most macros in one template.
const MACROS_MAX: usize = 64;

#[derive(Debug, Clone, PartialEq, Eq)]
enum Segment {
    Text(Box<str>),
    Macro(Macro),
}

/// What stands between the destination's own query and the first appended parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Joiner {
    Question,
    Ampersand,
    Nothing,
}

/// A checked destination, ready to be expanded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    head: Vec<Segment>,
    fragment: Vec<Segment>,
    joiner: Joiner,
    /// Decoded names of the destination's own query parameters.
    own: Vec<Box<str>>,
    places_click_id: bool,
    places_ref_code: bool,
    /// Bytes of the fixed text, for the first guess of a buffer.
    text_bytes: usize,
}

/// Where the values of macros come from.
pub trait Values {
    /// Appends the percent-encoded value of `name`; nothing when there is none.
    fn push(&self, name: Macro, out: &mut String);
}

/// One stretch of a raw template.
enum Piece<'a> {
    Text(&'a str),
    /// `None`: an unknown macro.
    Macro(Option<Macro>),
}

/// Splits at `{name}`; a brace that does not close around a plain name is text.
fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut found = Vec::new();
    let mut rest = text;
    let mut text_start = rest;
    while let Some(open) = rest.find('{') {
        let after = &rest[open + 1..];
        let name_end = after
            .bytes()
            .position(|letter| !(letter.is_ascii_alphanumeric() || letter == b'_'))
            .unwrap_or(after.len());
        if name_end > 0 && after[name_end..].starts_with('}') {
            let text_bytes = text_start.len() - rest.len() + open;
            if text_bytes > 0 {
                found.push(Piece::Text(&text_start[..text_bytes]));
            }
            found.push(Piece::Macro(Macro::parse(&after[..name_end])));
            rest = &after[name_end + 1..];
            text_start = rest;
        } else {
            rest = after;
        }
    }
    if !text_start.is_empty() {
        found.push(Piece::Text(text_start));
    }
    found
}

/// A word of letters that does not occur in `text`; it passes through URL parsing unchanged.
fn unused_word(text: &str) -> String {
    let mut word = String::from("qz");
    while text.to_ascii_lowercase().contains(&word) {
        word.push('z');
    }
    // The closing letter keeps a word of many z apart from text that goes on with z.
    word.push('q');
    word
}

/// A stored destination without the parameters that ours replace. `ours`: names of the parameters
/// for click id and slug.
///
/// A destination places one of the two itself only by its macro; a parameter of that name with
/// anything else in it would take our place. What holds the click id's macro is never taken out.
#[must_use]
pub fn without_ours<'t>(text: &'t str, ours: (Option<&str>, Option<&str>)) -> Cow<'t, str> {
    let has = |text: &str, name: Macro| {
        pieces(text).iter().any(|piece| matches!(piece, Piece::Macro(Some(it)) if *it == name))
    };
    let click_param = ours.0.filter(|_| !has(text, Macro::ClickId));
    let ref_param = ours.1.filter(|_| !has(text, Macro::RefCode));
    let (head, fragment) = text.find('#').map_or((text, ""), |at| text.split_at(at));
    let Some((path, query)) = head.split_once('?') else { return text.into() };
    let is_kept = |pair: &&str| {
        let name = decode(pair.split_once('=').map_or(*pair, |(name, _)| name));
        let is_ours = [click_param, ref_param].contains(&Some(&*name));
        !is_ours || has(pair, Macro::ClickId)
    };
    let kept: Vec<&str> = query.split('&').filter(is_kept).collect();
    if kept.len() == query.split('&').count() {
        return text.into();
    }
    let question = if kept.is_empty() { "" } else { "?" };
    format!("{path}{question}{}{fragment}", kept.join("&")).into()
}

/// Decoded names of the parameters of a raw query. A name with a macro inside it has no fixed name.
fn names(query: &str, mark: Option<&str>) -> Vec<Box<str>> {
    query
        .split('&')
        .map(|pair| pair.split_once('=').map_or(pair, |(name, _)| name))
        .filter(|name| !name.is_empty() && !mark.is_some_and(|mark| name.contains(mark)))
        .map(|name| decode(name).into())
        .collect()
}

impl Template {
    /// A stored destination: macros found, host on the list, serialised once.
    ///
    /// # Errors
    /// [`TargetError`] when it may not be redirected to, whatever its macros become.
    pub fn parse<'a>(
        text: &str,
        allowed: impl IntoIterator<Item = &'a str>,
    ) -> Result<Self, TargetError> {
        let pieces = pieces(text);
        let word = unused_word(text);
        let mut macros = Vec::new();
        let mut marked = String::with_capacity(text.len());
        for piece in &pieces {
            match piece {
                Piece::Text(text) => marked.push_str(text),
                Piece::Macro(name) => {
                    if macros.len() == MACROS_MAX || !is_past_authority(&marked) {
                        return Err(TargetError::Form);
                    }
                    macros.push(*name);
                    marked.push_str(&word);
                }
            }
        }
        let url = target::check(&marked, Ports::Any, allowed)?;
        Ok(Self::from_url(&url, &word, &macros))
    }

    /// A destination that came with the request, already checked: nothing in it is a macro, and
    /// parameters that we append ourselves are taken out, because what a stranger wrote there must
    /// not pass for ours.
    #[must_use]
    pub fn of_target(url: &Url, ours: &[&str]) -> Self {
        let mut url = url.clone();
        if let Some(query) = url.query() {
            let is_ours = |pair: &&str| {
                let name = pair.split_once('=').map_or(*pair, |(name, _)| name);
                !ours.contains(&&*decode(name))
            };
            let kept: Vec<&str> = query.split('&').filter(is_ours).collect();
            let kept = kept.join("&");
            url.set_query((!kept.is_empty()).then_some(&kept));
        }
        Self::from_url(&url, "", &[])
    }

    fn from_url(url: &Url, word: &str, macros: &[Option<Macro>]) -> Self {
        let (head, fragment) = match url.as_str().split_once('#') {
            Some((head, fragment)) => (head, Some(fragment)),
            None => (url.as_str(), None),
        };
        let joiner = match url.query() {
            None => Joiner::Question,
            Some(query) if query.is_empty() || query.ends_with('&') => Joiner::Nothing,
            Some(_) => Joiner::Ampersand,
        };
        let mut names_left = macros.iter().copied();
        let head = segments(head, word, &mut names_left);
        let fragment = match fragment {
            Some(fragment) => {
                let mut with_hash = vec![Segment::Text("#".into())];
                with_hash.extend(segments(fragment, word, &mut names_left));
                with_hash
            }
            None => Vec::new(),
        };
        let mark = (!word.is_empty()).then_some(word);
        Self {
            head,
            fragment,
            joiner,
            own: url.query().map(|query| names(query, mark)).unwrap_or_default(),
            places_click_id: macros.contains(&Some(Macro::ClickId)),
            places_ref_code: macros.contains(&Some(Macro::RefCode)),
            text_bytes: url.as_str().len(),
        }
    }

    /// Whether the destination has a parameter of this name itself.
    #[must_use]
    pub fn has_own(&self, name: &str) -> bool {
        self.own.iter().any(|own| **own == *name)
    }

    /// Whether the click id is placed by the template: by its macro, or by a parameter of that
    /// name.
    #[must_use]
    pub fn places_click_id(&self, name: &str) -> bool {
        self.places_click_id || self.has_own(name)
    }

    /// As [`Self::places_click_id`], for the slug.
    #[must_use]
    pub fn places_ref_code(&self, name: &str) -> bool {
        self.places_ref_code || self.has_own(name)
    }

    /// Bytes to hold the fixed text.
    #[must_use]
    pub const fn text_bytes(&self) -> usize {
        self.text_bytes
    }

    /// Writes everything before the fragment; the answer appends parameters to it.
    pub fn push_head<'o>(&self, values: &impl Values, out: &'o mut String) -> Appender<'o> {
        push_segments(&self.head, values, out);
        Appender { out, joiner: self.joiner }
    }

    /// Writes the fragment, if there is one.
    pub fn push_fragment(&self, values: &impl Values, out: &mut String) {
        push_segments(&self.fragment, values, out);
    }
}

/// Adds parameters behind a destination's own query.
#[derive(Debug)]
pub struct Appender<'o> {
    out: &'o mut String,
    joiner: Joiner,
}

impl Appender<'_> {
    /// Appends `name=value`, both percent-encoded.
    pub fn push(&mut self, name: &str, value: &[u8]) {
        self.push_name(name);
        push_encoded(self.out, value);
    }

    /// Appends `name=value` with a value that has unreserved characters only, such as a slug or a
    /// click id.
    pub fn push_plain(&mut self, name: &str, value: &str) {
        self.push_name(name);
        self.out.push_str(value);
    }

    fn push_name(&mut self, name: &str) {
        match self.joiner {
            Joiner::Question => self.out.push('?'),
            Joiner::Ampersand => self.out.push('&'),
            Joiner::Nothing => {}
        }
        self.joiner = Joiner::Ampersand;
        push_encoded(self.out, name.as_bytes());
        self.out.push('=');
    }
}

/// Whether the text ends behind scheme and host, where a macro cannot change the host any more.
fn is_past_authority(text: &str) -> bool {
    text.strip_prefix("https://").is_some_and(|rest| rest.contains(['/', '?', '#']))
}

fn segments(
    text: &str,
    word: &str,
    names: &mut impl Iterator<Item = Option<Macro>>,
) -> Vec<Segment> {
    if word.is_empty() {
        return vec![Segment::Text(text.into())];
    }
    let mut found = Vec::new();
    for (position, piece) in text.split(word).enumerate() {
        if position > 0
            && let Some(Some(name)) = names.next()
        {
            found.push(Segment::Macro(name));
        }
        if !piece.is_empty() {
            found.push(Segment::Text(piece.into()));
        }
    }
    found
}

fn push_segments(segments: &[Segment], values: &impl Values, out: &mut String) {
    for segment in segments {
        match segment {
            Segment::Text(text) => out.push_str(text),
            Segment::Macro(name) => values.push(*name, out),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Named;

    impl Values for Named {
        fn push(&self, name: Macro, out: &mut String) {
            push_encoded(out, format!("<{name}>").as_bytes());
        }
    }

    fn check(text: &str, expected: &str) {
        let template = Template::parse(text, ["shop.example"]).unwrap();
        let mut out = String::new();
        template.push_head(&Named, &mut out).push("x", b"1");
        template.push_fragment(&Named, &mut out);
        assert_eq!(out, expected, "{text}");
    }

    #[test]
    fn macros_are_found_anywhere_behind_the_host() {
        check("https://shop.example", "https://shop.example/?x=1");
        check("https://shop.example/p?a=b", "https://shop.example/p?a=b&x=1");
        check("https://shop.example/p?", "https://shop.example/p?x=1");
        check("https://shop.example/p?a=b&", "https://shop.example/p?a=b&x=1");
        check("https://shop.example/p#top", "https://shop.example/p?x=1#top");
        check("https://shop.example/{os}/p", "https://shop.example/%3Cos%3E/p?x=1");
        check(
            "https://shop.example/?c={click_id}#{sub10}",
            "https://shop.example/?c=%3Cclick_id%3E&x=1#%3Csub10%3E",
        );
        check("https://shop.example/?a={nothing}&b=1", "https://shop.example/?a=&b=1&x=1");
        check("https://shop.example/?a={&b=}", "https://shop.example/?a={&b=}&x=1");
        check("https://shop.example/qzq?qzzq={os}", "https://shop.example/qzq?qzzq=%3Cos%3E&x=1");
    }

    #[test]
    fn macros_cannot_reach_the_host() {
        for text in [
            "https://{sub1}/",
            "https://{sub1}.shop.example/",
            "https://shop.example{sub1}/",
            "https://shop.example:{sub1}/",
            "{sub1}https://shop.example/",
            "https://shop.example{sub1}",
            "https://evil.example/{sub1}",
            "http://shop.example/{sub1}",
        ] {
            assert!(Template::parse(text, ["shop.example"]).is_err(), "{text}");
        }
    }

    #[test]
    fn a_template_knows_what_it_places() {
        let template =
            Template::parse("https://shop.example/?aff={click_id}&%72ef_code=1", ["shop.example"])
                .unwrap();
        assert!(template.places_click_id("sub1"));
        assert!(template.places_ref_code("ref_code"));
        assert!(!template.has_own("sub1"));
    }

    #[test]
    fn ours_replace_what_the_destination_has_by_that_name() {
        let ours = (Some("sub1"), Some("ref_code"));
        for (text, expected) in [
            ("?sub1=banner7&ref_code=site", ""),
            ("?a=1&%73ub1=x&b=2&sub1#f", "?a=1&b=2#f"),
            ("?sub1={sub2}&a={os}", "?a={os}"),
            ("?sub1={ref_code}", ""),
            ("?sub1={click_id}&ref_code=site", "?sub1={click_id}"),
            ("?aff={click_id}&sub1=banner7", "?aff={click_id}&sub1=banner7"),
            ("?r={ref_code}&ref_code=site", "?r={ref_code}&ref_code=site"),
            ("?ref_code={click_id}", "?ref_code={click_id}"),
            ("?sub10=a&x=#?sub1=b", "?sub10=a&x=#?sub1=b"),
        ] {
            let text = format!("https://shop.example/p{text}");
            let expected = format!("https://shop.example/p{expected}");
            assert_eq!(without_ours(&text, ours), expected, "{text}");
            assert_eq!(without_ours(&text, (None, None)), text);
        }
    }

    #[test]
    fn a_target_loses_our_parameters_and_keeps_its_braces() {
        let url = Url::parse("https://shop.example/?%73ub1=evil&a={click_id}&ref_code=x").unwrap();
        let template = Template::of_target(&url, &["sub1", "ref_code"]);
        let mut out = String::new();
        template.push_head(&Named, &mut out).push("sub1", b"ours");
        assert_eq!(out, "https://shop.example/?a={click_id}&sub1=ours");
    }
}
