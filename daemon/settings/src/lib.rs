#![doc = include_str!("../README.md")]

use std::path::Path;
use std::path::PathBuf;

use serde::de::DeserializeOwned;
use toml::Table;
use toml::Value;

/// What variables of ours begin with; sections and keys follow, parted by two underscores.
const VARIABLE_PREFIX: &str = "GAMMA__";

/// A key with this ending names the file that holds the value.
const FILE_SUFFIX: &str = "_file";

/// Longest configuration or secret file that is read, in bytes.
const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// Why a configuration is refused. Every text names the file or variable, the key and the reason.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The file, or the file of a secret, cannot be read.
    #[error("{path}: {reason}")]
    File {
        /// Which file.
        path: PathBuf,
        /// What the system or the parser said.
        reason: String,
    },
    /// A key has a value that its room refuses, or nobody knows the key.
    #[error("{origin}: {key}: {reason}")]
    Key {
        /// File or environment.
        origin: String,
        /// `section.key`.
        key: String,
        /// Why.
        reason: String,
    },
}

/// The merged table, section by section.
#[derive(Debug, Clone)]
pub struct Layers {
    origin: String,
    table: Table,
}

impl Layers {
    /// Merges a file, if one is named, and the variables of the environment that begin with
    /// `GAMMA__`.
    ///
    /// A variable's value is read as TOML where it is TOML (`8080`, `true`, `["a"]`) and as text
    /// otherwise.
    ///
    /// # Errors
    /// [`SettingsError::File`] with line and column for a file that is not TOML.
    pub fn read(
        file: Option<&Path>,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, SettingsError> {
        let mut layers = match file {
            None => Self { origin: "environment".to_owned(), table: Table::new() },
            Some(path) => {
                let text = read_small(path)?;
                let table = text.parse().map_err(|error: toml::de::Error| {
                    file_error(path, error.to_string().trim_end())
                })?;
                Self { origin: path.display().to_string(), table }
            }
        };
        for (name, text) in environment {
            if let Some(path) = name.strip_prefix(VARIABLE_PREFIX) {
                let key = path.to_ascii_lowercase().replace("__", ".");
                layers.set(&key, read_value(text))?;
            }
        }
        Ok(layers)
    }

    /// Lays one value over whatever the layers below say, in either form: a value given here beats
    /// a file with that value given below, and the other way round. `key` is `section.key`.
    ///
    /// # Errors
    /// [`SettingsError::Key`] when `key` leads through something that is not a section.
    pub fn set(&mut self, key: &str, value: impl Into<Value>) -> Result<(), SettingsError> {
        let mut place = &mut self.table;
        let mut parts = key.split('.').peekable();
        while let Some(part) = parts.next() {
            if parts.peek().is_none() {
                place.remove(&other_form(part));
                place.insert(part.to_owned(), value.into());
                return Ok(());
            }
            let section = place.entry(part).or_insert_with(|| Value::Table(Table::new()));
            place = section.as_table_mut().ok_or_else(|| SettingsError::Key {
                origin: self.origin.clone(),
                key: key.to_owned(),
                reason: format!("{part} is not a section"),
            })?;
        }
        Ok(())
    }

    /// Removes one section and reads it as `T`; an absent one reads as `T`'s defaults. For each of
    /// `secrets`, a key `<secret>_file` stands for the first line of that file.
    ///
    /// # Errors
    /// [`SettingsError::Key`] for unknown keys and refused values, [`SettingsError::File`] for
    /// secrets.
    pub fn take<T: DeserializeOwned>(
        &mut self,
        section: &str,
        secrets: &[&str],
    ) -> Result<T, SettingsError> {
        let value = self.table.remove(section).unwrap_or_else(|| Value::Table(Table::new()));
        let Value::Table(mut table) = value else {
            return Err(self.refused(section, "is a section, not a value"));
        };
        for secret in secrets {
            self.read_secret(section, secret, &mut table)?;
        }
        parse(&table).map_err(|reason| {
            let key = bad_key::<T>(&table, &reason);
            let key = key.map_or_else(|| section.to_owned(), |key| format!("{section}.{key}"));
            self.refused(&key, &reason)
        })
    }

    /// Refuses by name every section that nobody took.
    ///
    /// # Errors
    /// [`SettingsError::Key`] for the first of them.
    pub fn finish(self) -> Result<(), SettingsError> {
        match self.table.keys().next() {
            Some(section) => Err(self.refused(section, "is not a section of this program")),
            None => Ok(()),
        }
    }

    /// A refusal that names where this configuration came from.
    #[must_use]
    pub fn refused(&self, key: &str, reason: &str) -> SettingsError {
        SettingsError::Key {
            origin: self.origin.clone(),
            key: key.to_owned(),
            reason: reason.to_owned(),
        }
    }

    fn read_secret(
        &self,
        section: &str,
        secret: &str,
        table: &mut Table,
    ) -> Result<(), SettingsError> {
        let file_key = format!("{secret}{FILE_SUFFIX}");
        let Some(value) = table.remove(&file_key) else { return Ok(()) };
        let Value::String(path) = value else {
            return Err(self.refused(&format!("{section}.{file_key}"), "is a path in quotes"));
        };
        let text = read_small(Path::new(&path))?;
        let line = text.lines().next().unwrap_or_default().to_owned();
        table.insert(secret.to_owned(), Value::String(line));
        Ok(())
    }
}

/// How else a value can be given: in a file of its own, or as it is.
fn other_form(key: &str) -> String {
    key.strip_suffix(FILE_SUFFIX).map_or_else(|| format!("{key}{FILE_SUFFIX}"), str::to_owned)
}

fn parse<T: DeserializeOwned>(table: &Table) -> Result<T, String> {
    Value::Table(table.clone()).try_into().map_err(|error: toml::de::Error| error.message().into())
}

/// The key that a refusal is about. The parser says what is wrong, not always where: the culprit
/// is the key without which this refusal goes away.
fn bad_key<T: DeserializeOwned>(table: &Table, reason: &str) -> Option<String> {
    let is_about = |key: &&String| {
        let mut rest = table.clone();
        rest.remove(*key);
        match parse::<T>(&rest) {
            Ok(_) => true,
            // A key that must be there was taken away; that says nothing about its value.
            Err(other) => other != reason && !other.starts_with("missing field"),
        }
    };
    if let Some(key) = table.keys().find(is_about) {
        return Some(key.clone());
    }
    // Several keys refused in the same words: the last of them is the one that ends it.
    let mut rest = table.clone();
    table.keys().find_map(|key| {
        rest.remove(key);
        parse::<T>(&rest).is_ok().then(|| key.clone())
    })
}

fn read_small(path: &Path) -> Result<String, SettingsError> {
    let bytes =
        std::fs::metadata(path).map_err(|error| file_error(path, &error.to_string()))?.len();
    if bytes > FILE_BYTES_MAX {
        return Err(file_error(path, "is larger than 1 MiB"));
    }
    std::fs::read_to_string(path).map_err(|error| file_error(path, &error.to_string()))
}

fn file_error(path: &Path, reason: &str) -> SettingsError {
    SettingsError::File { path: path.to_owned(), reason: reason.to_owned() }
}

fn read_value(text: String) -> Value {
    let document: Option<Table> = format!("value = {text}").parse().ok();
    let value = document.and_then(|mut table| table.remove("value"));
    value.unwrap_or(Value::String(text))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(deny_unknown_fields, default)]
    struct Room {
        listen: String,
        workers: u32,
        token: String,
    }

    impl Default for Room {
        fn default() -> Self {
            Self { listen: "127.0.0.1:1".to_owned(), workers: 2, token: String::new() }
        }
    }

    fn file(text: &str) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        file
    }

    fn variables(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    #[test]
    fn flags_win_over_environment_over_file_over_defaults() {
        let file = file("[room]\nlisten = \"file\"\nworkers = 3\n");
        let environment = variables(&[("GAMMA__ROOM__WORKERS", "4"), ("OTHER", "x")]);
        let mut layers = Layers::read(Some(file.path()), environment).unwrap();
        layers.set("room.token", "flag").unwrap();
        let room: Room = layers.take("room", &[]).unwrap();
        let expected = Room { listen: "file".into(), workers: 4, token: "flag".into() };
        assert_eq!(room, expected);
        layers.finish().unwrap();
    }

    #[test]
    fn nothing_given_means_the_defaults() {
        let mut layers = Layers::read(None, variables(&[])).unwrap();
        assert_eq!(layers.take::<Room>("room", &[]).unwrap(), Room::default());
    }

    #[test]
    fn unknown_keys_and_sections_are_refused_by_name() {
        let mut layers = Layers::read(None, variables(&[("GAMMA__ROOM__LISTN", "x")])).unwrap();
        let error = layers.take::<Room>("room", &[]).unwrap_err().to_string();
        assert!(error.contains("room.listn"), "{error}");
        let layers = Layers::read(None, variables(&[("GAMMA__ROM__LISTEN", "x")])).unwrap();
        let error = layers.finish().unwrap_err().to_string();
        assert!(error.contains("rom"), "{error}");
    }

    #[test]
    fn a_wrong_value_names_file_key_and_reason() {
        let file = file("[room]\nworkers = \"many\"\n");
        let mut layers = Layers::read(Some(file.path()), variables(&[])).unwrap();
        let error = layers.take::<Room>("room", &[]).unwrap_err().to_string();
        assert!(error.contains(&file.path().display().to_string()), "{error}");
        assert!(error.contains("invalid type"), "{error}");
    }

    #[test]
    fn a_wrong_value_names_its_key_among_others() {
        for (text, key) in [
            ("listen = \"x\"\nworkers = \"many\"\n", "room.workers"),
            ("listen = \"x\"\nworkers = 4294967296\n", "room.workers"),
            ("listen = \"x\"\nworkers = -1\n", "room.workers"),
            ("workers = 3\ntoken = 7\n", "room.token"),
            ("listen = 1\ntoken = 1\n", "room."),
            ("listen = \"x\"\nworkrs = 1\n", "room.workrs"),
        ] {
            let file = file(&format!("[room]\n{text}"));
            let mut layers = Layers::read(Some(file.path()), variables(&[])).unwrap();
            let error = layers.take::<Room>("room", &[]).unwrap_err().to_string();
            assert!(error.contains(&format!(": {key}")), "{error}");
        }
    }

    #[test]
    fn a_secret_can_stand_in_a_file_of_its_own() {
        let secret = file("s3cret\n");
        let path = secret.path().display().to_string();
        let environment = variables(&[("GAMMA__ROOM__TOKEN_FILE", &path)]);
        let mut layers = Layers::read(None, environment).unwrap();
        assert_eq!(layers.take::<Room>("room", &["token"]).unwrap().token, "s3cret");
    }

    #[test]
    fn a_secret_from_the_environment_wins_over_one_in_a_file_below() {
        let below = file("[room]\ntoken_file = \"/nowhere\"\n");
        let environment = variables(&[("GAMMA__ROOM__TOKEN", "s3cret")]);
        let mut layers = Layers::read(Some(below.path()), environment).unwrap();
        assert_eq!(layers.take::<Room>("room", &["token"]).unwrap().token, "s3cret");

        let (below, secret) = (file("[room]\ntoken = \"old\"\n"), file("new\n"));
        let path = secret.path().display().to_string();
        let environment = variables(&[("GAMMA__ROOM__TOKEN_FILE", &path)]);
        let mut layers = Layers::read(Some(below.path()), environment).unwrap();
        assert_eq!(layers.take::<Room>("room", &["token"]).unwrap().token, "new");
    }

    #[test]
    fn a_broken_file_says_where() {
        let file = file("[room\n");
        let error = Layers::read(Some(file.path()), variables(&[])).unwrap_err().to_string();
        assert!(error.contains("line 1"), "{error}");
    }
}
