//! One program under test as a process: started, killed, frozen, drained, and gone when it is
//! dropped.

use std::fs;
use std::fs::File;
use std::path::Path;
use std::path::PathBuf;
use std::process::Child;
use std::process::Command;
use std::process::ExitStatus;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::Pid;
use rustix::process::Signal;

use crate::time;

/// A drain takes at most this long, promised deadline included.
const STOP_WITHIN: Duration = Duration::from_mins(1);

/// A program that runs, or that has just been ended and can be started again.
#[derive(Debug)]
pub struct Process {
    name: String,
    log: PathBuf,
    child: Option<Child>,
}

impl Process {
    /// A program that does not run yet. What it prints is added to the file `log`.
    #[must_use]
    pub fn new(name: &str, log: &Path) -> Self {
        Self { name: name.to_owned(), log: log.to_owned(), child: None }
    }

    /// Starts it.
    pub fn start(&mut self, command: &mut Command) {
        assert!(self.child.is_none(), "{} still runs", self.name);
        let log = File::options().create(true).append(true).open(&self.log);
        let log = log.expect("the log can be opened");
        let spawned = command
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a descriptor can be doubled"))
            .stderr(log)
            .spawn();
        self.child = Some(spawned.expect("the program can be started"));
    }

    /// Fails the test with the log when it has ended by itself.
    pub fn must_live(&mut self) {
        let ended = self.child.as_mut().and_then(|child| child.try_wait().ok().flatten());
        assert!(ended.is_none(), "{} ended with {ended:?}:\n{}", self.name, self.log());
    }

    /// Whether it was started and not ended by the test.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.child.is_some()
    }

    /// What it has printed so far, in all its lives.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// The process id while it runs.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// SIGKILL: no handler runs, nothing is flushed.
    pub fn kill9(&mut self) {
        let mut child = self.child.take().expect("it runs");
        child.kill().expect("it can be killed");
        let _ = child.wait();
    }

    /// SIGSTOP: it hangs with everything open.
    pub fn pause(&self) {
        self.signal(Signal::STOP);
    }

    /// SIGCONT.
    pub fn resume(&self) {
        self.signal(Signal::CONT);
    }

    /// SIGTERM, without waiting.
    pub fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    /// Waits for the end of the process.
    pub fn wait(&mut self) -> ExitStatus {
        let mut child = self.child.take().expect("it runs");
        time::within(STOP_WITHIN, "the end of the program", || child.try_wait().ok().flatten())
    }

    /// SIGTERM, a drain, exit code 0.
    pub fn stop(&mut self) {
        self.terminate();
        let status = self.wait();
        assert!(status.success(), "SIGTERM ended with {status}:\n{}", self.log());
    }

    fn signal(&self, signal: Signal) {
        let child = self.child.as_ref().expect("it runs");
        let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw).expect("a process id");
        rustix::process::kill_process(pid, signal).expect("a signal can be sent");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
