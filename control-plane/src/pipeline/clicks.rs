//! The clicks lane: sums per quarter of an hour, and who was named. What decides money stands in
//! the signed id, so a lost click record changes a report and nothing else.

use std::collections::BTreeMap;

use model::clock::Timestamp;
use model::id::TenantId;
use model::wire;
use store::error::StoreResult;
use store::rollups::ClickCounts;
use store::rollups::ClickKey;
use store::rollups::bucket_of;
use store::unit::BatchTx;

use super::Intake;
use super::PipelineError;
use super::Rooms;
use super::consume::SourceRecord;
use super::control;

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
