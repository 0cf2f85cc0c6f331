//! Tells the library's source that it is compiled for the scheduler of random schedules.

fn main() {
    println!("cargo::rustc-cfg=framepool_shuttle");
    println!("cargo::rerun-if-changed=build.rs");
}
