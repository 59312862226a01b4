//! A stretch of time as people write it: `"24h"`, `"90m"`, `"30s"`, `"7d"`, or a number of seconds.

use std::time::Duration;

use serde::Deserialize;
use serde::Deserializer;
use serde::Serialize;
use serde::Serializer;
use serde::de::Error as _;

/// Seconds of each unit, largest first.
const UNITS: [(char, u64); 4] = [('d', 86_400), ('h', 3_600), ('m', 60), ('s', 1)];

/// Whole seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window(pub Duration);

#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Seconds(u64),
    Text(String),
}

fn read(text: &str) -> Option<Duration> {
    let (unit, seconds) = UNITS.into_iter().find(|(unit, _)| text.ends_with(*unit))?;
    let count: u64 = text.strip_suffix(unit)?.trim().parse().ok()?;
    count.checked_mul(seconds).map(Duration::from_secs)
}

impl<'de> Deserialize<'de> for Window {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Written::deserialize(deserializer)? {
            Written::Seconds(seconds) => Ok(Self(Duration::from_secs(seconds))),
            Written::Text(text) => read(&text)
                .map(Self)
                .ok_or_else(|| D::Error::custom(format!("{text:?} is not a time such as \"24h\""))),
        }
    }
}

impl Serialize for Window {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let seconds = self.0.as_secs();
        // Hours read better than days to those who think of the default.
        let fits = |per_unit: u64| seconds > 0 && seconds.is_multiple_of(per_unit);
        let text = match UNITS[1..].iter().find(|(_, per_unit)| fits(*per_unit)) {
            Some((unit, per_unit)) => format!("{}{unit}", seconds / per_unit),
            None => format!("{seconds}s"),
        };
        serializer.serialize_str(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_with_a_unit() {
        for (text, seconds) in [("24h", 86_400), ("7d", 604_800), ("90m", 5_400), ("1s", 1)] {
            assert_eq!(read(text), Some(Duration::from_secs(seconds)));
        }
        for bad in ["", "h", "24", "-1h", "1.5h", "1w", "99999999999999999999d"] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }
}
