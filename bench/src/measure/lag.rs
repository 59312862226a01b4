//! M11: from the answer to a postback until its money is committed, P99 at half of what the program
//! can take; against the P99 of one bare synced commit on the same disk at the same rate of a
//! hundred per second.
//!
//! A second connection to the database looks several times per millisecond how far the consumer has
//! committed. The k-th answer and the k-th committed record belong together, because the journal
//! keeps one order.

use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::thread;
use std::thread::JoinHandle;
use std::time::Duration;
use std::time::Instant;

use hdrhistogram::Histogram;
use sqlx::ConnectOptions;
use sqlx::Connection;
use sqlx::SqliteConnection;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::sqlite::SqliteJournalMode;
use sqlx::sqlite::SqliteSynchronous;
use tokio::runtime::Runtime;

use crate::clock;
use crate::gamma::Gamma;
use crate::gamma::Shop;
use crate::load;
use crate::load::Load;
use crate::load::Outcome;
use crate::load::Pace;
use crate::measure::Setting;
use crate::pair;
use crate::pair::Reading;
use crate::report::Report;

/// How often the database is looked at.
const LOOK: Duration = Duration::from_micros(250);
/// Everything that was answered must be committed so long after the last answer.
const DRAIN_WITHIN: Duration = Duration::from_mins(1);
/// The closed loop that finds out what the program can take.
const CALIBRATION: Duration = Duration::from_secs(5);
/// Commits per second of the bare arm.
const COMMITS_PER_SECOND: u32 = 100;
const SHARE_OF_LOAD: f64 = 0.5;

struct Bench {
    gamma: Gamma,
    shop: Shop,
    connections: usize,
    scratch: PathBuf,
    next_order: u64,
    per_second: f64,
}

/// Measures the pair.
///
/// # Errors
///
/// The program does not start, or falls behind.
pub fn measure(setting: &Setting) -> anyhow::Result<Report> {
    let gamma = Gamma::start(&setting.scratch.join("lag"))?;
    let shop = gamma.open_shop()?;
    let mut bench = Bench {
        gamma,
        shop,
        connections: setting.connections,
        scratch: setting.scratch.clone(),
        next_order: 0,
        per_second: 0.0,
    };
    bench.per_second = bench.capacity()? * SHARE_OF_LOAD;
    let cell = std::cell::RefCell::new(bench);
    let pair =
        pair::compare(&setting.plan, &mut |span| cell.borrow_mut().ours(span), &mut |span| {
            cell.borrow().bare(span)
        })?;
    let bench = cell.into_inner();
    Ok(Report {
        measure: "M11",
        says: "answered postback to committed money, P99, ours ÷ one bare synced commit",
        lower_is_better: true,
        wanted: 15.0,
        settings: serde_json::json!({
            "postbacks per second": bench.per_second, "share of what it can take": SHARE_OF_LOAD,
            "connections": bench.connections, "bare commits per second": COMMITS_PER_SECOND,
            "cores": "everything everywhere",
        }),
        plan: setting.plan,
        same: None,
        pair,
        others: Vec::new(),
    })
}

impl Bench {
    /// Committed postbacks per second in a closed loop, the time to catch up included.
    fn capacity(&mut self) -> anyhow::Result<f64> {
        let watch = Watch::start(&self.gamma.database())?;
        let begin = clock::now();
        let outcome = self.send(Pace::Closed, CALIBRATION)?;
        watch.wait_for(outcome.answers.len())?;
        let seconds = begin.elapsed().as_secs_f64();
        watch.stop()?;
        Ok(outcome.answers.len() as f64 / seconds)
    }

    fn ours(&mut self, span: Duration) -> anyhow::Result<Reading> {
        let watch = Watch::start(&self.gamma.database())?;
        let pace = Pace::Open { per_second: self.per_second };
        let outcome = self.send(pace, span)?;
        watch.wait_for(outcome.answers.len())?;
        let seen = watch.stop()?;
        let mut delays = histogram()?;
        for (at, answer) in outcome.answers.iter().enumerate() {
            let committed = seen.partition_point(|(_, count)| *count <= at as u64);
            let (instant, _) = seen[committed.min(seen.len() - 1)];
            let delay = instant.saturating_duration_since(*answer);
            delays.saturating_record(micros(delay));
        }
        Ok(Reading {
            value: delays.value_at_quantile(0.99) as f64,
            count: outcome.answered,
            wrong: outcome.wrong,
            late: outcome.late,
            is_open_loop: true,
            shares_core: true,
            ..Reading::default()
        })
    }

    fn send(&mut self, pace: Pace, span: Duration) -> anyhow::Result<Outcome> {
        let load = Load {
            address: self.gamma.daemon,
            connections: self.connections,
            pace,
            span,
            status: 200,
        };
        let (shop, next) = (&self.shop, &mut self.next_order);
        let mut request = |out: &mut Vec<u8>| {
            *next += 1;
            let request = format!(
                "GET {}&click_id={}&order_id=L-{next}&amount=10000.00&currency=KZT\
                 &status=approved HTTP/1.1\r\nhost: go.example\r\n\r\n",
                shop.postback, shop.click_id
            );
            out.extend_from_slice(request.as_bytes());
        };
        Ok(load::run(&load, &mut request)?)
    }

    /// P99 of one insert with its own synced commit.
    fn bare(&self, span: Duration) -> anyhow::Result<Reading> {
        let directory = tempfile::tempdir_in(&self.scratch)?;
        let runtime = runtime()?;
        let delays = runtime.block_on(commits(&directory.path().join("bare.db"), span))?;
        Ok(Reading {
            value: delays.value_at_quantile(0.99) as f64,
            count: delays.len(),
            shares_core: true,
            ..Reading::default()
        })
    }
}

async fn commits(path: &Path, span: Duration) -> anyhow::Result<Histogram<u64>> {
    let mut connection = open(path).await?;
    let table = "CREATE TABLE postings (id BIGINT PRIMARY KEY, account TEXT, amount BIGINT)";
    sqlx::query(table).execute(&mut connection).await?;
    let mut delays = histogram()?;
    let begin = clock::now();
    for number in 0_u32.. {
        let due = begin + Duration::from_secs(1) * number / COMMITS_PER_SECOND;
        if due >= begin + span {
            break;
        }
        thread::sleep(due.saturating_duration_since(clock::now()));
        let start = clock::now();
        let mut tx = connection.begin_with("BEGIN IMMEDIATE").await?;
        sqlx::query("INSERT INTO postings VALUES ($1, $2, $3)")
            .bind(i64::from(number))
            .bind("publisher_pending/pub_bench/KZT")
            .bind(70_000_i64)
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        delays.saturating_record(micros(start.elapsed()));
    }
    connection.close().await?;
    Ok(delays)
}

/// Looks at how far the consumer has committed, from a thread of its own.
struct Watch {
    is_over: Arc<AtomicBool>,
    count: Arc<std::sync::atomic::AtomicU64>,
    thread: JoinHandle<anyhow::Result<Vec<(Instant, u64)>>>,
}

impl Watch {
    fn start(path: &Path) -> anyhow::Result<Self> {
        let runtime = runtime()?;
        let mut connection = runtime.block_on(open(path))?;
        let first = runtime.block_on(position(&mut connection))?;
        let is_over = Arc::new(AtomicBool::new(false));
        let count = Arc::new(std::sync::atomic::AtomicU64::new(0));
        let (end, shared) = (Arc::clone(&is_over), Arc::clone(&count));
        let thread = thread::spawn(move || {
            let mut seen = vec![(clock::now(), 0)];
            while !end.load(Ordering::SeqCst) {
                let committed = runtime.block_on(position(&mut connection))? - first;
                if seen.last().is_none_or(|(_, last)| *last != committed) {
                    seen.push((clock::now(), committed));
                    shared.store(committed, Ordering::SeqCst);
                }
                thread::sleep(LOOK);
            }
            Ok(seen)
        });
        Ok(Self { is_over, count, thread })
    }

    fn wait_for(&self, count: usize) -> anyhow::Result<()> {
        let begin = clock::now();
        while self.count.load(Ordering::SeqCst) < count as u64 {
            anyhow::ensure!(begin.elapsed() < DRAIN_WITHIN, "the program falls behind");
            thread::sleep(LOOK);
        }
        Ok(())
    }

    fn stop(self) -> anyhow::Result<Vec<(Instant, u64)>> {
        self.is_over.store(true, Ordering::SeqCst);
        self.thread.join().map_err(|_| anyhow::anyhow!("the watch failed"))?
    }
}

async fn position(connection: &mut SqliteConnection) -> anyhow::Result<u64> {
    let next: Option<i64> =
        sqlx::query_scalar("SELECT next FROM consumer_offsets WHERE part = 'inbound'")
            .fetch_optional(connection)
            .await?;
    Ok(u64::try_from(next.unwrap_or(1))?)
}

async fn open(path: &Path) -> anyhow::Result<SqliteConnection> {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full);
    Ok(options.connect().await?)
}

fn runtime() -> anyhow::Result<Runtime> {
    Ok(tokio::runtime::Builder::new_current_thread().enable_all().build()?)
}

fn histogram() -> anyhow::Result<Histogram<u64>> {
    Histogram::new_with_bounds(1, 60_000_000, 3).map_err(|error| anyhow::anyhow!("{error:?}"))
}

fn micros(span: Duration) -> u64 {
    u64::try_from(span.as_micros()).unwrap_or(u64::MAX).max(1)
}
