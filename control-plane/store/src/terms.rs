//! Terms: what a conversion earns. Dated rows that are ended, never changed, so that a past
//! conversion keeps its rate.

use std::fmt::Write;

use model::clock::Timestamp;
use model::money::BasisPoints;
use model::money::Currency;
use model::money::Money;

use crate::error::StoreError;
use crate::error::StoreResult;
use crate::listing::Listing;
use crate::listing::repository;
use crate::params;
use crate::sql::Row;
use crate::sql::Value;

mod body;

pub use body::Body;
pub use body::Conditions;
pub use body::Tier;

model::words! {
    /// What a term pays for.
    pub enum TermAction {
        /// Arrived at the shop.
        Landing = "landing",
        /// Put something into the cart.
        AddToCart = "add_to_cart",
        /// Registered.
        Signup = "signup",
        /// Bought.
        Purchase = "purchase",
        /// Left before buying.
        DropOff = "drop_off",
        /// Any own action of a shop.
        Custom = "custom",
        /// A click that is neither filtered nor suspect.
        Click = "click",
        /// The button of a pre-lander.
        IntentClick = "intent_click",
        /// A verified view.
        View = "view",
        /// Content that was approved.
        Deliverable = "deliverable",
    }
}

impl TermAction {
    /// Whether our own records say that it happened: whoever tells us of it from outside is not
    /// believed.
    #[must_use]
    pub const fn is_own(self) -> bool {
        matches!(self, Self::Click | Self::IntentClick | Self::View | Self::Deliverable)
    }

    /// Whether it is a click's.
    #[must_use]
    pub const fn is_of_click(self) -> bool {
        matches!(self, Self::Click | Self::IntentClick | Self::View)
    }
}

model::words! {
    /// What terms belong to. The most specific live ones win: enrolment, then campaign, then offer.
    pub enum TermScope {
        /// An offer.
        Offer = "offer",
        /// A campaign.
        Campaign = "campaign",
        /// One publisher in one campaign.
        Enrolment = "enrolment",
    }
}

/// How a term is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Price {
    /// Part of the order's value.
    Percent(BasisPoints),
    /// An amount for each, in the advertiser's currency.
    Fixed(Money),
}

/// One dated term.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TermRow {
    /// Unique in the tenant.
    pub id: String,
    /// What kind of object it belongs to.
    pub scope: TermScope,
    /// That object's id.
    pub scope_id: String,
    /// Order in the list as given; the first that fits counts.
    pub position: i64,
    /// What it pays for.
    pub action: TermAction,
    /// How it is counted.
    pub price: Price,
    /// Tiers and conditions.
    pub body: Body,
    /// From then on.
    pub valid_from: Timestamp,
    /// Until then; absent: still.
    pub valid_to: Option<Timestamp>,
}

repository! {
    /// Terms of the tenant.
    Terms = terms
}

const SELECT: &str = "SELECT id, scope, scope_id, position, action, kind, bp, amount_minor, \
                      currency, body, valid_from, valid_to FROM terms";

impl Terms<'_> {
    /// Ends the terms of an object that stand at `now`, future ones included, and puts these in
    /// their place.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn replace(
        &mut self,
        (scope, scope_id): (TermScope, &str),
        rows: &[TermRow],
        now: Timestamp,
    ) -> StoreResult<()> {
        let sql = "UPDATE terms SET valid_to = $4 \
                   WHERE tenant_id = $1 AND scope = $2 AND scope_id = $3 \
                   AND (valid_to IS NULL OR valid_to > $4)";
        let params = params![self.0.tenant(), scope.as_str(), scope_id, now];
        self.0.execute(sql, params).await?;
        for row in rows {
            self.insert(row).await?;
        }
        Ok(())
    }

    async fn insert(&mut self, row: &TermRow) -> StoreResult<()> {
        let sql = "INSERT INTO terms (tenant_id, id, scope, scope_id, position, action, kind, bp, \
                   amount_minor, currency, body, valid_from, valid_to) \
                   VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)";
        let (kind, bp, amount, currency) = match row.price {
            Price::Percent(rate) => ("percent", Some(rate.0), None, None),
            Price::Fixed(money) => {
                ("fixed", None, Some(money.minor), Some(money.currency.code().to_owned()))
            }
        };
        let params = params![
            self.0.tenant(),
            &row.id,
            row.scope.as_str(),
            &row.scope_id,
            row.position,
            row.action.as_str(),
            kind,
            bp,
            amount,
            currency,
            row.body.text(),
            row.valid_from,
            row.valid_to
        ];
        self.0.execute(sql, params).await?;
        Ok(())
    }

    /// The terms of an object that are live at an instant or will be, in their order.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn standing(
        &mut self,
        (scope, scope_id): (TermScope, &str),
        at: Timestamp,
    ) -> StoreResult<Vec<TermRow>> {
        let listing = Listing::of(SELECT, self.0.tenant())
            .only("scope = ?", scope.as_str())
            .only("scope_id = ?", scope_id)
            .only("(valid_to IS NULL OR valid_to > ?)", at);
        listing.all("position", &mut self.0).await?.iter().map(read).collect()
    }

    /// The terms of an object that are live at an instant, in their order.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn live(
        &mut self,
        (scope, scope_id): (TermScope, &str),
        at: Timestamp,
    ) -> StoreResult<Vec<TermRow>> {
        let listing = Listing::of(SELECT, self.0.tenant())
            .only("scope = ?", scope.as_str())
            .only("scope_id = ?", scope_id)
            .only("valid_from <= ?", at)
            .only("(valid_to IS NULL OR valid_to > ?)", at);
        listing.all("position", &mut self.0).await?.iter().map(read).collect()
    }

    /// The terms of many objects of one kind that are live or will be, in the order of objects' ids
    /// and their own.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn standing_of(
        &mut self,
        scope: TermScope,
        scope_ids: &[String],
        at: Timestamp,
    ) -> StoreResult<Vec<TermRow>> {
        if scope_ids.is_empty() {
            return Ok(Vec::new());
        }
        let mut params: Vec<Value> = params![self.0.tenant(), scope.as_str(), at];
        let mut sql = format!(
            "{SELECT} WHERE tenant_id = $1 AND scope = $2 \
             AND (valid_to IS NULL OR valid_to > $3) AND scope_id IN ("
        );
        for scope_id in scope_ids {
            params.push(Value::from(scope_id));
            let comma = if params.len() == 4 { "" } else { ", " };
            // Writing into a String cannot fail.
            let _ = write!(sql, "{comma}${}", params.len());
        }
        sql.push_str(") ORDER BY scope_id, position");
        let rows = self.0.fetch_built(sql, params).await?;
        rows.iter().map(read).collect()
    }
}

/// How a row is counted.
pub(crate) fn price_of(row: &Row) -> StoreResult<Price> {
    match row.text("kind")? {
        "percent" => Ok(Price::Percent(crate::tenants::basis_points(row, "bp")?)),
        "fixed" => {
            let currency: Currency = crate::advertisers::currency(row, "currency")?;
            Ok(Price::Fixed(Money::new(row.int("amount_minor")?, currency)))
        }
        _ => Err(StoreError::Column { column: "kind".to_owned(), expected: "percent or fixed" }),
    }
}

/// Tiers and conditions of a row.
pub(crate) fn body_of(row: &Row, price: Price) -> StoreResult<Body> {
    let wrong = || StoreError::Column { column: "body".to_owned(), expected: "a term's body" };
    Body::read(row.text("body")?, price).ok_or_else(wrong)
}

fn read(row: &Row) -> StoreResult<TermRow> {
    let price = price_of(row)?;
    Ok(TermRow {
        body: body_of(row, price)?,
        id: row.string("id")?,
        scope: row.word("scope", TermScope::parse)?,
        scope_id: row.string("scope_id")?,
        position: row.int("position")?,
        action: row.word("action", TermAction::parse)?,
        price,
        valid_from: row.at("valid_from")?,
        valid_to: row.opt_at("valid_to")?,
    })
}
