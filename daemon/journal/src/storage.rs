//! The few things the journal asks of a disk, as a trait with two implementations: [`RealStorage`]
//! for production and [`ModelDisk`] for the crash simulation.
//!
//! # Why a trait
//!
//! Killing a process never loses what the kernel already holds, so it proves nothing about
//! `fdatasync`. Only a disk that forgets on purpose does: the model keeps what is written apart
//! from what is durable, and every promise of this crate is tested against it.

pub mod model;
pub mod real;

use std::fmt::Debug;
use std::io;
use std::path::Path;

pub use model::ModelDisk;
pub use real::RealStorage;

/// Bytes written per call while a blank segment is filled with zeros.
const FILL_CHUNK_BYTES: usize = 1 << 20;

/// One name in a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirEntry {
    pub name: String,
    pub bytes: u64,
    pub is_dir: bool,
}

/// Held as long as the journal is open; dropping it releases the lock.
pub trait StorageLock: Send + Sync + Debug {}

/// An open file. Offsets and lengths are bytes from the start of the file.
pub trait File: Send + Sync + Debug {
    /// Reads up to `buffer.len()` bytes; 0 means the end of the file.
    ///
    /// # Errors
    /// Whatever the disk reports.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;

    /// Writes once and says how much was taken. The journal's writer treats a short write as a
    /// failed one.
    ///
    /// # Errors
    /// Whatever the disk reports.
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize>;

    /// Makes the content durable (`fdatasync`).
    ///
    /// # Errors
    /// After an error nothing may be assumed about any byte since the last good call, and calling
    /// again proves nothing.
    fn sync_data(&self) -> io::Result<()>;

    /// Extends the file to `bytes` with space that is really there (`fallocate`); reads as zeros.
    ///
    /// # Errors
    /// `StorageFull` when the disk has no room.
    fn reserve(&self, bytes: u64) -> io::Result<()>;

    /// Cuts or extends the file.
    ///
    /// # Errors
    /// Whatever the disk reports.
    fn set_len(&self, bytes: u64) -> io::Result<()>;

    /// Length of the file in bytes.
    ///
    /// # Errors
    /// Whatever the disk reports.
    fn bytes(&self) -> io::Result<u64>;
}

/// A disk. Names become durable by [`Storage::sync_dir`] of their directory and by nothing else.
pub trait Storage: Send + Sync + Debug {
    /// Creates a file that must not exist, open for reading and writing.
    ///
    /// # Errors
    /// `AlreadyExists`, or whatever the disk reports.
    fn create(&self, path: &Path) -> io::Result<Box<dyn File>>;

    /// Opens an existing file for reading and writing.
    ///
    /// # Errors
    /// `NotFound`, or whatever the disk reports.
    fn open(&self, path: &Path) -> io::Result<Box<dyn File>>;

    /// Opens an existing file for reading.
    ///
    /// # Errors
    /// `NotFound`, or whatever the disk reports.
    fn open_read(&self, path: &Path) -> io::Result<Box<dyn File>>;

    /// Replaces `to` by `from` in one step; both are in the same directory.
    ///
    /// # Errors
    /// Whatever the disk reports.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a file.
    ///
    /// # Errors
    /// `NotFound`, or whatever the disk reports.
    fn unlink(&self, path: &Path) -> io::Result<()>;

    /// Creates one directory; its parent exists.
    ///
    /// # Errors
    /// `AlreadyExists`, or whatever the disk reports.
    fn create_dir(&self, path: &Path) -> io::Result<()>;

    /// True when the path is a directory.
    fn is_dir(&self, path: &Path) -> bool;

    /// Everything in a directory, sorted by name.
    ///
    /// # Errors
    /// `NotFound`, or whatever the disk reports.
    fn list(&self, path: &Path) -> io::Result<Vec<DirEntry>>;

    /// Makes creations, renames and removals in this directory durable.
    ///
    /// # Errors
    /// Whatever the disk reports.
    fn sync_dir(&self, path: &Path) -> io::Result<()>;

    /// Takes an exclusive lock on a file, creating it when missing.
    ///
    /// # Errors
    /// `WouldBlock` when somebody else holds it.
    fn lock(&self, path: &Path) -> io::Result<Box<dyn StorageLock>>;

    /// Bytes that can still be written on the disk of `path`.
    ///
    /// # Errors
    /// Whatever the disk reports.
    fn free_bytes(&self, path: &Path) -> io::Result<u64>;
}

/// Reads until the buffer is full or the file ends; returns the bytes read.
pub(crate) fn read_full(file: &dyn File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    let mut done = 0;
    while done < buffer.len() {
        let count = file.read_at(&mut buffer[done..], offset + done as u64)?;
        if count == 0 {
            break;
        }
        done += count;
    }
    Ok(done)
}

/// Writes everything, calling as often as needed. For files that nobody was promised yet.
pub(crate) fn write_full(file: &dyn File, bytes: &[u8], offset: u64) -> io::Result<()> {
    let mut done = 0;
    while done < bytes.len() {
        let count = file.write_at(&bytes[done..], offset + done as u64)?;
        if count == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        done += count;
    }
    Ok(())
}

/// Overwrites a range with zeros.
pub(crate) fn zero_fill(file: &dyn File, from: u64, to: u64) -> io::Result<()> {
    let span = usize::try_from(to.saturating_sub(from)).unwrap_or(usize::MAX);
    let zeros = vec![0; span.min(FILL_CHUNK_BYTES)];
    let mut offset = from;
    while offset < to {
        let rest = usize::try_from(to - offset).unwrap_or(usize::MAX).min(zeros.len());
        write_full(file, &zeros[..rest], offset)?;
        offset += rest as u64;
    }
    Ok(())
}

/// Creates a directory with all missing ancestors and makes the whole chain of names durable.
///
/// Ancestors that exist are synced as well: they may be the work of an attempt that ended between
/// creating and syncing. One that we may not even open is somebody else's and was there before.
pub(crate) fn ensure_dir(storage: &dyn Storage, path: &Path) -> io::Result<()> {
    let Some(parent) = path.parent() else { return Ok(()) };
    if parent.as_os_str().is_empty() {
        return ensure_child_dir(storage, path, Path::new("."));
    }
    ensure_dir(storage, parent)?;
    ensure_child_dir(storage, path, parent)
}

/// As [`ensure_dir`] for a directory whose parent is there and durable.
pub(crate) fn ensure_child_dir(
    storage: &dyn Storage,
    path: &Path,
    parent: &Path,
) -> io::Result<()> {
    let existed = storage.is_dir(path);
    if !existed {
        match storage.create_dir(path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
    }
    match storage.sync_dir(parent) {
        Err(error) if existed && error.kind() == io::ErrorKind::PermissionDenied => Ok(()),
        other => other,
    }
}

/// Replaces a small file so that after a crash either the old or the new content is there.
pub(crate) fn replace_file(storage: &dyn Storage, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let temporary = path.with_extension("tmp");
    match storage.unlink(&temporary) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let file = storage.create(&temporary)?;
    write_full(&*file, bytes, 0)?;
    file.sync_data()?;
    storage.rename(&temporary, path)?;
    storage.sync_dir(path.parent().unwrap_or_else(|| Path::new(".")))
}

/// The whole content of a small file, `None` when there is no such file.
pub(crate) fn read_small(
    storage: &dyn Storage,
    path: &Path,
    bytes_max: usize,
) -> io::Result<Option<Vec<u8>>> {
    let file = match storage.open_read(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut buffer = vec![0; bytes_max];
    let count = read_full(&*file, &mut buffer, 0)?;
    buffer.truncate(count);
    Ok(Some(buffer))
}

/// True for errors that mean "no room", which is answered differently from a broken disk.
pub(crate) fn is_no_space(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge
    )
}
