//! Where a test speaks to Gamma: the addresses of one daemon and one control plane, and a key. The
//! sentences are said to it, whatever stands behind.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;
use std::process::Stdio;

use serde::Deserialize;

use crate::http;
use crate::http::Request;
use crate::http::Response;
use crate::program;

/// Where the four listeners ended up.
#[derive(Debug, Clone, Copy, Deserialize)]
pub struct Addresses {
    /// Redirects and ingestion.
    pub daemon: SocketAddr,
    /// Health and metrics of the daemon.
    pub daemon_admin: SocketAddr,
    /// API and console.
    pub control: SocketAddr,
    /// Health and metrics of the control plane.
    pub control_admin: SocketAddr,
}

impl Addresses {
    /// Before anything listens.
    #[must_use]
    pub fn nowhere() -> Self {
        let nowhere = SocketAddr::from(([127, 0, 0, 1], 0));
        Self { daemon: nowhere, daemon_admin: nowhere, control: nowhere, control_admin: nowhere }
    }
}

/// One daemon and one control plane that belong together.
#[derive(Debug, Clone)]
pub struct Site {
    /// Where they listen.
    pub addresses: Addresses,
    /// A key with role admin.
    pub admin_key: String,
    /// The directory that other commands run in.
    pub directory: PathBuf,
    /// What other commands need behind their own arguments to find the same installation.
    pub place: Vec<OsString>,
}

impl Site {
    /// The key in `admin.key`.
    #[must_use]
    pub fn admin_key(&self) -> &str {
        &self.admin_key
    }

    /// Where the listeners are.
    #[must_use]
    pub fn addresses(&self) -> Addresses {
        self.addresses
    }

    /// Runs another sub-command on this installation to its end: exit code and output.
    #[must_use]
    pub fn run(&self, arguments: &[&str]) -> (Option<i32>, String) {
        let output = Command::new(program::gamma())
            .args(arguments)
            .args(&self.place)
            .current_dir(&self.directory)
            .stdin(Stdio::null())
            .output()
            .expect("gamma can be started");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        (output.status.code(), text)
    }

    /// Sends `request` to the daemon's public listener.
    #[track_caller]
    pub fn daemon(&self, request: &Request<'_>) -> Response {
        http::send(self.addresses.daemon, request).expect("the daemon answers")
    }

    /// Sends `request` to the control plane as it is.
    #[track_caller]
    pub fn control(&self, request: &Request<'_>) -> Response {
        http::send(self.addresses.control, request).expect("the control plane answers")
    }

    /// The metrics of both programs, as text.
    #[must_use]
    pub fn metrics(&self) -> String {
        [self.addresses.daemon_admin, self.addresses.control_admin]
            .map(|admin| {
                let request =
                    Request { method: "GET", target: "/metrics", headers: &[], body: &[] };
                http::send(admin, &request).expect("metrics answer").text()
            })
            .concat()
    }
}
