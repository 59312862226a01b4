//! The distributed form: daemons and control planes as processes of their own, over a broker, a
//! database and, when asked for, a wide store.
//!
//! Every program has a directory and a configuration file, free ports, and can be killed, frozen
//! and started again. The broker belongs to the world, because topics have fixed names; database
//! and keyspace are made on engines that others may use too.

use std::fmt::Write as _;
use std::fs;
use std::net::SocketAddr;
use std::ops::Deref;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::process::Output;

use serde_json::Value;
use tempfile::TempDir;

use crate::engines::Cassandra;
use crate::engines::Kafka;
use crate::engines::Postgres;
use crate::http;
use crate::http::Request;
use crate::process::Process;
use crate::program;
use crate::proxy::Proxy;
use crate::site::Addresses;
use crate::site::Site;
use crate::time;

/// Partitions of a topic: more than control planes, so that each has some.
const PARTITIONS: u32 = 4;

/// What a world is made of.
#[derive(Debug)]
pub struct Plan {
    /// Daemons.
    pub daemons: usize,
    /// Control planes.
    pub planes: usize,
    /// The broker.
    pub kafka: Kafka,
    /// The database's server.
    pub postgres: Postgres,
    /// The wide store; without one, rows stay in the database.
    pub wide: Option<Cassandra>,
    /// Whether programs reach the database through a proxy that can lose answers.
    pub behind_proxy: bool,
    /// Variables of every program, for safeguards that are switched off.
    pub variables: Vec<(&'static str, String)>,
    /// The daemons' `[journal]`.
    pub journal: &'static str,
}

impl Plan {
    /// So many of each, a broker of their own, and whatever server there is.
    #[must_use]
    pub fn of(daemons: usize, planes: usize) -> Self {
        Self {
            daemons,
            planes,
            kafka: Kafka::own(&[]),
            postgres: Postgres::any(),
            wide: None,
            behind_proxy: false,
            variables: Vec::new(),
            journal: JOURNAL,
        }
    }

    /// With a wide store.
    #[must_use]
    pub fn wide(self, cassandra: Cassandra) -> Self {
        Self { wide: Some(cassandra), ..self }
    }

    /// With a database server of its own, to be crashed.
    #[must_use]
    pub fn own_postgres(self) -> Self {
        Self { postgres: Postgres::own(&[]), ..self }
    }

    /// With journals that fit a very small disk.
    #[must_use]
    pub fn small_journals(self) -> Self {
        Self { journal: SMALL_JOURNAL, ..self }
    }

    /// With a proxy in front of the database.
    #[must_use]
    pub fn behind_proxy(self) -> Self {
        Self { behind_proxy: true, ..self }
    }

    /// With a safeguard switched off.
    #[must_use]
    pub fn without(mut self, safeguard: &str) -> Self {
        self.variables.push(("GAMMA_TEST_MUTATION", safeguard.to_owned()));
        self
    }
}

/// One program with its directory.
#[derive(Debug)]
pub struct Program {
    process: Process,
    binary: &'static Path,
    arguments: Vec<String>,
    variables: Vec<(&'static str, String)>,
    data_dir: PathBuf,
    listen: SocketAddr,
    admin: SocketAddr,
}

impl Program {
    fn new(binary: &'static Path, home: &Path, config: &str) -> Self {
        fs::create_dir_all(home).expect("a directory");
        let file = home.join("config.toml");
        fs::write(&file, config).expect("the config can be written");
        let data_dir = home.join("data");
        let nowhere = SocketAddr::from(([127, 0, 0, 1], 0));
        let text = |path: &Path| path.to_str().expect("a readable path").to_owned();
        let name = home.file_name().map(|name| name.to_string_lossy().into_owned());
        Self {
            process: Process::new(&name.unwrap_or_default(), &home.join("log")),
            binary,
            arguments: vec![
                "--config".to_owned(),
                text(&file),
                "--data-dir".to_owned(),
                text(&data_dir),
            ],
            variables: Vec::new(),
            data_dir,
            listen: nowhere,
            admin: nowhere,
        }
    }

    fn command(&self) -> Command {
        let mut command = Command::new(self.binary);
        if self.is_plane() {
            command.arg("serve");
        }
        command.args(&self.arguments);
        command.envs(self.variables.iter().map(|(name, value)| (*name, value)));
        command
    }

    fn is_plane(&self) -> bool {
        self.binary == program::gamma()
    }

    /// Starts it, for the first time or again, without waiting.
    pub fn launch(&mut self) {
        self.launch_with(&[]);
    }

    /// Starts it with more arguments, without waiting.
    pub fn launch_with(&mut self, arguments: &[&str]) {
        let _ = fs::remove_file(self.data_dir.join("addresses.json"));
        let mut command = self.command();
        command.args(arguments);
        self.process.start(&mut command);
    }

    /// Waits until it says where it listens.
    pub fn ready(&mut self) {
        let published = self.data_dir.join("addresses.json");
        let process = &mut self.process;
        let addresses: Value = time::eventually("addresses.json", || {
            process.must_live();
            serde_json::from_slice(&fs::read(&published).ok()?).ok()
        });
        let (listen, admin) =
            if self.is_plane() { ("control", "control_admin") } else { ("daemon", "daemon_admin") };
        let read = |name: &str| addresses[name].as_str().and_then(|text| text.parse().ok());
        self.listen = read(listen).expect("an address");
        self.admin = read(admin).expect("an address");
    }

    /// Starts it and waits.
    pub fn restart(&mut self) {
        self.launch();
        self.ready();
    }

    /// Where it answers.
    #[must_use]
    pub fn listen(&self) -> SocketAddr {
        self.listen
    }

    /// Whether it was started and not ended by the test.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.process.is_running()
    }

    /// Where its journal and addresses are.
    #[must_use]
    pub fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    /// The process.
    #[must_use]
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// The value of a metric, summed over its labels that contain `label`; 0 when it is not there.
    #[must_use]
    pub fn metric(&self, name: &str, label: &str) -> f64 {
        let request = Request { method: "GET", target: "/metrics", headers: &[], body: &[] };
        let Ok(answer) = http::send(self.admin, &request) else { return 0.0 };
        let text = answer.text();
        let values = text.lines().filter_map(|line| {
            let (series, value) = line.rsplit_once(' ')?;
            let (held, labels) = series.split_once('{').unwrap_or((series, ""));
            (held == name && labels.contains(label)).then(|| value.parse::<f64>().ok())?
        });
        values.sum()
    }
}

/// Daemons and control planes that belong together. What can be said to the first of each stands at
/// [`Site`].
#[derive(Debug)]
pub struct Distributed {
    // Before the engines and the directory: programs end first.
    /// The daemons.
    pub daemons: Vec<Program>,
    /// The control planes.
    pub planes: Vec<Program>,
    /// The broker.
    pub kafka: Kafka,
    /// The database's server.
    pub postgres: Postgres,
    /// The wide store.
    pub wide: Option<Cassandra>,
    /// What loses answers of the database.
    pub proxy: Option<Proxy>,
    /// The database's address.
    pub database: String,
    site: Site,
    home: TempDir,
}

impl Deref for Distributed {
    type Target = Site;

    fn deref(&self) -> &Site {
        &self.site
    }
}

impl Distributed {
    /// Prepares database, topics and keyspace, makes a key, starts everything, waits for it.
    #[must_use]
    pub fn start(plan: Plan) -> Self {
        let home = tempfile::tempdir().expect("a temporary directory can be made");
        let proxy = plan.behind_proxy.then(|| Proxy::start(plan.postgres.address()));
        let mut database = plan.postgres.database("gamma");
        if let Some(proxy) = &proxy {
            let server = plan.postgres.address().to_string();
            database = database.replace(&server, &proxy.address().to_string());
        }
        let common = common_settings(home.path(), &plan, &database);
        let daemon_settings = format!("{DAEMON}{}{common}", plan.journal);
        let program = |binary: &'static Path, kind: &str, number: usize, config: &str| {
            let mut program =
                Program::new(binary, &home.path().join(format!("{kind}-{number}")), config);
            program.variables.clone_from(&plan.variables);
            program
        };
        let daemons = (0..plan.daemons)
            .map(|number| program(program::gammad(), "gammad", number, &daemon_settings));
        let plane_settings = format!("{PLANE}[db]\nurl = \"{database}\"\n\n{common}");
        let planes = (0..plan.planes)
            .map(|number| program(program::gamma(), "gamma", number, &plane_settings));
        let (daemons, planes): (Vec<_>, Vec<_>) = (daemons.collect(), planes.collect());
        let place = planes[0].arguments.iter().map(Into::into).collect();
        let site = Site {
            addresses: Addresses::nowhere(),
            admin_key: String::new(),
            directory: home.path().to_owned(),
            place,
        };
        let Plan { kafka, postgres, wide, .. } = plan;
        let mut world =
            Self { daemons, planes, kafka, postgres, wide, proxy, database, site, home };
        world.must(&["migrate"]);
        let made = world.must(&["key", "create", "--role", "admin", "--name", "tests"]);
        let key = made.split_whitespace().find(|word| word.starts_with("gm_live_"));
        key.expect("a key").clone_into(&mut world.site.admin_key);
        world.restart();
        world
    }

    /// Starts whatever does not run and waits for it.
    pub fn restart(&mut self) {
        let mut programs: Vec<_> = self.planes.iter_mut().chain(&mut self.daemons).collect();
        programs.retain(|program| !program.process.is_running());
        for program in &mut programs {
            program.launch();
        }
        for program in programs {
            program.ready();
        }
        self.site.addresses = self.addresses_of(0, 0);
    }

    fn addresses_of(&self, daemon: usize, plane: usize) -> Addresses {
        let (daemon, plane) = (&self.daemons[daemon], &self.planes[plane]);
        Addresses {
            daemon: daemon.listen,
            daemon_admin: daemon.admin,
            control: plane.listen,
            control_admin: plane.admin,
        }
    }

    /// The same installation through other programs.
    #[must_use]
    pub fn at(&self, daemon: usize, plane: usize) -> Site {
        Site { addresses: self.addresses_of(daemon, plane), ..self.site.clone() }
    }

    /// A place for the notes of a test.
    #[must_use]
    pub fn scratch(&self) -> &Path {
        self.home.path()
    }

    /// Runs a sub-command of `gamma` on this installation, which must succeed: what it printed.
    pub fn must(&self, arguments: &[&str]) -> String {
        let output: Output = Command::new(program::gamma())
            .args(arguments)
            .args(&self.site.place)
            .current_dir(&self.site.directory)
            .output()
            .expect("gamma can be started");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "gamma {arguments:?}: {said}{complaint}");
        said
    }
}

/// What both programs must agree on.
fn common_settings(home: &Path, plan: &Plan, database: &str) -> String {
    let key = home.join("catalog.key");
    fs::write(&key, "0123456789abcdef".repeat(4)).expect("the key can be written");
    let mut text = format!(
        "[catalog]\nkey_file = \"{}\"\n\n[stream]\nkind = \"kafka\"\nbrokers = [\"{}\"]\n\
         partitions = {PARTITIONS}\nreplication = 1\n\n",
        key.display(),
        plan.kafka.address()
    );
    if let Some(cassandra) = &plan.wide {
        let keyspace = database.rsplit('/').next().unwrap_or("gamma");
        let _ = write!(
            text,
            "[wide]\nkind = \"scylla\"\nnodes = [\"{}\"]\nkeyspace = \"{keyspace}\"\n\
             replication = \"datacenter1:1\"\n\n",
            cassandra.address()
        );
    }
    text
}

/// A daemon on free ports.
const DAEMON: &str = r#"
[daemon]
listen = "127.0.0.1:0"
admin_listen = "127.0.0.1:0"

"#;

/// A journal that fits a test.
const JOURNAL: &str = r"
[journal]
inbound_quota_bytes = 536870912
clicks_quota_bytes = 536870912
inbound_reserve_bytes = 33554432
segment_bytes = 16777216

";

/// A journal that is full in a moment.
const SMALL_JOURNAL: &str = r"
[journal]
inbound_reserve_bytes = 2097152
segment_bytes = 1048576

";

/// A control plane on free ports.
const PLANE: &str = r#"
[control]
listen = "127.0.0.1:0"
admin_listen = "127.0.0.1:0"

"#;
