//! A proxy in front of PostgreSQL that loses the answer to a COMMIT: the database has committed,
//! and whoever asked never hears it.

use std::io;
use std::io::Read;
use std::io::Write;
use std::net::Shutdown;
use std::net::SocketAddr;
use std::net::TcpListener;
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::thread;

/// A simple query as it goes over the wire: type, length, text, zero.
const COMMIT: &[u8] = b"Q\0\0\0\x0bCOMMIT\0";

#[derive(Debug, Default)]
struct Shared {
    /// One of so many commits loses its answer; 0: none does.
    every: AtomicU64,
    commits: AtomicU64,
    cuts: AtomicU64,
    is_over: AtomicBool,
}

/// The proxy; it ends with the value.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
}

impl Proxy {
    /// Listens on a free port and passes everything on to `server`.
    #[must_use]
    pub fn start(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let shared = Arc::new(Shared::default());
        let held = Arc::clone(&shared);
        thread::spawn(move || {
            for client in listener.incoming() {
                if held.is_over.load(Ordering::SeqCst) {
                    return;
                }
                if let (Ok(client), Ok(server)) = (client, TcpStream::connect(server)) {
                    pass(&client, &server, &held);
                }
            }
        });
        Self { address, shared }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// From now on one of `every` commits loses its answer; 0 ends that.
    pub fn cut_one_of(&self, every: u64) {
        self.shared.every.store(every, Ordering::SeqCst);
    }

    /// How many answers were lost.
    #[must_use]
    pub fn cuts(&self) -> u64 {
        self.shared.cuts.load(Ordering::SeqCst)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::SeqCst);
        // Wakes the listener, so that it sees that it is over.
        let _ = TcpStream::connect(self.address);
    }
}

/// Two threads, one for each direction; either end ends both.
fn pass(client: &TcpStream, server: &TcpStream, shared: &Arc<Shared>) {
    let Ok([from_client, to_client]) = doubled(client) else { return };
    let Ok([from_server, to_server]) = doubled(server) else { return };
    let is_doomed = Arc::new(AtomicBool::new(false));
    let (asks, answers) = (Arc::clone(&is_doomed), is_doomed);
    let (counts, cuts) = (Arc::clone(shared), Arc::clone(shared));
    thread::spawn(move || {
        pump(from_client, to_server, |bytes| {
            if bytes.windows(COMMIT.len()).any(|window| window == COMMIT) && counts.is_chosen() {
                asks.store(true, Ordering::SeqCst);
            }
            true
        });
    });
    thread::spawn(move || {
        // What comes first after a chosen COMMIT is its answer: it was done.
        pump(from_server, to_client, |_| {
            let is_lost = answers.load(Ordering::SeqCst);
            cuts.cuts.fetch_add(u64::from(is_lost), Ordering::SeqCst);
            !is_lost
        });
    });
}

fn doubled(stream: &TcpStream) -> io::Result<[TcpStream; 2]> {
    stream.set_nodelay(true)?;
    Ok([stream.try_clone()?, stream.try_clone()?])
}

impl Shared {
    fn is_chosen(&self) -> bool {
        let every = self.every.load(Ordering::SeqCst);
        every > 0 && self.commits.fetch_add(1, Ordering::SeqCst).is_multiple_of(every)
    }
}

/// Passes bytes on until one side ends or `goes_on` says no; then both sides are closed.
fn pump(mut from: TcpStream, mut to: TcpStream, goes_on: impl Fn(&[u8]) -> bool) {
    let mut block = [0_u8; 16 * 1024];
    while let Ok(count) = from.read(&mut block) {
        if count == 0 || !goes_on(&block[..count]) || to.write_all(&block[..count]).is_err() {
            break;
        }
    }
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}
