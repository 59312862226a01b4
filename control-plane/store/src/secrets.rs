//! What signs and hashes: the pepper, the key of visitor hashes, and the ring of click keys.

use model::catalog::Secrets;
use model::click_id::ClickKey;
use model::click_id::KEY_ID_MAX;
use model::clock::Timestamp;
use rand::RngCore;

use crate::catalog_outbox;
use crate::conn::SysScope;
use crate::error::StoreError;
use crate::error::StoreResult;
use crate::params;
use crate::unit::SysTx;

const PEPPER: &str = "pepper";
const VISITOR_KEY: &str = "visitor_key";

/// The repository of secrets.
#[derive(Debug)]
pub struct SecretsStore<'t>(SysScope<'t>);

impl SysTx {
    /// What signs and hashes.
    pub const fn secrets(&mut self) -> SecretsStore<'_> {
        SecretsStore(self.sys())
    }
}

impl SecretsStore<'_> {
    /// All secrets, or `None` before [`make`].
    ///
    /// # Errors
    /// [`StoreError::Column`] when a secret has another length than it must.
    pub async fn get(&mut self) -> StoreResult<Option<Secrets>> {
        let rows = self.0.fetch_all("SELECT name, value FROM secrets", params![]).await?;
        let mut pepper = None;
        let mut visitor_key = None;
        for row in &rows {
            match row.text("name")? {
                PEPPER => pepper = Some(row.array::<32>("value")?),
                VISITOR_KEY => visitor_key = Some(row.array::<32>("value")?),
                _ => {}
            }
        }
        let (Some(pepper), Some(visitor_key)) = (pepper, visitor_key) else { return Ok(None) };
        let sql = "SELECT id, secret, is_signing FROM click_keys ORDER BY created_at DESC, id";
        let mut click_signing = None;
        let mut click_verify_only = Vec::new();
        for row in self.0.fetch_all(sql, params![]).await? {
            let id = u8::try_from(row.int("id")?).unwrap_or(KEY_ID_MAX);
            let key = ClickKey { id, secret: row.array::<16>("secret")? };
            if row.flag("is_signing")? {
                click_signing = Some(key);
            } else {
                click_verify_only.push(key);
            }
        }
        let click_signing = click_signing.ok_or(StoreError::Missing)?;
        Ok(Some(Secrets { pepper, visitor_key, click_signing, click_verify_only }))
    }
}

/// Makes the secrets of a new installation.
pub(crate) async fn make(
    sys: &mut SysScope<'_>,
    now: Timestamp,
    rng: &mut (dyn RngCore + Send),
) -> StoreResult<()> {
    let mut secret = [0_u8; 32];
    for name in [PEPPER, VISITOR_KEY] {
        rng.fill_bytes(&mut secret);
        let sql = "INSERT INTO secrets (name, value) VALUES ($1, $2)";
        sys.execute(sql, params![name, secret]).await?;
    }
    let mut click_secret = [0_u8; 16];
    rng.fill_bytes(&mut click_secret);
    let sql = "INSERT INTO click_keys (id, secret, is_signing, created_at) \
           VALUES (0, $1, 1, $2)";
    sys.execute(sql, params![click_secret, now]).await?;
    catalog_outbox::secrets_changed(sys, now).await
}
