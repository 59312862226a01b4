//! The content of one file: what a reader sees, what survives, and the changes in between.

use crate::chance::Chance;

/// Stale blocks show up in this share of sectors that were allocated but never written.
const STALE_PERCENT: u64 = 25;

#[derive(Debug, Default)]
pub(super) struct Inode {
    pub(super) volatile: Vec<u8>,
    pub(super) durable: Vec<u8>,
    changes: Vec<Change>,
}

#[derive(Debug)]
enum Change {
    Write(usize, Vec<u8>),
    Len(usize),
}

impl Inode {
    pub(super) fn read(&self, buffer: &mut [u8], offset: u64) -> usize {
        let from = position(offset).min(self.volatile.len());
        let count = buffer.len().min(self.volatile.len() - from);
        buffer[..count].copy_from_slice(&self.volatile[from..from + count]);
        count
    }

    pub(super) fn write(&mut self, bytes: &[u8], offset: u64) {
        let from = position(offset);
        apply_write(&mut self.volatile, from, bytes);
        self.changes.push(Change::Write(from, bytes.to_vec()));
    }

    pub(super) fn set_len(&mut self, bytes: u64) {
        let length = position(bytes);
        self.volatile.resize(length, 0);
        self.changes.push(Change::Len(length));
    }

    pub(super) fn sync(&mut self) {
        for change in self.changes.drain(..) {
            match change {
                Change::Write(from, bytes) => apply_write(&mut self.durable, from, &bytes),
                Change::Len(length) => self.durable.resize(length, 0),
            }
        }
    }

    /// What the kernel may do after a failed write-back: some sectors made it, all are called
    /// clean, and the cache shows either what was written or what the disk really has.
    pub(super) fn fail_sync(&mut self, chance: &mut Chance, sector_bytes: usize) {
        let length = self.volatile.len();
        self.settle(chance, sector_bytes, &[]);
        if chance.percent(50) {
            self.volatile.clone_from(&self.durable);
            self.volatile.resize(length, 0);
        }
    }

    /// Chooses, for each sector by itself, how many of the pending changes reached it, and in the
    /// same way how long the file is; the choice becomes the durable content.
    pub(super) fn settle(&mut self, chance: &mut Chance, sector_bytes: usize, stale: &[Vec<u8>]) {
        let changes = std::mem::take(&mut self.changes);
        if changes.is_empty() {
            return;
        }
        let length = self.settled_len(chance, &changes);
        let before = std::mem::take(&mut self.durable);
        let mut after = before.clone();
        after.resize(length, 0);
        let mut from = 0;
        while from < length {
            let to = (from + sector_bytes).min(length);
            let touched = changes.iter().any(|change| change.touches(from, to));
            let applied = if touched { chance.index(changes.len() + 1) } else { 0 };
            let sector = &mut after[from..to];
            if from >= before.len() && touched && chance.percent(STALE_PERCENT) {
                fill_stale(sector, from, chance, stale);
            }
            for change in &changes[..applied] {
                change.apply_to_sector(sector, from);
            }
            from = to;
        }
        self.durable = after;
    }

    pub(super) fn corrupt(&mut self, damage: impl FnOnce(&mut Vec<u8>)) {
        self.changes.clear();
        damage(&mut self.volatile);
        self.durable.clone_from(&self.volatile);
    }

    fn settled_len(&self, chance: &mut Chance, changes: &[Change]) -> usize {
        let mut length = self.durable.len();
        for change in &changes[..chance.index(changes.len() + 1)] {
            match change {
                Change::Write(from, bytes) => length = length.max(from + bytes.len()),
                Change::Len(bytes) => length = *bytes,
            }
        }
        length
    }
}

impl Change {
    fn touches(&self, from: usize, to: usize) -> bool {
        match self {
            Self::Write(start, bytes) => *start < to && start + bytes.len() > from,
            Self::Len(length) => *length < to,
        }
    }

    fn apply_to_sector(&self, sector: &mut [u8], from: usize) {
        let to = from + sector.len();
        match self {
            Self::Write(start, bytes) => {
                let (first, last) = ((*start).max(from), (start + bytes.len()).min(to));
                if first < last {
                    let source = &bytes[first - start..last - start];
                    sector[first - from..last - from].copy_from_slice(source);
                }
            }
            Self::Len(length) if *length < to => {
                sector[length.saturating_sub(from)..].fill(0);
            }
            Self::Len(_) => {}
        }
    }
}

fn apply_write(content: &mut Vec<u8>, from: usize, bytes: &[u8]) {
    if content.len() < from + bytes.len() {
        content.resize(from + bytes.len(), 0);
    }
    content[from..from + bytes.len()].copy_from_slice(bytes);
}

fn fill_stale(sector: &mut [u8], from: usize, chance: &mut Chance, stale: &[Vec<u8>]) {
    let Some(content) = stale.get(chance.index(stale.len())) else { return };
    let Some(source) = content.get(from..) else { return };
    let count = source.len().min(sector.len());
    sector[..count].copy_from_slice(&source[..count]);
}

fn position(offset: u64) -> usize {
    usize::try_from(offset).unwrap_or(usize::MAX)
}
