//! Closed sets of words: one enum per set, the same spelling in code, SQL, metrics, logs and the
//! API.

/// Declares an enum whose variants are words of a closed set, with `as_str`, `parse` and `ALL`.
#[macro_export]
macro_rules! words {
    ($(#[$meta:meta])* pub enum $name:ident {
        $($(#[$variant_meta:meta])* $variant:ident = $word:literal),+ $(,)?
    }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum $name { $($(#[$variant_meta])* $variant),+ }

        impl $name {
            /// Every word of the set, in declaration order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The word as it is spelled outside.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }

            /// The value of a word; `None` for anything outside the set.
            #[must_use]
            pub fn parse(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$variant),)+ _ => None }
            }

            /// The position in [`Self::ALL`]: what the wire carries.
            #[must_use]
            pub const fn code(self) -> u8 { self as u8 }

            /// The value at a position; `None` for a code that this version does not know.
            #[must_use]
            pub fn from_code(code: u8) -> Option<Self> { Self::ALL.get(usize::from(code)).copied() }
        }

        impl ::core::fmt::Display for $name {
            fn fmt(&self, formatter: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                formatter.write_str(self.as_str())
            }
        }
    };
}
