//! Days and months of a tenant's calendar as spans of instants.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use model::clock::Timestamp;

use crate::pipeline::caps::Period;

/// The zone of a name; an unknown one counts as UTC.
pub(crate) fn zone(name: &str) -> TimeZone {
    TimeZone::get(name).unwrap_or(TimeZone::UTC)
}

/// The day of an instant.
pub(crate) fn date(at: Timestamp, zone: &TimeZone) -> Date {
    zone.to_datetime(jiff::Timestamp::from_microsecond(at.0).unwrap_or_default()).date()
}

/// The first instant of a day.
pub(crate) fn start_of(day: Date, zone: &TimeZone) -> Timestamp {
    let start = day.to_zoned(zone.clone()).map(|zoned| zoned.timestamp().as_microsecond());
    Timestamp(start.unwrap_or_default())
}

/// The first instant of the day or month that an instant lies in, and of the next one.
pub(crate) fn span(period: Period, at: Timestamp, zone: &TimeZone) -> (Timestamp, Timestamp) {
    let day = date(at, zone);
    let (first, next) = match period {
        Period::Day => (day, day.tomorrow()),
        Period::Month => (day.first_of_month(), day.last_of_month().tomorrow()),
        Period::Total => return (Timestamp(0), Timestamp(i64::MAX)),
    };
    (start_of(first, zone), start_of(next.unwrap_or(first), zone))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_ends_where_the_next_begins_in_its_own_zone() {
        // 2026-02-28T20:00:00Z is the first of March in Almaty.
        let at = Timestamp(1_772_308_800_000_000);
        let almaty = zone("Asia/Almaty");
        let (from, to) = span(Period::Month, at, &almaty);
        assert_eq!(date(from, &almaty).to_string(), "2026-03-01");
        assert_eq!(date(to, &almaty).to_string(), "2026-04-01");
        assert!(from <= at && at < to);
        let (from, to) = span(Period::Day, at, &TimeZone::UTC);
        assert_eq!(to.0 - from.0, 86_400_000_000);
    }
}
