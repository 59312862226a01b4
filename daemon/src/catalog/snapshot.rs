//! The last good copy of the catalog, so that a daemon serves with no control plane.
//!
//! One file: magic, position, count, then each object as a length and its wire bytes, then a BLAKE3
//! hash of all before it. Written beside the old one and renamed over it, so there is always a
//! whole one. What does not check is set aside, never deleted, and the log is read from its
//! beginning.

use std::fs::File;
use std::io;
use std::io::BufWriter;
use std::io::Read;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::path::PathBuf;

use model::catalog::CatalogEntry;
use model::catalog::CatalogObject;
use model::wire;

const MAGIC: [u8; 8] = *b"GAMCAT\x00\x01";
const HASH_BYTES: usize = 32;
/// Longest object, in bytes; a longer length is damage.
const OBJECT_BYTES_MAX: usize = 1 << 20;

/// Why a saved catalog is not used.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    #[error("saved catalog cannot be read or written")]
    Io(#[from] io::Error),
    /// It was set aside.
    #[error("saved catalog is damaged")]
    Damaged,
}

/// A writer that hashes what passes.
struct Hashed<W> {
    inner: W,
    hasher: blake3::Hasher,
}

impl<W: Write> Write for Hashed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.hasher.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// Saves the catalog as it is at `position`. The file holds keys, so nobody else may read it.
///
/// # Errors
/// The old file stays as it was.
pub fn save(
    path: &Path,
    position: u64,
    objects: impl Iterator<Item = CatalogObject>,
) -> io::Result<()> {
    let folder = path.parent().unwrap_or_else(|| Path::new("."));
    std::fs::create_dir_all(folder)?;
    let temporary = path.with_extension("new");
    let file = std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&temporary)?;
    let mut out = Hashed { inner: BufWriter::new(file), hasher: blake3::Hasher::new() };
    out.write_all(&MAGIC)?;
    out.write_all(&position.to_le_bytes())?;
    for object in objects {
        let bytes = wire::encode_catalog(&CatalogEntry::Put(object));
        let length = u32::try_from(bytes.len()).map_err(io::Error::other)?;
        out.write_all(&length.to_le_bytes())?;
        out.write_all(&bytes)?;
    }
    // A length of zero ends the objects.
    out.write_all(&0_u32.to_le_bytes())?;
    let hash = out.hasher.finalize();
    let mut file = out.inner;
    file.write_all(hash.as_bytes())?;
    file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
    std::fs::rename(&temporary, path)?;
    File::open(folder)?.sync_all()
}

/// Reads the saved catalog: its position and objects. `None`: there is none.
///
/// # Errors
/// [`SnapshotError::Damaged`] after setting the file aside; the catalog is then read from the log
/// alone.
pub fn load(path: &Path) -> Result<Option<(u64, Vec<CatalogObject>)>, SnapshotError> {
    let mut bytes = Vec::new();
    match File::open(path) {
        Ok(mut file) => file.read_to_end(&mut bytes)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    if let Some(found) = decode(&bytes) {
        return Ok(Some(found));
    }
    std::fs::rename(path, aside(path))?;
    Err(SnapshotError::Damaged)
}

/// Where a damaged file is set aside.
#[must_use]
pub fn aside(path: &Path) -> PathBuf {
    path.with_extension("damaged")
}

fn decode(bytes: &[u8]) -> Option<(u64, Vec<CatalogObject>)> {
    let (body, hash) = bytes.split_at_checked(bytes.len().checked_sub(HASH_BYTES)?)?;
    if blake3::hash(body).as_bytes() != hash {
        return None;
    }
    let (position, mut rest) = body.strip_prefix(&MAGIC)?.split_first_chunk::<8>()?;
    let mut objects = Vec::new();
    loop {
        let (length, after) = rest.split_first_chunk::<4>()?;
        let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
        if length == 0 {
            return after.is_empty().then_some((u64::from_le_bytes(*position), objects));
        }
        let (object, after) = after.split_at_checked(length.min(OBJECT_BYTES_MAX))?;
        match wire::decode_catalog(object).ok()? {
            CatalogEntry::Put(object) => objects.push(object),
            CatalogEntry::Reset | CatalogEntry::Remove(_) | CatalogEntry::Complete => return None,
        }
        rest = after;
    }
}

#[cfg(test)]
mod tests {
    use model::catalog::Domain;
    use model::id::DomainId;
    use model::id::TenantId;

    use super::*;

    fn objects() -> Vec<CatalogObject> {
        let domain = |id| Domain {
            id: DomainId(id),
            tenant: TenantId(1),
            host: format!("{id}.example").into(),
            fallback_url: None,
        };
        (1..=3).map(|id| CatalogObject::Domain(domain(id))).collect()
    }

    #[test]
    fn what_was_saved_is_loaded() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("daemon/catalog.snapshot");
        assert!(load(&path).unwrap().is_none());
        save(&path, 7, objects().into_iter()).unwrap();
        save(&path, 8, objects().into_iter()).unwrap();
        assert_eq!(load(&path).unwrap(), Some((8, objects())));
    }

    #[test]
    fn any_damage_is_found_and_set_aside() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("catalog.snapshot");
        save(&path, 7, objects().into_iter()).unwrap();
        let good = std::fs::read(&path).unwrap();
        let flipped = (0..good.len()).map(|at| {
            let mut bad = good.clone();
            bad[at] ^= 1;
            bad
        });
        let cut = (0..good.len()).map(|at| good[..at].to_vec());
        for bad in flipped.chain(cut) {
            std::fs::write(&path, &bad).unwrap();
            assert!(matches!(load(&path), Err(SnapshotError::Damaged)));
            assert_eq!(std::fs::read(aside(&path)).unwrap(), bad);
            assert!(load(&path).unwrap().is_none());
        }
    }
}
