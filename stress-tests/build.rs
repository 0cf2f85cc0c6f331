//! Tells the library's source that threads are to be made to wait at the seam.

fn main() {
    println!("cargo::rustc-cfg=framepool_noise");
    println!("cargo::rerun-if-changed=build.rs");
}
