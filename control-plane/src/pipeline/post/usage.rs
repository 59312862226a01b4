//! How much of caps and tiers is used, under the lock: what the rollups hold, and what this batch
//! has added since.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::collections::btree_map::Entry;

use model::id::AdvertiserId;
use model::id::TenantId;
use store::conversions::Conversion;
use store::error::StoreResult;
use store::rollups::ConversionSums;
use store::rollups::Usage;
use store::unit::BatchTx;

use super::outcome::counted;
use super::outcome::rollup_key;
use crate::pipeline::caps::Cap;
use crate::pipeline::parcel::Content;
use crate::pipeline::parcel::Credit;
use crate::pipeline::parcel::Finding;
use crate::pipeline::parcel::Parcel;
use crate::pipeline::parcel::Told;
use crate::pipeline::price::Standing;
use crate::pipeline::price::Volume;

/// What is used, and which customers are known.
#[derive(Debug, Default)]
pub(super) struct Used {
    sums: BTreeMap<Usage, ConversionSums>,
    customers: BTreeSet<(AdvertiserId, String)>,
}

impl Used {
    /// Reads what these credits and these conversions ask for.
    pub(super) async fn load(
        tx: &mut BatchTx,
        tenant: TenantId,
        credits: &[(&Credit, Option<&String>)],
    ) -> StoreResult<Self> {
        let mut used = Self::default();
        let mut asked = BTreeSet::new();
        for (credit, customer) in credits {
            for usage in usages_of(credit) {
                if let Entry::Vacant(empty) = used.sums.entry(usage) {
                    empty.insert(tx.rollups(tenant).used(&usage).await?);
                }
            }
            if credit.pricing.is_some() {
                asked.extend(customer.cloned());
            }
        }
        if !asked.is_empty() {
            let asked: Vec<String> = asked.into_iter().collect();
            used.customers.extend(tx.conversions(tenant).known_customers(&asked).await?);
        }
        Ok(used)
    }

    /// Notes what a conversion counts for now instead of before.
    pub(super) fn note(&mut self, row: &Conversion, before: ConversionSums) {
        let (key, after) = (rollup_key(row), counted(row));
        for (usage, sums) in &mut self.sums {
            if !usage.holds(&key) {
                continue;
            }
            sums.conversions += after.conversions - before.conversions;
            if usage.currency == key.currency {
                sums.gmv += after.gmv - before.gmv;
                sums.charge += after.charge - before.charge;
                sums.commission += after.commission - before.commission;
                sums.net += after.net - before.net;
            }
        }
        if let Some(customer) = &row.customer_key {
            self.customers.insert((row.advertiser, customer.clone()));
        }
    }

    fn of(&self, usage: &Usage) -> ConversionSums {
        self.sums.get(usage).copied().unwrap_or_default()
    }

    pub(super) fn volume(&self, usage: &Usage) -> Volume {
        let sums = self.of(usage);
        Volume { orders_minor: sums.gmv, conversions: sums.conversions }
    }

    pub(super) fn standing(&self, advertiser: AdvertiserId, customer: Option<&String>) -> Standing {
        let is_known = |customer: &String| self.customers.contains(&(advertiser, customer.clone()));
        Standing { is_new_customer: customer.is_some_and(|customer| !is_known(customer)) }
    }

    /// The first cap that a conversion would pass, with what is used of it.
    pub(super) fn passed<'c>(
        &self,
        caps: &'c [Cap],
        more: ConversionSums,
    ) -> Option<(&'c Cap, ConversionSums)> {
        let used = |cap: &'c Cap| (cap, self.of(&cap.usage));
        caps.iter().map(used).find(|(cap, used)| cap.is_passed(*used, more))
    }
}

fn usages_of(credit: &Credit) -> impl Iterator<Item = Usage> {
    let of_tiers = credit.pricing.iter().flat_map(|open| open.volumes.iter().map(|(_, of)| *of));
    credit.caps.iter().map(|cap| cap.usage).chain(of_tiers)
}

/// What is credited in a batch, and to whose customers.
pub(super) fn credits_of<'p>(parcels: &[&'p Parcel]) -> Vec<(&'p Credit, Option<&'p String>)> {
    let claims = parcels.iter().filter_map(|parcel| match &parcel.content {
        Content::Claims(claims) => Some(claims.iter()),
        Content::Ended(_) | Content::Unread => None,
    });
    let credit = |told: &'p Told| match &told.finding {
        Finding::Credited(credit) => Some((&**credit, told.claim.customer_ref.as_ref())),
        _ => None,
    };
    claims.flatten().filter_map(credit).collect()
}
