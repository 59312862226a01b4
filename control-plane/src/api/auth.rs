//! Who calls: the credential of a request, and what it may see.

use axum::http::HeaderMap;
use axum::http::header;
use model::catalog::Role;
use model::clock::Timestamp;
use model::id::AdvertiserId;
use model::id::KeyId;
use model::id::PublisherId;
use model::id::TenantId;
use store::keys::KeyKind;
use store::listing::Reach;
use store::unit::Store;

use crate::api::credential;
use crate::api::error::Problem;

/// A caller whose credential is good.
#[derive(Clone)]
pub(crate) struct Caller {
    pub(crate) tenant: TenantId,
    pub(crate) key: KeyId,
    pub(crate) role: Role,
    pub(crate) advertiser: Option<AdvertiserId>,
    pub(crate) publisher: Option<PublisherId>,
    /// The presented secret: seals stored answers, is never written.
    pub(crate) secret: String,
}

impl Caller {
    /// Whose rows it sees.
    pub(crate) fn reach(&self) -> Reach {
        match (self.role, self.advertiser, self.publisher) {
            (Role::Admin | Role::Finance | Role::Support, _, _) => Reach::Tenant,
            (Role::Advertiser, Some(advertiser), _) => Reach::Advertiser(advertiser),
            (Role::Publisher, _, Some(publisher)) => Reach::Publisher(publisher),
            _ => Reach::Nothing,
        }
    }
}

/// The text of the credential that a request brings.
pub(crate) fn presented(headers: &HeaderMap) -> Option<&str> {
    let bearer = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let bearer = bearer.and_then(|value| {
        let (scheme, credential) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| credential.trim())
    });
    bearer.or_else(|| headers.get("x-api-key").and_then(|value| value.to_str().ok()))
}

/// Finds the caller. Every reason not to is the same [`Problem::Unauthorized`].
pub(crate) async fn authenticate(
    store: &Store,
    pepper: &[u8; 32],
    text: &str,
    now: Timestamp,
) -> Result<Caller, Problem> {
    let (id, secret) = credential::parse(text).ok_or(Problem::Unauthorized)?;
    let mut sys = store.read_sys().await?;
    let found = sys.keys().find(id).await?;
    sys.cancel().await?;
    let found = found.ok_or(Problem::Unauthorized)?;
    let key = found.key;
    let is_good = credential::is_secret_of(&key.hash, pepper, secret)
        && found.owner_is_active
        && key.ends_at().is_none_or(|end| now < end)
        // Publishable keys stand in web pages: they open the daemon's doors, none here.
        && key.kind == KeyKind::Secret;
    if !is_good {
        return Err(Problem::Unauthorized);
    }
    Ok(Caller {
        tenant: key.tenant,
        key: key.id,
        role: key.role,
        advertiser: key.advertiser,
        publisher: key.publisher,
        secret: secret.to_owned(),
    })
}
