//! `GET /v1/invoices?advertiser_id=`: what an advertiser is asked to pay, month by month, made from
//! postings: charges less what was taken back. Payments settle the oldest first.

use jiff::civil::Date;
use ledger::Account;
use ledger::AccountKind;
use model::clock::Timestamp;
use model::id::AdvertiserId;
use model::money::Currency;
use serde_json::Value;
use serde_json::json;
use store::advertisers::AdvertiserRow;
use store::ledger::Line;

use crate::api::answer::Answer;
use crate::api::call::Call;
use crate::api::endpoint::Endpoint;
use crate::api::endpoint::OPERATORS_ADVERTISERS;
use crate::api::endpoint::Outcome;
use crate::api::endpoint::run;
use crate::api::error::Problem;
use crate::api::input::text;
use crate::api::money;
use crate::api::time;

/// How long an advertiser without terms has to pay.
const TERMS_DAYS: i64 = 30;
const DAY_US: i64 = 86_400_000_000;

pub(super) const ENDPOINT: Endpoint = Endpoint::get("/v1/invoices", run!(list))
    .says("List what an advertiser is asked to pay, newest month first")
    .roles(OPERATORS_ADVERTISERS)
    .query(&[text("advertiser_id").note("default: the caller")]);

/// One month in one currency.
struct Invoice {
    month: String,
    currency: Currency,
    charged_minor: i64,
    paid_minor: i64,
    due_at: Timestamp,
    is_closed: bool,
}

async fn list(call: &mut Call) -> Outcome {
    let mut query = call.query();
    let named = query.id::<AdvertiserId>("advertiser_id").or(call.caller.advertiser);
    if named.is_none() && !query.is_refused("advertiser_id") {
        query.missing("advertiser_id");
    }
    query.finish()?;
    let reach = call.reach();
    let id = named.ok_or(Problem::NotFound)?;
    let advertiser = call.tx.advertisers().get(id, reach).await?.ok_or(Problem::NotFound)?;
    let zone = call.tenant().await?.time_zone;
    let accounts = call.tx.ledger().accounts(Some(&id.to_string())).await?;
    let keys: Vec<Account> = accounts
        .iter()
        .map(|row| row.account)
        .filter(|account| account.kind() == AccountKind::AdvertiserReceivable)
        .collect();
    let lines = call.tx.ledger().lines(&keys, Timestamp(0)).await?;
    let mut invoices = months(&lines, &advertiser, (&zone, call.now));
    invoices.reverse();
    let data = invoices.iter().map(|one| view(one, id, call.now)).collect();
    Ok(Answer::rows(data, None))
}

/// Invoices in the order of their months, payments laid over the oldest first.
fn months(
    lines: &[Line],
    advertiser: &AdvertiserRow,
    (zone, now): (&str, Timestamp),
) -> Vec<Invoice> {
    let days = advertiser.billing["terms_days"].as_i64().unwrap_or(TERMS_DAYS);
    let mut invoices: Vec<Invoice> = Vec::new();
    let mut paid: Vec<(Currency, i64)> = Vec::new();
    for line in lines {
        let currency = line.account.currency();
        if line.conversion.is_none() {
            // A payment lowers what is owed.
            match paid.iter_mut().find(|(of, _)| *of == currency) {
                Some((_, sum)) => *sum -= line.change_minor,
                None => paid.push((currency, -line.change_minor)),
            }
            continue;
        }
        let Some(first) = time::day_of(line.at, zone).map(Date::first_of_month) else {
            continue;
        };
        let month = first.to_string().get(..7).unwrap_or_default().to_owned();
        let known = invoices.iter_mut().find(|one| one.month == month && one.currency == currency);
        if let Some(one) = known {
            one.charged_minor += line.change_minor;
            continue;
        }
        let end = first.last_of_month().tomorrow().ok();
        let end = end.and_then(|day| time::start_of(day, zone)).unwrap_or(line.at);
        invoices.push(Invoice {
            month,
            currency,
            charged_minor: line.change_minor,
            paid_minor: 0,
            due_at: Timestamp(end.0.saturating_add(days.saturating_mul(DAY_US))),
            is_closed: end <= now,
        });
    }
    settle(&mut invoices, paid);
    invoices
}

/// Lays payments, and months in which more was taken back than charged, over the oldest invoices.
fn settle(invoices: &mut [Invoice], paid: Vec<(Currency, i64)>) {
    let mut left = paid;
    for one in invoices.iter().filter(|one| one.charged_minor < 0) {
        match left.iter_mut().find(|(of, _)| *of == one.currency) {
            Some((_, sum)) => *sum -= one.charged_minor,
            None => left.push((one.currency, -one.charged_minor)),
        }
    }
    for one in invoices.iter_mut().filter(|one| one.charged_minor > 0) {
        let Some((_, sum)) = left.iter_mut().find(|(of, _)| *of == one.currency) else { continue };
        one.paid_minor = one.charged_minor.min(*sum).max(0);
        *sum -= one.paid_minor;
    }
}

fn view(one: &Invoice, advertiser: AdvertiserId, now: Timestamp) -> Value {
    let open = (one.charged_minor - one.paid_minor).max(0);
    let status = match (one.is_closed, open, one.due_at < now) {
        (false, ..) => "draft",
        (true, 0, _) => "paid",
        (true, _, true) => "overdue",
        (true, _, false) => "open",
    };
    let body = advertiser.body();
    json!({
        "number": format!("INV-{}-{}-{}", one.month, one.currency.code(), body),
        "advertiser_id": advertiser.to_string(),
        "month": one.month,
        "amount": money::minor(one.charged_minor, one.currency),
        "paid": money::minor(one.paid_minor, one.currency),
        "open": money::minor(open, one.currency),
        "due_at": time::instant(one.due_at),
        "status": status,
    })
}
