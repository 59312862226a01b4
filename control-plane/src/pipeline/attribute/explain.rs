//! The explanation stored with every conversion, in the form of the contract.

use model::conversion::AttributionRule;
use serde_json::Value as Json;
use serde_json::json;

use super::Credit;
use super::Sight;
use super::candidates::Candidate;
use super::model_of;

/// What attribution went through.
pub(super) struct Story<'a> {
    pub(super) candidates: &'a [Candidate],
    pub(super) winner: usize,
    pub(super) touches: usize,
}

/// An instant as RFC 3339 text.
fn instant(at: model::clock::Timestamp) -> Option<String> {
    jiff::Timestamp::from_microsecond(at.0).ok().map(|at| at.to_string())
}

/// How sure each key makes us, in percent. What comes unsigned from a browser is worth less; the
/// rules see it.
const fn confidence(rule: AttributionRule) -> u8 {
    match rule {
        AttributionRule::Coupon | AttributionRule::Manual => 100,
        AttributionRule::ClickId => 95,
        AttributionRule::RefCode => 80,
        AttributionRule::LazyUrl => 60,
        AttributionRule::Fingerprint => 20,
    }
}

fn candidate_json(candidate: &Candidate) -> Json {
    let mut json = json!({
        "kind": candidate.kind.as_str(),
        "id": candidate.id,
        "link_id": candidate.link.map(|id| id.to_string()),
        "at": candidate.at.and_then(instant),
        "why_not": candidate.why_not,
    });
    if candidate.is_touch {
        json["touch"] = Json::Bool(true);
    }
    json
}

/// Section 6 of the contract; verdicts and adapter are filled in by the rooms that know them.
pub(super) fn explanation(sight: &Sight<'_>, story: &Story<'_>, credit: &Credit) -> Json {
    let winner = &story.candidates[story.winner];
    let good = winner.good.as_ref();
    let window = good.and_then(|good| good.click).map(|click| {
        json!({
            "days": click.window.days, "age_seconds": click.window.age.as_secs(), "inside": true,
        })
    });
    let next_best = story
        .candidates
        .iter()
        .enumerate()
        .find(|(position, candidate)| *position != story.winner && candidate.good.is_some());
    let next_best = next_best.map(|(_, candidate)| {
        json!({
            "kind": candidate.kind.as_str(),
            "id": candidate.id,
            "link_id": candidate.link.map(|id| id.to_string()),
            "publisher_id": candidate.good.as_ref().map(|good| good.publisher.to_string()),
        })
    });
    let candidates: Vec<Json> = story.candidates.iter().map(candidate_json).collect();
    let taxes = credit.taxes.iter().map(|tax| {
        json!({"component": tax.component.as_str(), "bp": tax.rate.0, "base": tax.base.as_str()})
    });
    let mut terms = credit.term.clone();
    terms["fee_bp"] = json!(credit.fee.0);
    terms["share_bp"] = json!(credit.share.0);
    terms["taxes"] = Json::Array(taxes.collect());
    json!({
        "rule": winner.kind.as_str(),
        "confidence": confidence(winner.kind),
        "candidates": candidates,
        "window": window,
        "model": good.map(|good| model_of(sight, good).as_str()),
        "touches": story.touches,
        "next_best": next_best,
        "fraud": [],
        "adapter": null,
        "terms": terms,
        "inbound": sight.event.to_string(),
    })
}

/// For the debugger: each key and why it credits nobody.
pub(super) fn why_nobody(candidates: &[Candidate]) -> String {
    let line = |candidate: &Candidate| {
        let why = candidate.why_not.unwrap_or("not credited");
        format!("{} {}: {why}", candidate.kind, candidate.id)
    };
    candidates.iter().map(line).collect::<Vec<_>>().join("; ")
}
