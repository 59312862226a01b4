//! The second lock: every revision of an order has its effect once, whatever door it comes through.

use model::id::ConversionId;
use model::id::EventId;
use model::id::TenantId;

use crate::conn::Scope;
use crate::error::StoreResult;
use crate::params;
use crate::unit::BatchTx;

/// What names an order line and action inside a tenant, for ever.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OrderKey {
    /// Whose order numbers these are.
    pub order_space: String,
    /// The outside's number.
    pub order_ref: String,
    /// Empty: the whole order.
    pub line: String,
    /// `purchase`, `signup`, the name of a custom action.
    pub action: String,
}

/// One revision that counted, and the claim that brought it.
#[derive(Debug, Clone)]
pub struct BusinessKey {
    /// The order.
    pub order: OrderKey,
    /// 1 is the first.
    pub revision: i64,
    /// What it became.
    pub conversion: ConversionId,
    /// The inbound that told it.
    pub event: EventId,
    /// Which of its claims.
    pub claim_index: i64,
}

/// Repository of `business_keys`.
#[derive(Debug)]
pub struct BusinessKeys<'t>(Scope<'t>);

impl BatchTx {
    /// The business keys of one tenant.
    pub const fn business_keys(&mut self, tenant: TenantId) -> BusinessKeys<'_> {
        BusinessKeys(self.scope(tenant))
    }
}

impl BusinessKeys<'_> {
    /// Claims the keys.
    ///
    /// # Errors
    /// [`crate::error::StoreError::Unique`] when one of them is taken: somebody else had the same
    /// order at hand.
    pub async fn claim(&mut self, keys: &[BusinessKey]) -> StoreResult<()> {
        let tenant = self.0.tenant();
        let row = |key: &BusinessKey| {
            let OrderKey { order_space, order_ref, line, action } = &key.order;
            let BusinessKey { revision, conversion, event, claim_index, .. } = *key;
            params![
                tenant,
                order_space,
                order_ref,
                line,
                action,
                revision,
                conversion,
                event,
                claim_index
            ]
        };
        let columns = [
            "tenant_id",
            "order_space",
            "order_ref",
            "line",
            "action",
            "revision",
            "conversion_id",
            "event_id",
            "claim_index",
        ];
        let rows = keys.iter().map(row).collect();
        self.0.insert_many("business_keys", &columns, rows, "").await.map(drop)
    }
}
