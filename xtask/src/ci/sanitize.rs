//! The library's tests under the compiler's sanitizers: they find data races, memory used after it was freed, and memory never freed.
//!
//! The flags need a nightly compiler; `RUSTC_BOOTSTRAP` allows them on a stable one. Each sanitizer has its own build folder. The
//! profile `sanitize` optimises a little. An unoptimised build would use precompiled generic code of the standard library, which is
//! not instrumented; then the sanitizer reports accesses that are in fact ordered.
//!
//! A sanitizer that stays silent proves nothing until it has reported something. So each first runs the faults planted in
//! `tests/laws/planted.rs`, in the same binary with the same options, and must report every one.

use super::command::Runner;
use crate::toolchain::Toolchain;

/// A sanitizer of the compiler.
#[derive(Debug)]
pub(super) struct Sanitizer {
    name: &'static str,
    /// Flags for the compiler. With `framepool_sanitized` the library takes all memory from the global allocator, which the
    /// sanitizer observes.
    flags: &'static str,
    /// Environment variables for the tests.
    options: &'static [(&'static str, &'static str)],
    /// The tests with planted faults, and a text in the report of each.
    planted: &'static [(&'static str, &'static str)],
    /// The tests to run, as a filter of nextest. It leaves out tests that write gigabytes, or allocate half a gigabyte in buffers of
    /// 64 bytes: they take minutes under a sanitizer, and smaller tests show the same.
    filter: &'static str,
}

pub(super) const THREAD: Sanitizer = Sanitizer {
    name: "thread",
    // The standard library is precompiled without the sanitizer. This flag allows linking it anyway.
    flags: "-Zsanitizer=thread -Cunsafe-allow-abi-mismatch=sanitizer --cfg framepool_sanitized",
    // Requests that no system can grant must fail as without a sanitizer, not end the process.
    options: &[(
        "TSAN_OPTIONS",
        "suppressions=xtask/thread.supp:exitcode=66:history_size=4:allocator_may_return_null=1",
    )],
    planted: &[(
        "two_threads_write_to_one_buffer",
        "ThreadSanitizer: data race",
    )],
    // Tests of memory that use one thread have no races.
    filter: "not test(/huge|large_frame_block|^steady::|^trimming::|^failing/)",
};

/// Includes `LeakSanitizer`: memory that nothing points to when a test ends is an error.
pub(super) const ADDRESS: Sanitizer = Sanitizer {
    name: "address",
    flags: "-Zsanitizer=address --cfg framepool_sanitized",
    options: &[
        (
            "ASAN_OPTIONS",
            "exitcode=66:detect_leaks=1:detect_stack_use_after_return=1:allocator_may_return_null=1",
        ),
        ("LSAN_OPTIONS", "exitcode=66"),
    ],
    planted: &[
        (
            "buffer_is_read_after_its_pool_is_freed",
            "AddressSanitizer: heap-use-after-free",
        ),
        (
            "a_frame_is_forgotten",
            "LeakSanitizer: detected memory leaks",
        ),
    ],
    filter: "not test(/huge|large_frame_block/)",
};

/// Runs the planted faults, which must be reported, and the library's tests, which must pass.
pub(super) fn run(runner: &mut Runner<'_>, sanitizer: &Sanitizer) -> Result<(), String> {
    let dir = runner
        .workspace
        .target()
        .join("sanitize")
        .join(sanitizer.name);
    let dir = dir.to_string_lossy().into_owned();
    let host = Toolchain::find()?.host;
    let build = [
        "--cargo-profile",
        "sanitize",
        "--target",
        &host,
        "--target-dir",
        &dir,
        "-p",
        "framepool",
    ];

    runner.set("RUSTC_BOOTSTRAP", "1");
    runner.set("RUSTFLAGS", sanitizer.flags);
    // Expected panics would print backtraces. The standard library guards their cache with a lock that is not instrumented.
    runner.set("RUST_BACKTRACE", "0");
    if std::env::var_os("FRAMEPOOL_TEST_SCALE").is_none() {
        runner.set("FRAMEPOOL_TEST_SCALE", "2");
    }
    for (name, value) in sanitizer.options {
        runner.set(name, value);
    }
    for (test, report) in sanitizer.planted {
        let filter = format!("test(=planted::{test})");
        let planted = ["--test", "laws", "--run-ignored", "only", "-E", &filter];
        runner.failing_test(&[&build[..], &planted].concat(), report)?;
    }
    let suites = [
        "--test", "laws", "--test", "contract", "--test", "oracle", "--test", "memory",
    ];
    runner.tests(&[&build[..], &suites, &["-E", sanitizer.filter]].concat())
}

#[cfg(test)]
mod tests {
    use crate::workspace::Workspace;

    #[test]
    fn suppressions_have_reasons_and_cover_only_the_toolchain() {
        let workspace = Workspace::find();
        let text = workspace.read("xtask/thread.supp").expect("the file");
        let mut explained = false;
        for line in text.lines() {
            if line.is_empty() {
                explained = false;
            } else if line.starts_with('#') {
                explained = true;
            } else {
                assert!(explained, "no reason above `{line}`");
                let of_the_library = line.contains("framepool");
                let is_arc = line.starts_with("race:^<alloc::sync::");
                assert!(!of_the_library || is_arc, "{line}");
            }
        }
    }
}
