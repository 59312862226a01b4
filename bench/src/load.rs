//! The generator: one thread, epoll, prepared requests, keep-alive connections.
//!
//! *Closed loop*: each connection sends its next request when its answer is there. It asks what a
//! request costs. *Open loop*: requests are due at constant intervals whatever the server does, and
//! a latency counts from the moment the request was **due**, not from when it could be sent. It
//! asks what a visitor feels: a server that pauses makes every request behind the pause late, and a
//! closed loop would hide that by waiting with it.

mod connection;

use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use std::time::Instant;

use hdrhistogram::Histogram;
use rustix::buffer::spare_capacity;
use rustix::event::Timespec;
use rustix::event::epoll;

use crate::clock;
use connection::Connection;
use connection::Progress;

/// Sent later than this after it was due, though a connection was free, a request counts as late:
/// the generator's own fault.
const LATE: Duration = Duration::from_millis(1);
/// Latencies are kept from 1 µs to 60 s with 3 digits.
const LATENCY_US_MAX: u64 = 60_000_000;
/// After the last request was due, answers may take this long.
const TAIL: Duration = Duration::from_secs(10);

/// How requests are spaced.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Pace {
    /// The next request follows the answer.
    Closed,
    /// So many per second, come what may.
    Open {
        /// Arrivals per second, greater than zero.
        per_second: f64,
    },
}

/// One slice of load.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    /// Where the server listens.
    pub address: SocketAddr,
    /// Keep-alive connections.
    pub connections: usize,
    /// How requests are spaced.
    pub pace: Pace,
    /// How long requests are sent.
    pub span: Duration,
    /// The status every answer must have.
    pub status: u16,
}

/// What one slice showed.
#[derive(Debug)]
pub struct Outcome {
    /// Answers with the right status.
    pub answered: u64,
    /// Others, broken connections included.
    pub wrong: u64,
    /// Requests that the generator itself sent too late.
    pub late: u64,
    /// Requests sent.
    pub sent: u64,
    /// From the first request to the last answer.
    pub seconds: f64,
    /// When each right answer came, in that order.
    pub answers: Vec<Instant>,
    /// Microseconds from when a request was due (open) or sent (closed) to its answer.
    pub latency: Histogram<u64>,
}

/// Runs one slice. `request` appends the next request's bytes.
///
/// # Errors
///
/// The server cannot be reached, or epoll fails.
pub fn run(load: &Load, request: &mut dyn FnMut(&mut Vec<u8>)) -> io::Result<Outcome> {
    let mut generator = Generator::connect(load)?;
    generator.drive(request)?;
    Ok(generator.outcome())
}

struct Generator {
    load: Load,
    poll: rustix::fd::OwnedFd,
    connections: Vec<Connection>,
    idle: Vec<usize>,
    begin: Instant,
    end: Instant,
    last_answer: Instant,
    due_count: u64,
    sent: u64,
    answered: u64,
    wrong: u64,
    late: u64,
    answers: Vec<Instant>,
    latency: Histogram<u64>,
}

impl Generator {
    fn connect(load: &Load) -> io::Result<Self> {
        let poll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let mut connections = Vec::with_capacity(load.connections);
        for number in 0..load.connections {
            let connection = Connection::open(load.address)?;
            let data = epoll::EventData::new_u64(number as u64);
            epoll::add(&poll, connection.stream(), data, epoll::EventFlags::IN)?;
            connections.push(connection);
        }
        let latency = Histogram::new_with_bounds(1, LATENCY_US_MAX, 3)
            .map_err(|error| io::Error::other(format!("{error:?}")))?;
        let begin = clock::now();
        Ok(Self {
            load: *load,
            poll,
            idle: (0..connections.len()).rev().collect(),
            connections,
            begin,
            end: begin + load.span,
            last_answer: begin,
            due_count: 0,
            sent: 0,
            answered: 0,
            wrong: 0,
            late: 0,
            answers: Vec::new(),
            latency,
        })
    }

    fn drive(&mut self, request: &mut dyn FnMut(&mut Vec<u8>)) -> io::Result<()> {
        self.begin = clock::now();
        self.end = self.begin + self.load.span;
        let mut events = Vec::with_capacity(256);
        loop {
            let now = clock::now();
            self.send_due(now, request)?;
            let is_quiet = self.idle.len() == self.connections.len();
            if now >= self.end && (is_quiet || now >= self.end + TAIL) {
                self.wrong += (self.connections.len() - self.idle.len()) as u64;
                return Ok(());
            }
            let wait = self.wait_time(now);
            events.clear();
            match epoll::wait(&self.poll, spare_capacity(&mut events), Some(&wait)) {
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
            for event in &events {
                self.receive(usize::try_from(event.data.u64()).unwrap_or_default())?;
            }
        }
    }

    /// When the next request is due; `None` at the end of the slice.
    fn next_due(&self) -> Option<Instant> {
        let due = match self.load.pace {
            Pace::Closed => self.begin,
            Pace::Open { per_second } => {
                self.begin + Duration::from_secs_f64(self.due_count as f64 / per_second)
            }
        };
        (due < self.end).then_some(due)
    }

    fn send_due(&mut self, now: Instant, request: &mut dyn FnMut(&mut Vec<u8>)) -> io::Result<()> {
        while let Some(due) = self.next_due() {
            let is_open = self.load.pace != Pace::Closed;
            if (is_open && due > now) || (!is_open && now >= self.end) {
                return Ok(());
            }
            let Some(number) = self.idle.pop() else { return Ok(()) };
            let connection = &mut self.connections[number];
            // Only the generator is to blame when the connection had been free since the request
            // was due.
            if is_open && now.duration_since(due) > LATE && connection.idle_since() <= due {
                self.late += 1;
            }
            connection.send(if is_open { due } else { clock::now() }, request)?;
            self.due_count += 1;
            self.sent += 1;
        }
        Ok(())
    }

    fn wait_time(&self, now: Instant) -> Timespec {
        let until = match self.load.pace {
            Pace::Open { .. } if !self.idle.is_empty() => self.next_due().unwrap_or(self.end),
            _ => self.end,
        };
        let wait = until.max(now).duration_since(now).min(Duration::from_millis(100));
        // After the end there is nothing to be on time for.
        let wait = if now >= self.end { Duration::from_millis(10) } else { wait };
        Timespec {
            tv_sec: i64::try_from(wait.as_secs()).unwrap_or_default(),
            tv_nsec: i64::from(wait.subsec_nanos()),
        }
    }

    fn receive(&mut self, number: usize) -> io::Result<()> {
        let connection = &mut self.connections[number];
        if connection.is_idle() {
            // The server closed a connection that waited: a new one takes its place.
            return self.replace(number);
        }
        match connection.receive(self.load.status) {
            Progress::Partial => return Ok(()),
            Progress::Answer { is_right, latency } => {
                self.answered += u64::from(is_right);
                self.wrong += u64::from(!is_right);
                let micros = u64::try_from(latency.as_micros()).unwrap_or(LATENCY_US_MAX);
                self.latency.saturating_record(micros.max(1));
            }
            Progress::Broken => {
                self.wrong += 1;
                self.replace(number)?;
            }
        }
        self.last_answer = clock::now();
        if self.answers.len() < usize::try_from(self.answered).unwrap_or_default() {
            self.answers.push(self.last_answer);
        }
        self.connections[number].rest(self.last_answer);
        self.idle.push(number);
        Ok(())
    }

    fn replace(&mut self, number: usize) -> io::Result<()> {
        let connection = Connection::open(self.load.address)?;
        let data = epoll::EventData::new_u64(number as u64);
        epoll::add(&self.poll, connection.stream(), data, epoll::EventFlags::IN)?;
        self.connections[number] = connection;
        Ok(())
    }

    fn outcome(self) -> Outcome {
        Outcome {
            answered: self.answered,
            wrong: self.wrong,
            late: self.late,
            sent: self.sent,
            seconds: self.last_answer.duration_since(self.begin).as_secs_f64(),
            answers: self.answers,
            latency: self.latency,
        }
    }
}

#[cfg(test)]
mod tests;
