//! Recorded cases: what an outside system really sends, and what must come of it.
//!
//! A case is a file of JSON in a guest's `fixtures/`. Adapters: `says`, `config`, `inbound`
//! (`channel`, `method`, `path`, `query`, `content_type`, `body`, `received_at`), and one of
//! `claims`, `refusal`, `unusable_config`. Rules: `says`, `config`, `candidates`, and `verdicts` or
//! `unusable_config`. Absent fields of a claim are left out.
//!
//! A case whose body is an object is sent as that JSON text; a text is sent as it stands.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use crate::run::Adapted;
use crate::types::{
    Action, Candidate, Channel, Claim, Decision, Fact, FactValue, Inbound, Item, Method, Pair,
    RefusalReason, Status, Verdict,
};

/// One recorded case, still in its own words.
#[derive(Debug, Clone)]
pub struct Case {
    /// File name without ending.
    pub name: String,
    /// The configuration as text; empty when the case names none.
    pub config: String,
    document: Value,
}

/// Reads all cases of a folder, in the order of their names.
///
/// # Panics
/// A file cannot be read or is not JSON: a case that silently disappears would prove nothing.
pub fn cases(folder: impl AsRef<Path>) -> Vec<Case> {
    let entries = fs::read_dir(folder.as_ref()).expect("the folder of cases is readable");
    let mut files: Vec<PathBuf> =
        entries.map(|entry| entry.expect("a readable entry").path()).collect();
    files.retain(|file| file.extension().is_some_and(|ending| ending == "json"));
    files.sort();
    files.iter().map(|file| case(file)).collect()
}

fn case(file: &Path) -> Case {
    let text = fs::read_to_string(file).expect("a readable case");
    let document: Value = serde_json::from_str(&text).expect("a case is JSON");
    let name = file.file_stem().map(|stem| stem.to_string_lossy().into_owned());
    let config = match &document["config"] {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        object => object.to_string(),
    };
    Case { name: name.unwrap_or_default(), config, document }
}

impl Case {
    /// The inbound of an adapter's case.
    pub fn inbound(&self) -> Inbound {
        inbound(&self.document["inbound"])
    }

    /// The candidates of a rule's case.
    pub fn candidates(&self) -> Vec<Candidate> {
        list(&self.document["candidates"]).iter().map(candidate).collect()
    }

    /// What the case expects: the same form that `adapted` and `judged` make.
    pub fn expected(&self) -> Value {
        const OUTCOMES: [&str; 4] = ["claims", "refusal", "verdicts", "unusable_config"];
        let mut expected = Map::new();
        for outcome in OUTCOMES {
            if let Some(value) = self.document.get(outcome) {
                expected.insert(outcome.into(), value.clone());
            }
        }
        Value::Object(expected)
    }
}

/// Runs every case of a folder through an adapter's batch function.
///
/// # Panics
/// A case disagrees, or there are fewer than `at_least`.
pub fn check_adapter(
    folder: &str,
    at_least: usize,
    adapt: impl Fn(&[Inbound], &str) -> Result<Vec<Adapted>, String>,
) {
    let cases = cases(folder);
    assert!(cases.len() >= at_least, "{} cases in {folder}", cases.len());
    for case in cases {
        let outcome = match adapt(&[case.inbound()], &case.config) {
            Ok(mut results) => adapted(&results.remove(0)),
            Err(reason) => json!({ "unusable_config": reason }),
        };
        same(&case, &outcome);
    }
}

/// Runs every case of a folder through a rule's batch function.
///
/// # Panics
/// A case disagrees, or there are fewer than `at_least`.
pub fn check_rule(
    folder: &str,
    at_least: usize,
    judge: impl Fn(&[Candidate], &str) -> Result<Vec<Verdict>, String>,
) {
    let cases = cases(folder);
    assert!(cases.len() >= at_least, "{} cases in {folder}", cases.len());
    for case in cases {
        let outcome = match judge(&case.candidates(), &case.config) {
            Ok(verdicts) => judged(&verdicts),
            Err(reason) => json!({ "unusable_config": reason }),
        };
        same(&case, &outcome);
    }
}

fn same(case: &Case, outcome: &Value) {
    let expected = case.expected();
    assert!(*outcome == expected, "{}\n  gave     {outcome}\n  expected {expected}", case.name);
}

/// The outcome of an adapter in the form of a case.
pub fn adapted(adapted: &Adapted) -> Value {
    match adapted {
        Ok(claims) => json!({ "claims": claims.iter().map(claim).collect::<Vec<_>>() }),
        Err(refusal) => {
            let reason = match refusal.reason {
                RefusalReason::ParseError => "parse_error",
                RefusalReason::BadAmount => "bad_amount",
                RefusalReason::CurrencyMissing => "currency_missing",
                RefusalReason::NoAttributionKey => "no_attribution_key",
                RefusalReason::TestMode => "test_mode",
                RefusalReason::Ignored => "ignored",
            };
            json!({ "refusal": { "reason": reason, "detail": refusal.detail } })
        }
    }
}

/// The outcome of a rule in the form of a case.
pub fn judged(verdicts: &[Verdict]) -> Value {
    let verdicts = verdicts.iter().map(|verdict| {
        let decision = match verdict.decision {
            Decision::Approve => "approve",
            Decision::Hold => "hold",
            Decision::Reject => "reject",
            Decision::Abstain => "abstain",
        };
        json!({ "decision": decision, "score": verdict.score, "reason": verdict.reason })
    });
    json!({ "verdicts": verdicts.collect::<Vec<_>>() })
}

fn claim(claim: &Claim) -> Value {
    let status = claim.status.map(|status| match status {
        Status::Pending => "pending",
        Status::Approved => "approved",
        Status::Rejected => "rejected",
        Status::Reversed => "reversed",
        Status::Returned => "returned",
        Status::Partial => "partial",
        Status::Unmapped => "unmapped",
    });
    let mut fields = Map::new();
    let mut put = |name: &str, value: Value| {
        if !matches!(&value, Value::Null | Value::Bool(false)) && value != json!([]) {
            fields.insert(name.into(), value);
        }
    };
    put("action", action(claim.action).into());
    put("custom_action", json!(claim.custom_action));
    put("order_ref", json!(claim.order_ref));
    put("line", json!(claim.line));
    put("amount", json!(claim.amount));
    put("currency", json!(claim.currency));
    put("charge", json!(claim.charge));
    put("status", json!(status));
    put("raw_status", json!(claim.raw_status));
    put("occurred_at", json!(claim.occurred_at));
    put("updated_at", json!(claim.updated_at));
    put("click_ids", json!(claim.click_ids));
    put("coupon_code", json!(claim.coupon_code));
    put("ref_code", json!(claim.ref_code));
    put("landing_url", json!(claim.landing_url));
    put("referrer", json!(claim.referrer));
    put("customer_ref", json!(claim.customer_ref));
    put("items", claim.items.iter().map(item).collect());
    put("test", claim.test.into());
    Value::Object(fields)
}

fn item(item: &Item) -> Value {
    json!({
        "sku": item.sku, "quantity": item.quantity,
        "unit_amount": item.unit_amount, "category": item.category,
    })
}

fn action(action: Action) -> &'static str {
    match action {
        Action::Landing => "landing",
        Action::AddToCart => "add_to_cart",
        Action::Signup => "signup",
        Action::Purchase => "purchase",
        Action::DropOff => "drop_off",
        Action::Custom => "custom",
    }
}

fn inbound(value: &Value) -> Inbound {
    let content_type = value["content_type"].as_str();
    Inbound {
        channel: match value["channel"].as_str() {
            Some("event") => Channel::Event,
            Some("pixel") => Channel::Pixel,
            Some("import") => Channel::Import,
            Some("poll") => Channel::Poll,
            _ => Channel::Postback,
        },
        received_at: value["received_at"].as_i64().unwrap_or(1_795_151_700_000_000),
        method: match value["method"].as_str() {
            Some("post") => Method::Post,
            Some("none") => Method::None,
            _ => Method::Get,
        },
        path: value["path"].as_str().unwrap_or("/postback/int_1").into(),
        query: value["query"].as_str().unwrap_or_default().into(),
        headers: content_type
            .map(|media| Pair { name: "content-type".into(), value: media.into() })
            .into_iter()
            .collect(),
        body: match &value["body"] {
            Value::Null => Vec::new(),
            Value::String(text) => text.clone().into_bytes(),
            // Bytes that are no text are listed as numbers.
            Value::Array(bytes) => bytes
                .iter()
                .filter_map(|byte| byte.as_u64().and_then(|byte| u8::try_from(byte).ok()))
                .collect(),
            object => object.to_string().into_bytes(),
        },
    }
}

fn candidate(value: &Value) -> Candidate {
    let facts = value["facts"].as_object().into_iter().flatten();
    Candidate {
        conversion_id: value["conversion_id"].as_str().unwrap_or("cnv_1").into(),
        claim: Claim {
            action: Action::Purchase,
            custom_action: None,
            order_ref: text(value, "order_ref"),
            line: None,
            amount: text(value, "amount"),
            currency: None,
            charge: None,
            status: Some(Status::Approved),
            raw_status: None,
            occurred_at: None,
            updated_at: None,
            click_ids: Vec::new(),
            coupon_code: None,
            ref_code: None,
            landing_url: None,
            referrer: None,
            customer_ref: text(value, "customer_ref"),
            items: Vec::new(),
            test: false,
        },
        attributed_by: "click_id".into(),
        clicked_at: Some(1_795_151_600_000_000),
        claimed_at: 1_795_151_700_000_000,
        facts: facts.map(|(name, value)| fact(name, value)).collect(),
    }
}

fn fact(name: &str, value: &Value) -> Fact {
    let value = match value {
        Value::Bool(flag) => FactValue::Flag(*flag),
        Value::Number(number) => match number.as_i64() {
            Some(integer) => FactValue::Integer(integer),
            None => FactValue::Number(number.to_string()),
        },
        other => FactValue::Text(other.as_str().unwrap_or_default().into()),
    };
    Fact { name: name.into(), value }
}

fn text(value: &Value, name: &str) -> Option<String> {
    value[name].as_str().map(String::from)
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}
