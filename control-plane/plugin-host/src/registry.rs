//! Which plugins there are, in which versions, and which version is the active one.
//!
//! The life of a version: queued, compiling, then ready or refused; a ready one may become active.
//! Swapping the active one is a single pointer; calls in flight hold the version they began with.
//! The version that was active before stays compiled, to fall back to.

use std::borrow::Cow;
use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use parking_lot::{Condvar, Mutex, RwLock};

use crate::compile::Compiled;
use crate::error::{ActivateError, CallError, LoadError};
use crate::limits::VERSIONS_MAX;
use crate::values::{PluginIdentity, PluginKind};

/// One component under one name.
#[derive(Debug)]
pub(crate) struct Version {
    pub(crate) identity: Arc<PluginIdentity>,
    pub(crate) kind: PluginKind,
    pub(crate) component: Cow<'static, [u8]>,
    is_compiling: AtomicBool,
    compiled: OnceLock<Outcome>,
}

#[derive(Debug)]
struct Outcome {
    result: Result<Compiled, String>,
    duration: Duration,
}

/// All versions of one name.
#[derive(Debug)]
pub(crate) struct Plugin {
    kind: PluginKind,
    versions: Mutex<Vec<Arc<Version>>>,
    active: ArcSwapOption<Version>,
    last_good: ArcSwapOption<Version>,
}

/// What an operator sees of a version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PluginRow {
    /// Name, version, digest.
    pub identity: PluginIdentity,
    /// Its world.
    pub kind: PluginKind,
    /// Where it stands.
    pub state: PluginState,
    /// How long the compile took; absent before it ended.
    pub compile_duration: Option<Duration>,
    /// Size of the component in bytes.
    pub component_bytes: usize,
}

/// Where a version stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PluginState {
    /// Waits for a compile thread.
    Queued,
    /// Is being compiled.
    Compiling,
    /// Could be activated.
    Ready,
    /// Decides now.
    Active,
    /// Cannot be used; the text says why.
    Refused(String),
}

impl PluginState {
    /// The word of the API.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Compiling => "compiling",
            Self::Ready => "ready",
            Self::Active => "active",
            Self::Refused(_) => "refused",
        }
    }
}

/// The plugins, and the queue of what is to be compiled.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    plugins: RwLock<BTreeMap<String, Arc<Plugin>>>,
    queue: Mutex<Queue>,
    queued: Condvar,
    compiled: Condvar,
}

#[derive(Debug, Default)]
struct Queue {
    versions: VecDeque<Arc<Version>>,
    is_stopped: bool,
}

impl Version {
    pub(crate) fn compiled(&self) -> Option<Result<&Compiled, &str>> {
        let outcome = self.compiled.get()?;
        Some(outcome.result.as_ref().map_err(String::as_str))
    }

    fn state(&self, active: Option<&Arc<Version>>) -> PluginState {
        match self.compiled() {
            Some(Err(reason)) => PluginState::Refused(reason.to_owned()),
            Some(Ok(_)) if active.is_some_and(|active| std::ptr::eq(&raw const **active, self)) => {
                PluginState::Active
            }
            Some(Ok(_)) => PluginState::Ready,
            None if self.is_compiling.load(Ordering::Relaxed) => PluginState::Compiling,
            None => PluginState::Queued,
        }
    }
}

impl Plugin {
    fn version(&self, sha256: &str) -> Option<Arc<Version>> {
        self.versions.lock().iter().find(|version| version.identity.sha256 == sha256).cloned()
    }

    fn activate(&self, version: &Arc<Version>) {
        let before = self.active.swap(Some(Arc::clone(version)));
        if let Some(before) = before
            && !Arc::ptr_eq(&before, version)
        {
            self.last_good.store(Some(before));
        }
    }

    /// Forgets the oldest versions that neither decide nor are fallen back to.
    fn shorten(&self, versions: &mut Vec<Arc<Version>>) {
        let (active, last_good) = (self.active.load_full(), self.last_good.load_full());
        let is_needed = |version: &Arc<Version>| {
            let needed = [&active, &last_good].into_iter().flatten();
            needed.into_iter().any(|needed| Arc::ptr_eq(needed, version))
        };
        while versions.len() > VERSIONS_MAX {
            let newest = versions.len() - 1;
            match versions[..newest].iter().position(|version| !is_needed(version)) {
                Some(oldest) => drop(versions.remove(oldest)),
                None => return,
            }
        }
    }
}

impl Registry {
    /// Adds a version and queues it. The same component again is the same version.
    pub(crate) fn add(
        &self,
        identity: PluginIdentity,
        kind: PluginKind,
        component: Cow<'static, [u8]>,
    ) -> Result<Arc<PluginIdentity>, LoadError> {
        let plugin = {
            let mut plugins = self.plugins.write();
            let plugin = plugins.entry(identity.name.clone()).or_insert_with(|| {
                Arc::new(Plugin {
                    kind,
                    versions: Mutex::default(),
                    active: ArcSwapOption::empty(),
                    last_good: ArcSwapOption::empty(),
                })
            });
            Arc::clone(plugin)
        };
        if plugin.kind != kind {
            return Err(LoadError::WrongKind);
        }
        let mut versions = plugin.versions.lock();
        if let Some(known) = versions.iter().find(|v| v.identity.sha256 == identity.sha256) {
            return Ok(Arc::clone(&known.identity));
        }
        let version = Arc::new(Version {
            identity: Arc::new(identity),
            kind,
            component,
            is_compiling: AtomicBool::new(false),
            compiled: OnceLock::new(),
        });
        versions.push(Arc::clone(&version));
        plugin.shorten(&mut versions);
        drop(versions);
        let identity = Arc::clone(&version.identity);
        self.queue.lock().versions.push_back(version);
        self.queued.notify_one();
        Ok(identity)
    }

    /// The version that decides, or why there is none. A queued one that is needed now is compiled
    /// next.
    pub(crate) fn active(&self, name: &str, kind: PluginKind) -> Result<Arc<Version>, CallError> {
        let plugin = self.plugin(name).ok_or(CallError::Unknown)?;
        if plugin.kind != kind {
            return Err(CallError::WrongKind);
        }
        if let Some(active) = plugin.active.load_full() {
            return Ok(active);
        }
        let versions = plugin.versions.lock();
        for version in versions.iter().rev() {
            match version.compiled() {
                None => self.hurry(version),
                Some(Err(_)) => continue,
                // Ready, and activated in a moment by the thread that compiled it.
                Some(Ok(_)) => {}
            }
            return Err(CallError::NotReady);
        }
        let reason =
            versions.last().and_then(|version| version.compiled()?.err().map(String::from));
        Err(CallError::Refused(reason.unwrap_or_default()))
    }

    /// The version that was active before.
    pub(crate) fn last_good(&self, name: &str) -> Option<Arc<Version>> {
        self.plugin(name)?.last_good.load_full()
    }

    pub(crate) fn activate(&self, name: &str, sha256: &str) -> Result<(), ActivateError> {
        let plugin = self.plugin(name).ok_or(ActivateError::Unknown)?;
        let version = plugin.version(sha256).ok_or(ActivateError::Unknown)?;
        match version.compiled() {
            None => Err(ActivateError::NotReady),
            Some(Err(reason)) => Err(ActivateError::Refused(reason.to_owned())),
            Some(Ok(_)) => {
                plugin.activate(&version);
                Ok(())
            }
        }
    }

    pub(crate) fn rollback(&self, name: &str) -> Result<(), ActivateError> {
        let plugin = self.plugin(name).ok_or(ActivateError::Unknown)?;
        let before = plugin.last_good.load_full().ok_or(ActivateError::Unknown)?;
        plugin.activate(&before);
        Ok(())
    }

    pub(crate) fn rows(&self) -> Vec<PluginRow> {
        let plugins: Vec<_> = self.plugins.read().values().cloned().collect();
        let mut rows = Vec::new();
        for plugin in plugins {
            let active = plugin.active.load_full();
            for version in plugin.versions.lock().iter() {
                rows.push(PluginRow {
                    identity: (*version.identity).clone(),
                    kind: version.kind,
                    state: version.state(active.as_ref()),
                    compile_duration: version.compiled.get().map(|outcome| outcome.duration),
                    component_bytes: version.component.len(),
                });
            }
        }
        rows
    }

    /// Waits until nothing of this name is to be compiled any more; true when a version is active
    /// then.
    pub(crate) fn wait_ready(&self, name: &str, at_most: Duration) -> bool {
        let Some(plugin) = self.plugin(name) else { return false };
        let mut queue = self.queue.lock();
        let is_waiting = |_: &mut Queue| {
            plugin.versions.lock().iter().any(|version| version.compiled().is_none())
        };
        self.compiled.wait_while_for(&mut queue, is_waiting, at_most);
        drop(queue);
        plugin.active.load().is_some()
    }

    /// The next version to compile; none when the host stops. Blocks.
    pub(crate) fn next(&self) -> Option<Arc<Version>> {
        let mut queue = self.queue.lock();
        loop {
            if queue.is_stopped {
                return None;
            }
            if let Some(version) = queue.versions.pop_front() {
                version.is_compiling.store(true, Ordering::Relaxed);
                return Some(version);
            }
            self.queued.wait(&mut queue);
        }
    }

    /// Notes what a compile gave. The first good version of a name becomes active by itself.
    pub(crate) fn finish(
        &self,
        version: &Arc<Version>,
        result: Result<Compiled, String>,
        duration: Duration,
    ) {
        let is_good = result.is_ok();
        // Each version is compiled once, so nobody has set this before.
        let _ = version.compiled.set(Outcome { result, duration });
        if let Some(plugin) = self.plugin(&version.identity.name)
            && is_good
            && plugin.active.load().is_none()
        {
            plugin.activate(version);
        }
        // Under the lock, so that nobody who looked before begins to wait after.
        let _queue = self.queue.lock();
        self.compiled.notify_all();
    }

    pub(crate) fn stop(&self) {
        self.queue.lock().is_stopped = true;
        self.queued.notify_all();
    }

    fn plugin(&self, name: &str) -> Option<Arc<Plugin>> {
        self.plugins.read().get(name).cloned()
    }

    fn hurry(&self, version: &Arc<Version>) {
        let mut queue = self.queue.lock();
        let place = queue.versions.iter().position(|queued| Arc::ptr_eq(queued, version));
        if let Some(waiting) = place.and_then(|place| queue.versions.remove(place)) {
            queue.versions.push_front(waiting);
        }
    }
}
