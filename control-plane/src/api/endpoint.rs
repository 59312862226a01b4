//! One endpoint: its door, who may use it, what it takes, and what runs. Router and OpenAPI
//! document are both made from these, so an endpoint without a description cannot exist.

use std::pin::Pin;

use model::catalog::Role;

use crate::api::answer::Answer;
use crate::api::call::Call;
use crate::api::error::Problem;
use crate::api::input::Field;

/// What a handler returns.
pub(crate) type Outcome = Result<Answer, Problem>;

/// A handler: an async function of the call, boxed by [`run`].
pub(crate) type Handler =
    for<'c> fn(&'c mut Call) -> Pin<Box<dyn Future<Output = Outcome> + Send + 'c>>;

/// Boxes an async function into a [`Handler`].
macro_rules! run {
    ($function:path) => {
        |call| Box::pin($function(call))
    };
}
pub(crate) use run;

/// The media type of almost every answer.
pub(crate) const JSON: &str = "application/json";

/// The parameter of a list that asks for what was archived.
pub(crate) const ARCHIVED: &str = "archived";

/// Methods of the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Method {
    Get,
    Post,
    Put,
    Patch,
    Delete,
}

/// Everybody who looks at a whole tenant.
pub(crate) const OPERATORS: &[Role] = &[Role::Admin, Role::Finance, Role::Support];
/// Who makes and changes objects.
pub(crate) const ADMINS: &[Role] = &[Role::Admin];
/// Who decides about money.
pub(crate) const FINANCE: &[Role] = &[Role::Admin, Role::Finance];
/// Operators, and advertisers for what is theirs.
pub(crate) const OPERATORS_ADVERTISERS: &[Role] =
    &[Role::Admin, Role::Finance, Role::Support, Role::Advertiser];
/// Operators, and publishers for what is theirs.
pub(crate) const OPERATORS_PUBLISHERS: &[Role] =
    &[Role::Admin, Role::Finance, Role::Support, Role::Publisher];
/// Operators, and advertisers and publishers for what is theirs.
pub(crate) const EVERYBODY: &[Role] =
    &[Role::Admin, Role::Finance, Role::Support, Role::Advertiser, Role::Publisher];

/// What the unit of work of a call is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Work {
    /// Looks only.
    Read,
    /// Changes, together with the log and the kept answer.
    Write,
    /// Looks only, because the handler calls a room that opens units of work of its own.
    Own,
}

/// See the module.
#[derive(Clone, Copy)]
pub(crate) struct Endpoint {
    pub(crate) method: Method,
    pub(crate) path: &'static str,
    /// Further paths with the same meaning.
    pub(crate) aliases: &'static [&'static str],
    pub(crate) summary: &'static str,
    pub(crate) roles: &'static [Role],
    /// Fields of the body. Any other is refused.
    pub(crate) fields: &'static [Field],
    /// Parameters of the query. Any other is refused.
    pub(crate) query: &'static [Field],
    /// Status of a good answer.
    pub(crate) status: u16,
    /// Media type of a good answer; one that is not JSON is a text.
    pub(crate) media: &'static str,
    /// What the audit log calls it; absent for reads.
    pub(crate) verb: Option<&'static str>,
    pub(crate) work: Work,
    /// Whether it answers pages: takes `limit` and `cursor`.
    pub(crate) is_paged: bool,
    /// Whether its rows can be archived, and are only listed then when they are asked for.
    pub(crate) has_archive: bool,
    pub(crate) handler: Handler,
}

impl Endpoint {
    const fn new(method: Method, path: &'static str, handler: Handler) -> Self {
        Self {
            method,
            path,
            aliases: &[],
            summary: "",
            roles: ADMINS,
            fields: &[],
            query: &[],
            status: 200,
            media: JSON,
            verb: None,
            work: if matches!(method, Method::Get) { Work::Read } else { Work::Write },
            is_paged: false,
            has_archive: false,
            handler,
        }
    }

    /// Reads.
    pub(crate) const fn get(path: &'static str, handler: Handler) -> Self {
        Self::new(Method::Get, path, handler)
    }

    /// Reads pages.
    pub(crate) const fn list(path: &'static str, handler: Handler) -> Self {
        Self { is_paged: true, ..Self::new(Method::Get, path, handler) }
    }

    /// Makes an object: 201.
    pub(crate) const fn create(path: &'static str, handler: Handler) -> Self {
        let endpoint = Self::new(Method::Post, path, handler);
        Self { status: 201, verb: Some("create"), ..endpoint }
    }

    /// Does something to an object: 200. `verb` is its word in the audit log.
    pub(crate) const fn act(path: &'static str, verb: &'static str, handler: Handler) -> Self {
        let endpoint = Self::new(Method::Post, path, handler);
        Self { verb: Some(verb), ..endpoint }
    }

    /// Sets an object as a whole: 200.
    pub(crate) const fn put(path: &'static str, handler: Handler) -> Self {
        let endpoint = Self::new(Method::Put, path, handler);
        Self { verb: Some("set"), ..endpoint }
    }

    /// Merges fields into an object.
    pub(crate) const fn change(path: &'static str, handler: Handler) -> Self {
        let endpoint = Self::new(Method::Patch, path, handler);
        Self { verb: Some("change"), ..endpoint }
    }

    /// Takes an object out of use.
    pub(crate) const fn archive(path: &'static str, handler: Handler) -> Self {
        let endpoint = Self::new(Method::Delete, path, handler);
        Self { verb: Some("archive"), ..endpoint }
    }

    /// Its handler opens units of work of its own.
    pub(crate) const fn on_its_own(self) -> Self {
        Self { work: Work::Own, ..self }
    }

    /// Answers a text of another media type than JSON.
    pub(crate) const fn answers(self, media: &'static str) -> Self {
        Self { media, ..self }
    }

    /// Its rows can be archived.
    pub(crate) const fn with_archive(self) -> Self {
        Self { has_archive: true, ..self }
    }

    pub(crate) const fn says(self, summary: &'static str) -> Self {
        Self { summary, ..self }
    }

    pub(crate) const fn roles(self, roles: &'static [Role]) -> Self {
        Self { roles, ..self }
    }

    pub(crate) const fn fields(self, fields: &'static [Field]) -> Self {
        Self { fields, ..self }
    }

    pub(crate) const fn query(self, query: &'static [Field]) -> Self {
        Self { query, ..self }
    }

    pub(crate) const fn aliases(self, aliases: &'static [&'static str]) -> Self {
        Self { aliases, ..self }
    }

    /// The resource its path names: `links` in `/v1/links/{id}`.
    pub(crate) fn resource(&self) -> &'static str {
        self.path.trim_start_matches("/v1/").split('/').next().unwrap_or(self.path)
    }
}
