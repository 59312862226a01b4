//! The composition root: chooses and wires the real parts; owns threads and shutdown.

use std::io;
use std::net::SocketAddr;
use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::Duration;

use journal::CloseError;
use journal::Environment;
use journal::Journal;
use journal::JournalConfig;
use journal::Lane;
use journal::LaneHandle;
use journal::OpenError;
use journal::RecoveryReport;
use model::clock::Clock;
use rand::RngCore as _;
use rand::rngs::StdRng;
use tokio::sync::watch;

use crate::admin;
use crate::admin::Health;
use crate::catalog::Follower;
use crate::catalog::View;
use crate::catalog::source::CatalogSource;
use crate::config::Config;
use crate::ingest::replay::ReplayMemory;
use crate::limits::BurstTable;
use crate::limits::REFUSALS_BURST_MAX;
use crate::limits::REFUSALS_PER_SECOND_MAX;
use crate::links::Links;
use crate::links::cache::Plans;
use crate::listener;
use crate::listener::ListenerLimits;
use crate::listener::Order;
use crate::listener::tcp;
use crate::metrics::Cells;
use crate::metrics::Metrics;
use crate::recall;
use crate::recall::Recall;
use crate::rooms::Lanes;
use crate::rooms::Rooms;
use crate::rooms::Shared;
use crate::visitors::VisitorMemory;
use crate::visitors::Visitors;

pub mod system;

#[cfg(test)]
pub(crate) mod testing;

/// Integrations whose refusals are counted at a time.
const REFUSAL_KEYS: usize = 4096;
/// How often a drain looks whether the threads are done.
const DRAIN_LOOK: Duration = Duration::from_millis(5);
/// Descriptors that are not connections: journal, catalog, listeners, logs.
const DESCRIPTORS_RESERVED: u64 = 256;

/// Why the daemon did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The disk, a thread or an address could not be had.
    #[error("cannot {doing}")]
    Io { doing: String, source: io::Error },
    /// The journal did not open, or is another process's.
    #[error("cannot open the journal")]
    Journal(#[from] OpenError),
    /// The configured journal lacks a lane that the daemon writes.
    #[error("the journal has no lane {0}")]
    Lane(Lane),
}

/// Why the daemon did not end cleanly.
#[derive(Debug, thiserror::Error)]
pub enum DrainError {
    /// What had a receipt is durable all the same.
    #[error("the journal did not close cleanly")]
    Journal(#[from] CloseError),
    /// A bug: the thread is gone, its requests with it.
    #[error("a thread panicked")]
    Panicked,
}

/// The real parts, as the caller chose them.
pub struct Parts {
    pub clock: Arc<dyn Clock>,
    /// Called once per thread.
    pub rng: Arc<dyn Fn() -> StdRng + Send + Sync>,
    pub catalog: Box<dyn CatalogSource>,
    /// What the journal stands on.
    pub environment: Environment,
    pub journal: JournalConfig,
}

impl std::fmt::Debug for Parts {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Parts").finish_non_exhaustive()
    }
}

/// The daemon, not yet running.
#[derive(Debug)]
pub struct App;

/// A running daemon. Dropping it without [`Running::drain`] leaves its threads to the process.
#[derive(Debug)]
pub struct Running {
    journal: Journal,
    health: Arc<Health>,
    address: SocketAddr,
    admin_address: SocketAddr,
    drain_within: Duration,
    orders: watch::Sender<Order>,
    threads: Vec<JoinHandle<io::Result<()>>>,
    stop_admin: watch::Sender<bool>,
    admin: JoinHandle<io::Result<()>>,
    /// Ends what runs beside the answering threads.
    stop_work: Arc<AtomicBool>,
    follower: JoinHandle<()>,
    recall: JoinHandle<()>,
}

fn doing<T>(what: impl Into<String>, result: io::Result<T>) -> Result<T, StartError> {
    result.map_err(|source| StartError::Io { doing: what.into(), source })
}

fn thread<T: Send + 'static>(
    name: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<JoinHandle<T>, StartError> {
    let started = std::thread::Builder::new().name(name.to_owned()).spawn(work);
    doing(format!("start thread {name}"), started)
}

impl App {
    /// Opens the journal under `data_dir`, loads the saved catalog, binds, and starts answering.
    ///
    /// When it returns, all listeners accept. `/readyz` turns 200 once the catalog was read up to
    /// what existed.
    ///
    /// # Errors
    /// [`StartError`]; nothing keeps running.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "what is running is the configuration's only user"
    )]
    pub fn start(config: Config, parts: Parts) -> Result<Running, StartError> {
        // The journal.
        let data_dir = &config.data_dir;
        doing(format!("create {}", data_dir.display()), std::fs::create_dir_all(data_dir))?;
        let root = data_dir.join("journal");
        let time = Arc::clone(&parts.environment.time);
        let (journal, report) = Journal::open(&root, parts.journal, parts.environment)?;
        let lanes = lanes_of(&journal)?;

        // Sockets: bound early, served late.
        let threads = thread_count(config.daemon.threads);
        let sockets = Sockets::bind(&config, threads)?;

        // The catalog.
        let mut rng = (parts.rng)();
        let plans = Plans::new(config.daemon.link_cache_bytes);
        let view = Arc::new(View::new([rng.next_u64(), rng.next_u64()], plans));
        let snapshot = data_dir.join("daemon").join("catalog.snapshot");
        let clock = Arc::clone(&parts.clock);
        let follower = Follower::new(Arc::clone(&view), parts.catalog, clock, snapshot);

        // What all threads share.
        let (ids_known, replays_known) = watch::channel(false);
        let recalled = Arc::<recall::Report>::default();
        let wiring = Wiring {
            clock: parts.clock,
            rng: parts.rng,
            shared: Arc::new(shared(&config, replays_known)),
            health: Arc::new(Health {
                view: Arc::clone(&view),
                lanes: lanes.clone(),
                is_draining: AtomicBool::new(false),
                is_journal_damaged: report.is_degraded(),
            }),
            metrics: Arc::new(metrics_of(&lanes, &view, &recalled)),
            limits: ListenerLimits {
                deadlines: config.daemon.deadlines(),
                connections_max: connections_max(config.daemon.connections_max) / threads,
            },
        };

        // The threads.
        let stop_work = Arc::new(AtomicBool::new(false));
        let stop = Arc::clone(&stop_work);
        let follower = thread("gammad-catalog", move || follower.run(&stop))?;
        let recall = Recall {
            lanes,
            shared: Arc::clone(&wiring.shared),
            report: recalled,
            clock: Arc::clone(&wiring.clock),
            time,
            within: Duration::from_millis(config.daemon.recall_ms),
            stop: Arc::clone(&stop_work),
        };
        let recall = thread("gammad-recall", move || recall.run(&ids_known))?;
        let (orders, order) = watch::channel(Order::Serve);
        let (stop_admin, stop) = watch::channel(false);
        Ok(Running {
            journal,
            health: Arc::clone(&wiring.health),
            address: sockets.address,
            admin_address: sockets.admin_address,
            drain_within: Duration::from_millis(config.daemon.drain_ms),
            orders,
            threads: wiring.start_answering(sockets.public, &order)?,
            stop_admin,
            admin: wiring.start_admin(sockets.admin, stop)?,
            stop_work,
            follower,
            recall,
        })
    }
}

fn lanes_of(journal: &Journal) -> Result<Lanes, StartError> {
    let lane = |lane: Lane| journal.lane(&lane).ok_or(StartError::Lane(lane));
    Ok(Lanes {
        inbound: lane(Lane::Inbound)?,
        clicks: lane(Lane::Clicks)?,
        control: lane(Lane::Control)?,
    })
}

fn shared(config: &Config, replays_known: watch::Receiver<bool>) -> Shared {
    Shared {
        visitors: Visitors::new(config.daemon.visitor_limits()),
        replays: ReplayMemory::default(),
        replays_known,
        refusals: BurstTable::new(REFUSAL_KEYS, REFUSALS_BURST_MAX, REFUSALS_PER_SECOND_MAX),
        trusted_proxies: config.daemon.trusted_nets(),
    }
}

fn metrics_of(lanes: &Lanes, view: &Arc<View>, recalled: &Arc<recall::Report>) -> Metrics {
    let named = [Lane::Inbound, Lane::Clicks, Lane::Control];
    let handles = [&lanes.inbound, &lanes.clicks, &lanes.control].map(LaneHandle::clone);
    let lanes = named.into_iter().zip(handles).collect();
    Metrics::new(lanes, Arc::clone(view), Arc::clone(recalled))
}

/// Bound listeners.
struct Sockets {
    public: Vec<TcpListener>,
    admin: TcpListener,
    address: SocketAddr,
    admin_address: SocketAddr,
}

impl Sockets {
    fn bind(config: &Config, threads: usize) -> Result<Self, StartError> {
        // Sockets are made by the runtime's own type, which wants a runtime to be there.
        let mut builder = tokio::runtime::Builder::new_current_thread();
        let runtime = doing("make a runtime", builder.enable_io().build())?;
        let _entered = runtime.enter();
        let listen = |address: SocketAddr, count| {
            doing(format!("listen on {address}"), tcp::bind(address, count))
        };
        let public = listen(config.daemon.listen, threads)?;
        let mut admin = listen(config.daemon.admin_listen, 1)?;
        let admin = admin.remove(0);
        Ok(Self {
            address: doing("read the bound address", public[0].local_addr())?,
            admin_address: doing("read the bound address", admin.local_addr())?,
            public,
            admin,
        })
    }
}

/// What every thread is given.
struct Wiring {
    clock: Arc<dyn Clock>,
    rng: Arc<dyn Fn() -> StdRng + Send + Sync>,
    shared: Arc<Shared>,
    health: Arc<Health>,
    metrics: Arc<Metrics>,
    limits: ListenerLimits,
}

impl Wiring {
    fn start_answering(
        &self,
        sockets: Vec<TcpListener>,
        order: &watch::Receiver<Order>,
    ) -> Result<Vec<JoinHandle<io::Result<()>>>, StartError> {
        let start = |(number, socket): (usize, TcpListener)| {
            let seed = Seed {
                clock: Arc::clone(&self.clock),
                rng: (self.rng)(),
                view: Arc::clone(&self.health.view),
                lanes: self.health.lanes.clone(),
                shared: Arc::clone(&self.shared),
                cells: self.metrics.cells(),
            };
            let (order, limits) = (order.clone(), self.limits);
            let work = move || listener::run(socket, seed.grow(), limits, order);
            thread(&format!("gammad-{number}"), work)
        };
        sockets.into_iter().enumerate().map(start).collect()
    }

    fn start_admin(
        &self,
        socket: TcpListener,
        stop: watch::Receiver<bool>,
    ) -> Result<JoinHandle<io::Result<()>>, StartError> {
        let (health, metrics) = (Arc::clone(&self.health), Arc::clone(&self.metrics));
        let clock = Arc::clone(&self.clock);
        thread("gammad-admin", move || admin::run(socket, health, metrics, &*clock, stop))
    }
}

/// What becomes the rooms of a thread once it runs; rooms themselves never leave it.
struct Seed {
    clock: Arc<dyn Clock>,
    rng: StdRng,
    view: Arc<View>,
    lanes: Lanes,
    shared: Arc<Shared>,
    cells: Arc<Cells>,
}

impl Seed {
    fn grow(self) -> Rooms {
        Rooms {
            clock: self.clock,
            rng: self.rng.into(),
            links: Links::new(self.view),
            journal: self.lanes,
            shared: self.shared,
            memory: VisitorMemory::default(),
            cells: self.cells,
            buffer: std::cell::Cell::default(),
        }
    }
}

fn thread_count(configured: usize) -> usize {
    match configured {
        0 => std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
        count => count,
    }
}

/// What the process may hold: the limit on descriptors is raised as far as the system lets us.
fn connections_max(configured: usize) -> usize {
    use rustix::process::Resource;
    use rustix::process::getrlimit;
    use rustix::process::setrlimit;

    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    // Refused: the present limit counts.
    let _ = setrlimit(Resource::Nofile, limit);
    let allowed = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    let allowed = allowed.saturating_sub(DESCRIPTORS_RESERVED).max(64);
    configured.min(usize::try_from(allowed).unwrap_or(usize::MAX))
}

impl Running {
    /// Where redirects and ingestion are served.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where operators are answered.
    #[must_use]
    pub const fn admin_address(&self) -> SocketAddr {
        self.admin_address
    }

    /// A lane of the journal, to tail: inbound, clicks or control.
    #[must_use]
    pub fn lane(&self, lane: &Lane) -> Option<LaneHandle> {
        self.journal.lane(lane)
    }

    /// What opening the journal found.
    #[must_use]
    pub fn recovery(&self) -> &RecoveryReport {
        self.journal.report()
    }

    /// The last position of the catalog log that is applied.
    #[must_use]
    pub fn catalog_position(&self) -> u64 {
        self.health.view.position()
    }

    /// Blocks until the catalog is applied up to `position`; `false` when that takes longer than
    /// `within`.
    #[must_use]
    pub fn wait_for_catalog(&self, position: u64, within: Duration) -> bool {
        self.health.view.wait_for(position, within)
    }

    /// Links resident in memory and the bytes they take.
    #[must_use]
    pub fn links(&self) -> (usize, usize) {
        (self.health.view.table.count(), self.health.view.table.held_bytes())
    }

    /// Whether a lane failed twice in a row. Nothing more can be made durable: the process should
    /// end.
    #[must_use]
    pub fn is_failed(&self) -> bool {
        let lanes = &self.health.lanes;
        [&lanes.inbound, &lanes.clicks].iter().any(|lane| lane.state().borrow().failed)
    }

    /// No new connections from here on; requests in hand are finished. Does not wait.
    pub fn begin_drain(&self) {
        self.health.is_draining.store(true, Ordering::Relaxed);
        // The threads may be gone already.
        let _ = self.orders.send(Order::Drain);
    }

    /// Ends: requests in hand are finished within the configured time, the catalog is saved, the
    /// journal is synced and closed. Blocks.
    ///
    /// # Errors
    /// [`DrainError`]; everything that was acknowledged is durable nevertheless.
    pub fn drain(self) -> Result<(), DrainError> {
        self.begin_drain();
        let looks = self.drain_within.as_micros() / DRAIN_LOOK.as_micros();
        for _ in 0..looks {
            if self.threads.iter().all(JoinHandle::is_finished) {
                break;
            }
            std::thread::sleep(DRAIN_LOOK);
        }
        let _ = self.orders.send(Order::Stop);
        self.stop_work.store(true, Ordering::Relaxed);
        let mut has_panicked = false;
        for thread in self.threads {
            has_panicked |= thread.join().is_err();
        }
        has_panicked |= self.follower.join().is_err();
        has_panicked |= self.recall.join().is_err();
        let _ = self.stop_admin.send(true);
        has_panicked |= self.admin.join().is_err();
        self.journal.close()?;
        if has_panicked { Err(DrainError::Panicked) } else { Ok(()) }
    }
}

/// Writes the bound addresses where other programs look for them, whole or not at all.
///
/// # Errors
/// As the file system.
pub fn write_addresses(data_dir: &Path, running: &Running) -> io::Result<()> {
    let text = serde_json::json!({
        "daemon": running.address().to_string(),
        "daemon_admin": running.admin_address().to_string(),
    });
    let path = data_dir.join("addresses.json");
    let temporary = path.with_extension("new");
    std::fs::write(&temporary, text.to_string())?;
    std::fs::rename(temporary, path)
}
