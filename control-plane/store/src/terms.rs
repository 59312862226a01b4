//! Terms: what a conversion earns. Dated rows that are ended, never changed, so that a past
//! conversion keeps its rate.

use std::fmt::Write;

use model::claim::Action;
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
    pub action: Action,
    /// How it is counted.
    pub price: Price,
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
                      currency, valid_from, valid_to FROM terms";

impl Terms<'_> {
    /// Ends the live terms of an object and puts these in their place, from `now` on.
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
                   WHERE tenant_id = $1 AND scope = $2 AND scope_id = $3 AND valid_to IS NULL";
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
                   VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, '{}', $11, $12)";
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
            row.valid_from,
            row.valid_to
        ];
        self.0.execute(sql, params).await?;
        Ok(())
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

    /// The live terms of many objects of one kind, in the order of objects' ids and their own.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn live_of(
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
            "{SELECT} WHERE tenant_id = $1 AND scope = $2 AND valid_from <= $3 \
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

fn read(row: &Row) -> StoreResult<TermRow> {
    let column = || StoreError::Column { column: "kind".to_owned(), expected: "percent or fixed" };
    let price = match row.text("kind")? {
        "percent" => Price::Percent(crate::tenants::basis_points(row, "bp")?),
        "fixed" => {
            let currency: Currency = crate::advertisers::currency(row, "currency")?;
            Price::Fixed(Money::new(row.int("amount_minor")?, currency))
        }
        _ => return Err(column()),
    };
    Ok(TermRow {
        id: row.string("id")?,
        scope: row.word("scope", TermScope::parse)?,
        scope_id: row.string("scope_id")?,
        position: row.int("position")?,
        action: row.word("action", Action::parse)?,
        price,
        valid_from: row.at("valid_from")?,
        valid_to: row.opt_at("valid_to")?,
    })
}
