//! Sets the cfg that compiles the library's source for shuttle.

fn main() {
    println!("cargo::rustc-cfg=framepool_shuttle");
    println!("cargo::rerun-if-changed=build.rs");
}
