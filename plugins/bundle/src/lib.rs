//! The guests that Gamma ships, as components inside this library.
//!
//! The build script compiles `plugins/adapters` and `plugins/rules` to `wasm32-unknown-unknown`,
//! encodes each core module as a component and writes the table that is included here. So a plain
//! `cargo run` has every adapter, and nothing is downloaded or found at run time. This crate holds
//! bytes and knows nobody.

/// Which world a guest exports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Inbound to claims.
    Adapter,
    /// Conversions to verdicts.
    Rule,
}

/// One shipped component.
#[derive(Clone, Copy)]
pub struct Guest {
    /// Its folder's name: `generic`, `duplicate-order`.
    pub name: &'static str,
    /// The world it exports.
    pub kind: Kind,
    /// The version of its crate.
    pub version: &'static str,
    /// SHA-256 of `component`, 64 hexadecimal digits in lower case.
    pub sha256: &'static str,
    /// The component, not precompiled.
    pub component: &'static [u8],
}

impl std::fmt::Debug for Guest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { name, kind, version, sha256, component } = self;
        let bytes = component.len();
        write!(f, "Guest {{ {name} {version}, {kind:?}, {bytes} bytes, sha256 {sha256} }}")
    }
}

/// All shipped guests, adapters first.
pub const fn guests() -> &'static [Guest] {
    GUESTS
}

include!(concat!(env!("OUT_DIR"), "/guests.rs"));

#[cfg(test)]
mod tests {
    use super::{Kind, guests};

    #[test]
    fn every_shipped_guest_is_a_component_of_bounded_size() {
        const COMPONENT_BYTES_MAX: usize = 512 * 1024;
        let names: Vec<_> = guests().iter().map(|guest| (guest.name, guest.kind)).collect();
        assert_eq!(
            names,
            [
                ("events", Kind::Adapter),
                ("generic", Kind::Adapter),
                ("trackier", Kind::Adapter),
                ("duplicate-order", Kind::Rule),
                ("velocity", Kind::Rule),
            ]
        );
        for guest in guests() {
            // The preamble of a component: version 13, layer 1.
            assert_eq!(&guest.component[..8], b"\0asm\x0d\0\x01\0", "{guest:?}");
            assert!(guest.component.len() < COMPONENT_BYTES_MAX, "{guest:?}");
            assert_eq!(guest.sha256.len(), 64);
        }
    }

    #[test]
    fn no_path_of_the_building_machine_is_inside() {
        for guest in guests() {
            for place in [env!("CARGO_MANIFEST_DIR"), "/.cargo/"] {
                let place = place.trim_end_matches("/plugins/bundle").as_bytes();
                let is_inside = guest.component.windows(place.len()).any(|part| part == place);
                assert!(!is_inside, "{guest:?} names {}", String::from_utf8_lossy(place));
            }
        }
    }
}
