//! `POST /v1/keys`: a key of any role. Its secret is shown once.

use model::catalog::Role;
use model::id::ShopperId;
use store::keys::KeyKind;

use crate::api::advertisers;
use crate::api::call::Call;
use crate::api::credential::NewKey;
use crate::api::endpoint::Endpoint;
use crate::api::endpoint::Outcome;
use crate::api::endpoint::run;
use crate::api::error::Problem;
use crate::api::input::Input;
use crate::api::input::given;
use crate::api::keys;
use crate::api::keys::FIELDS;
use crate::api::publishers;

pub(super) const ENDPOINT: Endpoint =
    Endpoint::create("/v1/keys", run!(create)).says("Make an API key").fields(FIELDS);

async fn create(call: &mut Call) -> Outcome {
    let mut input = call.input();
    let role = input.word("role", Role::parse, Role::ALL);
    if role.is_none() {
        input.missing("role");
    }
    let name = input.needs_text("name", 200);
    let (kind, origins) = keys::read_kind(&mut input);
    let advertiser = advertisers::referred(call, &mut input, "advertiser_id").await?;
    let publisher = publishers::referred(call, &mut input, "publisher_id").await?;
    let shopper = shopper(call, &mut input).await?;
    let kind = kind.unwrap_or(KeyKind::Secret);
    if let Some(role) = role {
        need_owner(&mut input, role, ("advertiser_id", Role::Advertiser), advertiser.is_some());
        need_owner(&mut input, role, ("publisher_id", Role::Publisher), publisher.is_some());
        need_owner(&mut input, role, ("shopper_id", Role::Shopper), shopper.is_some());
        if kind == KeyKind::Publishable && !keys::has_owner(role) {
            input.refuse("kind", "a publishable key is an advertiser's, publisher's or shopper's");
        }
    }
    input.finish()?;
    let key = NewKey {
        tenant: call.caller.tenant,
        name,
        role: given(role)?,
        kind,
        advertiser: advertiser.map(|row| row.id),
        publisher: publisher.map(|row| row.id),
        shopper,
        origins,
    };
    keys::make(call, key).await
}

/// An owner stands exactly on keys of its own role.
fn need_owner(input: &mut Input, role: Role, (name, of): (&str, Role), is_given: bool) {
    if role == of && !is_given && !input.is_refused(name) {
        input.missing(name);
    }
    if role != of && is_given {
        input.refuse(name, format!("belongs to keys of role {of} only"));
    }
}

async fn shopper(call: &mut Call, input: &mut Input) -> Result<Option<ShopperId>, Problem> {
    let Some(id) = input.id::<ShopperId>("shopper_id") else { return Ok(None) };
    let row = call.tx.shoppers().get(id).await?;
    if row.is_none() {
        input.refuse("shopper_id", "there is no such shopper");
    }
    Ok(row.map(|row| row.id))
}
