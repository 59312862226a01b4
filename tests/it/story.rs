//! The worked story of the contract, request by request.

use harness::World;
use harness::http::Request;
use harness::sentences::id_of;
use harness::sentences::money;
use harness::sentences::parameter;
use harness::sentences::path_of;
use harness::sentences::rows;
use harness::sentences::text;
use serde_json::Value;
use serde_json::json;

struct Ids {
    integration: String,
    postback: String,
    publisher: String,
    link: String,
}

#[test]
fn a_click_becomes_money() {
    let world = World::start();
    let ids = set_up(&world);

    let location = click(&world);
    let click_id = parameter(&location, "sub1");
    assert_eq!(
        location,
        format!("https://shop.example/p/1?color=red&sub1={click_id}&ref_code=spring")
    );

    let answer = world
        .get(&format!(
            "{}&click_id={click_id}&order_id=A-1&amount=10000.00&currency=KZT&status=approved",
            ids.postback
        ))
        .expect_status(200)
        .json();
    assert_eq!(answer["status"], "ok");
    let event_id = text(&answer["event_id"]);

    conversion_is_as_promised(&world, &ids);
    let balance = world.balance(&ids.publisher);
    assert_eq!(balance["currency"], "KZT");
    assert_eq!(money(&balance["pending"]), "700.00 KZT");
    assert_eq!(money(&balance["tax_pending"]), "100.00 KZT");
    assert_eq!(money(&balance["available"]), "0.00 KZT");

    let target = format!("/v1/inbound?integration_id={}", ids.integration);
    let inbound = rows(&world.api_get(&target).expect_status(200).json());
    assert_eq!(inbound.len(), 1, "{inbound:?}");
    assert_eq!(inbound[0]["event_id"], event_id.as_str());
    assert_eq!(inbound[0]["outcome"], "converted");
    assert_eq!(inbound[0]["reason"], Value::Null);
    assert!(inbound[0]["received_at"].is_string());
    world.audit_is_clean();
}

fn set_up(world: &World) -> Ids {
    let advertiser = id_of(&made(
        world,
        "/v1/advertisers",
        "advertiser",
        &json!({"name": "Demo Electronics", "currency": "KZT", "allowed_hosts": ["shop.example"]}),
    ));
    let integration = made(
        world,
        "/v1/integrations",
        "integration",
        &json!({"advertiser_id": advertiser, "name": "shop postback", "adapter": "generic",
                "auth": {"token": true}}),
    );
    let postback_url = text(&integration["postback_url"]);
    let expected =
        format!("/postback/{}?token={}", id_of(&integration), text(&integration["token"]));
    assert_eq!(path_of(&postback_url), expected);
    let offer = id_of(&made(
        world,
        "/v1/offers",
        "offer",
        &json!({"advertiser_id": advertiser, "name": "Phones",
                "destination": "https://shop.example/p/1?color=red",
                "terms": [{"action": "purchase", "type": "percent", "bp": 1000}],
                "hold_days": 14}),
    ));
    let campaign = id_of(&made(
        world,
        "/v1/campaigns",
        "campaign",
        &json!({"advertiser_id": advertiser, "name": "Spring", "offer_ids": [offer],
                "fee_bp": 2000, "attribution": "last_touch"}),
    ));
    let publisher = id_of(&made(
        world,
        "/v1/publishers",
        "publisher",
        &json!({"name": "Aigerim", "code": "aigerim", "tax_regime": "illustrative_10"}),
    ));
    let enrolments = format!("/v1/campaigns/{campaign}/enrolments");
    made(world, &enrolments, "enrolment", &json!({"publisher_id": publisher}));
    let link = made(
        world,
        "/v1/links",
        "link",
        &json!({"campaign_id": campaign, "offer_id": offer, "publisher_id": publisher,
                "slug": "spring"}),
    );
    assert_eq!(link["slug"], "spring");
    assert_eq!(path_of(&text(&link["url"])), "/spring");
    assert_eq!(link["smart_link"], link["url"]);
    Ids {
        integration: id_of(&integration),
        postback: path_of(&postback_url),
        publisher,
        link: id_of(&link),
    }
}

/// 201 with the whole object, whose id is repeated as `<kind>_id` and carries the prefix of its
/// kind.
fn made(world: &World, target: &str, kind: &str, body: &Value) -> Value {
    let object = world.create(target, body);
    let prefix = match kind {
        "advertiser" => "adv_",
        "integration" => "int_",
        "offer" => "off_",
        "campaign" => "cmp_",
        "publisher" => "pub_",
        "enrolment" => "enr_",
        _ => "lnk_",
    };
    assert!(id_of(&object).starts_with(prefix), "{object}");
    assert_eq!(object[format!("{kind}_id")], object["id"]);
    for (name, sent) in body.as_object().into_iter().flatten() {
        if sent.is_string() && name != "auth" {
            assert_eq!(&object[name], sent, "{name} in {object}");
        }
    }
    object
}

/// The redirect with every header of the contract: its destination.
fn click(world: &World) -> String {
    world.click("spring"); // waits until the link is known
    let answer = world.visit("/spring");
    assert_eq!(answer.status, 302);
    assert_eq!(answer.header("cache-control"), Some("no-store, private"));
    assert_eq!(answer.header("referrer-policy"), Some("strict-origin"));
    assert_eq!(answer.header("x-robots-tag"), Some("noindex, nofollow"));
    assert_eq!(answer.header("set-cookie"), None);
    let head = world.daemon(&Request {
        method: "HEAD",
        target: "/spring",
        headers: harness::sentences::BROWSER_HEADERS,
        body: &[],
    });
    assert_eq!(head.status, 302);
    answer.header("location").unwrap_or_default().to_owned()
}

fn conversion_is_as_promised(world: &World, ids: &Ids) {
    let conversion = world.conversion("A-1");
    assert!(id_of(&conversion).starts_with("cnv_"));
    assert_eq!(conversion["status"], "pending");
    assert_eq!(conversion["awaiting"], json!(["time"]));
    assert_eq!(conversion["order_ref"], "A-1");
    assert_eq!(conversion["publisher_id"], ids.publisher.as_str());
    assert_eq!(conversion["link_id"], ids.link.as_str());
    let parts = [
        ("order_amount", "10000.00 KZT"),
        ("charge", "1000.00 KZT"),
        ("fee", "200.00 KZT"),
        ("shopper", "0.00 KZT"),
        ("tax", "100.00 KZT"),
        ("net", "700.00 KZT"),
    ];
    for (part, expected) in parts {
        assert_eq!(money(&conversion[part]), expected, "{part}");
    }
    let release_at: jiff::Timestamp = text(&conversion["release_at"]).parse().expect("RFC 3339");
    let hold_seconds = release_at.as_second() - harness::time::unix_seconds();
    let fourteen_days = 14 * 24 * 3600;
    assert!((fourteen_days - 3600..=fourteen_days).contains(&hold_seconds), "{hold_seconds}");

    let list = world.api_get("/v1/conversions?order_ref=A-1").json();
    assert_eq!(list["next_cursor"], Value::Null);
    let detail =
        world.api_get(&format!("/v1/conversions/{}", id_of(&conversion))).expect_status(200).json();
    explanation_names_its_reasons(&detail["explanation"]);
}

fn explanation_names_its_reasons(explanation: &Value) {
    assert_eq!(explanation["rule"], "click_id", "{explanation}");
    assert_eq!(explanation["model"], "last_touch");
    assert_eq!(explanation["window"]["inside"], true);
    assert_eq!(explanation["adapter"]["name"], "generic");
    let members = ["confidence", "candidates", "touches", "fraud", "terms", "inbound"];
    for member in members {
        assert!(!explanation[member].is_null(), "{member} is missing in {explanation}");
    }
}
