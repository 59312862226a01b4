//! `POST /v1/integrations/{id}/test`: a test click and a test sale through it. Nothing is written,
//! and the answer says what would have come of it.

use model::click_id::ClickId;
use model::id::EventId;
use model::inbound::Channel;
use model::inbound::Inbound;
use model::outcome::Outcome as Ending;
use model::outcome::Reason;
use plugin_sdk::config::Config;
use plugin_sdk::config::Step;
use plugin_sdk::dialect::Field as Place;
use serde_json::Map;
use serde_json::Value;
use serde_json::json;
use store::integrations::IntegrationRow;
use store::links::LinkFilter;
use store::links::LinkRow;
use store::listing::Reach;
use store::page::PageAsk;
use url::form_urlencoded;

use crate::api::answer::Answer;
use crate::api::call::Call;
use crate::api::endpoint::Endpoint;
use crate::api::endpoint::Outcome;
use crate::api::endpoint::run;
use crate::api::error::FieldError;
use crate::api::error::Problem;
use crate::api::inbound::claim_view;
use crate::api::input::Field;
use crate::api::input::Input;
use crate::api::input::text;
use crate::api::integrations::KIND;
use crate::api::integrations::named;
use crate::pipeline::PipelineError;

/// What stands for the test click in a sample.
const CLICK_MARK: &str = "{click_id}";
/// Longest sample.
const SAMPLE_CHARS_MAX: usize = 8_192;
/// Longest list that a path of a configuration makes in a sample.
const LIST_MAX: usize = 64;
const JSON: &str = "application/json";

const FIELDS: &[Field] = &[
    text("link_id").note("default: the newest link of the advertiser"),
    text("query").note("as the outside sends it; {click_id} stands for the test click"),
    text("body").note("the same for a POST; without both, a sale in the dialect configured"),
    text("content_type"),
];

pub(super) const ENDPOINT: Endpoint =
    Endpoint::act("/v1/integrations/{id}/test", "test", run!(test))
        .says("Try an integration out; money is never touched")
        .fields(FIELDS)
        .on_its_own();

/// What the outside would send.
#[derive(Debug, Default)]
struct Sample {
    query: String,
    content_type: String,
    body: String,
}

async fn test(call: &mut Call) -> Outcome {
    let row = named(call).await?;
    let mut input = call.input();
    let link = read_link(call, &mut input, &row).await?;
    let given = read_sample(&mut input);
    input.finish()?;
    let (Some(pipeline), Some(link)) = (call.api.pipeline.clone(), link) else {
        let error = FieldError::new("id", "cannot be tested: no pipeline runs here");
        return Err(Problem::Conflict(error));
    };
    let click = pipeline.test_click(link.number).await.map_err(refused)?;
    let event = EventId::new(call.now, &mut call.rng);
    let sample = match given {
        Some(sample) => sample,
        None => sale(&row, &format!("test-{}", event.body())),
    };
    let inbound = inbound_of(call, &row, event, &filled(sample, &click));
    let request = json!({
        "method": inbound.method,
        "path": inbound.path,
        "query": inbound.query,
        "content_type": inbound.headers.first().map(|(_, value)| value),
        "body": String::from_utf8_lossy(&inbound.body),
    });
    let rehearsal = Box::pin(pipeline.rehearse(inbound)).await.map_err(refused)?;
    let claims: Vec<Value> =
        rehearsal.claims.as_array().into_iter().flatten().map(claim_view).collect();
    Ok(Answer::object(
        KIND,
        json!({
            "id": row.id.to_string(),
            "outcome": Ending::Ignored.as_str(),
            "reason": Reason::TestMode.as_str(),
            "click_id": click,
            "link_id": link.id.to_string(),
            "request": request,
            "claims": claims,
            "would": {
                "outcome": rehearsal.outcome.as_str(),
                "reason": rehearsal.reason,
                "detail": rehearsal.detail,
                "explanation": rehearsal.explanation,
            },
        }),
    ))
}

fn refused(error: PipelineError) -> Problem {
    match error {
        PipelineError::Wait => Problem::Busy,
        PipelineError::Store(error) => error.into(),
        error => Problem::Internal(Box::new(error)),
    }
}

/// The link named, else the newest of the advertiser; a network speaks for anybody's.
async fn read_link(
    call: &mut Call,
    input: &mut Input,
    row: &IntegrationRow,
) -> Result<Option<LinkRow>, Problem> {
    let reach = row.advertiser.map_or(Reach::Tenant, Reach::Advertiser);
    let is_stated = input.has("link_id");
    let found = match input.id("link_id") {
        Some(id) => call.tx.links().get(id, reach).await?,
        None if is_stated => return Ok(None),
        None => {
            let page = PageAsk::first(1);
            let page = call.tx.links().list(&LinkFilter::default(), reach, &page).await?;
            page.rows.into_iter().next()
        }
    };
    if found.is_none() {
        input.refuse("link_id", "there is no such link of the advertiser");
    }
    Ok(found)
}

/// What the caller gives; nothing where it leaves the sample to us.
fn read_sample(input: &mut Input) -> Option<Sample> {
    let query = input.text("query", SAMPLE_CHARS_MAX);
    // Lines and tabs are welcome in a body.
    let body = match input.value("body") {
        Some(Value::String(body)) if body.chars().count() <= SAMPLE_CHARS_MAX => Some(body),
        Some(_) => {
            let detail = format!("must be text of at most {SAMPLE_CHARS_MAX} characters");
            input.refuse("body", detail);
            None
        }
        None => None,
    };
    let content_type = input.text("content_type", 200);
    (query.is_some() || body.is_some()).then(|| Sample {
        query: query.unwrap_or_default(),
        content_type: content_type.unwrap_or_default(),
        body: body.unwrap_or_default(),
    })
}

/// A sale in the dialect that the integration is configured for.
fn sale(row: &IntegrationRow, order_ref: &str) -> Sample {
    let config = Config::read(&row.config.to_string()).unwrap_or_default();
    let fields = [
        (Place::ClickId, CLICK_MARK),
        (Place::OrderRef, order_ref),
        (Place::Amount, "1000"),
        (Place::Status, "approved"),
    ];
    let usual = match row.adapter.as_str() {
        "events" => ["click_id", "order_id", "value", "status"],
        "trackier" => ["p1", "txn_id", "sale_amount", "status"],
        _ => ["click_id", "order_id", "amount", "status"],
    };
    let is_event = row.adapter == "events";
    let mut document = if is_event { json!({"action": "purchase"}) } else { json!({}) };
    let mut query = form_urlencoded::Serializer::new(String::new());
    for ((place, value), usual) in fields.into_iter().zip(usual) {
        let configured = config.names.iter().find(|(field, _)| *field == place);
        let name = configured.and_then(|(_, names)| names.first()).map_or(usual, String::as_str);
        let path = config.paths.iter().find(|(field, _)| *field == place);
        match path {
            Some((_, path)) => put(&mut document, path, value),
            None if is_event || !config.paths.is_empty() => document[name] = Value::from(value),
            None => {
                query.append_pair(name, value);
            }
        }
    }
    let is_json = is_event || !config.paths.is_empty();
    Sample {
        query: query.finish(),
        content_type: if is_json { JSON.to_owned() } else { String::new() },
        body: if is_json { document.to_string() } else { String::new() },
    }
}

/// Puts a value at the end of a path, making what stands on the way.
fn put(document: &mut Value, path: &[Step], value: &str) {
    let mut place = document;
    for step in path {
        place = match step {
            Step::Key(key) => {
                if !place.is_object() {
                    *place = Value::Object(Map::new());
                }
                &mut place[key.as_str()]
            }
            Step::Index(index) => {
                let index = (*index).min(LIST_MAX - 1);
                if !place.is_array() {
                    *place = Value::Array(Vec::new());
                }
                if let Value::Array(items) = &mut *place
                    && items.len() <= index
                {
                    items.resize(index + 1, Value::Null);
                }
                &mut place[index]
            }
        };
    }
    *place = Value::from(value);
}

/// The sample with the click in its place, also where the mark was escaped.
fn filled(sample: Sample, click: &str) -> Sample {
    debug_assert!(ClickId::parse(click).is_some(), "a click id needs no escaping");
    let escaped: String = form_urlencoded::byte_serialize(CLICK_MARK.as_bytes()).collect();
    let fill = |text: String| text.replace(CLICK_MARK, click).replace(&escaped, click);
    Sample { query: fill(sample.query), body: fill(sample.body), ..sample }
}

fn inbound_of(call: &Call, row: &IntegrationRow, event: EventId, sample: &Sample) -> Inbound {
    let is_event = row.adapter == "events";
    let is_post = !sample.body.is_empty();
    let header = (!sample.content_type.is_empty())
        .then(|| ("content-type".into(), sample.content_type.as_str().into()));
    Inbound {
        event_id: event,
        tenant: call.caller.tenant,
        integration: row.id,
        channel: if is_event { Channel::Event } else { Channel::Postback },
        received_at: call.now,
        method: if is_post { "POST" } else { "GET" }.into(),
        path: if is_event { "/v1/events".into() } else { format!("/postback/{}", row.id).into() },
        query: sample.query.as_str().into(),
        headers: header.into_iter().collect(),
        body: sample.body.clone().into_bytes(),
        remote_prefix: None,
        is_signed: false,
        refused: None,
    }
}
