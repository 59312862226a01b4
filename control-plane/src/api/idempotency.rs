//! `Idempotency-Key`: the answer of a POST is kept in the database transaction of what it made, and
//! given again.
//!
//! # Why sealed
//!
//! Some answers show a secret that is stored nowhere else. So kept answers are sealed under the
//! secret that the caller presents and of which the database knows only a hash: a copy of the
//! database does not open them.

use axum::http::HeaderMap;
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use hmac::Hmac;
use hmac::Mac;
use model::clock::Timestamp;
use sha2::Digest;
use sha2::Sha256;
use std::time::Duration;
use store::idempotency::StoredAnswer;
use store::unit::TenantTx;

use crate::api::auth::Caller;
use crate::api::error::Problem;

/// How long an answer is kept.
const KEPT_FOR: Duration = Duration::from_hours(24);

/// Longest key, in bytes.
const KEY_BYTES_MAX: usize = 255;

/// What a request with an `Idempotency-Key` is known by.
#[derive(Debug, Clone)]
pub(crate) struct Repeatable {
    key: String,
    request_hash: [u8; 32],
}

impl Repeatable {
    /// Of a request, if it names a key.
    pub(crate) fn of(
        headers: &HeaderMap,
        path: &str,
        body: &[u8],
    ) -> Result<Option<Self>, Problem> {
        let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
        let key = value.to_str().unwrap_or_default().trim();
        if key.is_empty() || key.len() > KEY_BYTES_MAX {
            return Err(Problem::field("Idempotency-Key", "must be 1 to 255 visible characters"));
        }
        let mut hash = Sha256::new();
        hash.update(path.as_bytes());
        hash.update([0]);
        hash.update(body);
        Ok(Some(Self { key: key.to_owned(), request_hash: hash.finalize().into() }))
    }

    /// The text of the answer that was given before, if there is one. The same key with another
    /// request is refused.
    pub(crate) async fn find(
        &self,
        tx: &mut TenantTx,
        caller: &Caller,
        now: Timestamp,
    ) -> Result<Option<String>, Problem> {
        let found = tx.idempotency_keys().find(caller.key, &self.key).await?;
        let Some(stored) = found.filter(|stored| now - KEPT_FOR < stored.created_at) else {
            return Ok(None);
        };
        if stored.request_hash != self.request_hash {
            let detail = "was used for another request";
            return Err(Problem::field("Idempotency-Key", detail));
        }
        let broken = || Problem::Internal("a kept answer cannot be read".into());
        let mut bytes = STANDARD_NO_PAD.decode(&stored.body).map_err(|_| broken())?;
        self.seal(&caller.secret, &mut bytes);
        String::from_utf8(bytes).map(Some).map_err(|_| broken())
    }

    /// Keeps an answer in the caller's unit of work.
    pub(crate) async fn keep(
        &self,
        tx: &mut TenantTx,
        caller: &Caller,
        (status, body): (u16, &str),
        now: Timestamp,
    ) -> Result<(), Problem> {
        let mut bytes = body.as_bytes().to_vec();
        self.seal(&caller.secret, &mut bytes);
        let body = STANDARD_NO_PAD.encode(bytes);
        let answer = StoredAnswer {
            request_hash: self.request_hash,
            status: i64::from(status),
            body,
            created_at: now,
        };
        let mut answers = tx.idempotency_keys();
        answers.forget(caller.key, now - KEPT_FOR).await?;
        answers.keep((caller.key, &self.key), &answer).await?;
        Ok(())
    }

    /// Seals or opens: HMAC-SHA-256 in counter mode. One key and one request make one stream, used
    /// once.
    fn seal(&self, secret: &str, bytes: &mut [u8]) {
        for (counter, chunk) in (0_u64..).zip(bytes.chunks_mut(32)) {
            let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes())
                .expect("HMAC takes keys of any length");
            mac.update(b"gamma kept answer");
            mac.update(&self.request_hash);
            mac.update(self.key.as_bytes());
            mac.update(&counter.to_be_bytes());
            let stream = mac.finalize().into_bytes();
            for (byte, pad) in chunk.iter_mut().zip(stream) {
                *byte ^= pad;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_answer_opens_with_the_same_secret_only() {
        let headers = HeaderMap::from_iter([(
            "idempotency-key".parse().expect("name"),
            "k".parse().expect("value"),
        )]);
        let request = Repeatable::of(&headers, "/v1/links", b"{}").expect("good").expect("there");
        let plain = "an answer that is longer than one block of the keyed stream";
        let mut bytes = plain.as_bytes().to_vec();
        request.seal("secret", &mut bytes);
        assert_ne!(bytes, plain.as_bytes());
        let mut stolen = bytes.clone();
        request.seal("other", &mut stolen);
        assert_ne!(stolen, plain.as_bytes());
        request.seal("secret", &mut bytes);
        assert_eq!(bytes, plain.as_bytes());
    }
}
