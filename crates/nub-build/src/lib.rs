//! Builds the kernel that runs inside the virtual machine: from a build script, with the cargo and the rustc that build
//! everything else, for the host's own triple. No other target, no nightly, no network.
//!
//! The kernel is a program of this workspace, so that its lock file is the workspace's. It is built by a cargo of its own
//! in a target folder of its own, with flags that make it stand without an operating system: linked by its own script to
//! a fixed address, without start-up code and without unwinding. Before it comes a small library with the one part of it that is
//! worth building for newer processors, which it is linked with.
#![forbid(unsafe_code)]

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fmt, fs, io};

/// The triple that the kernel is built for.
pub const TRIPLE: &str = "x86_64-unknown-linux-gnu";
const PACKAGE: &str = "nub-arch-x86";
const BINARY: &str = "nub-guest";
const LIBRARY: &str = "nub-hash-avx2";
/// What rustc is told for the library, and its dependencies.
const LIBRARY_FLAGS: &[&str] = &["-Ctarget-feature=+avx2", "--cfg", "nub_library"];
const PROFILE: &str = "guest";
const FEATURES: &str = "frame-aligned";

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

/// Builds the kernel and gives the path of its binary, which lies in the build script's own folder. Tells cargo which files it
/// came from. `workspace` is the folder of nub's workspace.
///
/// # Errors
/// [`Error`]: what is missing, or what cargo said.
pub fn build(workspace: &Path) -> Result<PathBuf, Error> {
    let script = workspace.join("crates").join(PACKAGE).join("kernel.ld");
    if !script.is_file() {
        return Err(Error::NoSource(script));
    }
    let target = PathBuf::from(variable("OUT_DIR")?).join("kernel");
    let outputs = target.join(TRIPLE).join(PROFILE);

    let mut command = cargo(workspace, &target, LIBRARY_FLAGS)?;
    command.args(["--package", LIBRARY, "--lib", "--crate-type", "staticlib"]);
    run(command)?;
    let library = outputs.join(format!("lib{}.a", LIBRARY.replace('-', "_")));

    let mut command = cargo(workspace, &target, &["--cfg", "nub_guest"])?;
    command.args(["--package", PACKAGE, "--bin", BINARY, "--features", FEATURES, "--"]);
    command.args(link_flags(&script, &library));
    run(command)?;
    let binary = outputs.join(BINARY);

    println!("cargo:rerun-if-env-changed=CARGO_PROFILE_GUEST_DEBUG");
    watch(&library.with_extension("d"), workspace)?;
    watch(&binary.with_extension("d"), workspace)?;
    println!("cargo:rerun-if-changed={}", script.display());
    Ok(binary)
}

/// The beginning of a command that builds for the kernel, every crate with these flags.
fn cargo(workspace: &Path, target: &Path, flags: &[&str]) -> Result<Command, Error> {
    let mut command = Command::new(variable("CARGO")?);
    command.current_dir(workspace);
    // The flags and wrappers of the build around this one are for other code; clippy's, for example, is a wrapper.
    for (name, _) in env::vars_os() {
        let text = name.to_string_lossy();
        let foreign = ["CARGO_", "RUSTFLAGS", "RUSTDOCFLAGS", "RUSTC_WRAPPER", "RUSTC_WORKSPACE_WRAPPER", "CLIPPY_"];
        // Where crates come from and how many jobs there may be is the same for all; and this profile is the kernel's alone.
        let kept = [
            "CARGO_HOME",
            "CARGO_MAKEFLAGS",
            "CARGO_NET_",
            "CARGO_HTTP_",
            "CARGO_REGISTRIES_",
            "CARGO_REGISTRY_",
            "CARGO_PROFILE_GUEST_",
        ];
        if foreign.iter().any(|prefix| text.starts_with(prefix)) && !kept.iter().any(|prefix| text.starts_with(prefix))
        {
            command.env_remove(&name);
        }
    }
    // At a fixed address below 2 GiB nothing has to be relocated.
    let flags = [&["-Crelocation-model=static", "-Ccode-model=small"], flags].concat();
    command.env("CARGO_ENCODED_RUSTFLAGS", flags.join("\u{1f}"));
    command.args(["rustc", "--locked", "--quiet", "--profile", PROFILE, "--target", TRIPLE, "--target-dir"]);
    command.arg(target);
    Ok(command)
}

fn run(mut command: Command) -> Result<(), Error> {
    let output = command.output().map_err(|error| Error::NoCargo(command.get_program().into(), error))?;
    if !output.status.success() {
        return Err(Error::Failed(String::from_utf8_lossy(&output.stderr).into_owned()));
    }
    Ok(())
}

/// What rustc is told for the binary alone.
fn link_flags(script: &Path, library: &Path) -> Vec<OsString> {
    let link = |argument: &str, path: &Path| {
        let mut flag = OsString::from(format!("-Clink-arg={argument}"));
        flag.push(path);
        flag
    };
    let fixed = ["-nostdlib", "-nostartfiles", "-static", "-no-pie", "-Wl,--build-id=none", "-Wl,-z,noexecstack"];
    let mut flags: Vec<OsString> = fixed.iter().map(|argument| link(argument, Path::new(""))).collect();
    flags.extend([link("-Wl,-T,", script), link("", library)]);
    // Cargo does not look at the library, but links again when a flag is another.
    flags.push(format!("-Cmetadata={}", LIBRARY_FLAGS.concat()).into());
    flags
}

/// Has cargo run the build script again when a file changes that the kernel was built from, as cargo itself lists them.
fn watch(list: &Path, workspace: &Path) -> Result<(), Error> {
    let text = fs::read_to_string(list).map_err(|error| Error::File(list.into(), error))?;
    let sources = text.split_once(": ").map_or("", |(_, sources)| sources);
    // Spaces within a name stand behind a backslash.
    for source in sources.replace("\\ ", "\u{0}").split_whitespace() {
        println!("cargo:rerun-if-changed={}", source.replace('\u{0}', " "));
    }
    for file in ["Cargo.toml", "Cargo.lock"].map(|name| workspace.join(name)) {
        println!("cargo:rerun-if-changed={}", file.display());
    }
    Ok(())
}
