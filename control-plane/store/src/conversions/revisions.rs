//! Every news about a conversion, and what became of it.

use model::id::ConversionId;

use super::Conversions;
use super::RevisionRow;
use super::codec;
use crate::error::StoreResult;
use crate::page::KEYS_PER_STATEMENT;
use crate::page::Statement;
use crate::params;
use crate::sql::Value;

impl Conversions<'_> {
    /// Keeps news; a claim that is read differently than before replaces what it said.
    ///
    /// # Errors
    /// [`crate::error::StoreError::Database`].
    pub async fn insert_revisions(&mut self, rows: &[RevisionRow]) -> StoreResult<()> {
        let tenant = self.0.tenant();
        let rows = rows.iter().map(|row| codec::revision_values(tenant, row)).collect();
        let suffix = "ON CONFLICT (tenant_id, conversion_id, event_id, claim_index) DO UPDATE SET \
                      status = excluded.status, amount_minor = excluded.amount_minor, \
                      stated_charge_minor = excluded.stated_charge_minor";
        let columns = &codec::REVISION_COLUMNS;
        self.0.insert_many("conversion_revisions", columns, rows, suffix).await.map(drop)
    }

    /// Keeps what a known news does now, and who decided it.
    ///
    /// # Errors
    /// [`crate::error::StoreError::Database`].
    pub async fn decide_revision(&mut self, row: &RevisionRow) -> StoreResult<()> {
        let sql = "UPDATE conversion_revisions SET effect = $1, revision = $2, decided_by = $3, \
                   decided_why = $4 WHERE tenant_id = $5 AND conversion_id = $6 \
                   AND event_id = $7 AND claim_index = $8";
        let decision = row.decision.clone();
        let (by, why) = decision.map_or((None, None), |decision| (Some(decision.by), decision.why));
        let (conversion, event, index) = (row.conversion, row.event, row.claim_index);
        let params = params![
            row.effect.as_str(),
            row.revision,
            by,
            why,
            self.0.tenant(),
            conversion,
            event,
            index,
        ];
        self.0.execute(sql, params).await.map(drop)
    }

    /// Every news about these conversions, by order of effect.
    ///
    /// # Errors
    /// [`crate::error::StoreError::Database`].
    pub async fn revisions(&mut self, of: &[ConversionId]) -> StoreResult<Vec<RevisionRow>> {
        let mut found = Vec::new();
        for ids in of.chunks(KEYS_PER_STATEMENT) {
            let begin = "SELECT * FROM conversion_revisions WHERE tenant_id = $1";
            let mut statement = Statement::new(begin, params![self.0.tenant()]);
            statement.among("AND conversion_id", ids.iter().map(|id| Value::from(*id)));
            statement.text("ORDER BY conversion_id, revision, event_id, claim_index");
            for row in self.0.fetch_built(statement.sql, statement.params).await? {
                found.push(codec::revision_from_row(&row)?);
            }
        }
        Ok(found)
    }
}
