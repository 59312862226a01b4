//! Times that an outside system states.

const MICROS_PER_SECOND: i64 = 1_000_000;

/// RFC 3339 (`2026-11-20T05:15:00Z`, with an offset, with up to nine digits of a second) or a Unix
/// time of 10 digits (seconds) or 13 digits (milliseconds), as microseconds since 1970. None for
/// anything else, and before 1970.
pub fn micros(text: &str) -> Option<i64> {
    moment(text).filter(|micros| *micros >= 0)
}

fn moment(text: &str) -> Option<i64> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        let number: i64 = text.parse().ok()?;
        return match text.len() {
            10 => number.checked_mul(MICROS_PER_SECOND),
            13 => number.checked_mul(1_000),
            _ => None,
        };
    }
    if !text.is_ascii() || text.len() < 20 {
        return None;
    }
    let bytes = text.as_bytes();
    let is_marked = bytes[4] == b'-'
        && bytes[7] == b'-'
        && matches!(bytes[10], b'T' | b't' | b' ')
        && bytes[13] == b':'
        && bytes[16] == b':';
    if !is_marked {
        return None;
    }
    let (year, month, day) = (number(&text[..4])?, number(&text[5..7])?, number(&text[8..10])?);
    let (hour, minute) = (number(&text[11..13])?, number(&text[14..16])?);
    // A leap second is the last one of its minute for us.
    let second = number(&text[17..19])?.min(59);
    let is_real = (1..=12).contains(&month)
        && (1..=days_in(year, month)).contains(&day)
        && hour < 24
        && minute < 60
        && number(&text[17..19])? <= 60;
    if !is_real {
        return None;
    }
    let (fraction, zone) = fraction(&text[19..])?;
    let seconds = days_since_1970(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second;
    Some((seconds - offset(zone)?) * MICROS_PER_SECOND + fraction)
}

fn number(digits: &str) -> Option<i64> {
    if digits.bytes().all(|byte| byte.is_ascii_digit()) { digits.parse().ok() } else { None }
}

/// The microseconds of `.123456789…`, and the rest.
fn fraction(text: &str) -> Option<(i64, &str)> {
    let Some(rest) = text.strip_prefix('.') else { return Some((0, text)) };
    let length = rest.bytes().take_while(u8::is_ascii_digit).count();
    if !(1..=9).contains(&length) {
        return None;
    }
    let mut micros = 0;
    for index in 0..6 {
        let digit = if index < length { i64::from(rest.as_bytes()[index] - b'0') } else { 0 };
        micros = micros * 10 + digit;
    }
    Some((micros, &rest[length..]))
}

/// Seconds east of UTC.
fn offset(zone: &str) -> Option<i64> {
    if matches!(zone, "Z" | "z") {
        return Some(0);
    }
    let bytes = zone.as_bytes();
    if bytes.len() != 6 || bytes[3] != b':' {
        return None;
    }
    let sign = match bytes[0] {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let (hours, minutes) = (number(&zone[1..3])?, number(&zone[4..])?);
    if hours < 24 && minutes < 60 { Some(sign * (hours * 3_600 + minutes * 60)) } else { None }
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn days_in(year: i64, month: i64) -> i64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days of the proleptic Gregorian calendar; years count from March, so that the leap day is the
/// last of its year.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month <= 2 { (year - 1, month + 9) } else { (year, month - 3) };
    let leaps = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    year * 365 + leaps + (153 * month + 2) / 5 + day - 1 - 719_468
}

#[cfg(test)]
mod tests {
    use super::micros;

    #[test]
    fn instants_are_microseconds_since_1970() {
        for (text, expected) in [
            ("1970-01-01T00:00:00Z", 0),
            ("2026-11-20T05:15:00Z", 1_795_151_700_000_000),
            ("2026-11-20T10:15:00+05:00", 1_795_151_700_000_000),
            ("2000-02-29T23:59:60.5Z", 951_868_799_500_000),
            ("2026-11-20 05:15:00.123456789Z", 1_795_151_700_123_456),
            ("1795151700", 1_795_151_700_000_000),
            ("1795151700123", 1_795_151_700_123_000),
        ] {
            assert_eq!(micros(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_instant_is_none() {
        for text in [
            "1969-12-31T23:59:59.999999Z",
            "",
            "now",
            "2026-11-20",
            "2026-02-30T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "12345",
            "2026-11-20T05:15:00",
            "2026-11-20T25:15:00Z",
            "2026-11-20T05:15:00+5",
            "2026-11-20T05:15:61Z",
            "2026-11-20T05:15:00.Z",
            "é026-11-20T05:15:00Z",
        ] {
            assert_eq!(micros(text), None, "{text}");
        }
    }
}
