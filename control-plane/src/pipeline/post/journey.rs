//! What a claim leaves behind beside money: steps of the journey and ties of customers.

use model::outcome::Outcome;
use store::journey::JourneyRow;
use store::rollups::EventKey;
use store::rollups::bucket_of;

use super::draft::Draft;
use super::draft::Item;
use super::end::ClaimEnd;
use crate::pipeline::parcel::Finding;
use crate::pipeline::parcel::Told;

impl Draft<'_> {
    pub(super) fn remember(&mut self, item: Item<'_>, end: &ClaimEnd) {
        if item.parcel.clicked.is_some() {
            // It stands among the clicks already.
            return;
        }
        self.touches.extend(item.told.touches.iter().cloned());
        if item.parcel.place.again.is_some() && end.end.outcome != Outcome::Unmatched {
            self.matched_again.push((item.event(), item.told.index));
        }
        let told_before = item.parcel.place.again.is_some_and(|again| again.had_claims);
        let is_old_news = matches!(
            end.end.outcome,
            Outcome::Duplicate | Outcome::Updated | Outcome::Ignored | Outcome::Malformed
        );
        if told_before || is_old_news {
            return;
        }
        let (inbound, claim) = (&item.parcel.inbound, &item.told.claim);
        let of_integration = item.parcel.integration.as_ref().and_then(|own| own.advertiser);
        let (mut campaign, mut publisher, mut link, mut click_id) = (None, None, None, None);
        let mut advertiser = of_integration;
        match &item.told.finding {
            Finding::Credited(credit) => {
                campaign = Some(credit.campaign);
                publisher = Some(credit.publisher);
                (link, click_id) = (credit.link, credit.click_id.clone());
                advertiser = Some(credit.advertiser);
            }
            Finding::Step(Some(credit)) => {
                campaign = Some(credit.campaign);
                publisher = Some(credit.publisher);
                (link, click_id) = (credit.link, credit.click_id.clone());
            }
            Finding::Step(None) | Finding::Ended(_) | Finding::Open => {}
        }
        let action = claim.action.as_str().to_owned();
        let key = EventKey {
            bucket: bucket_of(inbound.received_at),
            action,
            advertiser,
            campaign,
            publisher,
        };
        *self.events.entry(key).or_default() += 1;
        self.journey.push(JourneyRow {
            event: inbound.event_id,
            claim_index: item.told.index,
            action: Told::action_word(claim),
            integration: inbound.integration,
            advertiser,
            campaign,
            publisher,
            link,
            click_id,
            order_ref: claim.order_ref.clone(),
            customer_key: claim.customer_ref.clone(),
            amount: claim.amount.clone(),
            currency: claim.currency.map(|currency| currency.code().to_owned()),
            conversion: end.conversion,
            at: inbound.received_at,
        });
    }
}
