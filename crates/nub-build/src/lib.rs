//! Builds the kernel that runs inside the virtual machine: from a build script, with the cargo and the rustc that build
//! everything else, for the host's own triple. No other target, no nightly, no network.
//!
//! The kernel is a program of this workspace, so that its lock file is the workspace's. It is built by a cargo of its own
//! in a target folder of its own, with flags that make it stand without an operating system: linked by its own script to
//! a fixed address, without start-up code and without unwinding.
#![forbid(unsafe_code)]

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fmt, fs, io};

/// The triple that the kernel is built for.
pub const TRIPLE: &str = "x86_64-unknown-linux-gnu";
const PACKAGE: &str = "nub-arch-x86";
const BINARY: &str = "nub-guest";
const PROFILE: &str = "guest";
const FEATURES: &str = "frame-aligned";

/// Which processors a kernel is built for. Nothing but speed differs: hashing takes a third of the time with AVX2.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Level {
    /// All of x86-64.
    Portable,
    /// Those that have [`Level::features`], too.
    Fast,
}

impl Level {
    /// What the kernel's code needs beyond what every x86-64 processor has, as rustc names it.
    #[must_use]
    pub fn features(self) -> &'static [&'static str] {
        match self {
            Level::Portable => &[],
            Level::Fast => &["avx2", "bmi1", "bmi2", "lzcnt", "popcnt"],
        }
    }

    fn folder(self) -> &'static str {
        match self {
            Level::Portable => "kernel",
            Level::Fast => "kernel-fast",
        }
    }
}

/// Why there is no kernel.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// Not called from a build script: cargo did not set this variable.
    NoBuildScript(&'static str),
    /// No workspace with the kernel's source.
    NoSource(PathBuf),
    /// A file could not be read or written.
    File(PathBuf, io::Error),
    /// Cargo could not be started.
    NoCargo(OsString, io::Error),
    /// Cargo did not build it; what it said.
    Failed(String),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::NoBuildScript(name) => write!(f, "{name} is not set: nub-build works in build scripts only"),
            Error::NoSource(path) => write!(f, "the kernel's source is not at {}", path.display()),
            Error::File(path, error) => write!(f, "{}: {error}", path.display()),
            Error::NoCargo(cargo, error) => write!(f, "cannot run {}: {error}", cargo.display()),
            Error::Failed(output) => write!(f, "the kernel inside the virtual machine was not built:\n{output}"),
        }
    }
}

impl std::error::Error for Error {}

fn variable(name: &'static str) -> Result<OsString, Error> {
    env::var_os(name).ok_or(Error::NoBuildScript(name))
}

/// Whether the program that is being built can start the kernel: it runs it on processors and an interface that only
/// Linux on x86-64 has.
///
/// # Errors
/// [`Error::NoBuildScript`].
pub fn is_supported() -> Result<bool, Error> {
    let target = |name| variable(name).map(|value| value.to_string_lossy().into_owned());
    Ok(target("CARGO_CFG_TARGET_ARCH")? == "x86_64" && target("CARGO_CFG_TARGET_OS")? == "linux")
}

/// Builds the kernel for a level and gives the path of its binary, which lies in the build script's own folder. Tells cargo which
/// files it came from. `workspace` is the folder of nub's workspace.
///
/// # Errors
/// [`Error`]: what is missing, or what cargo said.
pub fn build(workspace: &Path, level: Level) -> Result<PathBuf, Error> {
    let script = workspace.join("crates").join(PACKAGE).join("kernel.ld");
    if !script.is_file() {
        return Err(Error::NoSource(script));
    }
    let target = PathBuf::from(variable("OUT_DIR")?).join(level.folder());
    let cargo = variable("CARGO")?;
    let mut command = Command::new(&cargo);
    command.current_dir(workspace);
    // The flags and wrappers of the build around this one are for other code; clippy's, for example, is a wrapper.
    for (name, _) in env::vars_os() {
        let text = name.to_string_lossy();
        let foreign = ["CARGO_", "RUSTFLAGS", "RUSTDOCFLAGS", "RUSTC_WRAPPER", "RUSTC_WORKSPACE_WRAPPER", "CLIPPY_"];
        // Where crates come from and how many jobs there may be is the same for all.
        let kept =
            ["CARGO_HOME", "CARGO_MAKEFLAGS", "CARGO_NET_", "CARGO_HTTP_", "CARGO_REGISTRIES_", "CARGO_REGISTRY_"];
        if foreign.iter().any(|prefix| text.starts_with(prefix)) && !kept.iter().any(|prefix| text.starts_with(prefix))
        {
            command.env_remove(&name);
        }
    }
    command.env("CARGO_ENCODED_RUSTFLAGS", flags(&script, level).join("\u{1f}"));
    command.args(["build", "--locked", "--quiet", "--package", PACKAGE, "--bin", BINARY, "--features", FEATURES]);
    command.args(["--profile", PROFILE, "--target", TRIPLE, "--target-dir"]).arg(&target);
    let output = command.output().map_err(|error| Error::NoCargo(cargo, error))?;
    if !output.status.success() {
        return Err(Error::Failed(String::from_utf8_lossy(&output.stderr).into_owned()));
    }
    let binary = target.join(TRIPLE).join(PROFILE).join(BINARY);
    watch(&binary.with_extension("d"), workspace, &script)?;
    Ok(binary)
}

/// What rustc is told for every crate of the kernel.
fn flags(script: &Path, level: Level) -> Vec<String> {
    let link = |argument: &str| format!("-Clink-arg={argument}");
    let features: Vec<String> = level.features().iter().map(|feature| format!("+{feature}")).collect();
    vec![
        format!("-Ctarget-feature={}", features.join(",")),
        // At a fixed address below 2 GiB nothing has to be relocated.
        "-Crelocation-model=static".into(),
        "-Ccode-model=small".into(),
        link("-nostdlib"),
        link("-nostartfiles"),
        link("-static"),
        link("-no-pie"),
        link("-Wl,--build-id=none"),
        link("-Wl,-z,noexecstack"),
        link(&format!("-Wl,-T,{}", script.display())),
        "--cfg".into(),
        "nub_guest".into(),
    ]
}

/// Has cargo run the build script again when a file changes that the kernel was built from, as cargo itself lists them.
fn watch(list: &Path, workspace: &Path, script: &Path) -> Result<(), Error> {
    let text = fs::read_to_string(list).map_err(|error| Error::File(list.into(), error))?;
    let sources = text.split_once(": ").map_or("", |(_, sources)| sources);
    // Spaces within a name stand behind a backslash.
    for source in sources.replace("\\ ", "\u{0}").split_whitespace() {
        println!("cargo:rerun-if-changed={}", source.replace('\u{0}', " "));
    }
    for file in [workspace.join("Cargo.toml"), workspace.join("Cargo.lock"), script.into()] {
        println!("cargo:rerun-if-changed={}", file.display());
    }
    Ok(())
}
