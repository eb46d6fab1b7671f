//! Compiles the C programs of `guests/` as host code. Where that cannot be done, those native figures are left out.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

fn main() {
    println!("cargo::rustc-check-cfg=cfg(native_c)");
    println!("cargo::rerun-if-changed=../javm-guest/include/javm.h");
    match build() {
        Ok(()) => println!("cargo::rustc-cfg=native_c"),
        Err(error) => println!("cargo::warning=no native builds of the C programs: {error}"),
    }
}

fn build() -> Result<(), String> {
    let guests = Path::new("../../guests/c");
    let zlib = guests.join("zlib/vendor/zlib-1.3.2");
    // Of zlib the host's C library is used, not the one of the program.
    let mut sources = vec![guests.join("mandelbrot/mandelbrot.c"), guests.join("zlib/endpoints.c")];
    sources.extend(c_files(&zlib).map_err(|error| format!("{}: {error}", zlib.display()))?);
    for source in &sources {
        println!("cargo::rerun-if-changed={}", source.display());
    }
    let mut build = cc::Build::new();
    build.files(sources).include("../javm-guest/include").include(zlib).std("gnu17").opt_level(2).warnings(false);
    build.try_compile("native_c_programs").map_err(|error| error.to_string())
}

fn c_files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "c") {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}
