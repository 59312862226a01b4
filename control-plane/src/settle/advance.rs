//! Factoring: a publisher takes what is approved and not released yet, now, for a fee.
//!
//! The advance stands on its conversions: each one's release repays its own part first, and a
//! return turns that part into debt. So what is advanced is never above what is pending.

use model::clock::Timestamp;
use model::id::AdvanceId;
use model::id::AdvertiserId;
use model::id::PublisherId;
use model::id::TenantId;
use model::money::BasisPoints;
use model::money::Currency;
use model::money::Money;
use store::conversions::Conversion;
use store::unit::BatchTx;

use super::Changed;
use super::Desk;
use super::SettleError;
use super::pay::PayError;
use super::save;
use crate::money::Books;
use crate::pipeline::counted;

/// What factoring costs, and how much of it there may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdvanceTerms {
    /// Part of the advance.
    pub fee: BasisPoints,
    /// Decimal text: what one publisher may have outstanding.
    pub publisher_limit: String,
    /// Decimal text: what may be outstanding on one advertiser's orders.
    pub advertiser_limit: String,
}

impl Default for AdvanceTerms {
    fn default() -> Self {
        Self {
            fee: BasisPoints(100),
            publisher_limit: "500000.00".to_owned(),
            advertiser_limit: "5000000.00".to_owned(),
        }
    }
}

/// What a publisher got.
#[derive(Debug, Clone)]
pub struct Advanced {
    /// Names it in the evidence of every command.
    pub id: AdvanceId,
    /// Owed to the platform until release.
    pub amount: Money,
    /// Kept by the platform.
    pub fee: Money,
    /// On which conversions it stands.
    pub conversions: Vec<Conversion>,
    /// When.
    pub at: Timestamp,
}

/// Who asks for how much.
#[derive(Debug, Clone)]
pub struct AdvanceAsked {
    /// Who gets it.
    pub publisher: PublisherId,
    /// At most; absent: all that there is.
    pub amount: Option<Money>,
    /// In which currency.
    pub currency: Currency,
    /// Id of the key.
    pub by: String,
}

impl Desk {
    /// Advances what is approved, soonest release first.
    ///
    /// # Errors
    /// [`PayError::NotNow`] where nothing can be advanced, or not as much.
    pub async fn advance(
        &self,
        tenant: TenantId,
        asked: &AdvanceAsked,
    ) -> Result<Advanced, PayError> {
        let mut tx = self.parts.store.begin_batch().await?;
        let worked = Box::pin(self.advance_in(&mut tx, tenant, asked)).await;
        tx.end(worked).await
    }

    async fn advance_in(
        &self,
        tx: &mut BatchTx,
        tenant: TenantId,
        asked: &AdvanceAsked,
    ) -> Result<Advanced, PayError> {
        let (now, terms) = (self.parts.clock.now(), &self.parts.pay.advance);
        let AdvanceAsked { publisher, currency, .. } = asked;
        if tx.ledger(tenant).owed((*publisher).into(), *currency).await? > 0 {
            return Err(PayError::NotNow("the publisher owes".to_owned()));
        }
        let rows = tx.conversions(tenant).advanceable(*publisher).await?;
        let limit = |text: &str| {
            let limit = Money::parse(text, *currency);
            limit.map_err(|error| PayError::Input(format!("limit {text}: {error}")))
        };
        let outstanding = tx.conversions(tenant).advanced_to(*publisher, *currency).await?;
        let mut room = limit(&terms.publisher_limit)?.minor.saturating_sub(outstanding);
        if let Some(amount) = asked.amount {
            if amount.minor > room {
                return Err(PayError::NotNow("above the limit of one publisher".to_owned()));
            }
            room = amount.minor;
        }
        let id = self.parts.ids.make(|rng| AdvanceId::new(now, rng));
        let author = format!("{} {id}", asked.by);
        let mut books = Books::new(now, &self.parts.ids, &author);
        let (mut changed, mut amount, mut kept) = (Vec::new(), 0_i64, 0_i64);
        for mut row in rows.into_iter().filter(|row| row.split.currency() == *currency) {
            let unpaid = row.split.net.minor.saturating_sub(row.advanced_minor);
            let exposed = tx.conversions(tenant).advanced_on(row.advertiser, *currency).await?;
            let of_batch = taken(&changed, row.advertiser);
            let of_advertiser =
                limit(&terms.advertiser_limit)?.minor.saturating_sub(exposed + of_batch);
            let part = unpaid.min(room - amount).min(of_advertiser);
            if part <= 0 {
                continue;
            }
            let part = Money::new(part, *currency);
            let fee = part.at_rate(terms.fee).map_err(ledger::LedgerError::from)?;
            let (before, cause) = (counted(&row), row.revised_event);
            books.advance(&mut row, (part, fee), cause)?;
            amount += part.minor;
            kept += fee.minor;
            changed.push((Changed { row, counted: before }, part.minor));
        }
        let wanted = asked.amount.map_or(1, |amount| amount.minor);
        if amount < wanted {
            return Err(PayError::NotNow("so much is not approved and pending".to_owned()));
        }
        let changed: Vec<Changed> = changed.into_iter().map(|(one, _)| one).collect();
        save(tx, tenant, &books, &changed, now).await.map_err(|error| match error {
            SettleError::Ledger(error) => PayError::Ledger(error),
            SettleError::Store(error) => PayError::Store(error),
        })?;
        Ok(Advanced {
            id,
            amount: Money::new(amount, *currency),
            fee: Money::new(kept, *currency),
            conversions: changed.into_iter().map(|one| one.row).collect(),
            at: now,
        })
    }
}

/// What this advance takes on an advertiser's orders already.
fn taken(changed: &[(Changed, i64)], advertiser: AdvertiserId) -> i64 {
    let own = changed.iter().filter(|(one, _)| one.row.advertiser == advertiser);
    own.map(|(_, part)| part).sum()
}
