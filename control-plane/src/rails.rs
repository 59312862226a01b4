//! Rails as the configuration asks for them.

use std::sync::Arc;

use model::money::BasisPoints;

use crate::config::Config;
use crate::settle::AdvanceTerms;
use crate::settle::pay::PayParts;
use crate::settle::pay::http::HttpEgress;
use crate::settle::pay::rail::SendError;
use crate::settle::pay::webhook::WebhookRail;

/// The rails that are configured, and what sends for them.
///
/// # Errors
/// [`SendError`] when the system gives no client.
pub(crate) fn configured(config: &Config) -> Result<PayParts, SendError> {
    let (payout, advance) = (&config.payout, &config.advance);
    let parts = PayParts::default()
        .with_second_person_above(payout.second_person_above.clone())
        .with_advance(AdvanceTerms {
            fee: BasisPoints(advance.fee_bp),
            publisher_limit: advance.publisher_limit.clone(),
            advertiser_limit: advance.advertiser_limit.clone(),
        });
    if payout.webhook_url.is_empty() {
        return Ok(parts);
    }
    let rail = WebhookRail {
        url: payout.webhook_url.clone(),
        secret: payout.webhook_signing_key.clone().into_bytes(),
        is_idempotent: payout.webhook_idempotent,
    };
    let egress = HttpEgress::new()?;
    Ok(parts.with_rail(Arc::new(rail)).with_egress(Arc::new(egress)))
}
