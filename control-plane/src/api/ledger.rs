//! The ledger, read only.

use crate::api::endpoint::Endpoint;

mod accounts;
mod transactions;
mod trial_balance;

pub(crate) const ENDPOINTS: &[Endpoint] =
    &[accounts::ENDPOINT, transactions::ENDPOINT, trial_balance::ENDPOINT];
