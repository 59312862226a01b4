//! What a claim's texts become before anything is looked up. Whom they credit is told in
//! `pipeline/tests/doors.rs`.

use model::click_id::ClickFacts;
use model::click_id::ClickFlags;
use model::click_id::ClickKey;
use model::click_id::KeyRing;
use model::clock::Timestamp;
use model::link::LinkNumber;

use super::Keys;
use super::cut_url;

fn ring() -> KeyRing {
    KeyRing::new(ClickKey { id: 1, secret: [7; 16] }, Vec::new())
}

fn click() -> String {
    let facts = ClickFacts {
        clicked_at: Timestamp::from_unix_ms(1_000),
        link: LinkNumber(1),
        flags: ClickFlags::PLAIN,
        unique: 1,
    };
    ring().sign(&facts).to_string()
}

fn claim() -> plugin_host::Claim {
    plugin_host::Claim {
        action: plugin_host::Action::Purchase,
        custom_action: None,
        order_ref: None,
        line: None,
        amount: None,
        currency: None,
        charge: None,
        status: None,
        raw_status: None,
        occurred_at_us: None,
        updated_at_us: None,
        click_ids: Vec::new(),
        coupon_code: None,
        ref_code: None,
        landing_url: None,
        referrer: None,
        customer_ref: None,
        items: Vec::new(),
        test: false,
    }
}

#[test]
fn keys_are_dug_out_of_urls_whatever_the_shop_calls_them() {
    let click = click();
    let url = format!("https://shop.example/p?utm=x&affid={click}&ref_code=Spring");
    let keys = Keys::of(&plugin_host::Claim { landing_url: Some(url), ..claim() }, &ring());
    assert_eq!(keys.lazy_clicks.len(), 1);
    assert_eq!(keys.lazy_slugs, ["spring"]);
    assert!(keys.first_good_click().is_none());
}

#[test]
fn a_url_keeps_nothing_but_keys() {
    let click = click();
    let url = format!("https://shop.example/p?mail=a%40b.kz&sub1={click}&ref=spring#x");
    assert_eq!(cut_url(&url), format!("https://shop.example/p?sub1={click}&ref=spring"));
    assert_eq!(cut_url("https://shop.example/p?mail=a%40b.kz"), "https://shop.example/p");
    assert_eq!(cut_url("/p?mail=a"), "/p");
}

#[test]
fn the_first_good_click_id_counts() {
    let click = click();
    let click_ids = vec!["x".to_owned(), click.to_uppercase(), click.clone()];
    let keys = Keys::of(&plugin_host::Claim { click_ids, ..claim() }, &ring());
    assert_eq!(keys.first_good_click().map(|id| id.to_string()), Some(click));
}
