//! Smuggling shapes and bad framing get 400 and a closed connection, and never reach a second
//! request.

use harness::Shop;
use harness::World;
use harness::raw;

/// Each is followed by a second request that must not be answered.
const SHAPES: &[(&str, &str)] = &[
    ("two different lengths", "content-length: 4\r\ncontent-length: 5\r\n\r\nabcd"),
    ("a signed length", "content-length: +4\r\n\r\nabcd"),
    ("a length in hex", "content-length: 0x4\r\n\r\nabcd"),
    ("an unknown coding", "transfer-encoding: xchunked\r\n\r\n0\r\n\r\n"),
    ("chunked not last", "transfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n"),
    ("a space before the colon", "transfer-encoding : chunked\r\n\r\n0\r\n\r\n"),
    ("a chunk size that is no number", "transfer-encoding: chunked\r\n\r\nzz\r\nab\r\n0\r\n\r\n"),
    (
        "a huge chunk size",
        "transfer-encoding: chunked\r\n\r\nffffffffffffffffff\r\nab\r\n0\r\n\r\n",
    ),
    ("a bare carriage return in a header", "x-a: b\rc\r\n\r\n"),
    ("a null in a header", "x-a: b\u{0}c\r\n\r\n"),
];

#[test]
fn bad_framing_gets_400_and_a_closed_connection() {
    let world = World::start();
    let shop = Shop::open(&world, "framing");
    world.click(&shop.slug);
    for (name, shape) in SHAPES {
        let bytes = format!(
            "POST {} HTTP/1.1\r\nhost: framing.example\r\n{shape}GET /framing HTTP/1.1\r\n\
             host: framing.example\r\nuser-agent: second\r\n\r\n",
            shop.postback
        );
        let answer = exchange(&world, bytes.as_bytes());
        assert!(answer.len() <= 1, "{name}: {answer:?}");
        assert!(answer.iter().all(|status| *status == 400), "{name}: {answer:?}");
    }
}

#[test]
fn a_length_beside_chunked_is_refused_or_served_once_and_closed() {
    let world = World::start();
    let shop = Shop::open(&world, "both");
    world.click(&shop.slug);
    let bytes = format!(
        "POST {} HTTP/1.1\r\nhost: both.example\r\ncontent-length: 4\r\n\
         transfer-encoding: chunked\r\n\r\n0\r\n\r\nGET /both HTTP/1.1\r\n\
         host: both.example\r\nuser-agent: second\r\n\r\n",
        shop.postback
    );
    let answer = exchange(&world, bytes.as_bytes());
    assert!(answer == [400] || answer == [200], "{answer:?}");
}

#[test]
fn a_request_line_that_is_none_gets_400() {
    let world = World::start();
    for line in
        ["GET\r\n\r\n", "/spring\r\n\r\n", "GET /spring HTTP/9.9\r\n\r\n", "\u{16}\u{3}\r\n\r\n"]
    {
        let answer = exchange(&world, line.as_bytes());
        assert!(answer.iter().all(|status| [400, 505].contains(status)), "{line:?}: {answer:?}");
    }
}

fn exchange(world: &World, bytes: &[u8]) -> Vec<u16> {
    let answer = raw::exchange(world.addresses().daemon, bytes, 64 * 1024);
    raw::statuses(&answer.expect("the daemon takes the connection"))
}
