//! The folder of a new program.

use std::fs;
use std::path::{Path, PathBuf};

use crate::NewArguments;
use crate::failure::Failure;
use crate::run;

const RUST: [(&str, &str); 3] = [
    ("Cargo.toml", include_str!("templates/Cargo.toml")),
    ("src/main.rs", include_str!("templates/main.rs")),
    (".gitignore", "/target\n"),
];

const C: [(&str, &str); 3] = [
    ("{{name}}.c", include_str!("templates/program.c")),
    ("tests/{{name}}.c", include_str!("templates/test.c")),
    (".gitignore", "/target\n"),
];

/// Where the SDK was when this command was built.
const SDK: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../javm-guest");

/// Makes the folder.
pub fn run(arguments: &NewArguments) -> Result<(), Failure> {
    let path = &arguments.path;
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    if !is_name(name) {
        let message = format!("'{name}' is no name of a program: letters, digits, '-' and '_', a letter first");
        return Err(Failure::Usage(message));
    }
    let is_empty = fs::read_dir(path).map_or(!path.exists(), |mut entries| entries.next().is_none());
    if !is_empty {
        return Err(Failure::Usage(format!("{}: there is something already", path.display())));
    }
    let sdk = if arguments.c { PathBuf::new() } else { sdk(arguments.sdk.as_deref())? };
    let sdk = sdk.to_string_lossy().replace('\\', "\\\\").replace('"', "\\\"");
    let files: &[_] = if arguments.c { &C } else { &RUST };
    for (file, contents) in files {
        let file = path.join(file.replace("{{name}}", name));
        if let Some(folder) = file.parent() {
            run::folder(folder)?;
        }
        run::write(&file, contents.replace("{{name}}", name).replace("{{sdk}}", &sdk))?;
    }
    println!("{}: a counter in {}", path.display(), if arguments.c { "C" } else { "Rust" });
    println!("    cd {}", path.display());
    println!("    cargo nub test");
    println!("    cargo nub build");
    println!("    nub run target/nub/{name}.nub --endpoint add --arg 5");
    Ok(())
}

/// The folder of the crate javm-guest.
fn sdk(given: Option<&Path>) -> Result<PathBuf, Failure> {
    let folder = given.unwrap_or(Path::new(SDK));
    match folder.canonicalize() {
        Ok(found) if found.join("Cargo.toml").is_file() => Ok(found),
        _ => Err(Failure::Usage(format!("{}: the crate javm-guest is not there; say --sdk FOLDER", folder.display()))),
    }
}

/// Whether cargo, and everything that makes names of it, takes the name.
fn is_name(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        assert!(["a", "my-counter_2"].into_iter().all(is_name));
        assert!(!["", "2nd", "a b", "ä", "-x", "a/b", ".."].into_iter().any(is_name));
    }
}
