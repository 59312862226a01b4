//! A buffered view of a file for reading at rising offsets, so that records are parsed from
//! memory and a length from the disk never decides an allocation by itself.

use std::io;

use crate::storage::File;
use crate::storage::read_full;

/// Bytes read at once unless a record needs more; the first read after a rest is short, because a
/// reader that has caught up wants a few records and not a quarter of a megabyte.
const CHUNK_BYTES_MIN: usize = 16 << 10;
const CHUNK_BYTES_MAX: usize = 256 << 10;
/// Zeros are skipped in blocks of this size.
const BLOCK_BYTES: usize = 4096;
static ZEROS: [u8; BLOCK_BYTES] = [0; BLOCK_BYTES];

#[derive(Debug)]
pub(crate) struct Window {
    file: Box<dyn File>,
    start: u64,
    buffer: Vec<u8>,
    chunk_bytes: usize,
}

impl Window {
    pub(crate) fn new(file: Box<dyn File>) -> Self {
        Self { file, start: 0, buffer: Vec::new(), chunk_bytes: CHUNK_BYTES_MIN }
    }

    pub(crate) fn file(&self) -> &dyn File {
        &*self.file
    }

    pub(crate) fn into_file(self) -> Box<dyn File> {
        self.file
    }

    /// Drops what was read, because the writer may have changed it since.
    pub(crate) fn forget(&mut self) {
        self.buffer.clear();
        self.chunk_bytes = CHUNK_BYTES_MIN;
    }

    /// `len` bytes from `offset`, or `None` when the file ends before.
    pub(crate) fn slice(&mut self, offset: u64, len: u64) -> io::Result<Option<&[u8]>> {
        let Ok(len) = usize::try_from(len) else { return Ok(None) };
        if !self.holds(offset, len) {
            self.fill(offset, len)?;
        }
        Ok(self.buffered(offset).and_then(|bytes| bytes.get(..len)))
    }

    /// First multiple of 8 at or after `offset` (itself one) where eight bytes are not all zero.
    pub(crate) fn next_nonzero(&mut self, offset: u64) -> io::Result<Option<u64>> {
        let mut at = offset;
        loop {
            if !self.holds(at, 1) {
                self.fill(at, 1)?;
            }
            let Some(bytes) = self.buffered(at).filter(|bytes| !bytes.is_empty()) else {
                return Ok(None);
            };
            match first_nonzero(bytes) {
                Some(place) => return Ok(Some(at + (place as u64 & !7))),
                None => at += bytes.len() as u64,
            }
        }
    }

    fn holds(&self, offset: u64, len: usize) -> bool {
        self.buffered(offset).is_some_and(|bytes| bytes.len() >= len)
    }

    fn buffered(&self, offset: u64) -> Option<&[u8]> {
        let from = usize::try_from(offset.checked_sub(self.start)?).ok()?;
        self.buffer.get(from..)
    }

    fn fill(&mut self, offset: u64, len: usize) -> io::Result<()> {
        let rest = usize::try_from(self.file.bytes()?.saturating_sub(offset)).unwrap_or(len);
        self.buffer.resize(rest.min(self.chunk_bytes.max(len)), 0);
        self.chunk_bytes = (self.chunk_bytes * 2).min(CHUNK_BYTES_MAX);
        self.start = offset;
        match read_full(&*self.file, &mut self.buffer, offset) {
            Ok(count) => {
                self.buffer.truncate(count);
                Ok(())
            }
            Err(error) => {
                self.buffer.clear();
                Err(error)
            }
        }
    }
}

fn first_nonzero(bytes: &[u8]) -> Option<usize> {
    let mut from = 0;
    for block in bytes.chunks(BLOCK_BYTES) {
        if block != &ZEROS[..block.len()] {
            return block.iter().position(|byte| *byte != 0).map(|place| from + place);
        }
        from += block.len();
    }
    None
}
