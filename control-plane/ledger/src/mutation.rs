//! Faults that tests plant to show that the checks notice them. A build without tests has none.

/// What is broken on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(crate) enum Mutation {
    #[default]
    None,
    /// Every part of a split is rounded down.
    #[cfg(test)]
    RoundDown,
    /// The last posting of a transaction is lost.
    #[cfg(test)]
    DropPosting,
}
