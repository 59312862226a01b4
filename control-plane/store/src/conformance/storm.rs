//! A storm of requests whose clients leave: three in ten futures are dropped anywhere, BEGIN and
//! COMMIT included. Nothing may stay open, get lost, or show another tenant's row.
//!
//! `GAMMA_STORM_REQUESTS` sets how many; the long form is 100,000.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::task::Context;
use std::task::Poll;

use model::id::EventId;
use rand::Rng;
use rand::SeedableRng;
use rand::rngs::StdRng;
use tokio::task::JoinSet;

use super::NOW;
use super::OTHER;
use super::OWN;
use super::Place;
use super::shop;
use crate::error::StoreError;
use crate::unit::Store;

const REQUESTS: u64 = 5_000;
const CONNECTIONS: u32 = 8;
/// Requests at a time: more than connections, so that waiting for one is cancelled too.
const AT_ONCE: usize = 24;
/// Of a hundred.
const CANCELLED: u32 = 30;
/// How often a future is polled before it is dropped, at most: about as often as one is that ends.
const POLLS_MAX: u32 = 8;

/// A future that is dropped after a number of polls.
struct Left<F> {
    inner: Option<Pin<Box<F>>>,
    polls_left: u32,
}

impl<F: Future> Future for Left<F> {
    type Output = Option<F::Output>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if self.polls_left == 0 {
            self.inner = None;
            return Poll::Ready(None);
        }
        self.polls_left -= 1;
        let Some(inner) = self.inner.as_mut() else { return Poll::Ready(None) };
        inner.as_mut().poll(context).map(Some)
    }
}

/// How one request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// It was answered: its row is there.
    Saved,
    /// It never asked to save: its row is not there.
    Never,
    /// It was left while it saved: either.
    Unknown,
}

#[derive(Debug, Default)]
struct Counts {
    saved: u64,
    unknown: u64,
    cancelled: u64,
    lost: u64,
    phantom: u64,
    foreign: u64,
}

async fn request(store: Store, number: u64, saving: Arc<AtomicBool>) -> Result<bool, StoreError> {
    let tenant = if number.is_multiple_of(2) { OWN } else { OTHER };
    let mut tx = store.begin(tenant).await?;
    let link = tx.links().by_slug("slug7").await?;
    let is_own = link == Some(shop::link(tenant, 7));
    let mut scope = tx.scope();
    let event = EventId(u128::from(number));
    let row = crate::params![tenant, event, NOW];
    scope.execute("INSERT INTO inbox (tenant_id, event_id, at) VALUES ($1, $2, $3)", row).await?;
    saving.store(true, Ordering::SeqCst);
    tx.save().await?;
    Ok(is_own)
}

async fn storm(store: &Store, requests: u64) -> Counts {
    let mut rng = StdRng::seed_from_u64(20_260_310);
    let mut running = JoinSet::new();
    let mut ends = vec![End::Never; usize::try_from(requests).expect("it fits")];
    let mut counts = Counts::default();
    let mut note = |ended: (u64, Option<bool>, bool)| {
        let (number, answered, was_saving) = ended;
        let end = match answered {
            Some(is_own) => {
                counts.foreign += u64::from(!is_own);
                End::Saved
            }
            None if was_saving => End::Unknown,
            None => End::Never,
        };
        counts.cancelled += u64::from(answered.is_none());
        ends[usize::try_from(number).expect("it fits")] = end;
    };
    for number in 0..requests {
        while running.len() >= AT_ONCE {
            note(running.join_next().await.expect("some run").expect("no panic"));
        }
        let is_left = rng.random_range(0..100) < CANCELLED;
        let polls_left = if is_left { rng.random_range(1..=POLLS_MAX) } else { u32::MAX };
        let (store, saving) = (store.clone(), Arc::new(AtomicBool::new(false)));
        running.spawn(async move {
            let inner = Box::pin(request(store, number, Arc::clone(&saving)));
            let answered = Left { inner: Some(inner), polls_left }.await;
            let answered = answered.map(|ended| ended.expect("the database answers"));
            (number, answered, saving.load(Ordering::SeqCst))
        });
    }
    while let Some(ended) = running.join_next().await {
        note(ended.expect("no panic"));
    }
    compare(store, &ends, counts).await
}

/// What was answered against what is there.
async fn compare(store: &Store, ends: &[End], mut counts: Counts) -> Counts {
    let mut known = std::collections::HashSet::new();
    for tenant in [OWN, OTHER] {
        let mut tx = store.read(tenant).await.expect("reads");
        let events: Vec<EventId> = (0..ends.len() as u128).map(EventId).collect();
        known.extend(tx.inbox().known(&events).await.expect("reads"));
    }
    for (number, end) in (0_u128..).zip(ends) {
        let is_there = known.contains(&EventId(number));
        match end {
            End::Saved => {
                counts.saved += 1;
                counts.lost += u64::from(!is_there);
            }
            End::Never => counts.phantom += u64::from(is_there),
            End::Unknown => counts.unknown += 1,
        }
    }
    counts
}

#[expect(clippy::disallowed_methods, reason = "a switch of a test")]
fn requests() -> u64 {
    let set = std::env::var("GAMMA_STORM_REQUESTS").ok();
    set.and_then(|text| text.parse().ok()).unwrap_or(REQUESTS)
}

fn assert_nothing_wrong(counts: &Counts, requests: u64) {
    assert_eq!((counts.lost, counts.phantom, counts.foreign), (0, 0, 0), "{counts:?}");
    // Requests were really left, and really answered.
    assert!(counts.cancelled * 10 > requests && counts.saved * 2 > requests, "{counts:?}");
}

/// Connections that were given back to the pool inside a database transaction.
async fn left_open(place: &Place) -> i64 {
    let sql = "SELECT COUNT(*) FILTER (WHERE state LIKE 'idle in transaction%') AS open, \
               COUNT(*) FILTER (WHERE state = 'active') AS active FROM pg_stat_activity \
               WHERE datname = current_database() AND application_name = 'gamma' \
               AND pid <> pg_backend_pid()";
    loop {
        let row = place.store.peek(sql).await.expect("asks").remove(0);
        let is_quiet = row.int("active").expect("a count") == 0 && place.store.all_idle();
        if is_quiet {
            let row = place.store.peek(sql).await.expect("asks").remove(0);
            return row.int("open").expect("a count");
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_storm_of_cancelled_requests_leaves_nothing_open_on_sqlite() {
    let place = Place::sqlite().await;
    let requests = requests();
    let counts = Box::pin(storm(&place.store, requests)).await;
    println!("figure: storm on SQLite: {requests} requests, {counts:?}");
    assert_nothing_wrong(&counts, requests);
    // The only writer is free.
    place.store.begin(OWN).await.expect("begins").cancel().await.expect("ends");
}

/// The storm on PostgreSQL; answers how many connections came back inside a database transaction.
async fn storm_on_postgres(cleans: bool, requests: u64) -> Option<(Counts, u64)> {
    let mut place = Place::postgres().await?;
    let url = place.database.as_ref().expect("a database").url().to_owned();
    let opened = Store::open_pooled(&url, CONNECTIONS, cleans).await;
    let (store, found_open) = opened.expect("opens");
    place.store = store;
    let counts = Box::pin(storm(&place.store, requests)).await;
    let left = u64::try_from(left_open(&place).await).expect("a count");
    let open = found_open.load(Ordering::Relaxed) + left;
    println!("figure: storm, cleaned {cleans}: {requests} requests, {counts:?}, open {open}");
    Some((counts, open))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_storm_of_cancelled_requests_leaves_nothing_open_on_postgres() {
    let requests = requests();
    let Some((counts, open)) = Box::pin(storm_on_postgres(true, requests)).await else { return };
    assert_nothing_wrong(&counts, requests);
    assert_eq!(open, 0);
}

/// The control: the same storm against the driver's own pool. Should it pass one day, the hook may
/// go.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_stock_pool_leaves_database_transactions_open() {
    let Some((counts, open)) = Box::pin(storm_on_postgres(false, REQUESTS)).await else { return };
    assert!(open > 0, "the driver's own pool cleans up now: {counts:?}");
}
