//! `GET /v1/publishers`: newest first; a publisher sees itself.

use crate::api::answer::Answer;
use crate::api::call::Call;
use crate::api::endpoint::Endpoint;
use crate::api::endpoint::OPERATORS_PUBLISHERS;
use crate::api::endpoint::Outcome;
use crate::api::endpoint::run;
use crate::api::input::text;
use crate::api::publishers::KIND;
use crate::api::publishers::view;

pub(super) const ENDPOINT: Endpoint = Endpoint::list("/v1/publishers", run!(list))
    .says("List publishers")
    .with_archive()
    .roles(OPERATORS_PUBLISHERS)
    .query(&[text("code")]);

async fn list(call: &mut Call) -> Outcome {
    let mut query = call.query();
    let code = query.text("code", 64).map(|code| code.to_ascii_lowercase());
    query.finish()?;
    let reach = call.reach();
    let page = call.tx.publishers().list(code.as_deref(), reach, &call.page).await?;
    Ok(Answer::page(KIND, page, view))
}
