//! `POST /v1/tenants`: a workspace with its first admin key, which is shown once.

use model::catalog::Role;
use model::id::TenantId;
use model::money::BasisPoints;
use store::error::StoreError;
use store::tenants::DEFAULT_TENANT;
use store::tenants::TenantRow;

use crate::api::answer::Answer;
use crate::api::call::Call;
use crate::api::credential;
use crate::api::credential::NewKey;
use crate::api::endpoint::Endpoint;
use crate::api::endpoint::Outcome;
use crate::api::endpoint::run;
use crate::api::error::Problem;
use crate::api::tenants::FIELDS;
use crate::api::tenants::KIND;
use crate::api::tenants::read;
use crate::api::tenants::view;

pub(super) const ENDPOINT: Endpoint = Endpoint::create("/v1/tenants", run!(create))
    .says("Make a tenant; its `admin_key` is shown once. For admins of tenant `default`")
    .fields(FIELDS)
    .on_its_own();

async fn create(call: &mut Call) -> Outcome {
    if call.tenant().await?.name != DEFAULT_TENANT {
        return Err(Problem::Forbidden);
    }
    let mut input = call.input();
    let mut row = TenantRow {
        id: TenantId::new(call.now, &mut call.rng),
        name: String::new(),
        default_fee: BasisPoints::ZERO,
        default_share: BasisPoints::ZERO,
        locale: String::new(),
        time_zone: String::new(),
        created_at: call.now,
    };
    read(&mut input, &mut row);
    input.finish()?;
    let new = NewKey::of_tenant(row.id, Role::Admin, "admin");
    let minted = credential::mint(new, &call.api.pepper, call.now, &mut call.rng);
    let mut batch = call.api.store.begin_batch().await?;
    batch.tenants().insert(&row).await.map_err(|error| match error {
        StoreError::Unique(_) => Problem::taken("name"),
        other => other.into(),
    })?;
    batch.keys(row.id).insert(&minted.row).await?;
    batch.save().await?;
    let mut answer = Answer::object(KIND, view(&row));
    answer.body["admin_key"] = minted.text.into();
    Ok(answer)
}
