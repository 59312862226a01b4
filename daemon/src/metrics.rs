//! Names, label values and where they are counted.
//!
//! Redirect threads count in cells of their own: a word that only its thread writes costs no lock
//! and no look-up. Cells are summed when somebody asks. The registry belongs to one [`Metrics`],
//! not to the process, so that two programs in one process each show their own.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::time::Duration;

use journal::Lane;
use journal::LaneHandle;
use journal::Shed;
use journal::observer::SYNC_BUCKETS_MICROS;
use metrics::Counter;
use metrics::Gauge;
use metrics::Key;
use metrics::Label;
use metrics::Metadata;
use metrics::Recorder;
use metrics_exporter_prometheus::PrometheusBuilder;
use metrics_exporter_prometheus::PrometheusHandle;
use metrics_exporter_prometheus::PrometheusRecorder;
use model::inbound::Channel;
use model::words;
use parking_lot::Mutex;

use crate::catalog::View;
use crate::recall::Report;

const REDIRECT_REQUESTS: &str = "gammad_redirect_requests_total";
const REDIRECT_DURATION: &str = "gammad_redirect_duration_seconds";
const INGEST_REQUESTS: &str = "gammad_ingest_requests_total";
const CLICKS_SHED: &str = "gammad_clicks_shed_total";
const REFUSALS_SHED: &str = "gammad_refusals_shed_total";
const JOURNAL_BYTES: &str = "gammad_journal_bytes";
const JOURNAL_RECORDS: &str = "gammad_journal_records_total";
const JOURNAL_SYNC_DURATION: &str = "gammad_journal_sync_duration_seconds";
const LINKS_LOADED: &str = "gammad_links_loaded";
const CONNECTIONS: &str = "gammad_connections";
const CONNECTIONS_CLOSED: &str = "gammad_connections_closed_total";
const PANICS: &str = "gammad_panics_total";
const CATALOG_POSITION: &str = "gammad_catalog_position";
const RECALL_RECORDS: &str = "gammad_recall_records";
const RECALL_CUT: &str = "gammad_recall_cut";
const BUILD_INFO: &str = "gammad_build_info";

words! {
    /// How a redirect request ended.
    pub enum RedirectOutcome {
        Redirected = "redirected",
        Fallback = "fallback",
        Unknown = "unknown",
        Gone = "gone",
        Refused = "refused",
    }
}

words! {
    /// How an inbound request ended.
    pub enum IngestOutcome {
        Accepted = "accepted",
        Refused = "refused",
        Malformed = "malformed",
        Unavailable = "unavailable",
    }
}

words! {
    /// Why the daemon closed a connection.
    pub enum CloseReason {
        FirstRequest = "first_request",
        Headers = "headers",
        Body = "body",
        KeepAlive = "keep_alive",
        Slow = "slow",
        Capacity = "capacity",
    }
}

/// Upper bounds of the redirect histogram in microseconds; one more bucket holds the rest.
const REDIRECT_BUCKETS_MICROS: [u64; 13] =
    [1, 2, 5, 10, 25, 50, 100, 250, 500, 1_000, 5_000, 25_000, 100_000];
const SHED_REASONS: [Shed; 5] =
    [Shed::Quota, Shed::Busy, Shed::Invalid, Shed::Failed, Shed::Closed];

/// A counter that only one thread writes.
#[derive(Debug, Default)]
struct Cell(AtomicU64);

impl Cell {
    fn add(&self, count: u64) {
        // One writer: a load and a store, no locked instruction.
        self.0.store(self.0.load(Ordering::Relaxed).wrapping_add(count), Ordering::Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// What one thread counts. Written by that thread alone.
#[derive(Debug, Default)]
pub struct Cells {
    redirects: [Cell; RedirectOutcome::ALL.len()],
    redirect_buckets: [Cell; REDIRECT_BUCKETS_MICROS.len() + 1],
    redirect_micros: Cell,
    ingests: [[Cell; IngestOutcome::ALL.len()]; Channel::ALL.len()],
    shed: [Cell; SHED_REASONS.len()],
    refusals_shed: Cell,
    opened: Cell,
    closed: Cell,
    closed_by_us: [Cell; CloseReason::ALL.len()],
    panics: Cell,
}

impl Cells {
    /// Counts a redirect request and how long its answer took.
    pub fn redirect(&self, outcome: RedirectOutcome, took: Duration) {
        self.redirects[usize::from(outcome.code())].add(1);
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let bucket = REDIRECT_BUCKETS_MICROS.iter().position(|bound| micros <= *bound);
        self.redirect_buckets[bucket.unwrap_or(REDIRECT_BUCKETS_MICROS.len())].add(1);
        self.redirect_micros.add(micros);
    }

    pub fn ingest(&self, channel: Channel, outcome: IngestOutcome) {
        self.ingests[usize::from(channel.code())][usize::from(outcome.code())].add(1);
    }

    pub fn shed(&self, reason: Shed) {
        if let Some(at) = SHED_REASONS.iter().position(|held| *held == reason) {
            self.shed[at].add(1);
        }
    }

    pub fn refusal_shed(&self) {
        self.refusals_shed.add(1);
    }

    pub fn opened(&self) {
        self.opened.add(1);
    }

    pub fn closed(&self) {
        self.closed.add(1);
    }

    pub fn closed_by_us(&self, reason: CloseReason) {
        self.closed_by_us[usize::from(reason.code())].add(1);
    }

    pub fn panicked(&self) {
        self.panics.add(1);
    }
}

/// Handles of everything that is counted elsewhere and copied when asked for.
struct Handles {
    redirects: Vec<Counter>,
    ingests: Vec<Vec<Counter>>,
    shed: Vec<Counter>,
    refusals_shed: Counter,
    closed_by_us: Vec<Counter>,
    panics: Counter,
    connections: Gauge,
    links: Gauge,
    catalog_position: Gauge,
    lanes: Vec<LaneHandles>,
    /// Records and whether they were cut, of the inbound lane and of clicks.
    recalled: [[Gauge; 2]; 2],
}

struct LaneHandles {
    lane: Lane,
    handle: LaneHandle,
    bytes: Gauge,
    records: Counter,
}

/// The registry of one daemon.
pub struct Metrics {
    exporter: PrometheusHandle,
    handles: Handles,
    cells: Mutex<Vec<Arc<Cells>>>,
    view: Arc<View>,
    recalled: Arc<Report>,
}

impl std::fmt::Debug for Metrics {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Metrics").finish_non_exhaustive()
    }
}

const METADATA: Metadata<'_> =
    Metadata::new(module_path!(), metrics::Level::INFO, Some(module_path!()));

/// A name and a value, if there is a label.
type Label1<'a> = Option<(&'static str, &'a str)>;

fn key(name: &'static str, label: Label1<'_>) -> Key {
    match label {
        Some((name_of_label, value)) => {
            Key::from_parts(name, vec![Label::new(name_of_label, value.to_owned())])
        }
        None => Key::from_name(name),
    }
}

impl Handles {
    fn new(recorder: &PrometheusRecorder, lanes: Vec<(Lane, LaneHandle)>) -> Self {
        let counter =
            |name, label: Label1<'_>| recorder.register_counter(&key(name, label), &METADATA);
        let gauge = |name, label: Label1<'_>| recorder.register_gauge(&key(name, label), &METADATA);
        let ingest = |channel: &Channel| {
            let of_outcome = |outcome: &IngestOutcome| {
                let labels = vec![
                    Label::new("channel", channel.as_str()),
                    Label::new("outcome", outcome.as_str()),
                ];
                recorder.register_counter(&Key::from_parts(INGEST_REQUESTS, labels), &METADATA)
            };
            IngestOutcome::ALL.iter().map(of_outcome).collect()
        };
        let lane = |(lane, handle): (Lane, LaneHandle)| LaneHandles {
            bytes: gauge(JOURNAL_BYTES, Some(("lane", lane.as_str()))),
            records: counter(JOURNAL_RECORDS, Some(("lane", lane.as_str()))),
            lane,
            handle,
        };
        let outcomes = RedirectOutcome::ALL.iter();
        let reasons = CloseReason::ALL.iter();
        Self {
            redirects: outcomes
                .map(|outcome| counter(REDIRECT_REQUESTS, Some(("outcome", outcome.as_str()))))
                .collect(),
            ingests: Channel::ALL.iter().map(ingest).collect(),
            shed: SHED_REASONS
                .iter()
                .map(|reason| counter(CLICKS_SHED, Some(("reason", reason.as_str()))))
                .collect(),
            refusals_shed: counter(REFUSALS_SHED, None),
            closed_by_us: reasons
                .map(|reason| counter(CONNECTIONS_CLOSED, Some(("reason", reason.as_str()))))
                .collect(),
            panics: counter(PANICS, None),
            connections: gauge(CONNECTIONS, Some(("protocol", "http1"))),
            links: gauge(LINKS_LOADED, None),
            catalog_position: gauge(CATALOG_POSITION, None),
            lanes: lanes.into_iter().map(lane).collect(),
            recalled: [Lane::Inbound, Lane::Clicks].map(|lane| {
                [RECALL_RECORDS, RECALL_CUT].map(|name| gauge(name, Some(("lane", lane.as_str()))))
            }),
        }
    }
}

fn describe(recorder: &PrometheusRecorder) {
    let counters = [
        (REDIRECT_REQUESTS, "Redirect requests answered, by how they ended"),
        (INGEST_REQUESTS, "Inbound requests answered, by channel and how they ended"),
        (CLICKS_SHED, "Clicks that were answered and not recorded, by reason"),
        (REFUSALS_SHED, "Refused requests that were not kept for the debugger"),
        (JOURNAL_RECORDS, "Records written to the journal, by lane"),
        (CONNECTIONS_CLOSED, "Connections closed by the daemon, by reason"),
        (PANICS, "Connections lost to a panic"),
    ];
    for (name, text) in counters {
        recorder.describe_counter(name.into(), None, text.into());
    }
    let gauges = [
        (JOURNAL_BYTES, "Bytes the journal holds on disk, by lane"),
        (LINKS_LOADED, "Links resident in memory"),
        (CONNECTIONS, "Open connections, by protocol"),
        (CATALOG_POSITION, "Last applied position of the catalog log"),
        (RECALL_RECORDS, "Records read back after the start, by lane"),
        (RECALL_CUT, "1: not all that matters was read back after the start, by lane"),
        (BUILD_INFO, "Version and commit of this program"),
    ];
    for (name, text) in gauges {
        recorder.describe_gauge(name.into(), None, text.into());
    }
}

impl Metrics {
    /// A registry over these lanes and this catalog.
    #[must_use]
    pub fn new(lanes: Vec<(Lane, LaneHandle)>, view: Arc<View>, recalled: Arc<Report>) -> Self {
        let recorder = PrometheusBuilder::new().build_recorder();
        describe(&recorder);
        let labels = vec![
            Label::new("version", env!("CARGO_PKG_VERSION")),
            Label::new("commit", option_env!("GAMMA_COMMIT").unwrap_or("unknown")),
        ];
        recorder.register_gauge(&Key::from_parts(BUILD_INFO, labels), &METADATA).set(1.0);
        let handles = Handles::new(&recorder, lanes);
        Self { exporter: recorder.handle(), handles, cells: Mutex::default(), view, recalled }
    }

    /// Cells for one more thread.
    #[must_use]
    pub fn cells(&self) -> Arc<Cells> {
        let cells = Arc::new(Cells::default());
        self.cells.lock().push(Arc::clone(&cells));
        cells
    }

    fn sum(&self, read: impl Fn(&Cells) -> u64) -> u64 {
        self.cells.lock().iter().map(|cells| read(cells)).sum()
    }

    /// Open connections now.
    #[must_use]
    pub fn connections(&self) -> u64 {
        self.sum(|cells| cells.opened.get()).saturating_sub(self.sum(|cells| cells.closed.get()))
    }

    /// Clicks shed since the start, by reason.
    #[must_use]
    pub fn clicks_shed(&self) -> Vec<(&'static str, u64)> {
        let reasons = SHED_REASONS.iter().enumerate();
        reasons.map(|(at, reason)| (reason.as_str(), self.sum(|it| it.shed[at].get()))).collect()
    }

    /// Everything in the text format of Prometheus.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "gauges of the registry are floats")]
    pub fn render(&self) -> String {
        let handles = &self.handles;
        for (at, counter) in handles.redirects.iter().enumerate() {
            counter.absolute(self.sum(|cells| cells.redirects[at].get()));
        }
        for (channel, counters) in handles.ingests.iter().enumerate() {
            for (at, counter) in counters.iter().enumerate() {
                counter.absolute(self.sum(|cells| cells.ingests[channel][at].get()));
            }
        }
        for (at, counter) in handles.shed.iter().enumerate() {
            counter.absolute(self.sum(|cells| cells.shed[at].get()));
        }
        for (at, counter) in handles.closed_by_us.iter().enumerate() {
            counter.absolute(self.sum(|cells| cells.closed_by_us[at].get()));
        }
        handles.refusals_shed.absolute(self.sum(|cells| cells.refusals_shed.get()));
        handles.panics.absolute(self.sum(|cells| cells.panics.get()));
        handles.connections.set(self.connections() as f64);
        handles.links.set(self.view.table.count() as f64);
        handles.catalog_position.set(self.view.position() as f64);
        for lane in &handles.lanes {
            lane.bytes.set(lane.handle.state().borrow().used_bytes as f64);
            lane.records.absolute(lane.handle.stats().records);
        }
        let lanes = [&self.recalled.inbound, &self.recalled.clicks];
        for ([records, cut], lane) in handles.recalled.iter().zip(lanes) {
            records.set(lane.records.load(Ordering::Relaxed) as f64);
            cut.set(f64::from(u8::from(lane.is_cut.load(Ordering::Relaxed))));
        }
        let mut text = self.exporter.render();
        self.render_redirect_duration(&mut text);
        self.render_sync_duration(&mut text);
        text
    }

    fn render_redirect_duration(&self, text: &mut String) {
        let counts: Vec<u64> = (0..=REDIRECT_BUCKETS_MICROS.len())
            .map(|at| self.sum(|cells| cells.redirect_buckets[at].get()))
            .collect();
        head(text, REDIRECT_DURATION, "Time from the head of a redirect request to its answer");
        let sum = self.sum(|cells| cells.redirect_micros.get());
        histogram(text, (REDIRECT_DURATION, ""), &REDIRECT_BUCKETS_MICROS, &counts, Some(sum));
    }

    fn render_sync_duration(&self, text: &mut String) {
        head(text, JOURNAL_SYNC_DURATION, "Time of one sync of a lane");
        for lane in &self.handles.lanes {
            let counts = lane.handle.stats().sync_buckets;
            let label = format!("lane=\"{}\"", lane.lane.as_str());
            let name = (JOURNAL_SYNC_DURATION, label.as_str());
            histogram(text, name, &SYNC_BUCKETS_MICROS, &counts, None);
        }
    }
}

fn head(text: &mut String, name: &str, about: &str) {
    // Writing into a String cannot fail, here and below.
    let _ = write!(text, "\n# HELP {name} {about}\n# TYPE {name} histogram\n");
}

/// One series of a histogram whose buckets were counted elsewhere. Without a sum, the upper bounds
/// stand in for it.
fn histogram(
    text: &mut String,
    (name, label): (&str, &str),
    bounds_micros: &[u64],
    counts: &[u64],
    sum_micros: Option<u64>,
) {
    let comma = if label.is_empty() { "" } else { "," };
    let braced = if label.is_empty() { String::new() } else { format!("{{{label}}}") };
    let mut total = 0;
    let mut bounded = 0;
    for (at, count) in counts.iter().enumerate() {
        total += count;
        let bound = bounds_micros.get(at);
        bounded += count * bound.or_else(|| bounds_micros.last()).copied().unwrap_or(0);
        let bound = bound.map_or_else(|| "+Inf".to_owned(), |micros| seconds(*micros));
        let _ = writeln!(text, "{name}_bucket{{{label}{comma}le=\"{bound}\"}} {total}");
    }
    let _ = writeln!(text, "{name}_sum{braced} {}", seconds(sum_micros.unwrap_or(bounded)));
    let _ = writeln!(text, "{name}_count{braced} {total}");
}

/// Microseconds as seconds, without a float in between.
fn seconds(micros: u64) -> String {
    let text = format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
