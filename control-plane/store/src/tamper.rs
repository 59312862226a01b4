//! A back door for tests: statements behind the back of the code, to seed rows and to show that the
//! checks notice what nobody should have done. It does not exist in a release build.

use crate::error::StoreResult;
use crate::sql::Row;
use crate::unit::Store;

impl Store {
    /// Runs statements as they stand, in one unit of work.
    ///
    /// # Errors
    /// [`crate::error::StoreError`]: whatever the schema refuses; then nothing has changed.
    pub async fn tamper(&self, statements: &[&str]) -> StoreResult<u64> {
        let mut tx = self.begin_sys().await?;
        let mut changed = 0;
        for statement in statements {
            changed += tx.sys().execute_built((*statement).to_owned(), Vec::new()).await?;
        }
        tx.save().await?;
        Ok(changed)
    }

    /// Looks at rows as they stand.
    ///
    /// # Errors
    /// [`crate::error::StoreError::Database`].
    pub async fn peek(&self, statement: &str) -> StoreResult<Vec<Row>> {
        let mut tx = self.read_sys().await?;
        let rows = tx.sys().fetch_built(statement.to_owned(), Vec::new()).await?;
        tx.cancel().await?;
        Ok(rows)
    }
}
