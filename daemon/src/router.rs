//! Which room answers a request. Pure: a path and a method in, a [`Route`] out.

use model::link::RESERVED_SLUGS;
use model::link::SLUG_CHARS_MAX;
use model::link::SLUG_CHARS_MIN;

use crate::request::Request;
use crate::request::Verb;

/// What a slug's request asks for. The letters are as sent; slugs are looked up in lower case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LinkKey<'a>(pub &'a str);

/// An event named by its path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PathAction<'a>(pub &'a str);

/// The door of an inbound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Door<'a> {
    /// `/postback/{integration_id}`
    Postback(&'a str),
    /// `/v1/events` and its aliases.
    Events(Option<PathAction<'a>>),
    /// `/v1/events/conversion`, the Trackier webhook.
    Conversion,
}

/// Methods of a route, for the `Allow` header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Allow {
    GetHead,
    GetPost,
    Post,
}

/// Who answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route<'a> {
    /// A link.
    Redirect(LinkKey<'a>),
    /// `/click?ref=&target=`
    Target,
    /// `/{slug}+`
    Preview(LinkKey<'a>),
    Inbound(Door<'a>),
    Robots,
    /// One segment that cannot be a slug: the domain's fallback answers.
    NoSlug,
    WrongMethod(Allow),
    Unknown,
}

/// Actions that have a path of their own; `custom` has none.
const PATH_ACTIONS: [&str; 5] = ["add_to_cart", "purchase", "drop_off", "signup", "landing"];

fn is_slug_form(text: &str) -> bool {
    (SLUG_CHARS_MIN..=SLUG_CHARS_MAX).contains(&text.len())
        && text.bytes().all(|letter| letter.is_ascii_alphanumeric() || b"_-".contains(&letter))
}

fn is_reserved(text: &str) -> bool {
    RESERVED_SLUGS.iter().any(|reserved| reserved.eq_ignore_ascii_case(text))
}

fn reading(verb: Verb, route: Route<'_>) -> Route<'_> {
    match verb {
        Verb::Get | Verb::Head => route,
        Verb::Post | Verb::Other => Route::WrongMethod(Allow::GetHead),
    }
}

fn taking(verb: Verb, allow: Allow, door: Door<'_>) -> Route<'_> {
    match (verb, allow) {
        (Verb::Post, _) | (Verb::Get, Allow::GetPost) => Route::Inbound(door),
        _ => Route::WrongMethod(allow),
    }
}

/// A segment where a slug may stand.
fn slug(verb: Verb, segment: &str) -> Route<'_> {
    let preview = segment.strip_suffix('+').or_else(|| strip_suffix_fold(segment, "%2b"));
    match preview {
        Some(slug) if is_slug_form(slug) => reading(verb, Route::Preview(LinkKey(slug))),
        Some(_) => Route::Unknown,
        None if is_slug_form(segment) => reading(verb, Route::Redirect(LinkKey(segment))),
        None if segment.contains('.') => Route::Unknown,
        None => reading(verb, Route::NoSlug),
    }
}

fn strip_suffix_fold<'a>(text: &'a str, suffix: &str) -> Option<&'a str> {
    let at = text.len().checked_sub(suffix.len())?;
    let (before, end) = (text.get(..at)?, text.get(at..)?);
    end.eq_ignore_ascii_case(suffix).then_some(before)
}

/// Who answers `request`.
#[must_use]
pub fn route<'a>(request: &Request<'a>) -> Route<'a> {
    route_path(request.verb, request.path)
}

fn route_path(verb: Verb, path: &str) -> Route<'_> {
    let Some(path) = path.strip_prefix('/') else { return Route::Unknown };
    let (first, rest) = match path.split_once('/') {
        Some((first, rest)) => (first, Some(rest)),
        None => (path, None),
    };
    match (first, rest) {
        ("r", Some(segment)) if !segment.contains('/') => slug(verb, segment),
        ("click", None) => reading(verb, Route::Target),
        ("robots.txt", None) => reading(verb, Route::Robots),
        ("postback", Some(id)) if !id.is_empty() && !id.contains('/') => {
            taking(verb, Allow::GetPost, Door::Postback(id))
        }
        ("v1", Some("events")) | ("api", Some("v1/events")) => {
            taking(verb, Allow::Post, Door::Events(None))
        }
        ("v1", Some("events/conversion")) => taking(verb, Allow::GetPost, Door::Conversion),
        ("event", Some(action)) if PATH_ACTIONS.contains(&action) => {
            taking(verb, Allow::Post, Door::Events(Some(PathAction(action))))
        }
        (segment, None) if !is_reserved(segment) && segment != ".well-known" => slug(verb, segment),
        // People copy links with a slash at the end.
        (segment, Some("")) if is_slug_form(segment) && !is_reserved(segment) => {
            slug(verb, segment)
        }
        _ => Route::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_has_one_room() {
        let link = |slug| Route::Redirect(LinkKey(slug));
        let door = Route::Inbound;
        for (verb, path, expected) in [
            (Verb::Get, "/spring", link("spring")),
            (Verb::Head, "/SPRING", link("SPRING")),
            (Verb::Get, "/spring/", link("spring")),
            (Verb::Get, "/r/spring", link("spring")),
            (Verb::Get, "/r/click", link("click")),
            (Verb::Post, "/spring", Route::WrongMethod(Allow::GetHead)),
            (Verb::Other, "/r/spring", Route::WrongMethod(Allow::GetHead)),
            (Verb::Get, "/spring+", Route::Preview(LinkKey("spring"))),
            (Verb::Get, "/spring%2B", Route::Preview(LinkKey("spring"))),
            (Verb::Get, "/r/spring+", Route::Preview(LinkKey("spring"))),
            (Verb::Get, "/click", Route::Target),
            (Verb::Post, "/click", Route::WrongMethod(Allow::GetHead)),
            (Verb::Get, "/robots.txt", Route::Robots),
            (Verb::Get, "/", Route::NoSlug),
            (Verb::Get, "/x", Route::NoSlug),
            (Verb::Get, "/%D0%BA", Route::NoSlug),
            (Verb::Get, "/favicon.ico", Route::Unknown),
            (Verb::Get, "/.well-known", Route::Unknown),
            (Verb::Get, "/.well-known/assetlinks.json", Route::Unknown),
            (Verb::Get, "/pixel.gif", Route::Unknown),
            (Verb::Get, "/p/spring", Route::Unknown),
            (Verb::Get, "/v1", Route::Unknown),
            (Verb::Get, "/V1", Route::Unknown),
            (Verb::Get, "/stats", Route::Unknown),
            (Verb::Get, "/a/b", Route::Unknown),
            (Verb::Get, "/postback/int_1", door(Door::Postback("int_1"))),
            (Verb::Post, "/postback/int_1", door(Door::Postback("int_1"))),
            (Verb::Head, "/postback/int_1", Route::WrongMethod(Allow::GetPost)),
            (Verb::Get, "/postback/", Route::Unknown),
            (Verb::Get, "/postback/a/b", Route::Unknown),
            (Verb::Post, "/v1/events", door(Door::Events(None))),
            (Verb::Post, "/api/v1/events", door(Door::Events(None))),
            (Verb::Get, "/v1/events", Route::WrongMethod(Allow::Post)),
            (Verb::Post, "/event/signup", door(Door::Events(Some(PathAction("signup"))))),
            (Verb::Get, "/event/signup", Route::WrongMethod(Allow::Post)),
            (Verb::Post, "/event/custom", Route::Unknown),
            (Verb::Get, "/v1/events/conversion", door(Door::Conversion)),
            (Verb::Post, "/v1/events/conversion", door(Door::Conversion)),
            (Verb::Other, "/v1/events/conversion", Route::WrongMethod(Allow::GetPost)),
        ] {
            assert_eq!(route_path(verb, path), expected, "{verb:?} {path}");
        }
    }

    #[test]
    fn slugs_have_two_to_sixty_four_characters() {
        let path = |chars: usize| format!("/{}", "a".repeat(chars));
        assert!(matches!(route_path(Verb::Get, &path(64)), Route::Redirect(_)));
        assert_eq!(route_path(Verb::Get, &path(65)), Route::NoSlug);
        assert_eq!(route_path(Verb::Get, &path(1)), Route::NoSlug);
    }
}
