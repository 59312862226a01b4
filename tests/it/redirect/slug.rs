//! Slugs: known, unknown, in any case, by both paths, with carried parameters.

use harness::Shop;
use harness::World;
use harness::http::Request;
use harness::sentences::BROWSER_HEADERS;
use harness::sentences::parameter;

#[test]
fn a_slug_redirects_in_any_case_and_by_both_paths() {
    let world = World::start();
    let shop = Shop::open(&world, "case");
    world.click(&shop.slug);
    for path in ["/case", "/CASE", "/r/case", "/r/Case"] {
        let answer = world.visit(path).expect_status(302);
        let location = answer.header("location").unwrap_or_default().to_owned();
        assert!(location.starts_with("https://case.example/p/1?color=red&sub1="), "{location}");
        assert!(location.ends_with("&ref_code=case"), "{location}");
    }
}

#[test]
fn our_own_parameters_win_over_carried_ones_and_none_is_doubled() {
    let world = World::start();
    let shop = Shop::open(&world, "carry");
    world.click(&shop.slug);
    let answer = world.visit("/carry?sub1=mine&sub2=two&utm_source=blog&color=blue&ref_code=x");
    let location = answer.expect_status(302).header("location").unwrap_or_default().to_owned();
    assert_eq!(parameter(&location, "sub1").len(), 40, "{location}");
    assert_eq!(parameter(&location, "sub2"), "two", "{location}");
    assert_eq!(parameter(&location, "utm_source"), "blog", "{location}");
    assert_eq!(parameter(&location, "color"), "red", "the destination beats carried: {location}");
    assert_eq!(parameter(&location, "ref_code"), "carry", "{location}");
    for name in ["sub1=", "sub2=", "utm_source=", "color=", "ref_code="] {
        assert_eq!(location.matches(name).count(), 1, "{name} in {location}");
    }
}

#[test]
fn an_unknown_slug_is_a_small_404_page() {
    let world = World::start();
    let answer = world.visit("/nobody-made-this");
    assert_eq!(answer.status, 404);
    assert_eq!(answer.header("location"), None);
    assert!(answer.body.len() < 4096);
}

#[test]
fn a_redirect_by_another_method_is_405() {
    let world = World::start();
    let shop = Shop::open(&world, "method");
    world.click(&shop.slug);
    for method in ["PUT", "DELETE", "PATCH"] {
        let request = Request { method, target: "/method", headers: BROWSER_HEADERS, body: &[] };
        assert_eq!(world.daemon(&request).status, 405, "{method}");
    }
}

#[test]
fn robots_are_told_to_stay_away() {
    let world = World::start();
    let answer = world.visit("/robots.txt").expect_status(200);
    assert!(answer.text().contains("Disallow: /"), "{}", answer.text());
}

#[test]
fn a_bot_is_redirected_but_its_sale_is_held() {
    let world = World::start();
    let shop = Shop::open(&world, "botted");
    world.click(&shop.slug);
    let request = Request {
        method: "GET",
        target: "/botted",
        headers: &[("user-agent", "curl/8.5.0"), ("accept", "*/*")],
        body: &[],
    };
    let answer = world.daemon(&request).expect_status(302);
    let click_id = parameter(answer.header("location").unwrap_or_default(), "sub1");
    shop.tell(&world, &format!("click_id={click_id}&order_id=B-1&amount=100&status=paid"));
    let conversion = world.conversion("B-1");
    assert_eq!(conversion["held_by"], "filtered_click", "{conversion}");
    assert_eq!(conversion["status"], "pending");
}
