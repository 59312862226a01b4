//! Which rule components judge a tenant's conversions, and how they are set.

use model::clock::Timestamp;
use model::id::TenantId;
use serde_json::Value as Json;

use crate::conn::Scope;
use crate::error::StoreResult;
use crate::params;
use crate::unit::BatchTx;
use crate::unit::TenantTx;

/// Rules that judge where a tenant has said nothing.
pub const DEFAULT_RULES: [&str; 2] = ["duplicate-order", "velocity"];

model::words! {
    /// What a rule may do.
    pub enum RuleState {
        /// Its verdict counts.
        Active = "active",
        /// Its verdict is recorded only.
        Shadow = "shadow",
        /// It is not asked.
        Off = "off",
    }
}

/// One rule as it is set.
#[derive(Debug, Clone, PartialEq)]
pub struct RuleRow {
    /// The plugin's name.
    pub name: String,
    /// Whether it counts.
    pub state: RuleState,
    /// JSON object, given to the component.
    pub config: Json,
}

/// Repository of `rules`.
#[derive(Debug)]
pub struct Rules<'t>(Scope<'t>);

impl TenantTx {
    /// The rules of its tenant.
    pub const fn rules(&mut self) -> Rules<'_> {
        Rules(self.scope())
    }
}

impl BatchTx {
    /// The rules of one tenant.
    pub const fn rules(&mut self, tenant: TenantId) -> Rules<'_> {
        Rules(self.scope(tenant))
    }
}

impl Rules<'_> {
    /// Every rule by name, the defaults filled in.
    ///
    /// # Errors
    /// [`crate::error::StoreError::Database`].
    pub async fn list(&mut self) -> StoreResult<Vec<RuleRow>> {
        let sql = "SELECT name, state, config FROM rules WHERE tenant_id = $1";
        let mut rules = Vec::new();
        for row in self.0.fetch_all(sql, params![self.0.tenant()]).await? {
            rules.push(RuleRow {
                name: row.string("name")?,
                state: row.word("state", RuleState::parse)?,
                config: row.json("config")?,
            });
        }
        for name in DEFAULT_RULES {
            if !rules.iter().any(|rule| rule.name == name) {
                let config = Json::Object(serde_json::Map::new());
                rules.push(RuleRow { name: name.to_owned(), state: RuleState::Active, config });
            }
        }
        rules.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(rules)
    }

    /// Sets one rule.
    ///
    /// # Errors
    /// [`crate::error::StoreError::Database`].
    pub async fn put(&mut self, rule: &RuleRow, now: Timestamp) -> StoreResult<()> {
        let sql = "INSERT INTO rules (tenant_id, name, state, config, updated_at) \
                   VALUES ($1, $2, $3, $4, $5) ON CONFLICT (tenant_id, name) DO UPDATE SET \
                   state = excluded.state, config = excluded.config, \
                   updated_at = excluded.updated_at";
        let config = rule.config.to_string();
        let params = params![self.0.tenant(), &rule.name, rule.state.as_str(), config, now];
        self.0.execute(sql, params).await.map(drop)
    }
}
