//! How far each consumer of a lane is, durably.
//!
//! A cursor is a hint about consumption: it holds back trimming and raises the next sequence, and
//! losing it means that records are read again, never that one is skipped. The consumer saves it
//! *after* its own effect is durable.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::config::is_name;
use crate::format::u32_at;
use crate::format::u64_at;
use crate::storage::Storage;
use crate::storage::ensure_child_dir;
use crate::storage::read_small;
use crate::storage::replace_file;

const MAGIC: &[u8; 8] = b"gammacur";
const CURSOR_BYTES: usize = 20;
const SUFFIX: &str = ".cursor";

/// Why a cursor could not be loaded or saved.
#[derive(Debug, thiserror::Error)]
pub enum CursorError {
    #[error("{0} is not a name of 1 to 64 characters a-z, 0-9, - and _, starting with a letter")]
    Name(String),
    #[error("the cursor could not be stored")]
    Storage(#[from] io::Error),
}

/// One consumer's place in a lane. One owner per name.
#[derive(Debug)]
pub struct Cursor {
    cursors: Arc<Cursors>,
    name: String,
    position: u64,
}

impl Cursor {
    /// Everything up to and including this sequence is consumed; 0 when nothing is.
    pub fn position(&self) -> u64 {
        self.position
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// Makes a new position durable. Going back is allowed and lets records be read again, as far
    /// as they are still kept.
    ///
    /// # Errors
    /// [`CursorError::Storage`]; the old position holds then, so the consumer may go on.
    pub fn save(&mut self, seq: u64) -> Result<(), CursorError> {
        self.cursors.save(&self.name, seq)?;
        self.position = seq;
        Ok(())
    }
}

/// All cursors of one lane.
#[derive(Debug)]
pub(crate) struct Cursors {
    storage: Arc<dyn Storage>,
    dir: PathBuf,
    positions: Mutex<BTreeMap<String, u64>>,
}

impl Cursors {
    /// Loads every cursor of the directory, which is created when its parent is there. One that
    /// cannot be read counts as 0: it then holds everything back until its consumer saves again.
    pub(crate) fn load(storage: Arc<dyn Storage>, dir: PathBuf) -> io::Result<Self> {
        if let Some(parent) = dir.parent() {
            ensure_child_dir(&*storage, &dir, parent)?;
        }
        // A position that an earlier life renamed but did not sync must not come undone after
        // segments were removed because of it.
        storage.sync_dir(&dir)?;
        let positions = read_positions(&*storage, &dir)?.into_iter().collect();
        Ok(Self { storage, dir, positions: Mutex::new(positions) })
    }

    /// Opens a cursor; a new one begins at `start`.
    pub(crate) fn open(self: &Arc<Self>, name: &str, start: u64) -> Result<Cursor, CursorError> {
        if !is_name(name) {
            return Err(CursorError::Name(name.to_owned()));
        }
        let position = *self.positions.lock().entry(name.to_owned()).or_insert(start);
        Ok(Cursor { cursors: Arc::clone(self), name: name.to_owned(), position })
    }

    pub(crate) fn forget(&self, name: &str) -> Result<(), CursorError> {
        self.positions.lock().remove(name);
        match self.storage.unlink(&self.path(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error.into()),
            _ => Ok(self.storage.sync_dir(&self.dir)?),
        }
    }

    /// Positions of all cursors, by name.
    pub(crate) fn positions(&self) -> Vec<(String, u64)> {
        self.positions.lock().iter().map(|(name, seq)| (name.clone(), *seq)).collect()
    }

    /// The slowest consumer; `None` without consumers.
    pub(crate) fn slowest(&self) -> Option<u64> {
        self.positions.lock().values().copied().min()
    }

    fn save(&self, name: &str, seq: u64) -> Result<(), CursorError> {
        replace_file(&*self.storage, &self.path(name), &encode(seq))?;
        self.positions.lock().insert(name.to_owned(), seq);
        Ok(())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.join(format!("{name}{SUFFIX}"))
    }
}

/// Cursors in a directory, by name; an unreadable one is at 0.
pub(crate) fn read_positions(storage: &dyn Storage, dir: &Path) -> io::Result<Vec<(String, u64)>> {
    let mut positions = Vec::new();
    for entry in storage.list(dir)? {
        let Some(name) = entry.name.strip_suffix(SUFFIX).filter(|name| is_name(name)) else {
            continue;
        };
        let bytes = read_small(storage, &dir.join(&entry.name), CURSOR_BYTES + 1)?;
        let seq = bytes.as_deref().and_then(decode).unwrap_or(0);
        positions.push((name.to_owned(), seq));
    }
    Ok(positions)
}

fn encode(seq: u64) -> [u8; CURSOR_BYTES] {
    let mut out = [0; CURSOR_BYTES];
    out[..8].copy_from_slice(MAGIC);
    out[8..16].copy_from_slice(&seq.to_le_bytes());
    let checksum = crc32c::crc32c(&out[..16]);
    out[16..].copy_from_slice(&checksum.to_le_bytes());
    out
}

fn decode(bytes: &[u8]) -> Option<u64> {
    let intact = bytes.len() == CURSOR_BYTES
        && bytes.starts_with(MAGIC)
        && u32_at(bytes, 16) == crc32c::crc32c(&bytes[..16]);
    intact.then(|| u64_at(bytes, 8))
}
