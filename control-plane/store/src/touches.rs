//! Which click brought which customer: the memory of first and last touch.

use model::clock::Timestamp;
use model::id::AdvertiserId;
use model::id::EventId;
use model::id::TenantId;

use crate::conn::Scope;
use crate::error::StoreResult;
use crate::page::KEYS_PER_STATEMENT;
use crate::page::Statement;
use crate::params;
use crate::sql::Value;
use crate::unit::BatchTx;

/// One click of one customer at one advertiser.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Touch {
    /// At whose shop.
    pub advertiser: AdvertiserId,
    /// The customer, as the shop names them.
    pub customer_key: String,
    /// The click id's text.
    pub click_id: String,
    /// When it was clicked.
    pub clicked_at: Timestamp,
    /// The inbound that tied them.
    pub event: EventId,
}

/// Repository of `touches` and of the users named by clicks.
#[derive(Debug)]
pub struct Touches<'t>(Scope<'t>);

impl BatchTx {
    /// The touches of one tenant.
    pub const fn touches(&mut self, tenant: TenantId) -> Touches<'_> {
        Touches(self.scope(tenant))
    }
}

impl Touches<'_> {
    /// Remembers touches; known ones stay as they are.
    ///
    /// # Errors
    /// [`crate::error::StoreError::Database`].
    pub async fn insert(&mut self, touches: &[Touch]) -> StoreResult<()> {
        let tenant = self.0.tenant();
        let to_values = |touch: &Touch| {
            params![
                tenant,
                touch.advertiser,
                &touch.customer_key,
                &touch.click_id,
                touch.clicked_at,
                touch.event,
            ]
        };
        let columns =
            ["tenant_id", "advertiser_id", "customer_key", "click_id", "clicked_at", "event_id"];
        let rows = touches.iter().map(to_values).collect();
        self.0.insert_many("touches", &columns, rows, "ON CONFLICT DO NOTHING").await.map(drop)
    }

    /// The touches of these customers at any advertiser, earliest first.
    ///
    /// # Errors
    /// [`crate::error::StoreError::Database`].
    pub async fn of_customers(
        &mut self,
        advertisers: &[AdvertiserId],
        customer_keys: &[String],
    ) -> StoreResult<Vec<Touch>> {
        let mut found = Vec::new();
        for keys in customer_keys.chunks(KEYS_PER_STATEMENT) {
            let begin = "SELECT * FROM touches WHERE tenant_id = $1";
            let mut statement = Statement::new(begin, params![self.0.tenant()]);
            statement.among("AND advertiser_id", advertisers.iter().map(|id| Value::from(*id)));
            statement.among("AND customer_key", keys.iter().map(Value::from));
            statement.text("ORDER BY clicked_at, click_id");
            for row in self.0.fetch_built(statement.sql, statement.params).await? {
                found.push(Touch {
                    advertiser: row.id("advertiser_id")?,
                    customer_key: row.string("customer_key")?,
                    click_id: row.string("click_id")?,
                    clicked_at: row.at("clicked_at")?,
                    event: row.id("event_id")?,
                });
            }
        }
        Ok(found)
    }

    /// Remembers who was named when a click was taken by an app or widget.
    ///
    /// # Errors
    /// [`crate::error::StoreError::Database`].
    pub async fn insert_users(&mut self, users: &[(String, String)]) -> StoreResult<()> {
        let tenant = self.0.tenant();
        let rows = users.iter().map(|(click, user)| params![tenant, click, user]).collect();
        let columns = ["tenant_id", "click_id", "user_id"];
        self.0.insert_many("click_users", &columns, rows, "ON CONFLICT DO NOTHING").await.map(drop)
    }
}
