//! The model disk behind the traits.

use std::io;
use std::path::Path;

use super::ModelDisk;
use super::ModelFile;
use super::ModelLock;
use super::NameChange;
use super::Node;
use super::SECTOR_BYTES;
use super::apply_name_change;
use super::broken;
use super::change_parent;
use super::gone;
use super::inode::Inode;
use crate::chance::Chance;
use crate::storage::DirEntry;
use crate::storage::File;
use crate::storage::Storage;
use crate::storage::StorageLock;

impl Storage for ModelDisk {
    fn create(&self, path: &Path) -> io::Result<Box<dyn File>> {
        let inode = self.change(None, |state| {
            let inode = state.next_inode;
            state.link(path, Node::File(inode))?;
            state.next_inode += 1;
            state.inodes.insert(inode, Inode::default());
            Ok(inode)
        })?;
        Ok(self.handle(inode))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn File>> {
        let inode = self.read(None, |state| match state.volatile.get(path) {
            Some(Node::File(inode)) => Ok(*inode),
            _ => Err(io::ErrorKind::NotFound.into()),
        })?;
        Ok(self.handle(inode))
    }

    fn open_read(&self, path: &Path) -> io::Result<Box<dyn File>> {
        self.open(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.change(None, |state| {
            state.require_parent(to)?;
            let node = state.volatile.remove(from).ok_or(io::ErrorKind::NotFound)?;
            if let Some(Node::File(replaced)) = state.volatile.insert(to.to_path_buf(), node) {
                state.bury(replaced);
            }
            let change = NameChange::Rename(from.to_path_buf(), to.to_path_buf(), node);
            state.pending.push(change);
            Ok(())
        })
    }

    fn unlink(&self, path: &Path) -> io::Result<()> {
        self.change(None, |state| match state.volatile.get(path).copied() {
            Some(Node::File(inode)) => {
                state.bury(inode);
                state.volatile.remove(path);
                state.pending.push(NameChange::Unlink(path.to_path_buf()));
                Ok(())
            }
            _ => Err(io::ErrorKind::NotFound.into()),
        })
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        self.change(None, |state| state.link(path, Node::Dir))
    }

    fn is_dir(&self, path: &Path) -> bool {
        self.0.lock().volatile.get(path) == Some(&Node::Dir)
    }

    fn list(&self, path: &Path) -> io::Result<Vec<DirEntry>> {
        self.read(None, |state| {
            if state.volatile.get(path) != Some(&Node::Dir) {
                return Err(io::ErrorKind::NotFound.into());
            }
            let mut entries = Vec::new();
            for (name, node) in &state.volatile {
                if name.parent() != Some(path) {
                    continue;
                }
                let bytes = match node {
                    Node::File(inode) => state.inodes.get(inode).map_or(0, |i| i.volatile.len()),
                    Node::Dir => 0,
                };
                entries.push(DirEntry {
                    name: name.file_name().unwrap_or_default().to_string_lossy().into_owned(),
                    bytes: bytes as u64,
                    is_dir: *node == Node::Dir,
                });
            }
            Ok(entries)
        })
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        self.change(None, |state| {
            if state.next_sync_fails() {
                return Err(broken());
            }
            let (mine, others) = std::mem::take(&mut state.pending)
                .into_iter()
                .partition(|change| change_parent(change) == Some(path));
            state.pending = others;
            for change in mine {
                apply_name_change(&mut state.durable, change);
            }
            Ok(())
        })
    }

    fn lock(&self, path: &Path) -> io::Result<Box<dyn StorageLock>> {
        let mut state = self.0.lock();
        state.check_alive(None)?;
        if !state.locks.insert(path.to_path_buf()) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let generation = state.generation;
        Ok(Box::new(ModelLock { disk: self.clone(), path: path.to_path_buf(), generation }))
    }

    fn free_bytes(&self, _path: &Path) -> io::Result<u64> {
        self.read(None, |state| Ok(state.capacity_bytes.saturating_sub(state.used_bytes())))
    }
}

impl File for ModelFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.disk.read(Some(self.generation), |state| {
            let inode = state.inodes.get(&self.inode).ok_or_else(gone)?;
            Ok(inode.read(buffer, offset))
        })
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        self.disk.change(Some(self.generation), |state| {
            let number = state.writes;
            state.writes += 1;
            state.check_room(self.inode, offset + bytes.len() as u64)?;
            if state.faults.writes.contains(&number) {
                return Err(broken());
            }
            let taken = if state.faults.short_writes.contains(&number) {
                state.chance.index(bytes.len())
            } else {
                bytes.len()
            };
            state.inode(self.inode)?.write(&bytes[..taken], offset);
            Ok(taken)
        })
    }

    fn sync_data(&self) -> io::Result<()> {
        self.disk.change(Some(self.generation), |state| {
            if !state.next_sync_fails() {
                state.inode(self.inode)?.sync();
                return Ok(());
            }
            let mut chance = Chance::new(state.chance.value());
            let sector_bytes = SECTOR_BYTES[chance.index(SECTOR_BYTES.len())];
            state.inode(self.inode)?.fail_sync(&mut chance, sector_bytes);
            Err(broken())
        })
    }

    fn reserve(&self, bytes: u64) -> io::Result<()> {
        self.disk.change(Some(self.generation), |state| {
            state.check_room(self.inode, bytes)?;
            let inode = state.inode(self.inode)?;
            if bytes > inode.volatile.len() as u64 {
                inode.set_len(bytes);
            }
            Ok(())
        })
    }

    fn set_len(&self, bytes: u64) -> io::Result<()> {
        self.disk.change(Some(self.generation), |state| {
            state.check_room(self.inode, bytes)?;
            state.inode(self.inode)?.set_len(bytes);
            Ok(())
        })
    }

    fn bytes(&self) -> io::Result<u64> {
        self.disk.read(Some(self.generation), |state| {
            Ok(state.inodes.get(&self.inode).ok_or_else(gone)?.volatile.len() as u64)
        })
    }
}

impl StorageLock for ModelLock {}

impl Drop for ModelLock {
    fn drop(&mut self) {
        let mut state = self.disk.0.lock();
        if state.generation == self.generation {
            state.locks.remove(&self.path);
        }
    }
}
