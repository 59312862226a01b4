//! How rows are found: who asks, which filters hold, which page is wanted.
//!
//! Every read of an object's repository goes through one [`Listing`], so that the rows a credential
//! may not see are left out by the statement itself and in one place.

use model::id::AdvertiserId;
use model::id::PublisherId;
use model::id::TenantId;

use crate::conn::Scope;
use crate::error::StoreResult;
use crate::page::PageAsk;
use crate::sql::Row;
use crate::sql::Value;

/// Whose rows a caller may see inside its tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Every row of the tenant.
    Tenant,
    /// What belongs to this advertiser.
    Advertiser(AdvertiserId),
    /// What belongs to this publisher.
    Publisher(PublisherId),
    /// No row at all.
    Nothing,
}

/// The rows of a page and where the next one begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paged<T> {
    /// Newest first; may be empty.
    pub rows: Vec<T>,
    /// Absent on the last page.
    pub next: Option<String>,
}

impl<T> Paged<T> {
    /// The same page with every row made into something else.
    pub fn map<U>(self, make: impl FnMut(T) -> U) -> Paged<U> {
        Paged { rows: self.rows.into_iter().map(make).collect(), next: self.next }
    }
}

/// What one kind of caller sees of a table.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Sight {
    /// All rows of the tenant.
    All,
    /// Rows for which the condition holds; `?` stands for the caller's id.
    Where(&'static str),
    /// No row.
    None,
}

/// What advertisers and publishers see of a table.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sights {
    pub(crate) advertiser: Sight,
    pub(crate) publisher: Sight,
}

/// A SELECT that is put together from written conditions; values are placeholders only.
#[derive(Debug)]
pub(crate) struct Listing {
    sql: String,
    params: Vec<Value>,
}

impl Listing {
    /// Rows of one tenant. `select` ends with the table's name.
    pub(crate) fn of(select: &str, tenant: TenantId) -> Self {
        Self { sql: format!("{select} WHERE tenant_id = $1"), params: vec![Value::from(tenant)] }
    }

    /// Leaves out what `reach` does not cover.
    pub(crate) fn within(self, reach: Reach, sights: Sights) -> Self {
        let (sight, value) = match reach {
            Reach::Tenant => return self,
            Reach::Nothing => return self.and("1 = 0"),
            Reach::Advertiser(id) => (sights.advertiser, Value::from(id)),
            Reach::Publisher(id) => (sights.publisher, Value::from(id)),
        };
        match sight {
            Sight::All => self,
            Sight::Where(condition) => self.only(condition, value),
            Sight::None => self.and("1 = 0"),
        }
    }

    /// A condition without a value.
    pub(crate) fn and(mut self, condition: &str) -> Self {
        self.sql.push_str(" AND ");
        self.sql.push_str(condition);
        self
    }

    /// A condition with one value, whose place is marked by `?`.
    pub(crate) fn only(mut self, condition: &str, value: impl Into<Value>) -> Self {
        self.params.push(value.into());
        let placeholder = format!("${}", self.params.len());
        self.and(&condition.replace('?', &placeholder))
    }

    /// A condition that stands only when there is a value.
    pub(crate) fn matching(self, condition: &str, value: Option<impl Into<Value>>) -> Self {
        match value {
            Some(value) => self.only(condition, value),
            None => self,
        }
    }

    /// Leaves out what was taken out of use, or shows nothing else if the page is asked for it.
    /// `column` says when that was.
    pub(crate) fn in_use(self, column: &str, page: &PageAsk) -> Self {
        let is = if page.archived { "IS NOT NULL" } else { "IS NULL" };
        self.and(&format!("{column} {is}"))
    }

    /// The one row, if any.
    pub(crate) async fn first(self, scope: &mut Scope<'_>) -> StoreResult<Option<Row>> {
        let rows = scope.fetch_built(self.sql + " LIMIT 1", self.params).await?;
        Ok(rows.into_iter().next())
    }

    /// All rows in the order given.
    pub(crate) async fn all(self, order: &str, scope: &mut Scope<'_>) -> StoreResult<Vec<Row>> {
        scope.fetch_built(format!("{} ORDER BY {order}", self.sql), self.params).await
    }

    /// One page by falling id. Ids carry their time, so newer rows never move older pages.
    pub(crate) async fn page<T>(
        self,
        page: &PageAsk,
        scope: &mut Scope<'_>,
        read: impl Fn(&Row) -> StoreResult<T>,
    ) -> StoreResult<Paged<T>> {
        let limit = page.rows();
        let mut listing = self.matching("id < ?", page.after.clone());
        listing.params.push(Value::from(limit + 1));
        let sql = format!("{} ORDER BY id DESC LIMIT ${}", listing.sql, listing.params.len());
        let mut rows = scope.fetch_built(sql, listing.params).await?;
        let limit = usize::try_from(limit).unwrap_or_default();
        let has_more = rows.len() > limit;
        rows.truncate(limit);
        let next = match rows.last() {
            Some(last) if has_more => Some(last.string("id")?),
            _ => None,
        };
        let rows = rows.iter().map(read).collect::<StoreResult<Vec<T>>>()?;
        Ok(Paged { rows, next })
    }
}

/// JSON text for a column.
pub(crate) fn json(value: &impl serde::Serialize) -> Value {
    Value::from(serde_json::to_string(value).expect("rows hold only what JSON can say"))
}

/// Declares a repository over one tenant's [`Scope`] with its accessors on the units of work.
macro_rules! repository {
    ($(#[$meta:meta])* $name:ident = $accessor:ident) => {
        $(#[$meta])*
        #[derive(Debug)]
        pub struct $name<'t>(crate::conn::Scope<'t>);

        impl crate::unit::TenantTx {
            $(#[$meta])*
            pub const fn $accessor(&mut self) -> $name<'_> {
                $name(self.scope())
            }
        }

        impl crate::unit::BatchTx {
            $(#[$meta])*
            pub const fn $accessor(&mut self, tenant: model::id::TenantId) -> $name<'_> {
                $name(self.scope(tenant))
            }
        }
    };
}
pub(crate) use repository;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_number_their_placeholders() {
        let reach = Reach::Publisher(PublisherId(2));
        let sights =
            Sights { advertiser: Sight::None, publisher: Sight::Where("publisher_id = ?") };
        let listing = Listing::of("SELECT id FROM links", TenantId(1))
            .within(reach, sights)
            .matching("campaign_id = ?", None::<&str>)
            .matching("slug = ?", Some("spring"));
        assert_eq!(
            listing.sql,
            "SELECT id FROM links WHERE tenant_id = $1 AND publisher_id = $2 AND slug = $3"
        );
        assert_eq!(listing.params.len(), 3);
    }

    #[test]
    fn a_caller_without_sight_gets_nothing() {
        let sights = Sights { advertiser: Sight::None, publisher: Sight::All };
        for reach in [Reach::Nothing, Reach::Advertiser(AdvertiserId(1))] {
            let listing = Listing::of("SELECT id FROM t", TenantId(1)).within(reach, sights);
            assert!(listing.sql.ends_with("AND 1 = 0"));
        }
    }
}
