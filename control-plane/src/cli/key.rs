//! `gamma key create|list|revoke`.

use clap::Args;
use clap::Subcommand;
use clap::builder::NonEmptyStringValueParser;
use model::catalog::Role;
use model::clock::Clock;
use model::clock::SystemClock;
use model::id::KeyId;
use model::id::TenantId;
use serde_json::Value;
use serde_json::json;
use store::listing::Reach;
use store::page::PageAsk;
use store::tenants::DEFAULT_TENANT;
use store::unit::Store;

use crate::api::credential;
use crate::api::credential::NewKey;
use crate::app;
use crate::cli::CliError;
use crate::cli::Place;
use crate::cli::client::Instance;
use crate::cli::out;
use crate::config::Config;

/// Keys shown by one `list`.
const LISTED_MAX: u32 = 500;

/// Flags of `gamma key`.
#[derive(Debug, Args)]
pub struct KeyArgs {
    #[command(flatten)]
    place: Place,
    /// Address of a running instance, instead of a data directory.
    #[arg(long, requires = "key", global = true)]
    url: Option<String>,
    /// API key for that instance.
    #[arg(long, requires = "url", global = true)]
    key: Option<String>,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Make a key; its secret is printed once.
    #[command(after_help = "Example:\n  gamma key create --role finance --name payroll")]
    Create {
        /// admin, finance, support or cron.
        #[arg(long, value_parser = parse_role)]
        role: Role,
        /// What it is for.
        #[arg(long, value_parser = NonEmptyStringValueParser::new())]
        name: String,
        /// Name or id of the tenant [default: default].
        #[arg(long)]
        tenant: Option<String>,
    },
    /// List keys.
    #[command(after_help = "Example:\n  gamma key list")]
    List {
        /// Name or id of the tenant [default: default].
        #[arg(long)]
        tenant: Option<String>,
    },
    /// Revoke a key.
    #[command(after_help = "Example:\n  gamma key revoke key_01m7y88xfpemwbvsphb6vsevbp")]
    Revoke {
        /// Its id.
        #[arg(value_name = "ID")]
        id: KeyId,
        /// Name or id of the tenant [default: default].
        #[arg(long)]
        tenant: Option<String>,
    },
}

fn parse_role(word: &str) -> Result<Role, String> {
    match Role::parse(word) {
        Some(Role::Advertiser | Role::Publisher | Role::Shopper) => {
            Err("keys of advertisers and publishers are made through the API, for one of them"
                .to_owned())
        }
        Some(role) => Ok(role),
        None => Err("not a role: admin, finance, support, cron".to_owned()),
    }
}

/// Runs the command.
///
/// # Errors
/// [`CliError::Usage`] for a tenant or key that is not there, [`CliError::Internal`] when the
/// instance or the database fails.
pub fn run(args: &KeyArgs) -> Result<(), CliError> {
    app::block_on(async {
        match instance(args).await? {
            Some(instance) => through_api(&instance, &args.verb).await,
            None => through_store(args).await,
        }
    })
}

/// The instance to talk to. Another tenant's keys are made in the database: an admin key opens its
/// own tenant only.
async fn instance(args: &KeyArgs) -> Result<Option<Instance>, CliError> {
    if let (Some(url), Some(key)) = (&args.url, &args.key) {
        return Instance::at(url, key).map(Some);
    }
    let (Verb::Create { tenant, .. } | Verb::List { tenant } | Verb::Revoke { tenant, .. }) =
        &args.verb;
    match tenant {
        Some(tenant) if tenant != DEFAULT_TENANT => Ok(None),
        _ => Instance::on(&args.place.data_dir()).await,
    }
}

async fn through_api(instance: &Instance, verb: &Verb) -> Result<(), CliError> {
    match verb {
        Verb::Create { role, name, .. } => {
            let body = json!({"role": role.as_str(), "name": name});
            let made = instance.post("/v1/keys", &body).await?;
            print_made(&text(&made, "id"), &text(&made, "key"));
        }
        Verb::List { .. } => {
            let page = instance.get(&format!("/v1/keys?limit={LISTED_MAX}")).await?;
            let rows = page["data"].as_array().map_or(&[][..], Vec::as_slice);
            print_list(rows.iter().map(|row| {
                let state = if row["revoked_at"].is_null() { "live" } else { "revoked" };
                [text(row, "id"), text(row, "role"), text(row, "name"), state.to_owned()]
            }));
        }
        Verb::Revoke { id, .. } => {
            instance.delete(&format!("/v1/keys/{id}")).await?;
            out::line(&format!("{id} is revoked"));
        }
    }
    Ok(())
}

async fn through_store(args: &KeyArgs) -> Result<(), CliError> {
    let mut layers = crate::config::layers(args.place.config.as_deref())?;
    let config = Config::take(&mut layers)?;
    let data_dir = args.place.existing_data_dir()?;
    let store = app::open_store(&config.db_url(&data_dir), &SystemClock).await?;
    let done = change(&store, &args.verb).await;
    store.close().await;
    done
}

async fn change(store: &Store, verb: &Verb) -> Result<(), CliError> {
    let now = SystemClock.now();
    match verb {
        Verb::Create { role, name, tenant } => {
            let tenant = find_tenant(store, tenant.as_deref()).await?;
            let new_key = NewKey::of_tenant(tenant, *role, name);
            let pepper = app::secrets(store).await?.pepper;
            let minted = credential::mint(new_key, &pepper, now, &mut app::entropy());
            let mut tx = store.begin(tenant).await?;
            tx.keys().insert(&minted.row).await?;
            tx.save().await?;
            print_made(&minted.row.id.to_string(), &minted.text);
        }
        Verb::List { tenant } => {
            let tenant = find_tenant(store, tenant.as_deref()).await?;
            let mut tx = store.read(tenant).await?;
            let page = tx.keys().list(None, Reach::Tenant, &PageAsk::first(LISTED_MAX)).await?;
            print_list(page.rows.iter().map(|row| {
                let state = if row.revoked_at.is_none() { "live" } else { "revoked" };
                [row.id.to_string(), row.role.to_string(), row.name.clone(), state.to_owned()]
            }));
        }
        Verb::Revoke { id, tenant } => {
            let tenant = find_tenant(store, tenant.as_deref()).await?;
            let mut tx = store.begin(tenant).await?;
            let Some(row) = tx.keys().get(*id, Reach::Tenant).await? else {
                return Err(CliError::Usage(format!("there is no key {id}")));
            };
            tx.keys().update(&store::keys::KeyRow { revoked_at: Some(now), ..row }, now).await?;
            tx.save().await?;
            out::line(&format!("{id} is revoked"));
        }
    }
    Ok(())
}

async fn find_tenant(store: &Store, named: Option<&str>) -> Result<TenantId, CliError> {
    let named = named.unwrap_or(DEFAULT_TENANT);
    let mut tx = store.read_sys().await?;
    let rows = tx.tenants().all().await?;
    let found = rows.iter().find(|row| row.name == named || row.id.to_string() == named);
    let found = found.map(|row| row.id);
    found.ok_or_else(|| CliError::Usage(format!("there is no tenant {named}")))
}

fn print_made(id: &str, key: &str) {
    out::note(&format!("{id}: the secret is shown this once"));
    out::line(key);
}

fn print_list(rows: impl Iterator<Item = [String; 4]>) {
    let head = ["id", "role", "name", "state"].map(str::to_owned);
    let rows: Vec<Vec<String>> =
        std::iter::once(head).chain(rows).map(|row| row.to_vec()).collect();
    out::table(&rows);
}

fn text(object: &Value, name: &str) -> String {
    object[name].as_str().unwrap_or_default().to_owned()
}
