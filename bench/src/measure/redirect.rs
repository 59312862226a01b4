//! M2: processor time of one redirect, bare hyper ÷ ours. Keep-alive, closed loop, full journaling
//! of clicks.

use std::io::Read;
use std::io::Write;
use std::net::SocketAddr;
use std::net::TcpStream;
use std::time::Duration;

use anyhow::Context;
use rand::Rng;
use rand::SeedableRng;
use rand::rngs::StdRng;

use crate::child::Server;
use crate::measure::GENERATOR_CORE;
use crate::measure::SERVER_CORE;
use crate::measure::Setting;
use crate::measure::visit::closed;
use crate::measure::visit::visit;
use crate::pair;
use crate::pair::Reading;
use crate::report::Report;
use crate::serve::setting::slug;
use crate::usage;

/// Requests are prepared and repeated in this number; the popularity of links follows Zipf's law.
const PREPARED: usize = 1 << 16;
const HEADERS: &str = "host: go.example\r\n\
    user-agent: Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 Chrome/141.0 Mobile\r\n\
    accept: text/html\r\naccept-language: kk-KZ,ru;q=0.8\r\n\
    referer: https://social.example/post/1\r\n\r\n";

/// Measures the pair.
///
/// # Errors
///
/// A server does not start, or the two answer differently.
pub fn measure(setting: &Setting) -> anyhow::Result<Report> {
    usage::pin(GENERATOR_CORE);
    let ours = start_ours(setting)?;
    let headers = headers_of(ours.address)?;
    let bare = start_bare(&headers)?;
    let theirs = headers_of(bare.address)?;
    anyhow::ensure!(theirs == headers, "the arms differ: {headers:?} and {theirs:?}");
    let requests = prepare(setting);

    let second = start_ours(setting)?;
    let same = pair::compare(
        &setting.plan,
        &mut |span| cost(&ours, setting, &requests, span),
        &mut |span| cost(&second, setting, &requests, span),
    )?;
    drop(second);
    let pair = pair::compare(
        &setting.plan,
        &mut |span| cost(&bare, setting, &requests, span),
        &mut |span| cost(&ours, setting, &requests, span),
    )?;
    Ok(Report {
        measure: "M2",
        says: "CPU per redirect, bare hyper ÷ ours",
        lower_is_better: false,
        wanted: 0.85,
        settings: serde_json::json!({
            "links": setting.links, "connections": setting.connections, "keys": "Zipf, s = 1",
            "loop": "closed, keep-alive", "answer": headers,
            "server core": SERVER_CORE, "generator core": GENERATOR_CORE,
        }),
        plan: setting.plan,
        same: Some(same),
        pair,
        others: Vec::new(),
    })
}

fn start_ours(setting: &Setting) -> anyhow::Result<Server> {
    let arguments = [
        "serve-ours".to_owned(),
        format!("--links={}", setting.links),
        format!("--core={SERVER_CORE}"),
        format!("--scratch={}", setting.scratch.display()),
    ];
    Server::start(&arguments)
}

fn start_bare(headers: &[String]) -> anyhow::Result<Server> {
    let mut arguments = vec!["serve-bare".to_owned(), format!("--core={SERVER_CORE}")];
    arguments.extend(headers.iter().map(|header| format!("--header={header}")));
    Server::start(&arguments)
}

/// Nanoseconds of processor time per redirect.
fn cost(
    server: &Server,
    setting: &Setting,
    requests: &[Vec<u8>],
    span: Duration,
) -> anyhow::Result<Reading> {
    let mut next = 0;
    let mut request = |out: &mut Vec<u8>| {
        out.extend_from_slice(&requests[next % requests.len()]);
        next += 1;
    };
    let load = closed(server.address, setting.connections, span, 302);
    let (mut reading, _) = visit(server, load, &mut request)?;
    reading.value = reading.server.cpu_ns as f64 / reading.count.max(1) as f64;
    Ok(reading)
}

fn prepare(setting: &Setting) -> Vec<Vec<u8>> {
    let mut chance = StdRng::seed_from_u64(setting.plan.seed);
    let zipf = Zipf::new(setting.links);
    (0..PREPARED)
        .map(|_| {
            format!("GET /{} HTTP/1.1\r\n{HEADERS}", slug(zipf.draw(&mut chance))).into_bytes()
        })
        .collect()
}

/// Ranks 1 to n, each as likely as 1 ÷ rank: the inverse of the continuous sum of 1 ÷ x.
struct Zipf(f64);

impl Zipf {
    fn new(count: u64) -> Self {
        Self((count.max(1) as f64).ln())
    }

    #[expect(clippy::cast_possible_truncation, reason = "between 1 and the count")]
    #[expect(clippy::cast_sign_loss, reason = "between 1 and the count")]
    fn draw(&self, chance: &mut StdRng) -> u64 {
        (chance.random_range(0.0..1.0) * self.0).exp() as u64
    }
}

/// The answer's header lines without the ones every server makes itself; the click id, which
/// differs by request, is replaced by as many letters.
fn headers_of(address: SocketAddr) -> anyhow::Result<Vec<String>> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    stream.write_all(format!("GET /{} HTTP/1.1\r\n{HEADERS}", slug(1)).as_bytes())?;
    let mut answer = Vec::new();
    let mut block = [0_u8; 4096];
    while !answer.windows(4).any(|window| window == b"\r\n\r\n") {
        let count = stream.read(&mut block)?;
        anyhow::ensure!(count > 0, "no answer: {:?}", String::from_utf8_lossy(&answer));
        answer.extend_from_slice(&block[..count]);
    }
    let text = String::from_utf8(answer)?;
    let (status, rest) = text.split_once("\r\n").context("no status line")?;
    anyhow::ensure!(status == "HTTP/1.1 302 Found", "{status}");
    let made_by_hyper = ["date", "content-length", "connection"];
    Ok(rest
        .lines()
        .filter(|line| !line.is_empty())
        .filter(|line| {
            let name = line.split(':').next().unwrap_or_default();
            !made_by_hyper.contains(&name.to_ascii_lowercase().as_str())
        })
        .map(without_click_id)
        .collect())
}

fn without_click_id(line: &str) -> String {
    let Some(at) = line.find("sub1=") else { return line.to_owned() };
    let begin = at + "sub1=".len();
    let end = line[begin..].find('&').map_or(line.len(), |length| begin + length);
    format!("{}{}{}", &line[..begin], "x".repeat(end - begin), &line[end..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn popular_links_come_first_and_all_are_known() {
        let mut chance = StdRng::seed_from_u64(1);
        let zipf = Zipf::new(1000);
        let drawn: Vec<u64> = (0..10_000).map(|_| zipf.draw(&mut chance)).collect();
        assert!(drawn.iter().all(|rank| (1..=1000).contains(rank)));
        let first = drawn.iter().filter(|rank| **rank == 1).count();
        assert!((800..1300).contains(&first), "{first}");
    }

    #[test]
    fn the_click_id_is_left_out_of_the_comparison() {
        let line = "location: https://shop.example/p?a=1&sub1=00abc&ref_code=r";
        let expected = "location: https://shop.example/p?a=1&sub1=xxxxx&ref_code=r";
        assert_eq!(without_click_id(line), expected);
    }
}
