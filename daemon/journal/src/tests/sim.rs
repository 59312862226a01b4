//! A lane driven step by step over the model disk, beside a model of what must be in it.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

use tokio::sync::watch;

use crate::blank::Fill;
use crate::blank::make_blank;
use crate::chance::Chance;
use crate::config::LaneConfig;
use crate::config::Mutation;
use crate::cursor::Cursors;
use crate::reader::Batch;
use crate::reader::BatchLimit;
use crate::reader::Reader;
use crate::record::Group;
use crate::record::Record;
use crate::record::SeqRange;
use crate::record::StoredRecord;
use crate::recovery::LaneRecovery;
use crate::storage::ModelDisk;
use crate::storage::ensure_dir;
use crate::writer::LaneContext;
use crate::writer::LaneWriter;

pub(super) const SEGMENT_BYTES: u64 = 8192;
pub(super) const ROOT: &str = "/journal";

/// Number of seeds of a run: the environment's, else the short form.
#[expect(clippy::disallowed_methods, reason = "a long run is asked for by the environment")]
pub(super) fn seeds(variable: &str, short: u64) -> std::ops::Range<u64> {
    let number = |name: &str| std::env::var(name).ok().and_then(|value| value.parse().ok());
    match number("GAMMA_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number(variable).unwrap_or(short),
    }
}

/// Runs a check on every seed; the first that fails is printed with how to run it again.
pub(super) fn sweep(seeds: std::ops::Range<u64>, check: impl Fn(u64) -> Result<(), String> + Sync) {
    let count = seeds.end - seeds.start;
    if let Some((seed, problem)) = first_failure(seeds, check) {
        panic!("seed {seed} of {count}: {problem}; run again with GAMMA_SEED={seed}");
    }
}

/// Spreads the seeds over two threads and returns the first failure found by either.
pub(super) fn first_failure(
    seeds: std::ops::Range<u64>,
    check: impl Fn(u64) -> Result<(), String> + Sync,
) -> Option<(u64, String)> {
    let next = AtomicU64::new(seeds.start);
    let work = || loop {
        let seed = next.fetch_add(1, Ordering::Relaxed);
        if seed >= seeds.end {
            return None;
        }
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| check(seed)));
        let problem = match outcome {
            Ok(Ok(())) => continue,
            Ok(Err(problem)) => problem,
            Err(_) => "panicked".to_owned(),
        };
        next.store(seeds.end, Ordering::Relaxed);
        return Some((seed, problem));
    };
    std::thread::scope(|scope| {
        let other = scope.spawn(work);
        let mine = work();
        let theirs = other.join().unwrap_or(None);
        [mine, theirs].into_iter().flatten().min()
    })
}

pub(super) fn small_config() -> LaneConfig {
    LaneConfig {
        segment_bytes: SEGMENT_BYTES,
        first_segment_bytes: SEGMENT_BYTES,
        payload_bytes_max: 2048,
        quota_bytes: 64 * SEGMENT_BYTES,
        reserve_bytes: 0,
        replay_window: std::time::Duration::ZERO,
        ..LaneConfig::inbound()
    }
}

pub(super) fn lane_dir() -> PathBuf {
    Path::new(ROOT).join("inbound")
}

pub(super) fn context(disk: &ModelDisk, config: LaneConfig, seed: u64) -> LaneContext {
    let salts = AtomicU64::new(seed << 20);
    LaneContext {
        storage: Arc::new(disk.clone()),
        dir: lane_dir(),
        config,
        journal: *b"journal of tests",
        entropy: Arc::new(move || Chance::new(salts.fetch_add(1, Ordering::Relaxed)).value()),
    }
}

/// Bytes that no other record has.
pub(super) fn payload(number: u64, length: usize) -> Vec<u8> {
    let mut chance = Chance::new(number);
    let mut bytes = number.to_le_bytes().to_vec();
    while bytes.len() < length {
        bytes.extend_from_slice(&chance.value().to_le_bytes());
    }
    bytes.truncate(length.max(9));
    bytes
}

pub(super) fn read_all(context: &LaneContext) -> Result<Batch, String> {
    let storage = Arc::clone(&context.storage);
    let mut reader = Reader::new(storage, context.dir.clone(), context.reading(), None, 1);
    let mut all = Batch::default();
    loop {
        let batch = reader.next_batch(BatchLimit { records_max: 7, bytes_max: 4096 });
        let batch = batch.map_err(|error| format!("reading: {error:?}"))?;
        if batch.records.is_empty() {
            return Ok(all);
        }
        all.records.extend(batch.records);
        all.missing.extend(batch.missing);
        all.next_seq = batch.next_seq;
    }
}

/// What must, may and must not be in the lane.
#[derive(Debug, Default)]
pub(super) struct Model {
    /// What each sequence was last given to, confirmed or not.
    possible: BTreeMap<u64, Vec<u8>>,
    /// Last confirmed sequence.
    pub(super) confirmed: u64,
    /// Everything up to here may have been trimmed.
    consumed: u64,
    /// Sequences of unfinished writes that a start passed over.
    holes: Vec<SeqRange>,
}

/// One lane and its model.
#[derive(Debug)]
pub(super) struct Sim {
    pub(super) chance: Chance,
    pub(super) disk: ModelDisk,
    pub(super) context: LaneContext,
    pub(super) writer: Option<LaneWriter>,
    pub(super) model: Model,
    cursors: Option<Arc<Cursors>>,
    live: Option<(Reader, watch::Sender<u64>, u64)>,
    numbers: u64,
    now: i64,
}

impl Sim {
    pub(super) fn new(seed: u64, config: LaneConfig, mutation: Option<Mutation>) -> Self {
        let disk = ModelDisk::new(seed);
        let config = LaneConfig { mutation, ..config };
        Self {
            chance: Chance::new(seed.wrapping_mul(0x9e37_79b9)),
            context: context(&disk, config, seed),
            disk,
            writer: None,
            model: Model::default(),
            cursors: None,
            live: None,
            numbers: seed << 24,
            now: 1_000_000,
        }
    }

    pub(super) fn writer(&mut self) -> &mut LaneWriter {
        self.writer.as_mut().expect("the lane is open")
    }

    /// Starts a life. `Ok(None)` when the machine died or the disk refused meanwhile.
    pub(super) fn open(&mut self) -> Result<Option<LaneRecovery>, String> {
        self.writer = None;
        self.live = None;
        if ensure_dir(&self.disk, Path::new(ROOT)).is_err() {
            return Ok(None);
        }
        let cursor_dir = Path::new(ROOT).join("cursors");
        let Ok(cursors) = Cursors::load(Arc::clone(&self.context.storage), cursor_dir) else {
            return Ok(None);
        };
        let cursors = Arc::new(cursors);
        let positions: Vec<u64> = cursors.positions().iter().map(|(_, seq)| *seq).collect();
        if positions.iter().any(|seq| *seq > self.model.confirmed) {
            return Err("a cursor is ahead of what was confirmed".to_owned());
        }
        // A save whose answer a crash swallowed may hold all the same.
        let consumed = positions.iter().copied().min().unwrap_or(0);
        self.model.consumed = self.model.consumed.max(consumed);
        self.cursors = Some(cursors);
        self.now += 1000;
        let Ok((writer, report)) = LaneWriter::open(self.context.clone(), &positions, self.now)
        else {
            return Ok(None);
        };
        if self.disk.is_dead() {
            return Ok(None);
        }
        self.check_after_open(&writer, &report)?;
        let (durable, seen) = watch::channel(writer.durable_seq());
        let reader = Reader::new(
            Arc::clone(&self.context.storage),
            self.context.dir.clone(),
            self.context.reading(),
            Some(seen),
            1,
        );
        self.live = Some((reader, durable, 0));
        self.writer = Some(writer);
        Ok(Some(report))
    }

    /// Everything confirmed is there once, in order; nothing that was gone is back.
    fn check_after_open(
        &mut self,
        writer: &LaneWriter,
        report: &LaneRecovery,
    ) -> Result<(), String> {
        let batch = match read_all(&self.context) {
            Ok(batch) => batch,
            Err(_) if self.disk.is_dead() => return Ok(()),
            Err(problem) => return Err(problem),
        };
        if report.is_degraded() {
            return Err(format!("recovery calls a crash an alarm: {report:?}"));
        }
        let present = self.check_records(&batch.records)?;
        if writer.next_seq() <= self.model.confirmed {
            return Err(format!("sequence {} is given again", writer.next_seq()));
        }
        if present.last().is_some_and(|last| *last >= writer.next_seq()) {
            return Err("a record lies beyond the next sequence".to_owned());
        }
        // From here on what is there is durable, and what is not there must never come back.
        let first = self.model.confirmed + 1;
        let mut holes = Vec::new();
        for seq in first..writer.next_seq() {
            if !present.contains(&seq) {
                holes.extend(SeqRange::new(seq, seq));
            }
        }
        self.model.holes.extend(holes);
        self.model.possible.retain(|seq, _| present.contains(seq));
        self.model.confirmed = writer.next_seq() - 1;
        Ok(())
    }

    fn check_records(&self, records: &[StoredRecord]) -> Result<BTreeSet<u64>, String> {
        let mut last = 0;
        let mut present = BTreeSet::new();
        for record in records {
            if record.seq <= last {
                return Err(format!("sequence {} after {last}", record.seq));
            }
            last = record.seq;
            match self.model.possible.get(&record.seq) {
                Some(bytes) if *bytes == record.payload => {}
                Some(_) => return Err(format!("wrong payload at {}", record.seq)),
                None => return Err(format!("revived record {}", record.seq)),
            }
            present.insert(record.seq);
        }
        for seq in self.model.consumed + 1..=self.model.confirmed {
            let hole = self.model.holes.iter().any(|hole| hole.contains(seq));
            if !hole && !present.contains(&seq) {
                return Err(format!("confirmed record {seq} is lost"));
            }
        }
        Ok(present)
    }

    /// Power off and on.
    pub(super) fn crash(&mut self) {
        self.note_confirmed();
        self.writer = None;
        self.cursors = None;
        self.live = None;
        self.disk.crash();
    }

    /// What the writer says is durable has been confirmed to somebody.
    pub(super) fn note_confirmed(&mut self) {
        if let Some(writer) = &self.writer {
            self.model.confirmed = self.model.confirmed.max(writer.durable_seq());
        }
    }

    pub(super) fn write_group(&mut self, sync: bool) -> Result<(), String> {
        let count = 1 + self.chance.below(5);
        let mut group = self.writer().spare_group();
        let mut payloads = Vec::new();
        for _ in 0..count {
            self.numbers += 1;
            let length = match self.chance.below(10) {
                0 => 1000 + self.chance.index(1000),
                _ => 9 + self.chance.index(200),
            };
            let bytes = payload(self.numbers, length);
            group.push(Record { kind: 1, flags: 2, received_at: self.now, payload: &bytes });
            payloads.push(bytes);
        }
        let now = self.now;
        let first_seq = self.writer().next_seq();
        // Before the disk sees them: from now on each of these may be found after a crash.
        for (seq, bytes) in (first_seq..).zip(payloads) {
            if self.model.possible.insert(seq, bytes).is_some() {
                return Err(format!("sequence {seq} given twice"));
            }
        }
        let written = self.writer().write(group, now);
        let end = written.first_seq + written.accepted;
        self.model.possible.retain(|seq, _| *seq < end);
        if sync {
            let _ = self.writer().sync(now);
        }
        self.note_confirmed();
        Ok(())
    }

    pub(super) fn prepare_blank(&mut self) {
        if let Some((name, bytes)) = self.writer().blank_request()
            && let Ok(blank) = make_blank(&self.context, &name, bytes, Fill::Zeros)
        {
            self.writer().offer_blank(blank);
        }
    }

    pub(super) fn consume(&mut self) {
        let durable_seq = self.writer().durable_seq();
        let Some(mut cursor) = self.cursors.as_ref().and_then(|c| c.open("consumer", 0).ok())
        else {
            return;
        };
        let seq = cursor.position()
            + self.chance.below(durable_seq.saturating_sub(cursor.position()) + 1);
        let saved = cursor.save(seq);
        if saved.is_ok() {
            self.model.consumed = self.model.consumed.max(seq);
        }
    }

    /// The consumer has read everything that is confirmed.
    pub(super) fn consume_all(&mut self) {
        let seq = self.writer().durable_seq();
        let cursor = self.cursors.as_ref().and_then(|cursors| cursors.open("consumer", 0).ok());
        if cursor.is_some_and(|mut cursor| cursor.save(seq).is_ok()) {
            self.model.consumed = self.model.consumed.max(seq);
        }
    }

    pub(super) fn trim(&mut self) {
        let consumed = self.cursors.as_ref().and_then(|cursors| cursors.slowest()).unwrap_or(0);
        let now = self.now + 1;
        let _ = self.writer().trim(consumed, now);
    }

    /// The live reader gives confirmed records only, all of them, in order.
    pub(super) fn read_live(&mut self) -> Result<(), String> {
        let durable_seq = self.writer().durable_seq();
        let Some((reader, durable, last)) = &mut self.live else { return Ok(()) };
        durable.send_replace(durable_seq);
        for _ in 0..20 {
            let batch = reader.next_batch(BatchLimit { records_max: 5, bytes_max: 700 });
            let Ok(batch) = batch else { return Ok(()) };
            for record in &batch.records {
                if record.seq > durable_seq || record.seq <= *last {
                    return Err(format!("live reader gave {} at {durable_seq}", record.seq));
                }
                if self.model.possible.get(&record.seq).is_none_or(|b| *b != record.payload) {
                    return Err(format!("live reader gave a wrong {}", record.seq));
                }
                *last = record.seq;
            }
            for missing in &batch.missing {
                let gap = (missing.first..=missing.last).find(|seq| {
                    *seq > self.model.consumed
                        && !self.model.holes.iter().any(|hole| hole.contains(*seq))
                });
                if let Some(seq) = gap {
                    return Err(format!("live reader misses {seq}"));
                }
            }
            if batch.records.is_empty() {
                break;
            }
        }
        Ok(())
    }

    /// One random step of a life.
    pub(super) fn step(&mut self) -> Result<(), String> {
        self.now += 10;
        match self.chance.below(20) {
            0..=7 => self.write_group(true)?,
            8..=11 => self.write_group(false)?,
            12 => {
                let now = self.now;
                let _ = self.writer().sync(now);
                self.note_confirmed();
            }
            13..=14 => self.prepare_blank(),
            15 => self.consume(),
            16 => self.trim(),
            17..=18 => self.read_live()?,
            _ if self.chance.percent(30) => {
                let now = self.now;
                let _ = self.writer().close(now);
                self.note_confirmed();
                if !self.disk.is_dead() && self.open()?.is_none() && !self.disk.is_dead() {
                    self.writer = None;
                }
            }
            _ => {}
        }
        Ok(())
    }
}

/// A lane with some segments, closed cleanly; returns its records.
pub(super) fn closed_lane(context: &LaneContext, seed: u64, groups: u64) -> Vec<StoredRecord> {
    let mut chance = Chance::new(seed);
    ensure_dir(&*context.storage, Path::new(ROOT)).expect("created");
    let (mut writer, _) = LaneWriter::open(context.clone(), &[], 1).expect("opens");
    for group_number in 0..groups {
        let mut group = Group::default();
        for index in 0..=chance.below(4) {
            let bytes = payload(seed << 32 | group_number << 8 | index, 20 + chance.index(400));
            group.push(Record { kind: 3, flags: 0, received_at: 5, payload: &bytes });
        }
        assert_eq!(writer.write(group, 2).error, None, "written");
        writer.sync(2).expect("synced");
    }
    writer.close(3).expect("closed");
    read_all(context).expect("read").records
}
