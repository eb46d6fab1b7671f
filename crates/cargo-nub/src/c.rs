//! Programs in C: all `.c` files of a folder.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Whose;
use crate::compilers;
use crate::failure::Failure;
use crate::run::{self, Project};

/// The machine, as clang is told about it.
pub const MACHINE: [&str; 4] =
    ["--target=riscv64-unknown-none-elf", "-march=rv64emc_zbb_xtheadcondmov", "-mabi=lp64e", "-mno-relax"];

/// How programs are compiled: absolute addresses, which the linker resolves, and sections that it can leave out.
const LANGUAGE: [&str; 12] = [
    "-std=gnu17",
    "-O2",
    "-ffreestanding",
    "-mcmodel=medlow",
    "-fno-pic",
    "-mno-strict-align",
    "-ffunction-sections",
    "-fdata-sections",
    "-Wall",
    "-Wextra",
    "-Werror",
    "-gline-tables-only",
];

/// What the programs include.
pub const HEADER: (&str, &str) = ("javm.h", include_str!("../../javm-guest/include/javm.h"));

/// `memcpy` and its kin, which every compiler calls.
const MEMORY: (&str, &str) = ("memory.s", include_str!("../../javm-guest/src/machine/memory.s"));

/// Builds the object of the program, which is called as its folder. Returns that name.
pub fn build(project: &Project, whose: Whose) -> Result<Vec<String>, Failure> {
    let sources = sources(&project.path)?;
    let compiler = compilers::c(whose)?;
    let name = project.name();
    let work = project.target.join("c").join(&name);
    if work.exists() {
        fs::remove_dir_all(&work).map_err(|error| Failure::File { path: work.clone(), error })?;
    }
    let work = run::folder(&work)?;
    let include = run::folder(&work.join("include"))?;
    run::write(&include.join(HEADER.0), HEADER.1)?;
    run::write(&work.join(MEMORY.0), MEMORY.1)?;

    let clang = || {
        let mut command = Command::new(&compiler.clang);
        compiler.prepare(&mut command).args(MACHINE);
        command
    };
    let mut objects = Vec::new();
    for source in &sources {
        let object = work.join(source).with_extension("o");
        let mut command = clang();
        // The name that the compiler is given is the name in messages: relative, it says the same everywhere.
        command.current_dir(&project.path).args(LANGUAGE).arg("-I").arg(&include);
        command.arg(format!("-ffile-prefix-map={}={name}", project.path.display()));
        command.arg(format!("-ffile-prefix-map={}=javm-guest", include.display()));
        run::run(command.arg("-c").arg(source).arg("-o").arg(&object))?;
        objects.push(object);
    }
    let memory = work.join("memory.s.o");
    run::run(clang().current_dir(&work).arg("-c").arg(MEMORY.0).arg("-o").arg(&memory))?;
    objects.push(memory);

    let mut command = Command::new(&compiler.linker);
    // Debug information refers to its strings by labels that would be left out otherwise.
    compiler.prepare(&mut command).args(["-r", "--gc-sections", "--discard-none"]).args(&objects);
    run::run(command.arg("-o").arg(project.object(&name)))?;
    Ok(vec![name])
}

/// The files of the program, in order of their names.
pub fn sources(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let failure = |error| Failure::File { path: folder.into(), error };
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(failure)? {
        let path = entry.map_err(failure)?.path();
        if path.extension().is_some_and(|extension| extension == "c")
            && let Some(name) = path.file_name()
        {
            found.push(PathBuf::from(name));
        }
    }
    found.sort();
    if found.is_empty() {
        let message =
            format!("{}: neither a Cargo.toml nor a .c file; `cargo nub new` makes a program", folder.display());
        return Err(Failure::Usage(message));
    }
    Ok(found)
}
