//! Hostile guests, written as core modules and encoded as components of the real world: for the
//! tests of this crate and of whoever calls it. Never part of a program.

use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

/// Memory and an allocator that only goes forward; `adapt` gets (batch, count, config, length) and
/// returns the place of its result: tag at 0, pointer at 4, length at 8.
const FRAME: &str = r#"
    (memory (export "memory") 64)
    (global $next (mut i32) (i32.const 4096))
    (global $calls (mut i32) (i32.const 0))
    (func $allocate (param $bytes i32) (result i32)
        (local $place i32)
        (local.set $place (global.get $next))
        (global.set $next
            (i32.and
                (i32.add (i32.add (local.get $place) (local.get $bytes)) (i32.const 7))
                (i32.const -8)))
        (local.get $place))
    (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
        (call $allocate (local.get 3)))
"#;

/// The body of an adapter that never returns.
pub const SPIN: &str = "(loop $forever (br $forever)) (i32.const 0)";

/// An adapter that traps.
#[must_use]
pub fn trapping() -> Vec<u8> {
    adapter("unreachable")
}

/// An adapter that never returns.
#[must_use]
pub fn spinning() -> Vec<u8> {
    adapter(SPIN)
}

/// An adapter that answers a single record with a gigabyte: 1,024 times the same mebibyte.
#[must_use]
pub fn gigabyte() -> Vec<u8> {
    let body = refusing("", 1_048_576).replacen(
        "(local.set $results",
        "(memory.fill (i32.const 1024) (i32.const 97) (i32.const 1048576))
         (global.set $next (i32.const 2097152)) (local.set $count (i32.const 1024))
         (local.set $results",
        1,
    );
    adapter(&body)
}

/// An adapter whose `adapt` has this body.
#[must_use]
pub fn adapter(body: &str) -> Vec<u8> {
    with_helpers("", body)
}

/// An adapter with functions of its own.
///
/// # Panics
/// For text that is no module, or without the WIT package beside this crate.
#[must_use]
pub fn with_helpers(helpers: &str, body: &str) -> Vec<u8> {
    let module = format!(
        r#"(module {FRAME} {helpers}
            (func (export "adapt") (param $batch i32) (param $count i32)
                (param i32 i32) (result i32)
                (local $at i32) (local $place i32) (local $results i32)
                {body}))"#
    );
    let mut resolve = Resolve::default();
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../plugins/wit/1.0.0");
    let (package, _) = resolve.push_path(folder).expect("the WIT package");
    encode(&module, &resolve, resolve.select_world(&[package], Some("adapter")).expect("its world"))
}

/// Answers every record with a refusal that points at `length` bytes from 1024 on, after running
/// `each` with `$at` on the record.
#[must_use]
pub fn refusing(each: &str, length: u32) -> String {
    format!(
        r"
        (local.set $results (call $allocate (i32.mul (local.get $count) (i32.const 16))))
        (local.set $place (local.get $results))
        (local.set $at (local.get $batch))
        (block $done (loop $next_record
            (br_if $done (i32.eqz (local.get $count)))
            {each}
            (i32.store (local.get $place) (i32.const 1))
            (i32.store offset=4 (local.get $place) (i32.const 5))
            (i32.store offset=8 (local.get $place) (i32.const 1024))
            (i32.store offset=12 (local.get $place) (i32.const {length}))
            (local.set $place (i32.add (local.get $place) (i32.const 16)))
            (local.set $at (i32.add (local.get $at) (i32.const 56)))
            (local.set $count (i32.sub (local.get $count) (i32.const 1)))
            (br $next_record)))
        (i32.store (i32.const 16) (i32.const 0))
        (i32.store (i32.const 20) (local.get $results))
        (i32.store (i32.const 24)
            (i32.div_u (i32.sub (local.get $place) (local.get $results)) (i32.const 16)))
        (i32.const 16)"
    )
}

/// Fills the text that refusals point at with the letter a.
pub const LETTERS: &str = "(memory.fill (i32.const 1024) (i32.const 97) (i32.const 2048))";

/// Answers one record with one claim, all zero but for what `edit` stores at 2048 and behind.
#[must_use]
pub fn claiming(edit: &str) -> String {
    format!(
        r"
        {edit}
        (i32.store (i32.const 1024) (i32.const 0))
        (i32.store (i32.const 1028) (i32.const 2048))
        (i32.store (i32.const 1032) (i32.const 1))
        (i32.store (i32.const 16) (i32.const 0))
        (i32.store (i32.const 20) (i32.const 1024))
        (i32.store (i32.const 24) (i32.const 1))
        (i32.const 16)"
    )
}

/// A component of another world: with or without an import.
///
/// # Panics
/// Never: its parts are written here.
#[must_use]
pub fn stranger(is_importing: bool) -> Vec<u8> {
    let (wit, module) = if is_importing {
        (
            "package evil:guest; world evil { import now: func() -> u64; export adapt: func(); }",
            r#"(module (import "$root" "now" (func $now (result i64)))
                (func (export "adapt") (drop (call $now))))"#,
        )
    } else {
        (
            "package evil:guest; world evil { export adapt: func(); }",
            r#"(module (func (export "adapt")))"#,
        )
    };
    let mut resolve = Resolve::default();
    let package = resolve.push_str("evil.wit", wit).expect("a package");
    encode(module, &resolve, resolve.select_world(&[package], Some("evil")).expect("its world"))
}

fn encode(module: &str, resolve: &Resolve, world: wit_parser::WorldId) -> Vec<u8> {
    let mut module = wat::parse_str(module).expect("a module");
    embed_component_metadata(&mut module, resolve, world, StringEncoding::UTF8, false)
        .expect("a module of its world");
    let mut encoder = ComponentEncoder::default();
    let encoder = encoder.validate(true).module(&module).expect("a module of its world");
    encoder.encode().expect("a component")
}
