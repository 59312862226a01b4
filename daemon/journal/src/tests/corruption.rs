//! Bytes changed behind the journal's back, in every way that keeps a file a file.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::sim::ROOT;
use super::sim::closed_lane;
use super::sim::context;
use super::sim::first_failure;
use super::sim::lane_dir;
use super::sim::payload;
use super::sim::read_all;
use super::sim::seeds;
use super::sim::small_config;
use super::sim::sweep;
use crate::chance::Chance;
use crate::config::LaneConfig;
use crate::config::Mutation;
use crate::format::HEADER_BYTES;
use crate::format::Head;
use crate::format::RECORD_HEADER_BYTES;
use crate::format::record_bytes;
use crate::inspect::check_lane;
use crate::record::Group;
use crate::record::Record;
use crate::record::StoredRecord;
use crate::segment::list_segments;
use crate::segment::segment_path;
use crate::storage::ModelDisk;
use crate::storage::Storage;
use crate::storage::ensure_dir;
use crate::storage::write_full;
use crate::writer::LaneContext;
use crate::writer::LaneWriter;

const SHORT_SEEDS: u64 = 1_000;
const CONTROL_SEEDS: u64 = 1_000;

/// Where each record of the undamaged lane lies.
#[derive(Debug)]
struct Place {
    path: PathBuf,
    offset: usize,
    bytes: Vec<u8>,
    record: StoredRecord,
}

struct Lab {
    chance: Chance,
    disk: ModelDisk,
    context: LaneContext,
    paths: Vec<PathBuf>,
    places: Vec<Place>,
    /// Files of another journal, in the same order.
    strangers: Vec<Vec<u8>>,
}

impl Lab {
    fn new(seed: u64, mutation: Option<Mutation>) -> Self {
        let config = LaneConfig { mutation, ..small_config() };
        let disk = ModelDisk::new(seed);
        let mine = context(&disk, config.clone(), seed);
        let groups = 10 + seed % 40;
        let records = closed_lane(&mine, seed, groups);
        let elsewhere = ModelDisk::new(seed);
        let mut other = context(&elsewhere, config, seed + 1_000_000);
        other.journal = *b"somebody elses..";
        // The same lengths, so that records lie at the same places.
        closed_lane(&other, seed, groups);
        let paths = segments(&mine);
        let strangers = segments(&other)
            .iter()
            .map(|path| elsewhere.content(path).expect("a segment"))
            .collect();
        let mut lab = Self {
            chance: Chance::new(seed ^ 0xabcd),
            disk,
            context: mine,
            paths,
            places: Vec::new(),
            strangers,
        };
        lab.places = lab.find_places(records);
        lab
    }

    fn content(&self, index: usize) -> Vec<u8> {
        self.disk.content(&self.paths[index]).expect("a segment")
    }

    /// Walks the files by their lengths alone; they are undamaged here.
    fn find_places(&self, records: Vec<StoredRecord>) -> Vec<Place> {
        let mut found = BTreeMap::new();
        for (index, path) in self.paths.iter().enumerate() {
            let content = self.content(index);
            let mut offset = HEADER_BYTES;
            while let Some(head) = content.get(offset..).and_then(|b| Head::decode(b, 2048)) {
                let end = offset + RECORD_HEADER_BYTES + head.len as usize;
                if !head.is_framing() {
                    found.insert(head.seq, (path.clone(), offset, content[offset..end].to_vec()));
                }
                offset += usize::try_from(record_bytes(head.len as usize)).expect("small");
            }
        }
        let place = |record: StoredRecord| {
            let (path, offset, bytes) = found.remove(&record.seq).expect("in a file");
            Place { path, offset, bytes, record }
        };
        records.into_iter().map(place).collect()
    }

    /// Damages the lane once; false when the chosen change changes nothing.
    fn damage(&mut self) -> bool {
        let index = self.chance.index(self.paths.len());
        let before = self.content(index);
        let length = before.len();
        let (at, span) = (self.chance.index(length), 1 + self.chance.index(1500));
        let end = (at + span).min(length);
        let mut after = before.clone();
        match self.chance.below(9) {
            0 | 1 => after[at] ^= 1 << self.chance.below(8),
            2 => after[at..end].fill(0),
            3 => after.truncate(at),
            4 => drop(after.drain(at..end)),
            5 => {
                let source = before[at..end].to_vec();
                let to = self.chance.index(length);
                let fits = source.len().min(length - to);
                after[to..to + fits].copy_from_slice(&source[..fits]);
            }
            6 => return self.swap_or_copy_files(index),
            7 => after.clone_from(self.stranger(index)),
            _ => {
                // Whole sectors of another journal, as a misdirected write leaves them.
                let (from, to) = (at & !511, (end | 511).min(length));
                let stranger = self.stranger(index).clone();
                let to = to.min(stranger.len());
                if from < to {
                    after[from..to].copy_from_slice(&stranger[from..to]);
                }
            }
        }
        let changed = after != before;
        assert!(self.disk.corrupt(&self.paths[index], |bytes| *bytes = after), "a segment");
        changed
    }

    fn stranger(&self, index: usize) -> &Vec<u8> {
        &self.strangers[index.min(self.strangers.len() - 1)]
    }

    fn swap_or_copy_files(&mut self, index: usize) -> bool {
        let other = self.chance.index(self.paths.len());
        let (mine, theirs) = (self.content(index), self.content(other));
        match self.chance.below(3) {
            0 => {
                self.disk.corrupt(&self.paths[index], |bytes| bytes.clone_from(&theirs));
                self.disk.corrupt(&self.paths[other], |bytes| bytes.clone_from(&mine));
                index != other
            }
            1 if index > 0 && index + 1 < self.paths.len() => {
                self.disk.unlink(&self.paths[index]).expect("removed");
                true
            }
            _ => {
                // A copy under the next number, as a careless restore leaves it.
                let number = self.paths.len() as u64 + 1;
                let path = segment_path(&lane_dir(), &self.context.config.lane, number);
                let file = self.disk.create(&path).expect("created");
                write_full(&*file, &mine, 0).expect("written");
                true
            }
        }
    }

    /// Records whose bytes are where they were.
    fn healthy(&self) -> Vec<&StoredRecord> {
        let intact = |place: &&Place| {
            self.disk.content(&place.path).is_some_and(|content| {
                content.get(place.offset..place.offset + place.bytes.len()) == Some(&place.bytes)
            })
        };
        self.places.iter().filter(intact).map(|place| &place.record).collect()
    }

    fn check_reading(&self, records: &[StoredRecord], when: &str) -> Result<(), String> {
        let original: BTreeMap<_, _> =
            self.places.iter().map(|p| (p.record.seq, &p.record)).collect();
        for record in records {
            if original.get(&record.seq).is_some_and(|original| *original != record) {
                return Err(format!("{when}: wrong payload at {}", record.seq));
            }
        }
        if let Some(pair) = records.windows(2).find(|pair| pair[0].seq >= pair[1].seq) {
            return Err(format!("{when}: {} then {}", pair[0].seq, pair[1].seq));
        }
        let lost = self.healthy().into_iter().find(|healthy| !records.contains(healthy));
        lost.map_or(Ok(()), |record| Err(format!("{when}: healthy record {} lost", record.seq)))
    }
}

fn segments(context: &LaneContext) -> Vec<PathBuf> {
    let (dir, lane) = (&context.dir, &context.config.lane);
    let files = list_segments(&*context.storage, dir, lane).expect("listed");
    files.iter().map(|file| segment_path(dir, lane, file.number)).collect()
}

fn corruption_run(seed: u64, mutation: Option<Mutation>) -> Result<(), String> {
    let mut lab = Lab::new(seed, mutation);
    if !lab.damage() {
        return Ok(());
    }
    let summary = check_lane(&lab.disk, &lane_dir(), lab.context.reading(), Vec::new(), true);
    let summary = summary.map_err(|error| format!("verify: {error}"))?;
    if summary.damage.is_empty() {
        return Err("the damage was not detected".to_owned());
    }
    lab.check_reading(&read_all(&lab.context)?.records, "reading")?;
    for round in 0..2 {
        let opened = LaneWriter::open(lab.context.clone(), &[], 9);
        let (mut writer, _) = opened.map_err(|error| format!("open: {error}"))?;
        let mut group = Group::default();
        let bytes = payload(u64::MAX - round, 50);
        group.push(Record { kind: 9, flags: 0, received_at: 9, payload: &bytes });
        let seq = writer.write(group, 9).first_seq;
        writer.close(9).map_err(|error| format!("close: {error}"))?;
        let records = read_all(&lab.context)?.records;
        let kept: Vec<_> = records.iter().filter(|record| record.kind != 9).cloned().collect();
        lab.check_reading(&kept, "after recovery")?;
        if !records.iter().any(|record| record.seq == seq && record.payload == bytes) {
            return Err("a record written after recovery is lost".to_owned());
        }
    }
    Ok(())
}

#[test]
fn damage_is_always_seen_and_costs_only_what_it_touched() {
    sweep(seeds("GAMMA_CORRUPTION_SEEDS", SHORT_SEEDS), |seed| corruption_run(seed, None));
}

#[test]
fn a_checksum_without_salt_and_offset_is_found() {
    let found =
        first_failure(0..CONTROL_SEEDS, |seed| corruption_run(seed, Some(Mutation::WeakChecksum)));
    assert!(found.is_some(), "the control passed");
}

/// Any bytes at all in place of a segment: no panic, nothing read that was not written.
#[test]
fn random_bytes_are_never_a_record() {
    sweep(0..500, |seed| {
        let mut chance = Chance::new(seed);
        let disk = ModelDisk::new(seed);
        let context = context(&disk, small_config(), seed);
        ensure_dir(&disk, &lane_dir()).map_err(|error| error.to_string())?;
        for number in 1..=chance.below(4) {
            let path = segment_path(&lane_dir(), &context.config.lane, number);
            let mut bytes = vec![0; chance.index(9000)];
            // Small values, so that lengths and kinds are often plausible.
            for byte in &mut bytes {
                let range = 1 << chance.below(9);
                *byte = chance.below(range).to_le_bytes()[0];
            }
            let file = disk.create(&path).map_err(|error| error.to_string())?;
            write_full(&*file, &bytes, 0).map_err(|error| error.to_string())?;
        }
        let records = read_all(&context)?.records;
        crate::inspect::verify(&disk, ROOT.as_ref()).map_err(|error| error.to_string())?;
        LaneWriter::open(context, &[], 1).map_err(|error| error.to_string())?;
        if records.is_empty() { Ok(()) } else { Err(format!("{records:?}")) }
    });
}
