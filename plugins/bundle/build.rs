//! Compiles the guests, encodes them as components and writes the table of `src/lib.rs`.

use std::env;
use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use sha2::{Digest, Sha256};
use wit_component::ComponentEncoder;

const TARGET: &str = "wasm32-unknown-unknown";

/// What a caller or clippy may have set for the outer build: it must not reach the inner one. A
/// wrapper would lint the guests instead of compiling them, and flags for the machine's own
/// processor do not fit wasm.
const DROPPED: [&str; 14] = [
    "RUSTC",
    "RUSTC_WRAPPER",
    "RUSTC_WORKSPACE_WRAPPER",
    "RUSTFLAGS",
    "CARGO_ENCODED_RUSTFLAGS",
    "CARGO_BUILD_RUSTC_WRAPPER",
    "CARGO_BUILD_RUSTC_WORKSPACE_WRAPPER",
    "CARGO_BUILD_RUSTFLAGS",
    "CARGO_BUILD_TARGET",
    "CARGO_BUILD_TARGET_DIR",
    "CARGO_TARGET_DIR",
    "CLIPPY_ARGS",
    "CLIPPY_CONF_DIR",
    "__CARGO_DEFAULT_LIB_METADATA",
];

/// Speed before size: a component is compiled once per start and called for every inbound.
const PROFILE: [(&str, &str); 5] = [
    ("CARGO_PROFILE_RELEASE_OPT_LEVEL", "3"),
    ("CARGO_PROFILE_RELEASE_LTO", "fat"),
    ("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "1"),
    ("CARGO_PROFILE_RELEASE_PANIC", "abort"),
    ("CARGO_PROFILE_RELEASE_STRIP", "debuginfo"),
];

struct Folder {
    name: &'static str,
    crate_prefix: &'static str,
    kind: &'static str,
}

const FOLDERS: [Folder; 2] = [
    Folder { name: "adapters", crate_prefix: "adapter", kind: "Kind::Adapter" },
    Folder { name: "rules", crate_prefix: "rule", kind: "Kind::Rule" },
];

fn main() -> Result<(), Box<dyn Error>> {
    let bundle = PathBuf::from(variable("CARGO_MANIFEST_DIR")?);
    let out = PathBuf::from(variable("OUT_DIR")?);
    let plugins = bundle.parent().ok_or("the crate stands in no folder")?;
    let root = plugins.parent().ok_or("the plugins stand in no workspace")?;
    watch(plugins, root);
    let mut table = String::from("const GUESTS: &[Guest] = &[\n");
    for folder in &FOLDERS {
        for name in guests(&plugins.join(folder.name))? {
            let guest = Guest { folder, name };
            let component = guest.encode(&guest.compile(root, &out)?)?;
            let file = out.join(format!("{}-{}.component.wasm", folder.crate_prefix, guest.name));
            fs::write(&file, &component)?;
            guest.row(&mut table, &file, &component)?;
        }
    }
    table.push_str("];\n");
    fs::write(out.join("guests.rs"), table)?;
    Ok(())
}

fn watch(plugins: &Path, root: &Path) {
    // A changed fixture costs a look by the inner cargo, which then compiles nothing; a missed new
    // guest would cost more.
    for place in ["wit", "sdk/src", "sdk/Cargo.toml", "adapters", "rules", "bundle/build.rs"] {
        println!("cargo::rerun-if-changed={}", plugins.join(place).display());
    }
    for place in ["Cargo.toml", "Cargo.lock", "rust-toolchain.toml"] {
        println!("cargo::rerun-if-changed={}", root.join(place).display());
    }
}

/// The names of the guests in a folder, sorted.
fn guests(folder: &Path) -> Result<Vec<String>, Box<dyn Error>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.path().join("Cargo.toml").is_file() {
            names.push(entry.file_name().into_string().map_err(|_| "a folder's name is no text")?);
        }
    }
    names.sort();
    Ok(names)
}

struct Guest {
    folder: &'static Folder,
    name: String,
}

impl Guest {
    fn package(&self) -> String {
        format!("{}-{}", self.folder.crate_prefix, self.name)
    }

    /// The core module. One cargo call per guest, so that no guest gets another one's features.
    fn compile(&self, root: &Path, out: &Path) -> Result<Vec<u8>, Box<dyn Error>> {
        let target_folder = out.join("guests");
        let mut cargo = Command::new(variable("CARGO")?);
        cargo.current_dir(root);
        cargo.args(["rustc", "--locked", "--release", "--lib", "--crate-type", "cdylib"]);
        cargo.args(["--target", TARGET, "--package", &self.package()]);
        cargo.arg("--target-dir").arg(&target_folder);
        for name in DROPPED {
            cargo.env_remove(name);
        }
        for (name, value) in PROFILE {
            cargo.env(name, value);
        }
        cargo.env("CARGO_ENCODED_RUSTFLAGS", without_paths(root));
        let done = cargo.output()?;
        if !done.status.success() {
            let report = String::from_utf8_lossy(&done.stderr);
            return Err(
                format!("{} does not compile for {TARGET}:\n{report}", self.package()).into()
            );
        }
        let file = format!("{}.wasm", self.package().replace('-', "_"));
        Ok(fs::read(target_folder.join(TARGET).join("release").join(file))?)
    }

    fn encode(&self, module: &[u8]) -> Result<Vec<u8>, Box<dyn Error>> {
        let mut encoder = ComponentEncoder::default();
        let component = encoder.validate(true).module(module).and_then(ComponentEncoder::encode);
        component.map_err(|error| format!("{} is no component: {error:#}", self.package()).into())
    }

    fn row(&self, table: &mut String, file: &Path, component: &[u8]) -> Result<(), Box<dyn Error>> {
        let mut digest = String::with_capacity(64);
        for byte in Sha256::digest(component) {
            write!(digest, "{byte:02x}")?;
        }
        let Self { folder: Folder { kind, .. }, name } = self;
        let version = variable("CARGO_PKG_VERSION")?;
        let file = file.to_str().ok_or("the output folder's name is no text")?;
        writeln!(table, "    Guest {{ name: {name:?}, kind: {kind}, version: {version:?},")?;
        writeln!(table, "        sha256: {digest:?}, component: include_bytes!({file:?}) }},")?;
        Ok(())
    }
}

/// Flags that keep this machine's paths out of the components, so that two machines build the same
/// bytes.
fn without_paths(root: &Path) -> String {
    let mut flags = vec![format!("--remap-path-prefix={}=gamma", root.display())];
    let home = env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| env::var_os("HOME").map(|home| Path::new(&home).join(".cargo")));
    if let Some(home) = home {
        flags.push(format!("--remap-path-prefix={}=cargo", home.display()));
    }
    flags.join("\u{1f}")
}

#[expect(clippy::disallowed_methods, reason = "cargo speaks to build scripts by the environment")]
fn variable(name: &str) -> Result<String, String> {
    env::var(name).map_err(|_| format!("cargo did not set {name}"))
}
