//! Tells the library's source that it is compiled for the model checker.

fn main() {
    println!("cargo::rustc-cfg=framepool_loom");
    println!("cargo::rerun-if-changed=build.rs");
}
