//! Requests that no client library would send: bytes in, bytes out.

use std::io;
use std::io::Read;
use std::io::Write;
use std::net::SocketAddr;

use crate::http::connect;

/// Writes `bytes`, then reads until the program closes or `bytes_max` have come.
///
/// # Errors
///
/// What connecting says. A reset while reading is an end like any other.
pub fn exchange(address: SocketAddr, bytes: &[u8], bytes_max: usize) -> io::Result<Vec<u8>> {
    let mut stream = connect(address)?;
    // The program may answer and close before it has read everything.
    let _ = stream.write_all(bytes);
    let mut answer = Vec::new();
    let mut block = [0_u8; 4096];
    while answer.len() < bytes_max {
        match stream.read(&mut block) {
            Ok(0) | Err(_) => break,
            Ok(count) => answer.extend_from_slice(&block[..count]),
        }
    }
    Ok(answer)
}

/// The status codes of all answers in `bytes`, in order.
#[must_use]
pub fn statuses(bytes: &[u8]) -> Vec<u16> {
    let text = String::from_utf8_lossy(bytes);
    text.match_indices("HTTP/1.1 ")
        .filter_map(|(at, mark)| text.get(at + mark.len()..at + mark.len() + 3)?.parse().ok())
        .collect()
}
