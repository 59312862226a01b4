use super::*;

fn check(body: &str, path_action: Option<&str>, expected: &str) {
    let found = match read(body.as_bytes(), path_action) {
        Ok(events) => {
            let texts: Vec<_> =
                events.bodies.into_iter().map(|body| String::from_utf8(body).unwrap()).collect();
            format!("{}{}", if events.is_batch { "batch " } else { "" }, texts.join(" | "))
        }
        Err(Problem::Malformed(detail)) => format!("400 {detail}"),
        Err(Problem::Invalid(errors)) => {
            let fields: Vec<_> = errors.into_iter().map(|error| error.field).collect();
            format!("422 {}", fields.join(" "))
        }
        Err(other) => format!("{other:?}"),
    };
    assert_eq!(found, expected, "{body}");
}

#[test]
fn a_complete_event_is_kept_to_the_byte() {
    let body = r#"{ "action": "purchase", "value": 12.50, "currency":"KZT", "order_id":7 }"#;
    check(body, None, body);
    check(body, Some("purchase"), body);
}

#[test]
fn the_path_fills_in_the_action() {
    check(r#"{"value":"1.10"}"#, Some("signup"), r#"{"value":"1.10","action":"signup"}"#);
    check(r#"{"action":null}"#, Some("signup"), r#"{"action":"signup"}"#);
    check(r#"{"action":"landing"}"#, Some("signup"), "422 action");
    check("{}", None, "422 action");
}

#[test]
fn numbers_are_never_read_as_floats() {
    let body = r#"{"action":"purchase","value":12345678901.10}"#;
    check(&format!(r#"{{"events":[{body}]}}"#), None, &format!("batch {body}"));
}

#[test]
fn every_bad_field_is_named() {
    check(
        r#"{"action":"buy","value":"1e3","currency":"K1T","properties":[],"order_id":true,
            "customer_id":{},"ts":[],"status":1,"coupon_code":1,"click_id":1,"ref_code":1,
            "landing_url":1,"referrer":1}"#,
        None,
        "422 action value currency properties order_id customer_id ts status coupon_code click_id \
         ref_code landing_url referrer",
    );
    for value in ["-1", "1e3", "\"\"", "\"1,5\"", "\"+1\"", "\".5\"", "\"5.\"", "true", "\"NaN\""] {
        check(&format!(r#"{{"action":"purchase","value":{value}}}"#), None, "422 value");
    }
}

#[test]
fn times_are_dates_with_time_and_offset() {
    let body = |ts: &str| format!(r#"{{"action":"landing","ts":{ts}}}"#);
    for ts in
        ["2026-02-28T23:59:60Z", "2024-02-29t00:00:00.123456+05:30", "2026-01-01T00:00:00-00:00"]
    {
        let body = body(&format!("\"{ts}\""));
        check(&body, None, &body);
    }
    for ts in [
        "1700000000",
        "\"\"",
        "\"yesterday\"",
        "\"1700000000\"",
        "\"2026-01-01\"",
        "\"2026-01-01T00:00:00\"",
        "\"2026-13-01T00:00:00Z\"",
        "\"2026-02-29T00:00:00Z\"",
        "\"2026-01-01T24:00:00Z\"",
        "\"2026-01-01T00:00Z\"",
        "\"2026-01-01T00:00:00.Z\"",
        "\"2026-01-01T00:00:00+5\"",
        "\"2026-01-01T00:00:00ZZ\"",
        "\"2026-01-01T00:00:00éZ\"",
    ] {
        check(&body(ts), None, "422 ts");
    }
}

#[test]
fn values_have_the_digits_of_their_currency() {
    let body = |rest: &str| format!(r#"{{"action":"purchase",{rest}}}"#);
    for rest in [
        r#""value":"1.55","currency":"kzt""#,
        r#""value":1.555,"currency":"KWD""#,
        r#""value":1.5555"#,
        r#""value":10000000000000"#,
        r#""value":"100000000000.00","currency":"KZT""#,
    ] {
        check(&body(rest), None, &body(rest));
    }
    for rest in [
        r#""value":"1.555","currency":"KZT""#,
        r#""value":1.5,"currency":"JPY""#,
        r#""value":1.55555"#,
        r#""value":10000000000001"#,
        r#""value":"100000000000.01","currency":"KZT""#,
    ] {
        check(&body(rest), None, "422 value");
    }
    check(&body(r#""currency":"ZZZ","value":-1,"ts":"x""#), None, "422 currency value ts");
}

#[test]
fn malformed_json_is_refused_with_its_place() {
    check("", None, "400 not JSON at line 1, column 0");
    check("{\"action\":\n}", None, "400 not JSON at line 2, column 1");
    check("[]", None, "422 body");
    check("null", None, "422 body");
    let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    let body = |levels| format!(r#"{{"action":"landing","x":{}}}"#, nested(levels));
    check(&body(JSON_DEPTH_MAX - 1), None, &body(JSON_DEPTH_MAX - 1));
    check(&body(JSON_DEPTH_MAX), None, "400 nested deeper than 16 levels");
    check(&nested(100_000), None, "400 not JSON at line 1, column 128");
}

#[test]
fn a_batch_is_all_or_nothing() {
    let good = r#"{"action":"landing"}"#;
    let batch = |events: &[&str]| format!(r#"{{"events":[{}]}}"#, events.join(","));
    check(&batch(&[good, good]), None, &format!("batch {good} | {good}"));
    check(&batch(&["{}"]), Some("signup"), r#"batch {"action":"signup"}"#);
    check(&batch(&[good, "{}", "7"]), None, "422 events[1].action events[2]");
    check(&batch(&[]), None, "422 events");
    check(r#"{"events":{}}"#, None, "422 events");
    let many = vec![good; BATCH_EVENTS_MAX];
    assert_eq!(read(batch(&many).as_bytes(), None).unwrap().bodies.len(), BATCH_EVENTS_MAX);
    let too_many = vec![good; BATCH_EVENTS_MAX + 1];
    check(&batch(&too_many), None, "422 events");
}

#[test]
fn properties_are_bounded() {
    let body = |count: usize| {
        let fields: Vec<_> = (0..count).map(|number| format!("\"p{number}\":1")).collect();
        format!(r#"{{"action":"landing","properties":{{{}}}}}"#, fields.join(","))
    };
    check(&body(PROPERTIES_MAX), None, &body(PROPERTIES_MAX));
    check(&body(PROPERTIES_MAX + 1), None, "422 properties");
    // Nothing passes here that an adapter would refuse afterwards.
    let fields = |count: usize| -> String {
        let fields: Vec<_> = (0..count).map(|number| format!("\"p{number}\":1")).collect();
        fields.join(",")
    };
    let wide = fields(PROPERTIES_MAX + 1);
    check(&format!(r#"{{"action":"landing","x":[{{{wide}}}]}}"#), None, "422 x");
    let nested = format!(r#"{{"action":"landing","properties":{{"a":{{{wide}}}}}}}"#);
    check(&nested, None, "422 properties");
    let event = |count: usize| format!(r#"{{"action":"landing",{}}}"#, fields(count));
    check(&event(PROPERTIES_MAX - 1), None, &event(PROPERTIES_MAX - 1));
    check(&event(PROPERTIES_MAX), None, "422 body");
    let batch = format!(r#"{{"events":[{}]}}"#, event(PROPERTIES_MAX));
    check(&batch, None, "422 events[0]");
}
