//! What attribution must know of links, coupons, campaigns, offers, publishers and terms: set-wise
//! reads, made to be cached under a tenant's version.

use ledger::TaxRegime;
use model::click_id::ClickKey;
use model::click_id::KeyRing;
use model::clock::Timestamp;
use model::conversion::AttributionModel;
use model::conversion::CouponPrecedence;
use model::id::AdvertiserId;
use model::id::CampaignId;
use model::id::CouponId;
use model::id::EnrolmentId;
use model::id::IntegrationId;
use model::id::LinkId;
use model::id::OfferId;
use model::id::PublisherId;
use model::id::ShopperId;
use model::id::TenantId;
use model::link::LinkNumber;
use model::money::BasisPoints;
use model::money::Currency;

use crate::conn::Scope;
use crate::conn::SysScope;
use crate::conversions::currency_of;
use crate::error::StoreError;
use crate::error::StoreResult;
use crate::page::KEYS_PER_STATEMENT;
use crate::page::Statement;
use crate::params;
use crate::sql::Row;
use crate::sql::Value;
use crate::unit::BatchTx;

mod terms;

pub use terms::Term;
pub use terms::TermScope;

/// Counts up with every change of what attribution reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ObjectVersion {
    /// Any change: cached objects are dropped.
    pub any: i64,
    /// Changes of what decides amounts: checked again before posting.
    pub terms: i64,
}

/// A connection to an outside system, as the pipeline needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreditIntegration {
    /// Its id.
    pub id: IntegrationId,
    /// Name of the plugin that reads it.
    pub adapter: String,
    /// Absent: a network.
    pub advertiser: Option<AdvertiserId>,
    /// Whose order numbers it carries.
    pub order_space: String,
    /// JSON object text given to the adapter; the status map stands in it as `status_map`.
    pub config: String,
}

/// A link, as attribution needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreditLink {
    /// Its id.
    pub id: LinkId,
    /// Its number in click ids.
    pub number: LinkNumber,
    /// Its slug.
    pub slug: String,
    /// In which campaign.
    pub campaign: CampaignId,
    /// Absent on wildcard links.
    pub offer: Option<OfferId>,
    /// Who earns.
    pub publisher: PublisherId,
    /// JSON object of its caps.
    pub caps: serde_json::Value,
}

/// A coupon, as attribution needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreditCoupon {
    /// Its id.
    pub id: CouponId,
    /// Upper case.
    pub code: String,
    /// In which campaign.
    pub campaign: CampaignId,
    /// Absent: generic, never decides.
    pub publisher: Option<PublisherId>,
    /// An invalidated one earns nothing.
    pub is_active: bool,
}

/// A campaign, as attribution needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreditCampaign {
    /// Its id.
    pub id: CampaignId,
    /// First or last touch.
    pub model: AttributionModel,
    /// Coupon or click.
    pub precedence: CouponPrecedence,
    /// The platform's part of the charge.
    pub fee: BasisPoints,
    /// The shopper's part of the commission.
    pub share: BasisPoints,
    /// First day on which it earns, `YYYY-MM-DD` in the tenant's time zone; absent: always.
    pub starts_on: Option<String>,
    /// Last day on which it earns.
    pub ends_on: Option<String>,
    /// What may be charged in it altogether, in its advertiser's currency.
    pub budget_minor: Option<i64>,
    /// In the order the campaign lists them.
    pub offers: Vec<OfferId>,
}

/// An offer, as attribution needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreditOffer {
    /// Its id.
    pub id: OfferId,
    /// Whose offer.
    pub advertiser: AdvertiserId,
    /// How long a click may earn.
    pub click_window_days: i64,
    /// How long money waits after the outside approved.
    pub hold_days: i64,
    /// What is sold, for terms that ask.
    pub category: Option<String>,
    /// The one article it is, for terms that ask.
    pub sku: Option<String>,
    /// JSON object of its caps.
    pub caps: serde_json::Value,
}

/// Repository of what attribution reads.
#[derive(Debug)]
pub struct Credit<'t>(Scope<'t>);

/// What attribution reads of all tenants at once.
#[derive(Debug)]
pub struct CreditKeys<'t>(SysScope<'t>);

impl BatchTx {
    /// What attribution reads of one tenant.
    pub const fn credit(&mut self, tenant: TenantId) -> Credit<'_> {
        Credit(self.scope(tenant))
    }

    /// Click keys and tenants.
    pub const fn credit_keys(&mut self) -> CreditKeys<'_> {
        CreditKeys(self.sys())
    }
}

fn wrong(column: &'static str, expected: &'static str) -> StoreError {
    StoreError::Column { column: column.to_owned(), expected }
}

fn basis_points(row: &Row, column: &'static str) -> StoreResult<BasisPoints> {
    u32::try_from(row.int(column)?).map(BasisPoints).map_err(|_| wrong(column, "basis points"))
}

impl CreditKeys<'_> {
    /// The ring that checks click ids; absent until the first key is made. Its version counts up
    /// with every change.
    ///
    /// # Errors
    /// [`StoreError::Database`]; so do all below.
    pub async fn ring(&mut self) -> StoreResult<Option<KeyRing>> {
        let sql = "SELECT id, secret, is_signing FROM click_keys";
        let mut signing = None;
        let mut others = Vec::new();
        for row in self.0.fetch_all(sql, Vec::new()).await? {
            let id = u8::try_from(row.int("id")?).map_err(|_| wrong("id", "a key id"))?;
            let key = ClickKey { id, secret: row.array("secret")? };
            if row.flag("is_signing")? { signing = Some(key) } else { others.push(key) }
        }
        Ok(signing.map(|signing| KeyRing::new(signing, others)))
    }

    /// The version of the click keys.
    ///
    /// # Errors
    /// As [`Self::ring`].
    pub async fn ring_version(&mut self) -> StoreResult<i64> {
        let sql = "SELECT version FROM object_versions WHERE tenant_id = ''";
        let row = self.0.fetch_optional(sql, Vec::new()).await?;
        row.map_or(Ok(0), |row| row.int("version"))
    }

    /// Every tenant.
    ///
    /// # Errors
    /// As [`Self::ring`].
    pub async fn tenants(&mut self) -> StoreResult<Vec<TenantId>> {
        let rows = self.0.fetch_all("SELECT id FROM tenants ORDER BY id", Vec::new()).await?;
        rows.iter().map(|row| row.id("id")).collect()
    }
}

impl Credit<'_> {
    /// The tenant's version now.
    ///
    /// # Errors
    /// [`StoreError::Database`]; so do all below.
    pub async fn version(&mut self) -> StoreResult<ObjectVersion> {
        let sql = "SELECT version, terms_version FROM object_versions WHERE tenant_id = $1";
        let row = self.0.fetch_optional(sql, params![self.0.tenant()]).await?;
        let Some(row) = row else { return Ok(ObjectVersion::default()) };
        Ok(ObjectVersion { any: row.int("version")?, terms: row.int("terms_version")? })
    }

    /// Name of the tenant's time zone; absent for an unknown tenant.
    ///
    /// # Errors
    /// As [`Self::version`].
    pub async fn time_zone(&mut self) -> StoreResult<Option<String>> {
        let sql = "SELECT time_zone FROM tenants WHERE id = $1";
        let row = self.0.fetch_optional(sql, params![self.0.tenant()]).await?;
        row.map(|row| row.string("time_zone")).transpose()
    }

    async fn among(
        &mut self,
        begin: &'static str,
        piece: &'static str,
        values: Vec<Value>,
    ) -> StoreResult<Vec<Row>> {
        let mut rows = Vec::new();
        for values in values.chunks(KEYS_PER_STATEMENT) {
            let mut statement = Statement::new(begin, params![self.0.tenant()]);
            statement.among(piece, values.to_vec());
            rows.extend(self.0.fetch_built(statement.sql, statement.params).await?);
        }
        Ok(rows)
    }

    /// Integrations by id, archived ones included: what they told us before stays true.
    ///
    /// # Errors
    /// As [`Self::version`].
    pub async fn integrations(
        &mut self,
        ids: &[IntegrationId],
    ) -> StoreResult<Vec<CreditIntegration>> {
        let begin = "SELECT id, adapter, advertiser_id, order_space, config, status_map \
                     FROM integrations WHERE tenant_id = $1";
        let values = ids.iter().map(|id| Value::from(*id)).collect();
        let mut found = Vec::new();
        for row in self.among(begin, "AND id", values).await? {
            let mut config: serde_json::Map<String, serde_json::Value> = row.json("config")?;
            config.insert("status_map".to_owned(), row.json("status_map")?);
            found.push(CreditIntegration {
                id: row.id("id")?,
                adapter: row.string("adapter")?,
                advertiser: row.opt_id("advertiser_id")?,
                order_space: row.string("order_space")?,
                config: serde_json::Value::Object(config).to_string(),
            });
        }
        Ok(found)
    }

    /// Currencies of advertisers.
    ///
    /// # Errors
    /// As [`Self::version`].
    pub async fn currencies(
        &mut self,
        ids: &[AdvertiserId],
    ) -> StoreResult<Vec<(AdvertiserId, Currency)>> {
        let begin = "SELECT id, currency FROM advertisers WHERE tenant_id = $1";
        let values = ids.iter().map(|id| Value::from(*id)).collect();
        let rows = self.among(begin, "AND id", values).await?;
        rows.iter().map(|row| Ok((row.id("id")?, currency_of(row, "currency")?))).collect()
    }

    /// Links by the numbers in click ids.
    ///
    /// # Errors
    /// As [`Self::version`].
    pub async fn links_by_number(
        &mut self,
        numbers: &[LinkNumber],
    ) -> StoreResult<Vec<CreditLink>> {
        let number = |number: &LinkNumber| Value::Int(i64::try_from(number.0).unwrap_or(i64::MAX));
        let values = numbers.iter().map(number).collect();
        let rows = self.among(LINKS, "AND number", values).await?;
        rows.iter().map(link_from).collect()
    }

    /// Links by slug, lower case.
    ///
    /// # Errors
    /// As [`Self::version`].
    pub async fn links_by_slug(&mut self, slugs: &[String]) -> StoreResult<Vec<CreditLink>> {
        let values = slugs.iter().map(Value::from).collect();
        let rows = self.among(LINKS, "AND slug", values).await?;
        rows.iter().map(link_from).collect()
    }

    /// Coupons by code, upper case.
    ///
    /// # Errors
    /// As [`Self::version`].
    pub async fn coupons(&mut self, codes: &[String]) -> StoreResult<Vec<CreditCoupon>> {
        let begin = "SELECT id, code, campaign_id, publisher_id, status FROM coupons \
                     WHERE tenant_id = $1";
        let values = codes.iter().map(Value::from).collect();
        let mut found = Vec::new();
        for row in self.among(begin, "AND code", values).await? {
            found.push(CreditCoupon {
                id: row.id("id")?,
                code: row.string("code")?,
                campaign: row.id("campaign_id")?,
                publisher: row.opt_id("publisher_id")?,
                is_active: row.text("status")? == "active",
            });
        }
        Ok(found)
    }

    /// Campaigns by id, with their offers.
    ///
    /// # Errors
    /// As [`Self::version`].
    pub async fn campaigns(&mut self, ids: &[CampaignId]) -> StoreResult<Vec<CreditCampaign>> {
        let begin = "SELECT id, attribution, coupon_precedence, fee_bp, share_bp, starts_on, \
                     ends_on, budget_minor FROM campaigns WHERE tenant_id = $1";
        let values: Vec<Value> = ids.iter().map(|id| Value::from(*id)).collect();
        let mut found = Vec::new();
        for row in self.among(begin, "AND id", values.clone()).await? {
            found.push(CreditCampaign {
                id: row.id("id")?,
                model: row.word("attribution", AttributionModel::parse)?,
                precedence: row.word("coupon_precedence", CouponPrecedence::parse)?,
                fee: basis_points(&row, "fee_bp")?,
                share: basis_points(&row, "share_bp")?,
                starts_on: row.opt_string("starts_on")?,
                ends_on: row.opt_string("ends_on")?,
                budget_minor: row.opt_int("budget_minor")?,
                offers: Vec::new(),
            });
        }
        let begin = "SELECT campaign_id, offer_id, position FROM campaign_offers \
                     WHERE tenant_id = $1";
        let mut offers = Vec::new();
        for row in self.among(begin, "AND campaign_id", values).await? {
            let campaign: CampaignId = row.id("campaign_id")?;
            offers.push((campaign, row.int("position")?, row.id::<OfferId>("offer_id")?));
        }
        offers.sort_unstable();
        for campaign in &mut found {
            let own = offers.iter().filter(|(of, ..)| *of == campaign.id);
            campaign.offers = own.map(|(_, _, offer)| *offer).collect();
        }
        Ok(found)
    }

    /// Offers by id.
    ///
    /// # Errors
    /// As [`Self::version`].
    pub async fn offers(&mut self, ids: &[OfferId]) -> StoreResult<Vec<CreditOffer>> {
        let begin = "SELECT id, advertiser_id, click_window_days, hold_days, category, sku, caps \
                     FROM offers WHERE tenant_id = $1";
        let values = ids.iter().map(|id| Value::from(*id)).collect();
        let mut found = Vec::new();
        for row in self.among(begin, "AND id", values).await? {
            found.push(CreditOffer {
                id: row.id("id")?,
                advertiser: row.id("advertiser_id")?,
                click_window_days: row.int("click_window_days")?,
                hold_days: row.int("hold_days")?,
                category: row.opt_string("category")?,
                sku: row.opt_string("sku")?,
                caps: row.json("caps")?,
            });
        }
        Ok(found)
    }

    /// Tax regimes of publishers; a word that no table knows counts as undeclared.
    ///
    /// # Errors
    /// As [`Self::version`].
    pub async fn regimes(
        &mut self,
        ids: &[PublisherId],
    ) -> StoreResult<Vec<(PublisherId, TaxRegime)>> {
        let begin = "SELECT id, tax_regime FROM publishers WHERE tenant_id = $1";
        let values = ids.iter().map(|id| Value::from(*id)).collect();
        let mut found = Vec::new();
        for row in self.among(begin, "AND id", values).await? {
            let regime = TaxRegime::parse(row.text("tax_regime")?);
            found.push((row.id("id")?, regime.unwrap_or(TaxRegime::Undeclared)));
        }
        Ok(found)
    }

    /// Enrolments of publishers, whatever their campaigns.
    ///
    /// # Errors
    /// As [`Self::version`].
    pub async fn enrolments(
        &mut self,
        publishers: &[PublisherId],
    ) -> StoreResult<Vec<(CampaignId, PublisherId, EnrolmentId)>> {
        let begin = "SELECT id, campaign_id, publisher_id FROM enrolments WHERE tenant_id = $1";
        let values = publishers.iter().map(|id| Value::from(*id)).collect();
        let rows = self.among(begin, "AND publisher_id", values).await?;
        let read = |row: &Row| Ok((row.id("campaign_id")?, row.id("publisher_id")?, row.id("id")?));
        rows.iter().map(read).collect()
    }

    /// Shoppers named by clicks.
    ///
    /// # Errors
    /// As [`Self::version`].
    pub async fn shoppers(&mut self, clicks: &[String]) -> StoreResult<Vec<(String, ShopperId)>> {
        let begin = "SELECT u.click_id AS click_id, s.id AS id FROM click_users u \
                     JOIN shoppers s ON s.tenant_id = u.tenant_id AND s.user_id = u.user_id \
                     WHERE u.tenant_id = $1";
        let values = clicks.iter().map(Value::from).collect();
        let rows = self.among(begin, "AND u.click_id", values).await?;
        rows.iter().map(|row| Ok((row.string("click_id")?, row.id("id")?))).collect()
    }
}

const LINKS: &str = "SELECT id, number, slug, campaign_id, offer_id, publisher_id, caps FROM links \
                     WHERE tenant_id = $1";

fn link_from(row: &Row) -> StoreResult<CreditLink> {
    let number = u64::try_from(row.int("number")?).map_err(|_| wrong("number", "a number"))?;
    Ok(CreditLink {
        id: row.id("id")?,
        number: LinkNumber(number),
        slug: row.string("slug")?,
        campaign: row.id("campaign_id")?,
        offer: row.opt_id("offer_id")?,
        publisher: row.id("publisher_id")?,
        caps: row.json("caps")?,
    })
}
