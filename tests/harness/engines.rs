//! Real engines: Kafka, Cassandra and PostgreSQL, each a value that a test can crash, freeze and
//! bring back.
//!
//! They are started by the scripts in `tests/engines`, which also fetch what is missing. What
//! `tests/run` has started is taken over where a test does no harm to it ([`Kafka::any`] and the
//! like); a test that does starts one for itself ([`Kafka::own`]), which ends when the value is
//! dropped.

use std::fs;
use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::process::Stdio;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering;
use std::time::Duration;

use rustix::process::Pid;
use rustix::process::Signal;
use tempfile::TempDir;

use crate::program;
use crate::time;

/// What `pg_isready` and the like may take until a crashed server has let go of everything.
const END_WITHIN: Duration = Duration::from_secs(30);

/// An engine that one test has for itself.
#[derive(Debug)]
struct Own {
    name: &'static str,
    home: TempDir,
}

impl Own {
    fn start(name: &'static str, variables: &[(&str, &str)]) -> Self {
        // tests/run looks there when it is interrupted and no value of ours is dropped any more.
        let homes = program::environment("GAMMA_TEST_ENGINES_HOME")
            .map_or_else(std::env::temp_dir, PathBuf::from);
        let home = tempfile::Builder::new().prefix(&format!("{name}-")).tempdir_in(homes);
        let own = Self { name, home: home.expect("a directory for the engine") };
        own.say("start", variables);
        own
    }

    /// Runs the script of this engine on its directory.
    fn say(&self, verb: &str, variables: &[(&str, &str)]) {
        let done = script(self.name)
            .arg(verb)
            .arg(self.home.path())
            .envs(variables.iter().copied())
            .output()
            .expect("bash runs");
        let said = String::from_utf8_lossy(&done.stdout) + String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success(), "{} {verb}: {said}", self.name);
    }

    fn address(&self) -> SocketAddr {
        let text = fs::read_to_string(self.home.path().join("address"));
        text.expect("the engine's address").trim().parse().expect("host:port")
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        // Its files go next, so nothing is worth an orderly end.
        let _ = script(self.name).arg("crash").arg(self.home.path()).output();
    }
}

fn script(name: &str) -> Command {
    Command::new(program::repository().join(format!("tests/engines/{name}.sh")))
}

/// What stands behind an address: an engine of this test, or one of everybody.
#[derive(Debug)]
enum Engine {
    Own(Own),
    Shared(SocketAddr),
}

impl Engine {
    /// The engine that `variable` names, else one for this test.
    fn any(name: &'static str, variable: &str) -> Self {
        let named = program::environment(variable);
        let shared = named.as_deref().map(|text| {
            let address = text.rsplit_once('@').map_or(text, |(_, behind)| behind);
            let address = address.split('/').next().unwrap_or_default();
            address.parse().unwrap_or_else(|error| panicking(variable, &error))
        });
        shared.map_or_else(|| Self::Own(Own::start(name, &[])), Self::Shared)
    }

    fn address(&self) -> SocketAddr {
        match self {
            Self::Own(own) => own.address(),
            Self::Shared(address) => *address,
        }
    }

    #[track_caller]
    fn own(&self) -> &Own {
        match self {
            Self::Own(own) => own,
            Self::Shared(address) => panicking("an engine that others use too", address),
        }
    }
}

#[track_caller]
#[expect(clippy::panic, reason = "this is how a test fails")]
fn panicking<T>(what: &str, why: &dyn std::fmt::Display) -> T {
    panic!("{what}: {why}")
}

/// What can be done to an engine of one's own.
macro_rules! engine {
    ($(#[$doc:meta])* $type:ident, $name:literal, $variable:literal) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub struct $type(Engine);

        impl $type {
            /// One that others may use too: what `tests/run` has started, else one of our own.
            #[must_use]
            pub fn any() -> Self {
                Self(Engine::any($name, $variable))
            }

            /// One that nobody else uses, with these variables for its script.
            #[must_use]
            pub fn own(variables: &[(&str, &str)]) -> Self {
                Self(Engine::Own(Own::start($name, variables)))
            }

            /// Where it answers; the same after a crash.
            #[must_use]
            pub fn address(&self) -> SocketAddr {
                self.0.address()
            }

            /// SIGKILL to all of it.
            pub fn crash(&self) {
                self.0.own().say("crash", &[]);
            }

            /// An orderly end.
            pub fn stop(&self) {
                self.0.own().say("stop", &[]);
            }

            /// Starts it again on the same files and the same port.
            pub fn start_again(&self) {
                self.0.own().say("start", &[]);
            }

            /// SIGSTOP: connections stay open and nothing answers.
            pub fn pause(&self) {
                self.0.own().say("pause", &[]);
            }

            /// SIGCONT.
            pub fn resume(&self) {
                self.0.own().say("resume", &[]);
            }
        }
    };
}

engine! {
    /// Apache Kafka, one broker.
    Kafka, "kafka", "GAMMA_TEST_KAFKA"
}

engine! {
    /// Apache Cassandra, one node, in the place of ScyllaDB.
    Cassandra, "cassandra", "GAMMA_TEST_CASSANDRA"
}

engine! {
    /// PostgreSQL.
    Postgres, "postgres", "GAMMA_TEST_POSTGRES"
}

impl Kafka {
    /// Runs one of Kafka's own programs against this broker to its end: what it printed.
    ///
    /// `arguments` begin with the class of the program.
    #[must_use]
    pub fn tool(&self, arguments: &[&str]) -> String {
        let output = script("kafka")
            .arg("tool")
            .args(arguments)
            .args(["--bootstrap-server", &self.address().to_string()])
            .output()
            .expect("bash runs");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {said}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// The values of the first `count` messages of `topic`, by Kafka's own console consumer.
    #[must_use]
    pub fn console_consumer(&self, topic: &str, count: usize) -> Vec<String> {
        let count = count.to_string();
        let class = "org.apache.kafka.tools.consumer.ConsoleConsumer";
        let arguments = [class, "--topic", topic, "--from-beginning", "--max-messages", &count];
        let waiting = ["--timeout-ms", "30000"];
        let printed = self.tool(&[&arguments[..], &waiting[..]].concat());
        printed.lines().map(str::to_owned).collect()
    }

    /// Sends each of `values` as a message, with Kafka's own console producer.
    pub fn produce(&self, topic: &str, values: &[&str]) {
        let address = self.address().to_string();
        let mut producer = script("kafka")
            .args(["tool", "org.apache.kafka.tools.ConsoleProducer", "--topic", topic])
            .args(["--bootstrap-server", &address])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .expect("bash runs");
        let mut lines = producer.stdin.take().expect("a pipe");
        lines.write_all((values.join("\n") + "\n").as_bytes()).expect("lines");
        drop(lines);
        assert!(producer.wait().expect("an end").success(), "the console producer failed");
    }

    /// Makes a topic; nobody else does it for a test.
    pub fn create_topic(&self, topic: &str, partitions: u32) {
        let partitions = partitions.to_string();
        let class = "org.apache.kafka.tools.TopicCommand";
        let _ = self.tool(&[class, "--create", "--topic", topic, "--partitions", &partitions]);
    }

    /// Deletes a topic with everything in it.
    pub fn delete_topic(&self, topic: &str) {
        let class = "org.apache.kafka.tools.TopicCommand";
        let _ = self.tool(&[class, "--delete", "--topic", topic]);
    }
}

impl Cassandra {
    /// Runs one CQL statement through a client that is not ours, and returns each row as a line of
    /// JSON. The client is the one for Python, a package of Debian.
    #[must_use]
    pub fn cql(&self, statement: &str) -> Vec<String> {
        let address = self.address();
        let output = Command::new("/usr/bin/python3")
            .arg(program::repository().join("tests/engines/cql.py"))
            .arg(address.ip().to_string())
            .arg(address.port().to_string())
            .arg(statement)
            .output()
            .expect("python3 runs");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{statement}: {said}");
        String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect()
    }
}

impl Postgres {
    /// A database that no other test has: its address as a URL.
    #[must_use]
    pub fn database(&self, name: &str) -> String {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let name = format!("{name}_{}_{number}", std::process::id());
        let _ = self.psql("postgres", &format!("CREATE DATABASE {name}"));
        self.url(&name)
    }

    /// The URL of a database of this server.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        format!("postgres://postgres@{}/{database}", self.address())
    }

    /// Runs one statement through psql: rows as lines, columns divided by `|`.
    #[must_use]
    pub fn psql(&self, database: &str, statement: &str) -> Vec<String> {
        let url = self.url(database);
        let arguments = ["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", statement, &url];
        let output = Command::new("psql").args(arguments).output().expect("psql runs");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{statement}: {said}");
        String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect()
    }

    /// `immediate shutdown`: every connection is cut, nothing is flushed, the log is replayed at
    /// the next start.
    pub fn shut_down_immediately(&self) {
        let home = self.0.own().home.path();
        let pid = read_pid(&home.join("data/postmaster.pid")).expect("the server runs");
        rustix::process::kill_process(pid, Signal::QUIT).expect("a signal can be sent");
        time::within(END_WITHIN, "the end of the server", || {
            read_pid(&home.join("data/postmaster.pid")).is_none().then_some(())
        });
    }
}

fn read_pid(file: &Path) -> Option<Pid> {
    let text = fs::read_to_string(file).ok()?;
    text.lines().next()?.trim().parse().ok().and_then(Pid::from_raw)
}
