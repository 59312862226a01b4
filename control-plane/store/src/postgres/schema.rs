//! Version, role and migrations: what is done as the login of the address, before anything else.

use sqlx::Executor;
use sqlx::PgConnection;
use sqlx::migrate::Migrator;

use super::APP_ROLE;
use crate::error::StoreError;
use crate::error::StoreResult;

/// Earlier ones show rows behind a policy through planner statistics (CVE-2025-8713).
const SOUND: &str = "15.14, 16.10, 17.6 or later of these, or a later major version, is needed";

/// Where applied migrations are written down.
const MIGRATIONS_TABLE: &str = "sys._sqlx_migrations";

fn migrator() -> Migrator {
    let mut migrator = sqlx::migrate!("migrations/postgres");
    migrator.dangerous_set_table_name(MIGRATIONS_TABLE);
    migrator.create_schema("sys");
    migrator
}

/// The highest migration this program brings.
pub(super) fn needed() -> i64 {
    migrator().iter().map(|step| step.version).max().unwrap_or(0)
}

/// The highest migration that was applied; 0 for an empty database.
pub(super) async fn version(connection: &mut PgConnection) -> StoreResult<i64> {
    let table = "SELECT to_regclass($1) IS NOT NULL";
    let is_there: bool =
        sqlx::query_scalar(table).bind(MIGRATIONS_TABLE).fetch_one(&mut *connection).await?;
    if !is_there {
        return Ok(0);
    }
    let highest = "SELECT COALESCE(MAX(version), 0) FROM sys._sqlx_migrations WHERE success";
    Ok(sqlx::query_scalar(highest).fetch_one(connection).await?)
}

/// Applies what is missing. A login that cannot change the schema passes where nothing is.
pub(super) async fn migrate(connection: &mut PgConnection) -> StoreResult<()> {
    prepare_role(connection).await?;
    if version(connection).await? < needed() {
        migrator().run(&mut *connection).await.map_err(StoreError::Migration)?;
    }
    check_role(connection).await
}

/// Whether the login may become the program. From version 16 on a member may not always. The
/// parentheses keep its THEN from an IF around it.
const MAY_BECOME: &str = "(CASE WHEN current_setting('server_version_num')::BIGINT >= 160000 \
                          THEN pg_has_role('gamma_app', 'SET') \
                          ELSE pg_has_role('gamma_app', 'MEMBER') END)";

/// Makes the program's role and lets the login become it, where that was not done. Several programs
/// may start at once, on several databases of one server.
async fn prepare_role(connection: &mut PgConnection) -> StoreResult<()> {
    let sql = format!(
        "DO $$ BEGIN \
         IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'gamma_app') THEN BEGIN \
         CREATE ROLE gamma_app NOLOGIN; \
         EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END; END IF; \
         IF NOT {MAY_BECOME} THEN \
         EXECUTE format('GRANT gamma_app TO %I', session_user); END IF; END $$"
    );
    let made = connection.execute(sqlx::AssertSqlSafe(sql));
    match made.await {
        Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some("42501") => {
            Err(StoreError::Role(format!(
                "the login of this database can neither make role {APP_ROLE} nor become it; as a \
                 superuser run: CREATE ROLE {APP_ROLE} NOLOGIN; GRANT {APP_ROLE} TO <login>;"
            )))
        }
        made => Ok(made.map(drop)?),
    }
}

/// Refuses a program that could pass the policies.
async fn check_role(connection: &mut PgConnection) -> StoreResult<()> {
    let sql = format!(
        "SELECT {MAY_BECOME} AS may_become, \
         rolsuper OR rolbypassrls OR rolcreaterole OR EXISTS ( \
         SELECT 1 FROM pg_class WHERE relowner = pg_roles.oid) AS passes \
         FROM pg_roles WHERE rolname = 'gamma_app'"
    );
    let found: Option<(bool, bool)> =
        sqlx::query_as(sqlx::AssertSqlSafe(sql)).fetch_optional(connection).await?;
    match found {
        Some((true, false)) => Ok(()),
        Some((true, true)) => Err(StoreError::Role(format!(
            "role {APP_ROLE} could pass the policies: it must own nothing and be neither \
             SUPERUSER, BYPASSRLS nor CREATEROLE"
        ))),
        Some((false, _)) | None => Err(StoreError::Role(format!(
            "the login of this database is no member of role {APP_ROLE}: \
             GRANT {APP_ROLE} TO <login>;"
        ))),
    }
}

/// Refuses a server with known faults.
pub(super) async fn refuse_unsound(connection: &mut PgConnection) -> StoreResult<()> {
    let sql = "SELECT current_setting('server_version_num')::BIGINT, \
               current_setting('server_version')";
    let (number, text): (i64, String) = sqlx::query_as(sql).fetch_one(connection).await?;
    if is_sound(number) {
        return Ok(());
    }
    Err(StoreError::Version { found: format!("PostgreSQL {text}"), needed: SOUND })
}

const fn is_sound(number: i64) -> bool {
    match number / 10_000 {
        15 => number >= 150_014,
        16 => number >= 160_010,
        17 => number >= 170_006,
        major => major >= 18,
    }
}

#[cfg(test)]
mod tests {
    use super::is_sound;

    #[test]
    fn servers_that_show_rows_behind_a_policy_are_refused() {
        for (number, sound) in [
            (140_019, false),
            (150_013, false),
            (150_014, true),
            (160_009, false),
            (160_010, true),
            (170_005, false),
            (170_006, true),
            (180_000, true),
        ] {
            assert_eq!(is_sound(number), sound, "{number}");
        }
    }
}
