//! The clicks lane: sums per quarter of an hour, who was named, and clicks that earn by themselves.
//! What decides money stands in the signed id, so a lost click record changes a report and nothing
//! else.
//!
//! # Why a click that earns is a parcel
//!
//! It takes the same way as a sale that a shop told: the three locks, attribution, caps, the hold.
//! Its order number is its click id and the id of its event is made from it, so that the same click
//! earns once, however often its record is read. It leaves no row among the inbounds: nobody told
//! it.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::collections::HashSet;
use std::sync::Arc;

use model::click::Click;
use model::click_id::ClickId;
use model::click_id::ClickKind;
use model::clock::Timestamp;
use model::id::EventId;
use model::id::IntegrationId;
use model::id::OfferId;
use model::id::TenantId;
use model::inbound::Channel;
use model::inbound::Inbound;
use model::wire;
use sha2::Digest;
use sha2::Sha256;
use store::error::StoreResult;
use store::rollups::ClickCounts;
use store::rollups::ClickKey;
use store::rollups::bucket_of;
use store::terms::TermAction;
use store::unit::BatchTx;

use super::Intake;
use super::PipelineError;
use super::Rooms;
use super::consume::SourceRecord;
use super::control;
use super::parcel::Clicked;
use super::parcel::Content;
use super::parcel::Parcel;
use super::parcel::Place;

/// What a batch of clicks adds up to.
#[derive(Default)]
struct Counted {
    sums: BTreeMap<TenantId, BTreeMap<ClickKey, ClickCounts>>,
    users: BTreeMap<TenantId, Vec<(String, String)>>,
}

fn add_up(records: &[SourceRecord]) -> Counted {
    let mut counted = Counted::default();
    for record in records {
        // A click that cannot be read is counted nowhere; its id still earns.
        let Ok(click) = wire::decode_click(&record.payload) else { continue };
        let key = ClickKey {
            bucket: bucket_of(record.received_at),
            link: click.link,
            campaign: click.campaign,
            offer: click.offer,
            publisher: click.publisher,
        };
        let sum = counted.sums.entry(click.tenant).or_default().entry(key).or_default();
        if click.filtered.is_some() {
            sum.filtered += 1;
        } else {
            sum.clicks += 1;
            sum.unique += i64::from(click.unique && click.suspect.is_none());
            sum.suspect += i64::from(click.suspect.is_some());
        }
        if let Some(user) = &click.user_id {
            let users = counted.users.entry(click.tenant).or_default();
            users.push((click.click_id.to_string(), user.to_string()));
        }
    }
    counted
}

/// Keeps what a batch holds beside inbounds, inside the unit of work that moves the offset.
pub(super) async fn keep(tx: &mut BatchTx, intake: &Intake, now: Timestamp) -> StoreResult<()> {
    let counted = add_up(&intake.clicks);
    for (tenant, sums) in &counted.sums {
        tx.rollups(*tenant).add_clicks(sums).await?;
    }
    for (tenant, users) in &counted.users {
        tx.touches(*tenant).insert_users(users).await?;
    }
    control::keep(tx, &intake.assignment.partition, &intake.control, now).await
}

/// Clicks of a batch that earn by themselves, as parcels: neither filtered nor suspect, of an offer
/// in a tenant where somebody pays for clicks or views.
pub(super) async fn earning(rooms: &Rooms, intake: &Intake) -> StoreResult<Vec<Parcel>> {
    let mut clicks: BTreeMap<TenantId, Vec<(Click<'_>, &SourceRecord)>> = BTreeMap::new();
    for record in &intake.clicks {
        let Ok(click) = wire::decode_click(&record.payload) else { continue };
        let flags = click.click_id.unchecked().flags;
        if !flags.filtered && !flags.suspect {
            clicks.entry(click.tenant).or_default().push((click, record));
        }
    }
    let mut parcels: Vec<Parcel> = Vec::new();
    if clicks.is_empty() {
        return Ok(parcels);
    }
    let partition = Arc::new(intake.assignment.partition.clone());
    let mut seen = HashSet::new();
    let mut tx = rooms.store.read_batch().await?;
    for (tenant, clicks) in &clicks {
        let offers: BTreeSet<OfferId> = clicks.iter().map(|(click, _)| click.offer).collect();
        let offers: Vec<OfferId> = offers.into_iter().collect();
        let doors = tx.credit(*tenant).click_doors(&offers).await?;
        for (click, record) in clicks {
            let door = doors.iter().find(|(offer, _)| *offer == click.offer);
            let Some((_, door)) = door else { continue };
            if seen.insert(click.click_id) {
                let place =
                    Place { partition: Arc::clone(&partition), seq: record.seq, again: None };
                parcels.push(parcel_of(click, *door, place));
            }
        }
    }
    tx.cancel().await?;
    Ok(parcels)
}

fn parcel_of(click: &Click<'_>, door: IntegrationId, place: Place) -> Parcel {
    let clicked_at = click.click_id.unchecked().clicked_at;
    let inbound = Inbound {
        event_id: event_of(&click.click_id),
        tenant: click.tenant,
        integration: door,
        channel: Channel::Event,
        received_at: clicked_at,
        method: Box::from(""),
        path: Box::from(""),
        query: Box::from(""),
        headers: Vec::new(),
        body: Vec::new(),
        remote_prefix: None,
        is_signed: true,
        refused: None,
    };
    let country = click.country.as_ref().map(|country| country.to_uppercase());
    Parcel {
        place,
        inbound: Arc::new(inbound),
        integration: None,
        plugin: None,
        content: Content::Unread,
        clicked: Some(Clicked { id: click.click_id, country }),
    }
}

/// The id of a click's event: made from the click, the same whenever it is read.
fn event_of(id: &ClickId) -> EventId {
    let mut hasher = Sha256::new();
    hasher.update(b"click");
    hasher.update(id.0);
    let mut bits = [0_u8; 16];
    bits.copy_from_slice(&hasher.finalize()[..16]);
    let time = u128::from(id.unchecked().clicked_at.unix_ms() & 0xFFFF_FFFF_FFFF) << 80;
    EventId(time | (u128::from_be_bytes(bits) >> 48))
}

/// The action that a kind of click is paid as.
pub(super) const fn action_of(kind: ClickKind) -> TermAction {
    match kind {
        ClickKind::Click | ClickKind::Api => TermAction::Click,
        ClickKind::Intent => TermAction::IntentClick,
        ClickKind::View => TermAction::View,
    }
}

/// Posts a batch without inbounds.
pub(super) async fn count(
    rooms: &Rooms,
    intake: &Intake,
    now: Timestamp,
) -> Result<(), PipelineError> {
    let mut tx = rooms.store.begin_batch().await?;
    tx.offsets().advance(&intake.assignment, &intake.advance, now).await?;
    keep(&mut tx, intake, now).await?;
    Ok(tx.save().await?)
}
