//! Golden bytes: what is on disks out there must be readable for ever.

use crate::config::ConfigError;
use crate::config::JournalConfig;
use crate::config::Lane;
use crate::config::LaneConfig;
use crate::fact::Fact;
use crate::format::Frame;
use crate::format::HEADER_BYTES;
use crate::format::Head;
use crate::format::Seal;
use crate::format::SegmentHeader;
use crate::format::merge_down;
use crate::record::Record;
use crate::record::SeqRange;
use crate::scan::Damage;
use crate::scan::DamageClass;

fn header() -> SegmentHeader {
    SegmentHeader {
        journal: *b"0123456789abcdef",
        segment: 7,
        salt: 0x1122_3344_5566_7788,
        created_at: 1_700_000_000_000_000,
        first_seq: 42,
        planned_bytes: 64 << 20,
    }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut out, byte| {
        write!(out, "{byte:02x}").expect("a string takes everything");
        out
    })
}

#[test]
fn a_header_is_these_bytes_and_no_others() {
    let bytes = header().encode(&Lane::Inbound);
    let expected = concat!(
        "67616d6d616a726e",
        "0100",
        "0040",
        "30313233343536373839616263646566",
        "0700000000000000",
        "8877665544332211",
        "00407a10f35a0600"
    );
    assert!(hex(&bytes).starts_with(&expected[..88]), "{}", hex(&bytes));
    assert_eq!(SegmentHeader::decode(&bytes, &Lane::Inbound), Some(header()));
    assert_eq!(SegmentHeader::decode(&bytes, &Lane::Clicks), None, "another lane's");
    assert_eq!(SegmentHeader::decode(&bytes[..HEADER_BYTES - 1], &Lane::Inbound), None);
    for bit in 0..HEADER_BYTES * 8 {
        let mut flipped = bytes;
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(SegmentHeader::decode(&flipped, &Lane::Inbound), None, "bit {bit}");
    }
}

#[test]
fn a_record_is_these_bytes_and_no_others() {
    let mut out = Vec::new();
    let record = Record { kind: 1, flags: 2, received_at: 3, payload: b"hello" };
    Frame::new(9, false).put(&mut out, 64, 42, record);
    let fields = concat!("05000000", "01", "02", "0000", "2a00000000000000", "0300000000000000");
    assert!(hex(&out).starts_with(fields), "{}", hex(&out));
    assert_eq!(&out[28..], b"hello\0\0\0\0\0\0\0", "payload and padding");
    let head = Head::decode(&out, 5).expect("a record");
    let frame = Frame::new(9, false);
    assert!(frame.verifies(64, &head, b"hello"));
    assert!(!frame.verifies(72, &head, b"hello"), "at another place");
    assert!(!Frame::new(8, false).verifies(64, &head, b"hello"), "in another segment");
    assert!(!frame.verifies(64, &head, b"hellp"));
    assert_eq!(Head::decode(&out, 4), None, "over the cap, decided by the length alone");
    assert_eq!(Head::decode(&[0; 28], 4), None, "no length is no record");
}

#[test]
fn a_seal_names_what_was_missing() {
    let missing = vec![SeqRange { first: 3, last: 4 }, SeqRange { first: 9, last: 9 }];
    let seal = Seal { last_seq: 12, synced_seq: 2, recovered: true, missing };
    let payload = seal.encode(&header(), &Lane::Inbound);
    let mut out = Vec::new();
    let record = Record { kind: 0xfe, flags: seal.flags(), received_at: 0, payload: &payload };
    Frame::new(1, false).put(&mut out, 0, 12, record);
    let head = Head::decode(&out, 1).expect("the cap of records does not bind framing");
    let (identity, decoded) = Seal::decode(&head, &payload, &Lane::Inbound).expect("a seal");
    assert_eq!((identity.segment, decoded), (7, seal));
    assert_eq!(Seal::decode(&head, &payload[..60], &Lane::Inbound), None);
    assert_eq!(Seal::decode(&head, &payload, &Lane::Clicks), None);
}

#[test]
fn too_many_ranges_become_wider_ones() {
    let ranges: Vec<_> = [(1, 1), (2, 3), (7, 7), (9, 9)]
        .into_iter()
        .filter_map(|(first, last)| SeqRange::new(first, last))
        .collect();
    let merged = merge_down(&ranges, 2);
    assert_eq!(merged, [SeqRange { first: 1, last: 3 }, SeqRange { first: 7, last: 9 }]);
}

#[test]
fn facts_survive_their_encoding() {
    let missing = SeqRange::new(5, 8);
    let damage = Damage { class: DamageClass::Unfinished, segment: 2, start: 64, end: 72, missing };
    let lane = Lane::named("catalog").expect("a name");
    let facts = [
        Fact::Missing { lane, range: SeqRange { first: 1, last: 2 }, class: DamageClass::Interior },
        Fact::Damage { lane: Lane::Clicks, damage },
        Fact::Damage { lane: Lane::Clicks, damage: Damage { missing: None, ..damage } },
    ];
    for fact in facts {
        let (kind, payload) = fact.encode();
        assert_eq!(Fact::decode(kind, &payload), Some(fact));
        for length in 0..payload.len() {
            let _ = Fact::decode(kind, &payload[..length]);
        }
    }
    assert_eq!(Fact::decode(1, b"click"), None);
}

#[test]
fn limits_that_contradict_each_other_are_refused() {
    let refused = |config: LaneConfig| match config.validate() {
        Err(ConfigError::Limit { limit, .. }) => limit,
        other => panic!("{other:?}"),
    };
    let inbound = LaneConfig::inbound;
    for lane in JournalConfig::daemon().lanes {
        assert_eq!(lane.validate(), Ok(()));
    }
    assert_eq!(refused(LaneConfig { segment_bytes: 5000, ..inbound() }), "segment_bytes");
    assert_eq!(
        refused(LaneConfig { first_segment_bytes: 4096, ..inbound() }),
        "first_segment_bytes"
    );
    assert_eq!(refused(LaneConfig { payload_bytes_max: 0, ..inbound() }), "payload_bytes_max");
    assert_eq!(refused(LaneConfig { quota_bytes: 64 << 20, ..inbound() }), "quota_bytes");
    assert_eq!(refused(LaneConfig { queue_bytes_max: 10, ..inbound() }), "queue_bytes_max");
    let twice = JournalConfig { lanes: vec![inbound(), inbound()], scrub_bytes_per_second: 0 };
    assert_eq!(twice.validate(), Err(ConfigError::Twice(Lane::Inbound)));
    for name in ["", "inbound", "cursors", "Ab", "../x", "-a", "a b"] {
        assert!(Lane::named(name).is_err(), "{name}");
    }
}
