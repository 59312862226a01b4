//! Drawing codes: prefix, length, alphabet, count.

use rand::RngCore;

use crate::api::codes;
use crate::api::coupons::CODE_CHARS_MAX;
use crate::api::coupons::GENERATE;
use crate::api::coupons::folded;
use crate::api::coupons::is_code;
use crate::api::input::Input;

/// Codes of one call at most.
const COUNT_MAX: i64 = 1000;
const LENGTH: i64 = 8;

/// How codes are drawn.
pub(super) struct Recipe {
    prefix: String,
    length: usize,
    alphabet: String,
    /// How many are wanted.
    pub(super) count: usize,
}

impl Recipe {
    /// What a regenerated code is like when nobody says otherwise.
    pub(super) fn plain() -> Self {
        Self {
            prefix: String::new(),
            length: usize::try_from(LENGTH).unwrap_or_default(),
            alphabet: folded(codes::PLAIN),
            count: 1,
        }
    }

    /// Reads `generate`; absent when it was not sent.
    pub(super) fn read(input: &mut Input) -> Option<Self> {
        let mut given = input.object("generate", GENERATE)?;
        let mut recipe = Self::plain();
        if let Some(prefix) = given.text("prefix", CODE_CHARS_MAX) {
            recipe.prefix = folded(&prefix);
        }
        let length = given.integer("length", 4..=32).unwrap_or(LENGTH);
        recipe.length = usize::try_from(length).unwrap_or_default();
        if let Some(alphabet) = given.text("alphabet", 64) {
            recipe.alphabet = letters(&alphabet);
        }
        let count = given.integer("count", 1..=COUNT_MAX).unwrap_or(1);
        recipe.count = usize::try_from(count).unwrap_or(1);
        recipe.refuse_what_cannot_be(&mut given);
        input.absorb(given);
        Some(recipe)
    }

    fn refuse_what_cannot_be(&self, given: &mut Input) {
        let is_plain = |text: &str| text.is_empty() || is_code(&format!("AA{text}"));
        if !is_plain(&self.prefix) || self.prefix.len() + self.length > CODE_CHARS_MAX {
            given.refuse("prefix", "must be letters, digits, - and _, and short enough");
        }
        if !is_plain(&self.alphabet) || self.alphabet.len() < 2 {
            given.refuse("alphabet", "must be at least two different letters, digits, - and _");
            return;
        }
        // Ten free codes for each wanted one, so that drawing ends soon.
        let space = u32::try_from(self.length)
            .ok()
            .and_then(|length| self.alphabet.len().checked_pow(length))
            .unwrap_or(usize::MAX);
        if space / 10 < self.count {
            given.refuse("count", "is too many for codes of this length and alphabet");
        }
    }

    /// One code.
    pub(super) fn draw(&self, rng: &mut (dyn RngCore + Send)) -> String {
        format!("{}{}", self.prefix, codes::draw(&self.alphabet, self.length, rng))
    }
}

/// The letters of an alphabet: a named one, or the text's own, each once.
fn letters(alphabet: &str) -> String {
    let own = match alphabet {
        "plain" => codes::PLAIN,
        "digits" => "0123456789",
        "letters" => "abcdefghijklmnopqrstuvwxyz",
        "alphanumeric" => "0123456789abcdefghijklmnopqrstuvwxyz",
        own => own,
    };
    let mut letters = String::new();
    for letter in folded(own).chars() {
        if !letters.contains(letter) {
            letters.push(letter);
        }
    }
    letters
}
