//! The back office: corrections, payments, locked months, rates of exchange.

use model::clock::Timestamp;
use model::id::AdjustmentId;
use model::id::ConversionId;
use model::id::PaymentId;
use model::id::TransactionId;
use model::money::Currency;

use crate::conversions::currency_of;
use crate::error::StoreError;
use crate::error::StoreResult;
use crate::listing::Listing;
use crate::listing::Paged;
use crate::listing::repository;
use crate::page::PageAsk;
use crate::params;
use crate::payouts::Payee;
use crate::sql::Row;

model::words! {
    /// Where a correction is.
    pub enum AdjustmentStatus {
        /// Waits for a second person.
        Proposed = "proposed",
        /// Posted.
        Approved = "approved",
        /// Never posted.
        Rejected = "rejected",
    }
}

/// A correction by hand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdjustmentRow {
    /// Its id.
    pub id: AdjustmentId,
    /// Whose balance.
    pub payee: Payee,
    /// Above zero: a credit. Below: a debit.
    pub amount_minor: i64,
    /// Of the amount.
    pub currency: Currency,
    /// In words.
    pub reason: String,
    /// What it corrects.
    pub conversion: Option<ConversionId>,
    /// Where it is.
    pub status: AdjustmentStatus,
    /// Id of the key that asked for it.
    pub made_by: String,
    /// Id of the key that agreed or did not.
    pub decided_by: Option<String>,
    /// When.
    pub decided_at: Option<Timestamp>,
    /// What was posted.
    pub transaction: Option<TransactionId>,
    /// When it was asked for.
    pub created_at: Timestamp,
}

model::words! {
    /// Why money came or went.
    pub enum PaymentKind {
        /// An advertiser or a network paid.
        Advertiser = "advertiser",
        /// Withheld tax went to the state.
        Tax = "tax",
    }
}

/// Money that came in or went to the state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaymentRow {
    /// Its id.
    pub id: PaymentId,
    /// Why.
    pub kind: PaymentKind,
    /// `adv_…` or `int_…`; a tax component.
    pub subject: String,
    /// Above zero.
    pub amount_minor: i64,
    /// Of the amount.
    pub currency: Currency,
    /// Rail or bank account that it stands on.
    pub account: String,
    /// The bank's own name of it.
    pub reference: String,
    /// Id of the key that booked it.
    pub made_by: String,
    /// What was posted.
    pub transaction: TransactionId,
    /// When.
    pub created_at: Timestamp,
}

/// A month that is locked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockedPeriod {
    /// `YYYY-MM` in the tenant's time zone.
    pub month: String,
    /// Its first instant.
    pub from: Timestamp,
    /// The first instant of the next one.
    pub to: Timestamp,
    /// Id of the key.
    pub locked_by: String,
    /// When.
    pub locked_at: Timestamp,
    /// Sequence of the last transaction then.
    pub head_seq: i64,
}

/// A rate of exchange of one day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FxRate {
    /// `YYYY-MM-DD`.
    pub on_day: String,
    /// One unit of it…
    pub base: Currency,
    /// …is so many of this.
    pub quote: Currency,
    /// Times 10⁹.
    pub rate_e9: i64,
}

repository! {
    /// The back office of the tenant.
    Office = office
}

const ADJUSTMENTS: &str = "SELECT id, payee, amount_minor, currency, reason, conversion_id, \
                           status, made_by, decided_by, decided_at, transaction_id, created_at \
                           FROM adjustments";
const PAYMENTS: &str = "SELECT id, kind, subject, amount_minor, currency, account, reference, \
                        made_by, transaction_id, created_at FROM payments";

impl Office<'_> {
    /// Adds a correction that waits.
    ///
    /// # Errors
    /// [`StoreError::Database`]; so do all below.
    pub async fn insert_adjustment(&mut self, row: &AdjustmentRow) -> StoreResult<()> {
        let sql = "INSERT INTO adjustments (tenant_id, id, payee, amount_minor, currency, reason, \
                   conversion_id, status, made_by, created_at) \
                   VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
        let params = params![
            self.0.tenant(),
            row.id,
            row.payee.to_string(),
            row.amount_minor,
            row.currency.code(),
            &row.reason,
            row.conversion,
            row.status.as_str(),
            &row.made_by,
            row.created_at
        ];
        self.0.execute(sql, params).await.map(drop)
    }

    /// Keeps a decision about one that was waiting; `false` where it was not.
    ///
    /// # Errors
    /// As [`Self::insert_adjustment`].
    pub async fn decide_adjustment(&mut self, row: &AdjustmentRow) -> StoreResult<bool> {
        let sql = "UPDATE adjustments SET status = $3, decided_by = $4, decided_at = $5, \
                   transaction_id = $6 WHERE tenant_id = $1 AND id = $2 AND status = 'proposed'";
        let params = params![
            self.0.tenant(),
            row.id,
            row.status.as_str(),
            row.decided_by.clone(),
            row.decided_at,
            row.transaction
        ];
        Ok(self.0.execute(sql, params).await? == 1)
    }

    /// One correction.
    ///
    /// # Errors
    /// As [`Self::insert_adjustment`].
    pub async fn adjustment(&mut self, id: AdjustmentId) -> StoreResult<Option<AdjustmentRow>> {
        let listing = Listing::of(ADJUSTMENTS, self.0.tenant()).only("id = ?", id);
        listing.first(&mut self.0).await?.as_ref().map(read_adjustment).transpose()
    }

    /// Corrections, newest first.
    ///
    /// # Errors
    /// As [`Self::insert_adjustment`].
    pub async fn adjustments(&mut self, page: &PageAsk) -> StoreResult<Paged<AdjustmentRow>> {
        let listing = Listing::of(ADJUSTMENTS, self.0.tenant());
        listing.page(page, &mut self.0, read_adjustment).await
    }

    /// Books a payment.
    ///
    /// # Errors
    /// [`StoreError::Unique`] for a reference that was booked before.
    pub async fn insert_payment(&mut self, row: &PaymentRow) -> StoreResult<()> {
        let sql = "INSERT INTO payments (tenant_id, id, kind, subject, amount_minor, currency, \
                   account, reference, made_by, transaction_id, created_at) \
                   VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
        let params = params![
            self.0.tenant(),
            row.id,
            row.kind.as_str(),
            &row.subject,
            row.amount_minor,
            row.currency.code(),
            &row.account,
            &row.reference,
            &row.made_by,
            row.transaction,
            row.created_at
        ];
        self.0.execute(sql, params).await.map(drop)
    }

    /// Payments for a subject, newest first.
    ///
    /// # Errors
    /// As [`Self::insert_adjustment`].
    pub async fn payments(
        &mut self,
        subject: Option<&str>,
        page: &PageAsk,
    ) -> StoreResult<Paged<PaymentRow>> {
        let listing = Listing::of(PAYMENTS, self.0.tenant()).matching("subject = ?", subject);
        listing.page(page, &mut self.0, read_payment).await
    }

    /// Locks a month for ever; a month that is locked stays as it was.
    ///
    /// # Errors
    /// As [`Self::insert_adjustment`].
    pub async fn lock(&mut self, row: &LockedPeriod) -> StoreResult<()> {
        let sql = "INSERT INTO locked_periods (tenant_id, month, from_at, to_at, locked_by, \
                   locked_at, head_seq) VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING";
        let params = params![
            self.0.tenant(),
            &row.month,
            row.from,
            row.to,
            &row.locked_by,
            row.locked_at,
            row.head_seq
        ];
        self.0.execute(sql, params).await.map(drop)
    }

    /// Every locked month, in order.
    ///
    /// # Errors
    /// As [`Self::insert_adjustment`].
    pub async fn locked(&mut self) -> StoreResult<Vec<LockedPeriod>> {
        let sql = "SELECT month, from_at, to_at, locked_by, locked_at, head_seq \
                   FROM locked_periods WHERE tenant_id = $1 ORDER BY month";
        let read = |row: &Row| {
            Ok(LockedPeriod {
                month: row.string("month")?,
                from: row.at("from_at")?,
                to: row.at("to_at")?,
                locked_by: row.string("locked_by")?,
                locked_at: row.at("locked_at")?,
                head_seq: row.int("head_seq")?,
            })
        };
        self.0.fetch_all(sql, params![self.0.tenant()]).await?.iter().map(read).collect()
    }

    /// Sets rates; a day's rate may be set again and counts for what is posted from then on.
    ///
    /// # Errors
    /// As [`Self::insert_adjustment`].
    pub async fn set_rates(
        &mut self,
        rows: &[FxRate],
        (by, at): (&str, Timestamp),
    ) -> StoreResult<()> {
        let tenant = self.0.tenant();
        let to_values = |row: &FxRate| {
            params![tenant, &row.on_day, row.base.code(), row.quote.code(), row.rate_e9, by, at,]
        };
        let columns = ["tenant_id", "on_day", "base", "quote", "rate_e9", "set_by", "set_at"];
        let suffix = "ON CONFLICT (tenant_id, on_day, base, quote) DO UPDATE SET \
                      rate_e9 = excluded.rate_e9, set_by = excluded.set_by, \
                      set_at = excluded.set_at";
        let rows = rows.iter().map(to_values).collect();
        self.0.insert_many("fx_rates", &columns, rows, suffix).await.map(drop)
    }

    /// The rate of a day, or of the last day before it that has one.
    ///
    /// # Errors
    /// As [`Self::insert_adjustment`].
    pub async fn rate(
        &mut self,
        (base, quote): (Currency, Currency),
        on_day: &str,
    ) -> StoreResult<Option<FxRate>> {
        let sql = "SELECT on_day, base, quote, rate_e9 FROM fx_rates WHERE tenant_id = $1 \
                   AND base = $2 AND quote = $3 AND on_day <= $4 ORDER BY on_day DESC LIMIT 1";
        let params = params![self.0.tenant(), base.code(), quote.code(), on_day];
        self.0.fetch_optional(sql, params).await?.as_ref().map(read_rate).transpose()
    }

    /// Every rate, newest day first, at most `limit`.
    ///
    /// # Errors
    /// As [`Self::insert_adjustment`].
    pub async fn rates(&mut self, limit: u32) -> StoreResult<Vec<FxRate>> {
        let sql = "SELECT on_day, base, quote, rate_e9 FROM fx_rates WHERE tenant_id = $1 \
                   ORDER BY on_day DESC, base, quote LIMIT $2";
        let rows = self.0.fetch_all(sql, params![self.0.tenant(), limit]).await?;
        rows.iter().map(read_rate).collect()
    }
}

fn read_adjustment(row: &Row) -> StoreResult<AdjustmentRow> {
    let wrong = || StoreError::Column { column: "payee".to_owned(), expected: "a payee" };
    Ok(AdjustmentRow {
        id: row.id("id")?,
        payee: Payee::parse(row.text("payee")?).ok_or_else(wrong)?,
        amount_minor: row.int("amount_minor")?,
        currency: currency_of(row, "currency")?,
        reason: row.string("reason")?,
        conversion: row.opt_id("conversion_id")?,
        status: row.word("status", AdjustmentStatus::parse)?,
        made_by: row.string("made_by")?,
        decided_by: row.opt_string("decided_by")?,
        decided_at: row.opt_at("decided_at")?,
        transaction: row.opt_id("transaction_id")?,
        created_at: row.at("created_at")?,
    })
}

fn read_payment(row: &Row) -> StoreResult<PaymentRow> {
    Ok(PaymentRow {
        id: row.id("id")?,
        kind: row.word("kind", PaymentKind::parse)?,
        subject: row.string("subject")?,
        amount_minor: row.int("amount_minor")?,
        currency: currency_of(row, "currency")?,
        account: row.string("account")?,
        reference: row.string("reference")?,
        made_by: row.string("made_by")?,
        transaction: row.id("transaction_id")?,
        created_at: row.at("created_at")?,
    })
}

fn read_rate(row: &Row) -> StoreResult<FxRate> {
    Ok(FxRate {
        on_day: row.string("on_day")?,
        base: currency_of(row, "base")?,
        quote: currency_of(row, "quote")?,
        rate_e9: row.int("rate_e9")?,
    })
}
