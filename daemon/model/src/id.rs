//! Typed ids: a prefix that names the kind and 26 letters of Crockford's base32 over 128 bits.
//!
//! The bits are those of a UUID version 7 (RFC 9562): 48 bits of milliseconds, so that rows made
//! together lie together, and 74 random bits, so that nobody can walk from one tenant's id to
//! another's.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use rand::RngCore;

use crate::clock::Timestamp;

/// Crockford's base32 without look-alikes, lower case.
pub(crate) const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// Letters of the part behind the prefix: 26 × 5 bits hold 128.
const BODY_CHARS: usize = 26;

/// The text is not an id of the expected kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an id of the form {prefix}…")]
pub struct IdError {
    /// The prefix that was expected, with its underscore.
    pub prefix: &'static str,
}

/// The value of one letter, or `None`. Case is folded; o reads as 0, i and l as 1.
pub(crate) const fn letter_value(letter: u8) -> Option<u8> {
    match letter.to_ascii_lowercase() {
        digit @ b'0'..=b'9' => Some(digit - b'0'),
        b'o' => Some(0),
        b'i' | b'l' => Some(1),
        lower @ b'a'..=b'h' => Some(lower - b'a' + 10),
        b'j' => Some(18),
        b'k' => Some(19),
        b'm' => Some(20),
        b'n' => Some(21),
        lower @ b'p'..=b't' => Some(lower - b'p' + 22),
        lower @ b'v'..=b'z' => Some(lower - b'v' + 27),
        _ => None,
    }
}

/// 128 bits in the layout of UUID version 7 from an instant and a source of randomness.
#[must_use]
pub fn uuid_v7(now: Timestamp, rng: &mut dyn RngCore) -> u128 {
    let random = (u128::from(rng.next_u64()) << 64) | u128::from(rng.next_u64());
    let time = u128::from(now.unix_ms() & 0xFFFF_FFFF_FFFF) << 80;
    let version = 7_u128 << 76;
    let variant = 0b10_u128 << 62;
    let random_mask = (0xFFF_u128 << 64) | ((1_u128 << 62) - 1);
    time | version | variant | (random & random_mask)
}

const RANDOM_LOW_BITS: u32 = 62;
const RANDOM_BITS: u32 = RANDOM_LOW_BITS + 12;

/// The next 128 bits behind `previous`, larger also within its millisecond (RFC 9562, section 6.2,
/// method 2): what is made together sorts in the order it was made.
#[must_use]
pub fn uuid_v7_after(previous: u128, now: Timestamp, rng: &mut dyn RngCore) -> u128 {
    let fresh = uuid_v7(now, rng);
    if fresh >> 80 != previous >> 80 {
        return fresh;
    }
    let low_mask = (1_u128 << RANDOM_LOW_BITS) - 1;
    let random = (((previous >> 64) & 0xFFF) << RANDOM_LOW_BITS) | (previous & low_mask);
    // A step nobody can guess, so that no id leads to the next.
    let random = random + 1 + u128::from(rng.next_u32());
    if random >> RANDOM_BITS != 0 {
        // The millisecond is used up: the next one begins early.
        return uuid_v7(now + Duration::from_millis(1), rng);
    }
    let kept = fresh & !((0xFFF_u128 << 64) | low_mask);
    kept | ((random >> RANDOM_LOW_BITS) << 64) | (random & low_mask)
}

fn write_body(bits: u128, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
    let mut body = [0_u8; BODY_CHARS];
    let mut rest = bits;
    for slot in body.iter_mut().rev() {
        *slot = ALPHABET[(rest & 31) as usize];
        rest >>= 5;
    }
    formatter.write_str(std::str::from_utf8(&body).unwrap_or_default())
}

fn parse_body(body: &str) -> Option<u128> {
    if body.len() != BODY_CHARS {
        return None;
    }
    let mut bits: u128 = 0;
    for (position, letter) in body.bytes().enumerate() {
        let value = letter_value(letter)?;
        if position == 0 && value > 7 {
            return None;
        }
        bits = (bits << 5) | u128::from(value);
    }
    Some(bits)
}

macro_rules! ids {
    ($($(#[$meta:meta])* $name:ident = $prefix:literal;)+) => {$(
        $(#[$meta])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u128);

        impl $name {
            /// What the text form begins with.
            pub const PREFIX: &'static str = $prefix;

            /// A fresh id from an instant and a source of randomness.
            #[must_use]
            pub fn new(now: Timestamp, rng: &mut dyn RngCore) -> Self {
                Self(uuid_v7(now, rng))
            }

            /// A fresh id that sorts behind `previous`, also within its millisecond.
            #[must_use]
            pub fn after(previous: Self, now: Timestamp, rng: &mut dyn RngCore) -> Self {
                Self(uuid_v7_after(previous.0, now, rng))
            }

            /// The letters behind the prefix, where the kind is clear from the place.
            #[must_use]
            pub fn body(self) -> String {
                self.to_string().split_off($prefix.len())
            }

            /// Reads [`Self::body`] back.
            #[must_use]
            pub fn from_body(body: &str) -> Option<Self> {
                parse_body(body).map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str($prefix)?;
                write_body(self.0, formatter)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, formatter)
            }
        }

        impl FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                text.strip_prefix($prefix)
                    .and_then(parse_body)
                    .map(Self)
                    .ok_or(IdError { prefix: $prefix })
            }
        }
    )+};
}

ids! {
    /// An operator's workspace.
    TenantId = "ten_";
    /// A tracking host of a tenant.
    DomainId = "dom_";
    /// Who pays for results.
    AdvertiserId = "adv_";
    /// One configured connection to an outside system.
    IntegrationId = "int_";
    /// What an advertiser pays for.
    OfferId = "off_";
    /// A dated grouping with attribution settings.
    CampaignId = "cmp_";
    /// Who sends traffic and earns.
    PublisherId = "pub_";
    /// Publisher × campaign.
    EnrolmentId = "enr_";
    /// An end buyer who may get cashback.
    ShopperId = "shp_";
    /// (domain, slug), owned by a publisher.
    LinkId = "lnk_";
    /// A code used at the shop.
    CouponId = "cpn_";
    /// An attributed claim that earns.
    ConversionId = "cnv_";
    /// A set of postings that sums to zero.
    TransactionId = "txn_";
    /// An append-only row with every input of a money movement.
    CommandId = "cmd_";
    /// An API key.
    KeyId = "key_";
    /// A signed-in person.
    UserId = "usr_";
    /// The id a record gets when it is accepted.
    EventId = "evt_";
    /// Something a person must settle.
    CaseId = "cas_";
    /// Content that a publisher made, to be approved.
    DeliverableId = "dlv_";
    /// One disbursement.
    PayoutId = "pay_";
    /// One run that made payouts.
    PayoutRunId = "run_";
    /// A manual credit or debit that two people agree on.
    AdjustmentId = "adj_";
    /// Money that an advertiser sent, or that went to the state.
    PaymentId = "pmt_";
    /// Earnings paid before their hold ended.
    AdvanceId = "avn_";
    /// What an advertiser is asked to pay.
    InvoiceId = "inv_";
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    #[test]
    fn text_form_survives_a_round_trip() {
        let mut rng = StdRng::seed_from_u64(1);
        for at in [0, 1, 1_700_000_000_000_000] {
            let id = LinkId::new(Timestamp(at), &mut rng);
            assert_eq!(id.to_string().parse(), Ok(id));
            assert_eq!(id.to_string().len(), 4 + BODY_CHARS);
        }
        assert_eq!(LinkId(u128::MAX).to_string().parse(), Ok(LinkId(u128::MAX)));
    }

    #[test]
    fn another_kind_or_length_is_refused() {
        let error = IdError { prefix: "adv_" };
        for text in [
            "",
            "adv_",
            "lnk_00000000000000000000000000",
            "adv_0",
            "adv_z0000000000000000000000000",
        ] {
            assert_eq!(text.parse::<AdvertiserId>(), Err(error), "{text}");
        }
    }

    #[test]
    fn ids_made_one_after_the_other_sort_so_within_a_millisecond() {
        let mut rng = StdRng::seed_from_u64(3);
        let now = Timestamp(1_700_000_000_000_000);
        let mut ids = vec![EventId::new(now, &mut rng)];
        for _ in 0..1000 {
            ids.push(EventId::after(ids[ids.len() - 1], now, &mut rng));
        }
        assert!(ids.is_sorted_by(|one, other| one < other));
        let version_and_variant = (0xF_u128 << 76) | (0b11 << 62);
        assert!(ids.iter().all(|id| (id.0 ^ ids[0].0) & version_and_variant == 0));
        assert!(ids.iter().all(|id| id.0 >> 80 == ids[0].0 >> 80));
        // Where the random part is used up, the time steps on.
        let last = EventId(ids[0].0 | (0xFFF << 64) | ((1 << 62) - 1));
        assert!(EventId::after(last, now, &mut rng) > last);
        let later = EventId::after(last, now + Duration::from_millis(5), &mut rng);
        assert_eq!(later.0 >> 80, u128::from(now.unix_ms()) + 5);
    }

    #[test]
    fn later_ids_sort_later() {
        let mut rng = StdRng::seed_from_u64(2);
        let early = EventId::new(Timestamp(1_000_000), &mut rng).to_string();
        let late = EventId::new(Timestamp(2_000_000), &mut rng).to_string();
        assert!(early < late);
    }
}
