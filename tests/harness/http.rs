//! The smallest client that shows everything: one request per connection, nothing followed, nothing
//! hidden.

use std::fmt::Write as _;
use std::io;
use std::io::Read;
use std::io::Write;
use std::net::SocketAddr;
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;

/// No answer of the program may take longer.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);
/// No answer in a test is longer.
const ANSWER_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// One request. `target` is path and query as they go over the wire.
#[derive(Debug, Clone)]
pub struct Request<'a> {
    /// The method, in capitals.
    pub method: &'a str,
    /// Path and query.
    pub target: &'a str,
    /// Headers besides Host, Connection and Content-Length.
    pub headers: &'a [(&'a str, &'a str)],
    /// The body; Content-Length is sent when it is not empty or the method is POST.
    pub body: &'a [u8],
}

/// What came back.
#[derive(Debug, Clone)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body, unchunked.
    pub body: Vec<u8>,
}

impl Response {
    /// The first header of that name (lower case).
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(held, _)| held == name).map(|(_, value)| value.as_str())
    }

    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON; fails the test when it is not.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| {
            let text = self.text();
            unreadable(&format!("not JSON ({error}), status {}: {text}", self.status))
        })
    }

    /// Fails the test unless the status is `status`; hands itself on.
    #[must_use]
    #[track_caller]
    pub fn expect_status(self, status: u16) -> Self {
        assert_eq!(self.status, status, "answer: {}", self.text());
        self
    }
}

#[track_caller]
#[expect(clippy::panic, reason = "this is how a test fails")]
fn unreadable(why: &str) -> ! {
    panic!("{why}")
}

/// Sends `request` on a connection of its own and reads the whole answer.
///
/// # Errors
///
/// Whatever the socket says, and `InvalidData` for an answer that is not HTTP/1.1.
pub fn send(address: SocketAddr, request: &Request<'_>) -> io::Result<Response> {
    let mut stream = connect(address)?;
    stream.write_all(&head(address, request))?;
    stream.write_all(request.body)?;
    read_answer(&mut stream, request.method == "HEAD")
}

/// Opens a connection with the deadlines of a test.
///
/// # Errors
///
/// Whatever the socket says.
pub fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&address, ANSWER_WITHIN)?;
    stream.set_read_timeout(Some(ANSWER_WITHIN))?;
    stream.set_write_timeout(Some(ANSWER_WITHIN))?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

fn head(address: SocketAddr, request: &Request<'_>) -> Vec<u8> {
    let mut head = format!("{} {} HTTP/1.1\r\n", request.method, request.target);
    if !request.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
        let _ = write!(head, "host: {address}\r\n");
    }
    head.push_str("connection: close\r\n");
    if !request.body.is_empty() || request.method == "POST" {
        let _ = write!(head, "content-length: {}\r\n", request.body.len());
    }
    for (name, value) in request.headers {
        let _ = write!(head, "{name}: {value}\r\n");
    }
    head.push_str("\r\n");
    head.into_bytes()
}

/// Reads one answer from `stream` up to the end of the connection.
///
/// # Errors
///
/// Whatever the socket says, and `InvalidData` for an answer that is not HTTP/1.1.
pub fn read_answer(stream: &mut TcpStream, is_head: bool) -> io::Result<Response> {
    let mut bytes = Vec::new();
    stream.take(ANSWER_BYTES_MAX).read_to_end(&mut bytes)?;
    parse(&bytes, is_head)
}

/// Reads status, headers and body out of the bytes of one connection.
///
/// # Errors
///
/// `InvalidData` when they are not one HTTP/1.1 answer.
pub fn parse(bytes: &[u8], is_head: bool) -> io::Result<Response> {
    let end = find(bytes, b"\r\n\r\n").ok_or_else(|| invalid("no end of the headers"))?;
    let head = std::str::from_utf8(&bytes[..end]).map_err(|_| invalid("headers not UTF-8"))?;
    let mut lines = head.split("\r\n");
    let status = lines
        .next()
        .and_then(|line| line.strip_prefix("HTTP/1.1 ").or_else(|| line.strip_prefix("HTTP/1.0 ")))
        .and_then(|rest| rest.get(..3))
        .and_then(|code| code.parse().ok())
        .ok_or_else(|| invalid("no status line"))?;
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let mut response = Response { status, headers, body: Vec::new() };
    let rest = &bytes[end + 4..];
    if !is_head {
        let is_chunked = response.header("transfer-encoding") == Some("chunked");
        response.body = if is_chunked { unchunk(rest)? } else { rest.to_vec() };
        let length = response.header("content-length").and_then(|text| text.parse().ok());
        if length.is_some_and(|length: usize| length != response.body.len()) {
            return Err(invalid("the body is shorter or longer than it says"));
        }
    }
    Ok(response)
}

fn unchunk(mut bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let end = find(bytes, b"\r\n").ok_or_else(|| invalid("chunk without a size"))?;
        let size = std::str::from_utf8(&bytes[..end])
            .ok()
            .and_then(|text| usize::from_str_radix(text.trim(), 16).ok())
            .ok_or_else(|| invalid("unreadable chunk size"))?;
        bytes = &bytes[end + 2..];
        if size == 0 {
            return Ok(body);
        }
        body.extend_from_slice(bytes.get(..size).ok_or_else(|| invalid("cut chunk"))?);
        bytes = bytes.get(size + 2..).ok_or_else(|| invalid("cut chunk"))?;
    }
}

fn find(bytes: &[u8], pattern: &[u8]) -> Option<usize> {
    bytes.windows(pattern.len()).position(|window| window == pattern)
}

fn invalid(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

/// Percent-encodes everything but letters, digits and `-._~`.
#[must_use]
pub fn encoded(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}
