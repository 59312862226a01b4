//! How far each consumer is: the third lock. The row moves only by compare-and-set, in the database
//! transaction that holds the effects of what was consumed.

use model::clock::Timestamp;
use model::id::EventId;

use crate::conn::SysScope;
use crate::error::StoreError;
use crate::error::StoreResult;
use crate::params;
use crate::sql::Row;
use crate::unit::BatchTx;
use crate::unit::SysTx;

/// One partition of one stream, as one group of consumers sees it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Partition {
    /// The stream: a topic, or the id of a journal.
    pub topic: String,
    /// A partition's number, or a lane's name.
    pub part: String,
}

/// A consumer's claim to a partition. It holds until the next assignment of the same partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assignment {
    /// The group of consumers.
    pub grp: &'static str,
    /// Which partition.
    pub partition: Partition,
    /// First record that is not processed.
    pub next: u64,
    /// Event id of the record before, where it has one.
    pub last_event: Option<EventId>,
    /// Whose turn it is; an older consumer is fenced.
    pub epoch: i64,
}

/// What a batch moves an offset by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Advance {
    /// First record that is not processed after the batch.
    pub to: u64,
    /// Event id of the last record, where it has one.
    pub last_event: Option<EventId>,
    /// Records of the batch without a row in `inbound`: other kinds, lost ranges.
    pub passed: u64,
}

/// How far a consumer is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OffsetRow {
    /// The group of consumers.
    pub grp: String,
    /// Which partition.
    pub partition: Partition,
    /// First record that is not processed.
    pub next: u64,
    /// Processed records without a row in `inbound`.
    pub passed: u64,
    /// When it last moved.
    pub updated_at: Timestamp,
}

/// Repository of `consumer_offsets`.
#[derive(Debug)]
pub struct Offsets<'t>(SysScope<'t>);

impl BatchTx {
    /// Offsets of this batch.
    pub const fn offsets(&mut self) -> Offsets<'_> {
        Offsets(self.sys())
    }
}

impl SysTx {
    /// Offsets.
    pub const fn offsets(&mut self) -> Offsets<'_> {
        Offsets(self.sys())
    }
}

impl<'t> Offsets<'t> {
    /// Inside another repository's unit of work.
    pub(crate) const fn over(sys: &'t mut SysScope<'_>) -> Self {
        Self(sys.again())
    }
}

impl Offsets<'_> {
    /// Takes a partition over: raises its epoch, so that whoever had it before is fenced.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn assign(
        &mut self,
        grp: &'static str,
        partition: &Partition,
        now: Timestamp,
    ) -> StoreResult<Assignment> {
        let sql = "INSERT INTO consumer_offsets \
                   (grp, topic, part, next, epoch, passed, updated_at) \
                   VALUES ($1, $2, $3, 1, 1, 0, $4) \
                   ON CONFLICT (grp, topic, part) DO UPDATE SET epoch = consumer_offsets.epoch + 1";
        let Partition { topic, part } = partition;
        self.0.execute(sql, params![grp, topic, part, now]).await?;
        let sql = "SELECT next, last_event, epoch FROM consumer_offsets \
                   WHERE grp = $1 AND topic = $2 AND part = $3";
        let row = self.0.fetch_one(sql, params![grp, topic, part]).await?;
        Ok(Assignment {
            grp,
            partition: partition.clone(),
            next: unsigned(row.int("next")?),
            last_event: row.opt_id("last_event")?,
            epoch: row.int("epoch")?,
        })
    }

    /// Moves the offset from where `assignment` stands. Whoever saves the unit of work then raises
    /// `assignment.next` to `advance.to`.
    ///
    /// # Errors
    /// [`StoreError::Fenced`] when somebody else moved it or took the partition over: roll back,
    /// stop, assign again.
    pub async fn advance(
        &mut self,
        assignment: &Assignment,
        advance: &Advance,
        now: Timestamp,
    ) -> StoreResult<()> {
        let sql = "UPDATE consumer_offsets SET next = $1, last_event = $2, passed = passed + $3, \
                   updated_at = $4 \
                   WHERE grp = $5 AND topic = $6 AND part = $7 AND next = $8 AND epoch = $9";
        let Partition { topic, part } = &assignment.partition;
        let moved = params![
            signed(advance.to),
            advance.last_event,
            signed(advance.passed),
            now,
            assignment.grp,
            topic,
            part,
            signed(assignment.next),
            assignment.epoch,
        ];
        match self.0.execute(sql, moved).await? {
            1 => Ok(()),
            _ => Err(StoreError::Fenced(format!("{topic}/{part}"))),
        }
    }

    /// Moves the offset without looking whose turn it is: the control of the lock above.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    #[cfg(debug_assertions)]
    pub async fn advance_unlocked(
        &mut self,
        assignment: &Assignment,
        advance: &Advance,
        now: Timestamp,
    ) -> StoreResult<()> {
        let sql = "UPDATE consumer_offsets SET next = $1, last_event = $2, updated_at = $3 \
                   WHERE grp = $4 AND topic = $5 AND part = $6";
        let Partition { topic, part } = &assignment.partition;
        let moved =
            params![signed(advance.to), advance.last_event, now, assignment.grp, topic, part];
        self.0.execute(sql, moved).await.map(drop)
    }

    /// Where every consumer is.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn list(&mut self) -> StoreResult<Vec<OffsetRow>> {
        let sql = "SELECT grp, topic, part, next, passed, updated_at FROM consumer_offsets \
                   ORDER BY grp, topic, part";
        let read = |row: &Row| {
            Ok(OffsetRow {
                grp: row.string("grp")?,
                partition: Partition { topic: row.string("topic")?, part: row.string("part")? },
                next: unsigned(row.int("next")?),
                passed: unsigned(row.int("passed")?),
                updated_at: row.at("updated_at")?,
            })
        };
        self.0.fetch_all(sql, Vec::new()).await?.iter().map(read).collect()
    }
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}
