//! One slice of load against one server process.

use std::net::SocketAddr;
use std::time::Duration;

use crate::child::Server;
use crate::load;
use crate::load::Load;
use crate::load::Outcome;
use crate::load::Pace;
use crate::pair::Reading;
use crate::usage::Usage;

/// Loads `server` for `span` and reads what it cost. The value is left to the caller.
///
/// # Errors
///
/// The server is gone.
pub(super) fn visit(
    server: &Server,
    load: Load,
    request: &mut dyn FnMut(&mut Vec<u8>),
) -> anyhow::Result<(Reading, Outcome)> {
    let (own, theirs) = (std::process::id(), server.pid());
    let before = (Usage::of(theirs)?, Usage::of(own)?);
    let outcome = load::run(&load, request)?;
    let reading = Reading {
        value: 0.0,
        count: outcome.answered,
        wrong: outcome.wrong,
        late: outcome.late,
        server: Usage::of(theirs)?.since(before.0),
        generator: Usage::of(own)?.since(before.1),
        is_open_loop: load.pace != Pace::Closed,
        shares_core: false,
    };
    Ok((reading, outcome))
}

/// A closed loop.
pub(super) fn closed(address: SocketAddr, connections: usize, span: Duration, status: u16) -> Load {
    Load { address, connections, pace: Pace::Closed, span, status }
}
