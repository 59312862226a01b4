//! M9: conversions per second from a record to committed postings, against bare inserts of the same
//! rows.
//!
//! *Ours* is the pipeline as it is shipped: adapt in a component, attribute, screen, dedupe, post,
//! balances, one commit per batch. *Bare* takes the rows that one such run left behind and inserts
//! them again, several per statement, one commit per batch, with the same durability and without
//! triggers and foreign keys. *One by one* inserts each conversion's rows with a statement per row
//! and a commit per conversion.

mod rows;

use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use control_plane::app;
use control_plane::pipeline::Consumer;
use control_plane::pipeline::IdSource;
use control_plane::pipeline::Mutation;
use control_plane::pipeline::Pipeline;
use control_plane::pipeline::PipelineError;
use control_plane::pipeline::PipelineParts;
use control_plane::pipeline::consume::MemorySource;
use model::click_id::ClickFacts;
use model::click_id::KeyRing;
use model::clock::Clock;
use model::clock::SystemClock;
use model::id::EventId;
use model::inbound::Channel;
use model::inbound::Inbound;
use plugin_host::PluginHost;
use rand::Rng;
use rand::SeedableRng;
use rand::rngs::StdRng;
use store::unit::Store;

use crate::clock;
use crate::gamma::Gamma;
use crate::gamma::Shop;
use crate::measure::Setting;
use crate::pair;
use crate::pair::Reading;
use crate::report::Report;
use rows::Rows;

/// Records of one commit in every batched arm: what the pipeline takes at most.
const BATCH: usize = control_plane::pipeline::consume::BATCH_RECORDS_MAX;
/// Conversions of one run.
const CONVERSIONS: usize = 4 * BATCH;
/// Conversions of one run of the arm that commits each.
const ONE_BY_ONE: usize = 512;
const READY_WITHIN: Duration = Duration::from_mins(1);

/// Everything the arms share.
struct Bench {
    base: PathBuf,
    scratch: PathBuf,
    shop: Shop,
    plugins: PluginHost,
    runtime: tokio::runtime::Runtime,
}

/// Measures the pairs.
///
/// # Errors
///
/// The program or a database does not start.
pub fn measure(setting: &Setting) -> anyhow::Result<Report> {
    let bench = Bench::new(setting)?;
    let rows = bench.rows()?;
    let same =
        pair::compare(&setting.plan, &mut |span| bench.ours(span), &mut |span| bench.ours(span))?;
    let pair = pair::compare(&setting.plan, &mut |span| bench.ours(span), &mut |span| {
        bench.bare(&rows, span)
    })?;
    let one_by_one = pair::compare(&setting.plan, &mut |span| bench.ours(span), &mut |span| {
        bench.one_by_one(&rows, span)
    })?;
    Ok(Report {
        measure: "M9",
        says: "conversions per second into SQLite, ours ÷ bare batch insert of the same rows",
        lower_is_better: false,
        wanted: 0.25,
        settings: serde_json::json!({
            "conversions per run": CONVERSIONS, "records per commit": BATCH,
            "rows per conversion": rows.count() as f64 / CONVERSIONS as f64,
            "durability": "WAL, synchronous = FULL", "cores": "everything everywhere",
        }),
        plan: setting.plan,
        same: Some(same),
        pair,
        others: vec![("ours ÷ one by one (wanted at least 3)".to_owned(), one_by_one)],
    })
}

impl Bench {
    fn new(setting: &Setting) -> anyhow::Result<Self> {
        let directory = setting.scratch.join("base");
        let gamma = Gamma::start(&directory)?;
        let (shop, base) = (gamma.open_shop()?, gamma.database());
        gamma.stop()?;
        let plugins = app::plugin_host(Arc::new(plugin_host::SilentObserver))?;
        for row in plugins.plugins() {
            let name = &row.identity.name;
            anyhow::ensure!(plugins.wait_ready(name, READY_WITHIN), "{name} is not ready");
        }
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        Ok(Self { base, scratch: setting.scratch.clone(), shop, plugins, runtime })
    }

    /// A fresh copy of the database with the shop in it.
    fn copy(&self) -> anyhow::Result<tempfile::TempDir> {
        let directory = tempfile::tempdir_in(&self.scratch)?;
        std::fs::copy(&self.base, directory.path().join("gamma.db"))?;
        Ok(directory)
    }

    /// Runs of the pipeline until `span` was spent in it.
    fn ours(&self, span: Duration) -> anyhow::Result<Reading> {
        repeat(span, CONVERSIONS, || {
            let directory = self.copy()?;
            self.runtime.block_on(self.convert(directory.path(), CONVERSIONS))
        })
    }

    fn bare(&self, rows: &Rows, span: Duration) -> anyhow::Result<Reading> {
        repeat(span, CONVERSIONS, || {
            let directory = self.copy()?;
            let batches = CONVERSIONS / BATCH;
            self.runtime.block_on(rows.insert_batched(&path(directory.path()), batches))
        })
    }

    fn one_by_one(&self, rows: &Rows, span: Duration) -> anyhow::Result<Reading> {
        repeat(span, ONE_BY_ONE, || {
            let directory = self.copy()?;
            let path = path(directory.path());
            self.runtime.block_on(rows.insert_singly(&path, ONE_BY_ONE, CONVERSIONS))
        })
    }

    /// The rows that one run of the pipeline adds or changes.
    fn rows(&self) -> anyhow::Result<Rows> {
        let directory = self.copy()?;
        self.runtime.block_on(async {
            self.convert(directory.path(), CONVERSIONS).await?;
            Rows::read(&path(directory.path()), &self.base).await
        })
    }

    /// Posts `count` new sales: how long it took. Every one must end as a conversion.
    async fn convert(&self, directory: &Path, count: usize) -> anyhow::Result<Duration> {
        let url = format!("sqlite://{}", path(directory).display());
        let store = Store::open(&url).await?;
        let secrets = app::secrets(&store).await?;
        let ring = KeyRing::new(secrets.click_signing.clone(), secrets.click_verify_only.clone());
        let source = MemorySource::new("bench", "inbound");
        self.fill(&source, &ring, rows::tenant(&path(directory)).await?, count)?;
        let pipeline = Pipeline::new(PipelineParts {
            store: store.clone(),
            plugins: self.plugins.clone(),
            clock: Arc::new(SystemClock),
            ids: IdSource::new(StdRng::from_os_rng()),
            pepper: secrets.pepper,
            mutation: Mutation::default(),
        });
        let mut consumer = Consumer::new(source);
        let begin = clock::now();
        let mut converted = 0;
        loop {
            let tally = match pipeline.step(&mut consumer).await {
                Err(PipelineError::Wait) => continue,
                other => other?,
            };
            if tally.records == 0 {
                break;
            }
            let is_converted = |outcome: &&_| **outcome == model::outcome::Outcome::Converted;
            converted += tally.outcomes.iter().filter(is_converted).count();
        }
        let spent = begin.elapsed();
        store.close().await;
        anyhow::ensure!(converted == count, "{converted} of {count} were converted");
        Ok(spent)
    }

    fn fill(
        &self,
        source: &MemorySource,
        ring: &KeyRing,
        tenant: model::id::TenantId,
        count: usize,
    ) -> anyhow::Result<()> {
        let mut chance = StdRng::seed_from_u64(1);
        let (_, facts) = ring.read(&self.shop.click_id).context("the click id is not ours")?;
        let integration = self.shop.integration.parse()?;
        for number in 0..count {
            let now = SystemClock.now();
            let click_id = ring.sign(&ClickFacts { unique: chance.random(), ..facts });
            let body = format!(
                "click_id={click_id}&order_id=B-{number:08}&amount=10000.00&currency=KZT\
                 &status=approved"
            );
            source.push_inbound(&Inbound {
                event_id: EventId::new(now, &mut chance),
                tenant,
                integration,
                channel: Channel::Postback,
                received_at: now,
                method: "POST".into(),
                path: format!("/postback/{integration}").into(),
                query: "token=***".into(),
                headers: vec![("content-type".into(), "application/x-www-form-urlencoded".into())],
                body: body.into_bytes(),
                remote_prefix: None,
                is_signed: false,
                refused: None,
            });
        }
        Ok(())
    }
}

fn path(directory: &Path) -> PathBuf {
    directory.join("gamma.db")
}

/// Conversions per second of `run`, repeated until `span` was spent inside it.
fn repeat(
    span: Duration,
    conversions: usize,
    mut run: impl FnMut() -> anyhow::Result<Duration>,
) -> anyhow::Result<Reading> {
    let (mut spent, mut count) = (Duration::ZERO, 0);
    while spent < span {
        spent += run()?;
        count += conversions as u64;
    }
    let value = count as f64 / spent.as_secs_f64();
    Ok(Reading { value, count, shares_core: true, ..Reading::default() })
}
