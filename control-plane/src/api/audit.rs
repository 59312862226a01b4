//! The checks of the books, and who changed what.

use crate::api::endpoint::Endpoint;

mod checks;
mod log;

pub(crate) const ENDPOINTS: &[Endpoint] = &[checks::ENDPOINT, log::ENDPOINT];
