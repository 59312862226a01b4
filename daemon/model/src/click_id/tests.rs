use super::*;
use proptest::prelude::*;

fn key(id: u8) -> ClickKey {
    ClickKey { id, secret: [id.wrapping_add(7); 16] }
}

fn facts() -> ClickFacts {
    ClickFacts {
        clicked_at: Timestamp::from_unix_ms(1_790_000_000_123),
        link: LinkNumber(77),
        flags: ClickFlags { suspect: true, ..ClickFlags::PLAIN },
        unique: 0x12_3456_789A,
    }
}

#[test]
fn golden_text_form() {
    let ring = KeyRing::new(key(3), vec![]);
    assert_eq!(ring.sign(&facts()).to_string(), GOLDEN);
    assert_eq!(ring.read(GOLDEN).map(|(_, facts)| facts), Ok(facts()));
}

const GOLDEN: &str = "0dm3250v3v0000002d214d2pf2d26h5xex0v885x";

#[test]
fn every_changed_bit_is_a_forgery() {
    let ring = KeyRing::new(key(3), vec![key(4)]);
    let id = ring.sign(&facts());
    for bit in 0..CLICK_ID_BYTES * 8 {
        let mut forged = id;
        forged.0[bit / 8] ^= 1 << (bit % 8);
        assert!(ring.check(&forged).is_err(), "bit {bit}");
    }
}

#[test]
fn case_and_look_alikes_are_folded() {
    let ring = KeyRing::new(key(3), vec![]);
    let text = ring.sign(&facts()).to_string();
    let spoken = text.to_uppercase().replace('0', "O").replace('1', "l");
    assert_eq!(ring.read(&spoken).map(|(_, facts)| facts), Ok(facts()));
}

#[test]
fn a_rotated_ring_still_reads_old_ids_until_the_key_is_destroyed() {
    let old = KeyRing::new(key(3), vec![]);
    let id = old.sign(&facts());
    let rotated = old.rotated(key(4));
    assert_eq!(rotated.check(&id), Ok(facts()));
    assert_ne!(rotated.sign(&facts()), id);
    assert_eq!(rotated.without(3).check(&id), Err(ClickIdError::Mac));
    assert_eq!(rotated.without(4).signing().id, 4);
}

#[test]
fn other_texts_are_not_ours() {
    let ring = KeyRing::new(key(3), vec![]);
    for text in ["", "abc", &"u".repeat(40), &"z".repeat(41), &"é".repeat(20)] {
        assert_eq!(ring.read(text).unwrap_err(), ClickIdError::Form, "{text}");
    }
    assert_eq!(ring.read(&"z".repeat(40)).unwrap_err(), ClickIdError::Form);
    assert_eq!(ring.read(&"0".repeat(40)).unwrap_err(), ClickIdError::Mac);
}

proptest! {
    #[test]
    fn whatever_was_signed_is_read_back(
        ms in 0_u64..(1 << 42), link in 0_u64..(1 << 40), unique in 0_u64..(1 << 40),
        kind in 0_u8..4, filtered: bool, suspect: bool, has_user: bool,
    ) {
        let kind = ClickKind::from_code(kind).unwrap();
        let flags = ClickFlags { kind, filtered, suspect, has_user };
        let facts = ClickFacts {
            clicked_at: Timestamp::from_unix_ms(ms), link: LinkNumber(link), flags, unique,
        };
        let ring = KeyRing::new(key(31), vec![]);
        let text = ring.sign(&facts).to_string();
        prop_assert_eq!(text.len(), CLICK_ID_CHARS);
        prop_assert_eq!(ring.read(&text).unwrap().1, facts);
    }

    #[test]
    fn reading_never_panics(text in ".{0,60}") {
        let _ = KeyRing::new(key(0), vec![]).read(&text);
    }
}
