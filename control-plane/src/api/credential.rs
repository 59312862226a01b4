//! API keys: `gm_live_<id>_<secret>`. The id finds the row, the secret is compared by its HMAC
//! under the pepper.

use hmac::Hmac;
use hmac::Mac;
use model::catalog::Role;
use model::clock::Timestamp;
use model::id::AdvertiserId;
use model::id::KeyId;
use model::id::PublisherId;
use model::id::ShopperId;
use model::id::TenantId;
use rand::RngCore;
use sha2::Sha256;
use store::keys::KeyKind;
use store::keys::KeyRow;
use subtle::ConstantTimeEq;

/// What every key's text begins with.
const PREFIX: &str = "gm_live_";

/// Letters of a secret: 32 × 5 bits.
pub(crate) const SECRET_CHARS: usize = 32;

/// Crockford's base32, lower case.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// What a new key is to be.
#[derive(Debug, Clone)]
pub struct NewKey {
    /// Whose workspace.
    pub tenant: TenantId,
    /// For people.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// Secret or publishable.
    pub kind: KeyKind,
    /// Must be set for role advertiser.
    pub advertiser: Option<AdvertiserId>,
    /// Must be set for role publisher.
    pub publisher: Option<PublisherId>,
    /// Must be set for role shopper.
    pub shopper: Option<ShopperId>,
    /// Where a publishable key may stand.
    pub origins: Vec<String>,
}

impl NewKey {
    /// A secret key that belongs to the tenant itself.
    #[must_use]
    pub fn of_tenant(tenant: TenantId, role: Role, name: &str) -> Self {
        Self {
            tenant,
            name: name.to_owned(),
            role,
            kind: KeyKind::Secret,
            advertiser: None,
            publisher: None,
            shopper: None,
            origins: Vec::new(),
        }
    }
}

/// A key that was just made: the row to insert, and the text to show once.
#[derive(Clone)]
pub struct MintedKey {
    /// What is stored.
    pub row: KeyRow,
    /// `gm_live_…`: shown once, stored nowhere.
    pub text: String,
}

impl std::fmt::Debug for MintedKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("MintedKey").field("id", &self.row.id).finish_non_exhaustive()
    }
}

/// Makes a key. Insert `row` through `tx.keys().insert`, show `text` once.
#[must_use]
pub fn mint(
    new: NewKey,
    pepper: &[u8; 32],
    now: Timestamp,
    rng: &mut (dyn RngCore + Send),
) -> MintedKey {
    let id = KeyId::new(now, rng);
    let secret = secret_text(rng);
    let text = format!("{PREFIX}{}_{secret}", id.body());
    let row = KeyRow {
        id,
        tenant: new.tenant,
        name: new.name,
        role: new.role,
        kind: new.kind,
        hash: hash(pepper, secret.as_bytes()),
        advertiser: new.advertiser,
        publisher: new.publisher,
        shopper: new.shopper,
        origins: new.origins,
        created_at: now,
        expires_at: None,
        revoked_at: None,
    };
    MintedKey { row, text }
}

/// Random letters that a person can copy.
pub(crate) fn secret_text(rng: &mut (dyn RngCore + Send)) -> String {
    let mut bytes = [0_u8; SECRET_CHARS];
    rng.fill_bytes(&mut bytes);
    bytes.iter().map(|byte| char::from(ALPHABET[usize::from(byte & 31)])).collect()
}

/// HMAC-SHA-256 under the pepper: what is stored of secrets and tokens.
///
/// # Panics
/// Never: HMAC takes keys of any length.
#[must_use]
pub fn hash(pepper: &[u8; 32], secret: &[u8]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(pepper).expect("HMAC takes keys of any length");
    mac.update(secret);
    mac.finalize().into_bytes().into()
}

/// The id and the secret of a key's text, if it has the form of one.
pub(crate) fn parse(text: &str) -> Option<(KeyId, &str)> {
    let (body, secret) = text.strip_prefix(PREFIX)?.split_once('_')?;
    (secret.len() == SECRET_CHARS).then_some((KeyId::from_body(body)?, secret))
}

/// Whether `secret` is the one behind `stored`, in constant time.
pub(crate) fn is_secret_of(stored: &[u8; 32], pepper: &[u8; 32], secret: &str) -> bool {
    hash(pepper, secret.as_bytes()).ct_eq(stored).into()
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;

    #[test]
    fn a_key_reads_back_and_another_secret_is_refused() {
        let mut rng = StdRng::seed_from_u64(1);
        let pepper = [7; 32];
        let new = NewKey::of_tenant(TenantId(1), Role::Admin, "n");
        let minted = mint(new, &pepper, Timestamp(1_700_000_000_000_000), &mut rng);
        let (id, secret) = parse(&minted.text).expect("reads back");
        assert_eq!(id, minted.row.id);
        assert!(is_secret_of(&minted.row.hash, &pepper, secret));
        assert!(!is_secret_of(&minted.row.hash, &[8; 32], secret));
        let other = secret_text(&mut rng);
        assert!(!is_secret_of(&minted.row.hash, &pepper, &other));
    }

    #[test]
    fn other_texts_are_no_keys() {
        for text in [
            "",
            "gm_live_",
            "gm_live_x_y",
            "gm_test_0_0",
            "gm_live_00000000000000000000000000_short",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
