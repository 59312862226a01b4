//! Every recorded case gives the same through the component as natively, on fresh and on reused
//! instances.

use plugin_sdk::testkit::{self, Case};
use plugin_sdk::types;
use serde_json::{Map, Value, json};

use super::{guests, host, load, load_shipped, postback};
use crate::{
    AdaptError, Adapted, CallError, Candidate, Channel, Claim, Fact, FactValue, Inbound, Limits,
    Method, Pair, PluginHost, PluginKind, Verdict,
};

const ADAPTERS: [&str; 3] = ["events", "generic", "trackier"];
const RULES: [&str; 2] = ["duplicate-order", "velocity"];

fn cases(folder: &str, guest: &str) -> Vec<Case> {
    let plugins = concat!(env!("CARGO_MANIFEST_DIR"), "/../../plugins");
    let cases = testkit::cases(format!("{plugins}/{folder}/{guest}/fixtures"));
    assert!(!cases.is_empty());
    cases
}

fn inbound(inbound: types::Inbound) -> Inbound {
    let headers = inbound.headers.into_iter();
    Inbound {
        channel: match inbound.channel {
            types::Channel::Postback => Channel::Postback,
            types::Channel::Event => Channel::Event,
            types::Channel::Pixel => Channel::Pixel,
            types::Channel::Import => Channel::Import,
            types::Channel::Poll => Channel::Poll,
        },
        received_at_us: inbound.received_at,
        method: match inbound.method {
            types::Method::None => Method::None,
            types::Method::Get => Method::Get,
            types::Method::Post => Method::Post,
        },
        path: inbound.path,
        query: inbound.query,
        headers: headers.map(|pair| Pair { name: pair.name, value: pair.value }).collect(),
        body: inbound.body,
    }
}

fn candidate(candidate: types::Candidate) -> Candidate {
    let claim = candidate.claim;
    let facts = candidate.facts.into_iter().map(|fact| Fact {
        name: fact.name,
        value: match fact.value {
            types::FactValue::Integer(integer) => FactValue::Integer(integer),
            types::FactValue::Number(decimal) => FactValue::Decimal(decimal),
            types::FactValue::Text(text) => FactValue::Text(text),
            types::FactValue::Flag(flag) => FactValue::Flag(flag),
        },
    });
    Candidate {
        conversion_id: candidate.conversion_id,
        claim: Claim {
            order_ref: claim.order_ref,
            amount: claim.amount,
            customer_ref: claim.customer_ref,
            ..super::bare_claim()
        },
        attributed_by: candidate.attributed_by,
        clicked_at_us: candidate.clicked_at,
        claimed_at_us: candidate.claimed_at,
        facts: facts.collect(),
    }
}

/// The form of a recorded case, made of the host's values.
fn written(result: &Result<Adapted, CallError>) -> Value {
    match result {
        Ok(Ok(claims)) => json!({ "claims": claims.iter().map(claim).collect::<Vec<_>>() }),
        Ok(Err(AdaptError::Refused(refusal))) => json!({
            "refusal": { "reason": refusal.reason.as_str(), "detail": refusal.detail },
        }),
        Ok(Err(AdaptError::Failed(error))) | Err(error) => match error {
            CallError::BadConfig(reason) => json!({ "unusable_config": reason }),
            error => json!({ "failed": error.outcome() }),
        },
    }
}

fn claim(claim: &Claim) -> Value {
    let mut fields = Map::new();
    let mut put = |name: &str, value: Value| {
        if !matches!(&value, Value::Null | Value::Bool(false)) && value != json!([]) {
            fields.insert(name.into(), value);
        }
    };
    put("action", claim.action.as_str().into());
    put("custom_action", json!(claim.custom_action));
    put("order_ref", json!(claim.order_ref));
    put("line", json!(claim.line));
    put("amount", json!(claim.amount));
    put("currency", json!(claim.currency));
    put("charge", json!(claim.charge));
    put("status", json!(claim.status.map(crate::Status::as_str)));
    put("raw_status", json!(claim.raw_status));
    put("occurred_at", json!(claim.occurred_at_us));
    put("updated_at", json!(claim.updated_at_us));
    put("click_ids", json!(claim.click_ids));
    put("coupon_code", json!(claim.coupon_code));
    put("ref_code", json!(claim.ref_code));
    put("landing_url", json!(claim.landing_url));
    put("referrer", json!(claim.referrer));
    put("customer_ref", json!(claim.customer_ref));
    let items = claim.items.iter().map(|item| {
        json!({
            "sku": item.sku, "quantity": item.quantity,
            "unit_amount": item.unit_amount, "category": item.category,
        })
    });
    put("items", items.collect());
    put("test", claim.test.into());
    Value::Object(fields)
}

fn verdicts(verdicts: &[Verdict]) -> Value {
    let verdicts = verdicts.iter().map(|verdict| {
        json!({
            "decision": verdict.decision.as_str(), "score": verdict.score, "reason": verdict.reason,
        })
    });
    json!({ "verdicts": verdicts.collect::<Vec<_>>() })
}

fn run(host: &PluginHost, guest: &str, case: &Case) -> Value {
    let reply = host.adapt_blocking(guest, "ten_1", &case.config, vec![inbound(case.inbound())]);
    written(&reply.map(|mut reply| reply.results.remove(0)))
}

/// One call thread, so that every call of a reusing host meets the same instance.
fn one_thread(are_instances_reused: bool) -> PluginHost {
    let host = host(Limits { are_instances_reused, call_threads: 1, ..Limits::default() });
    for guest in ADAPTERS {
        load_shipped(&host, guest);
    }
    host
}

#[test]
fn adapters_agree_with_their_recorded_cases() {
    let host = one_thread(true);
    for guest in ADAPTERS {
        for case in cases("adapters", guest) {
            assert_eq!(run(&host, guest, &case), case.expected(), "{guest}: {}", case.name);
        }
    }
}

#[test]
fn rules_agree_with_their_recorded_cases() {
    let host = host(Limits::default());
    for guest in RULES {
        load_shipped(&host, guest);
        for case in cases("rules", guest) {
            let candidates = case.candidates().into_iter().map(candidate).collect();
            let outcome = match host.judge_blocking(guest, "ten_1", &case.config, candidates) {
                Ok(reply) => {
                    verdicts(&reply.results.into_iter().map(Result::unwrap).collect::<Vec<_>>())
                }
                Err(CallError::BadConfig(reason)) => json!({ "unusable_config": reason }),
                Err(error) => panic!("{error}"),
            };
            assert_eq!(outcome, case.expected(), "{guest}: {}", case.name);
        }
    }
}

/// A fixed order that looks like none.
fn shuffled(count: usize, round: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..count).collect();
    let mut state = 0x9e37_79b9_7f4a_7c15_u64 ^ u64::try_from(round).unwrap();
    for index in (1..count).rev() {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let other = usize::try_from(state >> 33).unwrap() % (index + 1);
        order.swap(index, other);
    }
    order
}

const ROUNDS: usize = 30;

#[test]
fn fresh_and_reused_instances_give_equal_outputs_in_any_order() {
    let (fresh, reused) = (one_thread(false), one_thread(true));
    for guest in ADAPTERS {
        let cases = cases("adapters", guest);
        let expected: Vec<Value> = cases.iter().map(|case| run(&fresh, guest, case)).collect();
        for round in 0..ROUNDS {
            for index in shuffled(cases.len(), round) {
                let case = &cases[index];
                assert_eq!(run(&reused, guest, case), expected[index], "{guest}: {}", case.name);
            }
        }
    }
}

#[test]
fn the_same_comparison_finds_a_guest_that_remembers() {
    // Answers with as many letters as it has been called.
    let body = guests::refusing("", 1).replace(
        "(i32.store offset=12 (local.get $place) (i32.const 1))",
        "(i32.store offset=12 (local.get $place) (global.get $calls))",
    );
    let count = "(global.set $calls (i32.add (global.get $calls) (i32.const 1)))";
    let component = guests::adapter(&format!("{} {count} {body}", guests::LETTERS));
    let outputs = |are_instances_reused| {
        let host = host(Limits { are_instances_reused, call_threads: 1, ..Limits::default() });
        load(&host, "rememberer", PluginKind::Adapter, component.clone());
        let call = || host.adapt_blocking("rememberer", "ten_1", "", vec![postback("")]).unwrap();
        [call().results, call().results]
    };
    let (fresh, reused) = (outputs(false), outputs(true));
    assert_eq!(fresh[0], fresh[1]);
    assert_ne!(reused[0], reused[1]);
}

#[test]
fn an_instance_never_serves_two_tenants() {
    let body = guests::refusing("", 1).replace(
        "(i32.store offset=12 (local.get $place) (i32.const 1))",
        "(i32.store offset=12 (local.get $place) (global.get $calls))",
    );
    let count = "(global.set $calls (i32.add (global.get $calls) (i32.const 1)))";
    let component = guests::adapter(&format!("{} {count} {body}", guests::LETTERS));
    let host = host(Limits { call_threads: 1, ..Limits::default() });
    load(&host, "rememberer", PluginKind::Adapter, component);
    let call = |tenant: &str| {
        host.adapt_blocking("rememberer", tenant, "", vec![postback("")]).unwrap().results
    };
    let first = call("ten_1");
    assert_ne!(call("ten_1"), first);
    assert_eq!(call("ten_2"), first);
}

#[test]
fn native_and_component_agree_on_generated_postbacks() {
    let host = one_thread(true);
    let names = [
        "click_id", "sub1", "order_id", "txn_id", "amount", "sum", "currency", "status", "event",
        "coupon", "ref", "customer", "foo", "%D0%BA",
    ];
    let values =
        ["", "1", "10.50", "-1", "KZT", "usd", "paid", "%7Bx%7D", "{y}", "a+b", "%ff", "é"];
    for round in 0..200 {
        let picks = shuffled(names.len(), round);
        let query: Vec<String> = picks
            .iter()
            .take(1 + round % 6)
            .map(|pick| format!("{}={}", names[*pick], values[(pick * 7 + round) % values.len()]))
            .collect();
        let query = query.join("&");
        let native = types::Inbound {
            channel: types::Channel::Postback,
            received_at: 0,
            method: types::Method::Get,
            path: "/postback/int_1".into(),
            query: query.clone(),
            headers: Vec::new(),
            body: Vec::new(),
        };
        let expected = testkit::adapted(&adapter_generic::adapt(&[native], "").unwrap()[0]);
        let reply = host.adapt_blocking("generic", "ten_1", "", vec![postback(&query)]);
        let outcome = written(&reply.map(|mut reply| reply.results.remove(0)));
        assert_eq!(outcome, expected, "{query}");
    }
}
