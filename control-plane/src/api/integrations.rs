//! Integrations: configured connections to outside systems that tell us things.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ipnet::IpNet;
use model::clock::Timestamp;
use model::id::IntegrationId;
use rand::RngCore;
use serde_json::Value;
use serde_json::json;
use store::integrations::HmacSecret;
use store::integrations::IntegrationAuth;
use store::integrations::IntegrationRow;
use store::integrations::TokenHash;

use crate::api::call::Call;
use crate::api::credential;
use crate::api::endpoint::Endpoint;
use crate::api::error::Problem;
use crate::api::input::Field;
use crate::api::input::Input;
use crate::api::input::Kind;
use crate::api::input::field;
use crate::api::input::text;
use crate::api::input::texts;
use crate::api::time::instant;

mod archive;
mod change;
mod config;
mod create;
mod get;
mod list;
mod rotate;
mod test;

/// Word of `integration_id`.
const KIND: &str = "integration";

/// Address ranges of one integration at most.
const RANGES_MAX: usize = 100;

/// Secrets of one kind that live at once.
const LIVE_SECRETS_MAX: usize = 2;

/// Text before a Standard Webhooks secret: <https://www.standardwebhooks.com>.
const HMAC_PREFIX: &str = "whsec_";

const AUTH: &[Field] = &[
    field("token", Kind::Flag).note("a token in the query or in X-Gamma-Token"),
    field("hmac", Kind::Flag).note("a Standard Webhooks signature"),
    texts("ip_allow").note("CIDR ranges; empty: any address"),
];

const CONFIG: Field = field("config", Kind::Free)
    .note("names, paths, goal_map, decimal_comma, charge_stated, currency");

const STATUS_MAP: Field =
    field("status_map", Kind::Free).note("outside word → pending | approved | …");

const FIELDS: &[Field] = &[
    text("name").required(),
    text("adapter").required().note("name of an adapter plugin"),
    text("advertiser_id").note("absent: a network"),
    text("order_space").note("default: the advertiser; for a network the integration"),
    field("auth", Kind::Object(AUTH)).note("default: token"),
    CONFIG,
    STATUS_MAP,
];

const PATCHABLE: &[Field] = &[
    text("name"),
    text("adapter"),
    text("order_space"),
    field("auth", Kind::Object(AUTH)),
    CONFIG,
    STATUS_MAP,
];

pub(crate) const ENDPOINTS: &[Endpoint] = &[
    create::ENDPOINT,
    list::ENDPOINT,
    get::ENDPOINT,
    change::ENDPOINT,
    archive::ENDPOINT,
    rotate::ENDPOINT,
    test::ENDPOINT,
];

/// The fields as given, without the advertiser.
struct Given {
    name: String,
    adapter: String,
    order_space: Option<String>,
    auth: IntegrationAuth,
    config: Value,
    status_map: Value,
}

fn read(call: &Call, input: &mut Input) -> Given {
    let name = input.needs_text("name", 200);
    let adapter = input.needs_text("adapter", 64);
    if !adapter.is_empty() && !call.api.plugins.has_adapter(&adapter) {
        input.refuse("adapter", "there is no such adapter plugin");
    }
    let order_space = input.text("order_space", 100);
    let auth = read_auth(input);
    let (config, status_map) = config::read(input, &adapter);
    Given { name, adapter, order_space, auth, config, status_map }
}

fn read_auth(input: &mut Input) -> IntegrationAuth {
    let Some(mut given) = input.object("auth", AUTH) else {
        return IntegrationAuth { token: true, ..IntegrationAuth::default() };
    };
    let token = given.flag("token");
    let hmac = given.flag("hmac").unwrap_or(false);
    let mut ip_allow = Vec::new();
    for (position, range) in
        given.texts("ip_allow", RANGES_MAX, 64).unwrap_or_default().iter().enumerate()
    {
        let address = || range.parse::<std::net::IpAddr>().map(IpNet::from);
        match range.parse::<IpNet>().or_else(|_| address()) {
            Ok(net) => ip_allow.push(net.trunc().to_string()),
            Err(_) => given
                .refuse(&format!("ip_allow[{position}]"), "must be a range such as 203.0.113.0/24"),
        }
    }
    let token = token.unwrap_or(!hmac && ip_allow.is_empty());
    input.absorb(given);
    IntegrationAuth { token, hmac, ip_allow }
}

/// A door that anybody can open moves anybody's money.
fn refuse_open_door(input: &mut Input, auth: &IntegrationAuth) {
    if !auth.token && !auth.hmac && auth.ip_allow.is_empty() {
        input.refuse("auth", "must demand at least one of token, hmac and ip_allow");
    }
}

/// What is shown once.
#[derive(Default)]
struct Shown {
    token: Option<String>,
    hmac_secret: Option<String>,
}

/// Makes the secrets that `row.auth` demands. The live ones end at `old_end`; of each kind at most
/// two stay.
fn renew_secrets(
    row: &mut IntegrationRow,
    pepper: &[u8; 32],
    (now, old_end): (Timestamp, Timestamp),
    rng: &mut (dyn RngCore + Send),
) -> Shown {
    let mut shown = Shown::default();
    let end = |expires_at: Option<i64>| Some(expires_at.unwrap_or(old_end.0).min(old_end.0));
    if row.auth.token {
        let token = credential::secret_text(rng);
        let hash = credential::hash(pepper, token.as_bytes());
        row.token_hashes.retain(|old| old.expires_at.is_none_or(|end| now.0 < end));
        row.token_hashes.iter_mut().for_each(|old| old.expires_at = end(old.expires_at));
        row.token_hashes.insert(0, TokenHash { hash: hex(&hash), expires_at: None });
        row.token_hashes.truncate(LIVE_SECRETS_MAX);
        shown.token = Some(token);
    }
    if row.auth.hmac {
        let mut bytes = [0_u8; 32];
        rng.fill_bytes(&mut bytes);
        let secret = format!("{HMAC_PREFIX}{}", STANDARD.encode(bytes));
        row.hmac_secrets.retain(|old| old.expires_at.is_none_or(|end| now.0 < end));
        row.hmac_secrets.iter_mut().for_each(|old| old.expires_at = end(old.expires_at));
        row.hmac_secrets.insert(0, HmacSecret { secret: secret.clone(), expires_at: None });
        row.hmac_secrets.truncate(LIVE_SECRETS_MAX);
        shown.hmac_secret = Some(secret);
    }
    shown
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing into a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The integration with what is shown this once.
fn view_once(row: &IntegrationRow, public_url: &str, shown: Shown) -> Value {
    let mut fields = view(row, public_url);
    if let Some(token) = &shown.token {
        let url = format!("{public_url}/postback/{}?token={token}", row.id);
        fields["postback_url"] = Value::from(url);
    }
    fields["token"] = shown.token.into();
    fields["hmac_secret"] = shown.hmac_secret.into();
    fields
}

fn view(row: &IntegrationRow, public_url: &str) -> Value {
    json!({
        "id": row.id.to_string(),
        "name": row.name,
        "adapter": row.adapter,
        "builtin": row.builtin,
        "advertiser_id": row.advertiser.map(|id| id.to_string()),
        "order_space": row.order_space,
        "auth": {"token": row.auth.token, "hmac": row.auth.hmac, "ip_allow": row.auth.ip_allow},
        "config": row.config,
        "status_map": row.status_map,
        "postback_url": format!("{public_url}/postback/{}", row.id),
        "created_at": instant(row.created_at),
        "archived_at": instant(row.archived_at),
    })
}

/// The integration that the path names, if the caller sees it.
async fn named(call: &mut Call) -> Result<IntegrationRow, Problem> {
    let id: IntegrationId = call.path_id("id")?;
    let reach = call.reach();
    call.tx.integrations().get(id, reach).await?.ok_or(Problem::NotFound)
}
