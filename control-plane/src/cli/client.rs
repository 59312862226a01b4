//! Talking to a running instance: commands on its data directory go through its API.

use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use serde::Deserialize;
use serde_json::Value;

use crate::cli::CliError;

/// How long one call may take.
const CALL_TIMEOUT: Duration = Duration::from_secs(30);

/// A running instance and a key for it.
#[derive(Debug)]
pub struct Instance {
    url: String,
    key: String,
    http: reqwest::Client,
}

/// What `addresses.json` holds.
#[derive(Debug, Deserialize)]
struct Addresses {
    control: String,
}

impl Instance {
    /// The instance at `url`.
    ///
    /// # Errors
    /// [`CliError::Usage`] for what is no address, [`CliError::Internal`] when no client can be
    /// made.
    pub fn at(url: &str, key: &str) -> Result<Self, CliError> {
        let is_web = url::Url::parse(url).is_ok_and(|url| matches!(url.scheme(), "http" | "https"));
        if !is_web {
            return Err(CliError::Usage(format!(
                "{url} is not an address such as http://host:port"
            )));
        }
        let http = reqwest::Client::builder()
            .timeout(CALL_TIMEOUT)
            .no_proxy()
            .build()
            .context("cannot make an HTTP client")?;
        Ok(Self { url: url.trim_end_matches('/').to_owned(), key: key.to_owned(), http })
    }

    /// The instance that runs on `data_dir`; `None` when nobody answers there.
    ///
    /// # Errors
    /// [`CliError::Internal`] when its key cannot be read.
    pub async fn on(data_dir: &Path) -> Result<Option<Self>, CliError> {
        let Ok(text) = std::fs::read_to_string(data_dir.join("addresses.json")) else {
            return Ok(None);
        };
        let Ok(addresses) = serde_json::from_str::<Addresses>(&text) else { return Ok(None) };
        if tokio::net::TcpStream::connect(&addresses.control).await.is_err() {
            return Ok(None);
        }
        let path = data_dir.join("admin.key");
        let key = std::fs::read_to_string(&path).with_context(|| {
            format!("an instance runs here, but {} cannot be read", path.display())
        })?;
        Self::at(&format!("http://{}", addresses.control), key.trim()).map(Some)
    }

    /// GET, and the JSON of the answer.
    ///
    /// # Errors
    /// [`CliError::Usage`] with the problem's title and detail when what was asked for is not
    /// possible so, [`CliError::Internal`] when the instance fails.
    pub async fn get(&self, path: &str) -> Result<Value, CliError> {
        self.call(self.http.get(format!("{}{path}", self.url))).await
    }

    /// POST of JSON, and the JSON of the answer.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub async fn post(&self, path: &str, body: &Value) -> Result<Value, CliError> {
        self.call(self.http.post(format!("{}{path}", self.url)).json(body)).await
    }

    /// DELETE.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub async fn delete(&self, path: &str) -> Result<Value, CliError> {
        self.call(self.http.delete(format!("{}{path}", self.url))).await
    }

    async fn call(&self, request: reqwest::RequestBuilder) -> Result<Value, CliError> {
        let answer =
            request.bearer_auth(&self.key).send().await.context("the instance is unreachable")?;
        let status = answer.status();
        let text = answer.text().await.context("the answer was cut")?;
        let body: Value = if text.is_empty() {
            Value::Null
        } else {
            serde_json::from_str(&text).context("the answer is not JSON")?
        };
        if status.is_success() {
            return Ok(body);
        }
        let part = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
        let said = format!("{status}: {} {}", part("title"), part("detail"));
        let is_temporary = status == reqwest::StatusCode::TOO_MANY_REQUESTS;
        if status.is_client_error() && !is_temporary {
            return Err(CliError::Usage(said));
        }
        Err(CliError::Internal(anyhow::anyhow!(said)))
    }
}
