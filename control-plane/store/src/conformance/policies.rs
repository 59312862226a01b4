//! The second wall, which only PostgreSQL has: policies, grants, locks, roles, months.

use model::id::ConversionId;
use model::id::EventId;
use model::id::TenantId;
use rand::SeedableRng;
use rand::rngs::StdRng;

use super::NOW;
use super::OTHER;
use super::OWN;
use super::Place;
use super::books::accrual;
use super::books::post;
use super::isolation::fill;
use super::shop;
use super::sums::conversion;
use crate::error::StoreError;
use crate::page::PageAsk;
use crate::params;
use crate::throwaway::Throwaway;
use crate::unit::Store;

/// Tables outside row-level security, and why each is: read before a tenant is known, or of none.
const OUTSIDE: &[(&str, &str)] = &[
    ("_sqlx_migrations", "versions of the schema"),
    ("api_keys", "the look-up that tells the tenant"),
    ("catalog_outbox", "ids of changed objects, published in the order of their changes"),
    ("click_keys", "of no tenant"),
    ("consumer_offsets", "of no tenant"),
    ("counters", "of no tenant"),
    ("domains", "which host is whose; a host is one for all tenants"),
    ("object_versions", "counters, raised by triggers; one row is of no tenant"),
    ("secrets", "of no tenant"),
    ("tenants", "who there is"),
];

async fn texts(store: &Store, sql: &str) -> Vec<String> {
    let rows = store.peek(sql).await.expect(sql);
    rows.iter().map(|row| row.string("name").expect("a name")).collect()
}

#[tokio::test]
async fn every_table_is_behind_its_policy_or_on_the_list() {
    let Some(place) = Place::postgres().await else { return };
    place.store.tend(NOW).await.expect("months");
    let outside = "SELECT c.relname::TEXT AS name FROM pg_class c \
                   JOIN pg_namespace n ON n.oid = c.relnamespace \
                   WHERE n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast') \
                   AND c.relkind IN ('r', 'p', 'v', 'm', 'f') \
                   AND NOT (c.relrowsecurity AND c.relforcerowsecurity) ORDER BY 1";
    let listed: Vec<&str> = OUTSIDE.iter().map(|(name, _)| *name).collect();
    assert_eq!(texts(&place.store, outside).await, listed);
    let elsewhere = "SELECT c.relname::TEXT AS name FROM pg_class c \
                     JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'sys' \
                     AND c.relkind IN ('r', 'p') ORDER BY 1";
    assert_eq!(texts(&place.store, elsewhere).await, listed, "schema sys is that list");
    let half = "SELECT c.relname::TEXT AS name FROM pg_class c \
                JOIN pg_namespace n ON n.oid = c.relnamespace \
                LEFT JOIN pg_policy p ON p.polrelid = c.oid \
                WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p') AND NOT c.relispartition \
                AND (p.oid IS NULL OR p.polqual IS NULL OR p.polwithcheck IS NULL \
                OR p.polcmd <> '*' OR pg_get_expr(p.polqual, c.oid) <> \
                '(tenant_id = NULLIF(current_setting(''app.tenant''::text, true), ''''::text))' \
                OR pg_get_expr(p.polqual, c.oid) <> pg_get_expr(p.polwithcheck, c.oid))";
    assert_eq!(texts(&place.store, half).await, Vec::<String>::new());
    // Rows are reached through the whole table only.
    let parts = "SELECT c.relname::TEXT AS name FROM pg_class c WHERE c.relispartition \
                 AND c.relkind = 'r' AND has_table_privilege('gamma_app', c.oid, \
                 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE')";
    assert_eq!(texts(&place.store, parts).await, Vec::<String>::new());
}

#[tokio::test]
async fn the_program_is_a_role_that_owns_nothing() {
    let Some(place) = Place::postgres().await else { return };
    let mut tx = place.store.begin(OWN).await.expect("begins");
    let sql = "SELECT current_user::TEXT AS name, \
               CASE WHEN rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb \
               THEN 1 ELSE 0 END AS may_more, \
               (SELECT COUNT(*) FROM pg_class WHERE relowner = r.oid) AS owned \
               FROM pg_roles r WHERE rolname = current_user";
    let row = tx.scope().fetch_one(sql, Vec::new()).await.expect("reads");
    assert_eq!(row.text("name").expect("a name"), "gamma_app");
    assert_eq!((row.int("may_more").expect("a flag"), row.int("owned").expect("a count")), (0, 0));
    // Not by RESET ROLE either.
    tx.scope().execute("RESET ROLE", Vec::new()).await.expect("resets");
    let row = tx.scope().fetch_one(sql, Vec::new()).await.expect("reads");
    assert_eq!(row.text("name").expect("a name"), "gamma_app");
}

#[tokio::test]
async fn a_statement_that_names_no_tenant_still_sees_one() {
    let Some(place) = Place::postgres().await else { return };
    for tenant in [OWN, OTHER] {
        fill(&place.store, tenant).await;
    }
    let tables = "SELECT relname::TEXT AS name FROM pg_class c \
                  JOIN pg_namespace n ON n.oid = c.relnamespace \
                  WHERE n.nspname = 'public' AND relkind IN ('r', 'p') AND NOT relispartition";
    let mut seen = 0;
    for table in texts(&place.store, tables).await {
        let sql = format!("SELECT tenant_id FROM {table}");
        let mut tx = place.store.read(OWN).await.expect("reads");
        for row in tx.scope().fetch_built(sql.clone(), Vec::new()).await.expect("reads") {
            seen += 1;
            assert_eq!(row.id::<TenantId>("tenant_id").expect("an id"), OWN, "{table}");
        }
        drop(tx);
        // Without a tenant there is nothing.
        let mut tx = place.store.read_sys().await.expect("reads");
        let rows = tx.sys().fetch_built(sql, Vec::new()).await.expect("reads");
        assert!(rows.is_empty(), "{table}");
    }
    assert!(seen > 15, "{seen}");
}

#[tokio::test]
async fn a_row_of_another_tenant_cannot_be_written() {
    let Some(place) = Place::postgres().await else { return };
    let sql = "INSERT INTO inbox (tenant_id, event_id, at) VALUES ($1, 'evt_x', 1)";
    for (is_sys, tenant) in [(false, OTHER), (true, OWN)] {
        let mut tx = place.store.begin_batch().await.expect("begins");
        let done = if is_sys {
            tx.sys().execute(sql, params![tenant]).await
        } else {
            tx.scope(OWN).execute(sql, params![tenant]).await
        };
        let why = "row-level security";
        assert!(matches!(&done, Err(StoreError::Refused(text)) if text.contains(why)), "{done:?}");
    }
    let mut tx = place.store.begin_batch().await.expect("begins");
    tx.scope(OWN).execute(sql, params![OWN]).await.expect("its own row");
    let moved = "UPDATE inbound SET tenant_id = $1";
    assert_eq!(tx.scope(OWN).execute(moved, params![OTHER]).await.expect("nothing is there"), 0);
}

#[tokio::test]
async fn what_only_grows_cannot_be_changed_by_the_program() {
    let Some(place) = Place::postgres().await else { return };
    post(&place.store, OWN, &[accrual(OWN, 1, 1_000)]).await;
    for table in [
        "postings",
        "transactions",
        "ledger_commands",
        "reversals",
        "business_keys",
        "inbox",
        "audit_log",
    ] {
        for verb in ["DELETE FROM", "TRUNCATE"] {
            let mut tx = place.store.begin(OWN).await.expect("begins");
            let done = tx.scope().execute_built(format!("{verb} {table}"), Vec::new()).await;
            let why = "permission denied";
            assert!(
                matches!(&done, Err(StoreError::Refused(text)) if text.contains(why)),
                "{done:?}"
            );
        }
    }
    // Nor can it make or change a table.
    for sql in [
        "DROP TABLE postings",
        "ALTER TABLE postings DISABLE ROW LEVEL SECURITY",
        "CREATE TABLE public.mine (a BIGINT)",
        "SET session_replication_role = replica",
    ] {
        let mut tx = place.store.begin(OWN).await.expect("begins");
        let done = tx.scope().execute_built(sql.to_owned(), Vec::new()).await;
        assert!(matches!(done, Err(StoreError::Refused(_))), "{sql}: {done:?}");
    }
}

#[tokio::test]
async fn balance_is_looked_at_in_its_own_tenant_at_the_end() {
    let Some(place) = Place::postgres().await else { return };
    for tenant in [OWN, OTHER] {
        post(&place.store, tenant, &[accrual(tenant, 1, 1_000)]).await;
    }
    let postings = "INSERT INTO postings SELECT tenant_id, 'txn_new', position, account, side, \
                    amount_minor, currency FROM postings WHERE side = 'debit'";
    let seal = "INSERT INTO transactions SELECT tenant_id, 'txn_new', seq + 1, NULL, NULL, NULL, \
                '', at, hash, hash FROM transactions";
    let mut tx = place.store.begin_batch().await.expect("begins");
    tx.scope(OWN).execute(postings, Vec::new()).await.expect("inserts");
    tx.scope(OWN).execute(seal, Vec::new()).await.expect("nothing is looked at yet");
    tx.scope(OTHER).execute("SELECT 1", Vec::new()).await.expect("stands elsewhere");
    let saved = tx.save().await;
    let why = "debits and credits differ";
    assert!(matches!(&saved, Err(StoreError::Refused(text)) if text == why), "{saved:?}");
}

/// Whether an advisory lock is free, asked from another connection.
async fn is_free(store: &Store, class: i64, key: i64) -> bool {
    let sql = format!(
        "SELECT CASE WHEN pg_try_advisory_xact_lock({class}, {key}) THEN 1 ELSE 0 END AS free"
    );
    store.peek(&sql).await.expect("asks")[0].flag("free").expect("a flag")
}

#[tokio::test]
async fn locks_are_held_to_the_end_of_the_database_transaction() {
    let Some(place) = Place::postgres().await else { return };
    let ledger = (1_735_224_577, 1);
    let mut tx = place.store.begin_batch().await.expect("begins");
    tx.ledger(OWN).post(&[accrual(OWN, 1, 1_000)], NOW).await.expect("posts");
    assert!(!is_free(&place.store, ledger.0, ledger.1).await);
    tx.save().await.expect("saves");
    assert!(is_free(&place.store, ledger.0, ledger.1).await);
    // A unit of one tenant holds that tenant, and the ledger once it writes there.
    let mut tx = place.store.begin(OWN).await.expect("begins");
    assert!(!is_free(&place.store, 1_735_224_578, 1).await);
    assert!(is_free(&place.store, 1_735_224_578, 2).await);
    assert!(is_free(&place.store, ledger.0, ledger.1).await);
    tx.ledger().post(&[accrual(OWN, 2, 1_000)], NOW).await.expect("posts");
    assert!(!is_free(&place.store, ledger.0, ledger.1).await);
    tx.cancel().await.expect("ends");
    assert!(is_free(&place.store, ledger.0, ledger.1).await);
}

#[tokio::test]
async fn a_named_tenant_does_not_outlive_its_unit() {
    let Some(place) = Place::postgres().await else { return };
    for _ in 0..20 {
        let mut tx = place.store.read(OWN).await.expect("reads");
        tx.links().by_slug("slug7").await.expect("reads");
        tx.cancel().await.expect("ends");
        let mut tx = place.store.read_sys().await.expect("reads");
        let sql = "SELECT COALESCE(current_setting('app.tenant', true), '') AS name";
        let row = tx.sys().fetch_one(sql, Vec::new()).await.expect("reads");
        assert_eq!(row.text("name").expect("a name"), "");
    }
}

#[tokio::test]
async fn one_address_is_enough_for_an_owner_without_rights_above() {
    let Some(database) = Throwaway::empty().await else { return };
    let (login, url) = database.login("CREATEROLE").await;
    database.as_admin(&format!("ALTER DATABASE {} OWNER TO {login}", database.name())).await;
    let store = Store::open(&url).await.expect("opens");
    let behind = store.check_schema().await;
    assert!(matches!(behind, Err(StoreError::Schema { found: 0, .. })), "{behind:?}");
    store.migrate().await.expect("migrates");
    store.migrate().await.expect("again is nothing");
    store.tend(NOW).await.expect("months");
    let tenant = store.bootstrap(NOW, &mut StdRng::seed_from_u64(7)).await.expect("prepares");
    post(&store, tenant.id, &[accrual(tenant.id, 1, 1_000)]).await;
    store.close().await;
}

#[tokio::test]
async fn a_login_that_cannot_become_the_program_is_told_what_to_run() {
    let Some(database) = Throwaway::database().await else { return };
    let (login, url) = database.login("").await;
    let store = Store::open(&url).await.expect("opens");
    let refused = store.migrate().await;
    let why = "GRANT gamma_app TO";
    assert!(matches!(&refused, Err(StoreError::Role(text)) if text.contains(why)), "{refused:?}");
    // A member runs, and cannot change the schema.
    database.as_admin(&format!("GRANT gamma_app TO {login}")).await;
    store.migrate().await.expect("there is nothing to migrate");
    store.bootstrap(NOW, &mut StdRng::seed_from_u64(7)).await.expect("prepares");
    store.close().await;
}

#[tokio::test]
async fn rows_stand_in_their_month_and_are_found_by_id() {
    let Some(place) = Place::postgres().await else { return };
    assert_eq!(place.store.tend(NOW).await.expect("makes months"), 12);
    assert_eq!(place.store.tend(NOW).await.expect("they are there"), 0);
    let mut rng = StdRng::seed_from_u64(7);
    let mut row = conversion(OWN, 1);
    row.id = ConversionId::new(NOW, &mut rng);
    let old = conversion(OWN, 2);
    let mut tx = place.store.begin_batch().await.expect("begins");
    tx.conversions(OWN).save(&[&row, &old]).await.expect("saves");
    // A known one is found wherever it stands.
    tx.conversions(OWN).save(&[&row, &old]).await.expect("saves");
    let mut inbound = super::flow::inbound(1, model::outcome::Outcome::Event);
    inbound.event = EventId::new(NOW, &mut rng);
    tx.inbound(OWN).insert(vec![inbound.clone(), inbound.clone()]).await.expect("inserts");
    let mut command = accrual(OWN, 1, 1_000);
    command.transaction = model::id::TransactionId::new(NOW, &mut rng);
    tx.ledger(OWN).post(&[command, accrual(OWN, 2, 500)], NOW).await.expect("posts");
    tx.save().await.expect("saves");
    for (table, count) in [
        ("conversions_2026_03", 1),
        ("conversions_rest", 1),
        ("inbound_2026_03", 1),
        ("postings_2026_03", 4),
        ("postings_rest", 4),
    ] {
        let rows = place.store.peek(&format!("SELECT COUNT(*) AS n FROM {table}")).await;
        assert_eq!(rows.expect("reads")[0].int("n").expect("a count"), count, "{table}");
    }
    let mut tx = place.store.read(OWN).await.expect("reads");
    assert_eq!(tx.conversions().get(row.id).await.expect("reads"), Some(row));
    assert_eq!(tx.inbound().get(inbound.event).await.expect("reads"), Some(inbound));
    assert_eq!(tx.ledger().transactions(None, &PageAsk::first(9)).await.expect("reads").len(), 2);
    // Whoever reads is not waited for.
    let late = model::clock::Timestamp(NOW.0 + 400 * 86_400_000_000);
    let waited = place.store.tend(late).await;
    assert!(matches!(waited, Err(StoreError::Busy)), "{waited:?}");
    tx.cancel().await.expect("ends");
    // Rows of a month that came before its partition stay findable where they are.
    let mut row = conversion(OWN, 3);
    row.id = ConversionId::new(late, &mut rng);
    let mut tx = place.store.begin_batch().await.expect("begins");
    tx.conversions(OWN).save(&[&row]).await.expect("saves");
    tx.save().await.expect("saves");
    place.store.tend(late).await.expect("makes what can be made");
    let mut tx = place.store.read(OWN).await.expect("reads");
    assert_eq!(tx.conversions().get(row.id).await.expect("reads"), Some(row));
}

#[tokio::test]
async fn months_begin_where_ids_of_their_first_instant_do() {
    let Some(place) = Place::postgres().await else { return };
    for (day, at) in [("1970-01-01", 0), ("2026-03-01", 1_772_323_200_000_000_i64)] {
        let sql = format!("SELECT sys.id_from('{day}') AS name");
        let begin = texts(&place.store, &sql).await.remove(0);
        let first = ConversionId((u128::try_from(at / 1000).expect("after 1970")) << 80);
        assert!(first.body().starts_with(&begin), "{first} {begin}");
        assert_eq!(first.body()[10..], "0".repeat(16));
    }
    assert_eq!(shop::bits(OWN, 1), 1001);
}
