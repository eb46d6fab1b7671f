//! Which compilers there are.
//!
//! A Rust compiler can make programs when the source of its own standard library is beside it: programs are for a machine
//! that no distribution has a compiled library for. A C compiler has to know the ABI `lp64e`.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::Whose;
use crate::failure::Failure;
use crate::run;

/// The oldest Rust that understands the description of the machine.
const OLDEST_RUST: (u32, u32) = (1, 96);

/// What compiles Rust.
pub struct Rust {
    /// The compiler.
    pub rustc: PathBuf,
    /// The folder with the source of its library, `library/` in it.
    pub source: PathBuf,
    /// What combines objects.
    pub linker: PathBuf,
    libraries: Option<String>,
}

/// What compiles C.
pub struct C {
    /// The compiler.
    pub clang: PathBuf,
    /// What combines objects.
    pub linker: PathBuf,
    libraries: Option<String>,
}

impl Rust {
    /// Makes a command find what the compiler loads.
    pub fn prepare<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        prepare(command, self.libraries.as_deref())
    }

    /// Which one it is, in a line.
    pub fn version(&self) -> Result<String, Failure> {
        run::text(self.prepare(Command::new(&self.rustc).arg("--version")))
    }
}

impl C {
    /// Makes a command find what the compiler loads.
    pub fn prepare<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        prepare(command, self.libraries.as_deref())
    }

    /// Which one it is, in a line.
    pub fn version(&self) -> Result<String, Failure> {
        let text = run::text(self.prepare(Command::new(&self.clang).arg("--version")))?;
        Ok(text.lines().next().unwrap_or_default().to_owned())
    }
}

fn prepare<'a>(command: &'a mut Command, libraries: Option<&str>) -> &'a mut Command {
    match libraries {
        Some(libraries) => command.env("LD_LIBRARY_PATH", libraries),
        None => command,
    }
}

/// Finds a compiler for Rust.
pub fn rust(whose: Whose) -> Result<Rust, Failure> {
    let mut tried = String::new();
    if whose == Whose::Any {
        for rustc in installed_rust() {
            match try_rust(&rustc) {
                Ok(found) => return Ok(found),
                Err(why) => tried += &format!("\n  {}: {why}", rustc.display()),
            }
        }
    }
    match debian() {
        Ok(found) => Ok(Rust {
            rustc: found.rustc,
            source: found.source,
            linker: found.llvm.join("ld.lld"),
            libraries: Some(found.libraries),
        }),
        Err(why) => {
            Err(Failure::NoCompiler { language: "Rust", tried: format!("{tried}\n  Debian's packages: {why}") })
        }
    }
}

/// Finds a compiler for C.
pub fn c(whose: Whose) -> Result<C, Failure> {
    let mut tried = String::new();
    if whose == Whose::Any {
        for name in ["clang", "clang-22", "clang-21", "clang-20", "clang-19"] {
            let Some(clang) = run::in_path(name) else { continue };
            match try_c(&clang) {
                Ok(found) => return Ok(found),
                Err(why) => tried += &format!("\n  {}: {why}", clang.display()),
            }
        }
    }
    match debian() {
        Ok(found) => Ok(C {
            clang: found.llvm.join("clang"),
            linker: found.llvm.join("ld.lld"),
            libraries: Some(found.libraries),
        }),
        Err(why) => Err(Failure::NoCompiler { language: "C", tried: format!("{tried}\n  Debian's packages: {why}") }),
    }
}

/// The cargo of a toolchain: rustup's own `cargo` would put its compiler in place of the one that is chosen here.
pub fn cargo() -> Result<PathBuf, Failure> {
    let by_rustup = run::output(Command::new("rustup").args(["which", "cargo"])).ok();
    let by_rustup = by_rustup.filter(|output| output.status.success());
    let by_rustup = by_rustup.map(|output| PathBuf::from(String::from_utf8_lossy(&output.stdout).trim_end()));
    by_rustup
        .or_else(|| std::env::var_os("CARGO").map(PathBuf::from))
        .or_else(|| run::in_path("cargo"))
        .ok_or(Failure::NoCargo)
}

/// The Rust compilers that are installed: rustup's, then the one in PATH.
fn installed_rust() -> Vec<PathBuf> {
    let mut found = Vec::new();
    let list = run::output(Command::new("rustup").args(["toolchain", "list"]));
    let list = list.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    for toolchain in list.lines().filter_map(|line| line.split_whitespace().next()) {
        let which = run::output(Command::new("rustup").args(["which", "rustc", "--toolchain", toolchain]));
        if let Ok(output) = which
            && output.status.success()
        {
            found.push(PathBuf::from(String::from_utf8_lossy(&output.stdout).trim_end()));
        }
    }
    found.extend(run::in_path("rustc"));
    found
}

/// What this Rust compiler has, or what it lacks.
fn try_rust(rustc: &Path) -> Result<Rust, String> {
    let ask = |arguments: &[&str]| {
        let output = run::output(Command::new(rustc).args(arguments)).map_err(|error| error.to_string())?;
        let text = String::from_utf8_lossy(&output.stdout).trim_end().to_owned();
        if output.status.success() { Ok(text) } else { Err(format!("does not answer {}", arguments.join(" "))) }
    };
    let version = ask(&["-vV"])?;
    let field = |name: &str| version.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
    let (release, host) = (field("release: "), field("host: "));
    if parse_version(release).is_none_or(|version| version < OLDEST_RUST) {
        let (major, minor) = OLDEST_RUST;
        return Err(format!("is {release}, and {major}.{minor} is needed"));
    }
    let library = Path::new(&ask(&["--print", "sysroot"])?).join("lib/rustlib");
    let source = library.join("src/rust");
    if !source.join("library/Cargo.lock").is_file() {
        return Err("has no library source (component rust-src)".into());
    }
    let own = library.join(host).join("bin/rust-lld");
    let linker = if own.is_file() { Some(own) } else { run::in_path("ld.lld") };
    let linker = linker.ok_or("has no rust-lld, and there is no ld.lld")?;
    Ok(Rust { rustc: rustc.into(), source, linker, libraries: None })
}

/// Major and minor of a version such as `1.97.0-nightly`.
fn parse_version(release: &str) -> Option<(u32, u32)> {
    let mut parts = release.split('.');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

/// What this C compiler has, or what it lacks.
fn try_c(clang: &Path) -> Result<C, String> {
    let mut command = Command::new(clang);
    command.args(crate::c::MACHINE).args(["-x", "c", "-c", "/dev/null", "-o", "/dev/null"]);
    let output = run::output(&mut command).map_err(|error| error.to_string())?;
    if !output.status.success() {
        return Err("does not know RV64E with lp64e (19 does)".into());
    }
    let linker =
        run::in_path("ld.lld").or_else(|| run::in_path(&clang.file_name()?.to_str()?.replace("clang", "ld.lld")));
    Ok(C { clang: clang.into(), linker: linker.ok_or("there is no ld.lld (apt-get install lld)")?, libraries: None })
}

/// What `toolchain/debian` has found.
struct Debian {
    rustc: PathBuf,
    source: PathBuf,
    llvm: PathBuf,
    libraries: String,
}

fn debian() -> Result<Debian, String> {
    let mut command = Command::new("bash");
    command.args(["-c", include_str!("toolchain/debian")]);
    // It says itself what it fetches, and why it cannot.
    command.stdin(Stdio::null()).stderr(Stdio::inherit());
    let output = command.output().map_err(|error| format!("there is no bash: {error}"))?;
    if !output.status.success() {
        return Err("cannot be had, for the reason above".into());
    }
    let answer = String::from_utf8_lossy(&output.stdout).into_owned();
    let field = |name: &str| {
        let value = answer.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
        value.map(str::to_owned).ok_or(format!("toolchain/debian does not say where {name} is"))
    };
    Ok(Debian {
        rustc: field("rustc")?.into(),
        source: field("source")?.into(),
        llvm: field("llvm")?.into(),
        libraries: field("libraries")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_as_numbers() {
        assert_eq!(parse_version("1.97.0-nightly"), Some((1, 97)));
        assert_eq!(parse_version("1.100.0"), Some((1, 100)));
        assert!(parse_version("1.100.0") > parse_version("1.96.1"));
        assert_eq!((parse_version("1"), parse_version("")), (None, None));
    }

    #[test]
    fn what_is_no_compiler_says_what_it_lacks() {
        assert!(try_rust(Path::new("/nowhere/rustc")).is_err_and(|why| why.contains("/nowhere/rustc")));
        assert!(try_rust(Path::new("true")).is_err_and(|why| why == "is , and 1.96 is needed"));
        assert!(try_c(Path::new("false")).is_err_and(|why| why.contains("lp64e")));
    }
}
