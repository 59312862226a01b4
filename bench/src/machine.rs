//! What a result must say about where it was made.

use std::fs;
use std::process::Command;

use serde::Serialize;

/// The machine and the build.
#[derive(Debug, Clone, Serialize)]
pub struct Machine {
    /// Model name of the processor.
    pub processor: String,
    /// How many there are.
    pub cores: usize,
    /// Kernel release.
    pub kernel: String,
    /// Whether a hypervisor shows.
    pub is_virtualised: bool,
    /// Commit of the sources, with `+` when there were changes.
    pub commit: String,
    /// Profile of this build.
    pub profile: &'static str,
}

impl Machine {
    /// Looks around.
    #[must_use]
    pub fn here() -> Self {
        let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let field = |name: &str| {
            let line = cpuinfo.lines().find(|line| line.starts_with(name))?;
            line.split_once(':').map(|(_, value)| value.trim().to_owned())
        };
        let flags = field("flags").unwrap_or_default();
        Self {
            processor: field("model name").unwrap_or_else(|| "unknown".to_owned()),
            cores: cpuinfo.lines().filter(|line| line.starts_with("processor")).count(),
            kernel: fs::read_to_string("/proc/sys/kernel/osrelease")
                .map_or_else(|_| "unknown".to_owned(), |text| text.trim().to_owned()),
            is_virtualised: flags.split(' ').any(|flag| flag == "hypervisor"),
            commit: commit(),
            profile: if cfg!(debug_assertions) { "dev" } else { profile() },
        }
    }
}

/// The profile shows in the folder the program runs from.
fn profile() -> &'static str {
    let path = std::env::current_exe().unwrap_or_default();
    let is_dist = path.components().any(|part| part.as_os_str() == "dist");
    if is_dist { "dist" } else { "release" }
}

fn commit() -> String {
    let git = |arguments: &[&str]| {
        let output = Command::new("git").args(arguments).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let head = git(&["rev-parse", "--short", "HEAD"]).unwrap_or_else(|| "unknown".to_owned());
    let is_clean =
        git(&["status", "--porcelain", "--untracked-files=no"]).is_some_and(|text| text.is_empty());
    if is_clean { head } else { format!("{head}+") }
}
