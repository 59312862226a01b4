//! The world: one `gamma up` on a directory of its own, to be killed, restarted and asked.

use std::fs;
use std::ops::Deref;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::process::ExitStatus;

use tempfile::TempDir;

use crate::process::Process;
use crate::program;
use crate::site::Addresses;
use crate::site::Site;
use crate::time;

/// What a visitor's browser calls itself. Curl's own name counts as a bot.
pub const BROWSER: &str = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) \
                           Chrome/141.0.0.0 Safari/537.36";

/// A running (or just killed) `gamma up`. What can be said to it stands at [`Site`].
#[derive(Debug)]
pub struct World {
    // Before the directory: the program ends before its files go.
    process: Process,
    arguments: Vec<&'static str>,
    variables: Vec<(String, String)>,
    site: Site,
    directory: TempDir,
}

impl Deref for World {
    type Target = Site;

    fn deref(&self) -> &Site {
        &self.site
    }
}

impl World {
    /// A fresh installation, ready to be spoken to.
    #[must_use]
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// A fresh installation with these variables in its environment, also after a restart.
    #[must_use]
    pub fn start_with(variables: &[(&str, &str)]) -> Self {
        Self::start_as(&["up"], variables)
    }

    /// A fresh installation with one of everything in it.
    #[must_use]
    pub fn start_demo() -> Self {
        Self::start_as(&["up", "--demo"], &[])
    }

    /// An installation whose data directory, [`DATA`] below `directory`, is there already.
    #[must_use]
    pub fn start_on(directory: TempDir) -> Self {
        Self::start_in(directory, &["up"], &[])
    }

    fn start_as(arguments: &[&'static str], variables: &[(&str, &str)]) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory can be made");
        Self::start_in(directory, arguments, variables)
    }

    fn start_in(
        directory: TempDir,
        arguments: &[&'static str],
        variables: &[(&str, &str)],
    ) -> Self {
        fs::write(directory.path().join("gamma.toml"), CONFIG).expect("the config can be written");
        let variables =
            variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let data_dir = directory.path().join(DATA);
        let mut world = Self {
            process: Process::new("gamma", &directory.path().join("gamma.log")),
            arguments: arguments.to_vec(),
            variables: variables.collect(),
            site: Site {
                addresses: Addresses::nowhere(),
                admin_key: String::new(),
                directory: directory.path().to_owned(),
                place: vec!["--data-dir".into(), data_dir.into()],
            },
            directory,
        };
        world.restart();
        world
    }

    /// Starts the program again on the same directory and waits until it answers.
    pub fn restart(&mut self) {
        let published = self.data_dir().join("addresses.json");
        let _ = fs::remove_file(&published);
        let mut command = self.command();
        self.process.start(&mut command);
        self.site.addresses = time::eventually("addresses.json", || {
            self.process.must_live();
            serde_json::from_slice(&fs::read(&published).ok()?).ok()
        });
        let key = fs::read_to_string(self.data_dir().join("admin.key"))
            .expect("admin.key is there before the addresses");
        key.trim().clone_into(&mut self.site.admin_key);
    }

    /// The program on this world's directory.
    fn command(&self) -> Command {
        let mut command = Command::new(program::gamma());
        command
            .args(&self.arguments)
            .arg("--config")
            .arg(self.directory.path().join("gamma.toml"))
            .arg("--data-dir")
            .arg(self.data_dir())
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .current_dir(self.directory.path());
        command
    }

    /// What the program has printed so far.
    #[must_use]
    pub fn log(&self) -> String {
        self.process.log()
    }

    /// The data directory.
    #[must_use]
    pub fn data_dir(&self) -> PathBuf {
        self.directory.path().join(DATA)
    }

    /// A place for the notes of a test, outside the data directory.
    #[must_use]
    pub fn scratch(&self) -> &Path {
        self.directory.path()
    }

    /// The process id while it runs.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.process.pid()
    }

    /// SIGKILL: no handler runs, nothing is flushed.
    pub fn kill9(&mut self) {
        self.process.kill9();
    }

    /// SIGTERM, without waiting.
    pub fn terminate(&self) {
        self.process.terminate();
    }

    /// Waits for the end of the process.
    pub fn wait(&mut self) -> ExitStatus {
        self.process.wait()
    }

    /// SIGTERM, a drain, exit code 0.
    pub fn stop(&mut self) {
        self.process.stop();
    }
}

/// The data directory below the world's own.
pub const DATA: &str = "data";

/// Free ports everywhere; the rest is as shipped.
const CONFIG: &str = r#"
[daemon]
listen = "127.0.0.1:0"
admin_listen = "127.0.0.1:0"

[control]
listen = "127.0.0.1:0"
admin_listen = "127.0.0.1:0"
"#;
