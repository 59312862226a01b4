//! What can go wrong, by who has to act.

use crate::values::Refusal;

/// Why a call, or one record of it, has no result. Nothing of it is ever an approval: the caller
/// holds.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// No plugin of that name.
    #[error("no such plugin")]
    Unknown,
    /// An adapter was asked to judge, or a rule to adapt.
    #[error("the plugin is of another kind")]
    WrongKind,
    /// Still compiling: leave the records in the journal and come again.
    #[error("the plugin is still being compiled")]
    NotReady,
    /// The component was refused at load; somebody must install a good one.
    #[error("the component was refused: {0}")]
    Refused(String),
    /// The queue of calls is full: come again.
    #[error("too many calls are waiting")]
    Busy,
    /// The guest cannot use the configuration; the text is its own.
    #[error("the configuration cannot be used: {0}")]
    BadConfig(String),
    /// The guest trapped: unreachable code, a bad access, its stack.
    #[error("the plugin trapped")]
    Trap,
    /// The guest ran longer than the wall time of a call.
    #[error("the plugin ran too long")]
    Timeout,
    /// The guest executed more instructions than a call may.
    #[error("the plugin used up its instructions")]
    OutOfFuel,
    /// The guest pushed more bytes at the host than a call may.
    #[error("the plugin returned too much")]
    OutputTooLarge,
    /// The guest asked for more memory or table than it may have.
    #[error("the plugin asked for too much memory")]
    Memory,
    /// A returned value is outside its limits; the text names the field.
    #[error("the plugin returned a bad value: {0}")]
    BadOutput(String),
    /// Too many failures of this plugin for this tenant, and no earlier version to fall back to.
    #[error("the plugin failed too often and is paused")]
    BreakerOpen,
    /// The host is shutting down.
    #[error("the plugin host has stopped")]
    Stopped,
}

impl CallError {
    /// The word of the metric's label, from a closed set.
    pub const fn outcome(&self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::WrongKind => "wrong_kind",
            Self::NotReady => "not_ready",
            Self::Refused(_) => "refused",
            Self::Busy => "busy",
            Self::BadConfig(_) => "bad_config",
            Self::Trap => "trap",
            Self::Timeout => "timeout",
            Self::OutOfFuel => "out_of_fuel",
            Self::OutputTooLarge => "output_too_large",
            Self::Memory => "memory",
            Self::BadOutput(_) => "bad_output",
            Self::BreakerOpen => "breaker_open",
            Self::Stopped => "stopped",
        }
    }

    /// Whether the guest itself failed, so that its instance is spent and the breaker counts.
    pub(crate) const fn is_guests_fault(&self) -> bool {
        matches!(
            self,
            Self::Trap
                | Self::Timeout
                | Self::OutOfFuel
                | Self::OutputTooLarge
                | Self::Memory
                | Self::BadOutput(_)
        )
    }
}

/// Why one inbound has no claims.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AdaptError {
    /// The adapter read it and refuses it.
    Refused(Refusal),
    /// The adapter failed on it; reason `adapter_error`.
    Failed(CallError),
}

/// Why a component cannot be loaded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LoadError {
    /// Larger than a component may be.
    #[error("the component has {bytes} bytes, more than {bytes_max}")]
    TooLarge {
        /// Its size.
        bytes: usize,
        /// The limit.
        bytes_max: usize,
    },
    /// The bytes do not begin like a component; precompiled code is never taken.
    #[error("the bytes are no component")]
    NotComponent,
    /// The name is taken by a plugin of another kind.
    #[error("a plugin of another kind has this name")]
    WrongKind,
    /// Names are 1 to 64 characters out of a-z, 0-9 and hyphen.
    #[error("the name is not usable")]
    BadName,
}

/// Why a version cannot become the active one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ActivateError {
    /// No plugin of that name, or no version of that digest.
    #[error("no such plugin or version")]
    Unknown,
    /// Still compiling.
    #[error("the version is still being compiled")]
    NotReady,
    /// It was refused at compile time.
    #[error("the component was refused: {0}")]
    Refused(String),
}

/// Why the host cannot start.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// The engine refuses its configuration on this machine.
    #[error("the engine cannot be made: {0}")]
    Engine(String),
    /// A thread cannot be started.
    #[error("a thread cannot be started")]
    Thread(#[source] std::io::Error),
}
