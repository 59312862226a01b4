//! An [`Answer`] as status, headers and body: the only room that knows status codes.

use std::convert::Infallible;
use std::fmt::Write as _;
use std::pin::Pin;
use std::task::Context;
use std::task::Poll;

use bytes::Bytes;
use http::HeaderMap;
use http::HeaderValue;
use http::StatusCode;
use http::header;
use hyper::body::Frame;
use hyper::body::SizeHint;
use model::id::EventId;
use serde_json::json;

use crate::limits::RETRY_AFTER_SECONDS;
use crate::request::RequestError;
use crate::router::Allow;
use crate::target::TargetError;

/// One bad field of an input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError {
    /// Path of the field, `events[3].value`.
    pub field: String,
    /// What is wrong with it.
    pub detail: String,
}

/// Why a request was not done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// Bad framing or a limit of the head.
    Request(RequestError),
    /// `/click` without a usable `ref`, `target` or `campaign`.
    Click(&'static str),
    /// `/click` with a target that is not allowed.
    Target(TargetError),
    /// Not authenticated, whatever the reason.
    Unauthorized,
    /// Nothing is served under this path.
    NotFound,
    WrongMethod(Allow),
    MediaType,
    Encoding,
    BodyTooLarge,
    /// Not JSON, with the place.
    Malformed(String),
    /// JSON with bad fields.
    Invalid(Vec<FieldError>),
    /// Could not be made durable; the sender shall come again.
    Unavailable,
}

/// What is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// To the link's destination.
    Redirect {
        destination: String,
        referrer_policy: HeaderValue,
    },
    /// To a fallback.
    Fallback {
        destination: Box<str>,
    },
    /// A page that shows where a link goes.
    Preview {
        destination: Box<str>,
    },
    /// No such link.
    UnknownLink,
    /// A stopped link without a fallback.
    Gone,
    Robots,
    /// An inbound is on disk.
    Accepted {
        event_id: EventId,
        is_ignored: bool,
    },
    /// A batch is on disk.
    AcceptedBatch(Vec<EventId>),
    Problem(Problem),
}

/// Body of an answer, whole and in memory.
#[derive(Debug)]
pub enum Body {
    Empty,
    Full(Bytes),
}

impl hyper::body::Body for Body {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match std::mem::replace(&mut *self, Self::Empty) {
            Self::Full(bytes) if !bytes.is_empty() => Poll::Ready(Some(Ok(Frame::data(bytes)))),
            Self::Full(_) | Self::Empty => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Full(bytes) => bytes.is_empty(),
            Self::Empty => true,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Full(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Self::Empty => SizeHint::with_exact(0),
        }
    }
}

const NO_STORE: HeaderValue = HeaderValue::from_static("no-store, private");
const NO_INDEX: HeaderValue = HeaderValue::from_static("noindex, nofollow");
/// `Referrer-Policy` where no campaign says otherwise.
pub const DEFAULT_REFERRER_POLICY: HeaderValue = HeaderValue::from_static("strict-origin");
/// Values of `Referrer-Policy` (W3C Referrer Policy, section 3), as constants that cost nothing to
/// copy.
const REFERRER_POLICIES: [HeaderValue; 8] = [
    DEFAULT_REFERRER_POLICY,
    HeaderValue::from_static("no-referrer"),
    HeaderValue::from_static("no-referrer-when-downgrade"),
    HeaderValue::from_static("same-origin"),
    HeaderValue::from_static("origin"),
    HeaderValue::from_static("origin-when-cross-origin"),
    HeaderValue::from_static("strict-origin-when-cross-origin"),
    HeaderValue::from_static("unsafe-url"),
];

/// The header value of a policy; the default for anything that is none.
#[must_use]
pub fn referrer_policy(word: &str) -> HeaderValue {
    let found = REFERRER_POLICIES.into_iter().find(|policy| *policy == word);
    found.unwrap_or(DEFAULT_REFERRER_POLICY)
}

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const PROBLEM_JSON: HeaderValue = HeaderValue::from_static("application/problem+json");
const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");
const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
/// Our pages run nothing and load nothing.
const PAGE_POLICY: HeaderValue =
    HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'; base-uri 'none'");

const ROBOTS: &str = "User-agent: *\nDisallow: /\n";

/// Writes `answer` into a response. `headers` is the request's map: cleared and filled again, it
/// saves making one.
#[must_use]
pub fn respond(answer: Answer, mut headers: HeaderMap) -> hyper::Response<Body> {
    headers.clear();
    let (status, body) = match answer {
        Answer::Redirect { destination, referrer_policy } => {
            redirect(&mut headers, destination, referrer_policy)
        }
        Answer::Fallback { destination } => {
            redirect(&mut headers, destination.into(), DEFAULT_REFERRER_POLICY)
        }
        Answer::Preview { destination } => {
            page(&mut headers, StatusCode::OK, &preview(&destination))
        }
        Answer::UnknownLink => page(&mut headers, StatusCode::NOT_FOUND, UNKNOWN_LINK),
        Answer::Gone => page(&mut headers, StatusCode::GONE, GONE),
        Answer::Robots => {
            headers.insert(header::CONTENT_TYPE, TEXT);
            (StatusCode::OK, Body::Full(Bytes::from_static(ROBOTS.as_bytes())))
        }
        Answer::Accepted { event_id, is_ignored } => accepted(&mut headers, event_id, is_ignored),
        Answer::AcceptedBatch(event_ids) => {
            let ids: Vec<String> = event_ids.iter().map(ToString::to_string).collect();
            let body = json!({"status": "ok", "event_id": ids.first(), "event_ids": ids});
            headers.insert(header::CONTENT_TYPE, JSON);
            (StatusCode::OK, Body::Full(body.to_string().into()))
        }
        Answer::Problem(problem) => problem_answer(&mut headers, &problem),
    };
    let mut response = hyper::Response::new(body);
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}

/// An answer as bytes of HTTP/1.1, for a connection whose request nobody parsed.
#[must_use]
pub fn head_and_body(answer: Answer) -> Vec<u8> {
    let response = respond(answer, HeaderMap::new());
    let body = match response.body() {
        Body::Full(bytes) => bytes.clone(),
        Body::Empty => Bytes::new(),
    };
    let mut bytes = format!("HTTP/1.1 {}\r\n", response.status()).into_bytes();
    for (name, value) in response.headers() {
        for part in [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"] {
            bytes.extend_from_slice(part);
        }
    }
    bytes.extend_from_slice(format!("content-length: {}\r\n\r\n", body.len()).as_bytes());
    bytes.extend_from_slice(&body);
    bytes
}

fn redirect(
    headers: &mut HeaderMap,
    destination: String,
    referrer_policy: HeaderValue,
) -> (StatusCode, Body) {
    // Destinations are serialised URLs, ASCII without controls; a value that is not is no redirect
    // at all.
    let Ok(location) = HeaderValue::from_maybe_shared(Bytes::from(destination)) else {
        return page(headers, StatusCode::GONE, GONE);
    };
    headers.insert(header::LOCATION, location);
    headers.insert(header::CACHE_CONTROL, NO_STORE);
    headers.insert(header::REFERRER_POLICY, referrer_policy);
    headers.insert(X_ROBOTS_TAG, NO_INDEX);
    (StatusCode::FOUND, Body::Empty)
}

const X_ROBOTS_TAG: http::HeaderName = http::HeaderName::from_static("x-robots-tag");

fn accepted(headers: &mut HeaderMap, event_id: EventId, is_ignored: bool) -> (StatusCode, Body) {
    let mut body = String::with_capacity(80);
    let ignored = if is_ignored { ",\"ignored\":true" } else { "" };
    // Writing into a String cannot fail, and an id has no letters that JSON would escape.
    let _ = write!(body, "{{\"status\":\"ok\",\"event_id\":\"{event_id}\"{ignored}}}");
    headers.insert(header::CONTENT_TYPE, JSON);
    (StatusCode::OK, Body::Full(body.into()))
}

const UNKNOWN_LINK: &str = "<!doctype html><meta charset=utf-8><title>Not found</title>\
<h1>Not found</h1><p>This link does not exist.";
const GONE: &str = "<!doctype html><meta charset=utf-8><title>Gone</title>\
<h1>Gone</h1><p>This link is no longer active.";

fn page(headers: &mut HeaderMap, status: StatusCode, html: &str) -> (StatusCode, Body) {
    headers.insert(header::CONTENT_TYPE, HTML);
    headers.insert(header::CACHE_CONTROL, NO_STORE);
    headers.insert(header::CONTENT_SECURITY_POLICY, PAGE_POLICY);
    headers.insert(X_ROBOTS_TAG, NO_INDEX);
    (status, Body::Full(Bytes::copy_from_slice(html.as_bytes())))
}

fn preview(destination: &str) -> String {
    let mut shown = String::with_capacity(destination.len());
    for letter in destination.chars() {
        match letter {
            '&' => shown.push_str("&amp;"),
            '<' => shown.push_str("&lt;"),
            '>' => shown.push_str("&gt;"),
            '"' => shown.push_str("&quot;"),
            '\'' => shown.push_str("&#39;"),
            other => shown.push(other),
        }
    }
    format!(
        "<!doctype html><meta charset=utf-8><title>Where this link goes</title>\
<h1>Where this link goes</h1><p><a rel=\"nofollow noreferrer\" href=\"{shown}\">{shown}</a>"
    )
}

/// The stable word of a problem, its status and its title.
fn problem_kind(problem: &Problem) -> (&'static str, StatusCode, &'static str) {
    match problem {
        Problem::Request(RequestError::UrlTooLong) => {
            ("url_too_long", StatusCode::URI_TOO_LONG, "URL too long")
        }
        Problem::Request(RequestError::HeadersTooLarge) => (
            "headers_too_large",
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            "Request header fields too large",
        ),
        Problem::Request(RequestError::Bad(_)) | Problem::Click(_) => {
            ("bad_request", StatusCode::BAD_REQUEST, "Bad request")
        }
        Problem::Target(_) => {
            ("target_not_allowed", StatusCode::BAD_REQUEST, "Target is not allowed")
        }
        Problem::Unauthorized => ("unauthorized", StatusCode::UNAUTHORIZED, "Unauthorized"),
        Problem::NotFound => ("not_found", StatusCode::NOT_FOUND, "Not found"),
        Problem::WrongMethod(_) => {
            ("method_not_allowed", StatusCode::METHOD_NOT_ALLOWED, "Method not allowed")
        }
        Problem::MediaType | Problem::Encoding => (
            "unsupported_media_type",
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "Unsupported media type or encoding",
        ),
        Problem::BodyTooLarge => {
            ("body_too_large", StatusCode::PAYLOAD_TOO_LARGE, "Body too large")
        }
        Problem::Malformed(_) => ("malformed", StatusCode::BAD_REQUEST, "Malformed body"),
        Problem::Invalid(_) => {
            ("validation", StatusCode::UNPROCESSABLE_ENTITY, "Validation failed")
        }
        Problem::Unavailable => {
            ("unavailable", StatusCode::SERVICE_UNAVAILABLE, "Service unavailable")
        }
    }
}

fn problem_detail(problem: &Problem) -> String {
    match problem {
        Problem::Request(error) => error.to_string(),
        Problem::Click(detail) => (*detail).to_owned(),
        Problem::Target(error) => error.to_string(),
        Problem::Unauthorized => "the request could not be authenticated".to_owned(),
        Problem::NotFound => "nothing is served under this path".to_owned(),
        Problem::WrongMethod(allow) => format!("allowed: {}", allow_text(*allow)),
        Problem::MediaType => "the content type is not accepted here".to_owned(),
        Problem::Encoding => "encoded bodies are not accepted".to_owned(),
        Problem::BodyTooLarge => {
            format!("the body is longer than {} bytes", crate::limits::BODY_BYTES_MAX)
        }
        Problem::Malformed(detail) => detail.clone(),
        Problem::Invalid(errors) => {
            let fields: Vec<&str> = errors.iter().map(|error| error.field.as_str()).collect();
            format!("bad fields: {}", fields.join(", "))
        }
        Problem::Unavailable => "the request could not be stored, try again later".to_owned(),
    }
}

const fn allow_text(allow: Allow) -> &'static str {
    match allow {
        Allow::GetHead => "GET, HEAD",
        Allow::GetPost => "GET, POST",
        Allow::Post => "POST",
    }
}

fn problem_answer(headers: &mut HeaderMap, problem: &Problem) -> (StatusCode, Body) {
    let (word, status, title) = problem_kind(problem);
    let mut body = json!({
        "type": format!("urn:gamma:problem:{word}"),
        "title": title,
        "status": status.as_u16(),
        "detail": problem_detail(problem),
    });
    match problem {
        Problem::Invalid(errors) => {
            let error = |error: &FieldError| json!({"field": error.field, "detail": error.detail});
            body["errors"] = errors.iter().map(error).collect();
        }
        Problem::WrongMethod(allow) => {
            headers.insert(header::ALLOW, HeaderValue::from_static(allow_text(*allow)));
        }
        Problem::Unavailable => {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(RETRY_AFTER_SECONDS));
        }
        Problem::Request(_) | Problem::BodyTooLarge => {
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        _ => {}
    }
    headers.insert(header::CONTENT_TYPE, PROBLEM_JSON);
    headers.insert(header::CACHE_CONTROL, NO_STORE);
    (status, Body::Full(body.to_string().into()))
}
