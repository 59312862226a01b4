//! The answers that POSTs gave, so that a retry gets its answer again and makes nothing twice.

use model::clock::Timestamp;
use model::id::KeyId;

use crate::error::StoreResult;
use crate::listing::repository;
use crate::params;

/// An answer that was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredAnswer {
    /// Hash over method, path and body of the request.
    pub request_hash: [u8; 32],
    /// Status of the answer.
    pub status: i64,
    /// Body of the answer, as the API sealed it.
    pub body: String,
    /// When it was given.
    pub created_at: Timestamp,
}

repository! {
    /// Answers that were given for an `Idempotency-Key`.
    IdempotencyKeys = idempotency_keys
}

impl IdempotencyKeys<'_> {
    /// The answer that was given to this credential for this key.
    ///
    /// # Errors
    /// [`crate::error::StoreError::Database`].
    pub async fn find(
        &mut self,
        credential: KeyId,
        key: &str,
    ) -> StoreResult<Option<StoredAnswer>> {
        let sql = "SELECT request_hash, status, body, created_at FROM idempotency_keys \
                   WHERE tenant_id = $1 AND credential = $2 AND idempotency_key = $3";
        let row = self.0.fetch_optional(sql, params![self.0.tenant(), credential, key]).await?;
        row.map(|row| {
            Ok(StoredAnswer {
                request_hash: row.array("request_hash")?,
                status: row.int("status")?,
                body: row.string("body")?,
                created_at: row.at("created_at")?,
            })
        })
        .transpose()
    }

    /// Keeps an answer. It stands in the database transaction of what the request made.
    ///
    /// # Errors
    /// [`crate::error::StoreError::Unique`] when there is one.
    pub async fn keep(
        &mut self,
        (credential, key): (KeyId, &str),
        answer: &StoredAnswer,
    ) -> StoreResult<()> {
        let sql = "INSERT INTO idempotency_keys (tenant_id, credential, idempotency_key, \
                   request_hash, status, body, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7)";
        let hash = answer.request_hash;
        let tenant = self.0.tenant();
        let (status, at) = (answer.status, answer.created_at);
        let params = params![tenant, credential, key, hash, status, &answer.body, at];
        self.0.execute(sql, params).await?;
        Ok(())
    }

    /// Forgets this credential's answers older than `before`.
    ///
    /// # Errors
    /// [`crate::error::StoreError::Database`].
    pub async fn forget(&mut self, credential: KeyId, before: Timestamp) -> StoreResult<()> {
        let sql = "DELETE FROM idempotency_keys \
                   WHERE tenant_id = $1 AND credential = $2 AND created_at < $3";
        self.0.execute(sql, params![self.0.tenant(), credential, before]).await?;
        Ok(())
    }
}
