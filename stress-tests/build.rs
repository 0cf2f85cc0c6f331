//! Sets the cfg that compiles the library's source with noise at its seam.

fn main() {
    println!("cargo::rustc-cfg=framepool_noise");
    println!("cargo::rerun-if-changed=build.rs");
}
