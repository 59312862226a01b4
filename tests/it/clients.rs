//! Real clients instead of our own: curl, wrk and a browser.

mod browser;

use std::process::Command;

use harness::Shop;
use harness::World;
use harness::sentences::money;
use harness::sentences::parameter;
use harness::world::BROWSER;

pub(crate) fn output_of(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    let output = output.unwrap_or_else(|error| missing(program, &error));
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[expect(clippy::panic, reason = "this is how a test fails")]
fn missing(program: &str, error: &std::io::Error) -> std::process::Output {
    panic!("{program} cannot be started ({error}); tests/run installs it where it can")
}

#[test]
fn curl_clicks_and_posts() {
    let world = World::start();
    let shop = Shop::open(&world, "curl");
    world.click(&shop.slug);
    let base = format!("http://{}", world.addresses().daemon);
    let headers = output_of("curl", &["-sS", "-i", "-A", BROWSER, &format!("{base}/curl")]);
    let location = headers
        .lines()
        .filter_map(|line| line.split_once(": "))
        .find(|(name, _)| name.eq_ignore_ascii_case("location"))
        .map(|(_, value)| value)
        .expect("a redirect");
    let click_id = parameter(location.trim(), "sub1");
    let url = format!(
        "{base}{}&click_id={click_id}&order_id=A-1&amount=10000.00&currency=KZT&status=approved",
        shop.postback
    );
    let answer = output_of("curl", &["-sS", "--fail", &url]);
    assert!(answer.contains("\"status\":\"ok\""), "{answer}");
    assert_eq!(money(&world.conversion("A-1")["net"]), "700.00 KZT");
}

#[test]
fn wrk_gets_redirects_and_nothing_else() {
    let world = World::start();
    let shop = Shop::open(&world, "wrk");
    world.click(&shop.slug);
    let url = format!("http://{}/wrk", world.addresses().daemon);
    let agent = format!("User-Agent: {BROWSER}");
    let report =
        output_of("wrk", &["-t1", "-c16", "-d3s", "-H", &agent, "-H", "Accept: text/html", &url]);
    assert!(!report.contains("Non-2xx or 3xx"), "{report}");
    assert!(!report.contains("Socket errors"), "{report}");
    let rate = report.lines().find(|line| line.starts_with("Requests/sec"));
    println!("figure: wrk against a debug build: {}", rate.unwrap_or_default());
}
