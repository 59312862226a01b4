//! A credited claim as a conversion.

use std::borrow::Cow;

use model::claim::Claim;
use model::claim::ClaimStatus;
use model::clock::Timestamp;
use model::conversion::ConversionStatus;
use model::conversion::Decision;
use model::id::EventId;
use model::id::IntegrationId;
use model::outcome::Outcome;
use model::outcome::Reason;
use plugin_host::PluginIdentity;
use serde_json::Value as Json;
use store::business_keys::OrderKey;
use store::conversions::Conversion;
use store::conversions::Rates;
use store::credit::Term;

use super::draft::Item;
use super::news;
use super::outcome::plugin_json;
use super::usage::Used;
use crate::pipeline::caps::Cap;
use crate::pipeline::parcel::Credit;
use crate::pipeline::parcel::End;
use crate::pipeline::price;

/// Who told a new order, and as what.
#[derive(Clone, Copy)]
pub(crate) struct Telling<'a> {
    pub(crate) claim: &'a Claim,
    pub(crate) order: &'a OrderKey,
    pub(crate) integration: IntegrationId,
    pub(crate) event: EventId,
    pub(crate) received_at: Timestamp,
    /// What read it.
    pub(crate) plugin: Option<&'a PluginIdentity>,
}

impl<'a> From<Item<'a>> for Telling<'a> {
    fn from(item: Item<'a>) -> Self {
        let inbound = &item.parcel.inbound;
        Self {
            claim: &item.told.claim,
            order: &item.told.order,
            integration: inbound.integration,
            event: inbound.event_id,
            received_at: inbound.received_at,
            plugin: item.parcel.plugin.as_deref(),
        }
    }
}

/// A credit with the price that holds under the lock.
///
/// # Errors
/// How the claim ends where no term counts for it, or its charge does not fit.
pub(super) fn priced<'c>(
    credit: &'c Credit,
    customer: Option<&String>,
    used: &Used,
) -> Result<Cow<'c, Credit>, End> {
    let Some(open) = &credit.pricing else { return Ok(Cow::Borrowed(credit)) };
    let standing = used.standing(credit.advertiser, customer);
    let volume = |term: &Term| {
        let usage = open.volumes.iter().find(|(scope, _)| *scope == term.scope_id);
        usage.map(|(_, usage)| used.volume(usage)).unwrap_or_default()
    };
    let priced = price::price(&open.terms, &open.order, standing, volume).map_err(|error| {
        End::new(Outcome::Malformed, Reason::BadAmount).explained(error.to_string())
    })?;
    let Some(priced) = priced else {
        let end = End::new(Outcome::Unmatched, Reason::ActionNotInOffer);
        return Err(end.explained("no term of the offer counts for this customer"));
    };
    let mut credit = credit.clone();
    credit.charge = priced.charge;
    let rates = ["fee_bp", "share_bp", "taxes"]
        .map(|name| (name, credit.explanation["terms"][name].clone()));
    credit.explanation["terms"] = priced.term.clone();
    for (name, value) in rates {
        credit.explanation["terms"][name] = value;
    }
    credit.term = priced.term;
    Ok(Cow::Owned(credit))
}

/// Rejects a new conversion that a cap has no room for: it is kept, and earns nothing.
pub(super) fn keep_within(row: &mut Conversion, caps: &[Cap], used: &Used) {
    let earns = !crate::money::is_negative(row.outside_status) && row.verdict != Decision::Reject;
    if !earns {
        return;
    }
    if let Some((cap, used)) = used.passed(caps, super::outcome::counted(row)) {
        row.verdict = Decision::Reject;
        row.held_by = None;
        row.reason = Some(Reason::OverCap.as_str().to_owned());
        row.explanation["cap"] = cap.shown(used);
    }
}

/// A new conversion as its claim and its credit make it; nothing is posted yet.
pub(crate) fn conversion(
    telling: Telling<'_>,
    credit: &Credit,
    now: Timestamp,
) -> Result<Conversion, ledger::SplitError> {
    let claim = telling.claim;
    let basis = ledger::Basis {
        charge: credit.charge,
        fee: credit.fee,
        share: credit.share,
        taxes: credit.taxes.clone(),
    };
    let outside_status = match claim.status {
        ClaimStatus::Absent => ClaimStatus::Approved,
        status => status,
    };
    let screening = &credit.screening;
    let of_click = credit.is_filtered.then(|| Reason::FilteredClick.as_str().to_owned());
    let of_rule = screening.by.clone().filter(|_| screening.decision == Decision::Hold);
    let rejects = screening.decision == Decision::Reject;
    let rejected_by = screening.by.as_deref().filter(|_| rejects).map(reason_of_rule);
    let is_unmapped = outside_status == ClaimStatus::Unmapped;
    let unmapped = is_unmapped.then(|| Reason::StatusUnmapped.as_str().to_owned());
    Ok(Conversion {
        id: credit.conversion,
        status: ConversionStatus::Pending,
        outside_status,
        order: telling.order.clone(),
        integration: telling.integration,
        advertiser: credit.advertiser,
        is_network: credit.is_network,
        campaign: credit.campaign,
        offer: credit.offer,
        publisher: credit.publisher,
        enrolment: credit.enrolment,
        link: credit.link,
        coupon: credit.coupon,
        shopper: credit.shopper,
        click_id: credit.click_id.clone(),
        rule: credit.rule,
        customer_key: claim.customer_ref.clone(),
        order_amount_minor: credit.order_amount.map(|amount| amount.minor),
        order_currency: credit.order_currency,
        stated_charge_minor: credit.stated_charge.map(|charge| charge.minor),
        split: ledger::split(&basis)?,
        rates: Rates {
            fee: credit.fee,
            share: credit.share,
            taxes: credit.taxes.clone(),
            term: credit.term.clone(),
        },
        stage: None,
        origin: None,
        advanced_minor: 0,
        verdict: match screening.decision {
            Decision::Abstain => Decision::Approve,
            decision => decision,
        },
        held_by: of_click.or(of_rule),
        held_before: None,
        reason: rejected_by.or(unmapped),
        hold_days: credit.hold_days,
        claimed_at: credit.claimed_at,
        clicked_at: credit.clicked_at,
        approved_at: None,
        release_at: None,
        released_at: None,
        revision: 1,
        revised_at: news::revised_at(claim, telling.received_at),
        revised_event: telling.event,
        reviewed_by: None,
        explanation: explained(telling, credit),
        created_at: now,
        updated_at: now,
    })
}

/// How a claim ended that made a conversion.
pub(super) fn end_of_new(row: &Conversion) -> End {
    let reason = row.reason.clone();
    match row.status {
        ConversionStatus::Rejected | ConversionStatus::Reversed => {
            End { outcome: Outcome::Rejected, reason, detail: None }
        }
        ConversionStatus::Pending | ConversionStatus::Approved => match &row.held_by {
            Some(by) if by == "parked_news" => End {
                outcome: Outcome::Held,
                reason: None,
                detail: Some("news that takes the order back came before it".to_owned()),
            },
            Some(by) => {
                let is_click = by == Reason::FilteredClick.as_str();
                let reason = if is_click { by.clone() } else { reason_of_rule(by) };
                End { outcome: Outcome::Held, reason: Some(reason), detail: None }
            }
            None => End { outcome: Outcome::Converted, reason, detail: None },
        },
    }
}

fn reason_of_rule(name: &str) -> String {
    format!("rule:{name}")
}

fn explained(telling: Telling<'_>, credit: &Credit) -> Json {
    let mut explanation = credit.explanation.clone();
    explanation["fraud"] = Json::Array(credit.screening.verdicts.clone());
    if let Some(plugin) = telling.plugin {
        explanation["adapter"] = plugin_json(plugin);
    }
    explanation
}
