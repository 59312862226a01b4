//! What clients may do to the wire, and what they get.

use super::*;

const GOOD: &str = "GET /robots.txt HTTP/1.1\r\nHost: a\r\n\r\n";

#[test]
fn smuggling_shapes_end_the_connection() {
    let world = World::new();
    let door = postback(10, &format!("token={TOKEN}"));
    for (name, headers, rest) in [
        ("two lengths", "Content-Length: 3\r\nContent-Length: 4\r\n", "abcd"),
        ("equal lengths", "Content-Length: 3\r\nContent-Length: 3\r\n", "abc"),
        ("list of lengths", "Content-Length: 3, 3\r\n", "abc"),
        ("signed length", "Content-Length: +3\r\n", "abc"),
        ("hex length", "Content-Length: 0x3\r\n", "abc"),
        ("huge length", "Content-Length: 99999999999999999999\r\n", "abc"),
        ("space before colon", "Content-Length : 3\r\n", "abc"),
        ("folded header", "X: a\r\n b\r\nContent-Length: 0\r\n", ""),
        ("unknown coding", "Transfer-Encoding: xchunked\r\n", "0\r\n\r\n"),
        ("chunked first", "Transfer-Encoding: chunked, gzip\r\n", "0\r\n\r\n"),
        ("gzip and chunked", "Transfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n"),
        (
            "chunked twice",
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
            "0\r\n\r\n",
        ),
        (
            "chunked and identity",
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
            "0\r\n\r\n",
        ),
        ("two hosts", "Host: b\r\nContent-Length: 0\r\n", ""),
        ("control in name", "X\u{1}: a\r\nContent-Length: 0\r\n", ""),
        ("zero in value", "X: a\0b\r\nContent-Length: 0\r\n", ""),
        ("bare return", "X: a\rb\r\nContent-Length: 0\r\n", ""),
    ] {
        let request = format!("POST {door} HTTP/1.1\r\nHost: a\r\n{headers}\r\n{rest}{GOOD}");
        let answer = world.raw(request.as_bytes());
        assert_eq!(status(&answer), 400, "{name}: {answer}");
        assert_eq!(answer.matches("HTTP/1.1").count(), 1, "{name}: {answer}");
    }
    world.inbound(0);
}

/// What the checks of this file would miss if they looked at nothing: a request that is good.
#[test]
fn the_same_request_without_a_smuggling_shape_is_served_and_so_is_the_next() {
    let world = World::new();
    let door = postback(10, &format!("token={TOKEN}"));
    let last = GOOD.replace("Host: a", "Host: a\r\nConnection: close");
    let request = format!("POST {door} HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc{last}");
    let answer = world.raw(request.as_bytes());
    assert_eq!(answer.matches("HTTP/1.1 200").count(), 2, "{answer}");
    world.inbound(1);
}

#[test]
fn both_framings_are_served_once_by_chunks_and_closed() {
    let world = World::new();
    let door = postback(10, &format!("token={TOKEN}"));
    for headers in [
        "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n",
    ] {
        let request =
            format!("POST {door} HTTP/1.1\r\nHost: a\r\n{headers}\r\n1\r\nx\r\n0\r\n\r\n{GOOD}");
        let answer = world.raw(request.as_bytes());
        assert_eq!(answer.matches("HTTP/1.1").count(), 1, "{answer}");
        assert_eq!(status(&answer), 200);
    }
    assert!(world.inbound(2).iter().all(|inbound| inbound.body == b"x"));
}

#[test]
fn bad_framing_is_refused_and_closed() {
    let world = World::new();
    for request in [
        "nonsense\r\n\r\n",
        "GET /x\r\n\r\n",
        "GET /x HTTP/3.0\r\n\r\n",
        "GET /x HTTP/1.1\r\n\r\n",
        "GET  /x  HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /x y HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET http://b.example/x HTTP/1.1\r\nHost: a\r\n\r\n",
    ] {
        let answer = world.raw(request.as_bytes());
        assert_eq!(status(&answer), 400, "{request:?} {answer}");
    }
    // No HTTP/2 on the plain listener: its preface ends the connection.
    assert_eq!(world.raw(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), "");
    let answer = world.raw(b"CONNECT shop.example:443 HTTP/1.1\r\nHost: shop.example:443\r\n\r\n");
    assert!([400, 405].contains(&status(&answer)), "{answer}");
}

#[test]
fn long_heads_are_refused_with_their_own_status() {
    let world = World::new();
    let get = |path: &str, headers: &str| {
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{headers}\r\n");
        status(&world.raw(request.as_bytes()))
    };
    let path = |bytes: usize| format!("/{}", "a".repeat(bytes - 1));
    assert_eq!(get(&path(8 * 1024), ""), 404);
    assert_eq!(get(&path(8 * 1024 + 1), ""), 414);
    assert_eq!(get(&path(20 * 1024), ""), 414);
    // Longer than the parser's buffer: still the URL's fault, and told as a problem.
    for bytes in [24 * 1024, 33 * 1024, 500 * 1024] {
        assert_eq!(get(&path(bytes), ""), 414, "{bytes}");
    }
    let answer = world.raw(format!("GET {} HTTP/1.1\r\nHost: a\r\n\r\n", path(40_000)).as_bytes());
    assert!(answer.contains("application/problem+json") && answer.contains("url_too_long"));
    // Host and Connection are headers too.
    assert_eq!(get("/robots.txt", &"X: y\r\n".repeat(62)), 200);
    assert_eq!(get("/robots.txt", &"X: y\r\n".repeat(63)), 431);
    assert_eq!(get("/robots.txt", &"X: y\r\n".repeat(200)), 431);
    assert_eq!(get("/robots.txt", &format!("X: {}\r\n", "y".repeat(16 * 1024))), 431);
    assert_eq!(get("/robots.txt", &format!("X: {}\r\n", "y".repeat(100 * 1024))), 431);
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let world = World::new();
    let mut stream = world.connect();
    let last = "GET /nothing HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    stream.write_all(format!("{GOOD}{GOOD}{last}").as_bytes()).unwrap();
    let answers = read_all(&mut stream);
    let statuses: Vec<_> =
        answers.split("HTTP/1.1 ").skip(1).map(|answer| answer[..3].to_owned()).collect();
    assert_eq!(statuses, ["200", "200", "404"]);
}

#[test]
fn a_declared_oversize_is_refused_before_its_bytes() {
    let world = World::new();
    let door = postback(10, &format!("token={TOKEN}"));
    let length = crate::limits::BODY_BYTES_MAX + 1;
    let head = format!("POST {door} HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n");
    // Returns only because the daemon answers and closes without a byte of the body.
    assert_eq!(status(&world.raw(head.as_bytes())), 413);
    assert!(!world.admin("/metrics").contains("closed_total{reason=\"body\"} 1"));
}

#[test]
fn a_body_without_its_end_is_no_record() {
    let world = World::new();
    let door = postback(10, &format!("token={TOKEN}"));
    let mut stream = world.connect();
    write!(stream, "POST {door} HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc").unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    read_all(&mut stream);
    world.inbound(0);
}

/// Deadlines short enough to be waited for.
fn impatient() -> World {
    let mut config = Config::default();
    config.daemon.first_request_ms = 200;
    config.daemon.headers_ms = 200;
    config.daemon.body_ms = 200;
    config.daemon.keep_alive_ms = 200;
    World::with(config)
}

#[test]
fn silent_slow_and_idle_connections_are_closed() {
    let world = impatient();
    let door = postback(10, &format!("token={TOKEN}"));
    let posting = format!("POST {door} HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc");
    for (reason, sent) in [
        ("first_request", ""),
        ("headers", "GET / HTTP/1.1\r\nHost: a\r\n"),
        ("body", posting.as_str()),
        ("keep_alive", GOOD),
    ] {
        let mut stream = world.connect();
        stream.write_all(sent.as_bytes()).unwrap();
        // Returns only because the daemon closes.
        let answer = read_all(&mut stream);
        assert_eq!(
            answer.starts_with("HTTP/1.1 200"),
            reason == "keep_alive",
            "{reason}: {answer}"
        );
        let line = format!("gammad_connections_closed_total{{reason=\"{reason}\"}} 1");
        assert!(world.admin("/metrics").contains(&line), "{reason}");
    }
    world.inbound(0);
}

#[test]
fn with_long_deadlines_the_same_connections_stay() {
    // The control of the rule above: nothing else closes them.
    let world = World::new();
    let mut silent = world.connect();
    silent.set_read_timeout(Some(Duration::from_millis(600))).unwrap();
    let error = silent.read(&mut [0]).unwrap_err();
    assert!(matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut));
    silent.write_all(GOOD.as_bytes()).unwrap();
    let mut first = [0; 12];
    silent.read_exact(&mut first).unwrap();
    assert_eq!(&first, b"HTTP/1.1 200");
}

#[test]
fn silent_connections_cannot_keep_others_out() {
    let mut config = Config::default();
    config.daemon.threads = 1;
    config.daemon.connections_max = 64;
    let world = World::with(config);
    let silent: Vec<_> = (0..200).map(|_| world.connect()).collect();
    for _ in 0..20 {
        assert_eq!(status(&world.get("/robots.txt")), 200);
    }
    drop(silent);
}
