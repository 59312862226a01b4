//! Verdicts over new conversions, through the rule components.
//!
//! The host computes the facts, a rule only weighs them. A rule that fails means hold: failure
//! never approves money and never loses it.

use std::collections::HashSet;
use std::time::Duration;

use model::clock::Timestamp;
use model::conversion::ConversionStatus;
use model::conversion::Decision;
use model::id::ConversionId;
use model::id::PublisherId;
use model::id::TenantId;
use plugin_host::CallError;
use plugin_host::Candidate;
use plugin_host::Fact;
use plugin_host::FactValue;
use plugin_host::PluginHost;
use serde_json::Value as Json;
use serde_json::json;
use store::conversions::CustomerClaim;
use store::rules::RuleRow;
use store::rules::RuleState;
use store::unit::Store;

use super::IdSource;
use super::PipelineError;
use super::look::TenantView;
use super::look::View;
use super::parcel::Content;
use super::parcel::Credit;
use super::parcel::Finding;
use super::parcel::Parcel;
use super::parcel::Screening;
use super::parcel::Told;

const CUSTOMER_SPAN: Duration = Duration::from_hours(24);
const ORDER_SPAN: Duration = Duration::from_hours(30 * 24);

/// What screening needs beside the parcels.
#[derive(Clone, Copy)]
pub(crate) struct Bench<'a> {
    pub(crate) plugins: &'a PluginHost,
    pub(crate) store: &'a Store,
    pub(crate) ids: &'a IdSource,
    pub(crate) now: Timestamp,
}

/// Asks every active rule about every new conversion and notes the verdicts.
///
/// # Errors
/// [`PipelineError::Wait`] while a rule is being compiled: the records wait where they are.
pub(crate) async fn screen(
    bench: Bench<'_>,
    view: &View,
    parcels: &mut [Parcel],
) -> Result<(), PipelineError> {
    let mut last = ConversionId(0);
    for (tenant, seen) in &view.tenants {
        let mut claims = new_claims(*tenant, parcels);
        if claims.is_empty() {
            continue;
        }
        for told in &mut claims {
            if let Finding::Credited(credit) = &mut told.finding {
                // Lists are in the order of ids, and that is the order they were told in.
                last = bench.ids.make(|rng| ConversionId::after(last, bench.now, rng));
                credit.conversion = last;
            }
        }
        // The daemon has judged clicks when it made them: their verdict is inside the signed id.
        claims.retain(|told| !told.is_click());
        if claims.is_empty() {
            continue;
        }
        let earlier = earlier_claims(bench.store, *tenant, &claims).await?;
        let candidates = candidates(&claims, seen, &earlier);
        for rule in seen.objects.rules.iter().filter(|rule| rule.state != RuleState::Off) {
            ask(bench.plugins, (*tenant, rule), &candidates, &mut claims).await?;
        }
    }
    Ok(())
}

/// The first claim of each new order of a tenant, in order.
fn new_claims(tenant: TenantId, parcels: &mut [Parcel]) -> Vec<&mut Told> {
    let own = parcels.iter_mut().filter(|parcel| parcel.inbound.tenant == tenant);
    let claims = own.filter_map(|parcel| match &mut parcel.content {
        Content::Claims(claims) => Some(claims.iter_mut()),
        Content::Ended(_) | Content::Unread => None,
    });
    claims.flatten().filter(|told| matches!(told.finding, Finding::Credited(_))).collect()
}

fn credit_of(told: &Told) -> Option<&Credit> {
    match &told.finding {
        Finding::Credited(credit) => Some(credit),
        _ => None,
    }
}

async fn earlier_claims(
    store: &Store,
    tenant: TenantId,
    claims: &[&mut Told],
) -> Result<Vec<CustomerClaim>, PipelineError> {
    let customers: HashSet<String> =
        claims.iter().filter_map(|told| told.claim.customer_ref.clone()).collect();
    let first = claims.iter().filter_map(|told| credit_of(told)).map(|credit| credit.claimed_at);
    let (Some(first), false) = (first.min(), customers.is_empty()) else { return Ok(Vec::new()) };
    let customers: Vec<String> = customers.into_iter().collect();
    let mut tx = store.read_batch().await?;
    let earlier = tx.conversions(tenant).of_customers(&customers, first - CUSTOMER_SPAN).await?;
    tx.cancel().await?;
    Ok(earlier)
}

fn candidates(
    claims: &[&mut Told],
    seen: &TenantView,
    earlier: &[CustomerClaim],
) -> Vec<Candidate> {
    let mut candidates = Vec::with_capacity(claims.len());
    for (position, told) in claims.iter().enumerate() {
        let Some(credit) = credit_of(told) else { continue };
        let before = &claims[..position];
        let integer = |name: &str, value: usize| Fact {
            name: name.to_owned(),
            value: FactValue::Integer(i64::try_from(value).unwrap_or(i64::MAX)),
        };
        let mut facts = vec![integer("orders_same_ref_30d", same_ref(told, credit, seen, before))];
        if let Some(customer) = &told.claim.customer_ref {
            let count = same_customer(customer, credit.claimed_at, earlier, before);
            facts.push(integer("conversions_same_customer_24h", count));
        }
        candidates.push(Candidate {
            conversion_id: credit.conversion.to_string(),
            claim: told.guest.clone(),
            attributed_by: credit.rule.as_str().to_owned(),
            clicked_at_us: credit.clicked_at.map(|at| at.0),
            claimed_at_us: credit.claimed_at.0,
            facts,
        });
    }
    candidates
}

/// Other orders with the same number in another order space, by the same customer, or without one
/// for the same publisher, claimed in the thirty days up to this claim and not rejected.
fn same_ref(told: &Told, credit: &Credit, seen: &TenantView, before: &[&mut Told]) -> usize {
    let customer = told.claim.customer_ref.as_ref();
    let is_same = |other: Option<&String>, publisher: PublisherId| match customer {
        Some(customer) => other == Some(customer),
        None => publisher == credit.publisher,
    };
    let is_near = |at: Timestamp| at <= credit.claimed_at && at >= credit.claimed_at - ORDER_SPAN;
    let mut spaces: HashSet<&str> = HashSet::new();
    for row in &seen.orders {
        if row.order.order_ref == told.order.order_ref
            && row.order.order_space != told.order.order_space
            && row.status != ConversionStatus::Rejected
            && is_near(row.claimed_at)
            && is_same(row.customer_key.as_ref(), row.publisher)
        {
            spaces.insert(&row.order.order_space);
        }
    }
    for other in before {
        let Some(credited) = credit_of(other) else { continue };
        if other.order.order_ref == told.order.order_ref
            && other.order.order_space != told.order.order_space
            && is_near(credited.claimed_at)
            && is_same(other.claim.customer_ref.as_ref(), credited.publisher)
        {
            spaces.insert(&other.order.order_space);
        }
    }
    spaces.len()
}

/// Conversions of a customer in the 24 hours up to a claim, that claim included.
fn same_customer(
    customer: &str,
    at: Timestamp,
    earlier: &[CustomerClaim],
    before: &[&mut Told],
) -> usize {
    let is_near = |other: Timestamp| other <= at && other >= at - CUSTOMER_SPAN;
    let stored =
        earlier.iter().filter(|row| row.customer_key == customer && is_near(row.claimed_at));
    let in_batch = before.iter().filter(|told| {
        told.claim.customer_ref.as_deref() == Some(customer)
            && credit_of(told).is_some_and(|credit| is_near(credit.claimed_at))
    });
    stored.count() + in_batch.count() + 1
}

async fn ask(
    plugins: &PluginHost,
    (tenant, rule): (TenantId, &RuleRow),
    candidates: &[Candidate],
    claims: &mut [&mut Told],
) -> Result<(), PipelineError> {
    let (name, config) = (&rule.name, rule.config.to_string());
    let judged = plugins.judge(name, &tenant.to_string(), &config, candidates.to_vec()).await;
    let (version, results) = match judged {
        Ok(reply) => (reply.plugin.version.clone(), reply.results),
        Err(CallError::NotReady | CallError::Busy) => return Err(PipelineError::Wait),
        Err(CallError::Stopped) => return Err(PipelineError::Stopped),
        Err(error) => (String::new(), vec![Err(error); candidates.len()]),
    };
    for (told, judged) in claims.iter_mut().zip(results) {
        let Finding::Credited(credit) = &mut told.finding else { continue };
        let (decision, score, reason) = match judged {
            Ok(verdict) => (decision_of(verdict.decision), verdict.score, verdict.reason),
            Err(error) => (Decision::Hold, 0, format!("rule_failed_{}", error.outcome())),
        };
        note(&mut credit.screening, (rule, &version), (decision, score, reason));
    }
    Ok(())
}

fn decision_of(decision: plugin_host::Decision) -> Decision {
    match decision {
        plugin_host::Decision::Approve => Decision::Approve,
        plugin_host::Decision::Hold => Decision::Hold,
        plugin_host::Decision::Reject => Decision::Reject,
        plugin_host::Decision::Abstain => Decision::Abstain,
    }
}

/// Records a verdict; the strictest of the active rules decides.
fn note(
    screening: &mut Screening,
    (rule, version): (&RuleRow, &str),
    (decision, score, reason): (Decision, i32, String),
) {
    let mut verdict: Json = json!({
        "rule": rule.name, "version": version, "verdict": decision.as_str(), "score": score,
        "reason": reason,
    });
    if rule.state == RuleState::Shadow {
        verdict["shadow"] = Json::Bool(true);
    }
    screening.verdicts.push(verdict);
    if rule.state != RuleState::Active {
        return;
    }
    let is_stricter = match decision {
        Decision::Reject => screening.decision != Decision::Reject,
        Decision::Hold => !matches!(screening.decision, Decision::Hold | Decision::Reject),
        Decision::Approve | Decision::Abstain => false,
    };
    if is_stricter {
        screening.decision = decision;
        screening.by = Some(rule.name.clone());
    }
}
