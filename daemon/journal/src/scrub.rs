//! Reads sealed segments again in the background, slowly, because a disk that loses a bit says so
//! only when it is asked. What it finds is always interior damage: counted, copied to quarantine,
//! told to the observer and written into the control lane, once for each place.

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::thread;
use std::thread::JoinHandle;
use std::time::Duration;

use crate::config::Environment;
use crate::fact::Fact;
use crate::inspect::Check;
use crate::lane::LaneHandle;
use crate::record::Record;
use crate::recovery::quarantine_range;
use crate::scan::Damage;
use crate::scan::DamageClass;
use crate::scan::SegmentScan;
use crate::segment::list_segments;
use crate::segment::segment_path;
use crate::window::Window;
use crate::writer::LaneContext;

/// Rest between two passes over the whole journal.
const PASS_PAUSE: Duration = Duration::from_hours(1);
/// The thread rests after this many bytes for as long as the rate asks.
const SLICE_BYTES: u64 = 256 << 10;

pub(crate) struct Scrubber {
    lanes: Vec<(LaneContext, LaneHandle)>,
    control: Option<LaneHandle>,
    environment: Environment,
    bytes_per_second: u64,
    stop: Arc<AtomicBool>,
    reported: BTreeSet<(String, u64, u64)>,
}

impl std::fmt::Debug for Scrubber {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Scrubber").finish_non_exhaustive()
    }
}

impl Scrubber {
    pub(crate) fn new(
        lanes: Vec<(LaneContext, LaneHandle)>,
        control: Option<LaneHandle>,
        environment: Environment,
        bytes_per_second: u64,
        stop: Arc<AtomicBool>,
    ) -> Self {
        let reported = BTreeSet::new();
        Self { lanes, control, environment, bytes_per_second, stop, reported }
    }

    pub(crate) fn start(mut self) -> io::Result<JoinHandle<()>> {
        thread::Builder::new().name("journal-scrub".to_owned()).spawn(move || {
            while !self.stop.load(Ordering::Acquire) {
                self.pass();
                self.rest(PASS_PAUSE);
            }
        })
    }

    /// Reads every segment but the newest of each lane once.
    pub(crate) fn pass(&mut self) {
        for (context, _) in self.lanes.clone() {
            if let Err(error) = self.pass_lane(&context) {
                let lane = &context.config.lane;
                tracing::warn!(%lane, %error, "journal could not be scrubbed");
            }
        }
    }

    fn pass_lane(&mut self, context: &LaneContext) -> io::Result<()> {
        let reading = context.reading();
        let files = list_segments(&*context.storage, &context.dir, &context.config.lane)?;
        let mut known = Vec::new();
        for file in files {
            let path = segment_path(&context.dir, &context.config.lane, file.number);
            let Some(mut window) = open(context, &path)? else { continue };
            let header = reading.identify(&mut window, file.number)?.header();
            known.extend(header.map(|header| (file, header)));
        }
        for (index, (file, header)) in known.iter().enumerate() {
            let Some(next) = known.get(index + 1).map(|(_, next)| next.first_seq) else { break };
            let path = segment_path(&context.dir, &context.config.lane, file.number);
            let Some(window) = open(context, &path)? else { continue };
            let mut scan = SegmentScan::new(window, reading.clone(), *header);
            let mut check = Check::new(*file, *header, Some(next));
            let mut rested_at = 0;
            while !check.step(&mut scan)? {
                if scan.offset() - rested_at >= SLICE_BYTES {
                    self.rest_for(scan.offset() - rested_at);
                    rested_at = scan.offset();
                }
                if self.stop.load(Ordering::Acquire) {
                    return Ok(());
                }
            }
            for damage in check.finish(&scan).damage {
                self.report(context, &mut scan, &damage)?;
            }
        }
        Ok(())
    }

    fn report(
        &mut self,
        context: &LaneContext,
        scan: &mut SegmentScan,
        damage: &Damage,
    ) -> io::Result<()> {
        let lane = &context.config.lane;
        let place = (lane.as_str().to_owned(), damage.segment, damage.start);
        if damage.class != DamageClass::Interior || !self.reported.insert(place) {
            return Ok(());
        }
        tracing::error!(%lane, ?damage, "journal damage found");
        self.environment.observer.damaged(lane, damage);
        if let Some(control) = &self.control {
            let (kind, payload) = Fact::Damage { lane: lane.clone(), damage: *damage }.encode();
            let received_at = self.environment.time.wall_micros();
            control.enqueue_fact(Record { kind, flags: 0, received_at, payload: &payload });
        }
        let range = (damage.start, damage.end);
        quarantine_range(context, scan.window_mut(), damage.segment, range)?;
        Ok(())
    }

    fn rest_for(&self, bytes: u64) {
        let micros = bytes.saturating_mul(1_000_000) / self.bytes_per_second.max(1);
        self.rest(Duration::from_micros(micros));
    }

    /// Sleeps, but ends at once when the journal closes.
    fn rest(&self, time: Duration) {
        let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let until = self.environment.time.monotonic_micros().saturating_add(micros);
        while !self.stop.load(Ordering::Acquire) {
            let now = self.environment.time.monotonic_micros();
            if now >= until {
                return;
            }
            thread::park_timeout(Duration::from_micros(until - now));
        }
    }
}

/// `None` when the segment was trimmed meanwhile.
fn open(context: &LaneContext, path: &std::path::Path) -> io::Result<Option<Window>> {
    match context.storage.open_read(path) {
        Ok(file) => Ok(Some(Window::new(file))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
