//! Programs in C: all `.c` files of a folder and of the folders in it.
//!
//! A file `compile_flags.txt` says what else the compiler is told, a flag a line, for the files of its folder and of those
//! below that have none of their own. Editors know the same file: paths in it are relative to where it stands.

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
    for (index, source) in sources.iter().enumerate() {
        // Files of different folders may have one name.
        let object = work.join(format!("{index:04}.o"));
        let flags = Flags::of(&project.path, source)?;
        let mut command = clang();
        // The name that the compiler is given is the name in messages: relative, it says the same everywhere.
        command.current_dir(project.path.join(&flags.folder)).args(LANGUAGE).arg("-I").arg(&include).args(&flags.flags);
        command.arg(format!("-ffile-prefix-map={}={name}", project.path.display()));
        command.arg(format!("-ffile-prefix-map={}=javm-guest", include.display()));
        let source = source.strip_prefix(&flags.folder).unwrap_or(source);
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

/// The files of the program, relative to its folder, in order of their names. Its tests and what a build leaves are none of
/// it, nor is what starts with a dot; a folder behind a link is not entered.
pub fn sources(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let mut found = Vec::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(inner) = folders.pop() {
        let place = folder.join(&inner);
        let failure = |error| Failure::File { path: place.clone(), error };
        for entry in fs::read_dir(&place).map_err(failure)? {
            let entry = entry.map_err(failure)?;
            let name = entry.file_name();
            let path = inner.join(&name);
            if entry.file_type().map_err(failure)?.is_dir() {
                let apart = inner.as_os_str().is_empty() && (name == "target" || name == "tests");
                if !apart && !name.to_string_lossy().starts_with('.') {
                    folders.push(path);
                }
            } else if path.extension().is_some_and(|extension| extension == "c") {
                found.push(path);
            }
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

/// Where further flags stand.
const FLAGS: &str = "compile_flags.txt";

/// What a file is compiled with beside what every file is.
pub struct Flags {
    /// Where the compiler runs, relative to the program's folder.
    pub folder: PathBuf,
    /// What it is told.
    pub flags: Vec<String>,
}

impl Flags {
    /// Those of the nearest `compile_flags.txt` above `source`; none if there is none.
    pub fn of(program: &Path, source: &Path) -> Result<Flags, Failure> {
        for folder in source.ancestors().skip(1) {
            let path = program.join(folder).join(FLAGS);
            match fs::read_to_string(&path) {
                Ok(text) => {
                    let flags = text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned);
                    return Ok(Flags { folder: folder.into(), flags: flags.collect() });
                }
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => return Err(Failure::File { path, error }),
            }
        }
        Ok(Flags { folder: PathBuf::new(), flags: Vec::new() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_found_in_all_folders_and_flags_in_the_nearest() {
        let program = tempfile::tempdir().expect("a folder");
        let place = |path: &str, text: &str| {
            let path = program.path().join(path);
            fs::create_dir_all(path.parent().expect("a folder")).expect("it can be made");
            fs::write(path, text).expect("it can be written");
        };
        assert!(sources(program.path()).is_err_and(|error| error.to_string().contains("neither")));
        for path in ["z.c", "a/b/x.c", "a/x.c", "a/x.h", "target/nub/x.c", "tests/x.c", ".git/x.c", "a/target/x.c"] {
            place(path, "");
        }
        let found = sources(program.path()).expect("there are some");
        assert_eq!(found, ["a/b/x.c", "a/target/x.c", "a/x.c", "z.c"].map(PathBuf::from));

        let flags = |source: &str| {
            let flags = Flags::of(program.path(), Path::new(source)).expect("they can be read");
            (flags.folder.to_string_lossy().into_owned(), flags.flags)
        };
        assert_eq!(flags("a/b/x.c"), (String::new(), vec![]));
        place(FLAGS, "-Iinclude\n\n  -DNAME=two words \n");
        place(&format!("a/{FLAGS}"), "");
        assert_eq!(flags("z.c"), (String::new(), vec!["-Iinclude".into(), "-DNAME=two words".into()]));
        assert_eq!(flags("a/b/x.c"), ("a".into(), vec![]));
        fs::write(program.path().join("a/b").join(FLAGS), [0xff]).expect("it can be written");
        assert!(Flags::of(program.path(), Path::new("a/b/x.c")).is_err());
    }
}
