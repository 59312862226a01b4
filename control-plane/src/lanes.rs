//! The daemon's journal as the pipeline sees it: three lanes under one name.

use anyhow::Context;
use journal::Lane;
use journal::LaneHandle;
use store::offsets::Partition;

/// The lanes that the pipeline reads, and what names this journal in the offsets.
#[derive(Debug, Clone)]
pub struct Lanes {
    /// Names the journal in consumer offsets.
    pub topic: String,
    /// Postbacks and events.
    pub inbound: LaneHandle,
    /// Clicks.
    pub clicks: LaneHandle,
    /// Refusals and counts of what was shed.
    pub control: LaneHandle,
}

impl Lanes {
    /// The lanes the pipeline consumes, with what names each in the offsets.
    pub fn consumed(&self) -> [(&LaneHandle, Partition); 3] {
        [&self.inbound, &self.clicks, &self.control].map(|lane| {
            let part = lane.lane().as_str().to_owned();
            (lane, Partition { topic: self.topic.clone(), part })
        })
    }

    /// The three lanes of one journal.
    ///
    /// # Errors
    /// When one of them is not there.
    pub fn new(lane: impl Fn(&Lane) -> Option<LaneHandle>) -> anyhow::Result<Self> {
        let find =
            |name: &Lane| lane(name).with_context(|| format!("lane {} is missing", name.as_str()));
        let inbound = find(&Lane::Inbound)?;
        Ok(Self {
            topic: inbound.journal_id(),
            inbound,
            clicks: find(&Lane::Clicks)?,
            control: find(&Lane::Control)?,
        })
    }
}
