//! What a backup says about itself: every file with its checksum, and where each lane stands.
//! Written last, so a directory without one is no backup.

use std::fs;
use std::io;
use std::io::Read;
use std::path::Path;
use std::path::PathBuf;

use anyhow::Context;
use model::clock::Timestamp;
use serde::Deserialize;
use serde::Serialize;
use sha2::Digest;
use sha2::Sha256;

use crate::secret_file;

/// Name of the file.
const FILE: &str = "manifest.json";
/// Raised when an older program could not restore what a newer one wrote.
const FORMAT: u32 = 1;
const CHUNK_BYTES: usize = 1 << 20;

/// One backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Version of this description.
    format: u32,
    /// The program that wrote it.
    gamma: String,
    /// Nothing acknowledged before this instant is missing.
    pub begun_at: String,
    /// Lanes of the journal.
    pub lanes: Vec<LanePlace>,
    /// Every other file, by its path in the backup.
    pub files: Vec<FileSum>,
}

/// Where the copies of one lane and of its consumer stand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LanePlace {
    /// The lane's name.
    pub lane: String,
    /// The oldest record that can be had.
    pub first_seq: u64,
    /// The newest; 0: none.
    pub last_seq: u64,
    /// What the database wants next; absent for a lane that nobody consumes.
    pub next_seq: Option<u64>,
}

/// One file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileSum {
    path: PathBuf,
    bytes: u64,
    sha256: String,
}

impl LanePlace {
    /// Whether the database can go on with this journal.
    ///
    /// # Errors
    /// When records between the two are missing.
    pub fn check(&self) -> anyhow::Result<()> {
        let Some(next) = self.next_seq else { return Ok(()) };
        let (lane, first, last) = (&self.lane, self.first_seq, self.last_seq);
        anyhow::ensure!(
            next <= last + 1,
            "lane {lane}: the database is ahead of the journal: it wants {next}, the copy ends at \
             {last}"
        );
        anyhow::ensure!(
            next >= first || last == 0,
            "lane {lane}: records {next} to {} were trimmed while the copy was made; try again",
            first.saturating_sub(1)
        );
        Ok(())
    }
}

impl Manifest {
    /// Reads every file below `root` and sums it up.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn over(root: &Path, begun_at: Timestamp, lanes: Vec<LanePlace>) -> anyhow::Result<Self> {
        let mut files = Vec::new();
        collect(root, Path::new(""), &mut files).context("cannot read the copy")?;
        files.sort_by(|left, right| left.path.cmp(&right.path));
        let begun_at = jiff::Timestamp::from_microsecond(begun_at.0)?.to_string();
        let gamma = env!("CARGO_PKG_VERSION").to_owned();
        Ok(Self { format: FORMAT, gamma, begun_at, lanes, files })
    }

    /// The manifest of the backup in `root`.
    ///
    /// # Errors
    /// When there is none, or one of a later format.
    pub fn load(root: &Path) -> anyhow::Result<Self> {
        let path = root.join(FILE);
        let text = fs::read_to_string(&path)
            .with_context(|| format!("{} cannot be read: no backup is there", path.display()))?;
        let manifest: Self = serde_json::from_str(&text)
            .with_context(|| format!("{} is no manifest", path.display()))?;
        let format = manifest.format;
        anyhow::ensure!(format <= FORMAT, "the backup has format {format}; a newer gamma reads it");
        Ok(manifest)
    }

    /// Writes it into `root` and makes the names there durable.
    ///
    /// # Errors
    /// What the system says.
    pub fn save(&self, root: &Path) -> io::Result<()> {
        secret_file::write(&root.join(FILE), &serde_json::to_string_pretty(self)?)?;
        sync_directories(root)
    }

    /// What is wrong with the files below `root`, one sentence each.
    ///
    /// # Errors
    /// When they cannot be listed or read.
    pub fn wrong(&self, root: &Path) -> io::Result<Vec<String>> {
        let mut found = Vec::new();
        collect(root, Path::new(""), &mut found)?;
        let mut wrong = Vec::new();
        for file in &self.files {
            match found.iter().find(|other| other.path == file.path) {
                None => wrong.push(format!("{} is missing", file.path.display())),
                Some(other) if other != file => {
                    wrong.push(format!("{} is not what was copied", file.path.display()));
                }
                Some(_) => {}
            }
        }
        for file in &found {
            if !self.files.iter().any(|other| other.path == file.path) {
                wrong.push(format!("{} was added", file.path.display()));
            }
        }
        Ok(wrong)
    }

    /// Bytes of all files.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum()
    }

    /// Paths of all files in the backup.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        self.files.iter().map(|file| file.path.as_path())
    }
}

/// Adds every file below `root`/`inside` but the manifest.
fn collect(root: &Path, inside: &Path, files: &mut Vec<FileSum>) -> io::Result<()> {
    for entry in fs::read_dir(root.join(inside))? {
        let entry = entry?;
        let path = inside.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            collect(root, &path, files)?;
        } else if path != Path::new(FILE) {
            let (bytes, sha256) = sum(&entry.path())?;
            files.push(FileSum { path, bytes, sha256 });
        }
    }
    Ok(())
}

fn sum(path: &Path) -> io::Result<(u64, String)> {
    let mut file = fs::File::open(path)?;
    let mut chunk = vec![0; CHUNK_BYTES];
    let (mut bytes, mut hash) = (0, Sha256::new());
    loop {
        match file.read(&mut chunk)? {
            0 => break,
            count => {
                hash.update(&chunk[..count]);
                bytes += count as u64;
            }
        }
    }
    Ok((bytes, format!("{:x}", hash.finalize())))
}

/// Makes every name below `root` durable, and its own.
pub(crate) fn sync_directories(root: &Path) -> io::Result<()> {
    for entry in fs::read_dir(root)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            sync_directories(&entry.path())?;
        }
    }
    fs::File::open(root)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(first_seq: u64, last_seq: u64, next_seq: Option<u64>) -> LanePlace {
        LanePlace { lane: "inbound".to_owned(), first_seq, last_seq, next_seq }
    }

    #[test]
    fn a_database_goes_on_only_with_a_journal_that_has_what_it_wants() {
        let good =
            [(1, 0, None), (1, 0, Some(1)), (1, 9, Some(1)), (5, 9, Some(5)), (5, 9, Some(10))];
        for (first, last, next) in good {
            place(first, last, next).check().unwrap();
        }
        let ahead = place(5, 9, Some(11)).check().unwrap_err().to_string();
        assert!(ahead.contains("ahead of the journal"), "{ahead}");
        let trimmed = place(5, 9, Some(4)).check().unwrap_err().to_string();
        assert!(trimmed.contains("trimmed"), "{trimmed}");
    }

    #[test]
    fn a_changed_a_missing_and_an_added_file_are_named() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path();
        fs::create_dir(root.join("journal")).unwrap();
        for name in ["gamma.db", "admin.key", "journal/a.seg"] {
            fs::write(root.join(name), name).unwrap();
        }
        let manifest = Manifest::over(root, Timestamp(0), vec![place(1, 3, Some(2))]).unwrap();
        manifest.save(root).unwrap();
        assert_eq!(Manifest::load(root).unwrap(), manifest);
        assert_eq!(manifest.wrong(root).unwrap(), Vec::<String>::new());
        fs::write(root.join("gamma.db"), "gamma.dB").unwrap();
        fs::remove_file(root.join("admin.key")).unwrap();
        fs::write(root.join("journal/b.seg"), "b").unwrap();
        let wrong = manifest.wrong(root).unwrap();
        let expected =
            ["admin.key is missing", "gamma.db is not what was copied", "journal/b.seg was added"];
        assert_eq!(wrong, expected);
    }
}
