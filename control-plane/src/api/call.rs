//! One call of the API, as its handler sees it.

use std::str::FromStr;
use std::sync::Arc;

use model::clock::Timestamp;
use rand::rngs::StdRng;
use serde_json::Map;
use serde_json::Value;
use store::listing::Reach;
use store::page::PageAsk;
use store::tenants::TenantRow;
use store::unit::TenantTx;

use crate::api::Api;
use crate::api::auth::Caller;
use crate::api::error::Problem;
use crate::api::input::Field;
use crate::api::input::Input;

/// A call: who calls, what was sent, and the unit of work it runs in. The driver saves it after a
/// good answer.
pub(crate) struct Call {
    pub(crate) api: Arc<Api>,
    pub(crate) caller: Caller,
    pub(crate) tx: TenantTx,
    pub(crate) now: Timestamp,
    pub(crate) rng: StdRng,
    /// The page that a list is asked for.
    pub(crate) page: PageAsk,
    pub(crate) path: Vec<(String, String)>,
    pub(crate) query: Input,
    pub(crate) body: Map<String, Value>,
    pub(crate) fields: &'static [Field],
}

impl Call {
    /// Whose rows the caller sees.
    pub(crate) fn reach(&self) -> Reach {
        self.api.reach_of(&self.caller)
    }

    /// An id in the path. One that is not of its kind leads nowhere.
    pub(crate) fn path_id<T: FromStr>(&self, name: &str) -> Result<T, Problem> {
        let value = self.path.iter().find(|(found, _)| found == name);
        value.and_then(|(_, text)| text.parse().ok()).ok_or(Problem::NotFound)
    }

    /// The body's fields, once.
    pub(crate) fn input(&mut self) -> Input {
        Input::new(self.fields, std::mem::take(&mut self.body))
    }

    /// The fields of an object as its `view` shows them, with the body laid over them.
    pub(crate) fn patched(&mut self, all: &'static [Field], view: Value) -> Input {
        let current = match view {
            Value::Object(current) => current,
            _ => Map::new(),
        };
        Input::merged(all, current, std::mem::take(&mut self.body), self.fields)
    }

    /// The parameters of the query, once.
    pub(crate) fn query(&mut self) -> Input {
        std::mem::take(&mut self.query)
    }

    /// The caller's tenant.
    pub(crate) async fn tenant(&mut self) -> Result<TenantRow, Problem> {
        Ok(self.tx.own_tenant().get().await?)
    }
}
