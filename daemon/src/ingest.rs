//! The inbound line: find the integration, authenticate, record, answer.
//!
//! Answered only after the receipt: an inbound that we confirm but lose is money the publisher
//! never sees.

use std::borrow::Cow;
use std::sync::Arc;

use journal::AppendError;
use model::catalog::Advertiser;
use model::catalog::Key;
use model::click::IpPrefix;
use model::clock::Timestamp;
use model::id::EventId;
use model::id::IntegrationId;
use model::id::TenantId;
use model::inbound::Channel;
use model::inbound::Inbound;
use model::inbound::RefusedReason;

use crate::catalog::directory::IntegrationDoor;
use crate::catalog::directory::Signer;
use crate::ingest::auth::Evidence;
use crate::ingest::auth::Proof;
use crate::ingest::auth::Signed;
use crate::limits::REFUSED_BODY_BYTES_MAX;
use crate::limits::REFUSED_PATH_BYTES_MAX;
use crate::limits::REFUSED_QUERY_BYTES_MAX;
use crate::links::Now;
use crate::request::Request;
use crate::request::Verb;
use crate::request::decode;
use crate::request::pairs;
use crate::respond::Answer;
use crate::respond::Problem;
use crate::rooms::Rooms;
use crate::router::Door;

pub mod auth;
pub mod events;
pub mod replay;
pub mod scrub;

/// Headers that are recorded, in lower case; the second part is masked.
const KEPT_HEADERS: [&str; 5] =
    ["content-type", "user-agent", replay::ID_HEADER, "webhook-timestamp", "webhook-signature"];
const MASKED_HEADERS: [&str; 3] = ["x-gamma-token", "x-api-key", "authorization"];
/// Most bytes kept of one header.
const HEADER_BYTES_MAX: usize = 512;

/// The channel of a door.
#[must_use]
pub const fn channel(door: Door<'_>) -> Channel {
    match door {
        Door::Postback(_) | Door::Conversion => Channel::Postback,
        Door::Events(_) => Channel::Event,
    }
}

/// Checks what the head alone tells, before a body is read.
///
/// # Errors
/// [`Problem::Encoding`] or [`Problem::MediaType`].
pub fn admit(request: &Request<'_>, door: Door<'_>) -> Result<(), Problem> {
    if request.verb == Verb::Get {
        return Ok(());
    }
    if !matches!(request.header("content-encoding"), "" | "identity") {
        return Err(Problem::Encoding);
    }
    let media_type = request.media_type().to_ascii_lowercase();
    let is_json = media_type == "application/json" || media_type.ends_with("+json");
    let is_form = media_type == "application/x-www-form-urlencoded";
    let is_good = match door {
        Door::Events(_) => is_json || media_type.is_empty(),
        // Some networks post without saying what, or say plain text.
        Door::Postback(_) | Door::Conversion => {
            is_json || is_form || matches!(&*media_type, "" | "text/plain")
        }
    };
    if is_good { Ok(()) } else { Err(Problem::MediaType) }
}

/// What strangers are recorded under who name no integration.
const NOBODY: IntegrationId = IntegrationId(0);

/// A request that found its integration and proved who it is, or did not.
struct Sender {
    tenant: TenantId,
    integration: IntegrationId,
    /// There is such an integration.
    is_known: bool,
    proof: Result<Proof, RefusedReason>,
    /// What was shown as a secret; it is never recorded.
    shown: Option<String>,
}

impl Sender {
    fn known(
        door: &IntegrationDoor,
        proof: Result<Proof, RefusedReason>,
        shown: Option<String>,
    ) -> Self {
        let (tenant, integration) = (door.integration.tenant, door.integration.id);
        Self { tenant, integration, is_known: true, proof, shown }
    }

    /// Somebody we do not know, shown to the tenant of the host that was called: an operator who
    /// mistyped an id looks there.
    fn stranger(
        catalog: &Now,
        request: &Request<'_>,
        (integration, reason): (IntegrationId, RefusedReason),
        shown: Option<String>,
    ) -> Option<Self> {
        let tenant = catalog.directory.domain(request.host)?.tenant;
        Some(Self { tenant, integration, is_known: false, proof: Err(reason), shown })
    }

    /// Whose budget of refusals it spends: strangers of one tenant share one.
    const fn budget(&self) -> u64 {
        spread(if self.is_known { self.integration.0 } else { self.tenant.0 })
    }
}

/// Answers one inbound request. `body` is whole and within its limit; empty for GET.
pub async fn ingest(rooms: &Rooms, request: &Request<'_>, door: Door<'_>, body: Vec<u8>) -> Answer {
    let now = rooms.clock.now();
    let catalog = rooms.links.now();
    let Some(signer) = catalog.directory.signer.clone() else {
        return Answer::Problem(Problem::Unavailable);
    };
    let Some(sender) = find_sender((&catalog, &signer), request, (door, &body), now) else {
        return Answer::Problem(Problem::Unauthorized);
    };
    let draft = Draft { request, door, sender: &sender, now };
    let proof = match sender.proof {
        Ok(proof) => proof,
        Err(reason) => return refuse(rooms, &draft, body, reason),
    };
    let bodies = match door {
        Door::Events(action) => match events::read(&body, action.map(|action| action.0)) {
            Ok(events) => events,
            Err(problem) => return Answer::Problem(problem),
        },
        Door::Postback(_) | Door::Conversion => {
            events::Events { bodies: vec![body], is_batch: false }
        }
    };
    let mut remembered = None;
    if proof.is_signed {
        rooms.shared.ids_are_known().await;
        let id = request.header(replay::ID_HEADER);
        remembered = rooms.shared.replays.remember(sender.integration, id, now);
        if remembered.is_none() {
            let body = bodies.bodies.into_iter().next().unwrap_or_default();
            return refuse(rooms, &draft, body, RefusedReason::Replayed);
        }
    }
    let is_ignored = door == Door::Conversion
        && !bodies.bodies.iter().any(|body| has_click_id(&signer, request, body));
    match record(rooms, &draft, proof, bodies.bodies).await {
        Ok(event_ids) if bodies.is_batch => Answer::AcceptedBatch(event_ids),
        Ok(event_ids) => {
            let event_id = event_ids.first().copied().unwrap_or(EventId(0));
            Answer::Accepted { event_id, is_ignored }
        }
        Err(error) => {
            tracing::warn!(%error, "inbound could not be made durable");
            if let Some(remembered) = remembered {
                rooms.shared.replays.forget(&remembered);
            }
            Answer::Problem(Problem::Unavailable)
        }
    }
}

/// Who sends. `None`: nobody we know, and nobody in whose debugger it could be shown.
fn find_sender(
    (catalog, keys): (&Now, &Signer),
    request: &Request<'_>,
    (door, body): (Door<'_>, &[u8]),
    now: Timestamp,
) -> Option<Sender> {
    let query = request.query.unwrap_or_default();
    let of_get = [request.path.as_bytes(), b"?", query.as_bytes()];
    let of_post = [body];
    let content: &[&[u8]] = if request.verb == Verb::Get { &of_get } else { &of_post };
    let signed = Signed {
        id: request.header(replay::ID_HEADER),
        timestamp: request.header("webhook-timestamp"),
        signatures: request.header("webhook-signature"),
        content,
    };
    if let Door::Events(_) = door {
        return find_event_sender((catalog, keys), request, signed, now);
    }
    let header = request.header("x-gamma-token");
    let token = request.param(scrub::TOKEN);
    let token = token.or_else(|| (!header.is_empty()).then_some(Cow::Borrowed(header)));
    let evidence = Evidence { client: request.client, token: token.as_deref(), signed };
    let pepper = &keys.secrets.pepper;
    let check = |door: &IntegrationDoor| {
        let is_active = door.integration.advertiser.is_none_or(|id| {
            catalog.directory.advertiser(id).is_some_and(|advertiser| advertiser.is_active)
        });
        if !is_active {
            return Err(RefusedReason::BadKey);
        }
        auth::integration(door, pepper, &evidence, now)
    };
    let found = match door {
        Door::Postback(id) => {
            let named = id.parse().unwrap_or(NOBODY);
            catalog.directory.integrations.get(&named).ok_or(named)
        }
        Door::Conversion => find_conversion(catalog, request, &check),
        Door::Events(_) => Err(NOBODY),
    };
    let proof = found.map(|door| check(door));
    let shown = token.map(Cow::into_owned);
    match (found, proof) {
        (Ok(door), Ok(proof)) => Some(Sender::known(door, proof, shown)),
        (Err(named), _) | (_, Err(named)) => {
            let reason = RefusedReason::UnknownIntegration;
            Sender::stranger(catalog, request, (named, reason), shown)
        }
    }
}

/// The Trackier integration that a conversion is for: the one named, else the tenant's only one,
/// else the first that takes what was shown.
///
/// # Errors
/// The name of one that is not there; [`NOBODY`] where none was named.
fn find_conversion<'c>(
    catalog: &'c Now,
    request: &Request<'_>,
    check: &dyn Fn(&IntegrationDoor) -> Result<Proof, RefusedReason>,
) -> Result<&'c Arc<IntegrationDoor>, IntegrationId> {
    let directory = &catalog.directory;
    if let Some(named) = request.param("integration") {
        let named = named.parse().unwrap_or(NOBODY);
        let door = directory.integrations.get(&named).ok_or(named)?;
        let is_trackier = &*door.integration.adapter == crate::catalog::directory::TRACKIER_ADAPTER;
        return if is_trackier { Ok(door) } else { Err(named) };
    }
    let tenant = directory.domain(request.host).ok_or(NOBODY)?.tenant;
    let held = directory.trackier(tenant);
    let mut doors = held.iter().filter_map(|id| directory.integrations.get(id));
    let door = if held.len() == 1 { doors.next() } else { doors.find(|door| check(door).is_ok()) };
    door.ok_or(NOBODY)
}

fn find_event_sender(
    (catalog, keys): (&Now, &Signer),
    request: &Request<'_>,
    signed: Signed<'_>,
    now: Timestamp,
) -> Option<Sender> {
    let shown = match request.header("x-api-key") {
        "" => request.header("authorization").strip_prefix("Bearer ").map(str::trim),
        key => Some(key),
    };
    let held = shown.and_then(|shown| find_key(catalog, shown));
    let shown = shown.map(str::to_owned);
    let Some((KeyDoor { key, advertiser, door }, secret)) = held else {
        let unknown = (NOBODY, RefusedReason::BadKey);
        return Sender::stranger(catalog, request, unknown, shown);
    };
    let evidence = Evidence { client: request.client, token: None, signed };
    let active = if advertiser.is_active { Ok(()) } else { Err(RefusedReason::BadKey) };
    let proof = auth::key(key, secret, &keys.secrets.pepper, now)
        .and(active)
        .and_then(|()| auth::event_sender(door, &evidence, now));
    Some(Sender::known(door, proof, shown))
}

/// A key with whom it speaks for, and through what.
struct KeyDoor<'c> {
    key: &'c Key,
    advertiser: &'c Advertiser,
    door: &'c IntegrationDoor,
}

/// The key of this text, and the secret that was shown for it.
fn find_key<'c, 'r>(catalog: &'c Now, shown: &'r str) -> Option<(KeyDoor<'c>, &'r str)> {
    let (id, secret) = auth::key_parts(shown)?;
    let key = catalog.directory.keys.get(&id)?;
    let advertiser = catalog.directory.advertiser(key.advertiser?)?;
    let door = catalog.directory.integrations.get(&advertiser.events_integration)?;
    (door.integration.tenant == key.tenant).then_some((KeyDoor { key, advertiser, door }, secret))
}

/// What the records of one request have in common.
struct Draft<'a> {
    request: &'a Request<'a>,
    door: Door<'a>,
    sender: &'a Sender,
    now: Timestamp,
}

impl Draft<'_> {
    fn text(&self, text: &str) -> Box<str> {
        let shown = self.sender.shown.as_deref().unwrap_or_default();
        let masked = scrub::value(text.as_bytes().to_vec(), shown);
        String::from_utf8_lossy(&masked).into()
    }

    fn inbound(&self, event_id: EventId, body: Vec<u8>) -> Inbound {
        let (request, sender) = (self.request, self.sender);
        let kept = KEPT_HEADERS.iter().filter_map(|name| {
            let value = request.header(name);
            let value = &value[..value.floor_char_boundary(HEADER_BYTES_MAX)];
            (!value.is_empty()).then(|| (Box::from(*name), self.text(value)))
        });
        let masked = MASKED_HEADERS.iter().filter_map(|name| {
            let is_there = request.headers.contains_key(*name);
            is_there.then(|| (Box::from(*name), Box::from(scrub::MASK)))
        });
        let shown = sender.shown.as_deref().unwrap_or_default();
        let body = scrub::value(scrub::body(body, request.media_type()), shown);
        Inbound {
            event_id,
            tenant: sender.tenant,
            integration: sender.integration,
            channel: channel(self.door),
            received_at: self.now,
            method: if request.verb == Verb::Get { "GET" } else { "POST" }.into(),
            path: self.text(request.path),
            query: self.text(&scrub::form(request.query.unwrap_or_default())),
            headers: kept.chain(masked).collect(),
            body,
            remote_prefix: Some(IpPrefix::from(request.client)),
            is_signed: false,
            refused: None,
        }
    }
}

/// Records every body, all or none, and waits until they are on disk.
async fn record(
    rooms: &Rooms,
    draft: &Draft<'_>,
    proof: Proof,
    bodies: Vec<Vec<u8>>,
) -> Result<Vec<EventId>, AppendError> {
    let mut inbounds: Vec<Inbound> = Vec::with_capacity(bodies.len());
    for body in bodies {
        let rng = &mut *rooms.rng.borrow_mut();
        // Received in one moment: the order of their ids is the order they were told in.
        let event_id = match inbounds.last() {
            Some(before) => EventId::after(before.event_id, draft.now, rng),
            None => EventId::new(draft.now, rng),
        };
        inbounds.push(Inbound { is_signed: proof.is_signed, ..draft.inbound(event_id, body) });
    }
    let receipt = rooms.journal.append_inbounds(&inbounds)?;
    receipt.await?;
    Ok(inbounds.iter().map(|inbound| inbound.event_id).collect())
}

/// One generic answer for every reason; the reason goes to the debugger.
fn refuse(rooms: &Rooms, draft: &Draft<'_>, body: Vec<u8>, reason: RefusedReason) -> Answer {
    if !rooms.shared.refusals.spend(draft.sender.budget(), draft.now.unix_ms()) {
        rooms.cells.refusal_shed();
        return Answer::Problem(Problem::Unauthorized);
    }
    let event_id = EventId::new(draft.now, &mut *rooms.rng.borrow_mut());
    let mut inbound = draft.inbound(event_id, body);
    inbound.body.truncate(REFUSED_BODY_BYTES_MAX);
    inbound.path = cut(&inbound.path, REFUSED_PATH_BYTES_MAX);
    inbound.query = cut(&inbound.query, REFUSED_QUERY_BYTES_MAX);
    inbound.refused = Some(reason);
    if rooms.journal.enqueue_refusal(&inbound).is_err() {
        rooms.cells.refusal_shed();
    }
    Answer::Problem(Problem::Unauthorized)
}

fn cut(text: &str, bytes_max: usize) -> Box<str> {
    text[..text.floor_char_boundary(bytes_max)].into()
}

/// The random half of an id: as good as a hash.
#[expect(clippy::cast_possible_truncation, reason = "the other half is a time")]
const fn spread(id: u128) -> u64 {
    let low = id as u64;
    low.rotate_left(32) ^ low
}

/// Whether a click id of ours came with a conversion, as `click_id` or `p1`, in query, form or
/// JSON.
fn has_click_id(signer: &Signer, request: &Request<'_>, body: &[u8]) -> bool {
    let is_name = |name: &str| matches!(name, "click_id" | "p1");
    let is_ours = |value: &str| signer.ring.read(value.trim()).is_ok();
    let in_pairs =
        |raw: &str| pairs(raw).any(|(name, value)| is_name(&name) && is_ours(&decode(value)));
    if in_pairs(request.query.unwrap_or_default()) {
        return true;
    }
    if let Ok(serde_json::Value::Object(object)) = serde_json::from_slice(body) {
        return object
            .iter()
            .any(|(name, value)| is_name(name) && value.as_str().is_some_and(is_ours));
    }
    std::str::from_utf8(body).is_ok_and(in_pairs)
}
