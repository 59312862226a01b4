//! Checks of what came in: nothing twice, nothing lost.

use std::collections::BTreeMap;

use model::id::EventId;
use model::id::TenantId;
use store::audit::Audit;
use store::error::StoreResult;
use store::offsets::Partition;

use super::Accepted;
use super::CheckResult;
use super::Evidence;
use super::result;

/// A5: business keys with more than one transaction that stands.
pub(super) async fn doubled_keys(facts: &mut Audit<'_>) -> StoreResult<CheckResult> {
    let doubled = facts.doubled().await?;
    let wrong: Vec<String> =
        doubled.iter().map(|one| format!("{} {}", one.tenant, one.subject)).collect();
    Ok(result("A5", &wrong, "orders that earned twice"))
}

/// A6: accepted inbounds less those that have an outcome, by the journal's sequences.
pub(super) async fn conservation(
    facts: &mut Audit<'_>,
    evidence: &(dyn Evidence + Sync),
) -> StoreResult<CheckResult> {
    let offsets = facts.offsets().await?;
    let (mut lost, mut looked_at) = (0_i64, 0_u64);
    let mut places = Vec::new();
    for Accepted { topic, part, last_seq, settled_seq, missing } in evidence.accepted() {
        let partition = Partition { topic, part };
        let offset = offsets.iter().find(|row| row.partition == partition);
        let processed = offset.map_or(0, |row| row.next.saturating_sub(1)).min(last_seq);
        let passed = offset.map_or(0, |row| row.passed);
        // What the offset has passed has an outcome or is no inbound; what is old was passed.
        let outcomes = facts.outcomes(&partition, processed).await?;
        let expected = signed(processed) - signed(passed);
        let overdue = signed(settled_seq.saturating_sub(processed));
        let difference = (expected - outcomes).abs() + overdue;
        looked_at += last_seq.saturating_sub(missing);
        if difference != 0 {
            lost += difference;
            places.push(format!(
                "{}: {processed} processed, {passed} of them no inbounds, {outcomes} outcomes, \
                 {overdue} overdue",
                partition.part
            ));
        }
    }
    let detail = match places.first() {
        Some(first) => format!("{looked_at} accepted by the journal; {first}"),
        None => format!("{looked_at} accepted by the journal"),
    };
    Ok(CheckResult { check: "A6", value: lost, detail })
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A11: sampled events of the journal that the inbox does not know.
pub(super) async fn sampled_events(
    facts: &mut Audit<'_>,
    evidence: &(dyn Evidence + Sync),
) -> StoreResult<CheckResult> {
    let mut by_tenant: BTreeMap<TenantId, Vec<EventId>> = BTreeMap::new();
    let sampled = evidence.sampled();
    for (tenant, event) in &sampled {
        by_tenant.entry(*tenant).or_default().push(*event);
    }
    let mut wrong = Vec::new();
    for (tenant, events) in by_tenant {
        let unknown = facts.unknown(tenant, &events).await?;
        wrong.extend(unknown.iter().map(|event| format!("{tenant} {event}")));
    }
    Ok(result("A11", &wrong, &format!("{} sampled events", sampled.len())))
}
