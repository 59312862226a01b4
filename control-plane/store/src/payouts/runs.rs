//! Runs: who made them, and who else agreed.

use model::id::PayoutRunId;

use super::Payouts;
use super::RunRow;
use super::RunState;
use crate::error::StoreResult;
use crate::listing::Listing;
use crate::listing::Paged;
use crate::page::PageAsk;
use crate::params;
use crate::sql::Row;

const SELECT_RUN: &str = "SELECT id, state, rail, made_by, decided_by, skipped, created_at, \
                          decided_at FROM payout_runs";

impl Payouts<'_> {
    /// Adds a run.
    ///
    /// # Errors
    /// As [`Payouts::advance`].
    pub async fn insert_run(&mut self, row: &RunRow) -> StoreResult<()> {
        let sql = "INSERT INTO payout_runs (tenant_id, id, state, rail, made_by, decided_by, \
                   skipped, created_at, decided_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
        let params = params![
            self.0.tenant(),
            row.id,
            row.state.as_str(),
            row.rail.clone(),
            &row.made_by,
            row.decided_by.clone(),
            row.skipped.to_string(),
            row.created_at,
            row.decided_at
        ];
        self.0.execute(sql, params).await.map(drop)
    }

    /// Keeps a decision about a run that was waiting; `false` where it was not.
    ///
    /// # Errors
    /// As [`Payouts::advance`].
    pub async fn decide_run(&mut self, row: &RunRow) -> StoreResult<bool> {
        let sql = "UPDATE payout_runs SET state = $3, decided_by = $4, decided_at = $5 \
                   WHERE tenant_id = $1 AND id = $2 AND state = 'waiting'";
        let params = params![
            self.0.tenant(),
            row.id,
            row.state.as_str(),
            row.decided_by.clone(),
            row.decided_at
        ];
        Ok(self.0.execute(sql, params).await? == 1)
    }

    /// One run.
    ///
    /// # Errors
    /// As [`Payouts::advance`].
    pub async fn run(&mut self, id: PayoutRunId) -> StoreResult<Option<RunRow>> {
        let listing = Listing::of(SELECT_RUN, self.0.tenant()).only("id = ?", id);
        listing.first(&mut self.0).await?.as_ref().map(read_run).transpose()
    }

    /// A page of runs, newest first.
    ///
    /// # Errors
    /// As [`Payouts::advance`].
    pub async fn runs(&mut self, page: &PageAsk) -> StoreResult<Paged<RunRow>> {
        Listing::of(SELECT_RUN, self.0.tenant()).page(page, &mut self.0, read_run).await
    }
}

fn read_run(row: &Row) -> StoreResult<RunRow> {
    Ok(RunRow {
        id: row.id("id")?,
        state: row.word("state", RunState::parse)?,
        rail: row.opt_string("rail")?,
        made_by: row.string("made_by")?,
        decided_by: row.opt_string("decided_by")?,
        skipped: row.json("skipped")?,
        created_at: row.at("created_at")?,
        decided_at: row.opt_at("decided_at")?,
    })
}
