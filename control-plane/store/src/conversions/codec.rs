//! Rows of conversions to values and back.

use ledger::Split;
use ledger::Stage;
use ledger::TaxBase;
use ledger::TaxPart;
use ledger::TaxRate;
use ledger::Word;
use model::claim::ClaimStatus;
use model::conversion::AttributionRule;
use model::conversion::ConversionStatus;
use model::conversion::Decision;
use model::id::TenantId;
use model::money::BasisPoints;
use model::money::Currency;
use model::money::Money;
use serde::Deserialize;
use serde::Serialize;

use super::Conversion;
use super::Rates;
use super::RevisionDecision;
use super::RevisionEffect;
use super::RevisionRow;
use crate::business_keys::OrderKey;
use crate::error::StoreError;
use crate::error::StoreResult;
use crate::params;
use crate::sql::Row;
use crate::sql::Value;

pub(super) const COLUMNS: [&str; 56] = [
    "tenant_id",
    "id",
    "status",
    "outside_status",
    "order_space",
    "order_ref",
    "line",
    "action",
    "integration_id",
    "advertiser_id",
    "is_network",
    "campaign_id",
    "offer_id",
    "publisher_id",
    "enrolment_id",
    "link_id",
    "coupon_id",
    "shopper_id",
    "click_id",
    "rule",
    "customer_key",
    "order_amount_minor",
    "order_currency",
    "stated_charge_minor",
    "currency",
    "charge_minor",
    "fee_minor",
    "commission_minor",
    "shopper_minor",
    "tax_minor",
    "net_minor",
    "taxes",
    "term",
    "fee_bp",
    "share_bp",
    "tax_rates",
    "stage",
    "origin",
    "advanced_minor",
    "verdict",
    "held_by",
    "held_before",
    "reason",
    "hold_days",
    "claimed_at",
    "clicked_at",
    "approved_at",
    "release_at",
    "released_at",
    "revision",
    "revised_at",
    "revised_event",
    "reviewed_by",
    "explanation",
    "created_at",
    "updated_at",
];

/// What may change of a known conversion. Who earns, at which rates and why it was credited stay
/// for ever.
pub(super) const ON_CONFLICT: &str = "ON CONFLICT (tenant_id, id) DO UPDATE SET \
    status = excluded.status, outside_status = excluded.outside_status, \
    order_amount_minor = excluded.order_amount_minor, \
    stated_charge_minor = excluded.stated_charge_minor, charge_minor = excluded.charge_minor, \
    fee_minor = excluded.fee_minor, commission_minor = excluded.commission_minor, \
    shopper_minor = excluded.shopper_minor, tax_minor = excluded.tax_minor, \
    net_minor = excluded.net_minor, taxes = excluded.taxes, stage = excluded.stage, \
    origin = excluded.origin, advanced_minor = excluded.advanced_minor, \
    verdict = excluded.verdict, held_by = excluded.held_by, held_before = excluded.held_before, \
    reason = excluded.reason, approved_at = excluded.approved_at, \
    release_at = excluded.release_at, released_at = excluded.released_at, \
    revision = excluded.revision, revised_at = excluded.revised_at, \
    revised_event = excluded.revised_event, reviewed_by = excluded.reviewed_by, \
    updated_at = excluded.updated_at";

#[derive(Serialize, Deserialize)]
struct TaxRow {
    component: String,
    withheld: i64,
    shortfall: i64,
}

#[derive(Serialize, Deserialize)]
struct RateRow {
    component: String,
    bp: u32,
    base: String,
}

fn json_text<T: Serialize>(rows: &[T]) -> String {
    // Plain structs of texts and numbers always have a JSON form.
    serde_json::to_string(rows).unwrap_or_default()
}

fn taxes_text(taxes: &[TaxPart]) -> String {
    let row = |part: &TaxPart| TaxRow {
        component: part.component.to_string(),
        withheld: part.withheld.minor,
        shortfall: part.shortfall.minor,
    };
    json_text(&taxes.iter().map(row).collect::<Vec<_>>())
}

fn rates_text(rates: &[TaxRate]) -> String {
    let row = |rate: &TaxRate| RateRow {
        component: rate.component.to_string(),
        bp: rate.rate.0,
        base: rate.base.as_str().to_owned(),
    };
    json_text(&rates.iter().map(row).collect::<Vec<_>>())
}

fn wrong(column: &str) -> StoreError {
    StoreError::Column { column: column.to_owned(), expected: "JSON of its form" }
}

fn taxes_from(row: &Row, currency: Currency) -> StoreResult<Vec<TaxPart>> {
    let mut taxes = Vec::new();
    for part in row.json::<Vec<TaxRow>>("taxes")? {
        taxes.push(TaxPart {
            component: Word::parse(&part.component).ok_or_else(|| wrong("taxes"))?,
            withheld: Money::new(part.withheld, currency),
            shortfall: Money::new(part.shortfall, currency),
        });
    }
    Ok(taxes)
}

fn rates_from(row: &Row) -> StoreResult<Vec<TaxRate>> {
    let mut rates = Vec::new();
    for rate in row.json::<Vec<RateRow>>("tax_rates")? {
        rates.push(TaxRate {
            component: Word::parse(&rate.component).ok_or_else(|| wrong("tax_rates"))?,
            rate: BasisPoints(rate.bp),
            base: TaxBase::parse(&rate.base).ok_or_else(|| wrong("tax_rates"))?,
        });
    }
    Ok(rates)
}

pub(super) fn to_values(tenant: TenantId, row: &Conversion) -> Vec<Value> {
    let split = &row.split;
    params![
        tenant,
        row.id,
        row.status.as_str(),
        row.outside_status.as_str(),
        &row.order.order_space,
        &row.order.order_ref,
        &row.order.line,
        &row.order.action,
        row.integration,
        row.advertiser,
        row.is_network,
        row.campaign,
        row.offer,
        row.publisher,
        row.enrolment,
        row.link,
        row.coupon,
        row.shopper,
        row.click_id.as_ref(),
        row.rule.as_str(),
        row.customer_key.as_ref(),
        row.order_amount_minor,
        row.order_currency.code(),
        row.stated_charge_minor,
        split.charge.currency.code(),
        split.charge.minor,
        split.fee.minor,
        split.commission.minor,
        split.shopper.minor,
        split.tax().minor,
        split.net.minor,
        taxes_text(&split.taxes),
        row.rates.term.to_string(),
        row.rates.fee.0,
        row.rates.share.0,
        rates_text(&row.rates.taxes),
        row.stage.map(Stage::as_str),
        row.origin,
        row.advanced_minor,
        row.verdict.as_str(),
        row.held_by.as_ref(),
        row.held_before.as_ref(),
        row.reason.as_ref(),
        row.hold_days,
        row.claimed_at,
        row.clicked_at,
        row.approved_at,
        row.release_at,
        row.released_at,
        row.revision,
        row.revised_at,
        row.revised_event,
        row.reviewed_by.as_ref(),
        row.explanation.to_string(),
        row.created_at,
        row.updated_at,
    ]
}

pub(crate) fn currency_of(row: &Row, column: &str) -> StoreResult<Currency> {
    let wrong = |_| StoreError::Column { column: column.to_owned(), expected: "a currency" };
    Currency::parse(row.text(column)?).map_err(wrong)
}

fn basis_points(row: &Row, column: &str) -> StoreResult<BasisPoints> {
    let wrong = |_| StoreError::Column { column: column.to_owned(), expected: "basis points" };
    u32::try_from(row.int(column)?).map(BasisPoints).map_err(wrong)
}

fn split_from(row: &Row) -> StoreResult<Split> {
    let currency = currency_of(row, "currency")?;
    let money = |column| Ok::<_, StoreError>(Money::new(row.int(column)?, currency));
    Ok(Split {
        charge: money("charge_minor")?,
        fee: money("fee_minor")?,
        commission: money("commission_minor")?,
        shopper: money("shopper_minor")?,
        taxes: taxes_from(row, currency)?,
        net: money("net_minor")?,
    })
}

pub(crate) fn from_row(row: &Row) -> StoreResult<Conversion> {
    Ok(Conversion {
        id: row.id("id")?,
        status: row.word("status", ConversionStatus::parse)?,
        outside_status: row.word("outside_status", ClaimStatus::parse)?,
        order: OrderKey {
            order_space: row.string("order_space")?,
            order_ref: row.string("order_ref")?,
            line: row.string("line")?,
            action: row.string("action")?,
        },
        integration: row.id("integration_id")?,
        advertiser: row.id("advertiser_id")?,
        is_network: row.flag("is_network")?,
        campaign: row.id("campaign_id")?,
        offer: row.id("offer_id")?,
        publisher: row.id("publisher_id")?,
        enrolment: row.opt_id("enrolment_id")?,
        link: row.opt_id("link_id")?,
        coupon: row.opt_id("coupon_id")?,
        shopper: row.opt_id("shopper_id")?,
        click_id: row.opt_string("click_id")?,
        rule: row.word("rule", AttributionRule::parse)?,
        customer_key: row.opt_string("customer_key")?,
        order_amount_minor: row.opt_int("order_amount_minor")?,
        order_currency: currency_of(row, "order_currency")?,
        stated_charge_minor: row.opt_int("stated_charge_minor")?,
        split: split_from(row)?,
        rates: Rates {
            fee: basis_points(row, "fee_bp")?,
            share: basis_points(row, "share_bp")?,
            taxes: rates_from(row)?,
            term: row.json("term")?,
        },
        stage: row.opt_word("stage", Stage::parse)?,
        origin: row.opt_id("origin")?,
        advanced_minor: row.int("advanced_minor")?,
        verdict: row.word("verdict", Decision::parse)?,
        held_by: row.opt_string("held_by")?,
        held_before: row.opt_string("held_before")?,
        reason: row.opt_string("reason")?,
        hold_days: row.int("hold_days")?,
        claimed_at: row.at("claimed_at")?,
        clicked_at: row.opt_at("clicked_at")?,
        approved_at: row.opt_at("approved_at")?,
        release_at: row.opt_at("release_at")?,
        released_at: row.opt_at("released_at")?,
        revision: row.int("revision")?,
        revised_at: row.at("revised_at")?,
        revised_event: row.id("revised_event")?,
        reviewed_by: row.opt_string("reviewed_by")?,
        explanation: row.json("explanation")?,
        created_at: row.at("created_at")?,
        updated_at: row.at("updated_at")?,
    })
}

pub(super) const REVISION_COLUMNS: [&str; 14] = [
    "tenant_id",
    "conversion_id",
    "event_id",
    "claim_index",
    "revision",
    "effect",
    "integration_id",
    "status",
    "amount_minor",
    "stated_charge_minor",
    "outside_at",
    "received_at",
    "decided_by",
    "decided_why",
];

pub(super) fn revision_values(tenant: TenantId, row: &RevisionRow) -> Vec<Value> {
    params![
        tenant,
        row.conversion,
        row.event,
        row.claim_index,
        row.revision,
        row.effect.as_str(),
        row.integration,
        row.status.as_str(),
        row.amount_minor,
        row.stated_charge_minor,
        row.outside_at,
        row.received_at,
        row.decision.as_ref().map(|decision| &decision.by),
        row.decision.as_ref().and_then(|decision| decision.why.as_ref()),
    ]
}

pub(super) fn revision_from_row(row: &Row) -> StoreResult<RevisionRow> {
    Ok(RevisionRow {
        conversion: row.id("conversion_id")?,
        event: row.id("event_id")?,
        claim_index: row.int("claim_index")?,
        revision: row.int("revision")?,
        effect: row.word("effect", RevisionEffect::parse)?,
        integration: row.id("integration_id")?,
        status: row.word("status", ClaimStatus::parse)?,
        amount_minor: row.opt_int("amount_minor")?,
        stated_charge_minor: row.opt_int("stated_charge_minor")?,
        outside_at: row.opt_at("outside_at")?,
        received_at: row.at("received_at")?,
        decision: decision_from(row)?,
    })
}

fn decision_from(row: &Row) -> StoreResult<Option<RevisionDecision>> {
    let why = row.opt_string("decided_why")?;
    Ok(row.opt_string("decided_by")?.map(|by| RevisionDecision { by, why }))
}
