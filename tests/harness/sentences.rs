//! What a test says to the world, one sentence per call.

use serde_json::Value;
use serde_json::json;

use crate::http::Request;
use crate::http::Response;
use crate::site::Site;
use crate::time::eventually;
use crate::world::BROWSER;

/// The headers of a person's browser.
pub const BROWSER_HEADERS: &[(&str, &str)] =
    &[("user-agent", BROWSER), ("accept", "text/html,application/xhtml+xml")];

impl Site {
    /// GET on the API as admin.
    #[track_caller]
    pub fn api_get(&self, target: &str) -> Response {
        self.api("GET", target, &self.bearer(), &Value::Null)
    }

    /// POST on the API as admin.
    #[track_caller]
    pub fn api_post(&self, target: &str, body: &Value) -> Response {
        self.api("POST", target, &self.bearer(), body)
    }

    /// Any method on the API with any `Authorization` header; `null` means no body.
    #[track_caller]
    pub fn api(&self, method: &str, target: &str, authorization: &str, body: &Value) -> Response {
        let text = if body.is_null() { String::new() } else { body.to_string() };
        let mut headers = vec![("authorization", authorization)];
        if !text.is_empty() {
            headers.push(("content-type", "application/json"));
        }
        let request = Request { method, target, headers: &headers, body: text.as_bytes() };
        // A key may ask a hundred times per second; a test that asks faster waits its turn like
        // anybody.
        eventually("a turn under the limit", || {
            Some(self.control(&request)).filter(|answer| answer.status != 429)
        })
    }

    /// GET on the API with another key: status and body.
    #[track_caller]
    pub fn api_as(&self, key: &str, target: &str) -> Response {
        self.api("GET", target, &format!("Bearer {key}"), &Value::Null)
    }

    fn bearer(&self) -> String {
        format!("Bearer {}", self.admin_key())
    }

    /// Makes an object as admin: 201 and the whole object, with an `id`.
    #[track_caller]
    pub fn create(&self, target: &str, body: &Value) -> Value {
        let made = self.api_post(target, body).expect_status(201).json();
        assert!(made["id"].is_string(), "no id in {made}");
        made
    }

    /// Makes an advertiser with one allowed host.
    #[track_caller]
    pub fn advertiser(&self, name: &str, host: &str) -> String {
        let body = json!({"name": name, "currency": "KZT", "allowed_hosts": [host]});
        id_of(&self.create("/v1/advertisers", &body))
    }

    /// Makes a publisher.
    #[track_caller]
    pub fn publisher(&self, code: &str) -> String {
        let body = json!({"name": code, "code": code, "tax_regime": "illustrative_10"});
        id_of(&self.create("/v1/publishers", &body))
    }

    /// A browser asks the daemon for `target`.
    #[track_caller]
    pub fn visit(&self, target: &str) -> Response {
        self.daemon(&Request { method: "GET", target, headers: BROWSER_HEADERS, body: &[] })
    }

    /// A browser follows `/{slug}`: the click id out of the destination. New links need up to a
    /// second to be known.
    #[track_caller]
    pub fn click(&self, slug: &str) -> String {
        let target = format!("/{slug}");
        let location = eventually("the link redirects", || {
            let answer = self.visit(&target);
            (answer.status == 302).then(|| answer.header("location").unwrap_or("").to_owned())
        });
        let click_id = parameter(&location, "sub1");
        assert_eq!(click_id.len(), 40, "no click id in {location}");
        click_id
    }

    /// A postback by GET with everything in the query.
    #[track_caller]
    pub fn get(&self, target: &str) -> Response {
        self.daemon(&Request { method: "GET", target, headers: &[], body: &[] })
    }

    /// A POST to the daemon.
    #[track_caller]
    pub fn post(&self, target: &str, headers: &[(&str, &str)], body: &str) -> Response {
        self.daemon(&Request { method: "POST", target, headers, body: body.as_bytes() })
    }

    /// An event with an advertiser's key.
    #[track_caller]
    pub fn event(&self, key: &str, body: &Value) -> Response {
        let headers = [("x-api-key", key), ("content-type", "application/json")];
        self.post("/v1/events", &headers, &body.to_string())
    }

    /// The conversions of an order, as the list shows them.
    #[track_caller]
    pub fn conversions(&self, order_ref: &str) -> Vec<Value> {
        let target = format!("/v1/conversions?order_ref={order_ref}");
        rows(&self.api_get(&target).expect_status(200).json())
    }

    /// The one conversion of an order, as soon as it is there.
    #[track_caller]
    pub fn conversion(&self, order_ref: &str) -> Value {
        eventually(&format!("a conversion of {order_ref}"), || {
            let mut found = self.conversions(order_ref);
            assert!(found.len() <= 1, "{order_ref} was counted more than once: {found:?}");
            found.pop()
        })
    }

    /// The debugger's detail of an inbound, as soon as it is processed.
    #[track_caller]
    pub fn processed(&self, event_id: &str) -> Value {
        let target = format!("/v1/inbound/{event_id}");
        eventually(&format!("the outcome of {event_id}"), || {
            let answer = self.api_get(&target);
            if answer.status == 404 {
                return None;
            }
            let detail = answer.expect_status(200).json();
            detail["outcome"].is_string().then_some(detail)
        })
    }

    /// Outcome and reason of an inbound, as soon as it is processed.
    #[track_caller]
    pub fn outcome(&self, event_id: &str) -> (String, Option<String>) {
        let detail = self.processed(event_id);
        (text(&detail["outcome"]), detail["reason"].as_str().map(str::to_owned))
    }

    /// A publisher's balance.
    #[track_caller]
    pub fn balance(&self, publisher: &str) -> Value {
        self.api_get(&format!("/v1/publishers/{publisher}/balance")).expect_status(200).json()
    }

    /// Every audit check with its value; all of them must be there.
    #[track_caller]
    pub fn audit(&self) -> Vec<(String, i64)> {
        let (code, output) = self.run(&["audit", "--json"]);
        let report: Value =
            serde_json::from_str(&output).unwrap_or_else(|error| json!(error.to_string()));
        let checks: Vec<(String, i64)> = rows(&report)
            .iter()
            .map(|row| (text(&row["check"]), row["value"].as_i64().unwrap_or(-1)))
            .collect();
        assert!(!checks.is_empty(), "gamma audit --json printed {output:?}");
        let is_clean = checks.iter().all(|(_, value)| *value == 0);
        assert_eq!(code, Some(i32::from(!is_clean)), "exit code of {checks:?}");
        checks
    }

    /// The audit finds nothing.
    #[track_caller]
    pub fn audit_is_clean(&self) {
        let wrong: Vec<_> = self.audit().into_iter().filter(|(_, value)| *value != 0).collect();
        assert!(wrong.is_empty(), "the audit found {wrong:?}");
    }
}

/// The `data` of a list, or the list itself.
#[must_use]
#[track_caller]
pub fn rows(list: &Value) -> Vec<Value> {
    list["data"].as_array().or_else(|| list.as_array()).cloned().unwrap_or_default()
}

/// The `id` of an object.
#[must_use]
#[track_caller]
pub fn id_of(object: &Value) -> String {
    text(&object["id"])
}

/// A JSON string; fails the test when it is something else.
#[must_use]
#[track_caller]
pub fn text(value: &Value) -> String {
    assert!(value.is_string(), "not a string: {value}");
    value.as_str().unwrap_or_default().to_owned()
}

/// `{"amount":…,"currency":…}` as `1000.00 KZT`.
#[must_use]
#[track_caller]
pub fn money(value: &Value) -> String {
    format!("{} {}", text(&value["amount"]), text(&value["currency"]))
}

/// The first value of `name` in the query of `url`; empty when absent.
#[must_use]
pub fn parameter(url: &str, name: &str) -> String {
    let query = url.split_once('?').map_or("", |(_, query)| query);
    let query = query.split_once('#').map_or(query, |(query, _)| query);
    query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .find(|(held, _)| *held == name)
        .map(|(_, value)| value.to_owned())
        .unwrap_or_default()
}

/// Path and query of an absolute URL: the test's program does not listen where the URL of its
/// settings points.
#[must_use]
pub fn path_of(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.find('/').map_or_else(|| "/".to_owned(), |at| rest[at..].to_owned())
}
