//! What can be advanced, and what was.

use model::id::AdvertiserId;
use model::id::PublisherId;
use model::money::Currency;

use super::Conversion;
use super::Conversions;
use super::codec::from_row;
use super::params;
use crate::error::StoreResult;

impl Conversions<'_> {
    /// A publisher's conversions that only wait for their time, soonest release first, at most 500.
    ///
    /// # Errors
    /// As [`Conversions::list`].
    pub async fn advanceable(&mut self, publisher: PublisherId) -> StoreResult<Vec<Conversion>> {
        let sql = "SELECT * FROM conversions WHERE tenant_id = $1 AND publisher_id = $2 \
                   AND status = 'pending' AND stage = 'pending' AND held_by IS NULL \
                   AND outside_status IN ('approved', 'partial') \
                   ORDER BY release_at, id LIMIT 500";
        let rows = self.0.fetch_all(sql, params![self.0.tenant(), publisher]).await?;
        rows.iter().map(from_row).collect()
    }

    /// What is outstanding on an advertiser's orders, in one currency.
    ///
    /// # Errors
    /// As [`Conversions::list`].
    pub async fn advanced_on(
        &mut self,
        advertiser: AdvertiserId,
        currency: Currency,
    ) -> StoreResult<i64> {
        let sql = "SELECT COALESCE(SUM(advanced_minor), 0) AS amount FROM conversions \
                   WHERE tenant_id = $1 AND advertiser_id = $2 AND currency = $3 \
                   AND advanced_minor > 0";
        let params = params![self.0.tenant(), advertiser, currency.code()];
        self.0.fetch_one(sql, params).await?.int("amount")
    }

    /// What a publisher has outstanding in one currency, on whatever conversions it stands.
    ///
    /// # Errors
    /// As [`Conversions::list`].
    pub async fn advanced_to(
        &mut self,
        publisher: PublisherId,
        currency: Currency,
    ) -> StoreResult<i64> {
        let sql = "SELECT COALESCE(SUM(advanced_minor), 0) AS amount FROM conversions \
                   WHERE tenant_id = $1 AND publisher_id = $2 AND currency = $3 \
                   AND advanced_minor > 0";
        let params = params![self.0.tenant(), publisher, currency.code()];
        self.0.fetch_one(sql, params).await?.int("amount")
    }
}
