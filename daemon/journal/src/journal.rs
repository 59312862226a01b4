//! Several lanes under one lock: opening, the facts a start writes down, closing.

use std::io;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;

use crate::config::ConfigError;
use crate::config::Environment;
use crate::config::JournalConfig;
use crate::config::Lane;
use crate::config::LaneConfig;
use crate::cursor::Cursors;
use crate::fact::Fact;
use crate::format::JournalId;
use crate::identity;
use crate::lane::LaneHandle;
use crate::lane::Worker;
use crate::record::AppendError;
use crate::record::Record;
use crate::recovery::LaneRecovery;
use crate::recovery::RecoveryReport;
use crate::scrub::Scrubber;
use crate::storage::StorageLock;
use crate::storage::ensure_child_dir;
use crate::storage::ensure_dir;
use crate::writer::LaneContext;
use crate::writer::LaneWriter;

pub(crate) const CURSORS_DIR: &str = "cursors";
const LOCK_FILE: &str = "lock";

/// Why a journal did not open.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Two writers would destroy each other's records.
    #[error("another process has this journal open")]
    Locked,
    #[error("the journal's configuration is not usable")]
    Config(#[from] ConfigError),
    #[error("the journal's storage failed while {doing}")]
    Storage { doing: &'static str, source: io::Error },
}

/// Why a journal did not close cleanly; everything that had a receipt is durable all the same.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("lane {lane} did not close cleanly")]
pub struct CloseError {
    pub lane: Lane,
    #[source]
    pub source: AppendError,
}

/// An open journal. Dropping it closes it.
#[derive(Debug)]
pub struct Journal {
    lanes: Vec<OpenLane>,
    report: RecoveryReport,
    scrubber: Option<JoinHandle<()>>,
    stop: Arc<AtomicBool>,
    _lock: Box<dyn StorageLock>,
}

#[derive(Debug)]
struct OpenLane {
    handle: LaneHandle,
    thread: Option<JoinHandle<Result<(), AppendError>>>,
}

impl Journal {
    /// Takes the lock, settles what earlier lives left, and starts one writer thread for each lane.
    ///
    /// Never needs a person: damage is skipped, copied aside and reported, and intake goes on. The
    /// report's `is_degraded` belongs into the readiness answer.
    ///
    /// # Errors
    /// [`OpenError::Locked`] when another process is at it; [`OpenError::Config`] is the caller's;
    /// [`OpenError::Storage`] when the disk cannot be used at all.
    pub fn open(
        root: &Path,
        config: JournalConfig,
        environment: Environment,
    ) -> Result<(Self, RecoveryReport), OpenError> {
        config.validate()?;
        let storage = &*environment.storage;
        ensure_dir(storage, root).map_err(failed("creating the directory"))?;
        let lock = storage.lock(&root.join(LOCK_FILE)).map_err(|error| match error.kind() {
            io::ErrorKind::WouldBlock => OpenError::Locked,
            _ => failed("taking the lock")(error),
        })?;
        ensure_child_dir(storage, &root.join(CURSORS_DIR), root)
            .map_err(failed("creating the directory"))?;
        let journal = identity::load_or_create(storage, root, &*environment.entropy)
            .map_err(failed("reading its identity"))?;
        let mut opening = Opening { root, journal, environment, workers: Vec::new() };
        let mut report = RecoveryReport::default();
        for lane in config.lanes {
            let recovery = opening.open_lane(lane).map_err(failed("recovering a lane"))?;
            report.lanes.push(recovery);
        }
        let stop = Arc::new(AtomicBool::new(false));
        let (lanes, scrubber) = opening.start(&report, config.scrub_bytes_per_second, &stop)?;
        let journal = Self { lanes, report: report.clone(), scrubber, stop, _lock: lock };
        Ok((journal, report))
    }

    /// The door to a lane, `None` when it is not configured.
    pub fn lane(&self, lane: &Lane) -> Option<LaneHandle> {
        let open = self.lanes.iter().find(|open| open.handle.lane() == lane)?;
        Some(open.handle.clone())
    }

    /// What the start found.
    pub fn report(&self) -> &RecoveryReport {
        &self.report
    }

    /// Writes out, syncs and seals every lane and ends the threads. Blocks for the disk.
    ///
    /// # Errors
    /// The first lane that could not be sealed.
    pub fn close(mut self) -> Result<(), CloseError> {
        self.shut()
    }

    fn shut(&mut self) -> Result<(), CloseError> {
        self.stop.store(true, Ordering::Release);
        if let Some(scrubber) = self.scrubber.take() {
            scrubber.thread().unpark();
            let _ = scrubber.join();
        }
        let mut first_error = Ok(());
        for open in &mut self.lanes {
            let Some(thread) = open.thread.take() else { continue };
            open.handle.stop();
            // A thread that panicked has nothing more to say than that it failed.
            let closed = thread.join().unwrap_or(Err(AppendError::Failed));
            let lane = open.handle.lane().clone();
            let closed = closed.map_err(|source| CloseError { lane, source });
            first_error = first_error.and(closed);
        }
        first_error
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        if let Err(error) = self.shut() {
            tracing::error!(%error, "journal did not close cleanly");
        }
    }
}

struct Opening<'a> {
    root: &'a Path,
    journal: JournalId,
    environment: Environment,
    workers: Vec<(Worker, LaneContext)>,
}

impl Opening<'_> {
    fn open_lane(&mut self, config: LaneConfig) -> io::Result<LaneRecovery> {
        let name = config.lane.as_str().to_owned();
        let storage = Arc::clone(&self.environment.storage);
        let cursors_dir: PathBuf = self.root.join(CURSORS_DIR).join(&name);
        let cursors = Arc::new(Cursors::load(Arc::clone(&storage), cursors_dir)?);
        let context = LaneContext {
            storage,
            dir: self.root.join(&name),
            config,
            journal: self.journal,
            entropy: Arc::clone(&self.environment.entropy),
        };
        let positions: Vec<u64> = cursors.positions().into_iter().map(|(_, seq)| seq).collect();
        let now = self.environment.time.wall_micros();
        let (writer, recovery) = LaneWriter::open(context.clone(), &positions, now)?;
        let worker = Worker::new(writer, context.clone(), cursors, self.environment.clone());
        self.workers.push((worker, context));
        Ok(recovery)
    }

    fn start(
        mut self,
        report: &RecoveryReport,
        scrub_bytes_per_second: u64,
        stop: &Arc<AtomicBool>,
    ) -> Result<(Vec<OpenLane>, Option<JoinHandle<()>>), OpenError> {
        let control = self.control();
        if let Some(control) = &control {
            self.write_facts(report, control);
            let inbound =
                self.workers.iter_mut().find(|(w, _)| *w.handle().lane() == Lane::Inbound);
            if let Some((worker, _)) = inbound {
                worker.follow_with(control.clone());
            }
        }
        let mut scrub_lanes = Vec::new();
        let mut lanes = Vec::new();
        for (worker, context) in self.workers {
            let handle = worker.handle();
            scrub_lanes.push((context, handle.clone()));
            let thread = worker.start().map_err(failed("starting a writer"))?;
            lanes.push(OpenLane { handle, thread: Some(thread) });
        }
        let scrubber = Scrubber::new(
            scrub_lanes,
            control,
            self.environment,
            scrub_bytes_per_second,
            Arc::clone(stop),
        );
        let scrubber = if scrub_bytes_per_second > 0 {
            Some(scrubber.start().map_err(failed("starting the scrubber"))?)
        } else {
            None
        };
        Ok((lanes, scrubber))
    }

    fn control(&self) -> Option<LaneHandle> {
        let mut handles = self.workers.iter().map(|(worker, _)| worker.handle());
        handles.find(|handle| *handle.lane() == Lane::Control)
    }

    /// Writes down what will never be read again.
    fn write_facts(&self, report: &RecoveryReport, control: &LaneHandle) {
        let received_at = self.environment.time.wall_micros();
        for recovery in &report.lanes {
            for (range, class) in recovery.missing() {
                let lane = recovery.lane.clone();
                let (kind, payload) = Fact::Missing { lane, range, class }.encode();
                control.enqueue_fact(Record { kind, flags: 0, received_at, payload: &payload });
            }
            for damage in &recovery.damage {
                self.environment.observer.damaged(&recovery.lane, damage);
            }
        }
    }
}

fn failed(doing: &'static str) -> impl FnOnce(io::Error) -> OpenError {
    move |source| OpenError::Storage { doing, source }
}
