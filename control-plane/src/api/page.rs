//! Pages of rows that come without a cursor of their own.

use store::page::PageAsk;

/// Asks for one row more than the page has: whether it is there says whether another page follows.
pub(crate) fn peek(page: &PageAsk) -> PageAsk {
    PageAsk { limit: page.limit.saturating_add(1), ..page.clone() }
}

/// Cuts what [`peek`] brought to the page; where the next one begins.
pub(crate) fn cut<T>(
    rows: &mut Vec<T>,
    page: &PageAsk,
    id: impl Fn(&T) -> String,
) -> Option<String> {
    let limit = page.limit as usize;
    let has_more = rows.len() > limit;
    rows.truncate(limit);
    rows.last().filter(|_| has_more).map(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_that_is_just_full_is_the_last_one() {
        let page = PageAsk::first(2);
        assert_eq!(peek(&page).limit, 3);
        for (mut rows, shown, next) in
            [(vec![3, 2, 1], 2, Some("2")), (vec![2, 1], 2, None), (vec![], 0, None)]
        {
            assert_eq!(cut(&mut rows, &page, ToString::to_string).as_deref(), next);
            assert_eq!(rows.len(), shown);
        }
    }
}
