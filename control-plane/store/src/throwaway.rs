//! A real PostgreSQL for tests, thrown away behind them. It does not exist in a release build.
//!
//! One server per test process, started with the first database that is asked for, in a directory
//! of its own; it ends with the process, however that ends. `GAMMA_TEST_POSTGRES=postgres://…`
//! names a server that is there instead, through a login that may make databases.
//!
//! # Why the variable also chooses
//!
//! Worlds of the pipeline and the API stand on SQLite, so that their tests need nothing. With
//! `GAMMA_TEST_POSTGRES` set they stand on PostgreSQL, each in a database of its own; the value
//! `own` asks for the server of the first sentence.

use std::io::BufRead;
use std::io::BufReader;
use std::io::Write;
use std::net::TcpListener;
use std::path::Path;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::str::FromStr;
use std::sync::OnceLock;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

use sqlx::AssertSqlSafe;
use sqlx::ConnectOptions;
use sqlx::Connection;
use sqlx::PgConnection;
use sqlx::postgres::PgConnectOptions;
use tokio::sync::OnceCell;

use crate::unit::Store;

const SERVER: &str = include_str!("throwaway/server.sh");
/// How often a free port is looked for: between the look and the start another may take it.
const START_TRIES: u32 = 5;
/// The login of our own server: it owns its databases and may make roles. It passes policies, so
/// that tests can look behind them; the program does not run as it.
const LOGIN: &str = "CREATE ROLE gamma LOGIN CREATEROLE CREATEDB BYPASSRLS";

/// A server, and which login makes databases on it.
#[derive(Debug)]
struct Server {
    /// Of an administrator.
    admin: String,
    /// Of whoever owns the databases; `{}` stands for their name.
    owner: String,
    is_own: bool,
    /// The server runs until the input of this one is closed, which the end of the process does.
    _alive: Option<Child>,
}

/// A database of its own.
#[derive(Debug)]
pub struct Throwaway {
    url: String,
    name: String,
    server: &'static Server,
}

impl Throwaway {
    /// A fresh database with our schema; absent, and said loudly, where no server is installed.
    ///
    /// # Panics
    /// When one is installed and does not work.
    pub async fn database() -> Option<Self> {
        static TEMPLATE: OnceCell<String> = OnceCell::const_new();
        let server = server()?;
        if !server.is_own {
            // Nothing may stay behind on a server of somebody else, as a template would.
            let database = Self::make(server, "template1").await;
            migrate(&database.url).await;
            return Some(database);
        }
        let template = TEMPLATE.get_or_init(|| async {
            let template = Self::make(server, "template1").await;
            migrate(&template.url).await;
            template.name.clone()
        });
        Some(Self::make(server, template.await).await)
    }

    /// A fresh database without anything in it.
    ///
    /// # Panics
    /// As [`Self::database`].
    pub async fn empty() -> Option<Self> {
        Some(Self::make(server()?, "template1").await)
    }

    /// Its address.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Makes a login with these attributes; answers its name and the address of this database for
    /// it. The server must trust whoever comes from this machine.
    ///
    /// # Panics
    /// When it cannot be made.
    pub async fn login(&self, attributes: &str) -> (String, String) {
        let login = format!("{}_login", self.name);
        self.as_admin(&format!("CREATE ROLE {login} LOGIN {attributes}")).await;
        let options = PgConnectOptions::from_str(&self.url).expect("an address");
        let url = options.username(&login).to_url_lossy().to_string();
        (login, url)
    }

    /// Its name on the server.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Runs a statement as an administrator of the server, inside this database.
    ///
    /// # Panics
    /// When the statement fails.
    pub async fn as_admin(&self, sql: &str) {
        let options = PgConnectOptions::from_str(&self.server.admin).expect("an address");
        let connection = options.database(&self.name).connect().await;
        run(connection.expect("the server answers"), sql).await;
    }

    async fn make(server: &'static Server, template: &str) -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("gamma_test_{}_{count}", std::process::id());
        let owner = if server.is_own { " OWNER gamma" } else { "" };
        let sql = format!("CREATE DATABASE {name} TEMPLATE {template}{owner}");
        run(connect(&server.admin).await, &sql).await;
        Self { url: server.owner.replace("{}", &name), name, server }
    }
}

impl Drop for Throwaway {
    fn drop(&mut self) {
        if self.server.is_own {
            return;
        }
        let name = &self.name;
        let drops = [
            format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"),
            format!("DROP ROLE IF EXISTS {name}_login"),
        ];
        let admin = self.server.admin.clone();
        // A runtime cannot be entered inside another one.
        let dropped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(async {
                for sql in &drops {
                    run(connect(&admin).await, sql).await;
                }
            });
            std::io::Result::Ok(())
        });
        let _ = dropped.join();
    }
}

async fn migrate(url: &str) {
    let store = Store::open(url).await.expect("the server answers");
    store.migrate().await.expect("the schema can be made");
    store.close().await;
}

/// Where a world of a test keeps its rows.
#[derive(Debug)]
pub struct TestDatabase {
    /// The address of its database.
    pub url: String,
    /// Dropped with the world.
    _database: Option<Throwaway>,
}

impl TestDatabase {
    /// SQLite in `directory`, or PostgreSQL where the environment asks for it.
    ///
    /// # Panics
    /// When PostgreSQL is asked for and cannot be had: then a test that passes would say nothing.
    pub async fn new(directory: &Path) -> Self {
        if named_server().is_none() {
            let url = format!("sqlite://{}", directory.join("gamma.db").display());
            return Self { url, _database: None };
        }
        let database = Throwaway::database().await.expect("GAMMA_TEST_POSTGRES asks for a server");
        Self { url: database.url.clone(), _database: Some(database) }
    }
}

#[expect(clippy::disallowed_methods, reason = "a switch of tests; no program reads it")]
fn named_server() -> Option<String> {
    std::env::var("GAMMA_TEST_POSTGRES").ok().filter(|named| !named.is_empty())
}

fn server() -> Option<&'static Server> {
    static SERVER: OnceLock<Option<Server>> = OnceLock::new();
    SERVER.get_or_init(find).as_ref()
}

fn find() -> Option<Server> {
    match named_server() {
        Some(url) if url != "own" => {
            let owner =
                PgConnectOptions::from_str(&url).expect("GAMMA_TEST_POSTGRES is no address");
            let owner = owner.database("{}").to_url_lossy().to_string().replace("%7B%7D", "{}");
            Some(Server { admin: url, owner, is_own: false, _alive: None })
        }
        _ => start(),
    }
}

fn start() -> Option<Server> {
    let mut reason = String::new();
    for _ in 0..START_TRIES {
        let port = free_port();
        let directory =
            std::env::temp_dir().join(format!("gamma-postgres-{}-{port}", std::process::id()));
        let mut child = Command::new("sh")
            .args(["-c", SERVER, "server.sh"])
            .arg(&directory)
            .arg(port.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("a shell");
        let mut answer = String::new();
        let mut said = BufReader::new(child.stdout.take().expect("it is piped"));
        said.read_line(&mut answer).expect("the script answers");
        if answer.starts_with("ready") {
            let admin = format!("postgres://postgres@127.0.0.1:{port}/postgres");
            let owner = format!("postgres://gamma@127.0.0.1:{port}/{{}}");
            make_login(&admin);
            return Some(Server { admin, owner, is_own: true, _alive: Some(child) });
        }
        child.wait().expect("it was started here");
        if answer.starts_with("missing") {
            say("!!! LEFT OUT: tests on PostgreSQL, for no server is installed here");
            return None;
        }
        reason = answer;
    }
    assert!(reason.is_empty(), "PostgreSQL does not start: {reason}");
    None
}

fn make_login(admin: &str) {
    let admin = admin.to_owned();
    let made = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.expect("a runtime");
        runtime.block_on(async { run(connect(&admin).await, LOGIN).await });
    });
    made.join().expect("the server answers");
}

fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    listener.local_addr().expect("a bound address").port()
}

/// Past the capture of the test harness, which shows nothing of tests that pass.
fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

async fn connect(url: &str) -> PgConnection {
    let options = PgConnectOptions::from_str(url).expect("an address");
    options.connect().await.expect("the server answers")
}

async fn run(mut connection: PgConnection, sql: &str) {
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut connection).await.expect(sql);
    let _ = connection.close().await;
}
