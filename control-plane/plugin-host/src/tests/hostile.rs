//! Each attack costs its own record an error; the same test without the safeguard fails.

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use super::guests::{self, LETTERS, SPIN, claiming, refusing};
use super::{adapt, assert_alive, host, load, load_shipped, observed_host, postback};
use crate::limits::BREAKER_TRAPS_MAX;
use crate::{AdaptError, Adapted, Artifact, CallError, Limits, LoadError, PluginHost, PluginKind};

/// Fills fifteen of sixteen mebibytes again and again: little fuel, much time.
const FILL: &str = "(drop (memory.grow (i32.const 176)))
    (loop $forever
        (memory.fill (i32.const 0) (i32.const 1) (i32.const 15728640))
        (br $forever)) (i32.const 0)";

/// One call of a hostile guest beside an honest one.
fn attack(limits: Limits, component: Vec<u8>) -> Result<Vec<Adapted>, CallError> {
    let host = host(limits);
    load_shipped(&host, "generic");
    load(&host, "evil", PluginKind::Adapter, component);
    let answer = adapt(&host, "evil", vec![postback("a=1")]);
    assert_alive(&host);
    answer.map(|reply| reply.results)
}

fn check(component: Vec<u8>, expected: &CallError) {
    let results = attack(Limits::default(), component).unwrap();
    assert_eq!(results, [Err(AdaptError::Failed(expected.clone()))]);
}

fn bad(field: &str) -> CallError {
    CallError::BadOutput(field.into())
}

#[test]
fn a_guest_that_spins_is_stopped_by_whichever_limit_comes_first() {
    for body in [SPIN, FILL] {
        let results = attack(Limits::default(), guests::adapter(body)).unwrap();
        let stopped = [CallError::OutOfFuel, CallError::Timeout];
        assert!(
            matches!(&results[..], [Err(AdaptError::Failed(error))] if stopped.contains(error)),
            "{results:?}"
        );
    }
}

#[test]
fn fuel_alone_stops_a_spinning_guest() {
    let limits = Limits { deadline_ticks: None, ..Limits::default() };
    let results = attack(limits, guests::adapter(SPIN)).unwrap();
    assert_eq!(results, [Err(AdaptError::Failed(CallError::OutOfFuel))]);
}

#[test]
fn wall_time_alone_stops_a_spinning_guest() {
    let limits = Limits { fuel_per_call: u64::MAX / 4, ..Limits::default() };
    for body in [SPIN, FILL] {
        let results = attack(limits.clone(), guests::adapter(body)).unwrap();
        assert_eq!(results, [Err(AdaptError::Failed(CallError::Timeout))]);
    }
}

#[test]
fn without_deadline_and_with_much_fuel_a_spinning_guest_does_not_return_in_time() {
    // Enough for several seconds, so that the thread still ends by itself.
    const FUEL: u64 = 5_000_000_000;
    const IN_TIME: Duration = Duration::from_millis(500);
    let limits = Limits { fuel_per_call: FUEL, deadline_ticks: None, ..Limits::default() };
    let host = host(limits);
    load(&host, "evil", PluginKind::Adapter, guests::adapter(SPIN));
    let (sender, receiver) = mpsc::channel();
    let caller = thread::spawn(move || {
        let answer = adapt(&host, "evil", vec![postback("")]);
        let _ = sender.send(answer.is_ok());
    });
    assert_eq!(receiver.recv_timeout(IN_TIME), Err(mpsc::RecvTimeoutError::Timeout));
    caller.join().unwrap();
}

#[test]
fn deep_recursion_ends_at_the_stack_limit() {
    let helpers = "(func $deeper (param i32) (result i32)
        (i32.add (i32.const 1) (call $deeper (i32.add (local.get 0) (i32.const 1)))))";
    check(guests::with_helpers(helpers, "(call $deeper (i32.const 0))"), &CallError::Trap);
}

#[test]
fn a_guest_that_traps_costs_its_record() {
    check(guests::adapter("unreachable"), &CallError::Trap);
    check(guests::adapter("(i32.load (i32.const -8))"), &CallError::Trap);
}

#[test]
fn memory_and_tables_are_bounded() {
    let grow = "(loop $more (drop (memory.grow (i32.const 64))) (br $more)) (i32.const 0)";
    check(guests::adapter(grow), &CallError::Memory);
    let table = "(table $t 1 funcref)";
    let grow = "(loop $more (drop (table.grow $t (ref.null func) (i32.const 5000))) (br $more))
        (i32.const 0)";
    check(guests::with_helpers(table, grow), &CallError::Memory);
}

#[test]
fn without_the_memory_limit_the_same_guest_gets_what_it_asks_for() {
    // Takes 64 MiB once and says so.
    let body = format!(
        "(if (i32.eq (memory.grow (i32.const 1024)) (i32.const -1)) (then unreachable))
         {LETTERS} {}",
        refusing("", 1)
    );
    let component = guests::adapter(&body);
    let limited = attack(Limits::default(), component.clone()).unwrap();
    assert_eq!(limited, [Err(AdaptError::Failed(CallError::Memory))]);
    let limits = Limits { memory_bytes_max: None, ..Limits::default() };
    let unlimited = attack(limits, component).unwrap();
    assert!(matches!(&unlimited[..], [Err(AdaptError::Refused(_))]), "{unlimited:?}");
}

/// Refusals that all point at one mebibyte of letters: `count` records push `count` mebibytes at
/// the host.
fn shouting() -> Vec<u8> {
    let letters = "(memory.fill (i32.const 1024) (i32.const 97) (i32.const 1048576))
        (global.set $next (i32.const 2097152))";
    guests::adapter(&format!("{letters} {}", refusing("", 1_048_576)))
}

#[test]
fn a_gigabyte_of_output_costs_an_error() {
    check(guests::gigabyte(), &CallError::OutputTooLarge);
    let host = host(Limits { is_breaker_on: false, ..Limits::default() });
    load(&host, "evil", PluginKind::Adapter, shouting());
    let reply = adapt(&host, "evil", vec![postback(""); 64]).unwrap();
    assert!(
        reply
            .results
            .iter()
            .all(|result| *result == Err(AdaptError::Failed(CallError::OutputTooLarge)))
    );
}

#[test]
fn the_engines_own_output_limit_lets_64_mebibytes_through() {
    let limits = Limits { output_bytes_max: None, are_values_checked: false, ..Limits::default() };
    let host = host(limits);
    load(&host, "evil", PluginKind::Adapter, shouting());
    let reply = adapt(&host, "evil", vec![postback(""); 64]).unwrap();
    let bytes: usize = reply
        .results
        .iter()
        .map(|result| match result {
            Err(AdaptError::Refused(refusal)) => refusal.detail.len(),
            _ => 0,
        })
        .sum();
    assert_eq!(bytes, 64 * 1_048_576);
}

/// Stores a text at 3072 and points the optional field at this offset of the claim to it.
fn stating(offset: u32, text: &str) -> String {
    let stores = text.bytes().enumerate().map(|(index, byte)| {
        format!("(i32.store8 (i32.const {}) (i32.const {byte}))", 3072 + index)
    });
    let field = format!(
        "(i32.store8 (i32.const {}) (i32.const 1))
         (i32.store (i32.const {}) (i32.const 3072))
         (i32.store (i32.const {}) (i32.const {}))",
        2048 + offset,
        2052 + offset,
        2056 + offset,
        text.len()
    );
    stores.chain([field]).collect()
}

const ORDER_REF_AT: u32 = 16;
const AMOUNT_AT: u32 = 40;

#[test]
fn every_value_that_comes_back_is_checked() {
    for amount in ["-1", "1e3", "NaN", "", " 1", "1.23456", "123456789012345", "1,00"] {
        check(guests::adapter(&claiming(&stating(AMOUNT_AT, amount))), &bad("amount"));
    }
    let long = "9".repeat(129);
    check(guests::adapter(&claiming(&stating(ORDER_REF_AT, &long))), &bad("order_ref"));
    check(guests::adapter(&claiming(&stating(ORDER_REF_AT, "a\nb"))), &bad("order_ref"));
    check(guests::adapter(&refusing("", 4)), &bad("detail"));
}

#[test]
fn the_same_values_pass_without_the_check() {
    let limits = Limits { are_values_checked: false, ..Limits::default() };
    let results = attack(limits, guests::adapter(&claiming(&stating(AMOUNT_AT, "-1")))).unwrap();
    assert_eq!(results[0].as_ref().unwrap()[0].amount.as_deref(), Some("-1"));
    let results =
        attack(Limits::default(), guests::adapter(&claiming(&stating(AMOUNT_AT, "1.50")))).unwrap();
    assert_eq!(results[0].as_ref().unwrap()[0].amount.as_deref(), Some("1.50"));
}

#[test]
fn what_is_no_text_and_no_case_is_refused_by_the_engine() {
    let not_utf8 = "(i32.store8 (i32.const 1024) (i32.const 255))";
    let unknown_action = claiming("(i32.store8 (i32.const 2048) (i32.const 9))");
    let outside = "(i32.store (i32.const 16) (i32.const 0))
        (i32.store (i32.const 20) (i32.const 1024)) (i32.store (i32.const 24) (i32.const 500000000))
        (i32.const 16)";
    for body in [format!("{not_utf8} {}", refusing("", 1)), unknown_action, outside.into()] {
        let results = attack(Limits::default(), guests::adapter(&body)).unwrap();
        assert!(
            matches!(&results[..], [Err(AdaptError::Failed(CallError::BadOutput(_)))]),
            "{results:?}"
        );
    }
}

#[test]
fn as_many_results_as_records_or_none() {
    let two = refusing("", 1).replacen(
        "(local.set $results",
        "(local.set $count (i32.const 2)) (local.set $results",
        1,
    );
    check(guests::adapter(&format!("{LETTERS} {two}")), &bad("number of results"));
}

#[test]
fn what_imports_a_function_is_never_instantiated() {
    let host = host(Limits::default());
    let refused = |component: Vec<u8>| {
        host.load(super::artifact("evil", PluginKind::Adapter, component)).unwrap();
        assert!(!host.wait_ready("evil", super::COMPILE_AT_MOST));
        match adapt(&host, "evil", vec![postback("")]) {
            Err(CallError::Refused(reason)) => reason,
            other => panic!("{other:?}"),
        }
    };
    let reason = refused(guests::stranger(true));
    assert!(reason.contains("imports now"), "{reason}");
    // The control: the same component without the import gets past this check, to the next.
    let reason = refused(guests::stranger(false));
    assert!(reason.contains("does not export its world"), "{reason}");
}

#[test]
fn only_components_of_bounded_size_are_taken() {
    let host = host(Limits::default());
    let load =
        |component: Vec<u8>| host.load(super::artifact("evil", PluginKind::Adapter, component));
    assert_eq!(load(b"\0asm\x01\0\0\0".to_vec()), Err(LoadError::NotComponent));
    assert_eq!(load(b"\x7fELF precompiled".to_vec()), Err(LoadError::NotComponent));
    assert!(matches!(load(vec![0; 4 * 1024 * 1024 + 1]), Err(LoadError::TooLarge { .. })));
    let name =
        Artifact { name: "../evil".into(), ..super::artifact("x", PluginKind::Rule, vec![]) };
    assert_eq!(host.load(name), Err(LoadError::BadName));
    // Begins like a component and is none: refused by the compile, not a crash.
    load(b"\0asm\x0d\0\x01\0garbage".to_vec()).unwrap();
    assert!(!host.wait_ready("evil", super::COMPILE_AT_MOST));
}

/// Traps on every record whose body has 13 bytes, refuses the others.
fn picky() -> Vec<u8> {
    let each =
        "(if (i32.eq (i32.load offset=48 (local.get $at)) (i32.const 13)) (then unreachable))";
    guests::adapter(&format!("{LETTERS} {}", refusing(each, 1)))
}

#[test]
fn one_poisonous_record_does_not_cost_the_others_of_its_batch() {
    let (host, _, reports) = observed_host(Limits::default());
    load(&host, "picky", PluginKind::Adapter, picky());
    let mut batch = vec![postback(""); 40];
    batch[17].body = vec![0; 13];
    let reply = adapt(&host, "picky", batch).unwrap();
    for (index, result) in reply.results.iter().enumerate() {
        match result {
            Err(AdaptError::Failed(CallError::Trap)) => assert_eq!(index, 17),
            Err(AdaptError::Refused(_)) => assert_ne!(index, 17),
            other => panic!("{index}: {other:?}"),
        }
    }
    let outcomes = reports.outcomes();
    assert_eq!(outcomes.len(), 41);
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == "trap").count(), 2);
}

fn trap_often(host: &PluginHost) -> Vec<Adapted> {
    let mut poison = postback("");
    poison.body = vec![0; 13];
    let calls = 0..=BREAKER_TRAPS_MAX;
    calls.map(|_| adapt(host, "picky", vec![poison.clone()]).unwrap().results.remove(0)).collect()
}

#[test]
fn a_plugin_that_traps_too_often_is_paused_for_its_tenant_for_a_minute() {
    let (host, seconds, reports) = observed_host(Limits::default());
    load(&host, "picky", PluginKind::Adapter, picky());
    assert!(trap_often(&host).iter().all(Result::is_err));
    assert_eq!(adapt(&host, "picky", vec![postback("")]), Err(CallError::BreakerOpen));
    assert_eq!(reports.outcomes().last(), Some(&"breaker_open"));
    let other = host.adapt_blocking("picky", "ten_2", "", vec![postback("")]).unwrap();
    assert!(matches!(other.results[0], Err(AdaptError::Refused(_))));
    seconds.store(60, std::sync::atomic::Ordering::SeqCst);
    assert!(adapt(&host, "picky", vec![postback("")]).is_ok());
}

#[test]
fn without_the_breaker_the_same_plugin_goes_on_trapping() {
    let (host, ..) = observed_host(Limits { is_breaker_on: false, ..Limits::default() });
    load(&host, "picky", PluginKind::Adapter, picky());
    trap_often(&host);
    assert!(adapt(&host, "picky", vec![postback("")]).is_ok());
}

#[test]
fn while_a_new_version_is_paused_the_one_before_decides() {
    let (host, ..) = observed_host(Limits::default());
    let good = guests::adapter(&format!("{LETTERS} {}", refusing("", 2)));
    load(&host, "picky", PluginKind::Adapter, good);
    let before = host.plugins()[0].identity.clone();
    let after = host.load(super::artifact("picky", PluginKind::Adapter, picky())).unwrap();
    assert!(host.wait_ready("picky", super::COMPILE_AT_MOST));
    host.activate("picky", &after.sha256).unwrap();
    trap_often(&host);
    let reply = adapt(&host, "picky", vec![postback("")]).unwrap();
    assert_eq!(*reply.plugin, before);
    let other = host.adapt_blocking("picky", "ten_2", "", vec![postback("")]).unwrap();
    assert_eq!(other.plugin, after);
}

#[test]
fn a_busy_machine_is_no_fault_of_the_plugin() {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    const BURNERS: usize = 24;
    const CALLS: usize = 100;
    let host = host(Limits::default());
    load_shipped(&host, "generic");
    let is_done = Arc::new(AtomicBool::new(false));
    let burners: Vec<_> = (0..BURNERS)
        .map(|_| {
            let is_done = Arc::clone(&is_done);
            thread::spawn(move || {
                while !is_done.load(Ordering::Relaxed) {
                    std::hint::spin_loop();
                }
            })
        })
        .collect();
    for _ in 0..CALLS {
        assert_alive(&host);
    }
    is_done.store(true, Ordering::Relaxed);
    for burner in burners {
        burner.join().unwrap();
    }
}
