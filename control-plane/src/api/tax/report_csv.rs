//! `GET /v1/tax/report.csv?period=`: one line per person and component.

use std::fmt::Write as _;

use model::money::Money;
use serde_json::Value;
use store::listing::Reach;

use crate::api::answer::Answer;
use crate::api::call::Call;
use crate::api::endpoint::Endpoint;
use crate::api::endpoint::FINANCE;
use crate::api::endpoint::Outcome;
use crate::api::endpoint::run;
use crate::api::tax::QUERY;
use crate::api::tax::period;
use crate::settle::pay::file::quoted;
use crate::settle::withheld;

pub(super) const ENDPOINT: Endpoint = Endpoint::get("/v1/tax/report.csv", run!(report_csv))
    .says("The register of withheld tax of a period, as CSV")
    .roles(FINANCE)
    .answers("text/csv")
    .query(QUERY);

async fn report_csv(call: &mut Call) -> Outcome {
    let (period, from, to) = period(call).await?;
    let found = withheld::register(&mut call.tx.ledger(), (from, to)).await?;
    let mut text =
        "period,publisher_id,name,iin,regime,income,component,amount,currency\r\n".to_owned();
    for ((publisher, currency), row) in &found {
        let person = call.tx.publishers().get(*publisher, Reach::Tenant).await?;
        let (name, iin, regime) = person.map_or_else(
            || (String::new(), String::new(), ""),
            |person| (person.name, person.iin.unwrap_or_default(), person.tax_regime.as_str()),
        );
        let income = Money::new(row.income_minor, *currency).amount();
        for (component, minor) in &row.components {
            let amount = Money::new(*minor, *currency).amount();
            // Writing into a String cannot fail.
            let _ = write!(
                text,
                "{period},{publisher},{},{iin},{regime},{income},{component},{amount},{currency}",
                quoted(&name)
            );
            text.push_str("\r\n");
        }
    }
    Ok(Answer::json(Value::String(text)))
}
