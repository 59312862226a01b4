//! M6: postbacks acknowledged per second after group commit, durable ÷ the same endpoint with
//! durability off; beside it the share of what plain writes with fdatasync reach.

use std::fs::File;
use std::io::Seek;
use std::io::SeekFrom;
use std::io::Write;
use std::time::Duration;

use crate::child::Server;
use crate::clock;
use crate::measure::GENERATOR_CORE;
use crate::measure::SERVER_CORE;
use crate::measure::Setting;
use crate::measure::visit::closed;
use crate::measure::visit::visit;
use crate::pair;
use crate::pair::Reading;
use crate::report::Report;
use crate::serve::setting::TOKEN;
use crate::serve::setting::postback_path;
use crate::usage;

/// Blocks of the plain writer.
const BLOCK_BYTES: usize = 256 * 1024;
/// The plain writer goes round in a file of this size, which was filled beforehand.
const FILE_BYTES: usize = 16 * 1024 * 1024;

/// Measures the pair.
///
/// # Errors
///
/// A server does not start.
pub fn measure(setting: &Setting) -> anyhow::Result<Report> {
    usage::pin(GENERATOR_CORE);
    let durable = start(setting, true)?;
    let second = start(setting, true)?;
    let same =
        pair::compare(&setting.plan, &mut |span| rate(&durable, setting, span), &mut |span| {
            rate(&second, setting, span)
        })?;
    drop(second);
    let off = start(setting, false)?;
    let pair =
        pair::compare(&setting.plan, &mut |span| rate(&durable, setting, span), &mut |span| {
            rate(&off, setting, span)
        })?;
    drop(off);
    let body = body(0).len() as f64;
    let plain = pair::compare(
        &setting.plan,
        &mut |span| {
            let mut reading = rate(&durable, setting, span)?;
            reading.value *= body;
            Ok(reading)
        },
        &mut |span| plain_bytes_per_second(setting, span),
    )?;
    Ok(Report {
        measure: "M6",
        says: "postbacks acknowledged per second, durable ÷ durability off",
        lower_is_better: false,
        wanted: 0.6,
        settings: serde_json::json!({
            "connections": setting.connections, "body bytes": body,
            "loop": "closed, keep-alive",
            "server core": SERVER_CORE, "generator core": GENERATOR_CORE,
        }),
        plan: setting.plan,
        same: Some(same),
        pair,
        others: vec![("bodies ÷ plain write + fdatasync, bytes per second".to_owned(), plain)],
    })
}

fn start(setting: &Setting, is_durable: bool) -> anyhow::Result<Server> {
    let mut arguments = vec![
        "serve-ours".to_owned(),
        "--links=1".to_owned(),
        format!("--core={SERVER_CORE}"),
        format!("--scratch={}", setting.scratch.display()),
    ];
    if !is_durable {
        arguments.push("--no-durability".to_owned());
    }
    Server::start(&arguments)
}

/// Acknowledged postbacks per second.
fn rate(server: &Server, setting: &Setting, span: Duration) -> anyhow::Result<Reading> {
    let path = format!("{}?token={TOKEN}", postback_path());
    let mut number = 0_u64;
    let mut request = |out: &mut Vec<u8>| {
        let body = body(number);
        number += 1;
        let length = body.len();
        // Writing into memory cannot fail.
        let _ = write!(
            out,
            "POST {path} HTTP/1.1\r\nhost: go.example\r\n\
             content-type: application/x-www-form-urlencoded\r\ncontent-length: {length}\r\n\r\n\
             {body}"
        );
    };
    let load = closed(server.address, setting.connections, span, 200);
    let (mut reading, outcome) = visit(server, load, &mut request)?;
    reading.value = outcome.answered as f64 / outcome.seconds;
    // The journal's writer and the listener take turns on the server's core: that is the
    // experiment.
    reading.shares_core = true;
    Ok(reading)
}

fn body(number: u64) -> String {
    format!(
        "click_id=0000000000000000000000000000000000000000&order_id=B-{number:012}&amount=10000.00\
         &currency=KZT&status=approved&customer_ref=c-{number:012}&note={}",
        "x".repeat(800)
    )
}

/// Bytes per second of one thread that writes blocks and syncs each.
fn plain_bytes_per_second(setting: &Setting, span: Duration) -> anyhow::Result<Reading> {
    let mut file = tempfile::tempfile_in(&setting.scratch)?;
    let block = vec![1_u8; BLOCK_BYTES];
    for _ in 0..FILE_BYTES / BLOCK_BYTES {
        file.write_all(&block)?;
    }
    file.sync_all()?;
    let begin = clock::now();
    let mut count = 0_usize;
    while begin.elapsed() < span {
        write_round(&mut file, &block, count)?;
        count += 1;
    }
    let bytes = (count * BLOCK_BYTES) as f64;
    Ok(Reading {
        value: bytes / begin.elapsed().as_secs_f64(),
        count: count as u64,
        shares_core: true,
        ..Reading::default()
    })
}

fn write_round(file: &mut File, block: &[u8], count: usize) -> std::io::Result<()> {
    if count.is_multiple_of(FILE_BYTES / BLOCK_BYTES) {
        file.seek(SeekFrom::Start(0))?;
    }
    file.write_all(block)?;
    file.sync_data()
}
