//! SIGTERM: what is in flight is finished, what is new is refused, exit code 0.

use std::io::Write;

use harness::Shop;
use harness::World;
use harness::eventually;
use harness::http;
use harness::http::Request;

#[test]
fn sigterm_finishes_what_is_in_flight_and_exits_0() {
    let mut world = World::start();
    let shop = Shop::open(&world, "drain");
    let click_id = world.click(&shop.slug);
    let body = format!("click_id={click_id}&order_id=Q-1&amount=10000&currency=KZT&status=paid");
    let (first, second) = body.split_at(20);

    let mut stream = http::connect(world.addresses().daemon).expect("a connection");
    let head = format!(
        "POST {} HTTP/1.1\r\nhost: drain.example\r\nconnection: close\r\n\
         content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{first}",
        shop.postback,
        body.len()
    );
    stream.write_all(head.as_bytes()).expect("half a request");
    // The half request has arrived once a later one on another connection has been answered.
    assert_eq!(world.visit("/robots.txt").status, 200);

    world.terminate();
    let ready = Request { method: "GET", target: "/readyz", headers: &[], body: &[] };
    eventually("not ready any more", || {
        let answer = http::send(world.addresses().daemon_admin, &ready);
        answer.map_or(true, |answer| answer.status == 503).then_some(())
    });
    stream.write_all(second.as_bytes()).expect("the other half");
    let answer = http::read_answer(&mut stream, false).expect("an answer while draining");
    assert_eq!(answer.status, 200, "{}", answer.text());
    let status = world.wait();
    assert!(status.success(), "{status}:\n{}", world.log());

    world.restart();
    assert_eq!(world.conversion("Q-1")["order_ref"], "Q-1");
}

#[test]
fn health_metrics_and_openapi_answer() {
    let world = World::start();
    for admin in [world.addresses().daemon_admin, world.addresses().control_admin] {
        for target in ["/livez", "/readyz"] {
            let request = Request { method: "GET", target, headers: &[], body: &[] };
            assert_eq!(http::send(admin, &request).expect("health answers").status, 200);
        }
    }
    let shop = Shop::open(&world, "metrics");
    shop.sell(&world, "A-1");
    world.conversion("A-1");
    let metrics = world.metrics();
    let names = [
        "gammad_redirect_requests_total{",
        "gammad_redirect_duration_seconds",
        "gammad_ingest_requests_total{",
        "gammad_journal_bytes",
        "gammad_journal_sync_duration_seconds",
        "gammad_journal_records_total{",
        "gammad_links_loaded",
        "gammad_connections",
        "gammad_build_info{",
        "gamma_pipeline_records_total{",
        "gamma_pipeline_lag_seconds",
        "gamma_postback_to_ledger_seconds",
        "gamma_conversions_total{",
        "gamma_ledger_check{",
        "gamma_plugin_calls_total{",
        "gamma_build_info{",
    ];
    for name in names {
        assert!(metrics.contains(name), "{name} is missing in\n{metrics}");
    }
    let request = Request { method: "GET", target: "/openapi.json", headers: &[], body: &[] };
    let openapi = world.control(&request).expect_status(200).json();
    let paths = ["/v1/advertisers", "/v1/links", "/v1/conversions", "/v1/audit/checks"];
    for path in paths {
        assert!(openapi["paths"][path].is_object(), "{path} is missing");
    }
}
