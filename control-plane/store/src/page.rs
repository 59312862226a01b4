//! Lists: filters put together from written pieces, and pages by the id of their last row.

use std::fmt::Write;

use crate::sql::Value;

/// Rows of one page at most.
pub const PAGE_ROWS_MAX: u32 = 500;

/// Which page of a list is asked for.
#[derive(Debug, Clone, Default)]
pub struct PageAsk {
    /// Rows at most; 0 means [`PAGE_ROWS_MAX`], and one more than that is the most: a look at
    /// whether more follow.
    pub limit: u32,
    /// The id of the last row of the page before; absent: the first page.
    pub after: Option<String>,
    /// What was taken out of use, instead of what is in use; no meaning where nothing is archived.
    pub archived: bool,
}

impl PageAsk {
    /// The first `limit` rows.
    #[must_use]
    pub const fn first(limit: u32) -> Self {
        Self { limit, after: None, archived: false }
    }

    pub(crate) fn rows(&self) -> i64 {
        let limit = if self.limit == 0 { PAGE_ROWS_MAX } else { self.limit.min(PAGE_ROWS_MAX + 1) };
        i64::from(limit)
    }
}

/// A statement that grows: pieces of text written in the code, values as placeholders.
#[derive(Debug)]
pub(crate) struct Statement {
    pub(crate) sql: String,
    pub(crate) params: Vec<Value>,
}

impl Statement {
    /// Begins with a text whose placeholders are `params`.
    pub(crate) fn new(sql: &str, params: Vec<Value>) -> Self {
        Self { sql: sql.to_owned(), params }
    }

    /// Adds text without values.
    pub(crate) fn text(&mut self, piece: &'static str) {
        self.sql.push(' ');
        self.sql.push_str(piece);
    }

    /// Adds `piece` and a placeholder for `value` behind it.
    pub(crate) fn value(&mut self, piece: &'static str, value: impl Into<Value>) {
        self.params.push(value.into());
        // Writing into a String cannot fail.
        let _ = write!(self.sql, " {piece} ${}", self.params.len());
    }

    /// As [`Self::value`], where there is one.
    pub(crate) fn when(&mut self, piece: &'static str, value: Option<impl Into<Value>>) {
        if let Some(value) = value {
            self.value(piece, value);
        }
    }

    /// Adds `piece IN (…)`. The list is padded to a few lengths, so that few texts are prepared;
    /// repeating a value in a list changes nothing. An empty list matches nothing.
    pub(crate) fn among(&mut self, piece: &'static str, values: impl IntoIterator<Item = Value>) {
        let mut values: Vec<Value> = values.into_iter().collect();
        let Some(last) = values.last().cloned() else {
            self.sql.push_str(" AND 1 = 0");
            return;
        };
        let padded = values.len().next_power_of_two();
        values.resize(padded, last);
        let _ = write!(self.sql, " {piece} IN (");
        for (position, value) in values.into_iter().enumerate() {
            self.params.push(value);
            let comma = if position == 0 { "" } else { "," };
            let _ = write!(self.sql, "{comma}${}", self.params.len());
        }
        self.sql.push(')');
    }
}

/// Looked-up keys of one statement at most.
pub(crate) const KEYS_PER_STATEMENT: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_padded_to_few_lengths() {
        let mut statement = Statement::new("SELECT a FROM t WHERE b = $1", vec![Value::Int(7)]);
        statement.among("AND c", [1, 2, 3].map(Value::Int));
        statement.when("AND d >", Some(9_i64));
        statement.when("AND e =", None::<i64>);
        assert_eq!(statement.sql, "SELECT a FROM t WHERE b = $1 AND c IN ($2,$3,$4,$5) AND d > $6");
        assert_eq!(statement.params.last(), Some(&Value::Int(9)));
        assert_eq!(statement.params[4], Value::Int(3));
    }

    #[test]
    fn an_empty_list_matches_nothing() {
        let mut statement = Statement::new("SELECT a FROM t WHERE b = $1", vec![Value::Int(7)]);
        statement.among("AND c", []);
        assert_eq!(statement.sql, "SELECT a FROM t WHERE b = $1 AND 1 = 0");
    }
}
