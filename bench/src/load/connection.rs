//! One keep-alive connection of the generator.

use std::io;
use std::io::Read;
use std::io::Write;
use std::net::SocketAddr;
use std::net::TcpStream;
use std::time::Duration;
use std::time::Instant;

use crate::clock;

/// What reading brought.
pub(super) enum Progress {
    /// More is to come.
    Partial,
    /// A whole answer.
    Answer { is_right: bool, latency: Duration },
    /// The connection ended, or what came is no answer.
    Broken,
}

pub(super) struct Connection {
    stream: TcpStream,
    /// Since when the answer is awaited; `None` while idle.
    asked: Option<Instant>,
    idle_since: Instant,
    out: Vec<u8>,
    answer: Vec<u8>,
}

impl Connection {
    pub(super) fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect_timeout(&address, Duration::from_secs(5))?;
        stream.set_nodelay(true)?;
        // Requests are small and the answer of the last one is there, so writing does not block;
        // reading must not.
        stream.set_nonblocking(true)?;
        let (out, answer) = (Vec::with_capacity(2048), Vec::with_capacity(4096));
        Ok(Self { stream, asked: None, idle_since: clock::now(), out, answer })
    }

    pub(super) fn stream(&self) -> &TcpStream {
        &self.stream
    }

    pub(super) fn is_idle(&self) -> bool {
        self.asked.is_none()
    }

    pub(super) fn idle_since(&self) -> Instant {
        self.idle_since
    }

    pub(super) fn rest(&mut self, now: Instant) {
        self.asked = None;
        self.idle_since = now;
    }

    /// Sends one request whose latency counts from `since`.
    pub(super) fn send(
        &mut self,
        since: Instant,
        request: &mut dyn FnMut(&mut Vec<u8>),
    ) -> io::Result<()> {
        self.out.clear();
        self.answer.clear();
        request(&mut self.out);
        self.asked = Some(since);
        match self.stream.write_all(&self.out) {
            // The end of the connection shows when the answer is read.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Err(error),
            _ => Ok(()),
        }
    }

    pub(super) fn receive(&mut self, status: u16) -> Progress {
        let mut block = [0_u8; 8192];
        match self.stream.read(&mut block) {
            Ok(0) => return Progress::Broken,
            Ok(count) => self.answer.extend_from_slice(&block[..count]),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                return Progress::Partial;
            }
            Err(_) => return Progress::Broken,
        }
        let Some(is_right) = whole(&self.answer, status) else { return Progress::Partial };
        let latency = self.asked.map_or(Duration::ZERO, |asked| clock::now() - asked);
        Progress::Answer { is_right, latency }
    }
}

/// `None` while the answer is incomplete; else whether it has `status`. An answer without a length
/// has no body.
pub(super) fn whole(answer: &[u8], status: u16) -> Option<bool> {
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let head = std::str::from_utf8(&answer[..end]).unwrap_or_default();
    let length: usize = head
        .split("\r\n")
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .and_then(|(_, value)| value.trim().parse().ok())
        .unwrap_or_default();
    if answer.len() < end + length {
        return None;
    }
    let code = head.get(9..12).and_then(|code| code.parse::<u16>().ok());
    Some(code == Some(status) && answer.len() == end + length)
}
