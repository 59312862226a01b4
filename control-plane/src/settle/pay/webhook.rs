//! The rail `webhook`: any provider behind an address that speaks our words, signed as Standard
//! Webhooks 1.0.0.
//!
//! Asked with `POST` to pay and with `GET ?id=` for a status, it answers
//! `{"status","id","reference","amount","currency","detail"}` with a status of `paid`, `accepted`,
//! `declined`, `returned` or `unknown`. Whatever else comes back means that nobody knows.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::Hmac;
use hmac::Mac;
use model::clock::Timestamp;
use model::money::Currency;
use model::money::Money;
use serde_json::Value as Json;
use serde_json::json;
use sha2::Sha256;
use store::payouts::PayoutRow;

use super::rail::Built;
use super::rail::Capabilities;
use super::rail::Rail;
use super::rail::Request;
use super::rail::Response;
use super::rail::Told;
use super::rail::Wanted;

/// Name of the rail.
pub const NAME: &str = "webhook";

/// See the module.
pub struct WebhookRail {
    /// Where the provider listens.
    pub url: String,
    /// Signs what is sent.
    pub secret: Vec<u8>,
    /// Whether the provider promises that one id never pays twice.
    pub is_idempotent: bool,
}

impl std::fmt::Debug for WebhookRail {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("WebhookRail")
            .field("is_idempotent", &self.is_idempotent)
            .finish_non_exhaustive()
    }
}

impl WebhookRail {
    fn request(&self, method: &'static str, payout: &PayoutRow, now: Timestamp) -> Request {
        let is_post = method == "POST";
        let body = if is_post { payout.request.clone() } else { String::new() };
        let url = if is_post {
            self.url.clone()
        } else {
            let joint = if self.url.contains('?') { '&' } else { '?' };
            format!("{}{joint}id={}", self.url, payout.request_id)
        };
        let seconds = now.0.div_euclid(1_000_000);
        let signed = format!("{}.{seconds}.{body}", payout.request_id);
        let headers = vec![
            ("content-type".to_owned(), "application/json".to_owned()),
            ("webhook-id".to_owned(), payout.request_id.clone()),
            ("webhook-timestamp".to_owned(), seconds.to_string()),
            ("webhook-signature".to_owned(), format!("v1,{}", self.signature(&signed))),
        ];
        Request { method, url, headers, body }
    }

    fn signature(&self, text: &str) -> String {
        // HMAC takes keys of any length.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.secret) else {
            return String::new();
        };
        mac.update(text.as_bytes());
        STANDARD.encode(mac.finalize().into_bytes())
    }
}

impl Rail for WebhookRail {
    fn name(&self) -> &'static str {
        NAME
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities { idempotent_create: self.is_idempotent, sends: true, has_status: true }
    }

    fn build(&self, wanted: &Wanted<'_>) -> Result<Built, String> {
        if wanted.destination.is_empty() {
            return Err("no_destination".to_owned());
        }
        let request_id = wanted.payout.to_string();
        let body = json!({
            "id": request_id, "amount": wanted.amount.amount(),
            "currency": wanted.amount.currency.code(), "destination": wanted.destination,
            "payee": wanted.payee,
        });
        Ok(Built { request_id, body: body.to_string() })
    }

    fn create(&self, payout: &PayoutRow, now: Timestamp) -> Option<Request> {
        Some(self.request("POST", payout, now))
    }

    fn status(&self, payout: &PayoutRow, now: Timestamp) -> Option<Request> {
        Some(self.request("GET", payout, now))
    }

    fn read(&self, payout: &PayoutRow, response: &Response) -> Told {
        let said: Json = serde_json::from_str(&response.body).unwrap_or_default();
        let text = |name: &str| said[name].as_str().map(str::to_owned);
        let detail = text("detail").unwrap_or_default();
        if said["id"].as_str() != Some(payout.request_id.as_str()) {
            return Told::Unknown(format!("{}: answer names another payout", response.status));
        }
        let is_good = (200..300).contains(&response.status);
        match said["status"].as_str() {
            Some("paid") if is_good => match (text("reference"), amount(&said)) {
                (Some(reference), Ok(amount)) if !reference.is_empty() => {
                    Told::Paid { reference, amount }
                }
                _ => Told::Unknown("paid without a reference or a readable amount".to_owned()),
            },
            Some("accepted") if is_good => Told::Accepted,
            Some("returned") if is_good => Told::Returned(detail),
            // A refusal is one only where the provider says the word.
            Some("declined") if is_good || (400..500).contains(&response.status) => {
                Told::Declined(detail)
            }
            _ => Told::Unknown(format!("{}: {detail}", response.status)),
        }
    }
}

/// What the provider says it paid; absent where it does not say.
fn amount(said: &Json) -> Result<Option<Money>, ()> {
    match (said["amount"].as_str(), said["currency"].as_str()) {
        (None, None) if said["amount"].is_null() => Ok(None),
        (Some(amount), Some(currency)) => {
            let currency = Currency::parse(currency).map_err(drop)?;
            Money::parse(amount, currency).map(Some).map_err(drop)
        }
        _ => Err(()),
    }
}
