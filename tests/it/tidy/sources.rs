//! The Rust sources of the repository, once with and once without comments and text.

use std::fs;
use std::path::Path;

use harness::program::repository;

/// One source file.
pub(crate) struct Source {
    /// Relative to the repository, with `/`.
    pub(crate) path: String,
    /// As it is.
    pub(crate) text: String,
}

impl Source {
    /// Whether it holds nothing but tests.
    pub(crate) fn is_test(&self) -> bool {
        let name = self.path.rsplit('/').next().unwrap_or_default();
        name == "tests.rs"
            || self.path.starts_with("tests/")
            || self.path.split('/').any(|part| part == "tests")
    }

    /// The code: comments are gone, string literals are emptied.
    pub(crate) fn code(&self) -> String {
        code_of(&self.text)
    }
}

/// Every Rust file under the repository, build output and hidden folders left out, ordered by path.
pub(crate) fn all() -> Vec<Source> {
    let mut found = Vec::new();
    collect(repository(), &mut found);
    found.sort_by(|left, right| left.path.cmp(&right.path));
    assert!(found.len() > 50, "the sources were not found");
    found
}

fn collect(directory: &Path, found: &mut Vec<Source>) {
    let entries = fs::read_dir(directory).expect("a folder of the repository can be read");
    for entry in entries.filter_map(Result::ok) {
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        let is_output = ["target", "gamma-data"].contains(&name.as_str());
        if name.starts_with('.') || (is_output && directory == repository()) {
            continue;
        }
        if path.is_dir() {
            collect(&path, found);
        } else if Path::new(&name).extension().is_some_and(|extension| extension == "rs") {
            let root = repository();
            let shown = path.strip_prefix(root).expect("it lies inside").to_string_lossy();
            let text = fs::read_to_string(&path).expect("a source is UTF-8");
            found.push(Source { path: shown.replace('\\', "/"), text });
        }
    }
}

/// Removes comments and empties string literals, line structure kept. Raw strings and chars
/// included.
pub(crate) fn code_of(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let rest = &bytes[at..];
        let skipped = if rest.starts_with(b"//") {
            rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len())
        } else if rest.starts_with(b"/*") {
            block_comment(rest)
        } else if let Some(length) = raw_string(rest, at.checked_sub(1).map(|before| bytes[before]))
        {
            length
        } else if rest[0] == b'"' {
            string(rest)
        } else if rest[0] == b'\'' {
            character(rest)
        } else {
            0
        };
        if skipped == 0 {
            out.push(rest[0]);
            at += 1;
        } else {
            out.extend(rest[..skipped].iter().filter(|byte| **byte == b'\n'));
            at += skipped;
        }
    }
    String::from_utf8(out).expect("only whole characters were removed")
}

fn block_comment(rest: &[u8]) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while at < rest.len() {
        if rest[at..].starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if rest[at..].starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    rest.len()
}

fn raw_string(rest: &[u8], before: Option<u8>) -> Option<usize> {
    if before.is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
        return None;
    }
    let prefix = if rest.starts_with(b"br") || rest.starts_with(b"cr") { 2 } else { 1 };
    if rest.get(prefix - 1) != Some(&b'r') {
        return None;
    }
    let hashes = rest[prefix..].iter().take_while(|byte| **byte == b'#').count();
    if rest.get(prefix + hashes) != Some(&b'"') {
        return None;
    }
    let mut end = vec![b'"'];
    end.resize(hashes + 1, b'#');
    let begin = prefix + hashes + 1;
    let length = rest[begin..].windows(end.len()).position(|window| window == end)?;
    Some(begin + length + end.len())
}

fn string(rest: &[u8]) -> usize {
    let mut at = 1;
    while at < rest.len() {
        match rest[at] {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    rest.len()
}

/// A character literal, told from a lifetime by its closing quote.
fn character(rest: &[u8]) -> usize {
    if rest.get(1) == Some(&b'\\') {
        return rest.iter().skip(3).position(|byte| *byte == b'\'').map_or(0, |at| at + 4);
    }
    let width = rest.get(1).map_or(0, |byte| match byte {
        0xF0.. => 4,
        0xE0.. => 3,
        0xC0.. => 2,
        _ => 1,
    });
    if rest.get(1 + width) == Some(&b'\'') { width + 2 } else { 0 }
}

#[test]
fn tidy_reads_code_without_comments_and_text() {
    let cases = [
        ("let a = 1; // hyper\nlet b;", "let a = 1; \nlet b;"),
        ("/* a /* b */ c */x", "x"),
        ("f(\"// no \\\" comment\", 'a')", "f(, )"),
        ("r#\"a \" b\"#; r\"c\"", "; "),
        ("fn f<'a>(x: &'a str) { '\\'' }", "fn f<'a>(x: &'a str) {  }"),
        ("'\u{e9}' 'x'", " "),
        ("br\"x\" for\"y\"", " for"),
    ];
    for (text, expected) in cases {
        assert_eq!(code_of(text), expected, "{text}");
    }
}
