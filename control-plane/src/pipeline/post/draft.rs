//! A batch of one tenant in memory, decided claim by claim in order.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::collections::HashMap;

use model::claim::Claim;
use model::claim::ClaimStatus;
use model::conversion::ConversionStatus;
use model::id::ConversionId;
use model::id::EventId;
use model::id::IntegrationId;
use model::id::TenantId;
use model::outcome::Outcome;
use model::outcome::Reason;
use store::business_keys::BusinessKey;
use store::business_keys::OrderKey;
use store::conversions::Conversion;
use store::conversions::RevisionEffect;
use store::conversions::RevisionRow;
use store::error::StoreError;
use store::office::LockedPeriod;
use store::rollups::ConversionSums;
use store::rollups::EventKey;
use store::touches::Touch;
use store::unit::BatchTx;
use store::unmatched::UNMATCHED_FOR;
use store::unmatched::UnmatchedRow;

use super::Bench;
use super::PostRefused;
use super::again;
use super::create;
use super::end::ClaimEnd;
use super::end::of_inbound;
use super::news;
use super::news::Effect;
use super::outcome::counted;
use super::usage::Used;
use super::usage::credits_of;
use crate::changed_back;
use crate::money::Books;
use crate::money::is_negative;
use crate::money::note_approval;
use crate::pipeline::claim_json;
use crate::pipeline::parcel::Content;
use crate::pipeline::parcel::Credit;
use crate::pipeline::parcel::End;
use crate::pipeline::parcel::Finding;
use crate::pipeline::parcel::Parcel;
use crate::pipeline::parcel::Told;

/// A conversion in the batch's hands.
pub(super) struct Open {
    pub(super) row: Conversion,
    pub(super) history: Vec<RevisionRow>,
    /// What it counted for in the rollups before the batch.
    pub(super) counted: ConversionSums,
    pub(super) status_before: Option<ConversionStatus>,
    pub(super) is_changed: bool,
}

/// Parked news that its order caught up with.
pub(super) struct Caught {
    pub(super) event: EventId,
    pub(super) claim_index: i64,
    pub(super) outcome: Outcome,
    pub(super) conversion: ConversionId,
}

/// What a batch will write of one tenant.
pub(super) struct Draft<'a> {
    pub(super) tenant: TenantId,
    pub(super) bench: Bench<'a>,
    pub(super) books: Books<'a>,
    pub(super) open: BTreeMap<ConversionId, Open>,
    pub(super) orders: HashMap<OrderKey, ConversionId>,
    parked: Vec<UnmatchedRow>,
    used: Used,
    locked: Vec<LockedPeriod>,
    pub(super) caught: Vec<Caught>,
    pub(super) overtaken: Vec<RevisionRow>,
    pub(super) keys: Vec<BusinessKey>,
    pub(super) revisions: Vec<RevisionRow>,
    pub(super) unmatched: Vec<UnmatchedRow>,
    pub(super) matched_again: Vec<(EventId, i64)>,
    pub(super) touches: Vec<Touch>,
    pub(super) journey: Vec<store::journey::JourneyRow>,
    pub(super) events: BTreeMap<EventKey, i64>,
    pub(super) ends: Vec<(&'a Parcel, ClaimEnd)>,
}

/// A claim on its inbound.
#[derive(Clone, Copy)]
pub(super) struct Item<'a> {
    pub(super) parcel: &'a Parcel,
    pub(super) told: &'a Told,
}

impl Item<'_> {
    pub(super) fn event(&self) -> EventId {
        self.parcel.inbound.event_id
    }

    pub(super) fn news(&self) -> news::Told {
        news::Told {
            event: self.event(),
            claim_index: self.told.index,
            received_at: self.parcel.inbound.received_at,
            was_parked: false,
            is_again: self.parcel.place.again.is_some(),
        }
    }
}

impl<'a> Draft<'a> {
    /// Reads what the claims of the batch may change, under the lock.
    pub(super) async fn load(
        tx: &mut BatchTx,
        bench: Bench<'a>,
        tenant: TenantId,
        parcels: &[&Parcel],
    ) -> Result<Self, StoreError> {
        let mut refs = BTreeSet::new();
        for parcel in parcels {
            if let Content::Claims(claims) = &parcel.content {
                refs.extend(claims.iter().map(|told| told.order.order_ref.clone()));
            }
        }
        let refs: Vec<String> = refs.into_iter().collect();
        let mut known = if bench.mutation.drops_business_keys() {
            Vec::new()
        } else {
            tx.conversions(tenant).of_orders(&refs).await?
        };
        for id in parcels.iter().filter_map(|parcel| parcel.place.again?.conversion) {
            if known.iter().all(|row| row.id != id) {
                known.extend(tx.conversions(tenant).get(id).await?);
            }
        }
        let ids: Vec<ConversionId> = known.iter().map(|row| row.id).collect();
        let mut histories: HashMap<ConversionId, Vec<RevisionRow>> = HashMap::new();
        for row in tx.conversions(tenant).revisions(&ids).await? {
            histories.entry(row.conversion).or_default().push(row);
        }
        let mut orders = HashMap::new();
        let mut open = BTreeMap::new();
        for row in known {
            orders.insert(row.order.clone(), row.id);
            let history = histories.remove(&row.id).unwrap_or_default();
            let (counted, status_before) = (counted(&row), Some(row.status));
            open.insert(row.id, Open { row, history, counted, status_before, is_changed: false });
        }
        let parked = tx.unmatched(tenant).parked(&refs, bench.now).await?;
        let locked = tx.office(tenant).locked().await?;
        let used = Used::load(tx, tenant, &credits_of(parcels)).await?;
        Ok(Self {
            tenant,
            bench,
            books: Books::new(bench.now, bench.ids, "pipeline"),
            open,
            orders,
            parked,
            used,
            locked,
            caught: Vec::new(),
            overtaken: Vec::new(),
            keys: Vec::new(),
            revisions: Vec::new(),
            unmatched: Vec::new(),
            matched_again: Vec::new(),
            touches: Vec::new(),
            journey: Vec::new(),
            events: BTreeMap::new(),
            ends: Vec::new(),
        })
    }

    /// Decides an inbound, claim by claim.
    ///
    /// # Errors
    /// [`PostRefused`] when an order that was known is gone, or amounts do not fit the ledger.
    pub(super) fn take(&mut self, parcel: &'a Parcel) -> Result<(), PostRefused> {
        let end = match &parcel.content {
            // What it has done stands, even where nobody could read it today.
            Content::Ended(_) if again::has_effect(parcel) => {
                ClaimEnd::new(End::plain(Outcome::Duplicate), None)
            }
            Content::Ended(end) => ClaimEnd::new(end.clone(), None),
            Content::Unread => ClaimEnd::new(End::held_by_adapter("nothing read it"), None),
            Content::Claims(claims) => {
                let mut ends = Vec::with_capacity(claims.len());
                for told in claims {
                    let item = Item { parcel, told };
                    let end = self.decide(item)?;
                    self.remember(item, &end);
                    ends.push(end);
                }
                of_inbound(ends)
            }
        };
        self.ends.push((parcel, end));
        Ok(())
    }

    fn decide(&mut self, item: Item<'_>) -> Result<ClaimEnd, PostRefused> {
        if item.told.claim.is_test {
            return Ok(ClaimEnd::new(End::new(Outcome::Ignored, Reason::TestMode), None));
        }
        if let Some(end) = self.withdraw(item)? {
            return Ok(end);
        }
        if let Some(id) = self.orders.get(&item.told.order).copied() {
            return self.update(id, &item.told.claim, item.news(), item.parcel.inbound.integration);
        }
        match &item.told.finding {
            Finding::Credited(credit) => self.create(item, credit),
            // A click for which nobody pays is a click.
            _ if item.parcel.clicked.is_some() => {
                Ok(ClaimEnd::new(End::plain(Outcome::Event), None))
            }
            Finding::Step(_) => Ok(ClaimEnd::new(End::plain(Outcome::Event), None)),
            Finding::Ended(end) => {
                if end.outcome == Outcome::Unmatched {
                    self.park(item, end);
                }
                Ok(ClaimEnd::new(end.clone(), None))
            }
            // It was known when the batch was prepared and is not any more; prepare it again.
            Finding::Open => Err(PostRefused::TermsMoved),
        }
    }

    /// The first news of an order: a conversion.
    fn create(&mut self, item: Item<'_>, credit: &Credit) -> Result<ClaimEnd, PostRefused> {
        let customer = item.told.claim.customer_ref.as_ref();
        let credit = &match create::priced(credit, customer, &self.used) {
            Ok(credit) => credit,
            Err(end) => return Ok(ClaimEnd::new(end, None)),
        };
        let parked = self.take_parked(&item.told.order);
        let waits = parked.iter().any(|(row, claim)| blocks(row, claim));
        let mut row = match create::conversion(item.into(), credit, self.bench.now) {
            Ok(row) => row,
            Err(error) => {
                let end = End::new(Outcome::Malformed, Reason::BadAmount);
                return Ok(ClaimEnd::new(end.explained(error.to_string()), None));
            }
        };
        if waits && row.held_by.is_none() {
            row.held_by = Some("parked_news".to_owned());
        }
        note_approval(&mut row, item.parcel.inbound.received_at);
        create::keep_within(&mut row, &credit.caps, &self.used);
        if let Err(error) = self.books.settle(&mut row, item.event()) {
            return Ok(ClaimEnd::new(held_by_ledger(&error), None));
        }
        self.used.note(&row, ConversionSums::default());
        let id = row.id;
        let end = create::end_of_new(&row);
        let order = row.order.clone();
        self.open.insert(
            id,
            Open {
                row,
                history: Vec::new(),
                counted: ConversionSums::default(),
                status_before: None,
                is_changed: true,
            },
        );
        self.orders.insert(order, id);
        self.note_applied(id, item.news(), (&item.told.claim, item.parcel.inbound.integration));
        for (row, claim) in parked {
            if blocks(&row, &claim) {
                continue;
            }
            self.catch_up(id, &row, &claim)?;
        }
        Ok(ClaimEnd::new(end, Some(id)))
    }

    /// News of a known order.
    fn update(
        &mut self,
        id: ConversionId,
        claim: &Claim,
        told: news::Told,
        integration: IntegrationId,
    ) -> Result<ClaimEnd, PostRefused> {
        let Some(open) = self.open.get_mut(&id) else { return Err(PostRefused::TermsMoved) };
        let effect = match news::weigh(&open.row, &open.history, claim, told) {
            Ok(effect) => effect,
            Err(error) => {
                let end = End::new(Outcome::Malformed, Reason::BadAmount);
                return Ok(ClaimEnd::new(end.explained(error.to_string()), Some(id)));
            }
        };
        let at = open.row.claimed_at;
        let is_locked = self.locked.iter().any(|month| month.from <= at && at < month.to);
        if is_locked && matches!(effect, Effect::Applied(_) | Effect::Replaced(_)) {
            return Ok(self.lock_out(id, told, (claim, integration)));
        }
        let outcome = match effect {
            Effect::Duplicate => Outcome::Duplicate,
            Effect::Confirmed => {
                open.row.revised_at = news::revised_at(claim, told.received_at);
                open.row.revised_event = told.event;
                open.is_changed = true;
                self.overtake(id);
                Outcome::Duplicate
            }
            Effect::Older => {
                self.note(id, RevisionEffect::Older, told, (claim, integration));
                Outcome::Ignored
            }
            Effect::Held => {
                open.is_changed |= changed_back::ask(&mut open.row);
                self.note(id, RevisionEffect::Held, told, (claim, integration));
                Outcome::Held
            }
            Effect::Applied(content) | Effect::Replaced(content) => {
                let before = open.row.clone();
                let is_new = matches!(effect, Effect::Applied(_));
                open.row.outside_status = content.status;
                open.row.order_amount_minor = content.amount_minor;
                open.row.stated_charge_minor = content.stated_charge_minor;
                let at = news::revised_at(claim, told.received_at);
                open.row.revised_at = open.row.revised_at.max(at);
                open.row.revised_event = told.event;
                open.row.revision += i64::from(is_new);
                note_approval(&mut open.row, told.received_at);
                if let Err(error) = self.books.settle(&mut open.row, told.event) {
                    open.row = before;
                    return Ok(ClaimEnd::new(held_by_ledger(&error), Some(id)));
                }
                open.is_changed = true;
                self.used.note(&open.row, counted(&before));
                if is_new {
                    self.note_applied(id, told, (claim, integration));
                    self.overtake(id);
                } else {
                    self.note(id, RevisionEffect::Applied, told, (claim, integration));
                }
                Outcome::Updated
            }
        };
        let end = End::plain(outcome);
        let end = match effect {
            Effect::Older => end.explained("older than what is known of the order"),
            Effect::Held => End::new(outcome, Reason::ChangedBack)
                .explained("a change back to earlier content without a time"),
            Effect::Applied(_) | Effect::Replaced(_) if claim.status == ClaimStatus::Unmapped => {
                End::new(outcome, Reason::StatusUnmapped)
            }
            _ => end,
        };
        Ok(ClaimEnd::new(end, Some(id)))
    }

    /// Ends held news that the current content has overtaken.
    fn overtake(&mut self, id: ConversionId) {
        if let Some(open) = self.open.get_mut(&id) {
            self.overtaken.extend(changed_back::overtake(&mut open.row, &mut open.history));
        }
    }

    /// Claims the business key of the current revision and keeps the news as applied.
    fn note_applied(
        &mut self,
        id: ConversionId,
        told: news::Told,
        source: (&Claim, IntegrationId),
    ) {
        self.note(id, RevisionEffect::Applied, told, source);
        if let Some(open) = self.open.get(&id) {
            self.keys.push(BusinessKey {
                order: open.row.order.clone(),
                revision: open.row.revision,
                conversion: id,
                event: told.event,
                claim_index: told.claim_index,
            });
        }
    }

    pub(super) fn note(
        &mut self,
        id: ConversionId,
        effect: RevisionEffect,
        told: news::Told,
        (claim, integration): (&Claim, IntegrationId),
    ) {
        let Some(open) = self.open.get_mut(&id) else { return };
        let is_applied = effect == RevisionEffect::Applied;
        let content = news::merged(&open.row, claim).ok().filter(|_| !is_applied);
        let row = RevisionRow {
            conversion: id,
            event: told.event,
            claim_index: told.claim_index,
            revision: if is_applied { open.row.revision } else { 0 },
            effect,
            integration,
            status: content.map_or(open.row.outside_status, |content| content.status),
            amount_minor: content.map_or(open.row.order_amount_minor, |told| told.amount_minor),
            stated_charge_minor: content
                .map_or(open.row.stated_charge_minor, |told| told.stated_charge_minor),
            outside_at: claim.updated_at,
            received_at: told.received_at,
            decision: None,
        };
        open.history.push(row.clone());
        self.revisions.push(row);
    }

    fn take_parked(&mut self, order: &OrderKey) -> Vec<(UnmatchedRow, Claim)> {
        let all = std::mem::take(&mut self.parked);
        let (own, others): (Vec<_>, Vec<_>) = all.into_iter().partition(|row| row.order == *order);
        self.parked = others;
        let mut own: Vec<(UnmatchedRow, Claim)> = own
            .into_iter()
            .filter_map(|row| claim_json::from_json(&row.claim).map(|claim| (row, claim)))
            .collect();
        own.sort_by_key(|(row, claim)| {
            (news::revised_at(claim, row.received_at), row.event, row.claim_index)
        });
        own
    }

    /// Applies news that waited for its order.
    fn catch_up(
        &mut self,
        id: ConversionId,
        row: &UnmatchedRow,
        claim: &Claim,
    ) -> Result<(), PostRefused> {
        let told = news::Told {
            event: row.event,
            claim_index: row.claim_index,
            received_at: row.received_at,
            was_parked: true,
            is_again: false,
        };
        let is_taken_back =
            self.open.get(&id).is_some_and(|open| is_negative(open.row.outside_status));
        let is_dated = news::dated(claim, row.received_at).is_some();
        let outcome = if is_taken_back && !is_dated {
            Outcome::Ignored
        } else {
            self.update(id, claim, told, row.integration)?.end.outcome
        };
        let (event, claim_index) = (row.event, row.claim_index);
        self.caught.push(Caught { event, claim_index, outcome, conversion: id });
        Ok(())
    }

    fn park(&mut self, item: Item<'_>, end: &End) {
        let inbound = &item.parcel.inbound;
        let row = UnmatchedRow {
            event: inbound.event_id,
            claim_index: item.told.index,
            integration: inbound.integration,
            advertiser: item.parcel.integration.as_ref().and_then(|own| own.advertiser),
            reason: end.reason.clone().unwrap_or_default(),
            order: item.told.order.clone(),
            claim: claim_json::to_json(&item.told.claim),
            received_at: inbound.received_at,
            expires_at: inbound.received_at + UNMATCHED_FOR,
            resolved_at: None,
        };
        // Orders of the same batch find it too.
        if end.reason.as_deref() == Some(Reason::UnknownOrder.as_str()) {
            self.parked.push(row.clone());
        }
        self.unmatched.push(row);
    }
}

/// What the ledger cannot take waits for a person, and nothing else waits for it.
fn held_by_ledger(error: &ledger::LedgerError) -> End {
    tracing::error!(%error, "pipeline.post: a claim does not fit the ledger");
    End::plain(Outcome::Held).explained(format!("ledger: {error}"))
}

/// Parked news that takes the order back without saying when: a person decides which came first.
fn blocks(row: &UnmatchedRow, claim: &Claim) -> bool {
    is_negative(claim.status) && news::dated(claim, row.received_at).is_none()
}
