//! What the integration tests stand on: a [`World`] that runs the real program, and sentences to
//! speak to it.
//!
//! One value through it: [`World::start`] spawns `gamma up` on a temporary directory with every
//! port 0, waits for the file of bound addresses, reads the admin key beside it; from then on a
//! test clicks, posts and asks over HTTP like anybody else, and dropping the world ends the
//! process.
//!
//! What it refuses to know: any crate of the product. Whatever a test says here, an outsider could
//! have said.
#![expect(clippy::missing_panics_doc, reason = "a harness panics to fail the test that uses it")]

pub mod distributed;
pub mod engines;
pub mod http;
pub mod process;
pub mod program;
pub mod proxy;
pub mod raw;
pub mod sentences;
pub mod shop;
pub mod site;
pub mod time;
pub mod world;

pub use distributed::Distributed;
pub use http::Response;
pub use shop::Shop;
pub use site::Site;
pub use time::eventually;
pub use world::World;
