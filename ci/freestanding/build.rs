//! Links without the C library and without its start-up code.

fn main() {
    for argument in ["-nostdlib", "-nostartfiles", "-static"] {
        println!("cargo:rustc-link-arg-bins={argument}");
    }
    println!("cargo:rerun-if-changed=build.rs");
}
