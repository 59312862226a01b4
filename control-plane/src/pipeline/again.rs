//! Stored inbounds once more: what a failed adapter held, what a person asks for, and looking
//! without touching.

use std::sync::Arc;
use std::time::Duration;

use model::click::IpPrefix;
use model::click_id::ClickFacts;
use model::click_id::ClickFlags;
use model::id::ConversionId;
use model::id::EventId;
use model::id::TenantId;
use model::inbound::Inbound;
use model::link::LinkNumber;
use model::outcome::Outcome;
use serde_json::Value as Json;
use store::error::StoreError;
use store::inbound::InboundRow;
use store::offsets::Partition;

use super::Pipeline;
use super::PipelineError;
use super::adapt;
use super::attribute_batch;
use super::claim_json;
use super::convert;
use super::look::View;
use super::parcel::Again;
use super::parcel::Content;
use super::parcel::Finding;
use super::parcel::Parcel;
use super::parcel::Place;

/// Held inbounds tried again in one go at most.
const HELD_PER_BATCH: u32 = 64;

/// How an inbound ended this time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reprocessed {
    /// The outcome code it now has.
    pub outcome: Outcome,
    /// Its reason.
    pub reason: Option<String>,
    /// What it became or changed.
    pub conversion: Option<ConversionId>,
}

/// Why an inbound was not processed again.
#[derive(Debug, thiserror::Error)]
pub enum ReprocessError {
    /// Nobody knows it, or the pipeline has not ended it yet.
    #[error("inbound is not known")]
    NotFound,
    /// It was not authenticated, or its raw bytes are gone.
    #[error("inbound cannot be processed again")]
    NotPossible,
    /// The pipeline refused.
    #[error(transparent)]
    Pipeline(#[from] PipelineError),
}

impl From<StoreError> for ReprocessError {
    fn from(error: StoreError) -> Self {
        Self::Pipeline(error.into())
    }
}

/// What would come of an inbound. Nothing was written.
#[derive(Debug, Clone, PartialEq)]
pub struct Rehearsal {
    /// The outcome code it would have. A known order shows [`Outcome::Updated`] without comparing
    /// contents.
    pub outcome: Outcome,
    /// Its reason.
    pub reason: Option<String>,
    /// Why, for people.
    pub detail: Option<String>,
    /// JSON array of its claims.
    pub claims: Json,
    /// The explanation of the first conversion it would make.
    pub explanation: Option<Json>,
}

impl Pipeline {
    /// Tries inbounds again that a failed adapter held and that were last tried at least
    /// `older_than` ago. Answers how many went through.
    ///
    /// # Errors
    /// [`PipelineError`]; what was held stays held.
    pub async fn retry_held(&self, older_than: Duration) -> Result<u64, PipelineError> {
        let mut ended = 0;
        let tried_before = self.rooms.clock.now() - older_than;
        let mut tx = self.rooms.store.read_batch().await?;
        let tenants = tx.credit_keys().tenants().await?;
        tx.cancel().await?;
        for tenant in tenants {
            let mut tx = self.rooms.store.read_batch().await?;
            let held = tx.inbound(tenant).held_by_adapter(tried_before, HELD_PER_BATCH).await?;
            tx.cancel().await?;
            let parcels: Vec<Parcel> =
                held.iter().filter_map(|row| parcel_of(tenant, row)).collect();
            if parcels.is_empty() {
                continue;
            }
            let posted = Box::pin(convert(&self.rooms, parcels, None)).await?;
            ended += posted.iter().filter(|one| one.end.outcome != Outcome::Held).count();
        }
        Ok(u64::try_from(ended).unwrap_or(u64::MAX))
    }

    /// Sends a stored inbound through the pipeline once more. What it has already done is not done
    /// again.
    ///
    /// # Errors
    /// [`ReprocessError`].
    pub async fn reprocess(
        &self,
        tenant: TenantId,
        event: EventId,
    ) -> Result<Reprocessed, ReprocessError> {
        let row = self.stored(tenant, event).await?;
        let parcel = parcel_of(tenant, &row).ok_or(ReprocessError::NotPossible)?;
        Box::pin(convert(&self.rooms, vec![parcel], None)).await?;
        let row = self.stored(tenant, event).await?;
        Ok(Reprocessed { outcome: row.outcome, reason: row.reason, conversion: row.conversion })
    }

    async fn stored(&self, tenant: TenantId, event: EventId) -> Result<InboundRow, ReprocessError> {
        let mut tx = self.rooms.store.read(tenant).await?;
        let row = tx.inbound().get(event).await?;
        tx.cancel().await?;
        row.ok_or(ReprocessError::NotFound)
    }

    /// A click id for rehearsals, signed like any other. It says that a known bot made it: a sale
    /// that names it in earnest is held.
    ///
    /// # Errors
    /// [`PipelineError::Wait`] while no click key was ever made.
    pub async fn test_click(&self, link: LinkNumber) -> Result<String, PipelineError> {
        let rooms = &*self.rooms;
        let mut tx = rooms.store.read_batch().await?;
        let ring = tx.credit_keys().ring().await?.ok_or(PipelineError::Wait)?;
        tx.cancel().await?;
        let facts = ClickFacts {
            clicked_at: rooms.clock.now(),
            link,
            flags: ClickFlags { filtered: true, ..ClickFlags::PLAIN },
            unique: rooms.ids.make(|rng| rng.next_u64()),
        };
        Ok(ring.sign(&facts).to_string())
    }

    /// Says what would come of an inbound: adapter and attribution run, nothing is written.
    ///
    /// # Errors
    /// [`PipelineError`]; [`PipelineError::Wait`] while the adapter is being compiled.
    pub async fn rehearse(&self, inbound: Inbound) -> Result<Rehearsal, PipelineError> {
        let rooms = &*self.rooms;
        let partition = Partition { topic: "rehearsal".to_owned(), part: String::new() };
        let place = Place { partition: Arc::new(partition), seq: 0, again: None };
        let mut parcels = vec![Parcel {
            place,
            inbound: Arc::new(inbound),
            integration: None,
            plugin: None,
            content: Content::Unread,
            clicked: None,
        }];
        let mut view = Box::pin(View::begin(&rooms.store, &rooms.memory, &parcels)).await?;
        adapt::adapt(rooms.adapting(&view), &view, &mut parcels).await?;
        view.load(&rooms.store, &parcels).await?;
        attribute_batch(rooms.mutation, &mut view, &mut parcels);
        view.keep(&rooms.memory);
        Ok(rehearsal_of(&parcels[0]))
    }
}

fn rehearsal_of(parcel: &Parcel) -> Rehearsal {
    let nothing = Rehearsal {
        outcome: Outcome::Ignored,
        reason: None,
        detail: None,
        claims: Json::Array(Vec::new()),
        explanation: None,
    };
    let claims = match &parcel.content {
        Content::Ended(end) => {
            let (reason, detail) = (end.reason.clone(), end.detail.clone());
            return Rehearsal { outcome: end.outcome, reason, detail, ..nothing };
        }
        Content::Unread => return nothing,
        Content::Claims(claims) => claims,
    };
    let json = claims.iter().map(|told| claim_json::to_json(&told.claim)).collect();
    let shown = Rehearsal { claims: json, ..nothing };
    let Some(first) = claims.first() else { return shown };
    match &first.finding {
        Finding::Credited(credit) => {
            let explanation = Some(credit.explanation.clone());
            Rehearsal { outcome: Outcome::Converted, explanation, ..shown }
        }
        Finding::Step(_) => Rehearsal { outcome: Outcome::Event, ..shown },
        Finding::Open => Rehearsal { outcome: Outcome::Updated, ..shown },
        Finding::Ended(end) => {
            let (reason, detail) = (end.reason.clone(), end.detail.clone());
            Rehearsal { outcome: end.outcome, reason, detail, ..shown }
        }
    }
}

/// A stored inbound as it came; `None` for refused ones and those whose raw bytes are gone.
fn parcel_of(tenant: TenantId, row: &InboundRow) -> Option<Parcel> {
    let body = row.body.clone()?;
    if row.outcome == Outcome::Refused {
        return None;
    }
    let headers = row.headers.as_array()?.iter().filter_map(|pair| {
        let pair = pair.as_array()?;
        Some((Box::from(pair.first()?.as_str()?), Box::from(pair.get(1)?.as_str()?)))
    });
    let inbound = Inbound {
        event_id: row.event,
        tenant,
        integration: row.integration,
        channel: row.channel,
        received_at: row.received_at,
        method: row.method.as_str().into(),
        path: row.path.as_str().into(),
        query: row.query.as_str().into(),
        headers: headers.collect(),
        body,
        remote_prefix: None::<IpPrefix>,
        is_signed: row.is_signed,
        refused: None,
    };
    let partition = Partition { topic: row.topic.clone(), part: row.part.clone() };
    let had_claims = row.claims.as_array().is_some_and(|claims| !claims.is_empty());
    Some(Parcel {
        place: Place {
            partition: Arc::new(partition),
            seq: u64::try_from(row.seq).unwrap_or(0),
            again: Some(Again { had_claims, conversion: row.conversion }),
        },
        inbound: Arc::new(inbound),
        integration: None,
        plugin: None,
        content: Content::Unread,
        clicked: None,
    })
}
