//! Builds the kernel.

use std::path::PathBuf;

fn main() {
    // As it is now: this script may have been compiled for the same workspace in another place.
    let Some(package) = std::env::var_os("CARGO_MANIFEST_DIR") else {
        eprintln!("CARGO_MANIFEST_DIR is not set: this is a build script, for cargo to run");
        std::process::exit(1);
    };
    let workspace = PathBuf::from(package).join("../..");
    let built = nub_build::is_supported()
        .and_then(|supported| if supported { nub_build::build(&workspace).map(Some) } else { Ok(None) });
    match built {
        Ok(Some(kernel)) => println!("cargo:rustc-env=NUB_GUEST={}", kernel.display()),
        Ok(None) => {}
        Err(error) => {
            eprintln!("{error}");
            std::process::exit(1);
        }
    }
}
