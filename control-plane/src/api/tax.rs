//! Tax: the register of what was withheld, as JSON and as CSV.

use jiff::civil::Date;
use model::clock::Timestamp;

use crate::api::call::Call;
use crate::api::endpoint::Endpoint;
use crate::api::error::Problem;
use crate::api::input::Field;
use crate::api::input::text;
use crate::api::time;

mod report;
mod report_csv;

pub(crate) const ENDPOINTS: &[Endpoint] = &[report::ENDPOINT, report_csv::ENDPOINT];

const QUERY: &[Field] = &[text("period").required().note("2026, 2026-Q1 or 2026-01")];

/// What everybody who reads a register must know.
const NOTE: &str = "rates are data that the operator confirms; an accountant must confirm them \
                    before anything is declared; this is not tax advice";

/// The first day of a period, and the first behind it.
fn days_of(period: &str) -> Option<(Date, Date)> {
    let day = |text: String| time::parse_date(&text);
    if let Some((year, quarter)) = period.split_once("-Q") {
        let quarter: u32 = quarter.parse().ok().filter(|one| (1..=4).contains(one))?;
        let first = day(format!("{year}-{:02}-01", quarter * 3 - 2))?;
        let last = day(format!("{year}-{:02}-01", quarter * 3))?;
        return Some((first, last.last_of_month().tomorrow().ok()?));
    }
    if period.len() == 4 {
        let first = day(format!("{period}-01-01"))?;
        return Some((first, day(format!("{period}-12-31"))?.tomorrow().ok()?));
    }
    let first = day(format!("{period}-01"))?;
    Some((first, first.last_of_month().tomorrow().ok()?))
}

/// The period that is asked for, and its span in the tenant's time zone.
async fn period(call: &mut Call) -> Result<(String, Timestamp, Timestamp), Problem> {
    let mut query = call.query();
    let period = query.needs_text("period", 7);
    let days = days_of(&period);
    if days.is_none() && !query.is_refused("period") {
        query.refuse("period", "must be a year, a quarter or a month such as 2026-01");
    }
    query.finish()?;
    let (first, next) = days.ok_or(Problem::NotFound)?;
    let zone = call.tenant().await?.time_zone;
    let start = |day| time::start_of(day, &zone).ok_or(Problem::NotFound);
    Ok((period, start(first)?, start(next)?))
}

#[cfg(test)]
mod tests {
    use super::days_of;

    #[test]
    fn a_period_is_a_year_a_quarter_or_a_month() {
        for (period, first, next) in [
            ("2026", "2026-01-01", "2027-01-01"),
            ("2026-Q1", "2026-01-01", "2026-04-01"),
            ("2026-Q4", "2026-10-01", "2027-01-01"),
            ("2026-02", "2026-02-01", "2026-03-01"),
        ] {
            let (from, to) = days_of(period).expect(period);
            assert_eq!((from.to_string().as_str(), to.to_string().as_str()), (first, next));
        }
        for period in ["", "2026-13", "2026-Q5", "2026-Q", "26", "2026-1", "2026-01-01"] {
            assert_eq!(days_of(period), None, "{period}");
        }
    }
}
