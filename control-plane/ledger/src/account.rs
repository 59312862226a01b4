//! The chart of accounts, per tenant and currency.
//!
//! An account is its kind, whose it is, for tax the component, and the currency. Its key is text
//! that never changes: `publisher_pending/pub_…/KZT`, `tax_pending/pub_…/opv/KZT`,
//! `fee_pending/tenant/KZT`, `payout_clearing/rail:file/KZT`.
//!
//! # Why
//!
//! A tax that the publisher's gross cannot cover is the operator's to pay, so it stands on the
//! *tenant's* `tax_pending` against `suspense`. On the publisher's account it would make the
//! publisher's balance explain a deduction that was never made.

use std::fmt;

use model::id::{AdvertiserId, IntegrationId, PublisherId, ShopperId};
use model::money::Currency;

use crate::word::Word;

model::words! {
    /// What an account counts.
    pub enum AccountKind {
        /// What an advertiser or a network owes for results.
        AdvertiserReceivable = "advertiser_receivable",
        /// What a publisher earned and cannot have yet.
        PublisherPending = "publisher_pending",
        /// What a publisher may be paid.
        PublisherAvailable = "publisher_available",
        /// Cashback that is not released yet.
        ShopperPending = "shopper_pending",
        /// Cashback that may be paid.
        ShopperAvailable = "shopper_available",
        /// The platform's part before release.
        FeePending = "fee_pending",
        /// The platform's income.
        FeeEarned = "fee_earned",
        /// Estimated tax before release.
        TaxPending = "tax_pending",
        /// Tax kept back for the state.
        TaxWithheld = "tax_withheld",
        /// Money on its way through a rail.
        PayoutClearing = "payout_clearing",
        /// Money at a rail or bank.
        ProviderCash = "provider_cash",
        /// What somebody was paid and has to give back; the balance's `owed`.
        ClawbackReceivable = "clawback_receivable",
        /// What somebody was advanced.
        AdvanceReceivable = "advance_receivable",
        /// What a person must settle.
        Suspense = "suspense",
        /// Minor units that no rule gives to anybody.
        Rounding = "rounding",
    }
}

/// Where an account stands in a balance sheet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccountClass {
    Asset,
    Liability,
    Income,
}

/// The two sides of a posting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Side {
    Debit,
    Credit,
}

impl Side {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Debit => "debit",
            Self::Credit => "credit",
        }
    }

    pub fn parse(word: &str) -> Option<Self> {
        match word {
            "debit" => Some(Self::Debit),
            "credit" => Some(Self::Credit),
            _ => None,
        }
    }

    #[must_use]
    pub const fn opposite(self) -> Self {
        match self {
            Self::Debit => Self::Credit,
            Self::Credit => Self::Debit,
        }
    }
}

impl AccountKind {
    /// `suspense` counts as a liability and `rounding` as income; both go either way.
    pub const fn class(self) -> AccountClass {
        match self {
            Self::AdvertiserReceivable
            | Self::ProviderCash
            | Self::ClawbackReceivable
            | Self::AdvanceReceivable => AccountClass::Asset,
            Self::FeeEarned | Self::Rounding => AccountClass::Income,
            Self::PublisherPending
            | Self::PublisherAvailable
            | Self::ShopperPending
            | Self::ShopperAvailable
            | Self::FeePending
            | Self::TaxPending
            | Self::TaxWithheld
            | Self::PayoutClearing
            | Self::Suspense => AccountClass::Liability,
        }
    }

    /// The side on which the account grows.
    pub const fn normal_side(self) -> Side {
        match self.class() {
            AccountClass::Asset => Side::Debit,
            AccountClass::Liability | AccountClass::Income => Side::Credit,
        }
    }

    /// Whether a balance on the other side means anything. Where it does not, [`crate::apply()`]
    /// refuses it and the store's CHECK does too.
    pub const fn may_go_below_zero(self) -> bool {
        matches!(
            self,
            Self::AdvertiserReceivable
                | Self::FeeEarned
                | Self::TaxWithheld
                | Self::ProviderCash
                | Self::Suspense
                | Self::Rounding
        )
    }
}

/// Whose account it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Owner {
    Tenant,
    Advertiser(AdvertiserId),
    /// A network integration, which owes in place of the advertisers behind it.
    Network(IntegrationId),
    Publisher(PublisherId),
    Shopper(ShopperId),
    /// A payout rail or bank account, by its name.
    Rail(Word),
}

impl fmt::Display for Owner {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tenant => formatter.write_str("tenant"),
            Self::Advertiser(id) => id.fmt(formatter),
            Self::Network(id) => id.fmt(formatter),
            Self::Publisher(id) => id.fmt(formatter),
            Self::Shopper(id) => id.fmt(formatter),
            Self::Rail(name) => write!(formatter, "rail:{name}"),
        }
    }
}

impl Owner {
    fn parse(text: &str) -> Option<Self> {
        if text == "tenant" {
            return Some(Self::Tenant);
        }
        if let Some(name) = text.strip_prefix("rail:") {
            return Word::parse(name).map(Self::Rail);
        }
        match text.get(..4)? {
            AdvertiserId::PREFIX => text.parse().ok().map(Self::Advertiser),
            IntegrationId::PREFIX => text.parse().ok().map(Self::Network),
            PublisherId::PREFIX => text.parse().ok().map(Self::Publisher),
            ShopperId::PREFIX => text.parse().ok().map(Self::Shopper),
            _ => None,
        }
    }
}

/// Who owes the charge of a conversion.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Debtor {
    Advertiser(AdvertiserId),
    Network(IntegrationId),
}

impl From<Debtor> for Owner {
    fn from(debtor: Debtor) -> Self {
        match debtor {
            Debtor::Advertiser(id) => Self::Advertiser(id),
            Debtor::Network(id) => Self::Network(id),
        }
    }
}

/// The text is not the key of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the key of an account, or its kind and its owner do not belong together")]
pub struct AccountError;

/// One account. Kind and owner always belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Account {
    kind: AccountKind,
    owner: Owner,
    component: Option<Word>,
    currency: Currency,
}

impl Account {
    /// # Errors
    ///
    /// A kind that this owner cannot have, a component on an account that is not tax, or a tax
    /// account without one.
    pub fn new(
        kind: AccountKind,
        owner: Owner,
        component: Option<Word>,
        currency: Currency,
    ) -> Result<Self, AccountError> {
        let is_tax = matches!(kind, AccountKind::TaxPending | AccountKind::TaxWithheld);
        if owner_fits(kind, owner) && component.is_some() == is_tax {
            Ok(Self { kind, owner, component, currency })
        } else {
            Err(AccountError)
        }
    }

    /// `advertiser_receivable` of whoever owes.
    pub fn receivable(debtor: Debtor, currency: Currency) -> Self {
        Self::plain(AccountKind::AdvertiserReceivable, debtor.into(), currency)
    }

    pub const fn publisher_pending(id: PublisherId, currency: Currency) -> Self {
        Self::plain(AccountKind::PublisherPending, Owner::Publisher(id), currency)
    }

    pub const fn publisher_available(id: PublisherId, currency: Currency) -> Self {
        Self::plain(AccountKind::PublisherAvailable, Owner::Publisher(id), currency)
    }

    /// What this publisher owes back.
    pub const fn publisher_owed(id: PublisherId, currency: Currency) -> Self {
        Self::plain(AccountKind::ClawbackReceivable, Owner::Publisher(id), currency)
    }

    pub const fn shopper_pending(id: ShopperId, currency: Currency) -> Self {
        Self::plain(AccountKind::ShopperPending, Owner::Shopper(id), currency)
    }

    pub const fn shopper_available(id: ShopperId, currency: Currency) -> Self {
        Self::plain(AccountKind::ShopperAvailable, Owner::Shopper(id), currency)
    }

    /// What this shopper owes back.
    pub const fn shopper_owed(id: ShopperId, currency: Currency) -> Self {
        Self::plain(AccountKind::ClawbackReceivable, Owner::Shopper(id), currency)
    }

    pub const fn fee_pending(currency: Currency) -> Self {
        Self::plain(AccountKind::FeePending, Owner::Tenant, currency)
    }

    pub const fn fee_earned(currency: Currency) -> Self {
        Self::plain(AccountKind::FeeEarned, Owner::Tenant, currency)
    }

    pub const fn suspense(currency: Currency) -> Self {
        Self::plain(AccountKind::Suspense, Owner::Tenant, currency)
    }

    /// Tax borne by a publisher.
    pub const fn publisher_tax_pending(id: PublisherId, component: Word, cur: Currency) -> Self {
        Self::tax(AccountKind::TaxPending, Owner::Publisher(id), component, cur)
    }

    /// Tax borne by a publisher, kept back for the state.
    pub const fn publisher_tax_withheld(id: PublisherId, component: Word, cur: Currency) -> Self {
        Self::tax(AccountKind::TaxWithheld, Owner::Publisher(id), component, cur)
    }

    /// Tax above a publisher's gross, which the operator has to bear.
    pub const fn tenant_tax_pending(component: Word, currency: Currency) -> Self {
        Self::tax(AccountKind::TaxPending, Owner::Tenant, component, currency)
    }

    /// Tax above a publisher's gross, due to the state.
    pub const fn tenant_tax_withheld(component: Word, currency: Currency) -> Self {
        Self::tax(AccountKind::TaxWithheld, Owner::Tenant, component, currency)
    }

    /// What this publisher was paid before its release.
    pub const fn advance_receivable(id: PublisherId, currency: Currency) -> Self {
        Self::plain(AccountKind::AdvanceReceivable, Owner::Publisher(id), currency)
    }

    /// Money at a rail or bank.
    pub const fn provider_cash(rail: Word, currency: Currency) -> Self {
        Self::plain(AccountKind::ProviderCash, Owner::Rail(rail), currency)
    }

    /// Money on its way through a rail.
    pub const fn payout_clearing(rail: Word, currency: Currency) -> Self {
        Self::plain(AccountKind::PayoutClearing, Owner::Rail(rail), currency)
    }

    pub const fn kind(&self) -> AccountKind {
        self.kind
    }

    pub const fn owner(&self) -> Owner {
        self.owner
    }

    /// The tax component; present exactly on tax accounts.
    pub const fn component(&self) -> Option<Word> {
        self.component
    }

    pub const fn currency(&self) -> Currency {
        self.currency
    }

    /// The stable text: kind, owner, for tax the component, currency, parted by `/`.
    pub fn key(&self) -> String {
        self.to_string()
    }

    /// Reads [`Account::key`] back.
    ///
    /// # Errors
    ///
    /// Any other text.
    pub fn parse_key(key: &str) -> Result<Self, AccountError> {
        let mut parts = key.split('/');
        let mut next = || parts.next().ok_or(AccountError);
        let kind = AccountKind::parse(next()?).ok_or(AccountError)?;
        let owner = Owner::parse(next()?).ok_or(AccountError)?;
        let third = next()?;
        let (component, currency) = match parts.next() {
            Some(currency) => (Some(Word::parse(third).ok_or(AccountError)?), currency),
            None => (None, third),
        };
        let currency = Currency::parse(currency).map_err(|_| AccountError)?;
        let account = Self::new(kind, owner, component, currency)?;
        // One account has one key: folded case or look-alike letters would make a second one.
        if account.key() == key { Ok(account) } else { Err(AccountError) }
    }

    const fn plain(kind: AccountKind, owner: Owner, currency: Currency) -> Self {
        Self { kind, owner, component: None, currency }
    }

    const fn tax(kind: AccountKind, owner: Owner, component: Word, currency: Currency) -> Self {
        Self { kind, owner, component: Some(component), currency }
    }
}

impl fmt::Display for Account {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}/", self.kind, self.owner)?;
        if let Some(component) = self.component {
            write!(formatter, "{component}/")?;
        }
        write!(formatter, "{}", self.currency)
    }
}

/// The chart: which owner may have which kind.
const fn owner_fits(kind: AccountKind, owner: Owner) -> bool {
    match kind {
        AccountKind::AdvertiserReceivable => {
            matches!(owner, Owner::Advertiser(_) | Owner::Network(_))
        }
        AccountKind::PublisherPending | AccountKind::PublisherAvailable => {
            matches!(owner, Owner::Publisher(_))
        }
        AccountKind::ShopperPending | AccountKind::ShopperAvailable => {
            matches!(owner, Owner::Shopper(_))
        }
        AccountKind::TaxPending | AccountKind::TaxWithheld => {
            matches!(owner, Owner::Publisher(_) | Owner::Tenant)
        }
        AccountKind::PayoutClearing | AccountKind::ProviderCash => matches!(owner, Owner::Rail(_)),
        AccountKind::ClawbackReceivable | AccountKind::AdvanceReceivable => {
            matches!(owner, Owner::Publisher(_) | Owner::Shopper(_))
        }
        AccountKind::FeePending
        | AccountKind::FeeEarned
        | AccountKind::Suspense
        | AccountKind::Rounding => matches!(owner, Owner::Tenant),
    }
}
