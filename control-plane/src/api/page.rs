//! Pages of rows that come without a cursor of their own.

use store::page::PageAsk;

/// Where the next page begins: behind the last row of a full one.
pub(crate) fn next_of<T>(
    rows: &[T],
    page: &PageAsk,
    id: impl Fn(&T) -> String,
) -> Option<String> {
    let is_full = rows.len() >= page.limit as usize;
    rows.last().filter(|_| is_full).map(id)
}
