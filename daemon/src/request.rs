//! The few facts of a request that a room may know, free of the protocol that carried it.
//!
//! Everything is borrowed: a request is looked at, and what must last is copied into the journal's
//! bytes. Keeping a slice would pin the connection's read buffer.

use std::borrow::Cow;
use std::net::IpAddr;

use http::HeaderMap;
use http::HeaderValue;
use http::Method;
use http::Uri;
use http::header;

use crate::limits::HEADERS_BYTES_MAX;
use crate::limits::HEADERS_MAX;
use crate::limits::URL_BYTES_MAX;

/// Methods that any route tells apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    Get,
    Head,
    Post,
    Other,
}

/// Why a request is refused before it is routed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    #[error("URL is longer than {URL_BYTES_MAX} bytes")]
    UrlTooLong,
    #[error("more than {HEADERS_MAX} headers or {HEADERS_BYTES_MAX} bytes of them")]
    HeadersTooLarge,
    /// The message says what; the connection is closed behind the answer.
    #[error("{0}")]
    Bad(&'static str),
}

/// A request as the rooms see it.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    pub verb: Verb,
    /// Begins with a slash.
    pub path: &'a str,
    /// Raw, without the question mark; absent when there is none.
    pub query: Option<&'a str>,
    /// As sent, without port; empty from HTTP/1.0 without Host.
    pub host: &'a str,
    /// Who asks: the peer, or what trusted proxies say.
    pub client: IpAddr,
    /// User-Agent, empty when absent.
    pub user_agent: &'a str,
    /// Accept-Language, empty when absent.
    pub language: &'a str,
    /// Referer, empty when absent.
    pub referrer: &'a str,
    pub has_accept: bool,
    /// Purpose or Sec-Purpose says prefetch.
    pub is_prefetch: bool,
    /// All headers, for the doors that need more.
    pub headers: &'a HeaderMap,
}

/// The readable part of a header: browsers send ASCII, some send UTF-8, and anything else counts as
/// present but opaque.
fn text(value: &HeaderValue) -> &str {
    match std::str::from_utf8(value.as_bytes()) {
        Ok(text) => text,
        Err(error) => {
            let readable = value.as_bytes().get(..error.valid_up_to()).unwrap_or_default();
            match std::str::from_utf8(readable) {
                Ok(text) if !text.is_empty() => text,
                _ => "?",
            }
        }
    }
}

/// A Host without its port.
fn without_port(host: &str) -> &str {
    let end = if host.starts_with('[') { host.find(']').map(|at| at + 1) } else { host.find(':') };
    end.and_then(|end| host.get(..end)).unwrap_or(host)
}

impl<'a> Request<'a> {
    /// Reads the head of a request once.
    ///
    /// # Errors
    /// [`RequestError`] for what is over a limit or can be read in two ways.
    pub fn read(
        method: &Method,
        uri: &'a Uri,
        headers: &'a HeaderMap,
        client: IpAddr,
    ) -> Result<Self, RequestError> {
        let verb = match *method {
            Method::GET => Verb::Get,
            Method::HEAD => Verb::Head,
            Method::POST => Verb::Post,
            _ => Verb::Other,
        };
        let path_and_query = uri.path_and_query().map_or("", |both| both.as_str());
        if path_and_query.len() > URL_BYTES_MAX {
            return Err(RequestError::UrlTooLong);
        }
        if headers.len() > HEADERS_MAX {
            return Err(RequestError::HeadersTooLarge);
        }
        let mut request = Self {
            verb,
            path: uri.path(),
            query: uri.query(),
            host: "",
            client,
            user_agent: "",
            language: "",
            referrer: "",
            has_accept: false,
            is_prefetch: false,
            headers,
        };
        request.read_headers(headers)?;
        request.check_target(uri)?;
        Ok(request)
    }

    /// One pass: a look-up per header would cost more than the whole answer may.
    fn read_headers(&mut self, headers: &'a HeaderMap) -> Result<(), RequestError> {
        let mut bytes = 0;
        let mut host_count = 0;
        let mut codings = 0;
        for (name, value) in headers {
            bytes += name.as_str().len() + value.len() + ": \r\n".len();
            match name.as_str() {
                "host" => {
                    host_count += 1;
                    self.host = text(value);
                }
                "user-agent" => self.user_agent = text(value).trim(),
                "accept" => self.has_accept = true,
                "accept-language" => self.language = text(value),
                "referer" => self.referrer = text(value),
                "purpose" | "sec-purpose" | "x-purpose" | "x-moz" => {
                    self.is_prefetch |= text(value).to_ascii_lowercase().contains("prefetch");
                }
                "transfer-encoding" => {
                    codings += 1;
                    if codings > 1 || !value.as_bytes().eq_ignore_ascii_case(b"chunked") {
                        return Err(RequestError::Bad("transfer encoding must be chunked, once"));
                    }
                }
                _ => {}
            }
        }
        if bytes > HEADERS_BYTES_MAX {
            return Err(RequestError::HeadersTooLarge);
        }
        if host_count > 1 {
            return Err(RequestError::Bad("more than one Host"));
        }
        if self.host.contains(['/', '@', '\\', ' ', ',']) {
            return Err(RequestError::Bad("malformed Host"));
        }
        Ok(())
    }

    /// The target must be a path; an absolute one must name the host that Host names.
    fn check_target(&mut self, uri: &Uri) -> Result<(), RequestError> {
        if !self.path.starts_with('/') {
            return Err(RequestError::Bad("request target must be a path"));
        }
        if let Some(authority) = uri.authority()
            && !authority.as_str().eq_ignore_ascii_case(self.host)
        {
            return Err(RequestError::Bad("request target and Host differ"));
        }
        self.host = without_port(self.host);
        Ok(())
    }

    /// A header as text; empty when absent.
    #[must_use]
    pub fn header(&self, name: &str) -> &'a str {
        self.headers.get(name).map(text).unwrap_or_default()
    }

    /// The media type without its parameters; empty when absent.
    #[must_use]
    pub fn media_type(&self) -> &'a str {
        let value = self.headers.get(header::CONTENT_TYPE).map(text).unwrap_or_default();
        value.split(';').next().unwrap_or_default().trim()
    }

    /// The parameters of the query in order: decoded name, raw value.
    pub fn params(&self) -> impl Iterator<Item = (Cow<'a, str>, &'a str)> {
        pairs(self.query.unwrap_or_default())
    }

    /// The decoded value of the first parameter of this name.
    #[must_use]
    pub fn param(&self, name: &str) -> Option<Cow<'a, str>> {
        self.params().find(|(found, _)| found == name).map(|(_, value)| decode(value))
    }
}

/// The pairs of a raw query or form: decoded name, raw value.
pub fn pairs(query: &str) -> impl Iterator<Item = (Cow<'_, str>, &str)> {
    query.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decode(name), value)
    })
}

/// A raw value as it was meant: percent-decoded, plus as space, foreign bytes replaced.
#[must_use]
pub fn decode(value: &str) -> Cow<'_, str> {
    if !value.contains(['%', '+']) {
        return value.into();
    }
    let spaced = value.replace('+', " ");
    percent_encoding::percent_decode_str(&spaced).decode_utf8_lossy().into_owned().into()
}

/// Who asks. Forwarded addresses are believed only from listed peers and read from the right: the
/// first that is not a listed proxy itself is the client, because everything left of it was written
/// by strangers.
#[must_use]
pub fn client_address(peer: IpAddr, headers: &HeaderMap, trusted: &[ipnet::IpNet]) -> IpAddr {
    let peer = peer.to_canonical();
    let is_trusted = |address: IpAddr| trusted.iter().any(|net| net.contains(&address));
    if trusted.is_empty() || !is_trusted(peer) {
        return peer;
    }
    let mut client = peer;
    let lines = headers.get_all("x-forwarded-for").iter().collect::<Vec<_>>();
    for line in lines.into_iter().rev() {
        for hop in text(line).rsplit(',') {
            let Ok(address) = hop.trim().parse::<IpAddr>() else { return client };
            client = address.to_canonical();
            if !is_trusted(client) {
                return client;
            }
        }
    }
    client
}

#[cfg(test)]
mod tests;
