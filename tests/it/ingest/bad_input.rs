//! The table of bad input, row by row.

use harness::Response;
use harness::Shop;
use harness::World;
use harness::http::Request;
use serde_json::Value;
use serde_json::json;

fn is_problem(answer: &Response, status: u16) {
    assert_eq!(answer.status, status, "{}", answer.text());
    let kind = answer.header("content-type").unwrap_or_default();
    assert!(kind.starts_with("application/problem+json"), "{status}: {kind:?}");
    let problem = answer.json();
    assert_eq!(problem["status"], status);
    for member in ["type", "title", "detail"] {
        assert!(problem[member].is_string(), "{member} is missing in {problem}");
    }
}

#[test]
fn sizes_over_their_limit_are_refused() {
    let world = World::start();
    let shop = Shop::open(&world, "sizes");
    world.click(&shop.slug);
    let form = [("content-type", "application/x-www-form-urlencoded")];

    let just_fits = format!("order_id=Z-1&note={}", "x".repeat(60 * 1024));
    world.post(&shop.postback, &form, &just_fits).expect_status(200).json();
    let too_long = "x".repeat(64 * 1024 + 1);
    is_problem(&world.post(&shop.postback, &form, &too_long), 413);

    let long_query = format!("{}&note={}", shop.postback, "x".repeat(8 * 1024));
    assert_eq!(world.get(&long_query).status, 414);

    let names: Vec<String> = (0..65).map(|number| format!("x-header-{number}")).collect();
    let many: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "1")).collect();
    assert_eq!(world.post(&shop.postback, &many, "order_id=1").status, 431);

    let wide = "x".repeat(6 * 1024);
    let wide: Vec<(&str, &str)> =
        ["x-a", "x-b", "x-c"].iter().map(|name| (*name, wide.as_str())).collect();
    assert_eq!(world.post(&shop.postback, &wide, "order_id=1").status, 431);
}

#[test]
fn the_wrong_method_or_media_type_is_refused() {
    let world = World::start();
    let shop = Shop::open(&world, "media");
    let key = shop.key(&world);
    world.click(&shop.slug);

    let put = Request { method: "PUT", target: &shop.postback, headers: &[], body: b"a=1" };
    is_problem(&world.daemon(&put), 405);
    let get = Request { method: "GET", target: "/v1/events", headers: &[], body: &[] };
    is_problem(&world.daemon(&get), 405);

    let key_and = |name, value| [("x-api-key", key.as_str()), (name, value)];
    let text = key_and("content-type", "text/plain");
    is_problem(&world.post("/v1/events", &text, "hello"), 415);
    let zipped = [
        ("x-api-key", key.as_str()),
        ("content-type", "application/json"),
        ("content-encoding", "gzip"),
    ];
    is_problem(&world.post("/v1/events", &zipped, "{}"), 415);
}

#[test]
fn a_malformed_event_is_400_or_422_with_the_place() {
    let world = World::start();
    let shop = Shop::open(&world, "events");
    let key = shop.key(&world);
    world.click(&shop.slug);

    let headers = [("x-api-key", key.as_str()), ("content-type", "application/json")];
    is_problem(&world.post("/v1/events", &headers, "{\"action\":"), 400);

    let cases: &[(Value, &str)] = &[
        (json!({"value": "10.00"}), "action"),
        (json!({"action": "dance"}), "action"),
        (json!({"action": "purchase", "value": "ten"}), "value"),
        (json!({"action": "purchase", "value": "1", "currency": "tenge"}), "currency"),
        (json!({"action": "purchase", "order_id": {"a": 1}, "value": "1"}), "order_id"),
    ];
    for (event, field) in cases {
        let answer = world.event(&key, event);
        is_problem(&answer, 422);
        let errors = answer.json()["errors"].as_array().cloned().unwrap_or_default();
        let names: Vec<&str> = errors.iter().filter_map(|error| error["field"].as_str()).collect();
        assert!(names.iter().any(|name| name.contains(field)), "{event}: {errors:?}");
    }

    let two = json!({"action": "dance", "value": "ten"});
    let errors = world.event(&key, &two).json()["errors"].as_array().map_or(0, Vec::len);
    assert_eq!(errors, 2, "all bad fields are named at once");
}

#[test]
fn a_malformed_postback_that_authenticates_is_kept_with_its_reason() {
    let world = World::start();
    let shop = Shop::open(&world, "kept");
    let click_id = world.click(&shop.slug);
    let json_type = [("content-type", "application/json")];
    let broken = world.post(&shop.postback, &json_type, "{\"order_id\":").expect_status(200);
    let broken = harness::sentences::text(&broken.json()["event_id"]);
    let cases = [
        (broken, "malformed", "parse_error"),
        (
            shop.tell(&world, &format!("click_id={click_id}&order_id=M-1&amount=ten")),
            "malformed",
            "bad_amount",
        ),
        (
            shop.tell(&world, &format!("click_id={click_id}&order_id=M-2&order_ref=M-3&amount=1")),
            "malformed",
            "parse_error",
        ),
        (shop.tell(&world, "order_id=M-4&amount=100"), "unmatched", "no_attribution_key"),
        (
            shop.tell(&world, "click_id=not-one-of-ours&order_id=M-5&amount=100"),
            "unmatched",
            "bad_click_id",
        ),
        (
            shop.tell(&world, "coupon_code=NOBODY&order_id=M-6&amount=100"),
            "unmatched",
            "unknown_coupon",
        ),
        (
            shop.tell(&world, "ref_code=nobody&order_id=M-7&amount=100"),
            "unmatched",
            "unknown_ref_code",
        ),
        (
            shop.tell(&world, "click_id={click_id}&order_id=M-8&amount=100"),
            "unmatched",
            "no_attribution_key",
        ),
    ];
    for (event_id, outcome, reason) in &cases {
        let found = world.outcome(event_id);
        assert_eq!(found, ((*outcome).to_owned(), Some((*reason).to_owned())), "{event_id}");
    }
    assert_eq!(harness::sentences::money(&world.balance(&shop.publisher)["pending"]), "0.00 KZT");
    world.audit_is_clean();
}

#[test]
fn an_altered_click_id_earns_nothing() {
    let world = World::start();
    let shop = Shop::open(&world, "forged");
    let click_id = world.click(&shop.slug);
    let last = if click_id.ends_with('0') { '1' } else { '0' };
    let forged = format!("{}{last}", &click_id[..39]);
    let event_id = shop.tell(&world, &format!("click_id={forged}&order_id=F-1&amount=100"));
    assert_eq!(world.outcome(&event_id), ("unmatched".to_owned(), Some("bad_click_id".to_owned())));
    let event_id =
        shop.tell(&world, &format!("click_id={}&order_id=F-2&amount=100", click_id.to_uppercase()));
    assert_eq!(world.outcome(&event_id).0, "converted", "capitals are the same click id");
}
