//! Builds the kernel that the monitor starts.

use std::path::Path;

fn main() {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let built = nub_build::is_supported()
        .and_then(|supported| if supported { nub_build::build(&workspace).map(Some) } else { Ok(None) });
    match built {
        Ok(Some(binary)) => println!("cargo:rustc-env=NUB_GUEST={}", binary.display()),
        Ok(None) => {}
        Err(error) => {
            eprintln!("{error}");
            std::process::exit(1);
        }
    }
}
