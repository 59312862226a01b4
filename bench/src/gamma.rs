//! The shipped program as a process, with one shop in it.

use std::fs;
use std::io::Read;
use std::io::Write;
use std::net::SocketAddr;
use std::net::TcpStream;
use std::path::Path;
use std::path::PathBuf;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use anyhow::Context;
use serde_json::Value;
use serde_json::json;

use crate::clock;

/// Starting includes making the database.
const START_WITHIN: Duration = Duration::from_mins(1);
const POLL: Duration = Duration::from_millis(20);
const VARIABLES: [&str; 4] = [
    "GAMMA__DAEMON__LISTEN",
    "GAMMA__DAEMON__ADMIN_LISTEN",
    "GAMMA__CONTROL__LISTEN",
    "GAMMA__CONTROL__ADMIN_LISTEN",
];

/// A running `gamma up`; dropping it ends it at once.
#[derive(Debug)]
pub struct Gamma {
    process: Child,
    directory: PathBuf,
    /// Redirects and ingestion.
    pub daemon: SocketAddr,
    control: SocketAddr,
    key: String,
}

/// What one sale needs.
#[derive(Debug, Clone)]
pub struct Shop {
    /// The integration.
    pub integration: String,
    /// Path and query of its postback, with the token.
    pub postback: String,
    /// A click id of its link.
    pub click_id: String,
}

impl Gamma {
    /// Starts the program that was built beside this one.
    ///
    /// # Errors
    ///
    /// It is not there, or does not answer in time.
    pub fn start(directory: &Path) -> anyhow::Result<Self> {
        let program = std::env::current_exe()?.with_file_name("gamma");
        anyhow::ensure!(
            program.exists(),
            "{} is missing: build it with the same profile first",
            program.display()
        );
        fs::create_dir_all(directory)?;
        let log = fs::File::create(directory.join("gamma.log"))?;
        let published = directory.join("addresses.json");
        let process = Command::new(program)
            .arg("up")
            .arg("--data-dir")
            .arg(directory)
            .envs(VARIABLES.map(|name| (name, "127.0.0.1:0")))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()?;
        let begin = clock::now();
        let addresses: Value = loop {
            let read = fs::read(&published).ok();
            if let Some(addresses) = read.and_then(|text| serde_json::from_slice(&text).ok()) {
                break addresses;
            }
            anyhow::ensure!(begin.elapsed() < START_WITHIN, "gamma does not start");
            thread::sleep(POLL);
        };
        let address = |name: &str| -> anyhow::Result<SocketAddr> {
            Ok(addresses[name].as_str().context("an address")?.parse()?)
        };
        let key = fs::read_to_string(directory.join("admin.key"))?.trim().to_owned();
        let (daemon, control) = (address("daemon")?, address("control")?);
        Ok(Self { process, directory: directory.to_path_buf(), daemon, control, key })
    }

    /// Where its database is.
    #[must_use]
    pub fn database(&self) -> PathBuf {
        self.directory.join("gamma.db")
    }

    /// Makes a shop whose purchases earn 10 %, and takes one click.
    ///
    /// # Errors
    ///
    /// Something is refused.
    pub fn open_shop(&self) -> anyhow::Result<Shop> {
        let advertiser = self.make(
            "/v1/advertisers",
            &json!({"name": "Bench", "currency": "KZT", "allowed_hosts": ["shop.example"]}),
        )?;
        let integration = self.make(
            "/v1/integrations",
            &json!({"advertiser_id": advertiser["id"], "name": "postback", "adapter": "generic",
                    "auth": {"token": true}}),
        )?;
        let offer = self.make(
            "/v1/offers",
            &json!({"advertiser_id": advertiser["id"], "name": "Phones", "hold_days": 14,
                    "destination": "https://shop.example/p/1",
                    "terms": [{"action": "purchase", "type": "percent", "bp": 1000}]}),
        )?;
        let campaign = self.make(
            "/v1/campaigns",
            &json!({"advertiser_id": advertiser["id"], "name": "Spring", "fee_bp": 2000,
                    "offer_ids": [offer["id"]], "attribution": "last_touch"}),
        )?;
        let publisher = self.make(
            "/v1/publishers",
            &json!({"name": "Bench", "code": "bench", "tax_regime": "illustrative_10"}),
        )?;
        let campaign_id = campaign["id"].as_str().unwrap_or_default();
        self.make(
            &format!("/v1/campaigns/{campaign_id}/enrolments"),
            &json!({"publisher_id": publisher["id"]}),
        )?;
        self.make(
            "/v1/links",
            &json!({"campaign_id": campaign["id"], "offer_id": offer["id"],
                    "publisher_id": publisher["id"], "slug": "bench"}),
        )?;
        let text = |value: &Value| value.as_str().map(str::to_owned).context("a text");
        let integration_id = text(&integration["id"])?;
        let token = text(&integration["token"])?;
        Ok(Shop {
            postback: format!("/postback/{integration_id}?token={token}"),
            integration: integration_id,
            click_id: self.click()?,
        })
    }

    /// A click id, once the link is known.
    fn click(&self) -> anyhow::Result<String> {
        let begin = clock::now();
        let request = "GET /bench HTTP/1.1\r\nhost: go.example\r\nconnection: close\r\n\
                       user-agent: Mozilla/5.0 (X11; Linux x86_64) Chrome/141.0\r\n\
                       accept: text/html\r\n\r\n";
        loop {
            let answer = exchange(self.daemon, request)?;
            if let Some((_, rest)) = answer.split_once("sub1=") {
                return Ok(rest.chars().take_while(char::is_ascii_alphanumeric).collect());
            }
            anyhow::ensure!(begin.elapsed() < START_WITHIN, "the link is not served: {answer}");
            thread::sleep(POLL);
        }
    }

    fn make(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        let body = body.to_string();
        let request = format!(
            "POST {path} HTTP/1.1\r\nhost: api.example\r\nconnection: close\r\n\
             authorization: Bearer {}\r\ncontent-type: application/json\r\n\
             content-length: {}\r\n\r\n{body}",
            self.key,
            body.len()
        );
        let answer = exchange(self.control, &request)?;
        anyhow::ensure!(answer.starts_with("HTTP/1.1 201"), "{path}: {answer}");
        let (_, json) = answer.split_once("\r\n\r\n").context("a body")?;
        serde_json::from_str(json).with_context(|| format!("{path}: {json}"))
    }

    /// SIGTERM and a drain: the database file is whole afterwards.
    ///
    /// # Errors
    ///
    /// It does not end well.
    pub fn stop(mut self) -> anyhow::Result<()> {
        let pid = i32::try_from(self.process.id())?;
        let pid = rustix::process::Pid::from_raw(pid).context("a process id")?;
        rustix::process::kill_process(pid, rustix::process::Signal::TERM)?;
        let status = self.process.wait()?;
        anyhow::ensure!(status.success(), "gamma ended with {status}");
        Ok(())
    }
}

impl Drop for Gamma {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// One request on a connection of its own; everything that comes back.
fn exchange(address: SocketAddr, request: &str) -> anyhow::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(START_WITHIN))?;
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}
