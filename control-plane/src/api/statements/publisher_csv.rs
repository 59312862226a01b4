//! `GET /v1/publishers/{id}/statement.csv?month=`: the lines alone.

use std::fmt::Write as _;

use model::id::PublisherId;
use model::money::Money;
use serde_json::Value;

use crate::api::answer::Answer;
use crate::api::call::Call;
use crate::api::endpoint::Endpoint;
use crate::api::endpoint::OPERATORS_PUBLISHERS;
use crate::api::endpoint::Outcome;
use crate::api::endpoint::run;
use crate::api::error::Problem;
use crate::api::statements::QUERY;
use crate::api::statements::month;
use crate::api::time;
use crate::settle::statement;

pub(super) const ENDPOINT: Endpoint =
    Endpoint::get("/v1/publishers/{id}/statement.csv", run!(publisher_csv))
        .says("The lines of a publisher's statement, as CSV")
        .roles(OPERATORS_PUBLISHERS)
        .answers("text/csv")
        .query(QUERY);

async fn publisher_csv(call: &mut Call) -> Outcome {
    let id: PublisherId = call.path_id("id")?;
    let reach = call.reach();
    let row = call.tx.publishers().get(id, reach).await?.ok_or(Problem::NotFound)?;
    let (_, from, to) = month(call).await?;
    let made = statement::statement(&mut call.tx, &row.id.to_string(), (from, to)).await?;
    let mut text =
        "at,seq,transaction_id,conversion_id,what,account,component,amount,currency\r\n".to_owned();
    for of in &made.currencies {
        for line in &of.lines {
            let conversion = line.conversion.map(|id| id.to_string()).unwrap_or_default();
            let component = line.account.component().map(|word| word.to_string());
            // Nothing here holds a comma or a quote; writing into a String cannot fail.
            let _ = write!(
                text,
                "{},{},{},{conversion},{},{},{},{},{}\r\n",
                time::text(line.at),
                line.seq,
                line.transaction,
                line.memo.split(' ').next().unwrap_or_default(),
                statement::word(line.account.kind()),
                component.unwrap_or_default(),
                Money::new(line.change_minor, of.currency).amount(),
                of.currency,
            );
        }
    }
    Ok(Answer::json(Value::String(text)))
}
