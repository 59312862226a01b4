//! Nothing acknowledged is forgotten.

use harness::Shop;
use harness::World;
use harness::sentences::money;

#[test]
fn a_restart_keeps_everything() {
    let mut world = World::start();
    let shop = Shop::open(&world, "kept");
    let event_id = shop.sell(&world, "A-1");
    let before = world.conversion("A-1");
    let key = world.admin_key().to_owned();

    world.stop();
    world.restart();

    assert_eq!(world.admin_key(), key);
    assert_eq!(world.conversion("A-1"), before);
    assert_eq!(world.outcome(&event_id).0, "converted");
    assert_eq!(money(&world.balance(&shop.publisher)["pending"]), "700.00 KZT");
    assert_eq!(world.visit("/kept").status, 302, "the link is resident from the first request");
    shop.sell(&world, "A-2");
    world.conversion("A-2");
    assert_eq!(money(&world.balance(&shop.publisher)["pending"]), "1400.00 KZT");
    world.audit_is_clean();
}

#[test]
fn what_was_accepted_just_before_a_kill_is_counted_after_it() {
    let mut world = World::start();
    let shop = Shop::open(&world, "brink");
    let event_id = shop.sell(&world, "A-1");
    world.kill9();
    world.restart();
    assert_eq!(world.outcome(&event_id).0, "converted");
    assert_eq!(money(&world.balance(&shop.publisher)["pending"]), "700.00 KZT");
}

#[test]
fn a_second_program_on_the_same_directory_is_refused() {
    let world = World::start();
    let config = world.scratch().join("gamma.toml");
    let config = config.to_str().expect("a readable path");
    let (code, _) = world.run(&["up", "--config", config]);
    assert!(code.is_some_and(|code| code != 0), "{code:?}");
    assert_eq!(world.visit("/robots.txt").status, 200, "the first one goes on");
}
