//! What a thread knows about each of its connections, and the sweep that closes late ones.
//!
//! # Why no timers
//!
//! A timer per request is a clock reading, an allocation and a place in a wheel, on every request,
//! for the sake of the few that are late. Here a connection notes in which phase it is since which
//! tick, and once a tick all of them are looked at. Time is counted in ticks, so a machine that was
//! stopped does not close everybody when it wakes up.

use std::cell::Cell;
use std::cell::RefCell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::Context;
use std::task::Poll;
use std::task::Waker;
use std::time::Duration;

use tokio::io::AsyncRead;
use tokio::io::AsyncWrite;
use tokio::io::ReadBuf;
use tokio::net::TcpStream;

use crate::listener::framing::LengthLines;
use crate::metrics::CloseReason;

/// How long a connection may stay in each phase.
#[derive(Debug, Clone, Copy)]
pub struct Deadlines {
    /// From accept to the first byte of the first request.
    pub first_request: Duration,
    /// From the first byte of a head to its end.
    pub headers: Duration,
    /// From the head to the end of the body; twice that for one that keeps its rate.
    pub body: Duration,
    /// Bytes per second that a body must have brought when its deadline comes.
    pub body_rate_min: u32,
    /// Without a request on an open connection.
    pub keep_alive: Duration,
    /// For an answer to be made and taken.
    pub answer: Duration,
    /// For the rest of a refused request to arrive after our answer.
    pub linger: Duration,
    /// How often all connections are looked at.
    pub tick: Duration,
}

/// What a connection is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Accepted, nothing read.
    First,
    /// Between requests.
    Idle,
    Head,
    Body,
    /// The rooms are working.
    Busy,
    /// The answer is being sent.
    Answer,
    /// Answered and closing, reading what still comes.
    Linger,
}

/// One connection.
#[derive(Debug)]
pub struct Slot {
    phase: Cell<Phase>,
    since_tick: Cell<u64>,
    body_bytes: Cell<u64>,
    lengths: Cell<LengthLines>,
    /// Its place in the thread's list.
    place: Cell<usize>,
    waker: RefCell<Option<Waker>>,
    closing: Cell<Option<CloseReason>>,
    /// The other side shall hear our answer before the connection goes.
    lingers: Cell<bool>,
    ticks: Rc<Cell<u64>>,
}

impl Slot {
    pub fn enter(&self, phase: Phase) {
        self.phase.set(phase);
        self.since_tick.set(self.ticks.get());
        if phase == Phase::Body {
            self.body_bytes.set(0);
        }
    }

    /// Whether the head that was read last had two lengths.
    pub fn has_two_lengths(&self) -> bool {
        self.lengths.get().is_doubled()
    }

    /// Whether the head that is being read has a first line that nobody parses.
    pub fn has_long_line(&self) -> bool {
        self.lengths.get().is_first_long()
    }

    /// Why the sweep wants this connection closed.
    pub fn closing(&self) -> Option<CloseReason> {
        self.closing.get()
    }

    pub fn set_lingers(&self) {
        self.lingers.set(true);
    }

    pub fn lingers(&self) -> bool {
        self.lingers.get()
    }

    /// Notes who shall be woken when the sweep decides something.
    pub fn note_waker(&self, context: &Context<'_>) {
        let mut held = self.waker.borrow_mut();
        if !held.as_ref().is_some_and(|waker| waker.will_wake(context.waker())) {
            *held = Some(context.waker().clone());
        }
    }

    fn wake(&self) {
        if let Some(waker) = &*self.waker.borrow() {
            waker.wake_by_ref();
        }
    }

    fn close(&self, reason: CloseReason) {
        self.closing.set(Some(reason));
        self.wake();
    }

    fn age(&self, tick: Duration) -> Duration {
        let ticks = self.ticks.get().saturating_sub(self.since_tick.get());
        tick.saturating_mul(u32::try_from(ticks).unwrap_or(u32::MAX))
    }

    /// Why this connection is late, if it is.
    fn late(&self, deadlines: &Deadlines) -> Option<CloseReason> {
        // What began within a tick may be a tick younger than it looks.
        let age = self.age(deadlines.tick).saturating_sub(deadlines.tick);
        let (limit, reason) = match self.phase.get() {
            Phase::First => (deadlines.first_request, CloseReason::FirstRequest),
            Phase::Idle => (deadlines.keep_alive, CloseReason::KeepAlive),
            Phase::Head => (deadlines.headers, CloseReason::Headers),
            Phase::Body => (self.body_limit(deadlines, age), CloseReason::Body),
            Phase::Busy | Phase::Answer => (deadlines.answer, CloseReason::Slow),
            Phase::Linger => (deadlines.linger, CloseReason::Slow),
        };
        (age >= limit).then_some(reason)
    }

    /// A sender that stalls has its whole deadline to go on; one that brings enough has two.
    fn body_limit(&self, deadlines: &Deadlines, age: Duration) -> Duration {
        let wanted = u64::from(deadlines.body_rate_min).saturating_mul(age.as_secs());
        let keeps_rate = wanted > 0 && self.body_bytes.get() >= wanted;
        deadlines.body.saturating_mul(if keeps_rate { 2 } else { 1 })
    }
}

/// The connections of one thread.
#[derive(Debug)]
pub struct Slots {
    held: RefCell<Vec<Rc<Slot>>>,
    ticks: Rc<Cell<u64>>,
    is_draining: Cell<bool>,
    deadlines: Deadlines,
    connections_max: usize,
}

impl Slots {
    #[must_use]
    pub fn new(deadlines: Deadlines, connections_max: usize) -> Self {
        Self {
            held: RefCell::default(),
            ticks: Rc::default(),
            is_draining: Cell::new(false),
            deadlines,
            connections_max,
        }
    }

    /// Whether a new connection needs [`Self::make_room`] first.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.held.borrow().len() >= self.connections_max
    }

    /// A place for a new connection; none when all are taken.
    #[must_use]
    pub fn take(&self) -> Option<Rc<Slot>> {
        if self.is_full() {
            return None;
        }
        let mut held = self.held.borrow_mut();
        let slot = Rc::new(Slot {
            phase: Cell::new(Phase::First),
            since_tick: Cell::new(self.ticks.get()),
            body_bytes: Cell::new(0),
            lengths: Cell::default(),
            place: Cell::new(held.len()),
            waker: RefCell::default(),
            closing: Cell::new(None),
            lingers: Cell::new(false),
            ticks: Rc::clone(&self.ticks),
        });
        held.push(Rc::clone(&slot));
        Some(slot)
    }

    pub fn give_back(&self, slot: &Slot) {
        let mut held = self.held.borrow_mut();
        let place = slot.place.get();
        held.swap_remove(place);
        if let Some(moved) = held.get(place) {
            moved.place.set(place);
        }
    }

    /// Tells an eighth of the connections to close: those that wait longest without a request in
    /// hand. Their places are free once they were polled.
    pub fn make_room(&self) {
        let held = self.held.borrow();
        let is_waiting = |slot: &&Rc<Slot>| {
            let is_quiet = matches!(slot.phase.get(), Phase::First | Phase::Idle | Phase::Linger);
            is_quiet && slot.closing.get().is_none()
        };
        let mut waiting: Vec<&Rc<Slot>> = held.iter().filter(is_waiting).collect();
        waiting.sort_by_key(|slot| slot.since_tick.get());
        let count = (self.connections_max / 8).max(1);
        waiting.iter().take(count).for_each(|slot| slot.close(CloseReason::Capacity));
    }

    /// Counts a tick and tells late connections to close.
    pub fn sweep(&self) {
        self.ticks.set(self.ticks.get() + 1);
        for slot in self.held.borrow().iter().filter(|slot| slot.closing.get().is_none()) {
            if let Some(reason) = slot.late(&self.deadlines) {
                slot.close(reason);
            }
        }
    }

    /// From now on connections end with the request in hand.
    pub fn drain(&self) {
        self.is_draining.set(true);
        self.held.borrow().iter().for_each(|slot| slot.wake());
    }

    pub fn is_draining(&self) -> bool {
        self.is_draining.get()
    }
}

/// A stream that notes in its slot what passes.
#[derive(Debug)]
pub struct Watched {
    pub stream: TcpStream,
    pub slot: Rc<Slot>,
}

impl AsyncRead for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(context, buffer);
        let slot = &self.slot;
        match (&polled, slot.phase.get()) {
            (Poll::Ready(_), Phase::Body) => {
                let read = buffer.filled().len() - before;
                slot.body_bytes.set(slot.body_bytes.get() + read as u64);
            }
            (Poll::Ready(_), Phase::First | Phase::Idle | Phase::Answer)
                if buffer.filled().len() > before =>
            {
                slot.enter(Phase::Head);
                let mut lengths = LengthLines::default();
                lengths.look(&buffer.filled()[before..]);
                slot.lengths.set(lengths);
            }
            (Poll::Ready(_), Phase::Head) => {
                let mut lengths = slot.lengths.get();
                lengths.look(&buffer.filled()[before..]);
                slot.lengths.set(lengths);
            }
            (Poll::Pending, Phase::Answer) => slot.enter(Phase::Idle),
            _ => {}
        }
        if slot.has_long_line() {
            // Ends the connection before the parser answers something else.
            return Poll::Ready(Err(std::io::ErrorKind::InvalidData.into()));
        }
        polled
    }
}

impl AsyncWrite for Watched {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TICK: Duration = Duration::from_secs(1);

    fn slots(connections_max: usize) -> Slots {
        let deadlines = Deadlines {
            first_request: 5 * TICK,
            headers: 5 * TICK,
            body: 10 * TICK,
            body_rate_min: 256,
            keep_alive: 30 * TICK,
            answer: 30 * TICK,
            linger: 2 * TICK,
            tick: TICK,
        };
        Slots::new(deadlines, connections_max)
    }

    /// In how many ticks a connection in `phase` is closed, and why.
    fn check(phase: Phase, expected_ticks: u64, expected: CloseReason) {
        let slots = slots(8);
        let slot = slots.take().unwrap();
        slot.enter(phase);
        // Enough of a body not to be starved.
        slot.body_bytes.set(1 << 20);
        let mut ticks = 0;
        while slot.closing().is_none() {
            slots.sweep();
            ticks += 1;
            assert!(ticks < 1000);
        }
        assert_eq!((ticks, slot.closing()), (expected_ticks, Some(expected)));
    }

    #[test]
    fn every_phase_has_its_deadline() {
        check(Phase::First, 6, CloseReason::FirstRequest);
        check(Phase::Head, 6, CloseReason::Headers);
        check(Phase::Body, 21, CloseReason::Body);
        check(Phase::Idle, 31, CloseReason::KeepAlive);
        check(Phase::Busy, 31, CloseReason::Slow);
        check(Phase::Answer, 31, CloseReason::Slow);
        check(Phase::Linger, 3, CloseReason::Slow);
    }

    #[test]
    fn a_body_must_keep_its_rate() {
        let slots = slots(8);
        let slot = slots.take().unwrap();
        slot.enter(Phase::Body);
        slot.body_bytes.set(100);
        for _ in 0..10 {
            slots.sweep();
            assert_eq!(slot.closing(), None);
        }
        slots.sweep();
        assert_eq!(slot.closing(), Some(CloseReason::Body));
    }

    #[test]
    fn at_capacity_the_longest_waiting_make_room() {
        let slots = slots(8);
        let busy = slots.take().unwrap();
        busy.enter(Phase::Busy);
        slots.sweep();
        let oldest = slots.take().unwrap();
        slots.sweep();
        let others: Vec<_> = (0..6).map(|_| slots.take().unwrap()).collect();
        assert!(slots.is_full() && slots.take().is_none());
        slots.make_room();
        assert_eq!(oldest.closing(), Some(CloseReason::Capacity));
        assert_eq!(busy.closing(), None);
        assert!(others.iter().all(|slot| slot.closing().is_none()));
        slots.give_back(&oldest);
        assert!(slots.take().is_some());
    }

    #[test]
    fn places_stay_right_when_connections_go() {
        let slots = slots(8);
        let all: Vec<_> = (0..5).map(|_| slots.take().unwrap()).collect();
        for at in [1, 4, 0, 3, 2] {
            slots.give_back(&all[at]);
            for (place, slot) in slots.held.borrow().iter().enumerate() {
                assert_eq!(slot.place.get(), place);
            }
        }
        assert!(slots.held.borrow().is_empty());
    }
}
