//! The click id: 40 letters that say when, through which link and how a click was made, and prove
//! that we made it.
//!
//! # Layout
//!
//! 200 bits, most significant first, written as 40 letters of Crockford's base32:
//!
//! | bits | what |
//! |---|---|
//! | 3 | version, 0 |
//! | 5 | key id |
//! | 42 | milliseconds since 1970 (until the year 2109) |
//! | 40 | link number |
//! | 6 | flags: kind 2, filtered, suspect, has user, spare |
//! | 40 | unique part |
//! | 64 | MAC over the 17 bytes before it |
//!
//! # Why SipHash-2-4
//!
//! The MAC is the largest single cost of our own on a redirect, over 17 bytes. SipHash-2-4
//! (Aumasson, Bernstein 2012) is a keyed function made for short input and used as a 64-bit MAC;
//! its state is two words of key, ready at start. HMAC-SHA-256 costs ten times as much for the same
//! 64 bits. A forger gets one guess in 2^64 per try, online only.

use std::fmt;
use std::hash::Hasher;

use siphasher::sip::SipHasher24;

use crate::clock::Timestamp;
use crate::id::ALPHABET;
use crate::id::letter_value;
use crate::link::LinkNumber;
use crate::words;

/// Letters of the text form.
pub const CLICK_ID_CHARS: usize = 40;
/// Bytes of the packed form.
pub const CLICK_ID_BYTES: usize = 25;
/// Bytes that the MAC covers.
const SIGNED_BYTES: usize = 17;
/// Key ids fit five bits.
pub const KEY_ID_MAX: u8 = 31;
const TIME_BITS: u32 = 42;
const UNIQUE_BITS: u32 = 40;

words! {
    /// How a click was made; two bits of the click id.
    pub enum ClickKind {
        /// A redirect.
        Click = "click",
        /// The button of a pre-lander.
        Intent = "intent",
        /// A verified view.
        View = "view",
        /// Taken by an app or widget.
        Api = "api",
    }
}

/// What the six flag bits of a click id say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClickFlags {
    /// How the click was made.
    pub kind: ClickKind,
    /// A known bot, preview or prefetch: never counted.
    pub filtered: bool,
    /// Doubtful: counted, earns nothing by itself.
    pub suspect: bool,
    /// A shopper was named.
    pub has_user: bool,
}

impl ClickFlags {
    /// The flags of an ordinary redirect.
    pub const PLAIN: Self =
        Self { kind: ClickKind::Click, filtered: false, suspect: false, has_user: false };

    const fn bits(self) -> u8 {
        (self.kind as u8) << 4
            | (self.filtered as u8) << 3
            | (self.suspect as u8) << 2
            | (self.has_user as u8) << 1
    }

    fn from_bits(bits: u8) -> Self {
        Self {
            kind: ClickKind::from_code((bits >> 4) & 3).unwrap_or(ClickKind::Click),
            filtered: bits & 8 != 0,
            suspect: bits & 4 != 0,
            has_user: bits & 2 != 0,
        }
    }
}

/// What a click id says once its MAC has been checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClickFacts {
    /// When the click was made, in whole milliseconds.
    pub clicked_at: Timestamp,
    /// Through which link.
    pub link: LinkNumber,
    /// How.
    pub flags: ClickFlags,
    /// Forty random bits; with time and link the storage key.
    pub unique: u64,
}

/// 25 bytes that read as a click id. Holding one proves nothing: [`KeyRing::check`] does.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClickId(pub [u8; CLICK_ID_BYTES]);

impl ClickId {
    /// Reads the text form, any case, o as 0 and i or l as 1. `None`: not ours.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let letters: &[u8; CLICK_ID_CHARS] = text.as_bytes().try_into().ok()?;
        let mut bytes = [0_u8; CLICK_ID_BYTES];
        for (packed, group) in bytes.chunks_exact_mut(5).zip(letters.chunks_exact(8)) {
            let mut bits: u64 = 0;
            for &letter in group {
                bits = (bits << 5) | u64::from(letter_value(letter)?);
            }
            packed.copy_from_slice(&bits.to_be_bytes()[3..]);
        }
        Some(Self(bytes))
    }

    /// The text form as forty ASCII bytes, without allocating.
    #[must_use]
    pub fn letters(&self) -> [u8; CLICK_ID_CHARS] {
        let mut letters = [0_u8; CLICK_ID_CHARS];
        for (group, packed) in letters.chunks_exact_mut(8).zip(self.0.chunks_exact(5)) {
            let mut word = [0_u8; 8];
            word[3..].copy_from_slice(packed);
            let bits = u64::from_be_bytes(word);
            for (position, letter) in group.iter_mut().enumerate() {
                *letter = ALPHABET[((bits >> (35 - 5 * position)) & 31) as usize];
            }
        }
        letters
    }

    /// What it says, whether or not it is ours: for ids that this program has just read from its
    /// own journal. Whatever came from outside goes through [`KeyRing::check`].
    #[must_use]
    pub fn unchecked(&self) -> ClickFacts {
        self.facts()
    }

    const fn key_id(&self) -> u8 {
        self.0[0] & 31
    }

    const fn version(&self) -> u8 {
        self.0[0] >> 5
    }

    fn signed(&self) -> &[u8] {
        &self.0[..SIGNED_BYTES]
    }

    fn facts(&self) -> ClickFacts {
        let mut word = [0_u8; 16];
        word.copy_from_slice(&self.0[1..SIGNED_BYTES]);
        let bits = u128::from_be_bytes(word);
        let field = |shift: u32, width: u32| {
            u64::try_from((bits >> shift) & ((1_u128 << width) - 1)).unwrap_or_default()
        };
        ClickFacts {
            clicked_at: Timestamp::from_unix_ms(field(86, TIME_BITS)),
            link: LinkNumber(field(46, 40)),
            flags: ClickFlags::from_bits(u8::try_from(field(40, 6)).unwrap_or_default()),
            unique: field(0, UNIQUE_BITS),
        }
    }
}

impl fmt::Display for ClickId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(std::str::from_utf8(&self.letters()).unwrap_or_default())
    }
}

impl fmt::Debug for ClickId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

/// One key of the ring.
#[derive(Clone, PartialEq, Eq)]
pub struct ClickKey {
    /// 0 to [`KEY_ID_MAX`], unique in the ring.
    pub id: u8,
    /// The secret.
    pub secret: [u8; 16],
}

impl fmt::Debug for ClickKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("ClickKey").field("id", &self.id).finish_non_exhaustive()
    }
}

/// Why a text is not a click id of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ClickIdError {
    /// Length, alphabet or version.
    #[error("not of the form of a click id")]
    Form,
    /// The key is unknown or the MAC is wrong.
    #[error("signature of the click id is wrong")]
    Mac,
}

/// The signing key and the keys that may still verify.
///
/// Rotation: [`KeyRing::rotated`] makes a new key the signing one and keeps the old for verifying;
/// [`KeyRing::without`] destroys a key once no click of it can earn.
#[derive(Debug, Clone)]
pub struct KeyRing {
    signing: ClickKey,
    hashers: [Option<SipHasher24>; 32],
    verify_only: Vec<ClickKey>,
}

impl KeyRing {
    /// A ring that signs with `signing` and accepts it and `verify_only`. Ids above [`KEY_ID_MAX`]
    /// are folded.
    #[must_use]
    pub fn new(signing: ClickKey, verify_only: Vec<ClickKey>) -> Self {
        let mut hashers = [const { None }; 32];
        for key in verify_only.iter().chain([&signing]) {
            hashers[usize::from(key.id & KEY_ID_MAX)] =
                Some(SipHasher24::new_with_key(&key.secret));
        }
        Self { signing, hashers, verify_only }
    }

    /// The ring after `next` became the signing key.
    #[must_use]
    pub fn rotated(&self, next: ClickKey) -> Self {
        let mut verify_only = self.verify_only.clone();
        verify_only.push(self.signing.clone());
        verify_only.retain(|key| key.id != next.id);
        Self::new(next, verify_only)
    }

    /// The ring after a verify-only key was destroyed. The signing key stays.
    #[must_use]
    pub fn without(&self, id: u8) -> Self {
        let mut verify_only = self.verify_only.clone();
        verify_only.retain(|key| key.id != id);
        Self::new(self.signing.clone(), verify_only)
    }

    /// The key that signs.
    #[must_use]
    pub const fn signing(&self) -> &ClickKey {
        &self.signing
    }

    /// Keys that only verify.
    #[must_use]
    pub fn verify_only(&self) -> &[ClickKey] {
        &self.verify_only
    }

    fn mac(&self, key_id: u8, signed: &[u8]) -> Option<u64> {
        let mut hasher = self.hashers[usize::from(key_id & KEY_ID_MAX)]?;
        hasher.write(signed);
        Some(hasher.finish())
    }

    /// Signs `facts`. Time is cut to 42 bits of milliseconds, the unique part to 40 bits.
    #[must_use]
    pub fn sign(&self, facts: &ClickFacts) -> ClickId {
        let time = u128::from(facts.clicked_at.unix_ms()) & ((1 << TIME_BITS) - 1);
        let link = u128::from(facts.link.0) & ((1 << 40) - 1);
        let unique = u128::from(facts.unique) & ((1 << UNIQUE_BITS) - 1);
        let bits = time << 86 | link << 46 | u128::from(facts.flags.bits()) << 40 | unique;
        let mut bytes = [0_u8; CLICK_ID_BYTES];
        bytes[0] = self.signing.id & KEY_ID_MAX;
        bytes[1..SIGNED_BYTES].copy_from_slice(&bits.to_be_bytes());
        let mac = self.mac(self.signing.id, &bytes[..SIGNED_BYTES]).unwrap_or_default();
        bytes[SIGNED_BYTES..].copy_from_slice(&mac.to_be_bytes());
        ClickId(bytes)
    }

    /// Checks the MAC and reads what the id says. No store is asked.
    ///
    /// # Errors
    /// [`ClickIdError::Form`] for a version that is not ours, [`ClickIdError::Mac`] for an unknown
    /// key or a wrong MAC.
    pub fn check(&self, id: &ClickId) -> Result<ClickFacts, ClickIdError> {
        if id.version() != 0 {
            return Err(ClickIdError::Form);
        }
        let expected = self.mac(id.key_id(), id.signed()).ok_or(ClickIdError::Mac)?;
        let mut given = [0_u8; 8];
        given.copy_from_slice(&id.0[SIGNED_BYTES..]);
        // Comparing two words takes one instruction whatever they hold, so nothing leaks byte by
        // byte.
        if expected != u64::from_be_bytes(given) {
            return Err(ClickIdError::Mac);
        }
        Ok(id.facts())
    }

    /// [`ClickId::parse`] and [`Self::check`] in one.
    ///
    /// # Errors
    /// As [`Self::check`]; text that does not parse is [`ClickIdError::Form`].
    pub fn read(&self, text: &str) -> Result<(ClickId, ClickFacts), ClickIdError> {
        let id = ClickId::parse(text).ok_or(ClickIdError::Form)?;
        Ok((id, self.check(&id)?))
    }
}

#[cfg(test)]
mod tests;
