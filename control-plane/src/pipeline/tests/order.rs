//! The same claims in any order, by any door, with restarts between: the same ledger.

use rand::Rng;
use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;

use model::id::EventId;
use model::id::TenantId;
use model::inbound::Inbound;

use super::world::SHOP_POSTBACK;
use super::world::SHOP_SECOND;
use super::world::World;
use crate::pipeline::consume::MemorySource;
use crate::settle::audit;
use crate::settle::audit::Accepted;
use crate::settle::audit::Evidence;

/// Sequences of claims looked at; each is told in several orders.
const ROUNDS: u64 = 6;

/// Dated news of a few orders through three doors, each told one to three times.
fn claims(world: &mut World, rng: &mut StdRng) -> Vec<Inbound> {
    let mut told = Vec::new();
    for order in 0..4 {
        let click = world.click(if order % 2 == 0 { 1 } else { 2 });
        for second in 0..rng.random_range(1..4) {
            let status = ["pending", "approved", "approved", "returned", "rejected"]
                [if second == 0 { rng.random_range(0..3) } else { rng.random_range(0..5) }];
            let amount = [100, 200, 300][rng.random_range(0..3)];
            let content = format!(
                "click_id={click}&amount={amount}&status={status}\
                 &updated_at=2026-02-01T00:00:0{second}Z"
            );
            for _ in 0..rng.random_range(1..3) {
                let inbound = if rng.random_bool(0.5) {
                    world.inbound(SHOP_POSTBACK, &format!("order_id=o{order}&{content}"))
                } else {
                    world.inbound(SHOP_SECOND, &format!("zakaz=o{order}&{content}"))
                };
                told.push(inbound);
            }
        }
    }
    told
}

/// The records in memory as a journal would tell of them.
struct InMemory<'a>(&'a MemorySource);

impl Evidence for InMemory<'_> {
    fn accepted(&self) -> Vec<Accepted> {
        let (topic, part) = ("journal-1".to_owned(), "inbound".to_owned());
        let last_seq = self.0.records().last().map_or(0, |record| record.seq);
        vec![Accepted { topic, part, last_seq, settled_seq: last_seq, missing: 0 }]
    }

    fn sampled(&self) -> Vec<(TenantId, EventId)> {
        Vec::new()
    }
}

/// What is left of the told claims: balances, and the content of every order.
async fn left(world: &World) -> Vec<String> {
    let mut left = world.accounts().await;
    let mut orders: Vec<String> = world
        .conversions()
        .await
        .iter()
        .map(|row| {
            let posted = row.stage.map(|_| row.split.charge.minor);
            format!(
                "{} {} {:?} {posted:?}",
                row.order.order_ref, row.publisher, row.order_amount_minor
            )
        })
        .collect();
    orders.sort();
    left.extend(orders);
    left
}

#[tokio::test]
async fn claims_in_any_order_leave_the_same_ledger() {
    for seed in 0..ROUNDS {
        let mut rng = StdRng::seed_from_u64(seed);
        let mut maker = World::new().await;
        let told = claims(&mut maker, &mut rng);
        let last = maker.now();
        let mut expected: Option<Vec<String>> = None;
        for _ in 0..3 {
            let mut world = World::new().await;
            world.clock.set(last);
            let mut shuffled = told.clone();
            shuffled.shuffle(&mut rng);
            for chunk in shuffled.chunks(rng.random_range(1..6)) {
                for inbound in chunk {
                    world.source.push_inbound(inbound);
                }
                if rng.random_bool(0.3) {
                    // A sender that retries, and a journal that ships again.
                    world.source.push_inbound(&chunk[0]);
                }
                world.run().await.expect("batches");
                if rng.random_bool(0.3) {
                    world.restart().await;
                }
            }
            let checks = audit::run(&world.store, &InMemory(&world.source)).await.expect("checks");
            let wrong: Vec<_> = checks.iter().filter(|check| check.value != 0).collect();
            assert!(wrong.is_empty(), "seed {seed}: {wrong:?}");
            let left = left(&world).await;
            match &expected {
                None => expected = Some(left),
                Some(expected) => assert_eq!(&left, expected, "seed {seed}"),
            }
        }
    }
}
