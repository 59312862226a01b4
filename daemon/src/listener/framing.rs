//! Counts the Content-Length lines of a head as its bytes pass.
//!
//! The parser folds equal lengths into one before anybody can see that there were two (RFC 9110,
//! section 8.6 lets it), while whoever stands in front of us may have acted on either.

/// What a line that counts begins with, in lower case.
const NAME: &[u8] = b"content-length:";

/// One head, byte by byte.
#[derive(Debug, Clone, Copy, Default)]
pub struct LengthLines {
    line_bytes: usize,
    matched: usize,
    lines: u32,
    count: u32,
    is_over: bool,
}

impl LengthLines {
    /// Looks at bytes of a head; those behind its empty line are somebody else's.
    pub fn look(&mut self, bytes: &[u8]) {
        for byte in bytes {
            match byte {
                _ if self.is_over => return,
                b'\r' => {}
                b'\n' => {
                    self.is_over = self.line_bytes == 0 && self.lines > 0;
                    self.lines += u32::from(self.line_bytes > 0);
                    self.line_bytes = 0;
                    self.matched = 0;
                }
                byte => {
                    let is_next = NAME.get(self.matched) == Some(&byte.to_ascii_lowercase());
                    if is_next && self.matched == self.line_bytes {
                        self.matched += 1;
                        self.count += u32::from(self.matched == NAME.len());
                    }
                    self.line_bytes += 1;
                }
            }
        }
    }

    /// Whether the head had more than one.
    #[must_use]
    pub const fn is_doubled(&self) -> bool {
        self.count > 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
