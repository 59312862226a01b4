//! Logs to standard error, metrics to the admin listeners.

use std::sync::OnceLock;

use anyhow::Context;
use metrics_exporter_prometheus::Matcher;
use metrics_exporter_prometheus::PrometheusBuilder;
use metrics_exporter_prometheus::PrometheusHandle;
use tracing_subscriber::EnvFilter;

use crate::config::Log;

/// Bounds of every histogram of seconds: 10 µs to 10 s.
const SECONDS: &[f64] = &[
    0.000_01, 0.000_025, 0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025,
    0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];

/// Starts writing logs. A second call changes nothing.
pub fn start_logs(log: &Log) {
    let filter = EnvFilter::try_new(&log.level).unwrap_or_else(|_| EnvFilter::new("warn"));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let started = if log.format == "json" { builder.json().try_init() } else { builder.try_init() };
    // Already started by whoever embeds us: their logs are as good.
    drop(started);
}

/// The process's one metrics recorder, installed on first use.
///
/// # Errors
/// When another recorder was installed by somebody else.
pub fn metrics() -> anyhow::Result<PrometheusHandle> {
    static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();
    if let Some(handle) = HANDLE.get() {
        return Ok(handle.clone());
    }
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), SECONDS)
        .context("histogram bounds are refused")?
        .install_recorder()
        .context("a metrics recorder is installed already")?;
    crate::metrics::describe();
    Ok(HANDLE.get_or_init(|| handle).clone())
}

/// The lines of one program: both share a process in `gamma up`, but each listener shows its own
/// prefix.
#[must_use]
pub fn only(text: &str, prefix: &str) -> String {
    let ours = |line: &&str| {
        let name = line.trim_start_matches("# HELP ").trim_start_matches("# TYPE ");
        name.starts_with(prefix)
    };
    text.lines().filter(ours).fold(String::with_capacity(text.len()), |mut text, line| {
        text.push_str(line);
        text.push('\n');
        text
    })
}

#[cfg(test)]
mod tests {
    use super::only;

    #[test]
    fn a_listener_shows_the_lines_of_its_own_program() {
        let text = "# TYPE gamma_x counter\ngamma_x 1\n\n# TYPE gammad_y counter\ngammad_y 2\n";
        assert_eq!(only(text, "gamma_"), "# TYPE gamma_x counter\ngamma_x 1\n");
        assert_eq!(only(text, "gammad_"), "# TYPE gammad_y counter\ngammad_y 2\n");
    }
}
