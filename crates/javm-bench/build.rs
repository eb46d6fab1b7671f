//! Compiles the C programs of `guests/` as host code. Where that cannot be done, those native figures are left out.

use std::path::Path;

fn main() {
    println!("cargo::rustc-check-cfg=cfg(native_c)");
    let program = Path::new("../../guests/c/mandelbrot/mandelbrot.c");
    println!("cargo::rerun-if-changed=../javm-guest/include/javm.h");
    println!("cargo::rerun-if-changed={}", program.display());
    let mut build = cc::Build::new();
    build.file(program).include("../javm-guest/include").std("gnu17").opt_level(2).warnings(false);
    match build.try_compile("native_c_programs") {
        Ok(()) => println!("cargo::rustc-cfg=native_c"),
        Err(error) => println!("cargo::warning=no native builds of the C programs: {error}"),
    }
}
