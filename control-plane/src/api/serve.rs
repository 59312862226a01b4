//! A call's way: who calls, may it, what was sent; then the handler in a unit of work of its own
//! task.

use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::Body;
use axum::body::Bytes;
use axum::extract::ConnectInfo;
use axum::http::HeaderMap;
use axum::http::HeaderValue;
use axum::http::Request;
use axum::http::StatusCode;
use axum::http::header;
use axum::http::request::Parts;
use axum::response::IntoResponse;
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http_body_util::BodyExt;
use http_body_util::Limited;
use model::catalog::Role;
use serde_json::Map;
use serde_json::Value;
use store::audit_log::LogRow;
use store::page::PAGE_ROWS_MAX;
use store::page::PageAsk;
use url::form_urlencoded;

use crate::api::Api;
use crate::api::answer::Answer;
use crate::api::auth;
use crate::api::auth::Caller;
use crate::api::call::Call;
use crate::api::endpoint::ARCHIVED;
use crate::api::endpoint::Endpoint;
use crate::api::endpoint::JSON;
use crate::api::endpoint::Method;
use crate::api::endpoint::Work;
use crate::api::error::Problem;
use crate::api::idempotency::Repeatable;
use crate::api::input::Input;
use crate::api::limits::BODY_BYTES_MAX;
use crate::api::mask;

/// Rows of a page when the caller does not say.
const PAGE_ROWS_DEFAULT: u32 = 50;

/// Answers one call.
pub(crate) async fn serve(
    api: Arc<Api>,
    endpoint: Endpoint,
    path: Vec<(String, String)>,
    request: Request<Body>,
) -> Response {
    match answer(api, endpoint, path, request).await {
        Ok(response) => response,
        Err(problem) => problem.into_response(),
    }
}

async fn answer(
    api: Arc<Api>,
    endpoint: Endpoint,
    path: Vec<(String, String)>,
    request: Request<Body>,
) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    let caller = identify(&api, &parts).await?;
    api.gate.admit_key(caller.key)?;
    if !endpoint.roles.contains(&caller.role) {
        return Err(Problem::Forbidden);
    }
    let bytes = read_body(&parts.headers, body).await?;
    let repeatable = match endpoint.method {
        Method::Post => Repeatable::of(&parts.headers, parts.uri.path(), &bytes)?,
        _ => None,
    };
    let tenant = caller.tenant.to_string();
    let mut query = parse_query(parts.uri.query().unwrap_or_default(), &tenant)?;
    let page = read_page(&endpoint, &mut query)?;
    let query = Input::query(endpoint.query, query);
    let body = parse_body(&bytes, &tenant)?;
    let sent = Sent { endpoint, caller, path, query, page, body, repeatable };
    // In a task of its own: a client that leaves drops this future, and must not cancel a database
    // transaction.
    let task = api.tasks.clone().spawn(work(api, sent));
    task.await.map_err(|error| Problem::Internal(Box::new(error)))?
}

/// All that was sent, read and well formed.
struct Sent {
    endpoint: Endpoint,
    caller: Caller,
    path: Vec<(String, String)>,
    query: Input,
    page: PageAsk,
    body: Map<String, Value>,
    repeatable: Option<Repeatable>,
}

/// The caller, or why there is none. Calls without a good credential count against their address.
async fn identify(api: &Arc<Api>, parts: &Parts) -> Result<Caller, Problem> {
    let Some(text) = auth::presented(&parts.headers) else {
        api.gate.admit_anonymous(address(parts))?;
        return Err(Problem::Unauthorized);
    };
    let (text, now) = (text.to_owned(), api.clock.now());
    let task = {
        let api = Arc::clone(api);
        let tasks = api.tasks.clone();
        tasks.spawn(async move { auth::authenticate(&api.store, &api.pepper, &text, now).await })
    };
    match task.await.map_err(|error| Problem::Internal(Box::new(error)))? {
        Err(Problem::Unauthorized) => {
            api.gate.admit_anonymous(address(parts))?;
            Err(Problem::Unauthorized)
        }
        other => other,
    }
}

/// Where a call comes from.
pub(crate) fn address(parts: &Parts) -> IpAddr {
    parts
        .extensions
        .get::<ConnectInfo<SocketAddr>>()
        .map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |ConnectInfo(address)| address.ip())
}

async fn read_body(headers: &HeaderMap, body: Body) -> Result<Bytes, Problem> {
    let collected = Limited::new(body, BODY_BYTES_MAX).collect().await;
    let bytes = match collected {
        Ok(collected) => collected.to_bytes(),
        Err(error) if error.is::<http_body_util::LengthLimitError>() => {
            return Err(Problem::TooLarge);
        }
        Err(_) => return Err(Problem::Malformed("the body ended early".to_owned())),
    };
    if bytes.is_empty() {
        return Ok(bytes);
    }
    let media = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let media = media.unwrap_or_default().split(';').next().unwrap_or_default().trim();
    let is_json = media.eq_ignore_ascii_case("application/json")
        || media.eq_ignore_ascii_case("application/merge-patch+json");
    let is_plain = headers.get(header::CONTENT_ENCODING).is_none_or(|value| value == "identity");
    if is_json && is_plain { Ok(bytes) } else { Err(Problem::MediaType) }
}

/// The members of a JSON object; nothing sent counts as `{}`. A `tenant_id` is taken if it is the
/// caller's own.
fn parse_body(bytes: &[u8], tenant: &str) -> Result<Map<String, Value>, Problem> {
    if bytes.is_empty() {
        return Ok(Map::new());
    }
    let value: Value =
        serde_json::from_slice(bytes).map_err(|error| Problem::Malformed(error.to_string()))?;
    let Value::Object(mut members) = value else {
        return Err(Problem::Invalid(vec![crate::api::error::FieldError::new(
            "",
            "must be an object",
        )]));
    };
    check_tenant(&mut members, tenant)?;
    Ok(members)
}

fn check_tenant(members: &mut Map<String, Value>, tenant: &str) -> Result<(), Problem> {
    match members.remove("tenant_id") {
        Some(Value::String(stated)) if stated == tenant => Ok(()),
        None | Some(Value::Null) => Ok(()),
        Some(_) => Err(Problem::field("tenant_id", "is not the tenant of this credential")),
    }
}

fn parse_query(query: &str, tenant: &str) -> Result<Map<String, Value>, Problem> {
    let mut members = Map::new();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        if members.contains_key(&*name) {
            return Err(Problem::field(&name, "is given twice"));
        }
        members.insert(name.into_owned(), Value::String(value.into_owned()));
    }
    check_tenant(&mut members, tenant)?;
    Ok(members)
}

/// Which page is asked for, by the parameters that every list has.
fn read_page(endpoint: &Endpoint, query: &mut Map<String, Value>) -> Result<PageAsk, Problem> {
    if !endpoint.is_paged {
        return Ok(PageAsk::first(1));
    }
    let take = |query: &mut Map<String, Value>, name| match query.remove(name) {
        Some(Value::String(text)) if !text.is_empty() => Some(text),
        _ => None,
    };
    let limit = match take(query, "limit") {
        None => PAGE_ROWS_DEFAULT,
        Some(text) => text
            .parse()
            .ok()
            .filter(|limit| (1..=PAGE_ROWS_MAX).contains(limit))
            .ok_or_else(|| Problem::field("limit", "must be a whole number from 1 to 500"))?,
    };
    let read =
        |text: String| URL_SAFE_NO_PAD.decode(text).ok().and_then(|id| String::from_utf8(id).ok());
    let after = match take(query, "cursor") {
        None => None,
        Some(text) => Some(
            read(text).ok_or_else(|| Problem::field("cursor", "is not a next_cursor of ours"))?,
        ),
    };
    let archived = if endpoint.has_archive { take(query, ARCHIVED) } else { None };
    let archived = match archived.as_deref() {
        None | Some("false") => false,
        Some("true") => true,
        Some(_) => return Err(Problem::field(ARCHIVED, "must be true or false")),
    };
    Ok(PageAsk { limit, after, archived })
}

/// The text of a cursor that leads behind a row.
fn cursor(id: &str) -> String {
    URL_SAFE_NO_PAD.encode(id)
}

async fn work(api: Arc<Api>, sent: Sent) -> Result<Response, Problem> {
    let Sent { endpoint, caller, path, query, page, body, repeatable } = sent;
    let now = api.clock.now();
    let seen = Value::Object(body.clone());
    let tx = match endpoint.work {
        Work::Write => api.store.begin(caller.tenant).await?,
        Work::Read | Work::Own => api.store.read(caller.tenant).await?,
    };
    let rng = api.rng();
    let fields = endpoint.fields;
    let mut call = Call { api, caller, tx, now, rng, page, path, query, body, fields };
    if let Some(request) = &repeatable
        && let Some(body) = request.find(&mut call.tx, &call.caller, now).await?
    {
        call.tx.cancel().await?;
        return Ok(respond(&endpoint, body, true));
    }
    let outcome = (endpoint.handler)(&mut call).await;
    let mut answer = match outcome {
        Ok(answer) => answer,
        Err(problem) => {
            call.tx.cancel().await?;
            return Err(problem);
        }
    };
    finish(endpoint, call, &mut answer, (seen, repeatable)).await
}

/// Writes the log and keeps the answer, saves, and tells the publisher.
async fn finish(
    endpoint: Endpoint,
    mut call: Call,
    answer: &mut Answer,
    (seen, repeatable): (Value, Option<Repeatable>),
) -> Result<Response, Problem> {
    if endpoint.is_paged
        && let Some(Value::String(next)) = answer.body.get_mut("next_cursor")
    {
        *next = cursor(next);
    }
    if call.caller.role == Role::Support {
        mask::mask(&mut answer.body);
    }
    let body = match &answer.body {
        Value::String(text) if endpoint.media != JSON => text.clone(),
        body => body.to_string(),
    };
    let Some(verb) = endpoint.verb else {
        call.tx.cancel().await?;
        return Ok(respond(&endpoint, body, false));
    };
    if endpoint.work == Work::Own {
        call.tx.cancel().await?;
        call.tx = call.api.store.begin(call.caller.tenant).await?;
    }
    let row = log_row(&endpoint, verb, &mut call, (answer, seen));
    call.tx.audit_log().write(&row).await?;
    if let Some(request) = &repeatable {
        let given = (endpoint.status, body.as_str());
        request.keep(&mut call.tx, &call.caller, given, call.now).await?;
    }
    call.tx.save().await?;
    call.api.publisher.wake();
    Ok(respond(&endpoint, body, false))
}

fn log_row(
    endpoint: &Endpoint,
    verb: &str,
    call: &mut Call,
    (answer, mut seen): (&Answer, Value),
) -> LogRow {
    mask::mask(&mut seen);
    let named = answer.body.get("id").and_then(Value::as_str);
    let object_id = named.map(str::to_owned);
    let object_id = object_id.or_else(|| call.path.first().map(|(_, id)| id.clone()));
    LogRow {
        id: format!("log_{}", model::id::KeyId::new(call.now, &mut call.rng).body()),
        at: call.now,
        actor: call.caller.key.to_string(),
        verb: verb.to_owned(),
        object_kind: endpoint.resource().to_owned(),
        object_id: object_id.unwrap_or_default(),
        detail: seen,
    }
}

fn respond(endpoint: &Endpoint, body: String, is_repeated: bool) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::from_u16(endpoint.status).unwrap_or(StatusCode::OK);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(endpoint.media));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if is_repeated {
        headers.insert("idempotency-replayed", HeaderValue::from_static("true"));
    }
    response
}
