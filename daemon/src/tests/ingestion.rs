//! The inbound side of the contract.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::Hmac;
use hmac::Mac as _;
use model::click_id::ClickFacts;
use model::click_id::ClickFlags;
use model::inbound::Channel;
use model::inbound::RefusedReason;
use sha2::Sha256;

use super::*;

const JSON: &str = "Content-Type: application/json\r\n";
const FORM: &str = "Content-Type: application/x-www-form-urlencoded\r\n";

fn json(answer: &str) -> serde_json::Value {
    serde_json::from_str(body(answer)).unwrap_or_else(|_| panic!("not JSON: {answer}"))
}

/// The answer's event id, which must be that of the record.
fn accepted(answer: &str, inbound: &Inbound) {
    assert_eq!(status(answer), 200, "{answer}");
    let answer = json(answer);
    assert_eq!(answer["status"], "ok");
    assert_eq!(answer["event_id"], inbound.event_id.to_string());
}

#[test]
fn a_postback_is_recorded_raw_before_it_is_confirmed() {
    let world = World::new();
    let query = format!("token={TOKEN}&click_id=x&amount=1%2C50&again={TOKEN}");
    let first = world.get(&postback(10, &query));
    let header = format!("X-Gamma-Token: {TOKEN}\r\n{FORM}");
    let second = world.post(&postback(10, ""), &header, "order_id=7&token=other");
    let third =
        world.post(&postback(10, ""), &format!("X-Gamma-Token: {TOKEN}\r\n{JSON}"), "{broken");
    let inbound = world.inbound(3);
    accepted(&first, &inbound[0]);
    accepted(&second, &inbound[1]);
    accepted(&third, &inbound[2]);
    let held = &inbound[0];
    assert_eq!((held.tenant, held.integration), (TENANT, IntegrationId(10)));
    assert_eq!((held.channel, held.received_at), (Channel::Postback, NOW));
    assert_eq!((&*held.method, &*held.path), ("GET", &*format!("/postback/{}", IntegrationId(10))));
    assert_eq!(&*held.query, "token=***&click_id=x&amount=1%2C50&again=***");
    assert_eq!((held.is_signed, held.refused), (false, None));
    assert_eq!(inbound[1].body, b"order_id=7&token=***");
    let masked = inbound[1].headers.iter().find(|(name, _)| &**name == "x-gamma-token").unwrap();
    assert_eq!(&*masked.1, "***");
    assert_eq!(inbound[2].body, b"{broken");
    let everything = format!("{inbound:?}");
    assert!(!everything.contains(TOKEN), "{everything}");
}

#[test]
fn every_refusal_looks_the_same_and_its_reason_is_kept() {
    let world = World::new();
    let archived = integration(40, |it| {
        it.token_hashes = vec![peppered(&PEPPER, TOKEN.as_bytes())];
        it.is_active = false;
    });
    world.publish(vec![archived, integration(41, |_| {})]);
    let without_date = |answer: String| {
        let kept = answer.lines().filter(|line| !line.starts_with("date: "));
        kept.collect::<Vec<_>>().join("\n")
    };
    let token = format!("token={TOKEN}");
    let answers = [
        (postback(10, "token=wrong_token_value"), 10, RefusedReason::BadToken),
        (postback(10, ""), 10, RefusedReason::BadToken),
        (postback(11, ""), 11, RefusedReason::BadSignature),
        (postback(12, ""), 12, RefusedReason::IpNotAllowed),
        (postback(40, &token), 40, RefusedReason::BadKey),
        (postback(41, &token), 41, RefusedReason::BadToken),
        (postback(99, &token), 99, RefusedReason::UnknownIntegration),
        (format!("/postback/{}", "n".repeat(1000)), 0, RefusedReason::UnknownIntegration),
        (
            "/v1/events/conversion?integration=int_none".to_owned(),
            0,
            RefusedReason::UnknownIntegration,
        ),
        (postback(98, "token=wrong_token_value"), 98, RefusedReason::UnknownIntegration),
    ]
    .map(|(target, integration, reason)| (without_date(world.get(&target)), integration, reason));
    for (answer, ..) in &answers {
        assert_eq!(status(answer), 401);
        assert_eq!(answer, &answers[0].0);
    }
    let refusals = world.refusals(answers.len());
    let kept: Vec<_> = refusals.iter().map(|it| (it.integration.0, it.refused)).collect();
    let expected: Vec<_> = answers.iter().map(|(_, id, reason)| (*id, Some(*reason))).collect();
    assert_eq!(kept, expected);
    assert!(refusals.iter().all(|inbound| inbound.tenant == TENANT && inbound.path.len() <= 256));
    assert!(!format!("{refusals:?}").contains("wrong_token_value"));
    world.inbound(0);
}

#[test]
fn refusals_of_one_integration_are_kept_at_a_bounded_rate() {
    let world = World::new();
    for _ in 0..210 {
        assert_eq!(status(&world.get(&postback(10, ""))), 401);
    }
    world.refusals(200);
    world.clock.advance(Duration::from_millis(50));
    world.get(&postback(10, ""));
    world.refusals(201);
    assert!(world.admin("/metrics").contains("gammad_refusals_shed_total 10"));
}

#[test]
fn strangers_of_one_tenant_share_one_budget() {
    let world = World::new();
    for number in 0..210 {
        assert_eq!(status(&world.get(&postback(1000 + number, ""))), 401);
    }
    let refusals = world.refusals(200);
    assert!(refusals.iter().all(|it| it.refused == Some(RefusedReason::UnknownIntegration)));
    // Nobody else's is spent.
    world.get(&postback(10, ""));
    world.refusals(201);
    let answer = world.post("/v1/events", &format!("X-API-KEY: gm_live_none_x\r\n{JSON}"), "{}");
    assert_eq!(status(&answer), 401);
    assert!(world.admin("/metrics").contains("gammad_refusals_shed_total 11"));
}

pub(super) fn signature(id: &str, content: &str) -> String {
    let seconds = NOW.0 / 1_000_000;
    let mut mac = Hmac::<Sha256>::new_from_slice(WEBHOOK_SECRET).unwrap();
    mac.update(format!("{id}.{seconds}.{content}").as_bytes());
    let signature = STANDARD.encode(mac.finalize().into_bytes());
    format!(
        "webhook-id: {id}\r\nwebhook-timestamp: {seconds}\r\nwebhook-signature: v1,{signature}\r\n"
    )
}

#[test]
fn signed_messages_are_taken_once() {
    let world = World::new();
    let target = postback(11, "");
    let target = target.trim_end_matches('?');
    let message = "{\"order_id\":1}";
    let headers = format!("{JSON}{}", signature("msg_1", message));
    let answer = world.post(target, &headers, message);
    let inbound = world.inbound(1).remove(0);
    accepted(&answer, &inbound);
    assert!(inbound.is_signed);
    assert_eq!(status(&world.post(target, &headers, message)), 401);
    assert_eq!(status(&world.post(target, &headers, "{\"order_id\":2}")), 401);
    let get = postback(11, "order_id=2");
    let headers = signature("msg_2", &get);
    assert_eq!(status(&world.send("GET", &get, &headers, "")), 200);
    world.clock.advance(Duration::from_secs(301));
    let headers = format!("{JSON}{}", signature("msg_3", message));
    assert_eq!(status(&world.post(target, &headers, message)), 401);
    let reasons: Vec<_> = world.refusals(3).iter().filter_map(|it| it.refused).collect();
    let expected =
        [RefusedReason::Replayed, RefusedReason::BadSignature, RefusedReason::StaleTimestamp];
    assert_eq!(reasons, expected);
    world.inbound(2);
}

fn with_key(rest: &str) -> String {
    format!("X-API-KEY: {}\r\n{rest}", key_text())
}

#[test]
fn one_event_is_one_record() {
    let world = World::new();
    let event = "{\"action\":\"purchase\",\"value\":10.00}";
    let first = world.post("/v1/events", &with_key(JSON), event);
    let bearer = format!("Authorization: Bearer {}\r\n{JSON}", key_text());
    let second = world.post("/api/v1/events", &bearer, event);
    let third = world.post("/event/signup", &with_key(""), "{}");
    let inbound = world.inbound(3);
    accepted(&first, &inbound[0]);
    accepted(&second, &inbound[1]);
    accepted(&third, &inbound[2]);
    assert_eq!(inbound[0].body, event.as_bytes());
    assert_eq!((inbound[0].channel, inbound[0].integration), (Channel::Event, IntegrationId(20)));
    assert_eq!(inbound[2].body, b"{\"action\":\"signup\"}");
    assert!(!format!("{inbound:?}").contains("s3cr3t_part"));
}

#[test]
fn a_batch_is_recorded_whole_or_not_at_all() {
    let world = World::new();
    let bad = "{\"events\":[{\"action\":\"landing\"},{\"action\":\"buy\",\"value\":-1}]}";
    let answer = world.post("/v1/events", &with_key(JSON), bad);
    assert_eq!(status(&answer), 422);
    let fields: Vec<_> = json(&answer)["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| error["field"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(fields, ["events[1].action", "events[1].value"]);
    world.inbound(0);
    let good = "{\"events\":[{\"action\":\"landing\"},{\"action\":\"purchase\"}]}";
    let answer = world.post("/v1/events", &with_key(JSON), good);
    let inbound = world.inbound(2);
    let ids: Vec<_> = inbound.iter().map(|it| it.event_id.to_string()).collect();
    assert_eq!(json(&answer)["event_ids"], serde_json::json!(ids));
    assert_eq!(inbound[1].body, b"{\"action\":\"purchase\"}");
    assert!(ids[0] < ids[1], "the second was told after the first");
}

#[test]
fn keys_open_the_event_api_and_nothing_else_does() {
    let world = World::new();
    let event = "{\"action\":\"landing\"}";
    let send = |headers: &str| status(&world.post("/v1/events", headers, event));
    let refused = |object: CatalogObject| {
        world.publish(vec![object]);
        assert_eq!(send(&with_key(JSON)), 401);
        world.publish(shop());
    };
    assert_eq!(send(JSON), 401);
    assert_eq!(send(&format!("X-API-KEY: x\r\n{JSON}")), 401);
    assert_eq!(send(&format!("X-API-KEY: {}x\r\n{JSON}", key_text())), 401);
    refused(key(|it| it.expires_at = Some(NOW)));
    refused(key(|it| it.is_publishable = true));
    refused(key(|it| it.advertiser = None));
    refused(advertiser(false));
    refused(integration(20, |it| it.is_active = false));
    refused(integration(20, |it| it.hmac_secrets = vec![WEBHOOK_SECRET.into()]));
    assert_eq!(send(&with_key(JSON)), 200);
    world.inbound(1);
}

#[test]
fn events_may_have_to_be_signed() {
    let world = World::new();
    world.publish(vec![integration(20, |it| it.hmac_secrets = vec![WEBHOOK_SECRET.into()])]);
    let event = "{\"action\":\"landing\"}";
    let headers = with_key(&format!("{JSON}{}", signature("msg_1", event)));
    assert_eq!(status(&world.post("/v1/events", &headers, event)), 200);
    assert!(world.inbound(1)[0].is_signed);
    assert_eq!(status(&world.post("/v1/events", &headers, event)), 401);
}

#[test]
fn malformed_events_are_named_and_not_recorded() {
    let world = World::new();
    let answer = world.post("/v1/events", &with_key(JSON), "{\"action\":");
    assert_eq!(status(&answer), 400);
    assert_eq!(header(&answer, "content-type"), Some("application/problem+json"));
    assert!(json(&answer)["detail"].as_str().unwrap().contains("line 1"));
    let answer =
        world.post("/v1/events", &with_key(JSON), "{\"action\":\"purchase\",\"currency\":1}");
    assert_eq!((status(&answer), json(&answer)["status"].as_u64()), (422, Some(422)));
    assert_eq!(json(&answer)["errors"][0]["field"], "currency");
    world.inbound(0);
}

#[test]
fn conversions_of_the_trackier_door_are_recorded_either_way() {
    let world = World::new();
    let facts =
        ClickFacts { clicked_at: NOW, link: LinkNumber(1), flags: ClickFlags::PLAIN, unique: 1 };
    let click_id = ring().sign(&facts).to_string();
    let send = |query: &str| world.get(&format!("/v1/events/conversion?token={TOKEN}&{query}"));
    let ignored = |answer: &str| {
        assert_eq!(status(answer), 200, "{answer}");
        json(answer)["ignored"].as_bool().unwrap_or(false)
    };
    assert!(!ignored(&send(&format!("click_id={click_id}&txn_id=1"))));
    assert!(!ignored(&send(&format!("p1={}", click_id.to_uppercase()))));
    assert!(ignored(&send("txn_id=1")));
    assert!(ignored(&send(&format!(
        "click_id={}",
        click_id.replace(&click_id[30..], "0000000000")
    ))));
    let target = format!("/v1/events/conversion?token={TOKEN}");
    let form = world.post(&target, FORM, &format!("p1={click_id}"));
    assert!(!ignored(&form));
    let posted = world.post(&target, JSON, &format!("{{\"click_id\":\"{click_id}\"}}"));
    assert!(!ignored(&posted));
    let inbound = world.inbound(6);
    assert!(inbound.iter().all(|it| it.integration == IntegrationId(30)));
    assert_eq!(&*inbound[2].query, "token=***&txn_id=1");
    assert_eq!(status(&world.get("/v1/events/conversion?token=wrong-token")), 401);
    world.refusals(1);
}

#[test]
fn several_trackier_integrations_are_told_apart() {
    let world = World::new();
    let second = |adapter: &str| {
        integration(31, |it| {
            it.adapter = adapter.into();
            it.token_hashes = vec![peppered(&PEPPER, b"second-token")];
        })
    };
    world.publish(vec![second("trackier")]);
    let named = |id: u128| format!("&integration={}", IntegrationId(id));
    let send = |token: &str, rest: &str| {
        status(&world.get(&format!("/v1/events/conversion?token={token}{rest}")))
    };
    assert_eq!(send(TOKEN, &named(30)), 200);
    assert_eq!(send("second-token", &named(31)), 200);
    assert_eq!(send("second-token", &named(30)), 401);
    assert_eq!(send(TOKEN, &named(10)), 401);
    assert_eq!(send("second-token", ""), 200);
    assert_eq!(send("nobodys-token", ""), 401);
    let integrations: Vec<_> = world.inbound(3).iter().map(|it| it.integration.0).collect();
    assert_eq!(integrations, [30, 31, 31]);
    // The one that was named shows what it refused; the others met no integration of this door.
    let refused = world.refusals(3);
    assert_eq!(refused[0].integration, IntegrationId(30));
    let reasons: Vec<_> = refused[1..].iter().map(|it| it.refused).collect();
    assert_eq!(reasons, [Some(RefusedReason::UnknownIntegration); 2]);
    world.publish(vec![second("generic")]);
    assert_eq!(send(TOKEN, ""), 200);
}

#[test]
fn methods_types_and_encodings_are_checked_before_the_body() {
    let world = World::new();
    let door = postback(10, &format!("token={TOKEN}"));
    for (method, target, headers, expected) in [
        ("PUT", door.as_str(), "", 405),
        ("HEAD", &door, "", 405),
        ("GET", "/v1/events", "", 405),
        ("POST", "/spring", "", 405),
        ("OPTIONS", "/spring", "", 405),
        ("DELETE", "/v1/events/conversion", "", 405),
        ("POST", &door, "Content-Type: text/xml\r\n", 415),
        ("POST", &door, "Content-Encoding: gzip\r\n", 415),
        ("POST", "/v1/events", FORM, 415),
        ("POST", "/v1/events", "Content-Type: text/plain\r\n", 415),
        ("POST", &door, "Content-Type: text/plain\r\n", 200),
        ("POST", &door, "Content-Type: application/vnd.shop+json; charset=utf-8\r\n", 200),
        ("POST", &door, "Content-Encoding: identity\r\n", 200),
    ] {
        let answer = world.send(method, target, headers, "");
        assert_eq!(status(&answer), expected, "{method} {target} {headers}");
        assert_eq!(header(&answer, "allow").is_some(), expected == 405);
    }
}

#[test]
fn bodies_end_at_sixty_four_kibibytes() {
    let world = World::new();
    let door = postback(10, &format!("token={TOKEN}"));
    let body_of = |bytes: usize| "x".repeat(bytes);
    let limit = crate::limits::BODY_BYTES_MAX;
    assert_eq!(status(&world.post(&door, FORM, &body_of(limit))), 200);
    assert_eq!(status(&world.post(&door, FORM, &body_of(limit + 1))), 413);
    assert_eq!(status(&world.post(&door, FORM, &body_of(limit * 4))), 413);
    assert_eq!(world.inbound(1)[0].body.len(), limit);
}

#[test]
fn without_keys_nothing_is_taken_in() {
    let folder = tempfile::tempdir().unwrap();
    let (source, catalog) = MemorySource::new();
    let clock = Arc::new(ManualClock::new(NOW));
    let running = start(folder.path(), Config::default(), source, Arc::clone(&clock));
    let world = World { running: Some(running), catalog, clock, folder };
    let answer = world.get(&postback(10, ""));
    assert_eq!(status(&answer), 503);
    assert!(header(&answer, "retry-after").is_some());
    assert_eq!(status(&world.get("/spring")), 404);
}
