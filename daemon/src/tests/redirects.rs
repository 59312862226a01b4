//! The redirect side of the contract.

use model::click::FilteredReason;
use model::click::IpPrefix;
use model::click::SuspectReason;
use model::click_id::ClickKind;

use super::*;

#[test]
fn a_click_is_answered_and_recorded() {
    let world = World::new();
    let answer = world.send(
        "GET",
        "/Spring?sub2=x%20y&utm_source=ig&other=1",
        &format!(
            "{BROWSER}Accept-Language: kk-KZ,ru;q=0.8\r\n\
             Referer: https://blog.example/p?secret=1\r\n"
        ),
        "",
    );
    let sent = location(&answer);
    let (before, rest) = sent.split_once("&sub1=").unwrap();
    assert_eq!(before, "https://shop.example/p/1?color=red&sub2=x%20y&utm_source=ig");
    let (click_id, after) = rest.split_once('&').unwrap();
    assert_eq!(after, "ref_code=spring");
    for (name, value) in [
        ("cache-control", "no-store, private"),
        ("referrer-policy", "strict-origin"),
        ("x-robots-tag", "noindex, nofollow"),
        ("content-length", "0"),
    ] {
        assert_eq!(header(&answer, name), Some(value), "{name}");
    }
    assert_eq!(header(&answer, "set-cookie"), None);

    let (id, facts) = ring().read(click_id).unwrap();
    assert_eq!((facts.clicked_at, facts.link), (NOW, LinkNumber(1)));
    assert_eq!(facts.flags.kind, ClickKind::Click);
    let click = world.clicks(1).remove(0);
    assert_eq!(click.click_id, id);
    assert_eq!((click.tenant, click.link, click.offer), (TENANT, LinkId(1), OfferId(1)));
    assert_eq!((&*click.slug, &*click.domain), ("spring", "go.example"));
    assert_eq!(click.ip_prefix, Some(IpPrefix::V4([127, 0, 0])));
    assert_eq!((&*click.language, &*click.referrer), ("kk-KZ", "https://blog.example/p"));
    assert_eq!(click.user_agent, "Mozilla/5.0 (X11; Linux x86_64) Firefox/130.0");
    let params: Vec<_> =
        click.params.iter().map(|(name, value)| format!("{name}={value}")).collect();
    assert_eq!(params, ["sub2=x y", "utm_source=ig"]);
    assert_eq!((click.unique, click.filtered, click.suspect), (true, None, None));
}

#[test]
fn head_answers_the_same_and_records_nothing() {
    let world = World::new();
    let answer = world.send("HEAD", "/spring", BROWSER, "");
    assert!(location(&answer).starts_with("https://shop.example/p/1?color=red&sub1="));
    let answer = world.get("/r/spring");
    assert!(location(&answer).ends_with("&ref_code=spring"));
    world.clicks(1);
}

#[test]
fn everybody_is_redirected_and_counted_honestly() {
    let world = World::new();
    let send = |headers: &str| {
        let answer = world.send("GET", "/spring", headers, "");
        location(&answer);
    };
    send(BROWSER);
    send(BROWSER);
    send("");
    send("User-Agent: curl/8.5.0\r\nAccept: */*\r\n");
    send("User-Agent: WhatsApp/2.23\r\nAccept: */*\r\n");
    send(&format!("{BROWSER}Sec-Purpose: prefetch;prerender\r\n"));
    send("User-Agent: Mozilla/5.0 Other\r\n");
    world.clock.advance(Duration::from_hours(24));
    send(BROWSER);
    let facts: Vec<_> = world
        .clicks(8)
        .into_iter()
        .map(|click| {
            let (_, facts) = ring().read(&click.click_id.to_string()).unwrap();
            assert_eq!(facts.flags.filtered, click.filtered.is_some());
            assert_eq!(facts.flags.suspect, click.suspect.is_some());
            (click.unique, click.filtered, click.suspect)
        })
        .collect();
    assert_eq!(
        facts,
        [
            (true, None, None),
            (false, None, Some(SuspectReason::Repeat)),
            (false, Some(FilteredReason::NoUserAgent), None),
            (false, Some(FilteredReason::Bot), None),
            (false, Some(FilteredReason::Preview), None),
            (false, Some(FilteredReason::Prefetch), None),
            (false, None, Some(SuspectReason::NoAccept)),
            (true, None, None),
        ]
    );
}

#[test]
fn an_address_over_its_limit_is_suspect_and_still_redirected() {
    let mut config = Config::default();
    config.daemon.threads = 1;
    config.daemon.visitor_limit = 2;
    let world = World::with(config);
    for number in 0..4 {
        let agent = format!("User-Agent: Mozilla/5.0 Phone{number}\r\nAccept: */*\r\n");
        location(&world.send("GET", "/spring", &agent, ""));
    }
    let suspects: Vec<_> = world.clicks(4).into_iter().map(|click| click.suspect).collect();
    let over = Some(SuspectReason::OverLimit);
    assert_eq!(suspects, [None, None, over, over]);
}

#[test]
fn visitors_of_two_days_cannot_be_joined() {
    let world = World::new();
    world.get("/spring");
    world.clock.advance(Duration::from_mins(1));
    world.get("/spring");
    world.clock.advance(Duration::from_hours(24));
    world.get("/spring");
    let visitors: Vec<_> = world.clicks(3).into_iter().map(|click| click.visitor).collect();
    assert_eq!(visitors[0], visitors[1]);
    assert_ne!(visitors[1], visitors[2]);
}

#[test]
fn unknown_slugs_and_domains_fall_back_or_end() {
    let world = World::new();
    let answer = world.get("/nothing");
    assert_eq!(status(&answer), 404);
    assert!(header(&answer, "content-type").unwrap().starts_with("text/html"));
    assert_eq!(status(&world.get("/a/b")), 404);
    assert!(body(&world.get("/a/b")).contains("urn:gamma:problem:not_found"));
    world.publish(vec![domain("*", Some("https://home.example"))]);
    for path in ["/nothing", "/", "/%D0%BA"] {
        assert_eq!(location(&world.get(path)), "https://home.example/", "{path}");
    }
    let removed = CatalogEntry::Remove(domain("*", None).key());
    let position = world.catalog.push(removed);
    assert!(world.running().wait_for_catalog(position, SOON));
    assert_eq!(status(&world.get("/spring")), 404);
    world.publish(vec![domain("GO.example".to_lowercase().as_str(), None)]);
    location(&world.get("/spring"));
}

#[test]
fn a_link_of_one_domain_is_unknown_on_the_others() {
    let world = World::new();
    let own = domain("own.example", None);
    let CatalogObject::Domain(named) = own.clone() else { unreachable!() };
    world.publish(vec![own, link(|it| it.domain = Some(named.id))]);
    assert_eq!(status(&world.get("/spring")), 404);
    let answer =
        world.raw(b"GET /spring HTTP/1.1\r\nHost: OWN.example:8080\r\nConnection: close\r\n\r\n");
    location(&answer);
}

#[test]
fn a_stopped_link_stops_with_the_next_request() {
    let world = World::new();
    location(&world.get("/spring"));
    let gone = |change: fn(&mut Link)| {
        world.publish(vec![link(change)]);
        status(&world.get("/spring"))
    };
    assert_eq!(gone(|it| it.state = LinkState::Killed), 410);
    assert_eq!(gone(|it| it.state = LinkState::Capped), 410);
    assert_eq!(gone(|it| it.expires_at = Some(NOW)), 410);
    assert_eq!(gone(|it| it.expires_at = Some(Timestamp(NOW.0 + 1))), 302);
    world.clock.advance(Duration::from_micros(1));
    assert_eq!(status(&world.get("/spring")), 410);
    world.publish(vec![domain("*", Some("https://home.example/"))]);
    assert_eq!(location(&world.get("/spring")), "https://home.example/");
    world.publish(vec![offer(|it| it.fallback_url = Some("https://shop.example/sale".into()))]);
    assert_eq!(location(&world.get("/spring")), "https://shop.example/sale");
    world.clicks(2);
}

#[test]
fn a_stopped_link_leads_to_hosts_of_its_advertiser_or_the_tenants_own_and_nowhere_else() {
    let world = World::new();
    let killed = |fallback: &'static str| {
        world.publish(vec![link(|it| {
            it.state = LinkState::Killed;
            it.fallback_url = Some(fallback.into());
        })]);
        let answer = world.get("/spring");
        header(&answer, "location").map(str::to_owned)
    };
    let at = |url: &str| Some(url.to_owned());
    assert_eq!(killed("https://m.shop.example/new"), at("https://m.shop.example/new"));
    assert_eq!(killed("https://evil.example/"), None);
    world.publish(vec![domain("*", Some("https://home.example/"))]);
    assert_eq!(killed("https://evil.example/"), at("https://home.example/"));
    assert_eq!(killed("https://home.example/new"), at("https://home.example/new"));
    // An inactive advertiser's own page is still its own.
    world.publish(vec![advertiser(false)]);
    assert_eq!(killed("https://shop.example/bye"), at("https://shop.example/bye"));
    world.publish(vec![offer(|it| it.fallback_url = Some("https://shop.example/sale".into()))]);
    assert_eq!(killed("https://evil.example/"), at("https://shop.example/sale"));
    world.publish(vec![offer(|it| it.fallback_url = Some("https://evil.example/".into()))]);
    assert_eq!(killed("https://evil.example/"), at("https://home.example/"));
}

#[test]
fn a_link_lives_only_with_its_campaign_offer_and_advertiser() {
    let world = World::new();
    let check = |objects: Vec<CatalogObject>, expected: u16| {
        world.publish(objects);
        assert_eq!(status(&world.get("/spring")), expected);
        world.publish(shop());
        assert_eq!(status(&world.get("/spring")), 302);
    };
    check(vec![advertiser(false)], 410);
    check(vec![campaign(|it| it.starts_at = Some(Timestamp(NOW.0 + 1)))], 410);
    check(vec![campaign(|it| it.ends_at = Some(NOW))], 410);
    check(vec![offer(|it| it.destination = "https://evil.example/".into())], 410);
    check(vec![offer(|it| it.destination = "http://shop.example/".into())], 410);
    check(vec![link(|it| it.destination = Some("https://evil.example/".into()))], 410);
    check(vec![link(|it| it.destination = Some("https://{sub1}.shop.example/".into()))], 410);
    check(vec![link(|it| it.destination = Some("https://m.shop.example/x".into()))], 302);
}

/// Where `/spring{query}` leads, with the click id written as `ID`.
fn lands(world: &World, query: &str) -> String {
    let answer = world.get(&format!("/spring{query}"));
    let mut sent = location(&answer).to_owned();
    let letters = |text: &str| text.bytes().all(|it| it.is_ascii_alphanumeric());
    for at in 0..sent.len().saturating_sub(39) {
        if sent.get(at..at + 40).is_some_and(|part| letters(part) && ring().read(part).is_ok()) {
            sent.replace_range(at..at + 40, "ID");
            break;
        }
    }
    sent
}

#[test]
fn parameters_are_placed_once_in_order() {
    let world = World::new();
    let check = |change: &dyn Fn(&mut Offer), query: &str, expected: &str| {
        world.publish(vec![offer(change)]);
        let expected = format!("https://shop.example/{expected}");
        assert_eq!(lands(&world, query), expected, "{query}");
    };
    let to = |path: &'static str| {
        move |it: &mut Offer| it.destination = format!("https://shop.example/{path}").into()
    };
    check(&to(""), "", "?sub1=ID&ref_code=spring");
    check(&to("p?a=1#top"), "", "p?a=1&sub1=ID&ref_code=spring#top");
    check(&to("p?cid={click_id}"), "", "p?cid=ID&ref_code=spring");
    check(&to("p?sub1={click_id}&r={ref_code}"), "", "p?sub1=ID&r=spring");
    check(&to("go/{click_id}/{ref_code}"), "", "go/ID/spring");
    check(&to("p?sub1=banner7&ref_code=site"), "", "p?sub1=ID&ref_code=spring");
    check(&to("p?a=1&sub1=banner7#f"), "", "p?a=1&sub1=ID&ref_code=spring#f");
    check(
        &to("?x={nothing}&s={sub3}"),
        "?sub3=a%26b",
        "?x=&s=a%26b&sub3=a%26b&sub1=ID&ref_code=spring",
    );
    check(
        &to("?t={timestamp}&d={device}&o={os}&c={country}"),
        "",
        "?t=1700000000&d=desktop&o=linux&c=&sub1=ID&ref_code=spring",
    );
    // Ours win over incoming ones, the destination's own over carried ones, and nothing is doubled.
    check(&to("?sub2=own"), "?sub1=x&sub2=y&ref_code=z", "?sub2=own&sub1=ID&ref_code=spring");
    check(&to(""), "?sub4=a&sub4=b&utm_x=1", "?sub4=a&utm_x=1&sub1=ID&ref_code=spring");
    check(&to(""), "?gclid=g&fbclid=f&sub11=1&sub=1&utm_=1", "?gclid=g&sub1=ID&ref_code=spring");
    check(&to(""), "?%73ub2=a+b%26&%73ub1=x", "?sub2=a%20b%26&sub1=ID&ref_code=spring");
    check(
        &to(""),
        "?sub2=%0d%0aSet-Cookie:x",
        "?sub2=%0D%0ASet-Cookie%3Ax&sub1=ID&ref_code=spring",
    );
    let renamed = |it: &mut Offer| {
        to("")(it);
        it.click_param = Some("aff_sub".into());
        it.ref_param = None;
    };
    check(&renamed, "?sub1=kept&ref_code=no", "?sub1=kept&aff_sub=ID");
    let off = |it: &mut Offer| {
        to("")(it);
        it.click_param = None;
        it.ref_param = None;
    };
    check(&off, "?sub1=kept", "?sub1=kept");
}

fn target(target: &str, rest: &str) -> String {
    let mut encoded = String::new();
    crate::target::push_encoded(&mut encoded, target.as_bytes());
    format!("/click?ref=aigerim&target={encoded}{rest}")
}

#[test]
fn a_target_on_an_allowed_host_is_wrapped() {
    let world = World::new();
    let answer = world.get(&target("https://www.shop.example/x?a={sub1}&sub1=evil#f", "&sub2=s"));
    let sent = location(&answer);
    let (before, rest) = sent.split_once("&sub1=").unwrap();
    assert_eq!(before, "https://www.shop.example/x?a={sub1}&sub2=s");
    assert_eq!(&rest[40..], "&ref_code=wild0001#f");
    let (_, facts) = ring().read(&rest[..40]).unwrap();
    assert_eq!(facts.link, LinkNumber(2));
    let click = world.clicks(1).remove(0);
    assert_eq!((click.link, click.offer, &*click.slug), (LinkId(2), OfferId(1), "wild0001"));
    let upper = world.get("/click?ref=Aigerim&target=https://shop.example/");
    assert!(location(&upper).starts_with("https://shop.example/?sub1="));
}

#[test]
fn hostile_targets_are_refused_without_a_redirect() {
    let world = World::new();
    for bad in [
        "https://evil.example/",
        "http://shop.example/",
        "https://shop.example@evil.example/",
        "https://shop.example\\.evil.example/",
        "https://shop.example.evil.example/",
        "https://evilshop.example/",
        "https://shop.example:8443/",
        "https://shop.example./",
        "https://shop.example/ x",
        "https://shop.example/\r\nSet-Cookie: a=b",
        "//shop.example/",
        "javascript:alert(1)",
        "",
    ] {
        let answer = world.get(&target(bad, ""));
        assert_eq!(status(&answer), 400, "{bad}");
        assert_eq!(header(&answer, "location"), None, "{bad}");
        assert!(body(&answer).contains("\"type\":\"urn:gamma:problem:"), "{bad}");
    }
    let good = "https://shop.example/";
    assert_eq!(status(&world.get(&format!("/click?target={good}"))), 400);
    assert_eq!(status(&world.get(&format!("/click?ref=nobody&target={good}"))), 400);
    assert_eq!(status(&world.get("/click?ref=aigerim")), 400);
    world.clicks(0);
}

#[test]
fn a_target_needs_its_campaign_only_when_several_allow_it() {
    let world = World::new();
    let other = CatalogObject::Advertiser(Advertiser {
        id: AdvertiserId(2),
        tenant: TENANT,
        is_active: true,
        allowed_hosts: vec!["other.example".into()],
        events_integration: IntegrationId(20),
    });
    let second = |id: u128, advertiser: u128, destination: &str| {
        offer(|it| {
            it.id = OfferId(id);
            it.advertiser = AdvertiserId(advertiser);
            it.destination = destination.into();
        })
    };
    world.publish(vec![
        other,
        second(2, 2, "https://other.example/"),
        second(3, 1, "https://m.shop.example/"),
        campaign(|it| {
            it.id = CampaignId(2);
            it.offers = vec![OfferId(2)];
        }),
        wildcard(|it| {
            it.id = LinkId(3);
            it.number = LinkNumber(3);
            it.slug = "wild0002".into();
            it.campaign = CampaignId(2);
        }),
    ]);
    let offer_of = |request: &str, count: usize| {
        location(&world.get(request));
        let click = world.clicks(count).remove(count - 1);
        (click.campaign.0, click.offer.0)
    };
    assert_eq!(offer_of(&target("https://shop.example/", ""), 1), (1, 1));
    assert_eq!(offer_of(&target("https://other.example/", ""), 2), (2, 2));
    world.publish(vec![campaign(|it| {
        it.id = CampaignId(2);
        it.offers = vec![OfferId(2), OfferId(1), OfferId(3)];
    })]);
    assert_eq!(status(&world.get(&target("https://shop.example/", ""))), 400);
    let named = format!("&campaign={}", CampaignId(2));
    assert_eq!(offer_of(&target("https://x.shop.example/", &named), 3), (2, 1));
    assert_eq!(offer_of(&target("https://m.shop.example/", &named), 4), (2, 3));
    let unknown = format!("&campaign={}", CampaignId(9));
    assert_eq!(status(&world.get(&target("https://shop.example/", &unknown))), 400);
}

#[test]
fn a_killed_enrolment_falls_back_like_any_link() {
    let world = World::new();
    world.publish(vec![wildcard(|it| it.state = LinkState::Killed)]);
    assert_eq!(status(&world.get(&target("https://shop.example/", ""))), 410);
}

#[test]
fn a_preview_shows_and_counts_nothing() {
    let world = World::new();
    world.publish(vec![offer(|it| {
        it.destination = "https://shop.example/p?a=1&q='\"<b>&c={click_id}".into();
    })]);
    let answer = world.get("/spring+");
    assert_eq!(status(&answer), 200);
    assert!(body(&answer).contains("https://shop.example/p?a=1&amp;q="), "{answer}");
    assert!(!body(&answer).contains("<b>"));
    assert_eq!(status(&world.get("/nothing+")), 404);
    world.publish(vec![link(|it| it.state = LinkState::Killed)]);
    assert_eq!(status(&world.get("/spring+")), 410);
    world.clicks(0);
}

#[test]
fn robots_are_sent_away() {
    let world = World::new();
    let answer = world.get("/robots.txt");
    assert_eq!((status(&answer), body(&answer)), (200, "User-agent: *\nDisallow: /\n"));
}

#[test]
fn a_campaign_sets_the_referrer_policy() {
    let world = World::new();
    world.publish(vec![campaign(|it| it.referrer_policy = "no-referrer".into())]);
    assert_eq!(header(&world.get("/spring"), "referrer-policy"), Some("no-referrer"));
    world.publish(vec![campaign(|it| it.referrer_policy = "a\r\nb: c".into())]);
    assert_eq!(header(&world.get("/spring"), "referrer-policy"), Some("strict-origin"));
}
