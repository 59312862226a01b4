//! A real browser: headless Chromium follows a link of the demo to the shop.

use std::fs;
use std::io::BufRead;
use std::io::BufReader;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;

use harness::Site;
use harness::World;
use harness::eventually;
use harness::program::repository;
use harness::sentences::money;
use harness::sentences::text;
use harness::world::BROWSER;
use serde_json::Value;
use serde_json::json;

use crate::clients::output_of;

/// The shop of the demo on a loopback port; ends with the test.
struct ShopPage {
    server: Child,
    port: u16,
}

impl ShopPage {
    fn open(world: &World) -> Self {
        let mut server = Command::new("/usr/bin/python3")
            .arg(repository().join("tests/fixtures/shop.py"))
            .arg(world.scratch())
            .stdout(Stdio::piped())
            .spawn()
            .expect("python3 runs");
        let mut first = String::new();
        let said = server.stdout.take().expect("a pipe");
        BufReader::new(said).read_line(&mut first).expect("a line");
        Self { server, port: first.trim().parse().expect("a port") }
    }
}

impl Drop for ShopPage {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// The page that a browser shows in the end, after its scripts have run.
fn page_of(world: &World, shop: &ShopPage, url: &str) -> String {
    let profile = world.scratch().join("chromium");
    // A browser without a window calls itself HeadlessChrome, and that is a bot's name, rightly.
    let agent = format!("--user-agent={BROWSER}");
    let rules = format!("--host-resolver-rules=MAP *.example:443 127.0.0.1:{}", shop.port);
    let profile = format!("--user-data-dir={}", profile.display());
    let flags = [
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--disable-background-networking",
        "--ignore-certificate-errors",
        "--timeout=30000",
        &agent,
        &rules,
        &profile,
        "--dump-dom",
        url,
    ];
    output_of("chromium", &flags)
}

fn counts(site: &Site) -> (Value, Value, Value) {
    let seen = site.api_get("/v1/stats/overview").expect_status(200).json();
    (seen["clicks"].clone(), seen["unique_clicks"].clone(), seen["filtered"].clone())
}

#[test]
fn a_browser_follows_a_demo_link_and_counts_as_a_person() {
    let world = World::start_demo();
    let demo = eventually("the demo is made", || {
        let written = fs::read(world.data_dir().join("demo.json")).ok()?;
        serde_json::from_slice::<Value>(&written).ok()
    });
    let slug = text(&demo["slug"]);
    eventually("the link is known", || {
        (world.get(&format!("/{slug}+")).status == 200).then_some(())
    });
    assert_eq!(counts(&world), (json!(0), json!(0), json!(0)));

    let shop = ShopPage::open(&world);
    let page = page_of(&world, &shop, &format!("http://{}/{slug}", world.addresses().daemon));

    let click_id = page.split_once("click=").map_or("", |(_, rest)| rest.get(..40).unwrap_or(""));
    assert_eq!(click_id.len(), 40, "the shop's page shows no click id: {page}");
    eventually("the click is counted", || {
        (counts(&world) == (json!(1), json!(1), json!(0))).then_some(())
    });

    // What the shop then reports is a sale like any other.
    let sale = format!(
        "/postback/{}?token={}&click_id={click_id}&order_id=B-1&amount=10000.00&currency=KZT\
         &status=approved",
        text(&demo["integration_id"]),
        text(&demo["token"])
    );
    let told = world.get(&sale).expect_status(200).json();
    assert_eq!(world.outcome(&text(&told["event_id"])).0, "converted");
    assert_eq!(money(&world.conversion("B-1")["net"]), "700.00 KZT");
    assert_eq!(world.conversion("B-1")["held_by"], Value::Null);
}
