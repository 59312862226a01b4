//! The world: one `gamma up` on a directory of its own, to be killed, restarted and asked.

use std::fs;
use std::fs::File;
use std::net::SocketAddr;
use std::path::Path;
use std::path::PathBuf;
use std::process::Child;
use std::process::Command;
use std::process::ExitStatus;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::Pid;
use rustix::process::Signal;
use serde::Deserialize;
use tempfile::TempDir;

use crate::http;
use crate::http::Request;
use crate::http::Response;
use crate::program;
use crate::time;

/// What a visitor's browser calls itself. Curl's own name counts as a bot.
pub const BROWSER: &str = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) \
                           Chrome/141.0.0.0 Safari/537.36";

/// A drain takes at most this long, promised deadline included.
const STOP_WITHIN: Duration = Duration::from_mins(1);

/// Where the four listeners ended up.
#[derive(Debug, Clone, Copy, Deserialize)]
pub struct Addresses {
    /// Redirects and ingestion.
    pub daemon: SocketAddr,
    /// Health and metrics of the daemon.
    pub daemon_admin: SocketAddr,
    /// API and console.
    pub control: SocketAddr,
    /// Health and metrics of the control plane.
    pub control_admin: SocketAddr,
}

/// A running (or just killed) `gamma up`.
#[derive(Debug)]
pub struct World {
    directory: TempDir,
    arguments: Vec<&'static str>,
    variables: Vec<(String, String)>,
    process: Option<Child>,
    addresses: Addresses,
    admin_key: String,
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

    fn start_as(arguments: &[&'static str], variables: &[(&str, &str)]) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory can be made");
        fs::write(directory.path().join("gamma.toml"), CONFIG).expect("the config can be written");
        let variables =
            variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let nowhere = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut world = Self {
            directory,
            arguments: arguments.to_vec(),
            variables: variables.collect(),
            process: None,
            addresses: Addresses {
                daemon: nowhere,
                daemon_admin: nowhere,
                control: nowhere,
                control_admin: nowhere,
            },
            admin_key: String::new(),
        };
        world.restart();
        world
    }

    /// Starts the program again on the same directory and waits until it answers.
    pub fn restart(&mut self) {
        assert!(self.process.is_none(), "still running");
        let published = self.data_dir().join("addresses.json");
        let _ = fs::remove_file(&published);
        self.process = Some(self.command().spawn().expect("gamma can be started"));
        self.addresses = time::eventually("addresses.json", || {
            self.must_live();
            serde_json::from_slice(&fs::read(&published).ok()?).ok()
        });
        let key = fs::read_to_string(self.data_dir().join("admin.key"))
            .expect("admin.key is there before the addresses");
        key.trim().clone_into(&mut self.admin_key);
    }

    /// The program on this world's directory, with its output in the world's log.
    fn command(&self) -> Command {
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.log_path())
            .expect("the log can be opened");
        let mut command = Command::new(program::gamma());
        command
            .args(&self.arguments)
            .arg("--config")
            .arg(self.directory.path().join("gamma.toml"))
            .arg("--data-dir")
            .arg(self.data_dir())
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .current_dir(self.directory.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a descriptor can be doubled"))
            .stderr(log);
        command
    }

    /// Runs another sub-command on this world's directory to its end: exit code and output.
    #[must_use]
    pub fn run(&self, arguments: &[&str]) -> (Option<i32>, String) {
        let output = Command::new(program::gamma())
            .args(arguments)
            .arg("--data-dir")
            .arg(self.data_dir())
            .current_dir(self.directory.path())
            .stdin(Stdio::null())
            .output()
            .expect("gamma can be started");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        (output.status.code(), text)
    }

    fn must_live(&mut self) {
        let ended = self.process.as_mut().and_then(|child| child.try_wait().ok().flatten());
        assert!(ended.is_none(), "gamma ended with {ended:?}:\n{}", self.log());
    }

    /// What the program has printed so far.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(self.log_path()).unwrap_or_default()
    }

    fn log_path(&self) -> PathBuf {
        self.directory.path().join("gamma.log")
    }

    /// The data directory.
    #[must_use]
    pub fn data_dir(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    /// A place for the notes of a test, outside the data directory.
    #[must_use]
    pub fn scratch(&self) -> &Path {
        self.directory.path()
    }

    /// The key in `admin.key`.
    #[must_use]
    pub fn admin_key(&self) -> &str {
        &self.admin_key
    }

    /// Where the listeners are.
    #[must_use]
    pub fn addresses(&self) -> Addresses {
        self.addresses
    }

    /// The process id while it runs.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.process.as_ref().map(Child::id)
    }

    /// SIGKILL: no handler runs, nothing is flushed.
    pub fn kill9(&mut self) {
        let mut child = self.process.take().expect("it runs");
        child.kill().expect("it can be killed");
        let _ = child.wait();
    }

    /// SIGTERM, without waiting.
    pub fn terminate(&self) {
        let child = self.process.as_ref().expect("it runs");
        let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw).expect("a process id");
        rustix::process::kill_process(pid, Signal::TERM).expect("a signal can be sent");
    }

    /// Waits for the end of the process.
    pub fn wait(&mut self) -> ExitStatus {
        let mut child = self.process.take().expect("it runs");
        time::within(STOP_WITHIN, "the end of gamma", || child.try_wait().ok().flatten())
    }

    /// SIGTERM, a drain, exit code 0.
    pub fn stop(&mut self) {
        self.terminate();
        let status = self.wait();
        assert!(status.success(), "SIGTERM ended with {status}:\n{}", self.log());
    }

    /// Sends `request` to the daemon's public listener.
    #[track_caller]
    pub fn daemon(&self, request: &Request<'_>) -> Response {
        http::send(self.addresses.daemon, request).expect("the daemon answers")
    }

    /// Sends `request` to the control plane as it is.
    #[track_caller]
    pub fn control(&self, request: &Request<'_>) -> Response {
        http::send(self.addresses.control, request).expect("the control plane answers")
    }

    /// The metrics of both programs, as text.
    #[must_use]
    pub fn metrics(&self) -> String {
        let request = Request { method: "GET", target: "/metrics", headers: &[], body: &[] };
        [self.addresses.daemon_admin, self.addresses.control_admin]
            .map(|admin| http::send(admin, &request).expect("metrics answer").text())
            .concat()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if let Some(child) = &mut self.process {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Free ports everywhere; the rest is as shipped.
const CONFIG: &str = r#"
[daemon]
listen = "127.0.0.1:0"
admin_listen = "127.0.0.1:0"

[control]
listen = "127.0.0.1:0"
admin_listen = "127.0.0.1:0"
"#;
