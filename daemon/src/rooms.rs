//! What one thread answers requests with: the rooms and their memories, none of it shared but what
//! says so.

use std::cell::Cell;
use std::cell::RefCell;
use std::sync::Arc;

use ipnet::IpNet;
use journal::AppendError;
use journal::LaneHandle;
use journal::Receipt;
use journal::Record;
use journal::Shed;
use model::clock::Clock;
use model::clock::Timestamp;
use model::inbound::Inbound;
use model::record::RecordKind;
use model::wire;
use rand::rngs::StdRng;
use tokio::sync::watch;

use crate::ingest::replay::ReplayMemory;
use crate::limits::BurstTable;
use crate::links::Links;
use crate::metrics::Cells;
use crate::visitors::VisitorMemory;
use crate::visitors::Visitors;

/// The lanes that requests write to.
#[derive(Debug, Clone)]
pub struct Lanes {
    pub inbound: LaneHandle,
    pub clicks: LaneHandle,
    pub control: LaneHandle,
}

impl Lanes {
    /// Hands a click over; a refusal is counted with its reason.
    pub fn enqueue_click(&self, kind: RecordKind, now: Timestamp, payload: &[u8], cells: &Cells) {
        let record = Record { kind: kind.byte(), flags: 0, received_at: now.0, payload };
        if let Err(reason) = self.clicks.enqueue(record) {
            cells.shed(reason);
        }
    }

    /// Hands a refused request over for the debugger.
    ///
    /// # Errors
    /// [`Shed`]: count it; it is only a lost line of the debugger.
    pub fn enqueue_refusal(&self, inbound: &Inbound) -> Result<(), Shed> {
        let payload = wire::encode_inbound(inbound);
        let received_at = inbound.received_at.0;
        let kind = RecordKind::Refusal.byte();
        self.control.enqueue(Record { kind, flags: 0, received_at, payload: &payload })
    }

    /// Hands the inbounds of one request over, all or none; they are accepted once the receipt says
    /// so.
    ///
    /// # Errors
    /// [`AppendError`]: none of them will be on disk, and the sender must hear that.
    pub fn append_inbounds(&self, inbounds: &[Inbound]) -> Result<Receipt, AppendError> {
        let payloads: Vec<Vec<u8>> = inbounds.iter().map(wire::encode_inbound).collect();
        let kind = RecordKind::Inbound.byte();
        let unit = inbounds.iter().zip(&payloads).map(|(inbound, payload)| {
            let received_at = inbound.received_at.0;
            Record { kind, flags: 0, received_at, payload }
        });
        self.inbound.append_unit(&unit.collect::<Vec<_>>())
    }
}

/// What all threads share.
#[derive(Debug)]
pub struct Shared {
    pub visitors: Visitors,
    pub replays: ReplayMemory,
    /// True once [`Self::replays`] knows what was accepted before this start.
    pub replays_known: watch::Receiver<bool>,
    /// Refusals per integration and second.
    pub refusals: BurstTable,
    /// Peers whose forwarded addresses are believed.
    pub trusted_proxies: Vec<IpNet>,
}

impl Shared {
    /// Waits until ids of before this start are known; they were read, or time was up.
    pub async fn ids_are_known(&self) {
        if !*self.replays_known.borrow() {
            // Nobody tells any more: then nothing will be known that is not known now.
            let _ = self.replays_known.clone().wait_for(|is_known| *is_known).await;
        }
    }
}

/// The rooms of one thread.
pub struct Rooms {
    pub clock: Arc<dyn Clock>,
    pub rng: RefCell<StdRng>,
    pub links: Links,
    pub journal: Lanes,
    pub shared: Arc<Shared>,
    pub memory: VisitorMemory,
    pub cells: Arc<Cells>,
    /// Bytes of the record being written; kept, so that a click allocates none.
    pub buffer: Cell<Vec<u8>>,
}

impl std::fmt::Debug for Rooms {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Rooms").finish_non_exhaustive()
    }
}
