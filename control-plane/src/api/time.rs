//! Instants and days as the API writes and reads them.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use model::clock::Timestamp;
use serde_json::Value;

/// RFC 3339 in UTC; `null` for none.
pub(crate) fn instant(at: impl Into<Option<Timestamp>>) -> Value {
    at.into().map_or(Value::Null, |at| Value::String(text(at)))
}

/// RFC 3339 in UTC.
pub(crate) fn text(at: Timestamp) -> String {
    jiff::Timestamp::from_microsecond(at.0)
        .map_or_else(|_| "9999-12-31T23:59:59Z".to_owned(), |at| at.to_string())
}

/// Reads RFC 3339 with any offset.
pub(crate) fn parse(text: &str) -> Option<Timestamp> {
    text.parse::<jiff::Timestamp>().ok().map(|at| Timestamp(at.as_microsecond()))
}

/// Reads `YYYY-MM-DD`.
pub(crate) fn parse_date(text: &str) -> Option<Date> {
    if text.len() == 10 { text.parse().ok() } else { None }
}

/// The instant at which a day begins in a time zone; an unknown zone counts as UTC.
pub(crate) fn start_of(day: Date, time_zone: &str) -> Option<Timestamp> {
    let zone = TimeZone::get(time_zone).unwrap_or(TimeZone::UTC);
    let start = day.to_zoned(zone).ok()?;
    Some(Timestamp(start.timestamp().as_microsecond()))
}

/// The day of an instant in a time zone; an unknown zone counts as UTC.
pub(crate) fn day_of(at: Timestamp, time_zone: &str) -> Option<Date> {
    let zone = TimeZone::get(time_zone).unwrap_or(TimeZone::UTC);
    Some(jiff::Timestamp::from_microsecond(at.0).ok()?.to_zoned(zone).date())
}

/// Whether there is such a time zone.
pub(crate) fn is_zone(name: &str) -> bool {
    TimeZone::get(name).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_survive_a_round_trip() {
        let at = Timestamp(1_767_225_600_123_456);
        assert_eq!(text(at), "2026-01-01T00:00:00.123456Z");
        assert_eq!(parse(&text(at)), Some(at));
        assert_eq!(parse("2026-01-01T05:00:00+05:00"), Some(Timestamp(1_767_225_600_000_000)));
    }

    #[test]
    fn a_day_begins_in_its_own_zone() {
        let day = parse_date("2026-01-01").expect("a day");
        let start = start_of(day, "Asia/Almaty").expect("a start");
        assert_eq!(text(start), "2025-12-31T19:00:00Z");
        assert_eq!(day_of(start, "Asia/Almaty"), Some(day));
        assert_eq!(parse_date("2026-02-30"), None);
    }
}
