//! Publishers: who sends traffic and earns.

use ledger::TaxRegime;
use model::catalog::CatalogKind;
use model::clock::Timestamp;
use model::id::PublisherId;
use model::money::Currency;

use crate::catalog_outbox::all_changed;
use crate::error::StoreResult;
use crate::listing::Listing;
use crate::listing::Paged;
use crate::listing::Reach;
use crate::listing::Sight;
use crate::listing::Sights;
use crate::listing::json;
use crate::listing::repository;
use crate::page::PageAsk;
use crate::params;
use crate::sql::Row;

/// Who earns.
#[derive(Clone, PartialEq, Eq)]
pub struct PublisherRow {
    /// Its id.
    pub id: PublisherId,
    /// For people.
    pub name: String,
    /// Lower case, unique in the tenant: what `/click?ref=` carries.
    pub code: String,
    /// What it is paid in.
    pub currency: Currency,
    /// In the form `+77010000000`.
    pub phone: Option<String>,
    /// Where mail goes.
    pub email: Option<String>,
    /// The person's number at the tax office, 12 digits.
    pub iin: Option<String>,
    /// How it is taxed.
    pub tax_regime: TaxRegime,
    /// For lists.
    pub tags: Vec<String>,
    /// `{"rail","destination"}`.
    pub payout: serde_json::Value,
    /// When it was made.
    pub created_at: Timestamp,
    /// Since when its links are stopped and its keys refused.
    pub archived_at: Option<Timestamp>,
}

// Phone, mail and tax number do not belong into logs.
impl std::fmt::Debug for PublisherRow {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("PublisherRow").field("id", &self.id).finish_non_exhaustive()
    }
}

repository! {
    /// Publishers of the tenant.
    Publishers = publishers
}

const SELECT: &str = "SELECT id, name, code, currency, phone, email, iin, tax_regime, tags, \
                      payout, created_at, archived_at FROM publishers";

const SIGHTS: Sights = Sights { advertiser: Sight::None, publisher: Sight::Where("id = ?") };

impl Publishers<'_> {
    /// Adds a publisher.
    ///
    /// # Errors
    /// [`crate::error::StoreError::Unique`] when the code is taken.
    pub async fn insert(&mut self, row: &PublisherRow) -> StoreResult<()> {
        let sql = "INSERT INTO publishers (tenant_id, id, name, code, currency, phone, email, iin, \
                   tax_regime, tags, payout, created_at, archived_at) \
                   VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)";
        let params = params![
            self.0.tenant(),
            row.id,
            &row.name,
            &row.code,
            row.currency.code(),
            row.phone.clone(),
            row.email.clone(),
            row.iin.clone(),
            row.tax_regime.as_str(),
            json(&row.tags),
            json(&row.payout),
            row.created_at,
            row.archived_at
        ];
        self.0.execute(sql, params).await?;
        Ok(())
    }

    /// Changes what may change: everything but id, code, currency and time. Its keys and links are
    /// told anew, because they end with it.
    ///
    /// # Errors
    /// [`crate::error::StoreError::Database`].
    pub async fn update(&mut self, row: &PublisherRow, now: Timestamp) -> StoreResult<()> {
        let sql = "UPDATE publishers SET name = $3, phone = $4, email = $5, iin = $6, \
                   tax_regime = $7, tags = $8, payout = $9, archived_at = $10 \
                   WHERE tenant_id = $1 AND id = $2";
        let params = params![
            self.0.tenant(),
            row.id,
            &row.name,
            row.phone.clone(),
            row.email.clone(),
            row.iin.clone(),
            row.tax_regime.as_str(),
            json(&row.tags),
            json(&row.payout),
            row.archived_at
        ];
        self.0.execute(sql, params).await?;
        if row.archived_at.is_none() {
            return Ok(());
        }
        let keys = ("api_keys", "publisher_id = ?");
        all_changed(&mut self.0, CatalogKind::Key, keys, row.id, now).await?;
        let links = ("links", "publisher_id = ?");
        all_changed(&mut self.0, CatalogKind::Link, links, row.id, now).await
    }

    /// One publisher, archived or not.
    ///
    /// # Errors
    /// [`crate::error::StoreError::Database`].
    pub async fn get(
        &mut self,
        id: PublisherId,
        reach: Reach,
    ) -> StoreResult<Option<PublisherRow>> {
        let listing = Listing::of(SELECT, self.0.tenant()).only("id = ?", id).within(reach, SIGHTS);
        listing.first(&mut self.0).await?.as_ref().map(read).transpose()
    }

    /// Live publishers, newest first; the one with a code when it is given.
    ///
    /// # Errors
    /// [`crate::error::StoreError::Database`].
    pub async fn list(
        &mut self,
        code: Option<&str>,
        reach: Reach,
        page: &PageAsk,
    ) -> StoreResult<Paged<PublisherRow>> {
        let listing = Listing::of(SELECT, self.0.tenant())
            .within(reach, SIGHTS)
            .matching("code = ?", code)
            .in_use("archived_at", page);
        listing.page(page, &mut self.0, read).await
    }
}

fn read(row: &Row) -> StoreResult<PublisherRow> {
    Ok(PublisherRow {
        id: row.id("id")?,
        name: row.string("name")?,
        code: row.string("code")?,
        currency: crate::advertisers::currency(row, "currency")?,
        phone: row.opt_string("phone")?,
        email: row.opt_string("email")?,
        iin: row.opt_string("iin")?,
        tax_regime: row.word("tax_regime", TaxRegime::parse)?,
        tags: row.json("tags")?,
        payout: row.json("payout")?,
        created_at: row.at("created_at")?,
        archived_at: row.opt_at("archived_at")?,
    })
}
