//! What the journal writes about itself into the control lane, so that a hole in another lane is
//! explained for as long as anybody can come across it.

use crate::config::Lane;
use crate::format::u64_at;
use crate::record::KIND_FACT_MIN;
use crate::record::SeqRange;
use crate::scan::Damage;
use crate::scan::DamageClass;

const KIND_MISSING: u8 = KIND_FACT_MIN;
const KIND_DAMAGE: u8 = KIND_FACT_MIN + 1;

/// A record of the control lane with a kind of [`KIND_FACT_MIN`] or above.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fact {
    /// Sequences of a lane that will never be read again, and whether they were once durable.
    Missing { lane: Lane, range: SeqRange, class: DamageClass },
    /// Bytes of a lane that do not verify.
    Damage { lane: Lane, damage: Damage },
}

impl Fact {
    /// Kind and payload of the record.
    pub fn encode(&self) -> (u8, Vec<u8>) {
        let (kind, lane, class, numbers) = match self {
            Self::Missing { lane, range, class } => {
                (KIND_MISSING, lane, *class, vec![range.first, range.last])
            }
            Self::Damage { lane, damage } => {
                let missing = damage.missing.map_or([0, 0], |range| [range.first, range.last]);
                let place = [damage.segment, damage.start, damage.end];
                (KIND_DAMAGE, lane, damage.class, [&place[..], &missing[..]].concat())
            }
        };
        let mut out = vec![class_number(class)];
        for number in numbers {
            out.extend_from_slice(&number.to_le_bytes());
        }
        out.extend_from_slice(lane.as_str().as_bytes());
        (kind, out)
    }

    /// `None` for records that are no facts, or of a newer kind.
    pub fn decode(kind: u8, payload: &[u8]) -> Option<Self> {
        let class = class_of(*payload.first()?)?;
        let count = match kind {
            KIND_MISSING => 2,
            KIND_DAMAGE => 5,
            _ => return None,
        };
        let lane = std::str::from_utf8(payload.get(1 + 8 * count..)?).ok()?;
        let lane = Lane::from_dir_name(lane)?;
        let number = |index: usize| u64_at(payload, 1 + 8 * index);
        Some(if kind == KIND_MISSING {
            Self::Missing { lane, range: SeqRange::new(number(0), number(1))?, class }
        } else {
            let missing = SeqRange::new(number(3), number(4)).filter(|range| range.first > 0);
            let (segment, start, end) = (number(0), number(1), number(2));
            Self::Damage { lane, damage: Damage { class, segment, start, end, missing } }
        })
    }
}

fn class_number(class: DamageClass) -> u8 {
    match class {
        DamageClass::TornTail => 0,
        DamageClass::Unfinished => 1,
        DamageClass::Interior => 2,
    }
}

fn class_of(number: u8) -> Option<DamageClass> {
    let classes = [DamageClass::TornTail, DamageClass::Unfinished, DamageClass::Interior];
    classes.get(usize::from(number)).copied()
}
