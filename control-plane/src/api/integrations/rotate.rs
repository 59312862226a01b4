//! `POST /v1/integrations/{id}/rotate`: new secrets; the old ones live on for a while, so that two
//! live at once.

use std::time::Duration;

use crate::api::answer::Answer;
use crate::api::call::Call;
use crate::api::endpoint::Endpoint;
use crate::api::endpoint::Outcome;
use crate::api::endpoint::run;
use crate::api::integrations::KIND;
use crate::api::integrations::named;
use crate::api::integrations::renew_secrets;
use crate::api::integrations::view_once;
use crate::api::keys;

pub(super) const ENDPOINT: Endpoint =
    Endpoint::act("/v1/integrations/{id}/rotate", "rotate", run!(rotate))
        .says("Replace an integration's secrets; the old ones live `overlap_hours`")
        .fields(keys::ROTATE_FIELDS);

async fn rotate(call: &mut Call) -> Outcome {
    let mut row = named(call).await?;
    let overlap = keys::read_overlap(call)?;
    let times = (call.now, call.now + Duration::from_secs(overlap * 3600));
    let shown = renew_secrets(&mut row, &call.api.pepper, times, &mut call.rng);
    call.tx.integrations().update(&row, call.now).await?;
    Ok(Answer::object(KIND, view_once(&row, &call.api.public_url, shown)))
}
