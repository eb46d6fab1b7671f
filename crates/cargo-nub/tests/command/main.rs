//! The command as a newcomer uses it.

mod guide;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use nub::{Ended, Grants, InvokeOptions, Nub};

/// The command, as cargo calls it, in a folder.
fn cargo_nub(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cargo-nub"));
    command.arg("nub").current_dir(folder);
    // What these tests run in is no business of what they run.
    command.env_remove("CARGO_TARGET_DIR");
    command
}

#[track_caller]
fn run(command: &mut Command, code: i32) -> String {
    let Output { status, stdout, stderr } = command.output().expect("it starts");
    let text = format!("{}{}", String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    assert_eq!(status.code(), Some(code), "{command:?}\n{text}");
    text
}

fn new_program(folder: &Path, name: &str, flags: &[&str]) -> PathBuf {
    let told = run(cargo_nub(folder).args(["new", name]).args(flags), 0);
    assert!(told.contains(&format!("nub run target/nub/{name}.nub --endpoint add --arg 5")), "{told}");
    folder.join(name)
}

#[test]
fn a_new_program_is_made_in_an_empty_folder_only() {
    let folder = tempfile::tempdir().expect("a folder");
    let program = new_program(folder.path(), "counter", &[]);
    let manifest = fs::read_to_string(program.join("Cargo.toml")).expect("it was made");
    assert!(manifest.contains("name = \"counter\""), "{manifest}");
    let sdk = Path::new(env!("CARGO_MANIFEST_DIR")).join("../javm-guest").canonicalize().expect("it is there");
    assert!(manifest.contains(&format!("path = {sdk:?}")), "{manifest}");
    assert!(program.join("src/main.rs").is_file());

    let told = run(cargo_nub(folder.path()).args(["new", "counter"]), 2);
    assert!(told.contains("counter: there is something already"), "{told}");
    fs::create_dir(folder.path().join("empty")).expect("a folder");
    new_program(folder.path(), "empty", &["--c"]);
    assert!(folder.path().join("empty/empty.c").is_file());
    for name in ["2nd", "a b", "."] {
        let told = run(cargo_nub(folder.path()).args(["new", name]), 2);
        assert!(told.contains("is no name of a program"), "{told}");
    }
    let told = run(cargo_nub(folder.path()).args(["new", "other", "--sdk", "nowhere"]), 2);
    assert!(told.contains("nowhere: the crate javm-guest is not there; say --sdk FOLDER"), "{told}");
}

#[test]
fn a_new_program_passes_its_tests() {
    let folder = tempfile::tempdir().expect("a folder");
    let program = new_program(folder.path(), "counter", &[]);
    // The versions that this repository was built with are here already: no network is needed.
    let lock = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../Cargo.lock");
    fs::copy(lock, program.join("Cargo.lock")).expect("it can be copied");
    let mut command = cargo_nub(&program);
    command.env("CARGO_TARGET_DIR", Path::new(env!("CARGO_TARGET_TMPDIR")).join("native"));
    let told = run(command.args(["test", "--offline"]), 0);
    assert!(told.contains("test tests::it_counts ... ok"), "{told}");
}

#[test]
fn a_new_program_in_c_passes_its_tests_and_a_wrong_one_does_not() {
    let folder = tempfile::tempdir().expect("a folder");
    let program = new_program(folder.path(), "counter", &["--c"]);
    let told = run(cargo_nub(&program).arg("test"), 0);
    assert!(told.contains("test counter ... ok"), "{told}");

    let test = program.join("tests/counter.c");
    let text = fs::read_to_string(&test).expect("it was made");
    fs::write(&test, text.replace("== 5", "== 6")).expect("it can be written");
    let told = run(cargo_nub(&program).arg("test"), 1);
    assert!(told.contains("tests/counter.c:9: not so: add(5) == 6"), "{told}");
    fs::write(&test, "#include \"javm_test.h\"\nuint64_t add(uint64_t);\nint main(void) { add(1); add(UINT64_MAX); }")
        .expect("it can be written");
    let told = run(cargo_nub(&program).arg("test"), 1);
    let why = "the program has trapped; logged last: counter.c:12: not so: n <= UINT64_MAX - total";
    assert!(told.contains(why), "{told}");
    fs::write(&test, "#include \"javm_test.h\"\nint main(void) { javm_test_scratchpad(\"\", 5000); }").expect("again");
    let told = run(cargo_nub(&program).arg("test"), 1);
    assert!(told.contains("5000 bytes do not fit into a scratchpad of 4096"), "{told}");

    let told = run(cargo_nub(&program).arg("test").env("PATH", folder.path()), 3);
    assert!(told.contains("no compiler for C here: cc, gcc or clang"), "{told}");
    fs::remove_dir_all(program.join("tests")).expect("it was made");
    let told = run(cargo_nub(&program).arg("test"), 2);
    assert!(told.contains("no tests; each file tests/NAME.c is one"), "{told}");
}

#[test]
fn folders_without_a_program() {
    let folder = tempfile::tempdir().expect("a folder");
    let told = run(cargo_nub(folder.path()).arg("build"), 2);
    assert!(told.contains("neither a Cargo.toml nor a .c file; `cargo nub new` makes a program"), "{told}");
    let told = run(cargo_nub(folder.path()).arg("test"), 2);
    assert!(told.contains("neither a Cargo.toml nor a .c file"), "{told}");
    run(cargo_nub(folder.path()).args(["build", "nowhere"]), 1);
    run(cargo_nub(folder.path()).args(["build", "--no-such-flag"]), 2);
}

#[test]
fn without_compilers_it_says_what_to_install() {
    let folder = tempfile::tempdir().expect("a folder");
    let program = new_program(folder.path(), "counter", &["--c"]);
    let told = run(cargo_nub(&program).arg("build").env("PATH", folder.path()), 3);
    for line in [
        "no compiler for C here",
        "rustup toolchain install nightly --component rust-src",
        "deb http://deb.debian.org/debian-security bookworm-security main",
        "apt-get install clang-19 lld-19",
    ] {
        assert!(told.contains(line), "{told}");
    }
}

/// Where Debian's compilers are, if they were fetched before; these tests fetch nothing.
fn debian() -> Option<PathBuf> {
    let cache = std::env::var_os("NUB_TOOLCHAIN_CACHE").map(PathBuf::from).or_else(|| {
        let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
        Some(cache.or_else(|| Some(std::env::home_dir()?.join(".cache")))?.join("nub-toolchain"))
    })?;
    let root = cache.join("root");
    if root.join("usr/bin/rustc").is_file() {
        return Some(root);
    }
    let why = format!("they are not in {} (guests/build --available)", cache.display());
    nub_test_skip::skipped("Debian's RISC-V compilers", &why);
    None
}

/// Calls `add(5)` and then `add` with the largest number: the results, and what was logged last.
fn try_out(image: &Path) -> (u64, Ended, String) {
    let mut nub = Nub::for_tests().expect("a machine");
    let image = nub.publish(&fs::read(image).expect("it was built")).expect("it is an Image");
    let counter = nub.instantiate(&image, &Grants::services()).expect("it starts");
    let mut add = |n| nub.invoke(counter, "add", &[n], &InvokeOptions::default()).expect("it can be called");
    let (first, second) = (add(5), add(u64::MAX));
    let last = second.logs.last().map(|entry| String::from_utf8_lossy(&entry.bytes).into_owned());
    (first.value, second.ended, last.unwrap_or_default())
}

#[test]
fn a_program_in_c_becomes_an_image() {
    if debian().is_none() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let program = new_program(folder.path(), "counter", &["--c"]);
    let told = run(cargo_nub(&program).args(["build", "--compilers", "debian"]), 0);
    assert!(told.contains("endpoints: add, get"), "{told}");
    let (value, ended, last) = try_out(&program.join("target/nub/counter.nub"));
    assert_eq!((value, ended), (5, Ended::Panic));
    assert_eq!(last, "counter.c:12: not so: n <= UINT64_MAX - total");

    // What a program in C says of interfaces is in its Image.
    let bank = "interface bank { pay(amount: u64); }";
    let source = format!(
        "#include \"javm.h\"\n\
         JAVM_IMPORT_INTERFACE(bank, 20, 0, \"{bank}\");\n\
         JAVM_IMPLEMENTS(self, \"{bank}\");\n\
         uint64_t other(void) {{ return 1; }}\n\
         uint64_t pay(uint64_t amount) {{\n\
         return JAVM_MUST(javm_call_place(javm_at(JAVM_SLOT(20), 4), 0, JAVM_FLAG_ATOMIC, 0, amount, 0, 0, 0)); }}\n\
         JAVM_ENDPOINT(other, 0);\n\
         JAVM_ENDPOINT(pay, 1);\n"
    );
    fs::write(program.join("counter.c"), source).expect("it can be written");
    let told = run(cargo_nub(&program).args(["build", "--compilers", "debian"]), 0);
    assert!(told.contains("endpoints: pay, other"), "{told}");
    let image = fs::read(program.join("target/nub/counter.nub")).expect("it was built");
    let image = nub::ValidImage::load(&image).expect("an Image");
    let hash = nub::cap::TypeDef::new(bank.parse().expect("an interface")).hash();
    assert_eq!(image.image().typedefs.iter().collect::<Vec<_>>(), [&hash]);
    assert_eq!(image.image().imports[&20].wanted, nub::cap::Wanted::TypeDef(hash));

    fs::write(program.join("counter.c"), "int f(void) { return; }").expect("it can be written");
    let told = run(cargo_nub(&program).args(["build", "--compilers", "debian"]), 1);
    assert!(told.contains("counter.c:1:"), "{told}");
    fs::write(program.join("counter.c"), "int f(void) { return 1; }").expect("it can be written");
    let told = run(cargo_nub(&program).args(["build", "--compilers", "debian"]), 1);
    assert!(told.contains("counter.o: ") && told.contains("endpoint"), "{told}");
}

/// A file that calls a program of the unpacked packages, as an installed one is called.
fn installed(folder: &Path, name: &str, root: &Path, program: &str) {
    let (usr, path) = (root.join("usr"), folder.join(name));
    let script = format!(
        "#!/bin/sh\nLD_LIBRARY_PATH={usr}/lib/{arch}-linux-gnu:{usr}/lib/llvm-19/lib exec {usr}/{program} \"$@\"\n",
        usr = usr.display(),
        arch = std::env::consts::ARCH,
    );
    fs::write(&path, script).expect("it can be written");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("it is ours");
}

#[test]
#[ignore = "compiles the standard library twice: about a minute"]
fn a_program_in_rust_becomes_the_same_image_wherever_and_whoever_compiles_it() {
    let Some(root) = debian() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let lock = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../guests/Cargo.lock");
    let mut images = Vec::new();
    for (place, compilers) in [("here", "debian"), ("there/further", "any")] {
        let place = folder.path().join(place);
        fs::create_dir_all(&place).expect("a folder");
        let program = new_program(&place, "counter", &[]);
        fs::copy(&lock, program.join("Cargo.lock")).expect("it can be copied");
        // For "any" the compiler is one in PATH, with its library's source, and there is no rustup.
        let path = folder.path().join("bin");
        fs::create_dir_all(&path).expect("a folder");
        installed(&path, "rustc", &root, "bin/rustc");
        installed(&path, "ld.lld", &root, "lib/llvm-19/bin/ld.lld");
        let mut command = cargo_nub(&program);
        if compilers == "any" {
            command.env("PATH", format!("{}:/usr/bin:/bin", path.display()));
        }
        let told = run(command.args(["build", "--offline", "--compilers", compilers]), 0);
        assert!(told.contains("endpoints: add, get"), "{told}");
        images.push(program.join("target/nub/counter.nub"));
    }
    assert_eq!(try_out(&images[0]), (5, Ended::Panic, "add failed: the total is full".into()));
    let bytes: Vec<_> = images.iter().map(|image| fs::read(image).expect("it was built")).collect();
    assert!(bytes[0] == bytes[1], "two Images of one program");
}
