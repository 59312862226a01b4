//! Guests under the limits of production: honest ones agree with their native selves, hostile ones
//! cost an error.

mod hostile;
mod lifecycle;
mod recorded;

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;

use crate::testkit as guests;
use crate::{
    Action, Adapted, Artifact, CallError, CallReport, Channel, Claim, HostParts, Inbound, Limits,
    Method, Observer, PluginHost, PluginKind, Reply, SilentObserver,
};

/// A compile that takes longer than this on any machine is a fault.
const COMPILE_AT_MOST: Duration = Duration::from_mins(2);

/// A host with a clock that stands still.
fn host(limits: Limits) -> PluginHost {
    let clock = Arc::new(|| Duration::ZERO);
    PluginHost::new(HostParts { limits, clock, observer: Arc::new(SilentObserver) }).unwrap()
}

/// A host, its clock in seconds, and what its observer heard.
fn observed_host(limits: Limits) -> (PluginHost, Arc<AtomicU64>, Arc<Reports>) {
    let (seconds, reports) = (Arc::new(AtomicU64::new(0)), Arc::new(Reports::default()));
    let now = Arc::clone(&seconds);
    let clock = Arc::new(move || Duration::from_secs(now.load(Ordering::SeqCst)));
    let observer = Arc::clone(&reports);
    let host = PluginHost::new(HostParts { limits, clock, observer }).unwrap();
    (host, seconds, reports)
}

#[derive(Default)]
struct Reports(Mutex<Vec<(String, &'static str, usize)>>);

impl Observer for Reports {
    fn called(&self, report: &CallReport<'_>) {
        self.0.lock().push((report.plugin.into(), report.outcome, report.record_count));
    }
}

impl Reports {
    fn outcomes(&self) -> Vec<&'static str> {
        self.0.lock().iter().map(|(_, outcome, _)| *outcome).collect()
    }
}

/// Loads a component under a name and waits until it is active.
fn load(host: &PluginHost, name: &str, kind: PluginKind, component: Vec<u8>) {
    host.load(artifact(name, kind, component)).unwrap();
    assert!(host.wait_ready(name, COMPILE_AT_MOST), "{:?}", host.plugins());
}

fn artifact(name: &str, kind: PluginKind, component: Vec<u8>) -> Artifact {
    Artifact { name: name.into(), kind, version: "1".into(), component: Cow::Owned(component) }
}

/// Loads a shipped guest.
fn load_shipped(host: &PluginHost, name: &str) {
    let guest = bundle::guests().iter().find(|guest| guest.name == name).unwrap();
    let kind = match guest.kind {
        bundle::Kind::Adapter => PluginKind::Adapter,
        bundle::Kind::Rule => PluginKind::Rule,
    };
    load(host, name, kind, guest.component.to_vec());
}

fn postback(query: &str) -> Inbound {
    Inbound {
        channel: Channel::Postback,
        received_at_us: 1_795_151_700_000_000,
        method: Method::Get,
        path: "/postback/int_1".into(),
        query: query.into(),
        headers: Vec::new(),
        body: Vec::new(),
    }
}

/// Adapts for tenant `ten_1` without configuration.
fn adapt(host: &PluginHost, name: &str, batch: Vec<Inbound>) -> Result<Reply<Adapted>, CallError> {
    host.adapt_blocking(name, "ten_1", "", batch)
}

/// The honest guest still answers.
fn assert_alive(host: &PluginHost) {
    let reply = host.adapt_blocking("generic", "ten_2", "", vec![postback("order_id=1")]).unwrap();
    assert_eq!(reply.results[0].as_ref().unwrap()[0].order_ref.as_deref(), Some("1"));
}

/// A purchase that says nothing else.
fn bare_claim() -> Claim {
    Claim {
        action: Action::Purchase,
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
