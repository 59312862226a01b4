//! `GET /v1/stats/chart`: the overview's numbers over time, one point per period, empty ones
//! included.

use std::collections::BTreeMap;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use model::clock::Timestamp;
use serde_json::Map;
use serde_json::Value;
use store::rollups::GroupBy;
use store::rollups::Grouped;
use store::rollups::StatsFilter;

use crate::api::answer::Answer;
use crate::api::call::Call;
use crate::api::endpoint::EVERYBODY;
use crate::api::endpoint::Endpoint;
use crate::api::endpoint::Outcome;
use crate::api::endpoint::run;
use crate::api::error::Problem;
use crate::api::input::Field;
use crate::api::input::Kind;
use crate::api::input::field;
use crate::api::input::text;
use crate::api::stats::counts;
use crate::api::stats::filter_of;
use crate::api::time;

/// Points of one chart at most: thirty days by the hour fit.
const POINTS_MAX: usize = 1000;

model::words! {
    /// How long one point of a chart is, in the tenant's time zone.
    pub enum Granularity {
        /// From full hour to full hour.
        Hour = "hour",
        /// A calendar day.
        Day = "day",
        /// From Monday on.
        Week = "week",
        /// A calendar month.
        Month = "month",
    }
}

const QUERY: &[Field] = &[
    text("granularity").note("hour | day (default) | week | month"),
    field("from", Kind::Instant).note("instant or day; default 30 days ago"),
    field("to", Kind::Instant).note("instant or last day; default now"),
    text("publisher_id"),
    text("campaign_id"),
    text("advertiser_id"),
    text("link_id"),
];

pub(super) const ENDPOINT: Endpoint = Endpoint::get("/v1/stats/chart", run!(chart))
    .aliases(&["/stats/chart", "/influencer/stats/chart"])
    .says("Sum clicks, conversions and money per hour, day, week or month")
    .roles(EVERYBODY)
    .query(QUERY);

async fn chart(call: &mut Call) -> Outcome {
    let zone = TimeZone::get(&call.tenant().await?.time_zone).unwrap_or(TimeZone::UTC);
    let mut query = call.query();
    let granularity = query.word("granularity", Granularity::parse, Granularity::ALL);
    let granularity = granularity.unwrap_or(Granularity::Day);
    let Some(filter) = filter_of(call, query).await? else {
        return Ok(Answer::rows(Vec::new(), None));
    };
    let mut points = empty_points(&filter, granularity, &zone)?;
    for row in call.tx.rollups().by(&filter, GroupBy::Bucket).await? {
        let bucket = Timestamp(row.key.parse().unwrap_or_default());
        // The first bucket may begin before the span: it belongs to the first point.
        let at = start_of(bucket.max(filter.from), granularity, &zone);
        if let Some(point) = at.and_then(|at| points.get_mut(&at)) {
            absorb(point, &row);
        }
    }
    let data = points.iter().map(|(at, row)| view(*at, row)).collect();
    Ok(Answer::rows(data, None))
}

fn empty_points(
    filter: &StatsFilter,
    granularity: Granularity,
    zone: &TimeZone,
) -> Result<BTreeMap<Timestamp, Grouped>, Problem> {
    let mut points = BTreeMap::new();
    let mut next = start_of(filter.from, granularity, zone);
    while let Some(at) = next.filter(|at| *at < filter.to) {
        if points.len() >= POINTS_MAX {
            let detail = "has more than 1000 points in this span";
            return Err(Problem::field("granularity", detail));
        }
        points.insert(at, Grouped::default());
        next = after(at, granularity, zone);
    }
    Ok(points)
}

/// The start of the period that an instant falls into.
fn start_of(at: Timestamp, granularity: Granularity, zone: &TimeZone) -> Option<Timestamp> {
    let local = jiff::Timestamp::from_microsecond(at.0).ok()?.to_zoned(zone.clone());
    let day = local.date();
    let start = match granularity {
        // Counted in the instant's own offset: the hour that a change of clocks repeats stays two
        // hours.
        Granularity::Hour => {
            let into = i64::from(local.minute()) * 60 + i64::from(local.second());
            let whole = local.timestamp().as_second() - into;
            return Some(Timestamp(whole * 1_000_000));
        }
        Granularity::Day => day,
        Granularity::Week => {
            let since_monday = i64::from(day.weekday().to_monday_zero_offset());
            day.checked_sub(jiff::Span::new().days(since_monday)).ok()?
        }
        Granularity::Month => day.first_of_month(),
    };
    instant_of(start, zone)
}

/// The start of the period behind the one that starts at `at`.
fn after(at: Timestamp, granularity: Granularity, zone: &TimeZone) -> Option<Timestamp> {
    let day = jiff::Timestamp::from_microsecond(at.0).ok()?.to_zoned(zone.clone()).date();
    let span = match granularity {
        Granularity::Hour => return Some(Timestamp(at.0 + 3_600_000_000)),
        Granularity::Day => jiff::Span::new().days(1),
        Granularity::Week => jiff::Span::new().days(7),
        Granularity::Month => jiff::Span::new().months(1),
    };
    instant_of(day.checked_add(span).ok()?, zone)
}

fn instant_of(day: Date, zone: &TimeZone) -> Option<Timestamp> {
    let start = day.to_zoned(zone.clone()).ok()?;
    Some(Timestamp(start.timestamp().as_microsecond()))
}

/// Adds one row of sums to another.
fn absorb(point: &mut Grouped, row: &Grouped) {
    point.clicks.clicks += row.clicks.clicks;
    point.clicks.unique += row.clicks.unique;
    point.clicks.filtered += row.clicks.filtered;
    point.clicks.suspect += row.clicks.suspect;
    point.conversions += row.conversions;
    for other in &row.money {
        match point.money.iter_mut().find(|own| own.currency == other.currency) {
            Some(own) => {
                own.sums.conversions += other.sums.conversions;
                own.sums.gmv += other.sums.gmv;
                own.sums.charge += other.sums.charge;
                own.sums.commission += other.sums.commission;
                own.sums.net += other.sums.net;
            }
            None => point.money.push(*other),
        }
    }
}

fn view(at: Timestamp, row: &Grouped) -> Value {
    let mut body = Map::new();
    body.insert("at".to_owned(), time::instant(at));
    body.extend(counts(row));
    Value::Object(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, granularity: Granularity, expected: [&str; 2]) {
        let zone = TimeZone::get("Asia/Almaty").expect("a zone");
        let at = time::parse(text).expect("an instant");
        let start = start_of(at, granularity, &zone).expect("a start");
        let next = after(start, granularity, &zone).expect("a next one");
        assert_eq!([time::text(start), time::text(next)], expected, "{text} {granularity}");
    }

    #[test]
    fn periods_begin_in_the_tenants_time_zone() {
        let at = "2026-02-04T20:17:03.5Z";
        check(at, Granularity::Hour, ["2026-02-04T20:00:00Z", "2026-02-04T21:00:00Z"]);
        check(at, Granularity::Day, ["2026-02-04T19:00:00Z", "2026-02-05T19:00:00Z"]);
        check(at, Granularity::Week, ["2026-02-01T19:00:00Z", "2026-02-08T19:00:00Z"]);
        check(at, Granularity::Month, ["2026-01-31T19:00:00Z", "2026-02-28T19:00:00Z"]);
    }
}
