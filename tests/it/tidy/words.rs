//! Names that may stand in some rooms only, and leftovers that may stand nowhere.

use crate::tidy::sources;
use crate::tidy::sources::Source;

/// Whether `word` stands alone in `code`: not as a part of a longer name.
fn names(code: &str, word: &str) -> bool {
    code.match_indices(word).any(|(at, _)| {
        let before = code[..at].chars().next_back();
        let after = code[at + word.len()..].chars().next();
        let is_part = |letter: char| letter.is_alphanumeric() || letter == '_';
        let is_open = word.ends_with(':');
        !before.is_some_and(is_part) && (is_open || !after.is_some_and(is_part))
    })
}

/// The files outside `homes` whose code names one of `words`.
fn strays(words: &[&str], is_home: impl Fn(&Source) -> bool) -> Vec<String> {
    let mut found = Vec::new();
    for source in sources::all().iter().filter(|source| !is_home(source)) {
        let code = source.code();
        for word in words.iter().filter(|word| names(&code, word)) {
            found.push(format!("{} names {word}", source.path));
        }
    }
    found
}

/// `room.rs` and everything in `room/`.
fn is_room(path: &str, room: &str) -> bool {
    path == format!("{room}.rs") || path.starts_with(&format!("{room}/"))
}

#[test]
fn tidy_sql_stays_in_the_store() {
    let found = strays(&["sqlx"], |source| {
        source.path.starts_with("control-plane/store/") || source.path.starts_with("bench/")
    });
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn tidy_the_wasm_engine_stays_in_the_plugin_host() {
    let found = strays(&["wasmtime"], |source| {
        source.path.starts_with("control-plane/plugin-host/") || source.path.starts_with("bench/")
    });
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn tidy_the_control_plane_names_the_daemon_in_up_only() {
    let found = strays(&["daemon::", "use daemon"], |source| {
        let is_program = source.path.starts_with("control-plane/src/");
        !is_program || is_room(&source.path, "control-plane/src/up")
    });
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn tidy_http_libraries_stay_at_the_doors_of_the_daemon() {
    let doors = ["listener", "respond", "admin"];
    let found = strays(&["hyper", "quinn", "h3", "hyper_util"], |source| {
        let is_daemon = source.path.starts_with("daemon/src/");
        !is_daemon || doors.iter().any(|room| is_room(&source.path, &format!("daemon/src/{room}")))
    });
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn tidy_drivers_stay_in_files_of_their_name() {
    for driver in ["rdkafka", "scylla"] {
        let room = if driver == "rdkafka" { "kafka" } else { driver };
        let found = strays(&[&format!("{driver}::"), &format!("use {driver}")], |source| {
            let parts: Vec<&str> = source.path.split('/').collect();
            let file = format!("{room}.rs");
            parts.iter().any(|part| *part == file || *part == room)
        });
        assert_eq!(found, Vec::<String>::new());
    }
}

#[test]
fn tidy_nothing_unfinished_is_left() {
    // Put together here, so that this file does not find itself.
    let markers = [
        concat!("TO", "DO"),
        concat!("FIX", "ME"),
        concat!("XX", "X"),
        concat!("HA", "CK"),
        concat!("todo", "!("),
        concat!("unimplemented", "!("),
        concat!("dbg", "!("),
    ];
    let mut found = Vec::new();
    for source in sources::all() {
        for (number, line) in source.text.lines().enumerate() {
            // In quotes it is the code of no currency (ISO 4217).
            let line = line.replace(concat!("\"XX", "X\""), "");
            if markers.iter().any(|marker| names(&line, marker)) {
                found.push(format!("{}:{}: {}", source.path, number + 1, line.trim()));
            }
        }
    }
    assert_eq!(found, Vec::<String>::new());
}
