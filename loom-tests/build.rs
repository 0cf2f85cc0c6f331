//! Sets the cfg that compiles the library's source for the model checker.

fn main() {
    println!("cargo::rustc-cfg=framepool_loom");
    println!("cargo::rerun-if-changed=build.rs");
}
