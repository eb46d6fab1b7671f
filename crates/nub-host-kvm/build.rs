//! Builds the kernel that the monitor starts, for each level of processors; both at once where there are cores for it.

use std::path::{Path, PathBuf};
use std::thread;

use nub_build::{Error, Level};

fn build(workspace: &Path) -> Result<[PathBuf; 2], Error> {
    let [portable, fast] = thread::scope(|scope| {
        [Level::Portable, Level::Fast]
            .map(|level| scope.spawn(move || nub_build::build(workspace, level)))
            .map(|building| building.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    });
    Ok([portable?, fast?])
}

fn main() {
    // As it is now: this script may have been compiled for the same workspace in another place.
    let Some(package) = std::env::var_os("CARGO_MANIFEST_DIR") else {
        eprintln!("CARGO_MANIFEST_DIR is not set: this is a build script, for cargo to run");
        std::process::exit(1);
    };
    let workspace = PathBuf::from(package).join("../..");
    let built =
        nub_build::is_supported().and_then(|supported| if supported { build(&workspace).map(Some) } else { Ok(None) });
    match built {
        Ok(Some([portable, fast])) => {
            println!("cargo:rustc-env=NUB_GUEST={}", portable.display());
            println!("cargo:rustc-env=NUB_GUEST_FAST={}", fast.display());
            println!("cargo:rustc-env=NUB_GUEST_FAST_FEATURES={}", Level::Fast.features().join(" "));
        }
        Ok(None) => {}
        Err(error) => {
            eprintln!("{error}");
            std::process::exit(1);
        }
    }
}
