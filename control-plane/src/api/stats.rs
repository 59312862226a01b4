//! Reports, all from the same sums.

use std::time::Duration;

use model::money::Currency;
use serde_json::Map;
use serde_json::Number;
use serde_json::Value;
use store::rollups::ConversionSums;
use store::rollups::Grouped;
use store::rollups::MoneySums;
use store::rollups::StatsFilter;

use crate::api::call::Call;
use crate::api::endpoint::Endpoint;
use crate::api::error::Problem;
use crate::api::input::Field;
use crate::api::input::Input;
use crate::api::input::Kind;
use crate::api::input::field;
use crate::api::input::text;
use crate::api::money;
use crate::api::sight::narrow;

mod chart;
mod creator;
mod funnel;
mod grouped;
mod overview;

/// What a report covers when nobody says.
const DEFAULT_SPAN: Duration = Duration::from_hours(30 * 24);

/// What an empty report is in.
const CURRENCY: Currency = Currency::KZT;

const QUERY: &[Field] = &[
    field("from", Kind::Instant).note("instant or day; default 30 days ago"),
    field("to", Kind::Instant).note("instant or last day; default now"),
    text("publisher_id"),
    text("campaign_id"),
    text("advertiser_id"),
    text("link_id"),
];

pub(crate) const ENDPOINTS: &[Endpoint] = &[
    overview::ENDPOINT,
    chart::ENDPOINT,
    grouped::PER_PUBLISHER,
    grouped::PER_CAMPAIGN,
    funnel::ENDPOINT,
    creator::ENDPOINT,
];

/// The filter of a query, narrowed to what the caller sees. `None`: nothing can be seen.
async fn read_filter(call: &mut Call) -> Result<Option<StatsFilter>, Problem> {
    let query = call.query();
    filter_of(call, query).await
}

/// As [`read_filter`], for a query of which other parameters are read already.
async fn filter_of(call: &mut Call, mut query: Input) -> Result<Option<StatsFilter>, Problem> {
    let zone = call.tenant().await?.time_zone;
    let to = query.moment_end("to", &zone);
    let to = to.unwrap_or(call.now + Duration::from_micros(1));
    let mut filter = StatsFilter {
        from: query.moment("from", &zone).unwrap_or(to - DEFAULT_SPAN),
        to,
        publisher: query.id("publisher_id"),
        campaign: query.id("campaign_id"),
        advertiser: query.id("advertiser_id"),
        link: query.id("link_id"),
    };
    if filter.to <= filter.from {
        query.refuse("to", "must be after `from`");
    }
    query.finish()?;
    let is_seen = narrow(call.reach(), &mut filter.publisher, &mut filter.advertiser);
    Ok(is_seen.then_some(filter))
}

/// The numbers of one row of a report.
fn counts(row: &Grouped) -> Map<String, Value> {
    let mut body = Map::new();
    body.insert("clicks".to_owned(), Value::from(row.clicks.clicks));
    body.insert("unique_clicks".to_owned(), Value::from(row.clicks.unique));
    body.insert("filtered".to_owned(), Value::from(row.clicks.filtered));
    body.insert("suspect".to_owned(), Value::from(row.clicks.suspect));
    body.insert("conversions".to_owned(), Value::from(row.conversions));
    body.insert("conversion_rate".to_owned(), rate(row.conversions, row.clicks.clicks));
    add_money(&mut body, &row.money);
    body
}

/// Sums of one currency on top, all currencies in `money`.
fn add_money(body: &mut Map<String, Value>, sums: &[MoneySums]) {
    let home = sums.iter().find(|row| row.currency == CURRENCY).or_else(|| sums.first());
    let nothing = MoneySums { currency: CURRENCY, sums: ConversionSums::default() };
    body.extend(money_fields(home.unwrap_or(&nothing)));
    let all = sums.iter().map(|row| Value::Object(money_fields(row))).collect();
    body.insert("money".to_owned(), Value::Array(all));
}

fn money_fields(row: &MoneySums) -> Map<String, Value> {
    let MoneySums { currency, sums } = row;
    let parts = [
        ("gmv", sums.gmv),
        ("charge", sums.charge),
        ("commission", sums.commission),
        ("net", sums.net),
    ];
    parts
        .into_iter()
        .map(|(name, minor)| (name.to_owned(), money::minor(minor, *currency)))
        .collect()
}

/// Conversions per click with four decimals, as a number token; 0 without clicks.
fn rate(conversions: i64, clicks: i64) -> Value {
    let scaled = if clicks > 0 { (conversions.max(0) * 10_000 + clicks / 2) / clicks } else { 0 };
    let text = format!("{}.{:04}", scaled / 10_000, scaled % 10_000);
    serde_json::from_str::<Number>(&text).map_or(Value::Null, Value::Number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_conversion_rate_is_rounded_and_never_divides_by_zero() {
        assert_eq!(rate(1, 3).to_string(), "0.3333");
        assert_eq!(rate(2, 3).to_string(), "0.6667");
        assert_eq!(rate(5, 0).to_string(), "0.0000");
        assert_eq!(rate(3, 2).to_string(), "1.5000");
    }
}
