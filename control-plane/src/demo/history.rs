//! Thirty days of history for tenant `demo`: clicks and postbacks with past instants, written to
//! the journal, so that the real pipeline makes everything from them and every check of the ledger
//! holds for them too.

use std::borrow::Cow;
use std::time::Duration;

use anyhow::Context;
use journal::LaneHandle;
use journal::Record;
use model::click::Click;
use model::click::FilteredReason;
use model::click::IpPrefix;
use model::click::SuspectReason;
use model::click_id::ClickFacts;
use model::click_id::ClickFlags;
use model::click_id::ClickId;
use model::click_id::KeyRing;
use model::clock::Timestamp;
use model::id::EventId;
use model::id::IntegrationId;
use model::id::TenantId;
use model::inbound::Channel;
use model::inbound::Inbound;
use model::record::RecordKind;
use rand::Rng;
use rand::RngCore;
use rand::rngs::StdRng;
use store::links::LinkRow;

use crate::lanes::Lanes;

/// Days of history.
pub const DAYS: u32 = 30;
/// Clicks of the first day; each later day has a few more, as a link that spreads would.
const CLICKS_FIRST_DAY: u32 = 20;
const DAY: Duration = Duration::from_hours(24);

/// One of everything that history is made for.
#[derive(Debug)]
pub struct Cast {
    /// Whose history it is.
    pub tenant: TenantId,
    /// The link that is clicked, with its offer.
    pub link: LinkRow,
    /// The integration that reports sales.
    pub integration: IntegrationId,
    /// What signs click ids.
    pub ring: KeyRing,
}

/// Writes the history that ends at `now`. Returns once all of it is on disk.
///
/// # Errors
/// When the journal refuses a record.
pub async fn write(
    cast: &Cast,
    lanes: &Lanes,
    now: Timestamp,
    rng: &mut StdRng,
) -> anyhow::Result<()> {
    let mut order = 1000;
    for day in 0..DAYS {
        let begins = now - DAY * (DAYS - day);
        for _ in 0..CLICKS_FIRST_DAY + day {
            let at = begins + Duration::from_secs(rng.random_range(0..86_000));
            let click = click(cast, at, rng)?;
            let payload = model::wire::encode_click(&click, Vec::new());
            append(&lanes.clicks, RecordKind::Click, at, &payload).await?;
            if click.filtered.is_none() && rng.random_ratio(1, 12) {
                order += 1;
                let sale = Sale { click: click.click_id, order, at: at + Duration::from_mins(5) };
                report(cast, &lanes.inbound, &sale, rng).await?;
            }
        }
    }
    lanes.clicks.flush().await.context("clicks are not on disk")?;
    Ok(())
}

struct Sale {
    click: ClickId,
    order: u32,
    at: Timestamp,
}

fn click(cast: &Cast, at: Timestamp, rng: &mut StdRng) -> anyhow::Result<Click<'static>> {
    let filtered = rng.random_ratio(1, 15).then_some(FilteredReason::Preview);
    let suspect = (filtered.is_none() && rng.random_ratio(1, 10)).then_some(SuspectReason::Repeat);
    let flags = ClickFlags {
        filtered: filtered.is_some(),
        suspect: suspect.is_some(),
        ..ClickFlags::PLAIN
    };
    let facts =
        ClickFacts { clicked_at: at, link: cast.link.number, flags, unique: rng.next_u64() };
    Ok(Click {
        click_id: cast.ring.sign(&facts),
        tenant: cast.tenant,
        link: cast.link.id,
        campaign: cast.link.campaign,
        offer: cast.link.offer.context("the demo's link leads to an offer")?,
        publisher: cast.link.publisher,
        slug: Cow::Owned(cast.link.slug.clone()),
        domain: Cow::Borrowed("demo.localhost"),
        visitor: rng.next_u64(),
        ip_prefix: Some(IpPrefix::V4([203, 0, 113])),
        country: Some(Cow::Borrowed("KZ")),
        user_agent: Cow::Borrowed(super::USER_AGENT),
        language: Cow::Borrowed(if rng.random_bool(0.6) { "kk" } else { "ru" }),
        referrer: Cow::Borrowed("https://www.instagram.com/"),
        params: Vec::new(),
        unique: filtered.is_none() && suspect.is_none(),
        filtered,
        suspect,
        user_id: None,
    })
}

async fn report(
    cast: &Cast,
    lane: &LaneHandle,
    sale: &Sale,
    rng: &mut StdRng,
) -> anyhow::Result<()> {
    let tenge = rng.random_range(3_000..90_000);
    let status = match rng.random_range(0..20) {
        0 => "pending",
        1 => "rejected",
        _ => "approved",
    };
    send(cast, lane, sale, &format!("{tenge}.00"), status, sale.at, rng).await?;
    if status == "approved" && rng.random_ratio(1, 12) {
        let returned_at = sale.at + DAY * 3;
        send(cast, lane, sale, &format!("{tenge}.00"), "returned", returned_at, rng).await?;
    }
    Ok(())
}

#[expect(clippy::too_many_arguments, reason = "one postback is one line of this table")]
async fn send(
    cast: &Cast,
    lane: &LaneHandle,
    sale: &Sale,
    amount: &str,
    status: &str,
    at: Timestamp,
    rng: &mut StdRng,
) -> anyhow::Result<()> {
    let query = format!(
        "token=***&click_id={}&order_id=D-{}&amount={amount}&currency=KZT&status={status}\
         &customer_id=c-{}",
        sale.click,
        sale.order,
        sale.order % 97,
    );
    let inbound = Inbound {
        event_id: EventId::new(at, rng),
        tenant: cast.tenant,
        integration: cast.integration,
        channel: Channel::Postback,
        received_at: at,
        method: "GET".into(),
        path: format!("/postback/{}", cast.integration).into(),
        query: query.into(),
        headers: Vec::new(),
        body: Vec::new(),
        remote_prefix: Some(IpPrefix::V4([203, 0, 113])),
        is_signed: false,
        refused: None,
    };
    append(lane, RecordKind::Inbound, at, &model::wire::encode_inbound(&inbound)).await
}

async fn append(
    lane: &LaneHandle,
    kind: RecordKind,
    at: Timestamp,
    payload: &[u8],
) -> anyhow::Result<()> {
    let record = Record { kind: kind.byte(), flags: 0, received_at: at.0, payload };
    if kind == RecordKind::Click {
        return lane
            .enqueue(record)
            .map_err(|shed| anyhow::anyhow!("a click was shed: {}", shed.as_str()));
    }
    lane.append_durable(record)
        .context("the inbound lane is full")?
        .await
        .context("not on disk")?;
    Ok(())
}
