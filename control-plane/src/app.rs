//! The composition root of the control plane: the only place that makes real parts and owns their
//! tasks.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use std::time::Instant;

use anyhow::Context;
use journal::Environment;
use journal::JournalConfig;
use journal::Lane;
use journal::LaneConfig;
use journal::LaneHandle;
use journal::NoObserver;
use journal::RealStorage;
use metrics_exporter_prometheus::PrometheusHandle;
use model::catalog::Role;
use model::catalog::Secrets;
use model::clock::Clock;
use plugin_host::Artifact;
use plugin_host::HostParts;
use plugin_host::Limits;
use plugin_host::MetricsObserver;
use plugin_host::PluginHost;
use plugin_host::PluginKind;
use rand::RngCore;
use rand::SeedableRng;
use rand::rngs::StdRng;
use store::offsets::Partition;
use store::tenants::DEFAULT_TENANT;
use store::unit::Store;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::admin;
use crate::admin::Health;
use crate::admin::Readiness;
use crate::api;
use crate::api::ApiParts;
use crate::api::credential;
use crate::api::credential::NewKey;
use crate::api::plugins::PluginInfo;
use crate::api::plugins::PluginList;
use crate::checks::Checks;
use crate::config::Config;
use crate::evidence::JournalEvidence;
use crate::lanes::Lanes;
use crate::pipeline::IdSource;
use crate::pipeline::Mutation;
use crate::pipeline::Pipeline;
use crate::pipeline::PipelineParts;
use crate::pipeline::consume::JournalSource;
use crate::publish::Publisher;
use crate::publish::PublisherParts;
use crate::publish::log::LaneLog;
use crate::rails;
use crate::settle::Settle;
use crate::settle::SettleParts;

/// Threads of the runtime: the hot path has its own, the engine's calls too.
const RUNTIME_THREADS: usize = 2;

/// Segments of the catalog log: an operator's whole catalog is small beside a day of clicks.
const CATALOG_SEGMENT_BYTES: u64 = 4 << 20;

/// How often [`ControlPlane::catch_up`] looks.
const CATCH_UP_LOOK: Duration = Duration::from_millis(50);

/// Runs `future` to its end on a runtime of its own.
///
/// # Errors
/// Whatever the future ends with; a runtime that cannot start is an internal error.
pub fn block_on<T, E: From<anyhow::Error>>(
    future: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(RUNTIME_THREADS)
        .thread_name("gamma")
        .enable_all()
        .build()
        .context("cannot start a runtime")?;
    runtime.block_on(future)
}

/// A source of randomness seeded by the operating system.
#[must_use]
pub fn entropy() -> StdRng {
    StdRng::from_os_rng()
}

/// The lane of the catalog log.
///
/// # Errors
/// Never for this name; the journal checks names.
pub fn catalog_lane() -> anyhow::Result<Lane> {
    Lane::named("catalog").context("the lane's name is refused")
}

/// A journal with the one lane of the catalog log.
///
/// # Errors
/// As [`catalog_lane`].
pub fn catalog_config() -> anyhow::Result<JournalConfig> {
    let mut lane = LaneConfig::named("catalog").context("the lane's name is refused")?;
    lane.segment_bytes = CATALOG_SEGMENT_BYTES;
    lane.first_segment_bytes = CATALOG_SEGMENT_BYTES;
    Ok(JournalConfig::single(lane))
}

/// The machine under a journal: its disk, its clock, its randomness.
#[must_use]
pub fn journal_environment(clock: Arc<dyn Clock>) -> Environment {
    Environment {
        storage: Arc::new(RealStorage::new()),
        time: Arc::new(MachineTime { clock, started: start_of_time() }),
        entropy: Arc::new(|| entropy().next_u64()),
        observer: Arc::new(NoObserver),
    }
}

struct MachineTime {
    clock: Arc<dyn Clock>,
    started: Instant,
}

impl journal::Time for MachineTime {
    fn wall_micros(&self) -> i64 {
        self.clock.now().0
    }

    fn monotonic_micros(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX)
    }
}

#[expect(clippy::disallowed_methods, reason = "the composition root owns the machine's clocks")]
fn start_of_time() -> Instant {
    Instant::now()
}

/// The plugin host with every shipped component on its way to being compiled.
///
/// # Errors
/// When the engine or its threads cannot start.
pub fn plugin_host(observer: Arc<dyn plugin_host::Observer>) -> anyhow::Result<PluginHost> {
    let started = start_of_time();
    let parts = HostParts {
        limits: Limits::default(),
        clock: Arc::new(move || started.elapsed()),
        observer,
    };
    let host = PluginHost::new(parts).context("the plugin host cannot start")?;
    for guest in bundle::guests() {
        let artifact = Artifact {
            name: guest.name.to_owned(),
            kind: match guest.kind {
                bundle::Kind::Adapter => PluginKind::Adapter,
                bundle::Kind::Rule => PluginKind::Rule,
            },
            version: guest.version.to_owned(),
            component: guest.component.into(),
        };
        host.load(artifact).with_context(|| format!("plugin {} is refused", guest.name))?;
    }
    Ok(host)
}

impl PluginList for PluginHost {
    fn plugins(&self) -> Vec<PluginInfo> {
        let info = |row: plugin_host::PluginRow| PluginInfo {
            name: row.identity.name.clone(),
            kind: match row.kind {
                PluginKind::Adapter => "adapter",
                PluginKind::Rule => "rule",
            },
            version: row.identity.version.clone(),
            sha256: row.identity.sha256.clone(),
            state: row.state.as_str().to_owned(),
        };
        Self::plugins(self).into_iter().map(info).collect()
    }
}

/// The database, migrated, with what the first start makes in it.
///
/// # Errors
/// When the database cannot be reached or the engine has known faults.
pub async fn open_store(url: &str, clock: &dyn Clock) -> anyhow::Result<Store> {
    let opened = Store::open(url).await;
    let store = opened.with_context(|| format!("cannot open {}", store::unit::shown(url)))?;
    store.migrate().await.context("cannot migrate the database")?;
    if let Err(error) = store.tend(clock.now()).await {
        // What fits no month has a place of its own, and the settlement tries again.
        tracing::warn!(error = &error as &dyn std::error::Error, "months are not made");
    }
    store.bootstrap(clock.now(), &mut entropy()).await.context("cannot prepare the database")?;
    Ok(store)
}

/// The admin key of tenant `default`: read from its file, or made and written there on the first
/// start.
///
/// # Errors
/// When the file cannot be read or written.
pub async fn admin_key(store: &Store, path: &Path, clock: &dyn Clock) -> anyhow::Result<String> {
    if let Ok(text) = std::fs::read_to_string(path) {
        return Ok(text.trim().to_owned());
    }
    let pepper = secrets(store).await?.pepper;
    let tenant = {
        let mut tx = store.read_sys().await?;
        tx.tenants().by_name(DEFAULT_TENANT).await?.context("tenant default is missing")?.id
    };
    let new_key = NewKey::of_tenant(tenant, Role::Admin, "admin");
    let minted = credential::mint(new_key, &pepper, clock.now(), &mut entropy());
    let mut tx = store.begin(tenant).await?;
    tx.keys().insert(&minted.row).await?;
    tx.save().await?;
    let key = minted.text;
    crate::secret_file::write(path, &key)
        .with_context(|| format!("cannot write {}", path.display()))?;
    Ok(key)
}

/// What the control plane is made of.
pub struct Parts {
    /// What it was told.
    pub config: Config,
    /// Its rows.
    pub store: Store,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Where the catalog is published.
    pub catalog: LaneHandle,
    /// What it consumes.
    pub lanes: Lanes,
    /// Inbound sequences that the journal reported as lost.
    pub missing: u64,
    /// What links begin with.
    pub public_url: String,
    /// The process's metrics.
    pub metrics: PrometheusHandle,
}

impl std::fmt::Debug for Parts {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Parts").field("config", &self.config).finish_non_exhaustive()
    }
}

/// A running control plane.
#[derive(Debug)]
pub struct ControlPlane {
    address: SocketAddr,
    admin_address: SocketAddr,
    health: Health,
    /// Ends the listeners; requests in flight go on.
    closing: CancellationToken,
    /// Ends the tasks behind the API.
    stopping: CancellationToken,
    listeners: TaskTracker,
    tasks: TaskTracker,
    drain_within: Duration,
    rooms: Rooms,
}

/// What the API is made of, kept so that the demo can make one with a clock of its own.
#[derive(Clone)]
struct Rooms {
    api: ApiParts,
    lanes: Lanes,
}

impl std::fmt::Debug for Rooms {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Rooms(…)")
    }
}

impl ControlPlane {
    /// Starts every task and both listeners; returns once both answer.
    ///
    /// # Errors
    /// When an address cannot be bound or a room cannot start.
    pub async fn start(parts: Parts) -> anyhow::Result<Self> {
        let (closing, stopping) = (CancellationToken::new(), CancellationToken::new());
        let (listeners, tasks) = (TaskTracker::new(), TaskTracker::new());
        let drain_within = parts.config.drain_within();
        let health = Health::default();
        let listen = parts.config.control.clone();
        let secrets = secrets(&parts.store).await?;

        let plugins = plugin_host(Arc::new(MetricsObserver))?;
        let ids = IdSource::new(entropy());
        let settle = settlement(&parts, ids.clone())?;
        let pipeline = pipeline(&parts, &plugins, ids, secrets.pepper);
        let evidence =
            JournalEvidence::new(parts.lanes.clone(), Arc::clone(&parts.clock), parts.missing);
        let (mut publisher, publish_handle) = Publisher::new(PublisherParts {
            store: parts.store.clone(),
            clock: Arc::clone(&parts.clock),
            log: LaneLog::new(parts.catalog, Arc::clone(&parts.clock)),
        });
        publisher.drain_once().await.context("the catalog cannot be published")?;
        let rooms = Rooms {
            api: ApiParts {
                store: parts.store.clone(),
                clock: Arc::clone(&parts.clock),
                entropy: Arc::new(|| entropy().next_u64()),
                pepper: secrets.pepper,
                public_url: parts.public_url,
                publisher: publish_handle,
                plugins: Arc::new(plugins),
                tasks: tasks.clone(),
                limits: api::limits::Limits::default(),
                desk: settle.desk(),
                pipeline: Some(pipeline.clone()),
                evidence: Arc::new(evidence.clone()),
            },
            lanes: parts.lanes.clone(),
        };

        tasks.spawn(publisher.run(stopping.clone()));
        tasks.spawn(settle.run(stopping.clone()));
        consume(&pipeline, &parts.lanes, &tasks, &stopping);
        let interval = Duration::from_secs(parts.config.pipeline.audit_interval_seconds);
        let checks = Checks { store: parts.store, evidence, interval };
        tasks.spawn(checks.run(stopping.clone()));

        let api =
            api::router(rooms.api.clone()).into_make_service_with_connect_info::<SocketAddr>();
        let (listener, address) = bind(listen.listen).await?;
        let closed = closing.clone().cancelled_owned();
        let api = axum::serve(listener, api).with_graceful_shutdown(closed).into_future();
        listeners.spawn(watch("API", api));
        let admin = admin::router(health.clone(), parts.metrics).into_make_service();
        let (listener, admin_address) = bind(listen.admin_listen).await?;
        let stopped = stopping.clone().cancelled_owned();
        let admin = axum::serve(listener, admin).with_graceful_shutdown(stopped).into_future();
        tasks.spawn(watch("admin listener", admin));
        health.set(Readiness::Yes);
        Ok(Self {
            address,
            admin_address,
            health,
            closing,
            stopping,
            listeners,
            tasks,
            drain_within,
            rooms,
        })
    }

    /// Where the API answers.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where `/readyz` and `/metrics` answer.
    pub const fn admin_address(&self) -> SocketAddr {
        self.admin_address
    }

    /// The lanes it reads, for whoever makes history.
    pub const fn lanes(&self) -> &Lanes {
        &self.rooms.lanes
    }

    /// Its database.
    pub const fn store(&self) -> &Store {
        &self.rooms.api.store
    }

    /// Waits until the pipeline has processed what the journal held when this was called; `false`
    /// when `within` is over first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn catch_up(&self, within: Duration) -> anyhow::Result<bool> {
        let ends = self.rooms.lanes.consumed().map(|(lane, partition)| {
            let last_seq = *lane.durable().borrow();
            (partition, last_seq)
        });
        let mut looks = tokio::time::interval(CATCH_UP_LOOK);
        let waiting = async {
            loop {
                looks.tick().await;
                let offsets = self.store().read_batch().await?.offsets().list().await?;
                let is_behind = |(partition, last_seq): &(Partition, u64)| {
                    let row = offsets.iter().find(|row| row.partition == *partition);
                    row.map_or(0, |row| row.next.saturating_sub(1)) < *last_seq
                };
                if !ends.iter().any(is_behind) {
                    return anyhow::Ok(());
                }
            }
        };
        match tokio::time::timeout(within, waiting).await {
            Ok(waited) => waited.map(|()| true),
            Err(_) => Ok(false),
        }
    }

    /// The API without a socket, with a clock of the caller's and without limits.
    pub fn api_at(&self, clock: Arc<dyn Clock>) -> axum::Router {
        api::router(ApiParts { clock, limits: api::limits::Limits::NONE, ..self.rooms.api.clone() })
    }

    /// `/readyz` says no, no new connections; requests in flight go on.
    pub fn begin_drain(&self) {
        self.health.set(Readiness::No);
        self.closing.cancel();
    }

    /// Waits for requests in flight, then ends the tasks in the order of the data: what is taken is
    /// finished.
    ///
    /// # Errors
    /// When tasks are still running after the deadline.
    pub async fn stop(self) -> anyhow::Result<()> {
        self.closing.cancel();
        self.listeners.close();
        let drained = tokio::time::timeout(self.drain_within, self.listeners.wait()).await;
        if drained.is_err() {
            tracing::warn!("requests in flight were cut at the drain deadline");
        }
        self.stopping.cancel();
        self.tasks.close();
        tokio::time::timeout(self.drain_within, self.tasks.wait())
            .await
            .context("tasks did not end in time")
    }
}

fn pipeline(parts: &Parts, plugins: &PluginHost, ids: IdSource, pepper: [u8; 32]) -> Pipeline {
    Pipeline::new(PipelineParts {
        store: parts.store.clone(),
        plugins: plugins.clone(),
        clock: Arc::clone(&parts.clock),
        ids,
        pepper,
        mutation: Mutation::from_word(crate::config::test_mutation().as_deref()),
    })
}

/// The settlement, with the rails that are configured.
fn settlement(parts: &Parts, ids: IdSource) -> anyhow::Result<Settle> {
    let (store, clock) = (parts.store.clone(), Arc::clone(&parts.clock));
    let pay = Arc::new(rails::configured(&parts.config).context("no client for payouts")?);
    Ok(Settle::new(SettleParts { store, clock, ids, pay }))
}

/// One consumer for each lane.
fn consume(pipeline: &Pipeline, lanes: &Lanes, tasks: &TaskTracker, stopping: &CancellationToken) {
    for (lane, partition) in lanes.consumed() {
        let source = JournalSource::new(lane.clone(), partition);
        let (pipeline, stop) = (pipeline.clone(), stopping.clone());
        tasks.spawn(watch("pipeline", async move { pipeline.run(source, stop).await }));
    }
}

async fn bind(address: SocketAddr) -> anyhow::Result<(TcpListener, SocketAddr)> {
    let listener =
        TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address}"))?;
    let bound = listener.local_addr()?;
    Ok((listener, bound))
}

/// What signs and hashes, as the first start made it.
///
/// # Errors
/// When the database was never prepared.
pub async fn secrets(store: &Store) -> anyhow::Result<Secrets> {
    let mut tx = store.read_sys().await?;
    tx.secrets().get().await?.context("the database has no secrets: was it made by gamma up?")
}

/// Says in the log when a task that should run for ever ends with an error.
async fn watch<E: std::error::Error + 'static>(
    name: &'static str,
    task: impl Future<Output = Result<(), E>>,
) {
    if let Err(error) = task.await {
        let error: &dyn std::error::Error = &error;
        tracing::error!(task = name, error, "task ended");
    }
}
