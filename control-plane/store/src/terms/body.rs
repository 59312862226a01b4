//! What a term holds beside its price: tiers and conditions, kept as JSON in one column.

use model::money::BasisPoints;
use model::money::Money;
use serde::Deserialize;
use serde::Serialize;

use super::Price;

/// Another price from some volume of the month on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tier {
    /// Percent: value of the publisher's orders this month, in minor units. Fixed: how many of the
    /// publisher's conversions earned this month. Counted before the conversion itself.
    pub from: i64,
    /// Of the same kind as the term's own.
    pub price: Price,
}

/// What must hold for a term to count. Empty lists hold always; of a list one entry must fit.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Conditions {
    /// ISO 3166 codes, upper case, of the click.
    pub countries: Vec<String>,
    /// The order line's category; the offer's where it has none.
    pub categories: Vec<String>,
    /// The order line's article; the offer's where there are no lines.
    pub skus: Vec<String>,
    /// Whether the customer must, or must not, be new to the advertiser.
    pub new_customer: Option<bool>,
}

impl Conditions {
    /// Whether they look at order lines.
    #[must_use]
    pub const fn are_of_lines(&self) -> bool {
        !self.categories.is_empty() || !self.skus.is_empty()
    }
}

/// See the module.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Body {
    /// By rising `from`.
    pub tiers: Vec<Tier>,
    /// All of them must hold.
    pub conditions: Conditions,
    /// A person said from when on: it is shown.
    pub is_dated: bool,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct StoredTier {
    from: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    bp: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    amount_minor: Option<i64>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Stored {
    tiers: Vec<StoredTier>,
    #[serde(flatten)]
    conditions: Conditions,
    is_dated: bool,
}

impl Body {
    /// The text of the column.
    pub(crate) fn text(&self) -> String {
        if *self == Self::default() {
            return "{}".to_owned();
        }
        let to_stored = |tier: &Tier| match tier.price {
            Price::Percent(rate) => {
                StoredTier { from: tier.from, bp: Some(rate.0), amount_minor: None }
            }
            Price::Fixed(money) => {
                StoredTier { from: tier.from, bp: None, amount_minor: Some(money.minor) }
            }
        };
        let stored = Stored {
            tiers: self.tiers.iter().map(to_stored).collect(),
            conditions: self.conditions.clone(),
            is_dated: self.is_dated,
        };
        serde_json::to_string(&stored).expect("rows hold only what JSON can say")
    }

    /// Reads [`Self::text`] back; `price` is the term's own. `None` for any other text.
    pub(crate) fn read(text: &str, price: Price) -> Option<Self> {
        let stored: Stored = serde_json::from_str(text).ok()?;
        let mut tiers = Vec::with_capacity(stored.tiers.len());
        for tier in stored.tiers {
            let price = match price {
                Price::Percent(_) => Price::Percent(BasisPoints(tier.bp?)),
                Price::Fixed(own) => Price::Fixed(Money::new(tier.amount_minor?, own.currency)),
            };
            tiers.push(Tier { from: tier.from, price });
        }
        Some(Self { tiers, conditions: stored.conditions, is_dated: stored.is_dated })
    }
}

#[cfg(test)]
mod tests {
    use model::money::Currency;

    use super::*;

    #[test]
    fn a_body_reads_back_and_an_empty_one_is_empty() {
        assert_eq!(Body::default().text(), "{}");
        let own = Price::Fixed(Money::new(500, Currency::KZT));
        assert_eq!(Body::read("{}", own), Some(Body::default()));
        let body = Body {
            tiers: vec![Tier { from: 10, price: Price::Fixed(Money::new(700, Currency::KZT)) }],
            conditions: Conditions {
                countries: vec!["KZ".to_owned()],
                new_customer: Some(true),
                ..Conditions::default()
            },
            is_dated: true,
        };
        assert_eq!(Body::read(&body.text(), own), Some(body.clone()));
        assert_eq!(Body::read(&body.text(), Price::Percent(BasisPoints(1))), None);
        assert_eq!(Body::read("[]", own), None);
    }
}
