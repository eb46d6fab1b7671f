//! Programs in Rust: a cargo package, or a workspace of them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::compilers::{self, Rust};
use crate::failure::Failure;
use crate::run::{self, Project};
use crate::{CargoArguments, TestArguments, Whose};

/// The description of the machine. Its name is the target's.
const MACHINE: (&str, &str) = ("riscv64-nub.json", include_str!("toolchain/riscv64-nub.json"));
const TARGET: &str = "riscv64-nub";

/// What stands between cargo and the compiler.
const WRAPPER: (&str, &str) = ("rustc-reproducible", include_str!("toolchain/rustc-reproducible"));

/// What every program is compiled with, whatever its manifest says: one object, names for places, no unwinding.
const PROFILE: [&str; 5] = [
    "profile.release.panic=\"abort\"",
    "profile.release.lto=\"fat\"",
    "profile.release.codegen-units=1",
    "profile.release.debug=\"line-tables-only\"",
    "profile.release.strip=\"none\"",
];

/// Variables of a build that this one may run in, which mean that build.
const FOREIGN: [&str; 6] = [
    "CARGO_ENCODED_RUSTFLAGS",
    "CARGO_BUILD_TARGET",
    "RUSTC_WORKSPACE_WRAPPER",
    "CARGO_PKG_NAME",
    "CARGO_PKG_VERSION",
    "RUSTUP_TOOLCHAIN",
];

/// Builds objects of all programs, or of those that are named. Returns their names.
pub fn build(
    project: &Project,
    wanted: &[String],
    arguments: &CargoArguments,
    whose: Whose,
) -> Result<Vec<String>, Failure> {
    let cargo = compilers::cargo()?;
    let packages = Packages::read(&cargo, project, arguments)?;
    let programs = packages.choose(wanted)?;
    let compiler = compilers::rust(whose)?;

    let target = run::folder(&project.target.join("rust"))?;
    let machine = place(&target, MACHINE)?;
    let wrapper = place(&target, WRAPPER)?;
    let mut command = Command::new(&cargo);
    compiler.prepare(&mut command).current_dir(&project.path).arg("build");
    for variable in FOREIGN {
        command.env_remove(variable);
    }
    command
        .env("RUSTC", &compiler.rustc)
        // Building the library is not stable.
        .env("RUSTC_BOOTSTRAP", "1")
        .env("RUSTC_WRAPPER", wrapper)
        .env("NUB_REMAP", packages.remap(project, &compiler))
        .env("CARGO_TARGET_DIR", &target)
        .env("CARGO_TARGET_RISCV64_NUB_LINKER", &compiler.linker)
        // One thread a program: an atomic operation is an ordinary one. The machine has no others.
        .env("RUSTFLAGS", "-Cpasses=lower-atomic");
    command.args(["--release", "--quiet", "-Zbuild-std=core,alloc", "-Zjson-target-spec", "--target"]).arg(machine);
    command.args(arguments.flags()).arg("--workspace");
    for setting in PROFILE {
        command.args(["--config", setting]);
    }
    for program in &programs {
        command.args(["--bin", program]);
    }
    run::run(&mut command)?;

    for program in &programs {
        run::copy(&target.join(TARGET).join("release").join(program), &project.object(program))?;
    }
    Ok(programs)
}

/// Runs the unit tests.
pub fn test(path: &Path, arguments: &TestArguments) -> Result<(), Failure> {
    let mut command = Command::new(compilers::cargo()?);
    command.current_dir(path).arg("test").args(arguments.cargo.flags());
    run::run(command.arg("--").args(&arguments.rest))
}

/// Puts a file into the folder. Cargo does not look whether one of these has changed: then everything is built anew.
fn place(target: &Path, (name, contents): (&str, &str)) -> Result<PathBuf, Failure> {
    let path = target.join(name);
    if fs::read_to_string(&path).ok().as_deref() != Some(contents) {
        let built = target.join(TARGET);
        if built.exists() {
            fs::remove_dir_all(&built).map_err(|error| Failure::File { path: built, error })?;
        }
        run::write(&path, contents)?;
        executable(&path)?;
    }
    Ok(path)
}

#[cfg(unix)]
fn executable(path: &Path) -> Result<(), Failure> {
    use std::os::unix::fs::PermissionsExt;
    let permissions = fs::Permissions::from_mode(0o755);
    fs::set_permissions(path, permissions).map_err(|error| Failure::File { path: path.into(), error })
}

#[cfg(not(unix))]
fn executable(_: &Path) -> Result<(), Failure> {
    Ok(())
}

/// What cargo says about the packages.
struct Packages {
    /// The binaries of the workspace.
    programs: Vec<String>,
    /// Packages of this machine that are elsewhere: name and folder.
    elsewhere: Vec<(String, PathBuf)>,
}

impl Packages {
    fn read(cargo: &Path, project: &Project, arguments: &CargoArguments) -> Result<Packages, Failure> {
        let mut command = Command::new(cargo);
        command.current_dir(&project.path).args(["metadata", "--format-version", "1"]).args(arguments.flags());
        let text = run::text(&mut command)?;
        let answer: Value = serde_json::from_str(&text)
            .map_err(|error| Failure::Answer { program: "cargo metadata".into(), reason: error.to_string() })?;
        let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();

        let members = list(&answer["workspace_members"]);
        let (mut programs, mut elsewhere) = (Vec::new(), Vec::new());
        for package in list(&answer["packages"]) {
            if members.contains(&package["id"]) {
                let binaries =
                    list(&package["targets"]).into_iter().filter(|t| list(&t["kind"]).contains(&"bin".into()));
                programs.extend(binaries.map(|target| text(&target["name"])));
            }
            let manifest = PathBuf::from(text(&package["manifest_path"]));
            if package["source"].is_null()
                && let Some(folder) = manifest.parent()
                && !folder.starts_with(&project.path)
            {
                elsewhere.push((text(&package["name"]), folder.to_path_buf()));
            }
        }
        programs.sort();
        Ok(Packages { programs, elsewhere })
    }

    fn choose(&self, wanted: &[String]) -> Result<Vec<String>, Failure> {
        let there = self.programs.join(", ");
        if let Some(missing) = wanted.iter().find(|name| !self.programs.contains(name)) {
            return Err(Failure::Usage(format!("no program '{missing}'; there are: {there}")));
        }
        match (wanted, self.programs.as_slice()) {
            ([], []) => Err(Failure::Usage("a program is a binary (src/main.rs), and there is none".into())),
            ([], all) => Ok(all.to_vec()),
            (wanted, _) => Ok(wanted.to_vec()),
        }
    }

    /// What folders of this machine are called in the program, a line FROM=TO each. Later ones go first.
    fn remap(&self, project: &Project, compiler: &Rust) -> String {
        let mut lines = vec![(project.path.clone(), project.name())];
        lines.extend(self.elsewhere.iter().map(|(name, folder)| (folder.clone(), name.clone())));
        lines.push((compiler.source.clone(), "rust".into()));
        lines.extend(compiler.source.canonicalize().ok().map(|source| (source, "rust".into())));
        let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
        let home = home.or_else(|| std::env::home_dir().map(|home| home.join(".cargo")));
        lines.extend(home.map(|home| (home.join("registry/src"), "registry".into())));
        let lines: Vec<String> = lines.iter().map(|(from, to)| format!("{}={to}", from.display())).collect();
        lines.join("\n")
    }
}
