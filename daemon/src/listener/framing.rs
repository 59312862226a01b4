//! Counts the Content-Length lines of a head as its bytes pass, and the bytes of its first line.
//!
//! The parser folds equal lengths into one before anybody can see that there were two (RFC 9110,
//! section 8.6 lets it), while whoever stands in front of us may have acted on either. And it
//! answers a first line that does not fit into its buffer as if headers were too large, though it
//! is the URL (RFC 9110, section 15.5.15).
//!
//! # Why line by line
//!
//! Every redirect passes here. A line that begins with another letter is left at once and its end
//! is found by a search for the line feed, which looks at sixteen or more bytes at a time.

use memchr::memchr;

use crate::limits::REQUEST_LINE_BYTES_MAX;

/// What a line that counts begins with, in lower case.
const NAME: &[u8] = b"content-length:";

/// One head, in whatever pieces it comes.
#[derive(Debug, Clone, Copy)]
pub struct LengthLines {
    /// How much of [`NAME`] the line has been so far; `None`: it is another line.
    matched: Option<usize>,
    /// Bytes of the first line, as far as it came.
    first_line_bytes: usize,
    has_line: bool,
    count: u32,
    is_over: bool,
}

impl Default for LengthLines {
    fn default() -> Self {
        Self { matched: Some(0), first_line_bytes: 0, has_line: false, count: 0, is_over: false }
    }
}

impl LengthLines {
    /// Looks at bytes of a head; those behind its empty line are somebody else's.
    pub fn look(&mut self, mut bytes: &[u8]) {
        while !self.is_over {
            let Some(end) = memchr(b'\n', bytes) else { return self.look_in_line(bytes) };
            self.look_in_line(&bytes[..end]);
            bytes = &bytes[end + 1..];
            // Empty lines before the request line are no end (RFC 9112, section 2.2).
            let is_empty = self.matched == Some(0);
            self.is_over = is_empty && self.has_line;
            self.has_line |= !is_empty;
            self.matched = Some(0);
        }
    }

    /// A piece of one line.
    fn look_in_line(&mut self, piece: &[u8]) {
        if !self.has_line {
            let ends = usize::from(piece.last() == Some(&b'\r'));
            self.first_line_bytes += piece.len() - ends;
        }
        let Some(mut matched) = self.matched else { return };
        for byte in piece.iter().filter(|byte| **byte != b'\r') {
            if NAME[matched] != byte.to_ascii_lowercase() {
                self.matched = None;
                return;
            }
            matched += 1;
            if matched == NAME.len() {
                self.count += 1;
                self.matched = None;
                return;
            }
        }
        self.matched = Some(matched);
    }

    /// Whether the head had more than one.
    #[must_use]
    pub const fn is_doubled(&self) -> bool {
        self.count > 1
    }

    /// Whether the first line is longer than any that is parsed.
    #[must_use]
    pub const fn is_first_long(&self) -> bool {
        self.first_line_bytes > REQUEST_LINE_BYTES_MAX
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use http_body_util::BodyExt as _;
    use hyper::server::conn::http1;
    use hyper::service::service_fn;
    use hyper_util::rt::TokioIo;
    use tokio::io::AsyncReadExt as _;
    use tokio::io::AsyncWriteExt as _;

    use super::*;
    use crate::limits::CONNECTION_BUFFER_BYTES;
    use crate::respond::Body;

    /// The status that the parser alone answers with, nothing of ours in between.
    fn parsed_alone(request: &str) -> String {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let (mut client, server) = tokio::io::duplex(1 << 20);
        let service = service_fn(|request: hyper::Request<hyper::body::Incoming>| async {
            let _ = request.into_body().collect().await;
            Ok::<_, Infallible>(hyper::Response::new(Body::Empty))
        });
        let connection = http1::Builder::new()
            .max_buf_size(CONNECTION_BUFFER_BYTES)
            .serve_connection(TokioIo::new(server), service);
        let answer = runtime.block_on(async {
            client.write_all(request.as_bytes()).await.unwrap();
            let _ = connection.await;
            let mut answer = String::new();
            client.read_to_string(&mut answer).await.unwrap();
            answer
        });
        answer.split(' ').nth(1).unwrap_or_default().to_owned()
    }

    #[test]
    fn without_the_count_equal_lengths_would_be_served() {
        let request = |lengths: &str| {
            format!("POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{lengths}\r\nabc")
        };
        let length = "Content-Length: 3\r\n";
        assert_eq!(parsed_alone(&request(length)), "200");
        assert_eq!(parsed_alone(&request(&length.repeat(2))), "200");
        let other = format!("{length}Content-Length: 4\r\n");
        assert_eq!(parsed_alone(&request(&other)), "400");
        let mut lines = LengthLines::default();
        lines.look(request(&length.repeat(2)).as_bytes());
        assert!(lines.is_doubled());
    }

    #[test]
    fn only_a_long_first_line_is_long() {
        let long = "y".repeat(REQUEST_LINE_BYTES_MAX);
        for (text, expected) in [
            (long.clone(), false),
            (format!("{long}y"), true),
            (format!("\r\n{long}y HTTP/1.1\r\n"), true),
            (format!("GET / HTTP/1.1\r\nX: {long}\r\n"), false),
        ] {
            let mut lines = LengthLines::default();
            lines.look(text.as_bytes());
            assert_eq!(lines.is_first_long(), expected);
        }
    }

    #[test]
    fn only_lines_of_the_first_head_count() {
        for (text, expected) in [
            ("POST / HTTP/1.1\r\nContent-Length: 1\r\ncontent-length:1\r\n\r\n", true),
            ("\r\nPOST / HTTP/1.1\nA: b\nCONTENT-LENGTH: 1\nContent-Length: 1\n\n", true),
            ("POST / HTTP/1.1\r\nContent-Length: 1\r\nX-Content-Length: 1\r\n\r\n", false),
            ("POST / HTTP/1.1\r\nContent-Length: 1\r\n\r\ncontent-length:\ncontent-length:", false),
            (
                "POST /content-length: HTTP/1.1\r\nA: content-length:\r\nContent-Length: 1\r\n",
                false,
            ),
        ] {
            for step in [1, 3, 1000] {
                let mut lines = LengthLines::default();
                text.as_bytes().chunks(step).for_each(|bytes| lines.look(bytes));
                assert_eq!(lines.is_doubled(), expected, "{text}");
            }
        }
    }
}
