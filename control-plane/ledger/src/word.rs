//! Short names that come from data: tax components, payout rails, kinds of evidence.

use std::fmt;

/// Longest word, in bytes.
const WORD_BYTES_MAX: usize = 32;

/// A name of 1 to 32 characters from `a-z 0-9 _ -`. Copied, never allocated, so that accounts stay
/// plain values. The order is alphabetical.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Word([u8; WORD_BYTES_MAX]);

impl Word {
    /// `None` for an empty or long text, and for any other character.
    pub const fn parse(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        if bytes.is_empty() || bytes.len() > WORD_BYTES_MAX {
            return None;
        }
        let mut word = [0; WORD_BYTES_MAX];
        let mut index = 0;
        while index < bytes.len() {
            match bytes[index] {
                byte @ (b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-') => word[index] = byte,
                _ => return None,
            }
            index = index.saturating_add(1);
        }
        Some(Self(word))
    }

    pub fn as_str(&self) -> &str {
        let length = self.0.iter().position(|byte| *byte == 0).unwrap_or(WORD_BYTES_MAX);
        std::str::from_utf8(&self.0[..length]).unwrap_or_default()
    }
}

impl fmt::Display for Word {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

impl fmt::Debug for Word {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}
