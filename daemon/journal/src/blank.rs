//! Files that wait to become a segment.
//!
//! # Why they are filled
//!
//! A file that grows, or whose blocks are merely reserved, changes metadata with its first writes
//! and syncs slower; one that was filled with zeros beforehand only writes data. Filling takes
//! long, so a helper does it while the previous segment is written. The helper never renames and
//! never syncs a directory: both belong to the writer alone, because a directory sync by somebody
//! else would make a pending removal durable too early.

use std::io;
use std::path::PathBuf;

use crate::storage::File;
use crate::storage::zero_fill;
use crate::writer::LaneContext;

#[derive(Debug)]
pub(crate) struct Blank {
    pub(crate) path: PathBuf,
    pub(crate) file: Box<dyn File>,
    pub(crate) bytes: u64,
}

/// How much of the work is done beforehand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fill {
    /// Space is there; reads as zeros.
    Reserved,
    /// Space is there and was written.
    Zeros,
}

/// Bytes filled between two syncs: one sync of a whole segment would hold up those of the lane.
const FILL_STEP_BYTES: u64 = 4 << 20;

/// Creates a file of this name and length in the lane's directory, synced, its name not.
///
/// # Errors
/// `StorageFull` when there is no room, or whatever the disk reports; the file is gone then.
pub(crate) fn make_blank(
    context: &LaneContext,
    name: &str,
    bytes: u64,
    how: Fill,
) -> io::Result<Blank> {
    let path = context.dir.join(name);
    match context.storage.unlink(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let file = context.storage.create(&path)?;
    let filled = file.reserve(bytes).and_then(|()| match how {
        Fill::Reserved => Ok(()),
        Fill::Zeros => fill(context, &*file, bytes),
    });
    match filled.and_then(|()| context.sync_file(&*file)) {
        Ok(()) => Ok(Blank { path, file, bytes }),
        Err(error) => {
            let _ = context.storage.unlink(&path);
            Err(error)
        }
    }
}

fn fill(context: &LaneContext, file: &dyn File, bytes: u64) -> io::Result<()> {
    let mut from = 0;
    while from < bytes {
        let to = bytes.min(from + FILL_STEP_BYTES);
        zero_fill(file, from, to)?;
        context.sync_file(file)?;
        from = to;
    }
    Ok(())
}
