//! Rewards: what shoppers get back.

use crate::api::endpoint::Endpoint;

mod user;

pub(crate) const ENDPOINTS: &[Endpoint] = &[user::ENDPOINT];
