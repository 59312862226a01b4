//! Addresses that operators give: what may be stored so that the daemon never leads a visitor
//! astray.

use store::advertisers::AdvertiserRow;
use url::Host;
use url::Url;

use crate::api::call::Call;
use crate::api::error::Problem;
use crate::api::input::Input;

/// Longest URL, in bytes.
pub(crate) const URL_BYTES_MAX: usize = 2048;

/// A host name in the form in which it is compared: lower case, plain labels, at least two of them.
pub(crate) fn host(text: &str) -> Option<String> {
    let host = text.to_ascii_lowercase();
    let labels: Vec<&str> = host.split('.').collect();
    let is_label = |label: &&str| {
        let ends = label.as_bytes();
        !label.is_empty()
            && label.len() <= 63
            && label.bytes().all(|letter| letter.is_ascii_alphanumeric() || letter == b'-')
            && ends.first() != Some(&b'-')
            && ends.last() != Some(&b'-')
    };
    // A last label of digits would be an address, which is nobody's name.
    let is_name = labels.len() >= 2
        && host.len() <= 253
        && labels.iter().all(is_label)
        && labels.last().is_some_and(|label| !label.bytes().all(|letter| letter.is_ascii_digit()));
    is_name.then_some(host)
}

/// The host of an https URL that may be stored, macros in path, query and fragment included.
///
/// Before it is parsed it begins with `https://` and a non-slash and has no control characters,
/// spaces, backslashes, or an `@` in the authority; parsed it has no port but 443 and a plain host
/// name.
pub(crate) fn https_host(text: &str) -> Option<String> {
    let rest = text.strip_prefix("https://")?;
    let is_odd = |letter: char| letter.is_control() || letter == ' ' || letter == '\\';
    if text.len() > URL_BYTES_MAX || rest.starts_with('/') || text.chars().any(is_odd) {
        return None;
    }
    let authority = rest.split(['/', '?', '#']).next()?;
    if authority.contains(['@', '{', '}']) {
        return None;
    }
    let url = Url::parse(text).ok()?;
    if url.port().is_some() {
        return None;
    }
    match url.host()? {
        Host::Domain(name) => host(name),
        Host::Ipv4(_) | Host::Ipv6(_) => None,
    }
}

/// Where stopped links may lead: to hosts of the advertiser, or to where a domain of the tenant
/// falls back itself. The daemon compares again when it sends somebody there.
pub(crate) struct Fallbacks {
    hosts: Vec<String>,
}

impl Fallbacks {
    /// The tenant's own.
    pub(crate) async fn of(call: &mut Call) -> Result<Self, Problem> {
        let domains = call.tx.domains().live().await?;
        let own = domains.iter().filter_map(|domain| https_host(domain.fallback_url.as_deref()?));
        Ok(Self { hosts: own.collect() })
    }

    /// Reads one, for links of an advertiser.
    pub(crate) fn read(
        &self,
        input: &mut Input,
        advertiser: Option<&AdvertiserRow>,
    ) -> Option<String> {
        const NAME: &str = "fallback_url";
        let (url, host) = input.url(NAME)?;
        let allowed = advertiser.map_or(&[][..], |advertiser| &advertiser.allowed_hosts);
        if is_allowed(&host, allowed) || self.hosts.contains(&host) {
            return Some(url);
        }
        let detail = "is neither an allowed host of the advertiser nor a domain's own fallback";
        input.refuse(NAME, format!("{host} {detail}"));
        None
    }
}

/// Whether `host` is one of `allowed` or below one.
pub(crate) fn is_allowed(host: &str, allowed: &[String]) -> bool {
    allowed.iter().any(|allowed| {
        host == allowed
            || host.strip_suffix(allowed.as_str()).is_some_and(|rest| rest.ends_with('.'))
    })
}

/// An origin a publishable key may stand on: scheme, host and port, nothing else.
pub(crate) fn origin(text: &str) -> Option<String> {
    let url = Url::parse(text).ok()?;
    let is_bare =
        matches!(url.path(), "" | "/") && url.query().is_none() && url.fragment().is_none();
    let is_web = url.scheme() == "https"
        || url.scheme() == "http"
            && url.host_str().is_some_and(|host| host == "localhost" || host == "127.0.0.1");
    (is_bare && is_web && url.username().is_empty()).then(|| url.origin().ascii_serialization())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_https_urls_have_a_host() {
        for (text, expected) in [
            ("https://shop.example/p/1?color=red", Some("shop.example")),
            ("https://Shop.Example/{click_id}?x={sub1}#f", Some("shop.example")),
            ("https://shop.example:443/", Some("shop.example")),
            ("http://shop.example/", None),
            ("https:///shop.example", None),
            ("https://shop.example:8443/", None),
            ("https://user@shop.example/", None),
            ("https://shop.example@evil.example/", None),
            ("https://shop.example\\@evil.example/", None),
            ("https://shop.example/a b", None),
            ("https://127.0.0.1/", None),
            ("https://[::1]/", None),
            ("https://{sub1}.example/", None),
            ("https://localhost/", None),
            ("https://shop.example./", None),
            ("javascript:alert(1)", None),
            ("https://shop.example/\r\n", None),
        ] {
            assert_eq!(https_host(text).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn a_host_below_an_allowed_one_is_allowed_and_a_look_alike_is_not() {
        let allowed = ["shop.example".to_owned()];
        assert!(is_allowed("shop.example", &allowed));
        assert!(is_allowed("m.shop.example", &allowed));
        assert!(!is_allowed("notshop.example", &allowed));
        assert!(!is_allowed("shop.example.evil", &allowed));
    }

    #[test]
    fn an_origin_has_no_path() {
        assert_eq!(origin("https://Shop.example/").as_deref(), Some("https://shop.example"));
        assert_eq!(origin("https://shop.example/a"), None);
        assert_eq!(origin("http://shop.example"), None);
        assert_eq!(origin("http://localhost:3000").as_deref(), Some("http://localhost:3000"));
    }
}
