//! The back office: payments of advertisers, cases, locked months, rates of exchange.

use crate::api::endpoint::Endpoint;

mod cases;
mod close_case;
mod fx_rates;
mod invoices;
mod list_fx_rates;
mod list_payments;
mod lock;
mod payment;

pub(crate) const ENDPOINTS: &[Endpoint] = &[
    payment::ENDPOINT,
    list_payments::ENDPOINT,
    cases::ENDPOINT,
    close_case::ENDPOINT,
    lock::ENDPOINT,
    fx_rates::ENDPOINT,
    list_fx_rates::ENDPOINT,
    invoices::ENDPOINT,
];
