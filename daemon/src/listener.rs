//! Accepts connections and turns bytes into requests: one thread per core, each with its own
//! listener and runtime.

use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::net::TcpStream;
use tokio::runtime::LocalOptions;
use tokio::sync::watch;
use tokio_util::task::TaskTracker;

use crate::listener::connection::serve;
use crate::listener::slot::Deadlines;
use crate::listener::slot::Slots;
use crate::rooms::Rooms;

pub mod connection;
pub mod framing;
pub mod slot;
pub mod tcp;

/// Connections accepted before anything else gets its turn.
const ACCEPT_BURST: usize = 64;
/// How long accepting rests after it failed: out of descriptors is not cured by trying at once.
const ACCEPT_REST: Duration = Duration::from_millis(20);
/// Polls between two looks at the network.
const EVENT_INTERVAL: u32 = 61;

/// What a thread must do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    Serve,
    /// No new connections; end with the requests in hand.
    Drain,
    /// End at once.
    Stop,
}

/// Limits of one thread's listener.
#[derive(Debug, Clone, Copy)]
pub struct ListenerLimits {
    pub deadlines: Deadlines,
    /// Connections of this thread.
    pub connections_max: usize,
}

/// Serves until it is told to stop, on the calling thread.
///
/// # Errors
/// When the runtime or the listener cannot be set up.
pub fn run(
    listener: std::net::TcpListener,
    rooms: Rooms,
    limits: ListenerLimits,
    orders: watch::Receiver<Order>,
) -> io::Result<()> {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_all().event_interval(EVENT_INTERVAL);
    let runtime = builder.build_local(LocalOptions::default())?;
    runtime.block_on(async move {
        let listener = tcp::register(listener)?;
        let slots = Rc::new(Slots::new(limits.deadlines, limits.connections_max));
        let thread = Thread { rooms: Rc::new(rooms), slots, tracker: TaskTracker::new() };
        thread.accept_until_drained(listener, orders, limits.deadlines.tick).await;
        Ok(())
    })
}

struct Thread {
    rooms: Rc<Rooms>,
    slots: Rc<Slots>,
    tracker: TaskTracker,
}

impl Thread {
    async fn accept_until_drained(
        &self,
        listener: TcpListener,
        mut orders: watch::Receiver<Order>,
        tick: Duration,
    ) {
        let mut ticks = tokio::time::interval(tick);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut listener = Some(listener);
        loop {
            tokio::select! {
                biased;
                _ = orders.changed() => match *orders.borrow_and_update() {
                    Order::Serve => {}
                    Order::Drain => {
                        // Closing the socket first: what waits in its backlog goes to nobody.
                        if let Some(listener) = listener.take() {
                            self.accept_burst(&listener);
                        }
                        self.slots.drain();
                        self.tracker.close();
                    }
                    Order::Stop => return,
                },
                () = self.tracker.wait() => return,
                _ = ticks.tick() => self.slots.sweep(),
                accepted = accept(listener.as_ref()) => match (accepted, &listener) {
                    (Ok(stream), Some(listener)) => {
                        if self.slots.is_full() {
                            self.slots.make_room();
                            // Those that were told to close give their places back now.
                            tokio::task::yield_now().await;
                        }
                        self.start(stream);
                        self.accept_burst(listener);
                    }
                    (Ok(stream), None) => drop(stream),
                    (Err(error), _) => {
                        tracing::warn!(%error, "connection could not be accepted");
                        tokio::time::sleep(ACCEPT_REST).await;
                    }
                },
            }
        }
    }

    /// Takes what is there without waiting.
    fn accept_burst(&self, listener: &TcpListener) {
        let waker = std::task::Waker::noop();
        let mut context = std::task::Context::from_waker(waker);
        for _ in 0..ACCEPT_BURST {
            if self.slots.is_full() {
                return;
            }
            match listener.poll_accept(&mut context) {
                std::task::Poll::Ready(Ok((stream, _))) => self.start(stream),
                _ => return,
            }
        }
    }

    fn start(&self, stream: TcpStream) {
        let Some(slot) = self.slots.take() else { return };
        let Ok(peer) = stream.peer_addr() else {
            self.slots.give_back(&slot);
            return;
        };
        let (rooms, slots) = (Rc::clone(&self.rooms), Rc::clone(&self.slots));
        let cells = Arc::clone(&rooms.cells);
        cells.opened();
        self.tracker.spawn_local(async move {
            serve(stream, peer.ip(), (rooms, Rc::clone(&slot)), &slots).await;
            slots.give_back(&slot);
            cells.closed();
        });
    }
}

async fn accept(listener: Option<&TcpListener>) -> io::Result<TcpStream> {
    match listener {
        Some(listener) => listener.accept().await.map(|(stream, _)| stream),
        None => std::future::pending().await,
    }
}
