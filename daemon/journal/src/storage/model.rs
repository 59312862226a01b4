//! A disk that forgets on purpose.
//!
//! What a program wrote is *volatile*; only a sync of the file, and for names a sync of the
//! directory, makes it *durable*. [`ModelDisk::crash`] then decides by chance, sector by sector and
//! name by name, how much of what was not synced reached the disk, in any order: old sectors beside
//! new ones, lengths without content, directory entries lost or kept one by one.
//!
//! The model is stricter than the file systems we run on (ext4 keeps more), because a promise that
//! leans on one file system's kindness breaks on the next.

mod calls;
mod inode;

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::io;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use parking_lot::Mutex;

use super::File;
use crate::chance::Chance;
use inode::Inode;

/// Sizes at which a write may tear; one is drawn for each crash.
const SECTOR_BYTES: [usize; 2] = [512, 4096];

/// Contents of removed files kept to stand for stale blocks.
const GRAVEYARD_MAX: usize = 4;

/// A seeded crash-model disk. Clones share the disk.
#[derive(Debug, Clone)]
pub struct ModelDisk(Arc<Mutex<State>>);

/// What goes wrong, counted in calls since the disk was made.
#[derive(Debug, Clone, Default)]
pub struct Faults {
    /// Numbers of the sync calls (files and directories, from 0) that fail with EIO.
    pub syncs: BTreeSet<u64>,
    /// From this sync call on, all fail.
    pub syncs_from: Option<u64>,
    /// Numbers of the write calls that take only a part.
    pub short_writes: BTreeSet<u64>,
    /// Numbers of the write calls that fail with EIO.
    pub writes: BTreeSet<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Node {
    File(u64),
    Dir,
}

#[derive(Debug)]
enum NameChange {
    Link(PathBuf, Node),
    Unlink(PathBuf),
    Rename(PathBuf, PathBuf, Node),
}

#[derive(Debug)]
struct State {
    inodes: BTreeMap<u64, Inode>,
    volatile: BTreeMap<PathBuf, Node>,
    durable: BTreeMap<PathBuf, Node>,
    pending: Vec<NameChange>,
    graveyard: Vec<Vec<u8>>,
    locks: BTreeSet<PathBuf>,
    faults: Faults,
    chance: Chance,
    next_inode: u64,
    generation: u64,
    dead: bool,
    fuse: Option<u64>,
    capacity_bytes: u64,
    operations: u64,
    syncs: u64,
    writes: u64,
}

#[derive(Debug)]
struct ModelFile {
    disk: ModelDisk,
    inode: u64,
    generation: u64,
}

#[derive(Debug)]
struct ModelLock {
    disk: ModelDisk,
    path: PathBuf,
    generation: u64,
}

impl ModelDisk {
    /// An empty disk with the directory `/`, practically unlimited.
    pub fn new(seed: u64) -> Self {
        let root = BTreeMap::from([(PathBuf::from("/"), Node::Dir)]);
        Self(Arc::new(Mutex::new(State {
            inodes: BTreeMap::new(),
            volatile: root.clone(),
            durable: root,
            pending: Vec::new(),
            graveyard: Vec::new(),
            locks: BTreeSet::new(),
            faults: Faults::default(),
            chance: Chance::new(seed),
            next_inode: 1,
            generation: 0,
            dead: false,
            fuse: None,
            capacity_bytes: u64::MAX,
            operations: 0,
            syncs: 0,
            writes: 0,
        })))
    }

    /// After `operations` more changing calls the machine dies inside the next one.
    pub fn crash_after(&self, operations: u64) {
        self.0.lock().fuse = Some(operations);
    }

    /// True from the moment the fuse of [`ModelDisk::crash_after`] burnt until the crash is taken.
    pub fn is_dead(&self) -> bool {
        self.0.lock().dead
    }

    /// Power off and on: what was not synced is kept, torn or lost by chance; all open files and
    /// locks are gone.
    pub fn crash(&self) {
        self.0.lock().crash();
    }

    /// Limits the disk; growing past it fails with `StorageFull`.
    pub fn set_capacity(&self, bytes: u64) {
        self.0.lock().capacity_bytes = bytes;
    }

    /// Replaces the planned faults.
    pub fn set_faults(&self, faults: Faults) {
        self.0.lock().faults = faults;
    }

    /// Sync calls made so far; the number the next one will have.
    pub fn sync_count(&self) -> u64 {
        self.0.lock().syncs
    }

    /// Write calls made so far; the number the next one will have.
    pub fn write_count(&self) -> u64 {
        self.0.lock().writes
    }

    /// Changing calls made so far.
    pub fn operation_count(&self) -> u64 {
        self.0.lock().operations
    }

    /// Bytes used by all named files.
    pub fn used_bytes(&self) -> u64 {
        self.0.lock().used_bytes()
    }

    /// Damages a file in place, what is durable and what is cached alike. False when it is missing.
    pub fn corrupt(&self, path: &Path, damage: impl FnOnce(&mut Vec<u8>)) -> bool {
        let mut state = self.0.lock();
        let Some(Node::File(inode)) = state.volatile.get(path).copied() else { return false };
        let Some(inode) = state.inodes.get_mut(&inode) else { return false };
        inode.corrupt(damage);
        true
    }

    /// The content of a file as a reader would see it now.
    pub fn content(&self, path: &Path) -> Option<Vec<u8>> {
        let state = self.0.lock();
        match state.volatile.get(path) {
            Some(Node::File(inode)) => state.inodes.get(inode).map(|inode| inode.volatile.clone()),
            _ => None,
        }
    }

    fn read<T>(
        &self,
        generation: Option<u64>,
        call: impl FnOnce(&State) -> io::Result<T>,
    ) -> io::Result<T> {
        let state = self.0.lock();
        state.check_alive(generation)?;
        call(&state)
    }

    /// Runs one changing call. When the fuse burns in it, chance says whether it still happened.
    fn change<T>(
        &self,
        generation: Option<u64>,
        call: impl FnOnce(&mut State) -> io::Result<T>,
    ) -> io::Result<T> {
        let mut state = self.0.lock();
        state.check_alive(generation)?;
        state.operations += 1;
        match state.fuse {
            Some(0) => {
                state.dead = true;
                if state.chance.percent(50) {
                    let _ = call(&mut state);
                }
                Err(gone())
            }
            Some(rest) => {
                state.fuse = Some(rest - 1);
                call(&mut state)
            }
            None => call(&mut state),
        }
    }

    fn handle(&self, inode: u64) -> Box<dyn File> {
        let generation = self.0.lock().generation;
        Box::new(ModelFile { disk: self.clone(), inode, generation })
    }
}

impl State {
    fn check_alive(&self, generation: Option<u64>) -> io::Result<()> {
        let same_life = generation.is_none_or(|generation| generation == self.generation);
        if self.dead || !same_life { Err(gone()) } else { Ok(()) }
    }

    fn used_bytes(&self) -> u64 {
        let lengths = self.volatile.values().filter_map(|node| match node {
            Node::File(inode) => self.inodes.get(inode).map(|inode| inode.volatile.len() as u64),
            Node::Dir => None,
        });
        lengths.sum()
    }

    fn check_room(&self, inode: u64, bytes: u64) -> io::Result<()> {
        if self.capacity_bytes == u64::MAX {
            return Ok(());
        }
        let present = self.inodes.get(&inode).map_or(0, |inode| inode.volatile.len() as u64);
        let growth = bytes.saturating_sub(present);
        if growth > 0 && self.used_bytes() + growth > self.capacity_bytes {
            return Err(io::ErrorKind::StorageFull.into());
        }
        Ok(())
    }

    fn inode(&mut self, inode: u64) -> io::Result<&mut Inode> {
        self.inodes.get_mut(&inode).ok_or_else(gone)
    }

    fn next_sync_fails(&mut self) -> bool {
        let number = self.syncs;
        self.syncs += 1;
        self.faults.syncs.contains(&number)
            || self.faults.syncs_from.is_some_and(|from| number >= from)
    }

    fn require_parent(&self, path: &Path) -> io::Result<()> {
        match path.parent() {
            Some(parent) if self.volatile.get(parent) == Some(&Node::Dir) => Ok(()),
            _ => Err(io::ErrorKind::NotFound.into()),
        }
    }

    fn link(&mut self, path: &Path, node: Node) -> io::Result<()> {
        self.require_parent(path)?;
        if self.volatile.contains_key(path) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        self.volatile.insert(path.to_path_buf(), node);
        self.pending.push(NameChange::Link(path.to_path_buf(), node));
        Ok(())
    }

    fn bury(&mut self, inode: u64) {
        if let Some(inode) = self.inodes.get(&inode) {
            if self.graveyard.len() == GRAVEYARD_MAX {
                self.graveyard.remove(0);
            }
            self.graveyard.push(inode.volatile.clone());
        }
    }

    fn crash(&mut self) {
        let sector_bytes = SECTOR_BYTES[self.chance.index(SECTOR_BYTES.len())];
        for change in std::mem::take(&mut self.pending) {
            if self.chance.percent(50) {
                apply_name_change(&mut self.durable, change);
            }
        }
        drop_orphans(&mut self.durable);
        let stale = std::mem::take(&mut self.graveyard);
        for inode in self.inodes.values_mut() {
            inode.settle(&mut self.chance, sector_bytes, &stale);
            inode.volatile.clone_from(&inode.durable);
        }
        self.volatile = self.durable.clone();
        let named: BTreeSet<u64> = (self.durable.values())
            .filter_map(|node| match node {
                Node::File(inode) => Some(*inode),
                Node::Dir => None,
            })
            .collect();
        self.inodes.retain(|inode, _| named.contains(inode));
        self.locks.clear();
        self.generation += 1;
        self.dead = false;
        self.fuse = None;
    }
}

fn gone() -> io::Error {
    io::Error::other("the machine is off")
}

fn broken() -> io::Error {
    io::Error::other("input/output error")
}

fn change_parent(change: &NameChange) -> Option<&Path> {
    match change {
        NameChange::Link(path, _) | NameChange::Unlink(path) => path.parent(),
        NameChange::Rename(_, to, _) => to.parent(),
    }
}

fn apply_name_change(names: &mut BTreeMap<PathBuf, Node>, change: NameChange) {
    match change {
        NameChange::Link(path, node) => {
            names.insert(path, node);
        }
        NameChange::Unlink(path) => {
            names.remove(&path);
        }
        NameChange::Rename(from, to, node) => {
            names.remove(&from);
            names.insert(to, node);
        }
    }
}

/// A name whose directory was lost is lost with it.
fn drop_orphans(names: &mut BTreeMap<PathBuf, Node>) {
    let all = names.clone();
    names.retain(|path, _| {
        path.ancestors().skip(1).all(|ancestor| all.get(ancestor) == Some(&Node::Dir))
    });
}
