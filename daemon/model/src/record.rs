//! What a journal record holds, by the kind byte of its header.

use crate::words;

words! {
    /// Kinds of journal records. The position is the kind byte on disk less one, so the order
    /// never changes.
    pub enum RecordKind {
        /// One [`crate::click::Click`], lane `clicks`.
        Click = "click",
        /// One accepted [`crate::inbound::Inbound`], lane `inbound`.
        Inbound = "inbound",
        /// One refused [`crate::inbound::Inbound`], lane `control`.
        Refusal = "refusal",
        /// One [`crate::catalog::CatalogEntry`], lane `catalog`.
        Catalog = "catalog",
        /// How many clicks were shed since the last such record, lane `control`.
        Shed = "shed",
    }
}

impl RecordKind {
    /// The kind byte in a record header; never zero, because zeros are unwritten space.
    #[must_use]
    pub const fn byte(self) -> u8 {
        self.code() + 1
    }

    /// The kind of a header byte; `None` for kinds of a later version.
    #[must_use]
    pub fn from_byte(byte: u8) -> Option<Self> {
        byte.checked_sub(1).and_then(Self::from_code)
    }
}
