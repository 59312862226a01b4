//! SIGKILL at random instants under load: nothing acknowledged is lost, nothing is counted twice.
//!
//! Several customers click and tell orders, each order several times and by different doors,
//! because a retailer that got no answer tries again. Every customer keeps a log of its own, synced
//! per line, of what was acknowledged. An independent reading of the API compares that log with
//! conversions, balance and audit. The same experiment with inbox and business keys switched off
//! must find doubles, else it proves nothing.
//!
//! `GAMMA_KILL_CYCLES` sets the number of kills, `GAMMA_SEED` repeats a run.

pub(crate) mod customer;
pub(crate) mod verdict;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use harness::Shop;
use harness::World;
use harness::eventually;
use harness::program;
use harness::time;
use rand::Rng;
use rand::SeedableRng;
use rand::rngs::StdRng;

use customer::Customer;
use customer::Notes;
use verdict::Verdict;

const CUSTOMERS: u64 = 3;
/// After something was acknowledged, the kill comes within this many milliseconds.
const RUN_MS_MAX: u64 = 400;

fn seed() -> u64 {
    program::number("GAMMA_SEED", u64::from(std::process::id()))
}

#[test]
fn kills_lose_nothing_and_double_nothing() {
    let cycles = program::number("GAMMA_KILL_CYCLES", 20);
    let verdict = experiment(cycles, seed(), &[]);
    println!("figure: {verdict}");
    assert_eq!(verdict.cycles_in_vain, 0, "{verdict}");
    assert_eq!(verdict.lost, 0, "{verdict}");
    assert_eq!(verdict.doubled, 0, "{verdict}");
    assert_eq!(verdict.pending_difference_minor, 0, "{verdict}");
    assert_eq!(verdict.audit_findings, 0, "{verdict}");
}

/// The control of the experiment above: without the two locks it finds what it looks for.
#[test]
fn kills_without_inbox_and_business_keys_are_found_out() {
    let variables = [("GAMMA_TEST_MUTATION", "no_inbox,no_business_keys")];
    let verdict = experiment(4, seed(), &variables);
    println!("figure: control without inbox and business keys: {verdict}");
    assert!(verdict.doubled > 0 || verdict.pending_difference_minor > 0, "{verdict}");
}

fn experiment(cycles: u64, seed: u64, variables: &[(&str, &str)]) -> Verdict {
    let mut chance = StdRng::seed_from_u64(seed);
    let mut world = World::start_with(variables);
    let shop = Shop::open(&world, "kills");
    let key = shop.key(&world);
    world.click(&shop.slug);
    let notes = Arc::new(Notes::open(world.scratch()));
    let mut restarts_ms = Vec::new();
    let mut cycles_in_vain = 0;
    for cycle in 0..cycles {
        let before = notes.acknowledged();
        let is_over = Arc::new(AtomicBool::new(false));
        let customers: Vec<_> = (0..CUSTOMERS)
            .map(|number| {
                let customer = Customer {
                    daemon: world.addresses().daemon,
                    shop: shop.clone(),
                    key: key.clone(),
                    name: format!("{cycle}-{number}"),
                    chance: StdRng::seed_from_u64(chance.random()),
                    notes: Arc::clone(&notes),
                };
                let is_over = Arc::clone(&is_over);
                thread::spawn(move || customer.shop_until(&is_over))
            })
            .collect();
        // A cycle that acknowledged nothing proves nothing, so the instant is drawn after the first
        // acknowledgement.
        eventually("something is acknowledged", || (notes.acknowledged() > before).then_some(()));
        // After a start the plugins compile for a while and records wait. Most kills shall hit the
        // pipeline at work.
        if chance.random_ratio(3, 4) {
            let first = notes.lines().swap_remove(usize::try_from(before).unwrap_or_default());
            world.processed(&first.event_id);
        }
        time::let_run(Duration::from_millis(chance.random_range(0..RUN_MS_MAX)));
        world.kill9();
        is_over.store(true, Ordering::SeqCst);
        for customer in customers {
            customer.join().expect("a customer ends quietly");
        }
        cycles_in_vain += u64::from(notes.acknowledged() == before);
        let watch = time::Stopwatch::start();
        world.restart();
        restarts_ms.push(watch.elapsed().as_millis());
    }
    restarts_ms.sort_unstable();
    verdict::judge(
        &world,
        &shop,
        &notes,
        verdict::Run { seed, cycles, cycles_in_vain, restarts_ms },
    )
}
