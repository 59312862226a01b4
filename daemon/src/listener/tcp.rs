//! Sockets: one listener per thread on the same address.

use std::io;
use std::net::SocketAddr;

use tokio::net::TcpListener;
use tokio::net::TcpSocket;

/// Connections that may wait to be accepted; a full backlog costs a visitor a second.
const BACKLOG: u32 = 4096;

fn socket(address: SocketAddr) -> io::Result<TcpSocket> {
    if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }
}

/// Binds `count` listeners to one address; port 0 picks one free port for all.
///
/// # Errors
/// The address is taken or not ours. Sharing a port is only possible among listeners that all ask
/// for it, so a first plain bind tells whether another program has the address already.
pub fn bind(address: SocketAddr, count: usize) -> io::Result<Vec<std::net::TcpListener>> {
    if address.port() != 0 {
        let probe = socket(address)?;
        probe.set_reuseaddr(true)?;
        probe.bind(address)?;
        drop(probe.listen(1)?);
    }
    let mut address = address;
    let mut listeners = Vec::with_capacity(count);
    for _ in 0..count.max(1) {
        let socket = socket(address)?;
        socket.set_reuseaddr(true)?;
        socket.set_reuseport(true)?;
        // Accepted connections inherit it, which saves a system call on each.
        socket.set_nodelay(true)?;
        socket.bind(address)?;
        let listener = socket.listen(BACKLOG)?.into_std()?;
        address = listener.local_addr()?;
        listeners.push(listener);
    }
    Ok(listeners)
}

/// Registers a bound listener with the runtime of the calling thread.
///
/// # Errors
/// As the runtime's registration.
pub fn register(listener: std::net::TcpListener) -> io::Result<TcpListener> {
    listener.set_nonblocking(true)?;
    TcpListener::from_std(listener)
}
