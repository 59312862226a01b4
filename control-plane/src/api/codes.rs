//! Random codes that people read aloud: slugs, publishers' codes, coupons.

use rand::Rng;
use rand::RngCore;

/// 31 letters and digits of which none looks like another: no 0 and o, no 1, i and l.
pub(crate) const PLAIN: &str = "23456789abcdefghjkmnpqrstuvwxyz";

/// Characters of a generated slug.
pub(crate) const SLUG_CHARS: usize = 8;

/// Draws before we give up on finding a free code.
pub(crate) const DRAWS_MAX: usize = 16;

/// `length` characters of `alphabet`, each as likely as any other.
pub(crate) fn draw(alphabet: &str, length: usize, rng: &mut (dyn RngCore + Send)) -> String {
    let letters: Vec<char> = alphabet.chars().collect();
    if letters.is_empty() {
        return String::new();
    }
    (0..length).map(|_| letters[rng.random_range(0..letters.len())]).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;

    #[test]
    fn the_alphabet_has_31_letters_without_look_alikes() {
        let letters: BTreeSet<char> = PLAIN.chars().collect();
        assert_eq!(letters.len(), 31);
        for odd in ['0', 'o', '1', 'l', 'i'] {
            assert!(!letters.contains(&odd));
        }
        let code = draw(PLAIN, SLUG_CHARS, &mut StdRng::seed_from_u64(1));
        assert_eq!(code.len(), SLUG_CHARS);
        assert!(model::link::is_slug(&code));
    }
}
