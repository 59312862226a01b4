//! Caps and budgets: what they limit, and over which span of the tenant's calendar.

use model::clock::Timestamp;
use model::money::Currency;
use model::money::Money;
use serde_json::Value as Json;
use serde_json::json;
use store::rollups::ConversionSums;
use store::rollups::Usage;
use store::rollups::UsedBy;

model::words! {
    /// What a cap counts.
    pub enum Measure {
        /// Clicks that are not filtered.
        Clicks = "clicks",
        /// Pending and approved conversions.
        Conversions = "conversions",
        /// What is owed for them.
        Charge = "charge",
        /// Charge minus fee.
        Commission = "commission",
    }
}

model::words! {
    /// Over which span.
    pub enum Period {
        /// A day in the tenant's time zone.
        Day = "day",
        /// A month in the tenant's time zone.
        Month = "month",
        /// For ever.
        Total = "total",
    }
}

/// One limit with the span that an instant lies in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cap {
    pub(crate) usage: Usage,
    pub(crate) measure: Measure,
    pub(crate) period: Period,
    /// A count, or minor units of the usage's currency.
    pub(crate) limit: i64,
}

/// The limits in a JSON object of caps; what cannot be read limits nothing.
pub(crate) fn of_json(
    caps: &Json,
    (by, currency): (UsedBy, Currency),
    span: impl Fn(Period) -> (Timestamp, Timestamp),
) -> Vec<Cap> {
    let mut found = Vec::new();
    for measure in Measure::ALL {
        for period in Period::ALL {
            let stated = &caps[measure.as_str()][period.as_str()];
            let limit = match measure {
                Measure::Clicks | Measure::Conversions => stated.as_i64(),
                Measure::Charge | Measure::Commission => stated
                    .as_str()
                    .and_then(|text| Money::parse(text, currency).ok())
                    .map(|money| money.minor),
            };
            let Some(limit) = limit else { continue };
            let (from, to) = span(*period);
            let usage = Usage { by, publisher: None, currency, from, to };
            found.push(Cap { usage, measure: *measure, period: *period, limit });
        }
    }
    found
}

impl Cap {
    /// Whether what is used, with `more` added, is above the limit. Clicks are no conversions'
    /// affair, and money in another currency is not limited by it.
    pub(crate) fn is_passed(&self, used: ConversionSums, more: ConversionSums) -> bool {
        let (used, more) = (self.of(used), self.of(more));
        self.measure != Measure::Clicks && more > 0 && used.saturating_add(more) > self.limit
    }

    /// Whether nothing more fits.
    pub(crate) fn is_used_up(&self, used: ConversionSums, clicks: i64) -> bool {
        let used = if self.measure == Measure::Clicks { clicks } else { self.of(used) };
        used >= self.limit
    }

    const fn of(&self, sums: ConversionSums) -> i64 {
        match self.measure {
            Measure::Clicks => 0,
            Measure::Conversions => sums.conversions,
            Measure::Charge => sums.charge,
            Measure::Commission => sums.commission,
        }
    }

    /// For the explanation.
    pub(crate) fn shown(&self, used: ConversionSums) -> Json {
        let of = match self.usage.by {
            UsedBy::Offer(id) => id.to_string(),
            UsedBy::Campaign(id) => id.to_string(),
            UsedBy::Link(id) => id.to_string(),
        };
        json!({
            "of": of, "measure": self.measure.as_str(), "period": self.period.as_str(),
            "limit": self.limit, "used": self.of(used),
        })
    }
}

#[cfg(test)]
mod tests {
    use model::id::OfferId;

    use super::*;

    fn cap(measure: &str, limit: &str) -> Cap {
        let caps = serde_json::from_str(&format!(r#"{{"{measure}":{{"day":{limit}}}}}"#));
        let by = (UsedBy::Offer(OfferId(1)), Currency::KZT);
        let span = |_| (Timestamp(0), Timestamp(1));
        of_json(&caps.expect("JSON"), by, span)[0]
    }

    fn sums(conversions: i64, charge: i64) -> ConversionSums {
        ConversionSums { conversions, charge, ..ConversionSums::default() }
    }

    #[test]
    fn the_last_slot_is_given_and_the_next_is_not() {
        let three = cap("conversions", "3");
        assert!(!three.is_passed(sums(2, 0), sums(1, 0)));
        assert!(three.is_passed(sums(3, 0), sums(1, 0)));
        let budget = cap("charge", "\"10.00\"");
        assert!(!budget.is_passed(sums(0, 900), sums(1, 100)));
        assert!(budget.is_passed(sums(0, 900), sums(1, 101)));
        assert!(!budget.is_passed(sums(0, 2_000), sums(1, 0)), "nothing more is asked of it");
    }

    #[test]
    fn clicks_limit_no_conversions() {
        let clicks = cap("clicks", "5");
        assert!(!clicks.is_passed(sums(9, 9), sums(1, 1)));
        assert!(clicks.is_used_up(sums(0, 0), 5));
        assert!(!clicks.is_used_up(sums(9, 9), 4));
    }
}
