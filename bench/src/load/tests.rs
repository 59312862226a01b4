//! The generator against servers whose behaviour is known.

use std::io::Read;
use std::io::Write;
use std::net::TcpListener;
use std::net::TcpStream;
use std::thread;

use super::*;

const ANSWER: &[u8] = b"HTTP/1.1 204 No Content\r\ncontent-length: 0\r\n\r\n";
const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n";

/// A server of threads that calls `pause` before each answer, with the number of the request on its
/// connection.
fn server(pause: fn(u64)) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming().filter_map(Result::ok) {
            thread::spawn(move || answer_all(stream, pause));
        }
    });
    address
}

fn answer_all(mut stream: TcpStream, pause: fn(u64)) {
    let mut block = [0_u8; 4096];
    for number in 0.. {
        match stream.read(&mut block) {
            Ok(0) | Err(_) => return,
            Ok(_) => pause(number),
        }
        if stream.write_all(ANSWER).is_err() {
            return;
        }
    }
}

fn load(address: SocketAddr, pace: Pace) -> Load {
    Load { address, connections: 4, pace, span: Duration::from_millis(500), status: 204 }
}

fn request(out: &mut Vec<u8>) {
    out.extend_from_slice(REQUEST);
}

#[test]
fn a_closed_loop_is_answered_and_counts_every_answer() {
    let outcome = run(&load(server(|_| {}), Pace::Closed), &mut request).unwrap();
    assert_eq!(outcome.wrong, 0);
    assert_eq!(outcome.answered, outcome.sent);
    assert_eq!(outcome.latency.len(), outcome.sent);
    assert!(outcome.answered > 100, "{outcome:?}");
}

#[test]
fn an_open_loop_keeps_its_rate() {
    let pace = Pace::Open { per_second: 400.0 };
    let outcome = run(&load(server(|_| {}), pace), &mut request).unwrap();
    assert_eq!((outcome.sent, outcome.wrong), (200, 0));
}

#[test]
fn a_pause_of_the_server_shows_in_the_open_loop_only() {
    fn pause(number: u64) {
        if number == 10 {
            thread::sleep(Duration::from_millis(200));
        }
    }
    let pace = Pace::Open { per_second: 1000.0 };
    let open = run(&Load { connections: 1, ..load(server(pause), pace) }, &mut request).unwrap();
    let closed =
        run(&Load { connections: 1, ..load(server(pause), Pace::Closed) }, &mut request).unwrap();
    // Everything that was due during the pause waited: far more than one request in a hundred.
    assert!(open.latency.value_at_quantile(0.9) > 50_000, "{open:?}");
    assert!(closed.latency.value_at_quantile(0.9) < 50_000, "{closed:?}");
}

#[test]
fn another_status_is_wrong() {
    let address = server(|_| {});
    let outcome = run(&Load { status: 302, ..load(address, Pace::Closed) }, &mut request).unwrap();
    assert_eq!(outcome.answered, 0);
    assert!(outcome.wrong > 0);
}

#[test]
fn an_answer_is_whole_when_its_body_is() {
    let cases: &[(&[u8], Option<bool>)] = &[
        (b"HTTP/1.1 200 OK\r\n", None),
        (b"HTTP/1.1 200 OK\r\n\r\n", Some(true)),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\na", None),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab", Some(true)),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nabc", Some(false)),
        (b"HTTP/1.1 503 No\r\ncontent-length: 0\r\n\r\n", Some(false)),
    ];
    for (answer, expected) in cases {
        assert_eq!(connection::whole(answer, 200), *expected, "{answer:?}");
    }
}
