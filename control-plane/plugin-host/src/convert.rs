//! WIT <-> values, only here. Texts and bodies are moved, never copied.

use crate::bindings::adapter::gamma::plugin::types as adapter;
use crate::bindings::rule::gamma::plugin::types as rule;
use crate::values::{
    Action, Candidate, Channel, Claim, Decision, Fact, FactValue, Inbound, Item, Method, Refusal,
    RefusalReason, Status, Verdict,
};

/// What the adapter world returns for one inbound.
pub(crate) type WitAdapted = Result<Vec<adapter::Claim>, adapter::Refusal>;

/// An inbound as the adapter world takes it.
pub(crate) type WitInbound = adapter::Inbound;

pub(crate) fn to_inbound(inbound: Inbound) -> WitInbound {
    let headers = inbound.headers.into_iter();
    adapter::Inbound {
        channel: match inbound.channel {
            Channel::Postback => adapter::Channel::Postback,
            Channel::Event => adapter::Channel::Event,
            Channel::Pixel => adapter::Channel::Pixel,
            Channel::Import => adapter::Channel::Import,
            Channel::Poll => adapter::Channel::Poll,
        },
        received_at: inbound.received_at_us,
        method: match inbound.method {
            Method::None => adapter::Method::None,
            Method::Get => adapter::Method::Get,
            Method::Post => adapter::Method::Post,
        },
        path: inbound.path,
        query: inbound.query,
        headers: headers.map(|pair| adapter::Pair { name: pair.name, value: pair.value }).collect(),
        body: inbound.body,
    }
}

pub(crate) fn from_adapted(adapted: WitAdapted) -> Result<Vec<Claim>, Refusal> {
    match adapted {
        Ok(claims) => Ok(claims.into_iter().map(from_claim).collect()),
        Err(refusal) => Err(Refusal {
            reason: match refusal.reason {
                adapter::RefusalReason::ParseError => RefusalReason::ParseError,
                adapter::RefusalReason::BadAmount => RefusalReason::BadAmount,
                adapter::RefusalReason::CurrencyMissing => RefusalReason::CurrencyMissing,
                adapter::RefusalReason::NoAttributionKey => RefusalReason::NoAttributionKey,
                adapter::RefusalReason::TestMode => RefusalReason::TestMode,
                adapter::RefusalReason::Ignored => RefusalReason::Ignored,
            },
            detail: refusal.detail,
        }),
    }
}

fn from_claim(claim: adapter::Claim) -> Claim {
    Claim {
        action: match claim.action {
            adapter::Action::Landing => Action::Landing,
            adapter::Action::AddToCart => Action::AddToCart,
            adapter::Action::Signup => Action::Signup,
            adapter::Action::Purchase => Action::Purchase,
            adapter::Action::DropOff => Action::DropOff,
            adapter::Action::Custom => Action::Custom,
        },
        custom_action: claim.custom_action,
        order_ref: claim.order_ref,
        line: claim.line,
        amount: claim.amount,
        currency: claim.currency,
        charge: claim.charge,
        status: claim.status.map(|status| match status {
            adapter::Status::Pending => Status::Pending,
            adapter::Status::Approved => Status::Approved,
            adapter::Status::Rejected => Status::Rejected,
            adapter::Status::Reversed => Status::Reversed,
            adapter::Status::Returned => Status::Returned,
            adapter::Status::Partial => Status::Partial,
            adapter::Status::Unmapped => Status::Unmapped,
        }),
        raw_status: claim.raw_status,
        occurred_at_us: claim.occurred_at,
        updated_at_us: claim.updated_at,
        click_ids: claim.click_ids,
        coupon_code: claim.coupon_code,
        ref_code: claim.ref_code,
        landing_url: claim.landing_url,
        referrer: claim.referrer,
        customer_ref: claim.customer_ref,
        items: claim.items.into_iter().map(from_item).collect(),
        test: claim.test,
    }
}

fn from_item(item: adapter::Item) -> Item {
    Item {
        sku: item.sku,
        quantity: item.quantity,
        unit_amount: item.unit_amount,
        category: item.category,
    }
}

/// What the rule world returns for one candidate.
pub(crate) type WitVerdict = rule::Verdict;

/// A candidate as the rule world takes it.
pub(crate) type WitCandidate = rule::Candidate;

pub(crate) fn to_candidate(candidate: Candidate) -> WitCandidate {
    rule::Candidate {
        conversion_id: candidate.conversion_id,
        claim: to_claim(candidate.claim),
        attributed_by: candidate.attributed_by,
        clicked_at: candidate.clicked_at_us,
        claimed_at: candidate.claimed_at_us,
        facts: candidate.facts.into_iter().map(to_fact).collect(),
    }
}

fn to_fact(fact: Fact) -> rule::Fact {
    let value = match fact.value {
        FactValue::Integer(integer) => rule::FactValue::Integer(integer),
        FactValue::Decimal(decimal) => rule::FactValue::Number(decimal),
        FactValue::Text(text) => rule::FactValue::Text(text),
        FactValue::Flag(flag) => rule::FactValue::Flag(flag),
    };
    rule::Fact { name: fact.name, value }
}

fn to_claim(claim: Claim) -> rule::Claim {
    rule::Claim {
        action: match claim.action {
            Action::Landing => rule::Action::Landing,
            Action::AddToCart => rule::Action::AddToCart,
            Action::Signup => rule::Action::Signup,
            Action::Purchase => rule::Action::Purchase,
            Action::DropOff => rule::Action::DropOff,
            Action::Custom => rule::Action::Custom,
        },
        custom_action: claim.custom_action,
        order_ref: claim.order_ref,
        line: claim.line,
        amount: claim.amount,
        currency: claim.currency,
        charge: claim.charge,
        status: claim.status.map(|status| match status {
            Status::Pending => rule::Status::Pending,
            Status::Approved => rule::Status::Approved,
            Status::Rejected => rule::Status::Rejected,
            Status::Reversed => rule::Status::Reversed,
            Status::Returned => rule::Status::Returned,
            Status::Partial => rule::Status::Partial,
            Status::Unmapped => rule::Status::Unmapped,
        }),
        raw_status: claim.raw_status,
        occurred_at: claim.occurred_at_us,
        updated_at: claim.updated_at_us,
        click_ids: claim.click_ids,
        coupon_code: claim.coupon_code,
        ref_code: claim.ref_code,
        landing_url: claim.landing_url,
        referrer: claim.referrer,
        customer_ref: claim.customer_ref,
        items: claim.items.into_iter().map(to_item).collect(),
        test: claim.test,
    }
}

fn to_item(item: Item) -> rule::Item {
    rule::Item {
        sku: item.sku,
        quantity: item.quantity,
        unit_amount: item.unit_amount,
        category: item.category,
    }
}

pub(crate) fn from_verdict(verdict: WitVerdict) -> Verdict {
    Verdict {
        decision: match verdict.decision {
            rule::Decision::Approve => Decision::Approve,
            rule::Decision::Hold => Decision::Hold,
            rule::Decision::Reject => Decision::Reject,
            rule::Decision::Abstain => Decision::Abstain,
        },
        score: verdict.score,
        reason: verdict.reason,
    }
}
