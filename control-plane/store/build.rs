//! Embedding migrations is a macro's work; cargo has to be told that a new file means a new build.

fn main() {
    println!("cargo::rerun-if-changed=migrations");
}
