//! Charge and rates in, parts out; the parts always sum to the whole.
//!
//! Each named part is rounded half up; what the publisher gets is what remains.

use model::money::{AMOUNT_MINOR_MAX, BasisPoints, Currency, Money, MoneyError, round_half_up};

use crate::mutation::Mutation;
use crate::word::Word;

/// Everything a split depends on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Basis {
    /// What the debtor owes for the conversion.
    pub charge: Money,
    /// The platform's part of the charge.
    pub fee: BasisPoints,
    /// The shopper's part of the commission; zero when the click has no user.
    pub share: BasisPoints,
    /// In the order in which they are taken from the publisher's gross.
    pub taxes: Vec<TaxRate>,
}

/// A flat rate of one tax component.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TaxRate {
    pub component: Word,
    pub rate: BasisPoints,
    pub base: TaxBase,
}

model::words! {
    /// What a tax rate applies to.
    pub enum TaxBase {
        /// The whole charge.
        Charge = "charge",
        /// The publisher's gross: commission minus the shopper's part.
        Gross = "gross",
    }
}

/// One tax component in minor units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TaxPart {
    pub component: Word,
    /// Taken from the publisher's gross.
    pub withheld: Money,
    /// What the gross could not cover: the operator's, through `suspense` and a case.
    pub shortfall: Money,
}

/// A charge in its parts: `charge = fee + shopper + taxes withheld + net`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Split {
    pub charge: Money,
    pub fee: Money,
    /// Charge minus fee.
    pub commission: Money,
    pub shopper: Money,
    pub taxes: Vec<TaxPart>,
    /// What the publisher gets.
    pub net: Money,
}

/// Why there is no split.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SplitError {
    #[error("a rate is above the whole")]
    RateAboveWhole,
    #[error("a tax component stands twice")]
    ComponentTwice,
    #[error("parts are in different currencies")]
    MixedCurrencies,
    #[error("a part is below zero")]
    NegativePart,
    #[error("parts do not sum to the charge")]
    PartsDoNotSum,
    #[error(transparent)]
    Money(#[from] MoneyError),
}

/// Splits a charge.
///
/// `fee = round_half_up(charge × fee)`, `commission = charge − fee`,
/// `shopper = round_half_up(commission × share)`, each tax component half up of its base; net is
/// what remains. Tax never takes more than the publisher's gross: components are served in their
/// order, and what is left of a component is its shortfall.
///
/// # Errors
///
/// A negative or too large charge, a rate above the whole, a component that stands twice.
pub fn split(basis: &Basis) -> Result<Split, SplitError> {
    split_with(basis, Mutation::None)
}

pub(crate) fn split_with(basis: &Basis, mutation: Mutation) -> Result<Split, SplitError> {
    check_basis(basis)?;
    let currency = basis.charge.currency;
    let charge = basis.charge.minor;
    let fee = part(charge, basis.fee, mutation)?;
    let commission = charge.checked_sub(fee).ok_or(MoneyError::TooLarge)?;
    let shopper = part(commission, basis.share, mutation)?;
    let gross = commission.checked_sub(shopper).ok_or(MoneyError::TooLarge)?;
    let mut net = gross;
    let mut taxes = Vec::with_capacity(basis.taxes.len());
    for tax in &basis.taxes {
        let base = match tax.base {
            TaxBase::Charge => charge,
            TaxBase::Gross => gross,
        };
        let due = part(base, tax.rate, mutation)?;
        let withheld = due.min(net);
        net = net.checked_sub(withheld).ok_or(MoneyError::TooLarge)?;
        let shortfall = due.checked_sub(withheld).ok_or(MoneyError::TooLarge)?;
        taxes.push(TaxPart {
            component: tax.component,
            withheld: Money::new(withheld, currency),
            shortfall: Money::new(shortfall, currency),
        });
    }
    let money = |minor| Money::new(minor, currency);
    Ok(Split {
        charge: basis.charge,
        fee: money(fee),
        commission: money(commission),
        shopper: money(shopper),
        taxes,
        net: money(net),
    })
}

fn check_basis(basis: &Basis) -> Result<(), SplitError> {
    if basis.charge.minor < 0 {
        return Err(MoneyError::Negative.into());
    }
    if basis.charge.minor > AMOUNT_MINOR_MAX {
        return Err(MoneyError::TooLarge.into());
    }
    let mut rates = vec![basis.fee, basis.share];
    rates.extend(basis.taxes.iter().map(|tax| tax.rate));
    if rates.iter().any(|rate| *rate > BasisPoints::WHOLE) {
        return Err(SplitError::RateAboveWhole);
    }
    components_once(basis.taxes.iter().map(|tax| tax.component))
}

fn components_once(components: impl Iterator<Item = Word>) -> Result<(), SplitError> {
    let mut seen: Vec<Word> = components.collect();
    let count = seen.len();
    seen.sort_unstable();
    seen.dedup();
    if seen.len() == count { Ok(()) } else { Err(SplitError::ComponentTwice) }
}

fn part(amount_minor: i64, rate: BasisPoints, mutation: Mutation) -> Result<i64, MoneyError> {
    let exact = round_half_up(amount_minor, rate)?;
    match mutation {
        Mutation::None => Ok(exact),
        #[cfg(test)]
        Mutation::DropPosting => Ok(exact),
        #[cfg(test)]
        Mutation::RoundDown => {
            let product = i128::from(amount_minor).saturating_mul(i128::from(rate.0));
            i64::try_from(product.div_euclid(10_000)).map_err(|_| MoneyError::TooLarge)
        }
    }
}

/// Whether flat rates leave the publisher something that is not below zero, whatever the charge:
/// a campaign for which this is false is refused.
pub fn worst_case_is_covered(fee: BasisPoints, share: BasisPoints, taxes: &[TaxRate]) -> bool {
    let whole = u128::from(BasisPoints::WHOLE.0);
    let rate_sum = |base: TaxBase| {
        let rates = taxes.iter().filter(|tax| tax.base == base);
        rates.fold(0_u128, |sum, tax| sum.saturating_add(u128::from(tax.rate.0)))
    };
    let rest = |taken: u128| whole.checked_sub(taken);
    let (Some(commission), Some(after_share), Some(after_gross_taxes)) =
        (rest(fee.0.into()), rest(share.0.into()), rest(rate_sum(TaxBase::Gross)))
    else {
        return false;
    };
    let due = rate_sum(TaxBase::Charge).saturating_mul(whole).saturating_mul(whole);
    let left = commission.saturating_mul(after_share).saturating_mul(after_gross_taxes);
    due <= left
}

impl Split {
    /// A split without anything in it: what remains after a full reversal.
    pub(crate) fn nothing(currency: Currency) -> Self {
        let zero = Money::zero(currency);
        Self {
            charge: zero,
            fee: zero,
            commission: zero,
            shopper: zero,
            taxes: Vec::new(),
            net: zero,
        }
    }

    pub const fn currency(&self) -> Currency {
        self.charge.currency
    }

    /// All tax taken from the publisher.
    pub fn tax(&self) -> Money {
        self.tax_sum(|part| part.withheld)
    }

    /// All tax that the publisher's gross could not cover. Not zero: open a case.
    pub fn shortfall(&self) -> Money {
        self.tax_sum(|part| part.shortfall)
    }

    /// The publisher's gross: commission minus the shopper's part.
    pub fn gross(&self) -> Money {
        let minor = self.commission.minor.saturating_sub(self.shopper.minor);
        Money::new(minor, self.currency())
    }

    /// The same charge with other taxes, as recomputed at release; net is what remains.
    ///
    /// # Errors
    ///
    /// Taxes above the publisher's gross, below zero, or in another currency.
    pub fn with_taxes(&self, taxes: Vec<TaxPart>) -> Result<Self, SplitError> {
        let mut settled = Self { taxes, ..self.clone() };
        settled.net = self.gross().checked_sub(settled.tax())?;
        settled.check()?;
        Ok(settled)
    }

    /// Whether the parts are of one currency, not below zero, and sum to the charge. A split that
    /// comes back from a row is checked before it is used.
    ///
    /// # Errors
    ///
    /// The first rule that does not hold.
    pub fn check(&self) -> Result<(), SplitError> {
        let plain = [self.charge, self.fee, self.commission, self.shopper, self.net];
        let of_taxes = self.taxes.iter().flat_map(|part| [part.withheld, part.shortfall]);
        for money in plain.into_iter().chain(of_taxes) {
            if money.currency != self.currency() {
                return Err(SplitError::MixedCurrencies);
            }
            if money.minor < 0 {
                return Err(SplitError::NegativePart);
            }
        }
        components_once(self.taxes.iter().map(|part| part.component))?;
        let commission = self.charge.checked_sub(self.fee)?;
        let parts = self.shopper.checked_add(self.tax())?.checked_add(self.net)?;
        if commission == self.commission && parts == commission {
            Ok(())
        } else {
            Err(SplitError::PartsDoNotSum)
        }
    }

    fn tax_sum(&self, of: impl Fn(&TaxPart) -> Money) -> Money {
        let sum = self.taxes.iter().fold(0_i64, |sum, part| sum.saturating_add(of(part).minor));
        Money::new(sum, self.currency())
    }
}
