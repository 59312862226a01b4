//! `GET /v1/links/{id}/qr.svg`: the link's address as a QR code, to be printed.

use fast_qr::ECL;
use fast_qr::QRBuilder;
use fast_qr::convert::Builder;
use fast_qr::convert::Shape;
use fast_qr::convert::svg::SvgBuilder;
use serde_json::Value;

use crate::api::answer::Answer;
use crate::api::call::Call;
use crate::api::endpoint::EVERYBODY;
use crate::api::endpoint::Endpoint;
use crate::api::endpoint::Outcome;
use crate::api::endpoint::run;
use crate::api::error::Problem;
use crate::api::links::Addresses;
use crate::api::links::named;

pub(super) const ENDPOINT: Endpoint = Endpoint::get("/v1/links/{id}/qr.svg", run!(qr))
    .says("Show a link's address as a QR code")
    .roles(EVERYBODY)
    .answers("image/svg+xml");

async fn qr(call: &mut Call) -> Outcome {
    call.query().finish()?;
    let row = named(call).await?;
    let url = Addresses::of(call).await?.url(&row);
    // A print is folded and stained: a fifth of it may be unreadable.
    let code = QRBuilder::new(url).ecl(ECL::M).build();
    let code = code.map_err(|error| Problem::Internal(error.to_string().into()))?;
    let svg = SvgBuilder::default().shape(Shape::Square).to_str(&code);
    Ok(Answer::json(Value::String(svg)))
}
