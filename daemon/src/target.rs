//! Where a redirect may lead: pure checks of a destination against the hosts an advertiser allows.
//!
//! Everything that could be read in two ways is refused before anything is parsed, the text is
//! parsed once, and only the serialised form is ever sent. A browser and this check then cannot
//! disagree about the host.

use std::fmt::Write as _;

use url::Url;

/// Longest destination, in bytes: what fits the limit of a URL on our own door.
pub const DESTINATION_BYTES_MAX: usize = 8 * 1024;

/// Why a destination is refused. Shown to whoever made the link, never a redirect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// Not `https://` and a non-slash, or with characters that parsers disagree about.
    #[error("must be an absolute https URL without spaces, controls, backslashes or credentials")]
    Form,
    /// The host is not plain letters, digits and hyphens, or an IDN outside punycode.
    #[error("host must be a plain name in ASCII")]
    Host,
    /// Another port than 443.
    #[error("port must be 443 or absent")]
    Port,
    /// Outside the advertiser's hosts.
    #[error("host is not allowed")]
    NotAllowed,
}

/// Which ports a destination may name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ports {
    /// None, or 443: for URLs that come with the request.
    Default,
    /// Any: for destinations that an operator stored.
    Any,
}

/// The part between `https://` and the path, query or fragment. `None`: not of the accepted form.
fn authority(text: &str) -> Option<&str> {
    let rest = text.strip_prefix("https://")?;
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let authority = rest.get(..end)?;
    (!authority.is_empty()).then_some(authority)
}

fn has_forbidden_character(text: &str) -> bool {
    text.chars().any(|letter| letter.is_control() || letter.is_whitespace() || letter == '\\')
}

/// Whether `host` is made of non-empty labels of ASCII letters, digits and hyphens, without a
/// trailing dot.
fn is_plain_host(host: &str) -> bool {
    let is_label = |label: &str| {
        !label.is_empty()
            && label.bytes().all(|letter| letter.is_ascii_alphanumeric() || letter == b'-')
    };
    // A last label of digits only would be read as an IPv4 address by browsers.
    let is_number = |label: &str| label.bytes().all(|letter| letter.is_ascii_digit());
    host.split('.').all(is_label) && !host.rsplit('.').next().is_some_and(is_number)
}

/// Whether `host` is one of `allowed` or below one of them. Both in lower case.
#[must_use]
pub fn is_allowed_host<'a>(host: &str, allowed: impl IntoIterator<Item = &'a str>) -> bool {
    allowed.into_iter().any(|name| {
        let name = name.trim_end_matches('.');
        !name.is_empty()
            && (host.eq_ignore_ascii_case(name)
                || host.len() > name.len() + 1
                    && host.as_bytes()[host.len() - name.len() - 1] == b'.'
                    && host.as_bytes()[host.len() - name.len()..]
                        .eq_ignore_ascii_case(name.as_bytes()))
    })
}

/// Parses a destination and checks everything about it but whether its host is on a list.
///
/// # Errors
/// [`TargetError`] names the first rule that it breaks.
pub fn parse(text: &str, ports: Ports) -> Result<Url, TargetError> {
    if text.len() > DESTINATION_BYTES_MAX || has_forbidden_character(text) {
        return Err(TargetError::Form);
    }
    let written = authority(text).ok_or(TargetError::Form)?;
    if written.contains('@') {
        return Err(TargetError::Form);
    }
    let url = Url::parse(text).map_err(|_| TargetError::Form)?;
    let is_bare = url.scheme() == "https" && url.username().is_empty() && url.password().is_none();
    if !is_bare {
        return Err(TargetError::Form);
    }
    let host = url.host_str().ok_or(TargetError::Host)?;
    // The host as written must be the host as parsed: no IDN outside punycode, no percent-encoding,
    // no trailing dot.
    let written_host = written.rsplit_once(':').map_or(written, |(before, _)| before);
    if !is_plain_host(host) || !written_host.eq_ignore_ascii_case(host) {
        return Err(TargetError::Host);
    }
    match (ports, url.port()) {
        (_, None) | (Ports::Any, Some(_)) => Ok(url),
        (Ports::Default, Some(_)) => Err(TargetError::Port),
    }
}

/// [`parse`], and the host must be on the list.
///
/// # Errors
/// As [`parse`], and [`TargetError::NotAllowed`].
pub fn check<'a>(
    text: &str,
    ports: Ports,
    allowed: impl IntoIterator<Item = &'a str>,
) -> Result<Url, TargetError> {
    let url = parse(text, ports)?;
    let host = url.host_str().unwrap_or_default();
    if is_allowed_host(host, allowed) { Ok(url) } else { Err(TargetError::NotAllowed) }
}

/// A fallback that an operator stored, as it may be sent: absolute, http or https, serialised.
/// `None`: unusable.
///
/// A domain's leads to a page of the operator's own and is on no list. Where a link's or an
/// offer's may lead, the directory says (`Directory::may_fall_back`).
#[must_use]
pub fn fallback(text: &str) -> Option<Box<str>> {
    if text.len() > DESTINATION_BYTES_MAX || has_forbidden_character(text) {
        return None;
    }
    let url = Url::parse(text).ok()?;
    let is_web = matches!(url.scheme(), "http" | "https");
    let is_bare = url.username().is_empty() && url.password().is_none();
    (is_web && is_bare && url.has_host()).then(|| Box::from(url.as_str()))
}

/// Appends `value` with everything but unreserved characters (RFC 3986, section 2.3)
/// percent-encoded.
pub fn push_encoded(out: &mut String, value: &[u8]) {
    let is_plain =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
    if let Ok(text) = std::str::from_utf8(value)
        && value.iter().all(|byte| is_plain(*byte))
    {
        out.push_str(text);
        return;
    }
    for &byte in value {
        if is_plain(byte) {
            out.push(char::from(byte));
        } else {
            // Writing into a String cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
}

#[cfg(test)]
mod tests;
