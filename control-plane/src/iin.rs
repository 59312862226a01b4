//! Numbers of persons (IIN) and organisations (BIN) of Kazakhstan: twelve digits, the last of which
//! checks the others.
//!
//! Only the check digit refuses. Since decree 853 of 26.08.2013 the digits of a birthday need not
//! match the person.

/// Weights of the second pass, where the first gives ten.
const SECOND: [u32; 11] = [3, 4, 5, 6, 7, 8, 9, 10, 11, 1, 2];

/// Whether a text is such a number.
pub(crate) fn is_valid(text: &str) -> bool {
    let digits: Option<Vec<u32>> = text.chars().map(|letter| letter.to_digit(10)).collect();
    let Some(digits) = digits.filter(|digits| digits.len() == 12) else { return false };
    let sum = |weights: &mut dyn Iterator<Item = u32>| -> u32 {
        digits.iter().zip(weights).map(|(digit, weight)| digit * weight).sum::<u32>() % 11
    };
    let mut check = sum(&mut (1..=11));
    if check == 10 {
        check = sum(&mut SECOND.into_iter());
    }
    check != 10 && digits[11] == check
}

#[cfg(test)]
mod tests {
    use super::is_valid;

    #[test]
    fn the_check_digit_decides() {
        for number in
            ["900101300007", "900101300017", "900101300811", "260140000015", "260140000604"]
        {
            assert!(is_valid(number), "{number}");
        }
        for prefix in ["90010130080", "26014000063"] {
            for digit in 0..10 {
                assert!(!is_valid(&format!("{prefix}{digit}")), "{prefix}{digit} cannot exist");
            }
        }
        for text in ["", "900101300008", "90010130000", "9001013000070", "90010130000x"] {
            assert!(!is_valid(text), "{text}");
        }
    }
}
