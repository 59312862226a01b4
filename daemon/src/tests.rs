//! The daemon as a whole: an App on free ports with a catalog in memory, driven over raw sockets.

use std::io::Read as _;
use std::io::Write as _;
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use journal::BatchLimit;
use journal::Lane;
use journal::StoredRecord;
use model::catalog::Advertiser;
use model::catalog::Campaign;
use model::catalog::CatalogEntry;
use model::catalog::CatalogObject;
use model::catalog::Domain;
use model::catalog::Integration;
use model::catalog::Key;
use model::catalog::Offer;
use model::catalog::Role;
use model::catalog::Secrets;
use model::click::Click;
use model::click_id::ClickKey;
use model::click_id::KeyRing;
use model::clock::ManualClock;
use model::clock::Timestamp;
use model::id::AdvertiserId;
use model::id::CampaignId;
use model::id::DomainId;
use model::id::IntegrationId;
use model::id::KeyId;
use model::id::LinkId;
use model::id::OfferId;
use model::id::PublisherId;
use model::id::TenantId;
use model::inbound::Inbound;
use model::link::Link;
use model::link::LinkNumber;
use model::link::LinkState;
use model::record::RecordKind;
use model::wire;
use rand::SeedableRng as _;
use rand::rngs::StdRng;

use crate::app::App;
use crate::app::Parts;
use crate::app::Running;
use crate::app::testing::environment;
use crate::catalog::source::MemoryCatalog;
use crate::catalog::source::MemorySource;
use crate::config::Config;
use crate::ingest::auth::peppered;

mod ingestion;
mod life;
mod protocol;
mod redirects;

/// Nothing in a test may take longer.
const SOON: Duration = Duration::from_secs(20);
const NOW: Timestamp = Timestamp(1_700_000_000_000_000);
const TENANT: TenantId = TenantId(1);
const PEPPER: [u8; 32] = [9; 32];
const BROWSER: &str =
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64) Firefox/130.0\r\nAccept: */*\r\n";
const TOKEN: &str = "tok_0123456789";
const WEBHOOK_SECRET: &[u8] = b"a secret of twenty-four b";

/// A running daemon, its catalog, clock and folder.
struct World {
    running: Option<Running>,
    catalog: MemoryCatalog,
    clock: Arc<ManualClock>,
    folder: tempfile::TempDir,
}

fn start(folder: &Path, config: Config, source: MemorySource, clock: Arc<ManualClock>) -> Running {
    let mut config = Config { data_dir: folder.to_owned(), ..config };
    config.daemon.listen = ([127, 0, 0, 1], 0).into();
    config.daemon.admin_listen = ([127, 0, 0, 1], 0).into();
    config.journal.inbound_reserve_bytes = 1 << 20;
    config.journal.segment_bytes = 1 << 20;
    config.daemon.unique_visitors_max = 4096;
    let parts = Parts {
        clock,
        rng: Arc::new(|| StdRng::seed_from_u64(5)),
        catalog: Box::new(source),
        environment: environment(3),
        journal: config.journal.to_lanes(),
    };
    App::start(config, parts).unwrap()
}

impl World {
    /// With the shop's catalog.
    fn new() -> Self {
        let mut config = Config::default();
        // Clicks of several threads reach the journal in no order.
        config.daemon.threads = 1;
        Self::with(config)
    }

    fn with(config: Config) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (source, catalog) = MemorySource::new();
        let clock = Arc::new(ManualClock::new(NOW));
        let running = start(folder.path(), config, source, Arc::clone(&clock));
        let world = Self { running: Some(running), catalog, clock, folder };
        world.publish(shop());
        world
    }

    fn running(&self) -> &Running {
        self.running.as_ref().unwrap()
    }

    /// Publishes objects and waits until the daemon has them.
    fn publish(&self, objects: Vec<CatalogObject>) {
        let position = self.catalog.extend(objects.into_iter().map(CatalogEntry::Put));
        assert!(self.running().wait_for_catalog(position, SOON));
    }

    fn connect(&self) -> TcpStream {
        connect(self.running().address())
    }

    /// Sends raw bytes on a new connection; everything that comes back until it closes.
    fn raw(&self, request: &[u8]) -> String {
        let mut stream = self.connect();
        stream.write_all(request).unwrap();
        read_all(&mut stream)
    }

    fn get(&self, target: &str) -> String {
        self.send("GET", target, BROWSER, "")
    }

    fn post(&self, target: &str, headers: &str, body: &str) -> String {
        self.send("POST", target, headers, body)
    }

    fn send(&self, method: &str, target: &str, headers: &str, body: &str) -> String {
        let length = if method == "POST" {
            format!("Content-Length: {}\r\n", body.len())
        } else {
            String::new()
        };
        let head = format!(
            "{method} {target} HTTP/1.1\r\nHost: go.example\r\nConnection: close\r\n\
             {headers}{length}\r\n"
        );
        self.raw(format!("{head}{body}").as_bytes())
    }

    fn admin(&self, path: &str) -> String {
        let mut stream = connect(self.running().admin_address());
        write!(stream, "GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").unwrap();
        read_all(&mut stream)
    }

    /// Asks for the metrics until a line is among them.
    fn wait_for_metric(&self, line: &str) {
        let is_there = |_: &u32| self.admin("/metrics").lines().any(|found| found == line);
        assert!((0..10_000).any(|look| is_there(&look)), "{line}");
    }

    /// The records of a lane, once there are at least `count` of `kind`.
    fn records(&self, lane: &Lane, kind: RecordKind, count: usize) -> Vec<StoredRecord> {
        let handle = self.running().lane(lane).unwrap();
        handle.flush().wait().unwrap();
        let mut reader = handle.reader(1);
        let mut found = Vec::new();
        loop {
            let batch = reader.next_batch(BatchLimit::default()).unwrap();
            if batch.records.is_empty() {
                break;
            }
            found.extend(batch.records.into_iter().filter(|it| it.kind == kind.byte()));
        }
        assert_eq!(found.len(), count, "records of kind {kind} in lane {lane}");
        found
    }

    fn clicks(&self, count: usize) -> Vec<Click<'static>> {
        let records = self.records(&Lane::Clicks, RecordKind::Click, count);
        let bytes = records.into_iter().map(|record| &*record.payload.to_vec().leak());
        bytes.map(|bytes| wire::decode_click(bytes).unwrap()).collect()
    }

    fn inbound(&self, count: usize) -> Vec<Inbound> {
        let records = self.records(&Lane::Inbound, RecordKind::Inbound, count);
        records.iter().map(|record| wire::decode_inbound(&record.payload).unwrap()).collect()
    }

    fn refusals(&self, count: usize) -> Vec<Inbound> {
        let records = self.records(&Lane::Control, RecordKind::Refusal, count);
        records.iter().map(|record| wire::decode_inbound(&record.payload).unwrap()).collect()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if let Some(running) = self.running.take() {
            let ended = running.drain();
            assert!(std::thread::panicking() || ended.is_ok(), "{ended:?}");
        }
    }
}

fn connect(address: std::net::SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(SOON)).unwrap();
    stream.set_write_timeout(Some(SOON)).unwrap();
    stream
}

fn read_all(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    // A reset after the answer is the other side's right.
    let _ = stream.read_to_end(&mut bytes);
    String::from_utf8_lossy(&bytes).into_owned()
}

fn status(answer: &str) -> u16 {
    let word = answer.split(' ').nth(1).unwrap_or_else(|| panic!("no answer: {answer:?}"));
    word.parse().unwrap()
}

fn header<'a>(answer: &'a str, name: &str) -> Option<&'a str> {
    let head = answer.split("\r\n\r\n").next().unwrap();
    head.lines()
        .filter_map(|line| line.split_once(": "))
        .find_map(|(held, value)| held.eq_ignore_ascii_case(name).then_some(value))
}

fn body(answer: &str) -> &str {
    answer.split_once("\r\n\r\n").map_or("", |(_, body)| body)
}

fn location(answer: &str) -> &str {
    assert_eq!(status(answer), 302, "{answer}");
    header(answer, "location").unwrap()
}

fn secrets() -> Secrets {
    Secrets {
        pepper: PEPPER,
        visitor_key: [3; 32],
        click_signing: ClickKey { id: 2, secret: [5; 16] },
        click_verify_only: vec![ClickKey { id: 1, secret: [4; 16] }],
    }
}

fn ring() -> KeyRing {
    let secrets = secrets();
    KeyRing::new(secrets.click_signing, secrets.click_verify_only)
}

fn domain(host: &str, fallback_url: Option<&str>) -> CatalogObject {
    CatalogObject::Domain(Domain {
        id: DomainId(u128::from(host.len() as u64)),
        tenant: TENANT,
        host: host.into(),
        fallback_url: fallback_url.map(Box::from),
    })
}

fn advertiser(is_active: bool) -> CatalogObject {
    CatalogObject::Advertiser(Advertiser {
        id: AdvertiserId(1),
        tenant: TENANT,
        is_active,
        allowed_hosts: vec!["shop.example".into()],
        events_integration: IntegrationId(20),
    })
}

fn offer(change: impl FnOnce(&mut Offer)) -> CatalogObject {
    let mut offer = Offer {
        id: OfferId(1),
        tenant: TENANT,
        advertiser: AdvertiserId(1),
        destination: "https://shop.example/p/1?color=red".into(),
        click_param: Some("sub1".into()),
        ref_param: Some("ref_code".into()),
        pass_params: vec!["gclid".into()],
        fallback_url: None,
    };
    change(&mut offer);
    CatalogObject::Offer(offer)
}

fn campaign(change: impl FnOnce(&mut Campaign)) -> CatalogObject {
    let mut campaign = Campaign {
        id: CampaignId(1),
        tenant: TENANT,
        offers: vec![OfferId(1)],
        referrer_policy: "strict-origin".into(),
        starts_at: None,
        ends_at: None,
    };
    change(&mut campaign);
    CatalogObject::Campaign(campaign)
}

fn link(change: impl FnOnce(&mut Link)) -> CatalogObject {
    let mut link = Link {
        id: LinkId(1),
        number: LinkNumber(1),
        tenant: TENANT,
        campaign: CampaignId(1),
        offer: Some(OfferId(1)),
        publisher: PublisherId(1),
        domain: None,
        slug: "spring".into(),
        destination: None,
        fallback_url: None,
        expires_at: None,
        state: LinkState::Live,
        wildcard_code: None,
    };
    change(&mut link);
    CatalogObject::Link(Box::new(link))
}

fn wildcard(change: impl FnOnce(&mut Link)) -> CatalogObject {
    link(|link| {
        link.id = LinkId(2);
        link.number = LinkNumber(2);
        link.offer = None;
        link.slug = "wild0001".into();
        link.wildcard_code = Some("aigerim".into());
        change(link);
    })
}

fn integration(id: u128, change: impl FnOnce(&mut Integration)) -> CatalogObject {
    let mut integration = Integration {
        id: IntegrationId(id),
        tenant: TENANT,
        adapter: "generic".into(),
        advertiser: Some(AdvertiserId(1)),
        token_hashes: Vec::new(),
        hmac_secrets: Vec::new(),
        ip_allow: Vec::new(),
        is_active: true,
    };
    change(&mut integration);
    CatalogObject::Integration(Box::new(integration))
}

fn key(change: impl FnOnce(&mut Key)) -> CatalogObject {
    let mut key = Key {
        id: KeyId(1),
        tenant: TENANT,
        role: Role::Advertiser,
        hash: peppered(&PEPPER, b"s3cr3t_part"),
        advertiser: Some(AdvertiserId(1)),
        publisher: None,
        is_publishable: false,
        origins: Vec::new(),
        expires_at: None,
    };
    change(&mut key);
    CatalogObject::Key(key)
}

fn key_text() -> String {
    format!("gm_live_{}_s3cr3t_part", KeyId(1).body())
}

/// Integrations: 10 wants a token, 11 a signature, 12 an address, 20 takes events, 30 is
/// Trackier's.
fn shop() -> Vec<CatalogObject> {
    let token = vec![peppered(&PEPPER, TOKEN.as_bytes())];
    vec![
        CatalogObject::Secrets(Box::new(secrets())),
        domain("*", None),
        advertiser(true),
        offer(|_| {}),
        campaign(|_| {}),
        link(|_| {}),
        wildcard(|_| {}),
        integration(10, |it| it.token_hashes = token.clone()),
        integration(11, |it| it.hmac_secrets = vec![WEBHOOK_SECRET.into()]),
        integration(12, |it| it.ip_allow = vec!["192.0.2.0/24".into()]),
        integration(20, |it| it.adapter = "events".into()),
        integration(30, |it| {
            it.adapter = "trackier".into();
            it.advertiser = None;
            it.token_hashes = token;
        }),
        key(|_| {}),
    ]
}

fn postback(id: u128, query: &str) -> String {
    format!("/postback/{}?{query}", IntegrationId(id))
}
