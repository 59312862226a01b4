//! Shoppers: end buyers who may get cashback.

use model::clock::Timestamp;
use model::id::ShopperId;

use crate::error::StoreResult;
use crate::listing::Listing;
use crate::listing::Paged;
use crate::listing::repository;
use crate::page::PageAsk;
use crate::params;
use crate::sql::Row;

/// An end buyer.
#[derive(Clone, PartialEq, Eq)]
pub struct ShopperRow {
    /// Its id.
    pub id: ShopperId,
    /// The tenant's own name for the person.
    pub user_id: String,
    /// In the form `+77010000000`.
    pub phone: Option<String>,
    /// Where mail goes.
    pub email: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
}

// Phone and mail do not belong into logs.
impl std::fmt::Debug for ShopperRow {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("ShopperRow").field("id", &self.id).finish_non_exhaustive()
    }
}

repository! {
    /// Shoppers of the tenant.
    Shoppers = shoppers
}

const SELECT: &str = "SELECT id, user_id, phone, email, created_at FROM shoppers";

impl Shoppers<'_> {
    /// Adds a shopper.
    ///
    /// # Errors
    /// [`crate::error::StoreError::Unique`] when the person is known already.
    pub async fn insert(&mut self, row: &ShopperRow) -> StoreResult<()> {
        let sql = "INSERT INTO shoppers (tenant_id, id, user_id, phone, email, created_at) \
                   VALUES ($1, $2, $3, $4, $5, $6)";
        let params = params![
            self.0.tenant(),
            row.id,
            &row.user_id,
            row.phone.clone(),
            row.email.clone(),
            row.created_at
        ];
        self.0.execute(sql, params).await?;
        Ok(())
    }

    /// The shopper a click's user names.
    ///
    /// # Errors
    /// [`crate::error::StoreError::Database`].
    pub async fn by_user_id(&mut self, user_id: &str) -> StoreResult<Option<ShopperRow>> {
        let listing = Listing::of(SELECT, self.0.tenant()).only("user_id = ?", user_id);
        listing.first(&mut self.0).await?.as_ref().map(read).transpose()
    }

    /// Shoppers, newest first; the one with a name when it is given.
    ///
    /// # Errors
    /// [`crate::error::StoreError::Database`].
    pub async fn list(
        &mut self,
        user_id: Option<&str>,
        page: &PageAsk,
    ) -> StoreResult<Paged<ShopperRow>> {
        let listing = Listing::of(SELECT, self.0.tenant()).matching("user_id = ?", user_id);
        listing.page(page, &mut self.0, read).await
    }

    /// One shopper.
    ///
    /// # Errors
    /// [`crate::error::StoreError::Database`].
    pub async fn get(&mut self, id: ShopperId) -> StoreResult<Option<ShopperRow>> {
        let listing = Listing::of(SELECT, self.0.tenant()).only("id = ?", id);
        listing.first(&mut self.0).await?.as_ref().map(read).transpose()
    }
}

fn read(row: &Row) -> StoreResult<ShopperRow> {
    Ok(ShopperRow {
        id: row.id("id")?,
        user_id: row.string("user_id")?,
        phone: row.opt_string("phone")?,
        email: row.opt_string("email")?,
        created_at: row.at("created_at")?,
    })
}
