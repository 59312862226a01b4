//! Ceilings of tax regimes: a payment to somebody who has earned more than their regime allows is
//! held with the reason, not cut and not taxed otherwise; the person chooses another regime.

use std::collections::BTreeMap;

use ledger::TaxRegime;
use model::clock::Timestamp;
use model::id::PublisherId;
use model::id::TenantId;
use model::money::Currency;
use store::error::StoreResult;
use store::unit::BatchTx;

use crate::calendar;
use crate::settle::withheld;
use crate::settle::withheld::Withheld;
use crate::tax;
use crate::tax::Span;

type Register = BTreeMap<(PublisherId, Currency), Withheld>;

/// What everybody has earned this month and this year.
#[derive(Debug)]
pub(super) struct Incomes {
    month: Register,
    year: Register,
    today: jiff::civil::Date,
}

impl Incomes {
    pub(super) async fn read(
        tx: &mut BatchTx,
        tenant: TenantId,
        now: Timestamp,
    ) -> StoreResult<Self> {
        let zone = tx.credit(tenant).time_zone().await?.unwrap_or_default();
        let zone = calendar::zone(&zone);
        let today = calendar::date(now, &zone);
        let end = Timestamp(i64::MAX);
        let month = calendar::start_of(today.first_of_month(), &zone);
        let year = calendar::start_of(today.first_of_year(), &zone);
        let month = withheld::register(&mut tx.ledger(tenant), (month, end)).await?;
        let year = withheld::register(&mut tx.ledger(tenant), (year, end)).await?;
        Ok(Self { month, year, today })
    }

    /// The ceiling of a regime that somebody has passed, if any.
    pub(super) fn passed(&self, who: PublisherId, regime: TaxRegime) -> Option<Span> {
        let is_passed = |ceiling: &&tax::Ceiling| {
            let register = match ceiling.span {
                Span::Month => &self.month,
                Span::Year => &self.year,
            };
            let income = register.get(&(who, ceiling.limit.currency));
            income.is_some_and(|income| income.income_minor > ceiling.limit.minor)
        };
        tax::table().ceilings(regime, self.today).find(is_passed).map(|ceiling| ceiling.span)
    }
}
