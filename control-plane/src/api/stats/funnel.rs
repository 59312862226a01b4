//! `GET /v1/stats/funnel`: how many came how far, from click to conversion.

use serde_json::Value;
use serde_json::json;
use store::rollups::Overview;

use crate::api::answer::Answer;
use crate::api::call::Call;
use crate::api::endpoint::EVERYBODY;
use crate::api::endpoint::Endpoint;
use crate::api::endpoint::Outcome;
use crate::api::endpoint::run;
use crate::api::stats::QUERY;
use crate::api::stats::rate;
use crate::api::stats::read_filter;

/// Journey steps between click and conversion, in the order in which shoppers take them.
const ACTIONS: &[&str] = &["landing", "signup", "add_to_cart", "drop_off", "purchase"];

pub(super) const ENDPOINT: Endpoint = Endpoint::get("/v1/stats/funnel", run!(funnel))
    .aliases(&["/stats/funnel", "/influencer/stats/funnel"])
    .says("Count how many came how far, from click to conversion")
    .roles(EVERYBODY)
    .query(QUERY);

async fn funnel(call: &mut Call) -> Outcome {
    let sums = match read_filter(call).await? {
        Some(filter) => call.tx.rollups().overview(&filter).await?,
        None => Overview::default(),
    };
    Ok(Answer::rows(steps(&sums), None))
}

fn steps(sums: &Overview) -> Vec<Value> {
    let count_of = |action: &str| {
        sums.events.iter().find(|(name, _)| name == action).map_or(0, |(_, count)| *count)
    };
    let actions = ACTIONS.iter().map(|action| (*action, count_of(action)));
    let steps = [("clicks", sums.clicks.clicks), ("unique_clicks", sums.clicks.unique)]
        .into_iter()
        .chain(actions)
        .chain([("conversions", sums.conversions)]);
    let view = |(step, count): (&str, i64)| {
        let rate = rate(count, sums.clicks.clicks);
        json!({"step": step, "count": count, "rate": rate})
    };
    steps.map(view).collect()
}

#[cfg(test)]
mod tests {
    use store::rollups::ClickCounts;

    use super::*;

    #[test]
    fn every_step_is_there_even_when_nobody_took_it() {
        let sums = Overview {
            clicks: ClickCounts { clicks: 4, unique: 3, ..ClickCounts::default() },
            conversions: 1,
            events: vec![("landing".to_owned(), 2)],
            money: Vec::new(),
        };
        let shown: Vec<String> = steps(&sums)
            .iter()
            .map(|row| format!("{} {} {}", row["step"], row["count"], row["rate"]))
            .collect();
        assert_eq!(
            shown.join("; "),
            "\"clicks\" 4 1.0000; \"unique_clicks\" 3 0.7500; \"landing\" 2 0.5000; \
             \"signup\" 0 0.0000; \"add_to_cart\" 0 0.0000; \"drop_off\" 0 0.0000; \
             \"purchase\" 0 0.0000; \"conversions\" 1 0.2500"
        );
    }
}
