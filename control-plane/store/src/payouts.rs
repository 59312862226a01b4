//! Payouts and the runs that made them.
//!
//! What a payout is (payee, amount, destination, request) is written once. What becomes of it is
//! written only by whoever holds its fence, or under the ledger's lock.

use std::time::Duration;

use model::clock::Timestamp;
use model::id::PayoutId;
use model::id::PayoutRunId;
use model::id::PublisherId;
use model::id::ShopperId;
use model::id::TransactionId;
use model::money::Currency;
use serde_json::Value as Json;

use crate::conversions::currency_of;
use crate::error::StoreError;
use crate::error::StoreResult;
use crate::listing::Listing;
use crate::listing::Paged;
use crate::listing::Reach;
use crate::listing::Sight;
use crate::listing::Sights;
use crate::listing::repository;
use crate::page::PageAsk;
use crate::params;
use crate::sql::Row;

mod runs;

model::words! {
    /// Where a payout is.
    pub enum PayoutState {
        /// A row and nothing more.
        Created = "created",
        /// Its money stands in clearing; nothing has left.
        Reserved = "reserved",
        /// A worker has it; bytes may have left.
        Sending = "sending",
        /// The rail has it; the result comes later.
        Accepted = "accepted",
        /// Paid, with the rail's reference.
        Paid = "paid",
        /// Refused for good; the money is available again.
        Declined = "declined",
        /// Nobody knows: frozen until somebody does.
        Unknown = "unknown",
        /// Paid, and come back.
        Returned = "returned",
    }
}

impl PayoutState {
    /// Whether its money stands in clearing.
    #[must_use]
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Reserved | Self::Sending | Self::Accepted | Self::Unknown)
    }

    /// Whether one may follow the other.
    #[must_use]
    pub const fn may_become(self, next: Self) -> bool {
        match self {
            Self::Created => matches!(next, Self::Reserved),
            // Declined without having been sent: a run that was rejected.
            Self::Reserved => matches!(next, Self::Sending | Self::Declined),
            Self::Sending => {
                matches!(next, Self::Accepted | Self::Paid | Self::Declined | Self::Unknown)
            }
            Self::Accepted => matches!(next, Self::Paid | Self::Declined | Self::Unknown),
            Self::Unknown => matches!(next, Self::Accepted | Self::Paid | Self::Declined),
            Self::Paid => matches!(next, Self::Returned),
            Self::Declined | Self::Returned => false,
        }
    }
}

model::words! {
    /// Where a run is.
    pub enum RunState {
        /// A second person must agree; nothing is sent.
        Waiting = "waiting",
        /// Its payouts go out.
        Approved = "approved",
        /// Its payouts were declined.
        Rejected = "rejected",
    }
}

/// Who is paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Payee {
    /// A publisher.
    Publisher(PublisherId),
    /// A shopper.
    Shopper(ShopperId),
}

impl std::fmt::Display for Payee {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Publisher(id) => id.fmt(formatter),
            Self::Shopper(id) => id.fmt(formatter),
        }
    }
}

impl From<PublisherId> for Payee {
    fn from(id: PublisherId) -> Self {
        Self::Publisher(id)
    }
}

impl Payee {
    /// Reads the text form.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text.get(..4)? {
            PublisherId::PREFIX => text.parse().ok().map(Self::Publisher),
            ShopperId::PREFIX => text.parse().ok().map(Self::Shopper),
            _ => None,
        }
    }
}

/// One payout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PayoutRow {
    /// Its id.
    pub id: PayoutId,
    /// Made by this run.
    pub run: PayoutRunId,
    /// Who is paid.
    pub payee: Payee,
    /// By which rail.
    pub rail: String,
    /// Where it is.
    pub state: PayoutState,
    /// Above zero.
    pub amount_minor: i64,
    /// Of the amount.
    pub currency: Currency,
    /// Where the rail sends it: a bank account, a telephone number, a token; never a card number.
    pub destination: String,
    /// The rail's name for it.
    pub request_id: String,
    /// What is sent, byte for byte.
    pub request: String,
    /// The transaction of the reserve.
    pub reserved_by: TransactionId,
    /// The rail's own name for it.
    pub rail_reference: Option<String>,
    /// The last answer, for people.
    pub detail: Option<String>,
    /// How often bytes may have left.
    pub sends: i64,
    /// Raised with every lease.
    pub fence: i64,
    /// Until when a worker has it.
    pub leased_until: Option<Timestamp>,
    /// When a worker looks at it again.
    pub look_at: Timestamp,
    /// Who settled an unknown.
    pub resolved_by: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// One run.
#[derive(Debug, Clone, PartialEq)]
pub struct RunRow {
    /// Its id.
    pub id: PayoutRunId,
    /// Where it is.
    pub state: RunState,
    /// The one rail it was asked for.
    pub rail: Option<String>,
    /// Id of the key that made it.
    pub made_by: String,
    /// Id of the key that agreed or did not.
    pub decided_by: Option<String>,
    /// JSON array of payees that were left out, with why.
    pub skipped: Json,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was decided.
    pub decided_at: Option<Timestamp>,
}

/// Which payouts are listed.
#[derive(Debug, Clone, Copy, Default)]
pub struct PayoutFilter {
    /// In this state.
    pub state: Option<PayoutState>,
    /// To this payee.
    pub payee: Option<Payee>,
    /// Of this run.
    pub run: Option<PayoutRunId>,
}

repository! {
    /// Payouts of the tenant.
    Payouts = payouts
}

const SELECT: &str = "SELECT id, run_id, payee, rail, state, amount_minor, currency, destination, \
                      request_id, request, reserved_by, rail_reference, detail, sends, fence, \
                      leased_until, look_at, resolved_by, created_at, updated_at FROM payouts";
const SIGHTS: Sights = Sights { advertiser: Sight::None, publisher: Sight::Where("payee = ?") };

impl Payouts<'_> {
    /// Adds payouts whose money is being reserved in the same unit of work.
    ///
    /// # Errors
    /// [`StoreError::Unique`] for a request id that the rail was given before.
    pub async fn insert(&mut self, rows: &[PayoutRow]) -> StoreResult<()> {
        let columns = [
            "tenant_id",
            "id",
            "run_id",
            "payee",
            "rail",
            "state",
            "amount_minor",
            "currency",
            "destination",
            "request_id",
            "request",
            "reserved_by",
            "sends",
            "fence",
            "look_at",
            "created_at",
            "updated_at",
        ];
        let tenant = self.0.tenant();
        let to_values = |row: &PayoutRow| {
            params![
                tenant,
                row.id,
                row.run,
                row.payee.to_string(),
                &row.rail,
                row.state.as_str(),
                row.amount_minor,
                row.currency.code(),
                &row.destination,
                &row.request_id,
                &row.request,
                row.reserved_by,
                row.sends,
                row.fence,
                row.look_at,
                row.created_at,
                row.updated_at,
            ]
        };
        let rows = rows.iter().map(to_values).collect();
        self.0.insert_many("payouts", &columns, rows, "").await.map(drop)
    }

    /// Writes what became of a payout, if it still stands as `before` says. `false`: somebody else
    /// was faster, and nothing has changed.
    ///
    /// # Errors
    /// [`StoreError::Database`]; so do all below.
    pub async fn advance(
        &mut self,
        row: &PayoutRow,
        (state, fence): (PayoutState, i64),
    ) -> StoreResult<bool> {
        let sql = "UPDATE payouts SET state = $3, rail_reference = $4, detail = $5, sends = $6, \
                   leased_until = $7, look_at = $8, resolved_by = $9, updated_at = $10 \
                   WHERE tenant_id = $1 AND id = $2 AND state = $11 AND fence = $12";
        let params = params![
            self.0.tenant(),
            row.id,
            row.state.as_str(),
            row.rail_reference.clone(),
            row.detail.clone(),
            row.sends,
            row.leased_until,
            row.look_at,
            row.resolved_by.clone(),
            row.updated_at,
            state.as_str(),
            fence
        ];
        Ok(self.0.execute(sql, params).await? == 1)
    }

    /// Takes a lease on the payout that has waited longest, if any is due and no one has it.
    /// Payouts of runs that are not approved wait.
    ///
    /// # Errors
    /// As [`Self::advance`].
    pub async fn lease(
        &mut self,
        rails: &[&str],
        now: Timestamp,
        length: Duration,
    ) -> StoreResult<Option<PayoutRow>> {
        let listing = Listing::of(SELECT, self.0.tenant())
            .and("state IN ('reserved', 'sending', 'accepted', 'unknown')")
            .only("look_at <= ?", now)
            .only("(leased_until IS NULL OR leased_until <= ?)", now)
            .and(
                "run_id IN (SELECT id FROM payout_runs WHERE tenant_id = $1 \
                 AND state = 'approved')",
            );
        let rows = listing.all("look_at, id LIMIT 64", &mut self.0).await?;
        for row in &rows {
            let mut row = read(row)?;
            if !rails.contains(&row.rail.as_str()) {
                continue;
            }
            let sql = "UPDATE payouts SET fence = fence + 1, leased_until = $3 \
                       WHERE tenant_id = $1 AND id = $2 AND fence = $4";
            let until = now + length;
            let params = params![self.0.tenant(), row.id, until, row.fence];
            if self.0.execute(sql, params).await? == 1 {
                row.fence += 1;
                row.leased_until = Some(until);
                return Ok(Some(row));
            }
        }
        Ok(None)
    }

    /// One payout.
    ///
    /// # Errors
    /// As [`Self::advance`].
    pub async fn get(&mut self, id: PayoutId, reach: Reach) -> StoreResult<Option<PayoutRow>> {
        let listing = Listing::of(SELECT, self.0.tenant()).only("id = ?", id).within(reach, SIGHTS);
        listing.first(&mut self.0).await?.as_ref().map(read).transpose()
    }

    /// The payout that a rail knows by a name of ours.
    ///
    /// # Errors
    /// As [`Self::advance`].
    pub async fn by_request(
        &mut self,
        rail: &str,
        request_id: &str,
    ) -> StoreResult<Option<PayoutRow>> {
        let listing = Listing::of(SELECT, self.0.tenant())
            .only("rail = ?", rail)
            .only("request_id = ?", request_id);
        listing.first(&mut self.0).await?.as_ref().map(read).transpose()
    }

    /// The payout that has a rail's reference.
    ///
    /// # Errors
    /// As [`Self::advance`].
    pub async fn by_reference(
        &mut self,
        rail: &str,
        reference: &str,
    ) -> StoreResult<Option<PayoutId>> {
        let sql = "SELECT id FROM payouts WHERE tenant_id = $1 AND rail = $2 \
                   AND rail_reference = $3 ORDER BY id LIMIT 1";
        let row = self.0.fetch_optional(sql, params![self.0.tenant(), rail, reference]).await?;
        row.map(|row| row.id("id")).transpose()
    }

    /// A page, newest first.
    ///
    /// # Errors
    /// As [`Self::advance`].
    pub async fn list(
        &mut self,
        filter: &PayoutFilter,
        reach: Reach,
        page: &PageAsk,
    ) -> StoreResult<Paged<PayoutRow>> {
        let listing = Listing::of(SELECT, self.0.tenant())
            .within(reach, SIGHTS)
            .matching("state = ?", filter.state.map(PayoutState::as_str))
            .matching("payee = ?", filter.payee.map(|payee| payee.to_string()))
            .matching("run_id = ?", filter.run);
        listing.page(page, &mut self.0, read).await
    }

    /// Every payout of a run, in the order they were made.
    ///
    /// # Errors
    /// As [`Self::advance`].
    pub async fn of_run(&mut self, run: PayoutRunId) -> StoreResult<Vec<PayoutRow>> {
        let listing = Listing::of(SELECT, self.0.tenant()).only("run_id = ?", run);
        listing.all("id", &mut self.0).await?.iter().map(read).collect()
    }

    /// How many payouts there are, by state.
    ///
    /// # Errors
    /// As [`Self::advance`].
    pub async fn counts(&mut self) -> StoreResult<Vec<(PayoutState, i64)>> {
        let sql = "SELECT state, COUNT(*) AS n FROM payouts WHERE tenant_id = $1 GROUP BY state";
        let rows = self.0.fetch_all(sql, params![self.0.tenant()]).await?;
        rows.iter().map(|row| Ok((row.word("state", PayoutState::parse)?, row.int("n")?))).collect()
    }
}

fn read(row: &Row) -> StoreResult<PayoutRow> {
    let wrong = || StoreError::Column { column: "payee".to_owned(), expected: "a payee" };
    Ok(PayoutRow {
        id: row.id("id")?,
        run: row.id("run_id")?,
        payee: Payee::parse(row.text("payee")?).ok_or_else(wrong)?,
        rail: row.string("rail")?,
        state: row.word("state", PayoutState::parse)?,
        amount_minor: row.int("amount_minor")?,
        currency: currency_of(row, "currency")?,
        destination: row.string("destination")?,
        request_id: row.string("request_id")?,
        request: row.string("request")?,
        reserved_by: row.id("reserved_by")?,
        rail_reference: row.opt_string("rail_reference")?,
        detail: row.opt_string("detail")?,
        sends: row.int("sends")?,
        fence: row.int("fence")?,
        leased_until: row.opt_at("leased_until")?,
        look_at: row.at("look_at")?,
        resolved_by: row.opt_string("resolved_by")?,
        created_at: row.at("created_at")?,
        updated_at: row.at("updated_at")?,
    })
}
