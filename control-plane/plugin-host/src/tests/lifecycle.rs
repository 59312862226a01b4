//! Loading, compiling behind the calls, swapping.

use std::time::Duration;

use super::guests::{self, LETTERS, refusing};
use super::{COMPILE_AT_MOST, adapt, artifact, host, load, load_shipped, observed_host, postback};
use crate::{ActivateError, CallError, Limits, LoadError, PluginKind, PluginState};

#[test]
fn loading_never_waits_for_a_compile() {
    let host = host(Limits::default());
    for guest in bundle::guests() {
        let kind = match guest.kind {
            bundle::Kind::Adapter => PluginKind::Adapter,
            bundle::Kind::Rule => PluginKind::Rule,
        };
        let identity = host.load(artifact(guest.name, kind, guest.component.to_vec())).unwrap();
        assert_eq!(identity.sha256, guest.sha256);
    }
    // Five compiles take longer than coming here, so the last one still waits; it is then compiled
    // next.
    assert_eq!(adapt(&host, "trackier", vec![postback("")]), Err(CallError::NotReady));
    for guest in bundle::guests() {
        assert!(host.wait_ready(guest.name, COMPILE_AT_MOST));
    }
    assert!(adapt(&host, "trackier", vec![postback("")]).is_ok());
    assert!(host.plugins().iter().all(|row| row.state == PluginState::Active));
}

#[test]
fn unknown_names_and_wrong_kinds_are_told_apart() {
    let (host, _, reports) = observed_host(Limits::default());
    assert_eq!(adapt(&host, "nobody", vec![]), Err(CallError::Unknown));
    assert!(reports.outcomes().is_empty(), "a name from outside must not become a label");
    load_shipped(&host, "velocity");
    assert_eq!(adapt(&host, "velocity", vec![]), Err(CallError::WrongKind));
    let component = guests::adapter("unreachable");
    let other = host.load(artifact("velocity", PluginKind::Adapter, component));
    assert_eq!(other, Err(LoadError::WrongKind));
    assert!(!host.wait_ready("nobody", Duration::ZERO));
}

#[test]
fn an_empty_batch_asks_whether_the_configuration_can_be_used() {
    let host = host(Limits::default());
    load_shipped(&host, "generic");
    load_shipped(&host, "velocity");
    let asked = |config: &str| host.adapt_blocking("generic", "ten_1", config, vec![]);
    assert_eq!(asked(r#"{"currency":"KZT"}"#).unwrap().results, []);
    let reason = "currency is not a code of three letters".to_owned();
    assert_eq!(asked(r#"{"currency":"tenge"}"#), Err(CallError::BadConfig(reason)));
    assert!(asked("{}").is_ok(), "the instance survives a configuration it cannot use");
    let asked = |config: &str| host.judge_blocking("velocity", "ten_1", config, vec![]);
    assert!(asked(r#"{"limit":3}"#).is_ok());
    assert!(matches!(asked(r#"{"limit":0}"#), Err(CallError::BadConfig(_))));
}

/// A guest whose refusals are that many letters long.
fn saying(letters: u32) -> Vec<u8> {
    guests::adapter(&format!("{LETTERS} {}", refusing("", letters)))
}

#[test]
fn a_swap_is_seen_by_the_next_call_and_can_be_taken_back() {
    let host = host(Limits::default());
    load(&host, "one", PluginKind::Adapter, saying(1));
    let decided = || adapt(&host, "one", vec![postback("")]).unwrap().plugin;
    let first = decided();
    let second = host.load(artifact("one", PluginKind::Adapter, saying(2))).unwrap();
    assert_eq!(host.load(artifact("one", PluginKind::Adapter, saying(2))).unwrap(), second);
    assert!(host.wait_ready("one", COMPILE_AT_MOST));
    assert_eq!(decided(), first, "a new version waits to be activated");
    host.activate("one", &second.sha256).unwrap();
    assert_eq!(decided(), second);
    host.rollback("one").unwrap();
    assert_eq!(decided(), first);
    assert_eq!(host.activate("one", "0"), Err(ActivateError::Unknown));
    assert_eq!(host.rollback("two"), Err(ActivateError::Unknown));
}

#[test]
fn calls_in_flight_finish_on_the_version_they_began_with() {
    let host = host(Limits::default());
    load(&host, "one", PluginKind::Adapter, saying(1));
    let first = host.plugins()[0].identity.clone();
    let second = host.load(artifact("one", PluginKind::Adapter, saying(2))).unwrap();
    assert!(host.wait_ready("one", COMPILE_AT_MOST));
    let caller = host.clone();
    let calling = std::thread::spawn(move || {
        let mut swaps = 0;
        let mut last = caller.plugins()[0].identity.clone();
        for _ in 0..2_000 {
            let reply = adapt(&caller, "one", vec![postback(""); 4]).unwrap();
            // Who decided and what came out belong together, whenever the swap came.
            let letters = if reply.plugin.sha256 == first.sha256 { 1 } else { 2 };
            for result in reply.results {
                match result {
                    Err(crate::AdaptError::Refused(refusal)) => {
                        assert_eq!(refusal.detail.len(), letters);
                    }
                    other => panic!("{other:?}"),
                }
            }
            swaps += u32::from(*reply.plugin != last);
            last = (*reply.plugin).clone();
        }
        swaps
    });
    for _ in 0..1_000 {
        host.activate("one", &second.sha256).unwrap();
        host.rollback("one").unwrap();
    }
    calling.join().unwrap();
}

#[test]
fn old_versions_are_forgotten_but_never_the_two_that_count() {
    let host = host(Limits::default());
    load(&host, "one", PluginKind::Adapter, saying(1));
    let first = host.plugins()[0].identity.sha256.clone();
    for letters in 2..20 {
        load(&host, "one", PluginKind::Adapter, saying(letters));
    }
    let rows = host.plugins();
    assert_eq!(rows.len(), crate::limits::VERSIONS_MAX);
    assert!(
        rows.iter().any(|row| row.identity.sha256 == first && row.state == PluginState::Active)
    );
}
