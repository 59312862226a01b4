use super::*;

const ALLOWED: [&str; 2] = ["shop.example", "xn--e1afmkfd.example"];

fn check_target(text: &str) -> Result<String, TargetError> {
    check(text, Ports::Default, ALLOWED).map(String::from)
}

#[test]
fn only_https_on_an_allowed_host_passes_and_is_sent_serialised() {
    for (text, sent) in [
        ("https://shop.example", "https://shop.example/"),
        ("https://shop.example/p/1?a=b#c", "https://shop.example/p/1?a=b#c"),
        ("https://SHOP.example:443/p", "https://shop.example/p"),
        ("https://www.shop.example/%7Ex", "https://www.shop.example/%7Ex"),
        ("https://shop.example/ключ", "https://shop.example/%D0%BA%D0%BB%D1%8E%D1%87"),
        ("https://xn--e1afmkfd.example/", "https://xn--e1afmkfd.example/"),
        ("https://shop.example?x=1", "https://shop.example/?x=1"),
        ("https://shop.example/a@b", "https://shop.example/a@b"),
    ] {
        assert_eq!(check_target(text).as_deref(), Ok(sent), "{text}");
    }
}

#[test]
fn hostile_targets_never_become_redirects() {
    for text in [
        "",
        "shop.example",
        "//shop.example/",
        "http://shop.example/",
        "HTTPS://shop.example/",
        " https://shop.example/",
        "https:shop.example",
        "https:/shop.example",
        "https:///shop.example",
        "https:////shop.example",
        "https://",
        "https://?",
        "javascript:alert(1)//https://shop.example",
        "data:text/html,https://shop.example",
        "intent://shop.example#Intent;end",
        "https://shop.example@evil.example/",
        "https://evil.example@shop.example/",
        "https://user:pw@shop.example/",
        "https://evil.example\\@shop.example/",
        "https://shop.example\\.evil.example/",
        "https://evil.example\\shop.example/",
        "https://shop.example\t.evil.example/",
        "https://shop.example/\r\nSet-Cookie: a=b",
        "https://shop.example/\n",
        "https://shop.example/\u{0}",
        "https://shop.example/\u{7f}",
        "https://shop.example/\u{85}",
        "https://shop.example/ x",
        "https://shop.example/\u{a0}x",
        "https://shop.example/\u{2028}x",
        "https://evil.example/",
        "https://evilshop.example/",
        "https://shop.example.evil.example/",
        "https://shop.example./",
        "https://.shop.example/",
        "https://a..shop.example/",
        "https://shop.example:8443/",
        "https://shop.example:80/",
        "https://shop.example%2eevil.example/",
        "https://shop%2eexample/",
        "https://shop。example/",
        "https://ｓｈｏｐ.example/",
        "https://пример.example/",
        "https://a_b.shop.example/",
        "https://127.0.0.1/",
        "https://2130706433/",
        "https://0x7f.1/",
        "https://[::1]/",
        "https://shop.example:443@evil.example/",
        "https://shop.example,evil.example/",
        "https://shop.example;evil.example/",
        "https://#shop.example",
        "https://shop.exam\u{AD}ple/",
    ] {
        assert!(check_target(text).is_err(), "{text:?}");
    }
}

#[test]
fn without_the_list_the_same_targets_would_pass() {
    // The control of the rule above: it is the list that refuses them.
    assert!(parse("https://evil.example/", Ports::Default).is_ok());
    assert!(parse("https://shop.example.evil.example/", Ports::Default).is_ok());
}

#[test]
fn stored_destinations_may_name_a_port() {
    assert!(check("https://shop.example:8443/", Ports::Any, ALLOWED).is_ok());
    assert_eq!(check_target("https://shop.example:8443/"), Err(TargetError::Port));
}

#[test]
fn fallbacks_are_web_pages() {
    assert_eq!(fallback("https://a.example").as_deref(), Some("https://a.example/"));
    assert_eq!(fallback("http://a.example/x").as_deref(), Some("http://a.example/x"));
    for bad in ["", "a.example", "javascript:1", "https://a.example/\r\nx", "https://u@a.example/"]
    {
        assert_eq!(fallback(bad), None, "{bad:?}");
    }
}

#[test]
fn values_are_encoded_so_that_they_cannot_leave_their_place() {
    let mut out = String::new();
    push_encoded(&mut out, "a b&c=d#e/ё%".as_bytes());
    assert_eq!(out, "a%20b%26c%3Dd%23e%2F%D1%91%25");
}
