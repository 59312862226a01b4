//! M12: the adapter `generic` as a component against the same source compiled natively, over
//! batches of real postbacks.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use plugin_host::Artifact;
use plugin_host::Channel;
use plugin_host::HostParts;
use plugin_host::Inbound;
use plugin_host::Limits;
use plugin_host::Method;
use plugin_host::Pair;
use plugin_host::PluginHost;
use plugin_host::PluginKind;
use plugin_host::SilentObserver;
use plugin_sdk::types;

use crate::clock;
use crate::measure::SERVER_CORE;
use crate::measure::Setting;
use crate::pair;
use crate::pair::Reading;
use crate::report::Report;
use crate::usage;
use crate::usage::Usage;

/// Inbound per call, as the pipeline sends them.
const BATCH: usize = 256;
const PLUGIN: &str = "generic";
const CONFIG: &str = "{}";
const READY_WITHIN: Duration = Duration::from_mins(1);

/// Measures the pair.
///
/// # Errors
///
/// The component does not compile, or the two sides understand the batch differently.
pub fn measure(setting: &Setting) -> anyhow::Result<Report> {
    usage::pin(SERVER_CORE);
    let host = host()?;
    let (batch, native) = (batch(), native_batch());
    agree(&host, &batch, &native)?;
    let same = pair::compare(
        &setting.plan,
        &mut |span| component_cost(&host, &batch, span),
        &mut |span| component_cost(&host, &batch, span),
    )?;
    let pair = pair::compare(
        &setting.plan,
        &mut |span| component_cost(&host, &batch, span),
        &mut |span| native_cost(&native, span),
    )?;
    Ok(Report {
        measure: "M12",
        says: "CPU per adapted postback, component ÷ native",
        lower_is_better: true,
        wanted: 4.0,
        settings: serde_json::json!({
            "adapter": PLUGIN, "batch": BATCH, "body bytes": body(0).len(),
            "core": SERVER_CORE,
        }),
        plan: setting.plan,
        same: Some(same),
        pair,
        others: Vec::new(),
    })
}

fn host() -> anyhow::Result<PluginHost> {
    let begin = clock::now();
    let parts = HostParts {
        limits: Limits::default(),
        clock: Arc::new(move || begin.elapsed()),
        observer: Arc::new(SilentObserver),
    };
    let host = PluginHost::new(parts)?;
    let guest = bundle::guests()
        .iter()
        .find(|guest| guest.name == PLUGIN)
        .context("the adapter is not in the bundle")?;
    host.load(Artifact {
        name: guest.name.to_owned(),
        kind: PluginKind::Adapter,
        version: guest.version.to_owned(),
        component: Cow::Borrowed(guest.component),
    })?;
    anyhow::ensure!(host.wait_ready(PLUGIN, READY_WITHIN), "the component is not ready in time");
    Ok(host)
}

/// Both sides must read the same claims, else they do different work.
fn agree(host: &PluginHost, batch: &[Inbound], native: &[types::Inbound]) -> anyhow::Result<()> {
    let ours = host.adapt_blocking(PLUGIN, "ten_bench", CONFIG, batch.to_vec())?;
    let theirs = adapter_generic::adapt(native, CONFIG).map_err(anyhow::Error::msg)?;
    anyhow::ensure!(ours.results.len() == theirs.len(), "one result per inbound");
    for (ours, theirs) in ours.results.iter().zip(&theirs) {
        let (Ok(ours), Ok(theirs)) = (ours, theirs) else { anyhow::bail!("refused: {ours:?}") };
        let same = ours.len() == theirs.len()
            && ours.iter().zip(theirs).all(|(left, right)| {
                left.order_ref == right.order_ref && left.amount == right.amount
            });
        anyhow::ensure!(same, "{ours:?} is not {theirs:?}");
    }
    Ok(())
}

fn component_cost(host: &PluginHost, batch: &[Inbound], span: Duration) -> anyhow::Result<Reading> {
    cost(span, || {
        let reply = host.adapt_blocking(PLUGIN, "ten_bench", CONFIG, batch.to_vec())?;
        Ok(reply.results.iter().filter(|result| result.is_ok()).count())
    })
}

fn native_cost(batch: &[types::Inbound], span: Duration) -> anyhow::Result<Reading> {
    cost(span, || {
        // The component's caller hands its batch over, so this one does too.
        let batch = std::hint::black_box(batch.to_vec());
        let results = adapter_generic::adapt(&batch, CONFIG).map_err(anyhow::Error::msg)?;
        Ok(std::hint::black_box(results).iter().filter(|result| result.is_ok()).count())
    })
}

/// Nanoseconds of processor time, of all threads of this process, per adapted record.
fn cost(
    span: Duration,
    mut call: impl FnMut() -> anyhow::Result<usize>,
) -> anyhow::Result<Reading> {
    let own = std::process::id();
    let (begin, before) = (clock::now(), Usage::of(own)?);
    let (mut count, mut wrong) = (0, 0);
    while begin.elapsed() < span {
        let good = call()?;
        count += good as u64;
        wrong += (BATCH - good) as u64;
    }
    let server = Usage::of(own)?.since(before);
    let value = server.cpu_ns as f64 / count.max(1) as f64;
    Ok(Reading { value, count, wrong, server, shares_core: true, ..Reading::default() })
}

fn body(number: usize) -> String {
    format!(
        "clickid=0000000000000000000000000000000000000000&txn_id=M-{number:08}&sum=10000.00&cur=KZT\
         &status=approved&goal=purchase&customer_id=c-{number:08}&offer_name={}&extra={}",
        "Phones%20and%20tablets%20of%20this%20season".repeat(6),
        "%D0%BA%D0%B0%D0%B7".repeat(28)
    )
}

fn batch() -> Vec<Inbound> {
    (0..BATCH)
        .map(|number| Inbound {
            channel: Channel::Postback,
            received_at_us: 1_800_000_000_000_000,
            method: Method::Post,
            path: "/postback/int_bench".to_owned(),
            query: "token=***".to_owned(),
            headers: vec![Pair {
                name: "content-type".to_owned(),
                value: "application/x-www-form-urlencoded".to_owned(),
            }],
            body: body(number).into_bytes(),
        })
        .collect()
}

fn native_batch() -> Vec<types::Inbound> {
    (0..BATCH)
        .map(|number| types::Inbound {
            channel: types::Channel::Postback,
            received_at: 1_800_000_000_000_000,
            method: types::Method::Post,
            path: "/postback/int_bench".to_owned(),
            query: "token=***".to_owned(),
            headers: vec![types::Pair {
                name: "content-type".to_owned(),
                value: "application/x-www-form-urlencoded".to_owned(),
            }],
            body: body(number).into_bytes(),
        })
        .collect()
}
