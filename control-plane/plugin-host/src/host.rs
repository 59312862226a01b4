//! The handle that the pipeline holds.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use sha2::{Digest, Sha256};
use tokio::sync::oneshot;

use crate::breaker::Breaker;
use crate::compile::{self, Compiled};
use crate::convert;
use crate::engine::{self, Ticker};
use crate::error::{ActivateError, CallError, HostError, LoadError};
use crate::limits::{COMPONENT_BYTES_MAX, Limits};
use crate::observe::{CallReport, Observer};
use crate::pool::Pool;
use crate::registry::{PluginRow, Registry, Version};
use crate::values::{Candidate, Inbound, PluginIdentity, PluginKind};
use crate::worker::{self, Adapted, Judged, Order, Runner, Worker};

/// Time since any fixed instant; never goes backwards.
pub type Clock = Arc<dyn Fn() -> Duration + Send + Sync>;

/// The first bytes of a component in its binary form: magic, version 13, layer 1. Core modules and
/// everything precompiled begin otherwise.
const COMPONENT_PREAMBLE: [u8; 8] = *b"\0asm\x0d\0\x01\0";
/// Longest name of a plugin, in bytes.
const NAME_BYTES_MAX: usize = 64;

/// What a host is made of.
pub struct HostParts {
    /// Limits of every call.
    pub limits: Limits,
    /// Measures calls and the breaker's spans; what a guest may run is bounded without it.
    pub clock: Clock,
    /// Hears of every call.
    pub observer: Arc<dyn Observer>,
}

impl std::fmt::Debug for HostParts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HostParts").field("limits", &self.limits).finish_non_exhaustive()
    }
}

/// A component to load.
#[derive(Debug, Clone)]
pub struct Artifact {
    /// 1 to 64 characters out of a-z, 0-9 and hyphen.
    pub name: String,
    /// Which world it exports.
    pub kind: PluginKind,
    /// Its maker's version.
    pub version: String,
    /// The component in its binary form.
    pub component: Cow<'static, [u8]>,
}

/// What a batch gave: one result per record, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply<T> {
    /// Who decided; stored with the decision.
    pub plugin: Arc<PluginIdentity>,
    /// As many as records were sent.
    pub results: Vec<T>,
}

/// A cheap handle; the threads end with the last one.
#[derive(Clone)]
pub struct PluginHost {
    runner: Arc<Runner>,
    registry: Arc<Registry>,
    threads: Arc<Threads>,
}

struct Threads {
    pool: Pool,
    registry: Arc<Registry>,
}

impl Drop for Threads {
    fn drop(&mut self) {
        self.registry.stop();
    }
}

impl std::fmt::Debug for PluginHost {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PluginHost").field("plugins", &self.plugins()).finish_non_exhaustive()
    }
}

impl PluginHost {
    /// Makes the engine and starts its threads. Compiles nothing.
    ///
    /// # Errors
    /// The machine refuses the engine or a thread.
    pub fn new(parts: HostParts) -> Result<Self, HostError> {
        let HostParts { limits, clock, observer } = parts;
        let engine = engine::engine()?;
        let ticker = Ticker::start(engine.clone())?;
        let pool = Pool::start(limits.call_threads)?;
        let runner =
            Runner { engine, ticker, limits, clock, observer, breaker: Breaker::default() };
        let (runner, registry) = (Arc::new(runner), Arc::new(Registry::default()));
        let compiling = (Arc::clone(&runner), Arc::clone(&registry));
        thread::Builder::new()
            .name("plugin-compile".into())
            .spawn(move || compile_all(&compiling.0, &compiling.1))
            .map_err(HostError::Thread)?;
        let threads = Arc::new(Threads { pool, registry: Arc::clone(&registry) });
        Ok(Self { runner, registry, threads })
    }

    /// Queues a component for the compile thread and returns at once. The first good version of a
    /// name becomes active by itself, later ones by [`PluginHost::activate`]. The same bytes again
    /// are the same version.
    ///
    /// # Errors
    /// What can be seen without compiling: size, preamble, name, another kind under this name.
    pub fn load(&self, artifact: Artifact) -> Result<Arc<PluginIdentity>, LoadError> {
        let Artifact { name, kind, version, component } = artifact;
        let is_letter = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
        if !(1..=NAME_BYTES_MAX).contains(&name.len()) || !name.bytes().all(is_letter) {
            return Err(LoadError::BadName);
        }
        if component.len() > COMPONENT_BYTES_MAX {
            let bytes = component.len();
            return Err(LoadError::TooLarge { bytes, bytes_max: COMPONENT_BYTES_MAX });
        }
        if !component.starts_with(&COMPONENT_PREAMBLE) {
            return Err(LoadError::NotComponent);
        }
        let sha256 = digest(&component);
        self.registry.add(PluginIdentity { name, version, sha256 }, kind, component)
    }

    /// Makes a ready version the one that decides. Calls in flight finish on the old one, which
    /// stays to fall back to.
    ///
    /// # Errors
    /// Unknown, still compiling, or refused; nothing has changed then.
    pub fn activate(&self, name: &str, sha256: &str) -> Result<(), ActivateError> {
        self.registry.activate(name, sha256)
    }

    /// Makes the version that was active before the one that decides.
    ///
    /// # Errors
    /// [`ActivateError::Unknown`] when there was none.
    pub fn rollback(&self, name: &str) -> Result<(), ActivateError> {
        self.registry.rollback(name)
    }

    /// Every version, by name and age.
    pub fn plugins(&self) -> Vec<PluginRow> {
        self.registry.rows()
    }

    /// Blocks until nothing of this name is to be compiled any more; true when a version is active
    /// then.
    pub fn wait_ready(&self, name: &str, at_most: Duration) -> bool {
        self.registry.wait_ready(name, at_most)
    }

    /// Translates a batch of any size of one tenant's inbounds. An empty batch only asks whether
    /// the configuration can be used.
    ///
    /// # Errors
    /// What concerns every record; the records are held, or wait in the journal with
    /// [`CallError::NotReady`] and [`CallError::Busy`]. What concerns one record stands in its
    /// result.
    pub async fn adapt(
        &self,
        plugin: &str,
        tenant: &str,
        config: &str,
        batch: Vec<Inbound>,
    ) -> Result<Reply<Adapted>, CallError> {
        let answer = self.start_adapt(plugin, (tenant, config), batch)?;
        answer.await.unwrap_or(Err(CallError::Stopped))
    }

    /// As [`PluginHost::adapt`], for callers without a runtime.
    ///
    /// # Errors
    /// As [`PluginHost::adapt`].
    ///
    /// # Panics
    /// Inside an async task: it would block its runtime.
    pub fn adapt_blocking(
        &self,
        plugin: &str,
        tenant: &str,
        config: &str,
        batch: Vec<Inbound>,
    ) -> Result<Reply<Adapted>, CallError> {
        let answer = self.start_adapt(plugin, (tenant, config), batch)?;
        answer.blocking_recv().unwrap_or(Err(CallError::Stopped))
    }

    /// Judges a batch of any size of one tenant's conversions by one rule. An empty batch only asks
    /// whether the configuration can be used.
    ///
    /// # Errors
    /// What concerns every candidate; all are held. What concerns one stands in its result.
    pub async fn judge(
        &self,
        plugin: &str,
        tenant: &str,
        config: &str,
        batch: Vec<Candidate>,
    ) -> Result<Reply<Judged>, CallError> {
        let answer = self.start_judge(plugin, (tenant, config), batch)?;
        answer.await.unwrap_or(Err(CallError::Stopped))
    }

    /// As [`PluginHost::judge`], for callers without a runtime.
    ///
    /// # Errors
    /// As [`PluginHost::judge`].
    ///
    /// # Panics
    /// Inside an async task: it would block its runtime.
    pub fn judge_blocking(
        &self,
        plugin: &str,
        tenant: &str,
        config: &str,
        batch: Vec<Candidate>,
    ) -> Result<Reply<Judged>, CallError> {
        let answer = self.start_judge(plugin, (tenant, config), batch)?;
        answer.blocking_recv().unwrap_or(Err(CallError::Stopped))
    }

    fn start_adapt(
        &self,
        plugin: &str,
        for_whom: (&str, &str),
        batch: Vec<Inbound>,
    ) -> Result<Answer<Adapted>, CallError> {
        let record_count = batch.len();
        let call = move |worker: &mut Worker, order: &Order, version: &Version| {
            let Some(Ok(Compiled::Adapter(prepared))) = version.compiled() else {
                return Err(CallError::WrongKind);
            };
            let batch: Vec<_> = batch.into_iter().map(convert::to_inbound).collect();
            worker.adapt(order, prepared, &batch)
        };
        self.start(plugin, PluginKind::Adapter, for_whom, (record_count, call))
    }

    fn start_judge(
        &self,
        plugin: &str,
        for_whom: (&str, &str),
        batch: Vec<Candidate>,
    ) -> Result<Answer<Judged>, CallError> {
        let record_count = batch.len();
        let call = move |_: &mut Worker, order: &Order, version: &Version| {
            let Some(Ok(Compiled::Rule(prepared))) = version.compiled() else {
                return Err(CallError::WrongKind);
            };
            let batch: Vec<_> = batch.into_iter().map(convert::to_candidate).collect();
            worker::judge(order, prepared, &batch)
        };
        self.start(plugin, PluginKind::Rule, for_whom, (record_count, call))
    }

    /// Finds the version, and hands the call to a thread.
    fn start<T, C>(
        &self,
        name: &str,
        kind: PluginKind,
        (tenant, config): (&str, &str),
        (record_count, call): (usize, C),
    ) -> Result<Answer<T>, CallError>
    where
        T: Send + 'static,
        C: FnOnce(&mut Worker, &Order, &Version) -> Result<Vec<T>, CallError> + Send + 'static,
    {
        let tenant: Arc<str> = Arc::from(tenant);
        let version = self
            .registry
            .active(name, kind)
            .and_then(|active| self.unless_paused(&tenant, active))
            .inspect_err(|error| self.turned_away(name, error, record_count))?;
        let plugin = Arc::clone(&version.identity);
        let order =
            Order { runner: Arc::clone(&self.runner), plugin, tenant, config: config.to_owned() };
        let (sender, receiver) = oneshot::channel();
        let job = Box::new(move |worker: &mut Worker| {
            let results = call(worker, &order, &version);
            // Nobody waits any more when the caller was cancelled.
            let _ = sender.send(results.map(|results| Reply { plugin: order.plugin, results }));
        });
        if self.threads.pool.submit(job).is_err() {
            self.turned_away(name, &CallError::Busy, record_count);
            return Err(CallError::Busy);
        }
        Ok(receiver)
    }

    /// The version itself, or the one before it while this one is paused for the tenant.
    fn unless_paused(
        &self,
        tenant: &Arc<str>,
        active: Arc<Version>,
    ) -> Result<Arc<Version>, CallError> {
        let now = (self.runner.clock)();
        let is_closed = |version: &Version| {
            !self.runner.limits.is_breaker_on
                || self.runner.breaker.is_closed(tenant, &version.identity, now)
        };
        if is_closed(&active) {
            return Ok(active);
        }
        match self.registry.last_good(&active.identity.name) {
            Some(before) if is_closed(&before) => Ok(before),
            _ => Err(CallError::BreakerOpen),
        }
    }

    /// Unknown names are not reported: the metric's labels are a closed set.
    fn turned_away(&self, name: &str, error: &CallError, record_count: usize) {
        if !matches!(error, CallError::Unknown) {
            let (plugin, outcome) = (name, error.outcome());
            let report = CallReport { plugin, outcome, duration: Duration::ZERO, record_count };
            self.runner.observer.called(&report);
        }
    }
}

type Answer<T> = oneshot::Receiver<Result<Reply<T>, CallError>>;

fn compile_all(runner: &Runner, registry: &Registry) {
    while let Some(version) = registry.next() {
        let PluginIdentity { name, version: number, sha256 } = &*version.identity;
        let began_at = (runner.clock)();
        let result = compile::compile(&runner.engine, version.kind, &version.component);
        let duration = (runner.clock)().saturating_sub(began_at);
        match &result {
            Ok(_) => tracing::info!(name, version = number, sha256, ?duration, "plugin compiled"),
            Err(reason) => {
                tracing::error!(name, version = number, sha256, reason, "plugin refused");
            }
        }
        registry.finish(&version, result, duration);
    }
}

fn digest(component: &[u8]) -> String {
    let mut digest = String::with_capacity(64);
    for byte in Sha256::digest(component) {
        // Writing into a String cannot fail.
        let _ = write!(digest, "{byte:02x}");
    }
    digest
}
