//! `POST /v1/domains`: the first one that tenant `default` adds takes the place of its `*`.

use model::id::DomainId;
use store::domains::DomainRow;
use store::error::StoreError;

use crate::api::answer::Answer;
use crate::api::call::Call;
use crate::api::domains::FIELDS;
use crate::api::domains::KIND;
use crate::api::domains::view;
use crate::api::endpoint::Endpoint;
use crate::api::endpoint::Outcome;
use crate::api::endpoint::run;
use crate::api::error::Problem;
use crate::api::urls;

pub(super) const ENDPOINT: Endpoint =
    Endpoint::create("/v1/domains", run!(create)).says("Add a tracking host").fields(FIELDS);

async fn create(call: &mut Call) -> Outcome {
    let mut input = call.input();
    let host = input.needs_text("host", 253).to_ascii_lowercase();
    let is_address = host.parse::<std::net::Ipv4Addr>().is_ok() || host == "localhost";
    if !host.is_empty() && !is_address && urls::host(&host).is_none() {
        input.refuse("host", "must be a host name such as go.shop.example");
    }
    let fallback_url = input.url("fallback_url").map(|(url, _)| url);
    input.finish()?;
    let any = call.tx.domains().by_host("*").await?;
    let row = DomainRow {
        id: DomainId::new(call.now, &mut call.rng),
        host,
        fallback_url,
        created_at: call.now,
        archived_at: None,
    };
    call.tx.domains().insert(&row).await.map_err(|error| match error {
        StoreError::Unique(_) => Problem::taken("host"),
        other => other.into(),
    })?;
    if let Some(any) = any {
        call.tx.domains().archive(any.id, call.now).await?;
    }
    Ok(Answer::object(KIND, view(&row)))
}
