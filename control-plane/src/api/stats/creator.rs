//! `GET /v1/analytics/creator?period=30d`: one publisher's clicks, conversions, earnings, and what
//! shoppers got of them.

use std::time::Duration;

use model::money::Currency;
use serde_json::json;
use store::listing::Reach;
use store::rollups::StatsFilter;

use crate::api::answer::Answer;
use crate::api::call::Call;
use crate::api::endpoint::Endpoint;
use crate::api::endpoint::OPERATORS_PUBLISHERS;
use crate::api::endpoint::Outcome;
use crate::api::endpoint::run;
use crate::api::error::Problem;
use crate::api::input::text;
use crate::api::money;
use crate::api::stats::CURRENCY;

/// Days of a period when nobody says.
const PERIOD_DAYS_DEFAULT: u64 = 30;
/// Days of a period at most.
const PERIOD_DAYS_MAX: u64 = 366;

pub(super) const ENDPOINT: Endpoint = Endpoint::get("/v1/analytics/creator", run!(creator))
    .says("Sum what a publisher's traffic brought in the last days")
    .roles(OPERATORS_PUBLISHERS)
    .query(&[
        text("period").note("days, as 30d; at most 366d"),
        text("publisher_id").note("default: the caller; for operators everybody"),
    ]);

async fn creator(call: &mut Call) -> Outcome {
    let mut query = call.query();
    let period = query.text("period", 8);
    let days = period.as_deref().map_or(Some(PERIOD_DAYS_DEFAULT), days_of);
    if days.is_none() {
        query.refuse("period", "must be a number of days such as 30d, at most 366d");
    }
    let mut publisher = query.id("publisher_id");
    query.finish()?;
    let reach = call.reach();
    if !crate::api::sight::narrow(reach, &mut publisher, &mut None) {
        return Err(Problem::NotFound);
    }
    let currency = currency_of(call, publisher, reach).await?;
    let to = call.now + Duration::from_micros(1);
    let span = Duration::from_secs(days.unwrap_or(PERIOD_DAYS_DEFAULT) * 24 * 3600);
    let filter = StatsFilter {
        from: to - span,
        to,
        publisher,
        campaign: None,
        advertiser: None,
        link: None,
    };
    let sums = call.tx.rollups().overview(&filter).await?;
    let shared = call.tx.rollups().shared(&filter).await?;
    let earned = sums.money.iter().find(|row| row.currency == currency);
    let shared = shared.iter().find(|(own, _)| *own == currency);
    Ok(Answer::json(json!({
        "clicks": sums.clicks.clicks,
        "conversions": sums.conversions,
        "earnings": money::minor(earned.map_or(0, |row| row.sums.net), currency),
        "shared": money::minor(shared.map_or(0, |(_, minor)| *minor), currency),
    })))
}

/// The publisher's own currency.
async fn currency_of(
    call: &mut Call,
    publisher: Option<model::id::PublisherId>,
    reach: Reach,
) -> Result<Currency, Problem> {
    let Some(id) = publisher else { return Ok(CURRENCY) };
    let row = call.tx.publishers().get(id, reach).await?;
    row.map(|row| row.currency).ok_or(Problem::NotFound)
}

fn days_of(period: &str) -> Option<u64> {
    let days = period.strip_suffix('d')?.parse().ok()?;
    (1..=PERIOD_DAYS_MAX).contains(&days).then_some(days)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_is_a_number_of_days() {
        for (text, days) in
            [("30d", Some(30)), ("366d", Some(366)), ("0d", None), ("367d", None), ("1w", None)]
        {
            assert_eq!(days_of(text), days, "{text}");
        }
    }
}
