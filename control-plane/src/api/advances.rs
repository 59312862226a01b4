//! Advances: get paid now.

use crate::api::endpoint::Endpoint;

mod create;

pub(crate) const ENDPOINTS: &[Endpoint] = &[create::ENDPOINT];
