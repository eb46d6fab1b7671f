//! Tests of programs in C, as host code: one program of each file in the folder `tests`, with everything else of it.

use std::path::Path;
use std::process::Command;

use crate::c::{Flags, HEADER, sources};
use crate::failure::Failure;
use crate::run;

/// What tests include, and the machine that `javm.h` wants of a host.
const TEST_HEADER: (&str, &str) = ("javm_test.h", include_str!("../../javm-guest/include/javm_test.h"));
const MACHINE: (&str, &str) = ("javm_test.c", include_str!("../../javm-guest/include/javm_test.c"));

/// What the host's compiler is told.
const LANGUAGE: [&str; 6] = ["-std=gnu17", "-g", "-O1", "-Wall", "-Wextra", "-Werror"];

/// Compiles and runs the tests of the program in this folder.
pub fn test(path: &Path) -> Result<(), Failure> {
    let program = sources(path)?;
    let folder = path.join("tests");
    let tests = match folder.is_dir() {
        true => sources(&folder)?,
        false => {
            let message = format!("{}: no tests; each file tests/NAME.c is one, see javm_test.h", path.display());
            return Err(Failure::Usage(message));
        }
    };
    let compiler = ["cc", "gcc", "clang"].into_iter().find_map(run::in_path).ok_or(Failure::NoHostCompiler)?;
    let work = run::folder(&path.join("target/nub/tests"))?;
    for (name, contents) in [HEADER, TEST_HEADER, MACHINE] {
        run::write(&work.join(name), contents)?;
    }
    let compile = |source: &Path, object: &Path| {
        let flags = Flags::of(path, source)?;
        let mut command = Command::new(&compiler);
        command.current_dir(path.join(&flags.folder)).args(LANGUAGE).arg("-I").arg(&work).arg("-I").arg(path);
        let source = source.strip_prefix(&flags.folder).unwrap_or(source);
        run::run(command.args(&flags.flags).arg("-c").arg(source).arg("-o").arg(object))
    };
    let mut objects = Vec::new();
    for (index, source) in program.iter().enumerate() {
        objects.push(work.join(format!("{index:04}.o")));
        compile(source, &objects[index])?;
    }
    for (index, test) in tests.iter().enumerate() {
        let name = test.with_extension("");
        let built = work.join(format!("test-{index:04}"));
        let object = work.join("test.o");
        compile(&Path::new("tests").join(test), &object)?;
        let mut command = Command::new(&compiler);
        command.current_dir(path).args(LANGUAGE).arg("-I").arg(&work);
        command.arg(object).args(&objects).arg(work.join(MACHINE.0));
        run::run(command.arg("-o").arg(&built))?;
        run::run(Command::new(&built).current_dir(path))?;
        println!("test {} ... ok", name.display());
    }
    Ok(())
}
