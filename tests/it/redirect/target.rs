//! `/click?ref=…&target=…` redirects to allowed hosts and to nowhere else.

use harness::Shop;
use harness::World;
use harness::eventually;
use harness::http::encoded;

const ALLOWED: &[(&str, &str)] = &[
    ("https://target.example/p/9", "https://target.example/p/9"),
    ("https://www.target.example/p/9?size=4", "https://www.target.example/p/9?size=4"),
    ("https://TARGET.example/p/9", "https://target.example/p/9"),
    ("https://target.example:443/p/9", "https://target.example/p/9"),
    ("https://target.example/a%2Fb?x=1", "https://target.example/a%2Fb?x=1"),
];

const REFUSED: &[&str] = &[
    "",
    "target.example/p/9",
    "//target.example/p/9",
    "http://target.example/p/9",
    "https:target.example/p/9",
    "https:/target.example/p/9",
    "https:///target.example/p/9",
    "https:\\\\target.example/p/9",
    "https://target.example\\@evil.example/",
    "https://evil.example/",
    "https://target.example.evil.example/",
    "https://eviltarget.example/",
    "https://evil.example/https://target.example/",
    "https://evil.example#target.example",
    "https://evil.example?target.example",
    "https://target.example@evil.example/",
    "https://user@target.example/",
    "https://user:word@target.example/",
    "https://target.example:8443/",
    "https://target.example:80/",
    "https://target.example./",
    "https://.target.example/",
    "https://a..target.example/",
    "https://[::1]/",
    "https://127.0.0.1/",
    "https://2130706433/",
    "https://target_example/",
    "https://example/",
    " https://target.example/",
    "https://target.example/ a",
    "https://target.example/\r\nset-cookie: a=b",
    "https://target.example/\u{0}",
    "https://target.example/\t",
    "https://target.example\u{7f}/",
    "javascript:alert(1)",
    "data:text/html,hello",
    "HTTPS:target.example",
];

#[test]
fn a_target_outside_the_allow_list_is_400_and_no_redirect() {
    let world = World::start();
    let shop = Shop::open(&world, "target");
    world.click(&shop.slug); // the catalog has arrived

    for (target, expected) in ALLOWED {
        let path = format!("/click?ref=target&target={}", encoded(target));
        let location = eventually("the wildcard link redirects", || {
            let answer = world.visit(&path);
            (answer.status == 302).then(|| answer.header("location").unwrap_or("").to_owned())
        });
        let stem = location.split("sub1=").next().unwrap_or_default();
        assert!(stem.starts_with(expected), "{target} became {location}");
    }
    for target in REFUSED {
        let answer = world.visit(&format!("/click?ref=target&target={}", encoded(target)));
        assert_eq!(answer.status, 400, "{target:?} → {:?}", answer.header("location"));
        assert_eq!(answer.header("location"), None, "{target:?}");
    }
}

#[test]
fn macros_in_a_target_are_not_expanded() {
    let world = World::start();
    let shop = Shop::open(&world, "macro");
    world.click(&shop.slug);
    let target = encoded("https://macro.example/p?u={click_id}");
    let answer = world.visit(&format!("/click?ref=macro&target={target}"));
    let location = answer.expect_status(302).header("location").unwrap_or_default().to_owned();
    assert!(
        location.contains("u={click_id}") || location.contains("u=%7Bclick_id%7D"),
        "{location}"
    );
}

#[test]
fn a_sale_through_a_wildcard_link_earns_for_its_publisher() {
    let world = World::start();
    let shop = Shop::open(&world, "wild");
    world.click(&shop.slug);
    let target = encoded("https://wild.example/any/product");
    let answer = world.visit(&format!("/click?ref=wild&target={target}")).expect_status(302);
    let location = answer.header("location").unwrap_or_default().to_owned();
    let click_id = harness::sentences::parameter(&location, "sub1");
    shop.tell(&world, &format!("click_id={click_id}&order_id=W-1&amount=500&status=paid"));
    let conversion = world.conversion("W-1");
    assert_eq!(conversion["publisher_id"], shop.publisher.as_str());
}
