//! The first lock: every accepted inbound has its effect once.

use std::collections::HashSet;

use model::clock::Timestamp;
use model::id::EventId;

use crate::conn::Scope;
use crate::error::StoreResult;
use crate::page::KEYS_PER_STATEMENT;
use crate::page::Statement;
use crate::params;
use crate::sql::Value;
use crate::unit::BatchTx;
use crate::unit::TenantTx;

/// Repository of `inbox`.
#[derive(Debug)]
pub struct Inbox<'t>(Scope<'t>);

impl TenantTx {
    /// The inbox of its tenant.
    pub const fn inbox(&mut self) -> Inbox<'_> {
        Inbox(self.scope())
    }
}

impl BatchTx {
    /// The inbox of one tenant.
    pub const fn inbox(&mut self, tenant: model::id::TenantId) -> Inbox<'_> {
        Inbox(self.scope(tenant))
    }
}

impl Inbox<'_> {
    /// Takes the events in; answers how many of them were new.
    ///
    /// # Errors
    /// [`crate::error::StoreError::Database`].
    pub async fn take(&mut self, events: &[EventId], at: Timestamp) -> StoreResult<u64> {
        let tenant = self.0.tenant();
        let rows = events.iter().map(|event| params![tenant, *event, at]).collect();
        let columns = ["tenant_id", "event_id", "at"];
        self.0.insert_many("inbox", &columns, rows, "ON CONFLICT DO NOTHING").await
    }

    /// Those of `events` that were taken in before.
    ///
    /// # Errors
    /// [`crate::error::StoreError::Database`].
    pub async fn known(&mut self, events: &[EventId]) -> StoreResult<HashSet<EventId>> {
        let tenant = self.0.tenant();
        let mut known = HashSet::new();
        for events in events.chunks(KEYS_PER_STATEMENT) {
            let begin = "SELECT event_id FROM inbox WHERE tenant_id = $1";
            let mut statement = Statement::new(begin, params![tenant]);
            statement.among("AND event_id", events.iter().map(|event| Value::from(*event)));
            for row in self.0.fetch_built(statement.sql, statement.params).await? {
                known.insert(row.id("event_id")?);
            }
        }
        Ok(known)
    }
}
