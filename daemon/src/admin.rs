//! Health, readiness and metrics, on a listener of their own that load cannot reach.

use std::convert::Infallible;
use std::fmt::Write as _;
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use http::Method;
use http::StatusCode;
use http::header;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use hyper_util::rt::TokioTimer;
use journal::Level;
use journal::Record;
use model::clock::Clock;
use model::record::RecordKind;
use serde_json::json;
use tokio::net::TcpStream;
use tokio::runtime::LocalOptions;
use tokio_util::task::TaskTracker;

use crate::catalog::View;
use crate::listener::tcp;
use crate::metrics::Metrics;
use crate::respond::Body;
use crate::rooms::Lanes;

/// Connections at a time: operators and one or two scrapers.
const CONNECTIONS_MAX: usize = 64;
/// A head that takes longer is not an operator's.
const HEADERS_WITHIN: Duration = Duration::from_secs(5);
/// How often shed clicks are written down.
const TICK: Duration = Duration::from_secs(1);

/// What readiness is made of.
#[derive(Debug)]
pub struct Health {
    pub view: Arc<View>,
    pub lanes: Lanes,
    pub is_draining: AtomicBool,
    /// Recovery found damage inside the journal.
    pub is_journal_damaged: bool,
}

impl Health {
    /// Whether requests can be served, and what is wrong behind them.
    #[must_use]
    pub fn state(&self) -> (bool, Vec<&'static str>) {
        let mut reasons = Vec::new();
        let mut is_ready = true;
        let mut refuse = |reason| {
            is_ready = false;
            reason
        };
        let inbound = *self.lanes.inbound.state().borrow();
        if self.is_draining.load(Ordering::Relaxed) {
            reasons.push(refuse("draining"));
        }
        if !self.view.is_loaded() {
            reasons.push(refuse("catalog_not_loaded"));
        }
        if inbound.failed || inbound.level == Level::Full {
            reasons.push(refuse("inbound_not_durable"));
        }
        let clicks = *self.lanes.clicks.state().borrow();
        let degraded = [
            ("catalog_not_followed", self.view.is_stale()),
            ("catalog_unreadable", self.view.unreadable() > 0),
            ("journal_damaged", self.is_journal_damaged),
            ("journal_poisoned", inbound.poisonings + clicks.poisonings > 0),
            ("inbound_filling", inbound.level >= Level::Alert && inbound.level != Level::Full),
            ("clicks_filling", clicks.level >= Level::Alert),
            ("clicks_failed", clicks.failed),
        ];
        reasons.extend(degraded.into_iter().filter(|(_, holds)| *holds).map(|(reason, _)| reason));
        (is_ready, reasons)
    }
}

/// Answers operators on the calling thread until told to stop.
///
/// # Errors
/// When the runtime or the listener cannot be set up.
pub fn run(
    listener: std::net::TcpListener,
    health: Arc<Health>,
    metrics: Arc<Metrics>,
    clock: &dyn Clock,
    stop: tokio::sync::watch::Receiver<bool>,
) -> io::Result<()> {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let runtime = builder.enable_all().build_local(LocalOptions::default())?;
    runtime.block_on(serve(listener, Rc::new(Rooms { health, metrics }), clock, stop))
}

struct Rooms {
    health: Arc<Health>,
    metrics: Arc<Metrics>,
}

async fn serve(
    listener: std::net::TcpListener,
    rooms: Rc<Rooms>,
    clock: &dyn Clock,
    mut stop: tokio::sync::watch::Receiver<bool>,
) -> io::Result<()> {
    let listener = tcp::register(listener)?;
    let tracker = TaskTracker::new();
    let mut ticks = tokio::time::interval(TICK);
    let mut shed = Shed::default();
    loop {
        tokio::select! {
            biased;
            _ = stop.changed() => return Ok(()),
            accepted = listener.accept() => {
                if let Ok((stream, _)) = accepted
                    && tracker.len() < CONNECTIONS_MAX
                {
                    tracker.spawn_local(connection(stream, Rc::clone(&rooms)));
                }
            }
            _ = ticks.tick() => shed.note(&rooms, clock),
        }
    }
}

async fn connection(stream: TcpStream, rooms: Rc<Rooms>) {
    let service = service_fn(|request: hyper::Request<hyper::body::Incoming>| {
        let answer = answer(&rooms, request.method(), request.uri().path());
        async move { Ok::<_, Infallible>(answer) }
    });
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEADERS_WITHIN);
    // A broken connection is the operator's to notice.
    let _ = builder.serve_connection(TokioIo::new(stream), service).await;
}

fn answer(rooms: &Rooms, method: &Method, path: &str) -> hyper::Response<Body> {
    if method != Method::GET && method != Method::HEAD {
        return text(StatusCode::METHOD_NOT_ALLOWED, "text/plain", "GET only\n".to_owned());
    }
    match path {
        "/livez" => text(StatusCode::OK, "application/json", json!({"status": "ok"}).to_string()),
        "/readyz" => {
            let (is_ready, reasons) = rooms.health.state();
            let (status, word) = match (is_ready, reasons.is_empty()) {
                (false, _) => (StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
                (true, false) => (StatusCode::OK, "degraded"),
                (true, true) => (StatusCode::OK, "ok"),
            };
            let body = json!({"status": word, "reasons": reasons});
            text(status, "application/json", body.to_string())
        }
        "/metrics" => {
            text(StatusCode::OK, "text/plain; version=0.0.4; charset=utf-8", rooms.metrics.render())
        }
        _ => text(StatusCode::NOT_FOUND, "text/plain", "not found\n".to_owned()),
    }
}

fn text(status: StatusCode, media_type: &'static str, body: String) -> hyper::Response<Body> {
    let mut response = hyper::Response::new(Body::Full(Bytes::from(body)));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, header::HeaderValue::from_static(media_type));
    response
}

/// Shed clicks that are already written down.
#[derive(Default)]
struct Shed {
    noted: Vec<(&'static str, u64)>,
}

impl Shed {
    /// Writes one control record with what was shed since the last.
    fn note(&mut self, rooms: &Rooms, clock: &dyn Clock) {
        let total = rooms.metrics.clicks_shed();
        if total == self.noted || total.iter().all(|(_, count)| *count == 0) {
            return;
        }
        let before = |reason: &str| {
            self.noted.iter().find(|(held, _)| *held == reason).map_or(0, |(_, count)| *count)
        };
        let mut lines = String::new();
        for (reason, count) in &total {
            let new = count - before(reason);
            if new > 0 {
                // Writing into a String cannot fail.
                let _ = writeln!(lines, "{reason} {new}");
            }
        }
        let record = Record {
            kind: RecordKind::Shed.byte(),
            flags: 0,
            received_at: clock.now().0,
            payload: lines.as_bytes(),
        };
        if rooms.health.lanes.control.enqueue(record).is_ok() {
            self.noted = total;
        }
    }
}
