//! Who may tell us something: tokens, signatures, addresses and keys, checked before anything is
//! parsed.
//!
//! Every comparison with a secret takes the same time wherever it differs. The reason of a refusal
//! goes to the debugger and never to the sender.

use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::Hmac;
use hmac::Mac as _;
use model::catalog::Key;
use model::clock::Timestamp;
use model::id::KeyId;
use model::inbound::RefusedReason;
use sha2::Sha256;
use subtle::ConstantTimeEq as _;

use crate::catalog::directory::IntegrationDoor;
use crate::limits::SIGNATURE_AGE_SECONDS_MAX;

type HmacSha256 = Hmac<Sha256>;
type Key64 = hmac::digest::Key<HmacSha256>;

/// Most signatures that one header may offer (several while a secret is rotated).
const SIGNATURES_MAX: usize = 8;
/// Longest id of a signed message, in bytes.
const MESSAGE_ID_BYTES_MAX: usize = 256;
/// What the text of an API key begins with.
const KEY_PREFIX: &str = "gm_live_";

/// HMAC-SHA-256 under the pepper, as the catalog holds tokens and key secrets.
#[must_use]
pub fn peppered(pepper: &[u8; 32], secret: &[u8]) -> [u8; 32] {
    let mut mac = hmac(pepper);
    mac.update(secret);
    mac.finalize().into_bytes().into()
}

fn hmac(key: &[u8]) -> HmacSha256 {
    // HMAC takes keys of any length, so there is no other case.
    HmacSha256::new_from_slice(key).unwrap_or_else(|_| HmacSha256::new(&Key64::default()))
}

/// The headers of a signed message (Standard Webhooks 1.0.0) and what they sign.
#[derive(Debug, Clone, Copy)]
pub struct Signed<'a> {
    pub id: &'a str,
    pub timestamp: &'a str,
    pub signatures: &'a str,
    /// The body; for GET path, `?` and query.
    pub content: &'a [&'a [u8]],
}

/// What a sender shows.
#[derive(Debug, Clone, Copy)]
pub struct Evidence<'a> {
    pub client: IpAddr,
    /// From the query or the header; absent when none was sent.
    pub token: Option<&'a str>,
    pub signed: Signed<'a>,
}

/// What was proved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Proof {
    /// A signature was demanded and is good; its id must still be new.
    pub is_signed: bool,
}

/// Checks everything an integration demands, cheapest first.
///
/// # Errors
/// The first demand that is not met. An integration that demands nothing at all lets nobody in: a
/// door must not stand open because a form was left empty.
pub fn integration(
    door: &IntegrationDoor,
    pepper: &[u8; 32],
    evidence: &Evidence<'_>,
    now: Timestamp,
) -> Result<Proof, RefusedReason> {
    reachable(door, evidence.client)?;
    let held = &door.integration;
    if held.token_hashes.is_empty() && held.hmac_secrets.is_empty() && !door.has_nets {
        return Err(RefusedReason::BadToken);
    }
    if !held.token_hashes.is_empty() {
        let token = evidence.token.ok_or(RefusedReason::BadToken)?;
        let hash = peppered(pepper, token.as_bytes());
        if !held.token_hashes.iter().any(|live| live.ct_eq(&hash).into()) {
            return Err(RefusedReason::BadToken);
        }
    }
    signed(door, evidence, now)
}

/// Checks what an integration demands of a sender that a key has already named: its tokens are the
/// keys.
///
/// # Errors
/// The first demand that is not met.
pub fn event_sender(
    door: &IntegrationDoor,
    evidence: &Evidence<'_>,
    now: Timestamp,
) -> Result<Proof, RefusedReason> {
    reachable(door, evidence.client)?;
    signed(door, evidence, now)
}

fn reachable(door: &IntegrationDoor, client: IpAddr) -> Result<(), RefusedReason> {
    if !door.integration.is_active {
        return Err(RefusedReason::BadKey);
    }
    if door.has_nets && !door.nets.iter().any(|net| net.contains(&client)) {
        return Err(RefusedReason::IpNotAllowed);
    }
    Ok(())
}

fn signed(
    door: &IntegrationDoor,
    evidence: &Evidence<'_>,
    now: Timestamp,
) -> Result<Proof, RefusedReason> {
    let secrets = &door.integration.hmac_secrets;
    if secrets.is_empty() {
        return Ok(Proof { is_signed: false });
    }
    signature(secrets, &evidence.signed, now)?;
    Ok(Proof { is_signed: true })
}

/// Checks a Standard Webhooks signature: `v1,` and base64 of HMAC-SHA-256 over
/// `id.timestamp.content`.
///
/// # Errors
/// [`RefusedReason::BadSignature`], or [`RefusedReason::StaleTimestamp`] for a good one of another
/// time.
pub fn signature(
    secrets: &[Box<[u8]>],
    signed: &Signed<'_>,
    now: Timestamp,
) -> Result<(), RefusedReason> {
    let is_id = !signed.id.is_empty() && signed.id.len() <= MESSAGE_ID_BYTES_MAX;
    let seconds: i64 = signed.timestamp.parse().map_err(|_| RefusedReason::BadSignature)?;
    if !is_id {
        return Err(RefusedReason::BadSignature);
    }
    let offered = signed.signatures.split(' ').take(SIGNATURES_MAX);
    let offered = offered.filter_map(|one| STANDARD.decode(one.strip_prefix("v1,")?).ok());
    let mut is_good = false;
    for given in offered {
        for secret in secrets {
            let mut mac = hmac(secret);
            for part in [signed.id.as_bytes(), b".", signed.timestamp.as_bytes(), b"."] {
                mac.update(part);
            }
            signed.content.iter().for_each(|part| mac.update(part));
            is_good |= mac.verify_slice(&given).is_ok();
        }
    }
    if !is_good {
        return Err(RefusedReason::BadSignature);
    }
    let now_seconds = now.0.div_euclid(1_000_000);
    if now_seconds.abs_diff(seconds) > SIGNATURE_AGE_SECONDS_MAX.unsigned_abs() {
        return Err(RefusedReason::StaleTimestamp);
    }
    Ok(())
}

/// The parts of `gm_live_<id>_<secret>`. `None`: not of this form.
#[must_use]
pub fn key_parts(text: &str) -> Option<(KeyId, &str)> {
    let (id, secret) = text.strip_prefix(KEY_PREFIX)?.split_once('_')?;
    let id = KeyId::from_body(id)?;
    (!secret.is_empty()).then_some((id, secret))
}

/// Whether `secret` is the one of `key` and the key may speak for its advertiser now.
///
/// # Errors
/// [`RefusedReason::BadKey`] for each reason.
pub fn key(
    key: &Key,
    secret: &str,
    pepper: &[u8; 32],
    now: Timestamp,
) -> Result<(), RefusedReason> {
    let is_secret: bool = peppered(pepper, secret.as_bytes()).ct_eq(&key.hash).into();
    let is_live = key.expires_at.is_none_or(|at| now < at);
    // A publishable key stands in web pages: it proves nothing about a server.
    if is_secret && is_live && !key.is_publishable { Ok(()) } else { Err(RefusedReason::BadKey) }
}

#[cfg(test)]
mod tests;
