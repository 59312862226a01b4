//! API keys.

use std::time::Duration;

use model::catalog::Role;
use model::id::KeyId;
use serde_json::Value;
use serde_json::json;
use store::keys::KeyKind;
use store::keys::KeyRow;

use crate::api::answer::Answer;
use crate::api::call::Call;
use crate::api::credential;
use crate::api::credential::NewKey;
use crate::api::endpoint::Endpoint;
use crate::api::endpoint::Outcome;
use crate::api::error::Problem;
use crate::api::input::Field;
use crate::api::input::Input;
use crate::api::input::integer;
use crate::api::input::text;
use crate::api::input::texts;
use crate::api::time::instant;
use crate::api::urls;

mod create;
mod get;
mod list;
mod revoke;
mod rotate;

/// Word of `key_id`.
pub(crate) const KIND: &str = "key";

/// Origins of one key at most.
const ORIGINS_MAX: usize = 50;
/// How long a replaced key lives when the caller does not say.
const OVERLAP_HOURS: i64 = 24;
/// Longest overlap: a month.
const OVERLAP_HOURS_MAX: i64 = 31 * 24;

/// Fields of a key whose owner the path names.
pub(crate) const OWN_FIELDS: &[Field] = &[
    text("name"),
    text("kind").note("secret | publishable"),
    texts("origins").note("where a publishable key may stand: https://shop.example"),
];

const FIELDS: &[Field] = &[
    text("role")
        .required()
        .note("admin | finance | support | advertiser | publisher | shopper | cron"),
    text("name").required(),
    text("kind").note("secret | publishable"),
    texts("origins"),
    text("advertiser_id").note("required for role advertiser"),
    text("publisher_id").note("required for role publisher"),
    text("shopper_id").note("required for role shopper"),
];

/// Fields of a rotation.
pub(crate) const ROTATE_FIELDS: &[Field] =
    &[integer("overlap_hours").note("how long the old one still works; default 24, 0 ends it now")];

pub(crate) const ENDPOINTS: &[Endpoint] =
    &[create::ENDPOINT, list::ENDPOINT, get::ENDPOINT, revoke::ENDPOINT, rotate::ENDPOINT];

/// Kind and origins; a publishable key needs at least one origin, a secret one has none.
pub(crate) fn read_kind(input: &mut Input) -> (Option<KeyKind>, Vec<String>) {
    let kind = input.word("kind", KeyKind::parse, KeyKind::ALL);
    let given = input.texts("origins", ORIGINS_MAX, 300).unwrap_or_default();
    let mut origins = Vec::new();
    for (position, text) in given.iter().enumerate() {
        if let Some(origin) = urls::origin(text) {
            origins.push(origin);
        } else {
            let detail = "must be an origin such as https://shop.example";
            input.refuse(&format!("origins[{position}]"), detail);
        }
    }
    match (kind, given.is_empty()) {
        (Some(KeyKind::Publishable), true) => input.missing("origins"),
        (None | Some(KeyKind::Secret), false) => {
            input.refuse("origins", "only a publishable key has origins");
        }
        _ => {}
    }
    (kind, origins)
}

/// Makes a key and shows it.
pub(crate) async fn make(call: &mut Call, new: NewKey) -> Outcome {
    let minted = credential::mint(new, &call.api.pepper, call.now, &mut call.rng);
    call.tx.keys().insert(&minted.row).await?;
    Ok(shown(&minted.row, &minted.text))
}

/// The key with its text, which is shown this once.
fn shown(row: &KeyRow, text: &str) -> Answer {
    let mut fields = view(row);
    fields["key"] = Value::from(text);
    Answer::object(KIND, fields)
}

/// How long what is replaced still works, in hours.
pub(crate) fn read_overlap(call: &mut Call) -> Result<u64, Problem> {
    let mut input = call.input();
    let hours = input.integer("overlap_hours", 0..=OVERLAP_HOURS_MAX).unwrap_or(OVERLAP_HOURS);
    input.finish()?;
    Ok(hours.unsigned_abs())
}

/// Replaces a key by a new one of the same powers; the old one ends after the overlap.
pub(crate) async fn rotate(call: &mut Call, mut old: KeyRow) -> Outcome {
    let hours = read_overlap(call)?;
    if old.ends_at().is_some() {
        return Err(Problem::Conflict(crate::api::error::FieldError::new(
            "id",
            "is a key that was replaced or revoked already",
        )));
    }
    let new = NewKey {
        tenant: old.tenant,
        name: old.name.clone(),
        role: old.role,
        kind: old.kind,
        advertiser: old.advertiser,
        publisher: old.publisher,
        shopper: old.shopper,
        origins: old.origins.clone(),
    };
    let overlap = Duration::from_secs(hours * 3600);
    old.expires_at = Some(call.now + overlap);
    call.tx.keys().update(&old, call.now).await?;
    let minted = credential::mint(new, &call.api.pepper, call.now, &mut call.rng);
    call.tx.keys().insert(&minted.row).await?;
    let mut answer = shown(&minted.row, &minted.text);
    answer.body["replaces"] =
        json!({"id": old.id.to_string(), "expires_at": instant(old.expires_at)});
    Ok(answer)
}

/// A key without its secret.
pub(crate) fn view(row: &KeyRow) -> Value {
    json!({
        "id": row.id.to_string(),
        "name": row.name,
        "role": row.role.as_str(),
        "kind": row.kind.as_str(),
        "advertiser_id": row.advertiser.map(|id| id.to_string()),
        "publisher_id": row.publisher.map(|id| id.to_string()),
        "shopper_id": row.shopper.map(|id| id.to_string()),
        "origins": row.origins,
        "created_at": instant(row.created_at),
        "expires_at": instant(row.expires_at),
        "revoked_at": instant(row.revoked_at),
    })
}

/// The key that the path names, if the caller sees it.
async fn named(call: &mut Call) -> Result<KeyRow, Problem> {
    let id: KeyId = call.path_id("id")?;
    let reach = call.reach();
    call.tx.keys().get(id, reach).await?.ok_or(Problem::NotFound)
}

/// Whether a role's keys belong to a row of their own.
const fn has_owner(role: Role) -> bool {
    matches!(role, Role::Advertiser | Role::Publisher | Role::Shopper)
}
