//! Starting, following, saving, ending.

use model::inbound::RefusedReason;

use super::*;
use crate::catalog::snapshot;

fn restart(world: &mut World, source: MemorySource) {
    restart_with(world, source, Config::default());
}

fn restart_with(world: &mut World, source: MemorySource, config: Config) {
    world.running.take().unwrap().drain().unwrap();
    let clock = Arc::clone(&world.clock);
    world.running = Some(start(world.folder.path(), config, source, clock));
}

/// A start that reads back for so long; 0: not at all.
fn restart_recalling(world: &mut World, recall_ms: u64) {
    let (source, catalog) = MemorySource::new();
    world.catalog = catalog;
    let mut config = Config::default();
    config.daemon.recall_ms = recall_ms;
    restart_with(world, source, config);
}

/// A message that was accepted is sent once more after a start.
fn replay_over_a_restart(recall_ms: u64) -> u16 {
    let mut world = World::new();
    let target = postback(11, "order_id=1");
    let headers = ingestion::signature("msg_1", &target);
    assert_eq!(status(&world.send("GET", &target, &headers, "")), 200);
    restart_recalling(&mut world, recall_ms);
    world.clock.advance(Duration::from_secs(299));
    let answer = world.send("GET", &target, &headers, "");
    if status(&answer) == 401 {
        assert_eq!(world.refusals(1)[0].refused, Some(RefusedReason::Replayed));
        // A new message of the same sender is as good as before.
        let other = postback(11, "order_id=2");
        let headers = ingestion::signature("msg_2", &other);
        assert_eq!(status(&world.send("GET", &other, &headers, "")), 200);
    }
    status(&answer)
}

#[test]
fn a_signed_message_stays_used_over_a_restart() {
    assert_eq!(replay_over_a_restart(3000), 401);
}

#[test]
fn without_reading_back_a_signed_message_is_taken_again_after_a_restart() {
    assert_eq!(replay_over_a_restart(0), 200);
}

/// Whether a visitor who comes again so long after a start in between counts as new.
fn is_new_after_a_restart(recall_ms: u64, later: Duration) -> bool {
    let mut world = World::new();
    location(&world.get("/spring"));
    assert!(world.clicks(1)[0].unique);
    restart_recalling(&mut world, recall_ms);
    let is_read = recall_ms > 0;
    let expected = format!("gammad_recall_records{{lane=\"clicks\"}} {}", u8::from(is_read));
    let cut = format!("gammad_recall_cut{{lane=\"clicks\"}} {}", u8::from(!is_read));
    world.wait_for_metric(&expected);
    world.wait_for_metric(&cut);
    world.clock.advance(later);
    location(&world.get("/spring"));
    world.clicks(2)[1].unique
}

#[test]
fn a_visitor_stays_known_over_a_restart_until_the_window_is_over() {
    let hour = Duration::from_hours(1);
    // The day ends in between: 2023-11-14T22:13:20Z.
    for (later, is_new) in [(hour, false), (23 * hour, false), (24 * hour, true)] {
        assert_eq!(is_new_after_a_restart(3000, later), is_new, "{later:?}");
    }
}

#[test]
fn without_reading_back_a_visitor_is_new_after_a_restart() {
    assert!(is_new_after_a_restart(0, Duration::from_hours(1)));
}

#[test]
fn a_saved_catalog_serves_without_a_control_plane() {
    let mut world = World::new();
    // Nobody publishes any more.
    let (source, catalog) = MemorySource::new();
    world.catalog = catalog;
    restart(&mut world, source);
    location(&world.get("/spring"));
    assert_eq!(status(&world.get(&postback(10, &format!("token={TOKEN}")))), 200);
    assert!(world.admin("/readyz").starts_with("HTTP/1.1 200"));
    world.inbound(1);
}

#[test]
fn a_damaged_copy_is_set_aside_and_the_log_is_read_again() {
    let mut world = World::new();
    let path = world.folder.path().join("daemon/catalog.snapshot");
    world.running.take().unwrap().drain().unwrap();
    let mut bytes = std::fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&path, &bytes).unwrap();
    let (source, catalog) = MemorySource::new();
    let position = catalog.extend(shop().into_iter().map(CatalogEntry::Put));
    let clock = Arc::clone(&world.clock);
    world.running = Some(start(world.folder.path(), Config::default(), source, clock));
    assert!(world.running().wait_for_catalog(position, SOON));
    location(&world.get("/spring"));
    assert_eq!(std::fs::read(snapshot::aside(&path)).unwrap(), bytes);
    world.catalog = catalog;
}

#[test]
fn a_resend_replaces_everything_without_a_gap() {
    let world = World::new();
    let kept: Vec<_> =
        shop().into_iter().filter(|object| !matches!(object, CatalogObject::Key(_))).collect();
    let stale = CatalogEntry::Put(link(|it| {
        it.id = LinkId(7);
        it.slug = "stale".into();
    }));
    let position = world.catalog.push(stale);
    assert!(world.running().wait_for_catalog(position, SOON));
    location(&world.get("/stale"));
    let position = world.catalog.push(CatalogEntry::Reset);
    assert!(world.running().wait_for_catalog(position, SOON));
    location(&world.get("/stale"));
    location(&world.get("/spring"));
    world.catalog.extend(kept.into_iter().map(CatalogEntry::Put));
    let position = world.catalog.push(CatalogEntry::Complete);
    assert!(world.running().wait_for_catalog(position, SOON));
    assert_eq!(status(&world.get("/stale")), 404);
    location(&world.get("/spring"));
    let event = world.post("/v1/events", &format!("X-API-KEY: {}\r\n", key_text()), "{}");
    assert_eq!(status(&event), 401);
    assert_eq!(world.running().links().0, 2);
}

#[test]
fn new_links_are_served_although_their_slug_was_unknown_a_moment_ago() {
    let world = World::new();
    assert_eq!(status(&world.get("/later")), 404);
    assert_eq!(status(&world.get("/later")), 404);
    world.publish(vec![link(|it| {
        it.id = LinkId(8);
        it.slug = "later".into();
    })]);
    location(&world.get("/later"));
}

#[test]
fn a_drain_ends_the_request_in_hand_and_takes_no_new_one() {
    let mut world = World::new();
    let address = world.running().address();
    let admin = world.running().admin_address();
    let door = postback(10, &format!("token={TOKEN}"));
    let mut idle = world.connect();
    idle.write_all(b"GET /robots.txt HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    idle.read_exact(&mut [0; 12]).unwrap();
    let mut posting = world.connect();
    write!(posting, "POST {door} HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\na").unwrap();
    // Both must have been accepted before the drain begins.
    while !world.admin("/metrics").contains("gammad_connections{protocol=\"http1\"} 2") {}
    world.running().begin_drain();
    assert!(world.admin("/readyz").starts_with("HTTP/1.1 503"));
    read_all(&mut idle);
    posting.write_all(b"bc").unwrap();
    let answer = read_all(&mut posting);
    assert_eq!(status(&answer), 200, "{answer}");
    world.inbound(1);
    world.running.take().unwrap().drain().unwrap();
    assert!(TcpStream::connect(address).is_err());
    assert!(TcpStream::connect(admin).is_err());
}

#[test]
fn two_daemons_do_not_share_a_port() {
    let world = World::new();
    let taken = world.running().address();
    let folder = tempfile::tempdir().unwrap();
    let (source, _catalog) = MemorySource::new();
    let mut config = Config { data_dir: folder.path().to_owned(), ..Config::default() };
    config.daemon.listen = taken;
    config.daemon.admin_listen = ([127, 0, 0, 1], 0).into();
    config.journal.inbound_reserve_bytes = 0;
    let parts = Parts {
        clock: Arc::new(ManualClock::new(NOW)),
        rng: Arc::new(|| StdRng::seed_from_u64(5)),
        catalog: Box::new(source),
        environment: environment(3),
        journal: config.journal.to_lanes(),
    };
    let error = App::start(config, parts).unwrap_err();
    assert!(error.to_string().contains("listen on"), "{error}");
}

#[test]
fn operators_see_every_series() {
    let world = World::new();
    world.get("/spring");
    world.get("/nothing");
    world.get(&postback(10, &format!("token={TOKEN}")));
    world.get(&postback(10, ""));
    world.clicks(1);
    let metrics = world.admin("/metrics");
    for line in [
        "gammad_redirect_requests_total{outcome=\"redirected\"} 1",
        "gammad_redirect_requests_total{outcome=\"unknown\"} 1",
        "# TYPE gammad_redirect_duration_seconds histogram",
        "gammad_redirect_duration_seconds_count 2",
        "gammad_redirect_duration_seconds_bucket{le=\"+Inf\"} 2",
        "gammad_ingest_requests_total{channel=\"postback\",outcome=\"accepted\"} 1",
        "gammad_ingest_requests_total{channel=\"postback\",outcome=\"refused\"} 1",
        "gammad_clicks_shed_total{reason=\"quota\"} 0",
        "gammad_journal_bytes{lane=\"inbound\"}",
        "gammad_journal_records_total{lane=\"clicks\"} 1",
        "# TYPE gammad_journal_sync_duration_seconds histogram",
        "gammad_journal_sync_duration_seconds_count{lane=\"inbound\"}",
        "gammad_links_loaded 2",
        "gammad_connections{protocol=\"http1\"}",
        "gammad_panics_total 0",
        "gammad_build_info{version=",
    ] {
        assert!(metrics.contains(line), "{line} is missing in\n{metrics}");
    }
    assert!(world.admin("/livez").starts_with("HTTP/1.1 200"));
    assert!(body(&world.admin("/readyz")).contains("\"status\":\"ok\""));
    assert!(world.admin("/other").starts_with("HTTP/1.1 404"));
}
