//! The tables, in the order in which rows refer to each other.

use model::id::TenantId;

use super::CopyError;
use crate::error::StoreError;

/// Whose rows a table holds.
#[derive(Debug, Clone, Copy)]
pub(super) enum Whose {
    /// Everybody's, or nobody's: read and written without a tenant.
    All,
    /// Tenants', one after the other.
    Tenant,
}

/// One table.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) name: &'static str,
    pub(super) whose: Whose,
    /// What its rows are walked by, behind the tenant.
    pub(super) keys: &'static [&'static str],
    /// A table whose rows must stand there before the rows of this one that they refer to.
    pub(super) before: Option<&'static str>,
    /// What stands behind the values.
    pub(super) suffix: &'static str,
    /// Whether `seq` is given by the engine.
    pub(super) is_numbered: bool,
    /// Rows arrive with those of another table.
    pub(super) is_carried: bool,
}

impl Table {
    const fn new(name: &'static str, whose: Whose, keys: &'static [&'static str]) -> Self {
        Self { name, whose, keys, before: None, suffix: "", is_numbered: false, is_carried: false }
    }

    const fn all(name: &'static str, keys: &'static [&'static str]) -> Self {
        Self::new(name, Whose::All, keys)
    }

    const fn own(name: &'static str, keys: &'static [&'static str]) -> Self {
        Self::new(name, Whose::Tenant, keys)
    }

    const fn numbered(self) -> Self {
        Self { is_numbered: true, ..self }
    }

    pub(super) fn standings(&self, tenants: &[TenantId]) -> Vec<Option<TenantId>> {
        match self.whose {
            Whose::All => vec![None],
            Whose::Tenant => tenants.iter().copied().map(Some).collect(),
        }
    }

    pub(super) const fn target(&self, error: StoreError) -> CopyError {
        CopyError::Target { table: self.name, error }
    }
}

/// Every table of the schema.
pub(super) const TABLES: &[Table] = &[
    Table::all("secrets", &["name"]),
    Table::all("click_keys", &["id"]),
    Table::all("counters", &["name"]),
    Table::all("tenants", &["id"]),
    Table::all("domains", &["tenant_id", "id"]),
    Table::all("api_keys", &["id"]),
    Table::own("idempotency_keys", &["credential", "idempotency_key"]),
    Table::own("advertisers", &["id"]),
    Table::own("integrations", &["id"]),
    Table::own("offers", &["id"]),
    Table::own("terms", &["id"]),
    Table::own("campaigns", &["id"]),
    Table::own("campaign_offers", &["campaign_id", "position"]),
    Table::own("publishers", &["id"]),
    Table::own("enrolments", &["id"]),
    Table::own("links", &["id"]),
    Table::own("coupons", &["id"]),
    Table::own("shoppers", &["id"]),
    Table::all("catalog_outbox", &["seq"]).numbered(),
    Table::own("audit_log", &["id"]),
    Table::all("consumer_offsets", &["grp", "topic", "part"]),
    Table::own("inbox", &["event_id"]),
    Table::own("business_keys", &["order_space", "order_ref", "line", "action", "revision"]),
    Table::own("inbound", &["event_id"]),
    Table::own("unmatched", &["event_id", "claim_index"]),
    Table::own("touches", &["advertiser_id", "customer_key", "click_id"]),
    Table::own("click_users", &["click_id"]),
    Table::own("events", &["event_id", "claim_index"]),
    Table::own("conversions", &["id"]),
    Table::own("conversion_revisions", &["conversion_id", "event_id", "claim_index"]),
    Table::own("ledger_commands", &["seq"]),
    // A transaction seals its postings, so these come with it, in the order of the chain.
    Table { before: Some("postings"), ..Table::own("transactions", &["seq"]) },
    Table { is_carried: true, ..Table::own("postings", &["transaction_id", "position"]) },
    Table::own("accounts", &["account"]),
    Table::own("reversals", &["reverses"]),
    Table::own("payouts", &["id"]),
    Table::own("payout_runs", &["id"]),
    Table::own("adjustments", &["id"]),
    Table::own("payments", &["id"]),
    Table::own("locked_periods", &["month"]),
    Table::own("fx_rates", &["on_day", "base", "quote"]),
    Table::own("deliverables", &["id"]),
    Table::own("cases", &["id"]),
    Table::own("rules", &["name"]),
    Table::own("click_rollups", &["bucket", "link_id", "campaign_id", "offer_id"]),
    Table::own(
        "conversion_rollups",
        &[
            "bucket",
            "advertiser_id",
            "campaign_id",
            "offer_id",
            "publisher_id",
            "link_id",
            "currency",
        ],
    ),
    Table::own(
        "event_rollups",
        &["bucket", "action", "advertiser_id", "campaign_id", "publisher_id"],
    ),
    Table::own("outcomes", &["seq"]).numbered(),
    // Triggers have counted while the objects arrived; what stood in the source stands again.
    Table {
        suffix: "ON CONFLICT (tenant_id) DO UPDATE SET version = excluded.version, \
                 terms_version = excluded.terms_version",
        ..Table::all("object_versions", &["tenant_id"])
    },
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::TABLES;
    use crate::conformance::Place;

    #[tokio::test]
    async fn every_table_is_copied() {
        let place = Place::empty_sqlite().await;
        let sql = "SELECT name FROM sqlite_master WHERE type = 'table' \
                   AND name NOT LIKE 'sqlite_%' AND name <> '_sqlx_migrations'";
        let rows = place.store.peek(sql).await.expect("reads");
        let there: BTreeSet<String> =
            rows.iter().map(|row| row.string("name").expect("a name")).collect();
        let listed: BTreeSet<String> = TABLES.iter().map(|table| table.name.to_owned()).collect();
        assert_eq!(listed, there);
        assert_eq!(listed.len(), TABLES.len());
    }
}
