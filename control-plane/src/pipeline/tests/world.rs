//! A small world in process: one tenant, one shop, three publishers, a manual clock, records in
//! memory; rows on SQLite, or on PostgreSQL where `GAMMA_TEST_POSTGRES` asks for it.

use std::sync::Arc;
use std::sync::OnceLock;
use std::time::Duration;

use model::click_id::ClickFacts;
use model::click_id::ClickFlags;
use model::click_id::ClickKey;
use model::click_id::KeyRing;
use model::clock::Clock;
use model::clock::ManualClock;
use model::clock::Timestamp;
use model::id::EventId;
use model::id::IntegrationId;
use model::id::PublisherId;
use model::id::TenantId;
use model::inbound::Channel;
use model::inbound::Inbound;
use model::link::LinkNumber;
use plugin_host::Artifact;
use plugin_host::HostParts;
use plugin_host::Limits;
use plugin_host::MetricsObserver;
use plugin_host::PluginHost;
use plugin_host::PluginKind;
use rand::RngCore;
use rand::SeedableRng;
use rand::rngs::StdRng;
use store::conversions::Conversion;
use store::conversions::ConversionFilter;
use store::inbound::InboundRow;
use store::ledger::BalanceRow;
use store::page::PageAsk;
use store::throwaway::TestDatabase;
use store::unit::Store;

use crate::pipeline::Consumer;
use crate::pipeline::IdSource;
use crate::pipeline::Mutation;
use crate::pipeline::Pipeline;
use crate::pipeline::PipelineError;
use crate::pipeline::PipelineParts;
use crate::pipeline::Tally;
use crate::pipeline::consume::MemorySource;
use crate::settle::Reviewer;
use crate::settle::Settle;
use crate::settle::SettleParts;

/// 2026-03-01T00:00:00Z.
pub(crate) const START: Timestamp = Timestamp(1_772_323_200_000_000);
pub(crate) const DAY: Duration = Duration::from_hours(24);

/// Names by which tests speak of rows: bits of ids.
pub(crate) const TENANT: TenantId = TenantId(1);
pub(crate) const SHOP_POSTBACK: IntegrationId = IntegrationId(11);
pub(crate) const SHOP_SECOND: IntegrationId = IntegrationId(12);
pub(crate) const SHOP_EVENTS: IntegrationId = IntegrationId(13);
pub(crate) const NETWORK: IntegrationId = IntegrationId(14);
pub(crate) const OTHER_POSTBACK: IntegrationId = IntegrationId(15);
pub(crate) const TRACKIER: IntegrationId = IntegrationId(16);
pub(crate) const AIGERIM: PublisherId = PublisherId(51);
pub(crate) const BOTA: PublisherId = PublisherId(52);

pub(crate) struct World {
    pub(crate) store: Store,
    pub(crate) pipeline: Pipeline,
    pub(crate) settle: Settle,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) source: MemorySource,
    pub(crate) consumer: Consumer<MemorySource>,
    ring: KeyRing,
    rng: StdRng,
    database: TestDatabase,
    _directory: tempfile::TempDir,
    mutation: Mutation,
}

/// One host for all tests: compiling the guests is the slow part.
pub(crate) fn host() -> &'static PluginHost {
    static HOST: OnceLock<PluginHost> = OnceLock::new();
    HOST.get_or_init(|| {
        let ticks = std::sync::atomic::AtomicU64::new(0);
        let clock = move || {
            let micros = ticks.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            Duration::from_micros(micros)
        };
        let parts = HostParts {
            limits: Limits::default(),
            clock: Arc::new(clock),
            observer: Arc::new(MetricsObserver),
        };
        let host = PluginHost::new(parts).expect("a plugin host");
        for guest in bundle::guests() {
            let kind = match guest.kind {
                bundle::Kind::Adapter => PluginKind::Adapter,
                bundle::Kind::Rule => PluginKind::Rule,
            };
            host.load(Artifact {
                name: guest.name.to_owned(),
                kind,
                version: guest.version.to_owned(),
                component: guest.component.into(),
            })
            .expect("a shipped guest");
        }
        for guest in bundle::guests() {
            assert!(host.wait_ready(guest.name, Duration::from_mins(2)), "{}", guest.name);
        }
        host
    })
}

/// The rows of the small world. Terms: ten percent for a purchase, 500.00 for a signup; hold 14
/// days; window 30 days.
fn seed() -> Vec<String> {
    let mut sql = shops();
    sql.extend(offers());
    sql.extend(campaigns());
    sql.extend(links());
    sql.extend(coupons());
    sql
}

/// When everything was made.
const MADE_AT: i64 = START.0 - 1_000_000;

/// The text of an id, by its prefix and its bits.
fn id(prefix: &str, bits: u128) -> String {
    TenantId(bits).to_string().replace("ten_", prefix)
}

/// A literal, or NULL.
fn literal(text: Option<String>) -> String {
    text.map_or_else(|| "NULL".to_owned(), |text| format!("'{text}'"))
}

fn shops() -> Vec<String> {
    let (shop, other) = (id("adv_", 21), id("adv_", 22));
    let mut sql = vec![
        format!(
            "INSERT INTO tenants VALUES ('{TENANT}', 'demo', 2000, 0, 'ru-KZ', 'Asia/Almaty', \
             {MADE_AT})"
        ),
        format!("INSERT INTO click_keys VALUES (1, x'{}', 1, {MADE_AT}, NULL)", "07".repeat(16)),
        format!(
            "INSERT INTO shoppers VALUES ('{TENANT}', '{}', 'user-1', NULL, NULL, {MADE_AT})",
            id("shp_", 81)
        ),
    ];
    for (advertiser, name, currency) in [(&shop, "Shop", "KZT"), (&other, "Other", "USD")] {
        sql.push(format!(
            "INSERT INTO advertisers VALUES ('{TENANT}', '{advertiser}', '{name}', '{currency}', \
             '[]', '{{}}', 'active', '{SHOP_EVENTS}', '{SHOP_EVENTS}', {MADE_AT}, NULL)"
        ));
    }
    let dated = r#"{"names":{"updated_at":["updated_at"],"test":["test"]}}"#;
    let second = r#"{"names":{"order_ref":["zakaz"],"updated_at":["updated_at"]}}"#;
    let auth = r#"{"token":true,"hmac":false,"ip_allow":[]}"#;
    for (bits, adapter, advertiser, config) in [
        (11, "generic", Some(&shop), dated),
        (12, "generic", Some(&shop), second),
        (13, "events", Some(&shop), "{}"),
        (14, "generic", None, r#"{"charge_stated":true}"#),
        (15, "generic", Some(&other), "{}"),
        (16, "trackier", None, "{}"),
    ] {
        let integration = id("int_", bits);
        let space = advertiser.unwrap_or(&integration);
        let advertiser = literal(advertiser.cloned());
        sql.push(format!(
            "INSERT INTO integrations VALUES ('{TENANT}', '{integration}', 'i{bits}', \
             '{adapter}', NULL, {advertiser}, '{space}', '{auth}', '[]', '[]', '{config}', \
             '{{\"oplacheno\":\"approved\"}}', {MADE_AT}, NULL)"
        ));
    }
    sql
}

fn offers() -> Vec<String> {
    let mut sql = Vec::new();
    for (bits, advertiser, hold) in [(31, 21, 14), (32, 22, 0)] {
        let (offer, advertiser) = (id("off_", bits), id("adv_", advertiser));
        sql.push(format!(
            "INSERT INTO offers VALUES ('{TENANT}', '{offer}', '{advertiser}', 'o', NULL, NULL, \
             NULL, 'https://shop.example/', NULL, 'sub1', 'ref_code', '[]', 30, 24, {hold}, \
             '{{}}', NULL, {MADE_AT}, NULL)"
        ));
        sql.push(format!(
            "INSERT INTO terms VALUES ('{TENANT}', 'trm_{bits}p', 'offer', '{offer}', 0, \
             'purchase', 'percent', 1000, NULL, NULL, '{{}}', {MADE_AT}, NULL)"
        ));
    }
    sql.push(format!(
        "INSERT INTO terms VALUES ('{TENANT}', 'trm_31s', 'offer', '{}', 1, 'signup', 'fixed', \
         NULL, 50000, 'KZT', '{{}}', {MADE_AT}, NULL)",
        id("off_", 31)
    ));
    sql
}

/// 41: last touch; 42: first touch, clicks beat coupons; 43: the other shop's.
fn campaigns() -> Vec<String> {
    let mut sql = Vec::new();
    for (bits, model, precedence, offer) in [
        (41, "last_touch", "coupon_wins", 31),
        (42, "first_touch", "click_wins", 31),
        (43, "last_touch", "coupon_wins", 32),
    ] {
        let (campaign, advertiser) = (id("cmp_", bits), id("adv_", offer - 10));
        let offer = id("off_", offer);
        sql.push(format!(
            "INSERT INTO campaigns VALUES ('{TENANT}', '{campaign}', '{advertiser}', 'c', NULL, \
             NULL, '{model}', '{precedence}', 2000, 5000, NULL, 'strict-origin', '[]', '{{}}', \
             '{{}}', {MADE_AT}, NULL)"
        ));
        sql.push(format!(
            "INSERT INTO campaign_offers VALUES ('{TENANT}', '{campaign}', 0, '{offer}')"
        ));
    }
    sql
}

fn links() -> Vec<String> {
    let mut sql = Vec::new();
    for (bits, code, regime) in [(51, "aigerim", "illustrative_10"), (52, "bota", "none")] {
        sql.push(format!(
            "INSERT INTO publishers VALUES ('{TENANT}', '{}', '{code}', '{code}', 'KZT', NULL, \
             NULL, NULL, '{regime}', '[]', '{{}}', {MADE_AT}, NULL)",
            id("pub_", bits)
        ));
    }
    for (number, slug, campaign, offer, publisher) in [
        (1, "spring", 41, Some(31), 51),
        (2, "bota", 41, Some(31), 52),
        (3, "first", 42, Some(31), 51),
        (4, "firstbota", 42, Some(31), 52),
        (5, "any", 41, None, 51),
        (6, "other", 43, Some(32), 51),
    ] {
        sql.push(format!(
            "INSERT INTO links VALUES ('{TENANT}', '{}', {number}, '{}', {}, '{}', NULL, \
             '{slug}', NULL, '[]', '{{}}', NULL, NULL, NULL, NULL, 0, {MADE_AT}, NULL)",
            id("lnk_", 60 + number),
            id("cmp_", campaign),
            literal(offer.map(|bits| id("off_", bits))),
            id("pub_", publisher)
        ));
    }
    sql
}

fn coupons() -> Vec<String> {
    let coupons = [
        (71, "AIGERIM10", 41, Some(51), "active"),
        (72, "BOTA10", 42, Some(52), "active"),
        (73, "SALE", 41, None, "active"),
        (74, "OLD", 41, Some(51), "invalid"),
    ];
    let insert =
        |(bits, code, campaign, publisher, status): (u128, &str, _, Option<u128>, &str)| {
            format!(
                "INSERT INTO coupons VALUES ('{TENANT}', '{}', '{}', {}, '{code}', '{status}', \
             {MADE_AT}, NULL, NULL)",
                id("cpn_", bits),
                id("cmp_", campaign),
                literal(publisher.map(|bits| id("pub_", bits)))
            )
        };
    coupons.map(insert).into()
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::mutated(Mutation::default()).await
    }

    pub(crate) async fn mutated(mutation: Mutation) -> Self {
        // Every test's future would hold room for all of it.
        Box::pin(Self::made(mutation)).await
    }

    async fn made(mutation: Mutation) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let database = Box::pin(TestDatabase::new(directory.path())).await;
        let store = Store::open(&database.url).await.expect("a database");
        store.migrate().await.expect("a schema");
        store.tend(START).await.expect("months");
        let seed = seed();
        let seed: Vec<&str> = seed.iter().map(String::as_str).collect();
        store.tamper(&seed).await.expect("seeded rows");
        let clock = Arc::new(ManualClock::new(START));
        let source = MemorySource::new("journal-1", "inbound");
        let ring = KeyRing::new(ClickKey { id: 1, secret: [7; 16] }, Vec::new());
        let (pipeline, settle) = line(&store, &clock, mutation, 11);
        Self {
            store,
            pipeline,
            settle,
            clock,
            consumer: Consumer::new(source.clone()),
            source,
            ring,
            rng: StdRng::seed_from_u64(7),
            database,
            _directory: directory,
            mutation,
        }
    }

    /// Stops and starts again: nothing is left but the database and the records.
    pub(crate) async fn restart(&mut self) {
        self.store.close().await;
        self.store = Store::open(&self.database.url).await.expect("the database");
        let seed = self.rng.next_u64();
        let (pipeline, settle) = line(&self.store, &self.clock, self.mutation, seed);
        (self.pipeline, self.settle) = (pipeline, settle);
        self.consumer = Consumer::new(self.source.clone());
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// A click made now.
    pub(crate) fn click(&mut self, link: u64) -> String {
        self.click_with(link, ClickFlags::PLAIN)
    }

    pub(crate) fn click_with(&mut self, link: u64, flags: ClickFlags) -> String {
        let unique = self.rng.next_u64();
        let clicked_at = self.now();
        let facts = ClickFacts { clicked_at, link: LinkNumber(link), flags, unique };
        self.ring.sign(&facts).to_string()
    }

    /// A postback as the daemon records it, a moment after whatever was before.
    pub(crate) fn inbound(&mut self, integration: IntegrationId, query: &str) -> Inbound {
        self.clock.advance(Duration::from_millis(1));
        let received_at = self.now();
        Inbound {
            event_id: EventId::new(received_at, &mut self.rng),
            tenant: TENANT,
            integration,
            channel: Channel::Postback,
            received_at,
            method: "GET".into(),
            path: format!("/postback/{integration}").into(),
            query: query.into(),
            headers: Vec::new(),
            body: Vec::new(),
            remote_prefix: None,
            is_signed: false,
            refused: None,
        }
    }

    /// An event of the event API as the daemon records it.
    pub(crate) fn event(&mut self, json: &str) -> Inbound {
        Inbound {
            channel: Channel::Event,
            method: "POST".into(),
            path: "/v1/events".into(),
            headers: vec![("content-type".into(), "application/json".into())],
            body: json.as_bytes().to_vec(),
            ..self.inbound(SHOP_EVENTS, "")
        }
    }

    /// Records an inbound and runs it through; answers how it ended.
    pub(crate) async fn take(&mut self, inbound: Inbound) -> InboundRow {
        let event = inbound.event_id;
        self.source.push_inbound(&inbound);
        Box::pin(self.run()).await.expect("a batch");
        self.ended(event).await
    }

    pub(crate) async fn postback(&mut self, query: &str) -> InboundRow {
        let inbound = self.inbound(SHOP_POSTBACK, query);
        self.take(inbound).await
    }

    /// Runs whatever waits.
    pub(crate) async fn run(&mut self) -> Result<Vec<Tally>, PipelineError> {
        let mut tallies = Vec::new();
        loop {
            let tally = Box::pin(self.pipeline.step(&mut self.consumer)).await?;
            if tally.records == 0 {
                return Ok(tallies);
            }
            tallies.push(tally);
        }
    }

    pub(crate) async fn ended(&self, event: EventId) -> InboundRow {
        let mut tx = self.store.read(TENANT).await.expect("a read");
        tx.inbound().get(event).await.expect("a row").expect("an ended inbound")
    }

    pub(crate) async fn conversions(&self) -> Vec<Conversion> {
        let mut tx = self.store.read(TENANT).await.expect("a read");
        let (filter, page) = (ConversionFilter::default(), PageAsk::first(500));
        tx.conversions().list(&filter, &page).await.expect("conversions")
    }

    /// The one conversion of an order.
    pub(crate) async fn order(&self, order_ref: &str) -> Conversion {
        let mut tx = self.store.read(TENANT).await.expect("a read");
        let refs = [order_ref.to_owned()];
        let found = tx.conversions().of_orders(&refs).await.expect("conversions");
        let [one] = found.try_into().expect("one conversion");
        one
    }

    /// A publisher's balance in KZT.
    pub(crate) async fn balance(&self, publisher: PublisherId) -> BalanceRow {
        let mut tx = self.store.read(TENANT).await.expect("a read");
        let rows = tx.ledger().balance(publisher).await.expect("a balance");
        let kzt = rows.into_iter().find(|row| row.currency.code() == "KZT");
        kzt.unwrap_or_else(|| BalanceRow::nothing(model::money::Currency::KZT))
    }

    /// Every account and its balance, as text.
    pub(crate) async fn accounts(&self) -> Vec<String> {
        let mut tx = self.store.read(TENANT).await.expect("a read");
        let rows = tx.ledger().accounts(None).await.expect("accounts");
        let shown = rows.iter().filter(|row| row.balance_minor != 0);
        shown.map(|row| format!("{} {}", row.account, row.balance_minor)).collect()
    }

    pub(crate) async fn count(&self, table: &str) -> i64 {
        let rows = self.store.peek(&format!("SELECT COUNT(*) AS n FROM {table}")).await;
        rows.expect("a table")[0].int("n").expect("a count")
    }
}

fn line(
    store: &Store,
    clock: &Arc<ManualClock>,
    mutation: Mutation,
    seed: u64,
) -> (Pipeline, Settle) {
    let ids = IdSource::new(StdRng::seed_from_u64(seed));
    let clock: Arc<dyn Clock> = Arc::<ManualClock>::clone(clock);
    let pipeline = Pipeline::new(PipelineParts {
        store: store.clone(),
        plugins: host().clone(),
        clock: Arc::clone(&clock),
        ids: ids.clone(),
        pepper: [9; 32],
        mutation,
    });
    (pipeline, Settle::new(SettleParts { store: store.clone(), clock, ids, pay: Arc::default() }))
}

/// Somebody at the review desk.
pub(crate) const REVIEWER: Reviewer<'static> =
    Reviewer { by: "a person", reason: Some("looked at it") };

/// Outcome and reason of an inbound in one word pair.
pub(crate) fn end_of(row: &InboundRow) -> String {
    match &row.reason {
        Some(reason) => format!("{} {reason}", row.outcome),
        None => row.outcome.to_string(),
    }
}
