//! `GET /v1/ledger/accounts`: every account with its balance on its normal side, by key.

use serde_json::Value;
use serde_json::json;
use store::ledger::AccountRow;

use crate::api::answer::Answer;
use crate::api::call::Call;
use crate::api::endpoint::Endpoint;
use crate::api::endpoint::OPERATORS;
use crate::api::endpoint::Outcome;
use crate::api::endpoint::run;
use crate::api::input::text;
use crate::api::money;
use crate::api::page::cut;

pub(super) const ENDPOINT: Endpoint = Endpoint::list("/v1/ledger/accounts", run!(list))
    .says("List the ledger's accounts with their balances")
    .roles(OPERATORS)
    .query(&[text("owner").note("tenant, adv_…, int_…, pub_…, shp_… or rail:…")]);

async fn list(call: &mut Call) -> Outcome {
    let mut query = call.query();
    let owner = query.text("owner", 64);
    query.finish()?;
    let mut rows = call.tx.ledger().accounts(owner.as_deref()).await?;
    if let Some(after) = call.page.after.take() {
        rows.retain(|row| after < row.account.key());
    }
    let next = cut(&mut rows, &call.page, |row| row.account.key());
    let data: Vec<Value> = rows.iter().map(view).collect();
    Ok(Answer::rows(data, next))
}

fn view(row: &AccountRow) -> Value {
    let account = &row.account;
    json!({
        "account": account.key(),
        "kind": account.kind().as_str(),
        "owner": account.owner().to_string(),
        "component": account.component().map(|word| word.as_str().to_owned()),
        "normal_side": account.kind().normal_side().as_str(),
        "balance": money::minor(row.balance_minor, account.currency()),
    })
}
