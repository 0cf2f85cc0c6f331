//! The sanitizers: how each is switched on, what it runs, and what it must find first.

use std::fmt;

/// A sanitizer of the compiler.
#[derive(Debug)]
pub(crate) struct Sanitizer {
    pub(super) name: &'static str,
    /// What the compiler is told. The library takes all memory from the global allocator then, so that the sanitizer follows it.
    pub(super) flags: &'static str,
    /// Environment variables for the tests; `{sources}` is this folder.
    pub(super) options: &'static [(&'static str, &'static str)],
    /// What every report of it contains.
    pub(super) report: &'static str,
    pub(super) planted: &'static [Planted],
    pub(super) suites: &'static [Suite],
    /// How many times as many rounds as in a plain run of the tests with debug assertions.
    pub(super) scale: f64,
}

/// A planted fault.
#[derive(Debug)]
pub(crate) struct Planted {
    /// The test that has it.
    pub(super) test: &'static str,
    /// What the report says.
    pub(super) report: &'static str,
}

/// A suite of the library's tests.
#[derive(Debug)]
pub(crate) struct Suite {
    pub(super) name: &'static str,
    /// Tests that are not run.
    pub(super) without: &'static [&'static str],
}

impl fmt::Display for Sanitizer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sanitize {}", self.name)
    }
}

/// Tests that write to gigabytes, or lend a block of half a gigabyte in pieces of a line: minutes under a sanitizer, and
/// nothing in them that smaller ones do not show.
const LONG: &[&str] = &["huge", "large_frame_block"];

/// Besides, tests of one thread, in which there is nothing to race with.
const OF_ONE_THREAD: &[&str] = &["huge", "steady::", "trimming::", "failing"];

/// The suites, and the tests of memory that are left out.
const fn suites(of_memory: &'static [&'static str]) -> [Suite; 4] {
    const fn suite(name: &'static str, without: &'static [&'static str]) -> Suite {
        Suite { name, without }
    }
    [
        suite("laws", &[]),
        suite("contract", LONG),
        suite("oracle", &[]),
        suite("memory", of_memory),
    ]
}

pub(crate) const SANITIZERS: &[Sanitizer] = &[
    Sanitizer {
        name: "thread",
        // The standard library comes compiled without the sanitizer, and its code may be mixed with ours all the same.
        flags: "-Zsanitizer=thread -Cunsafe-allow-abi-mismatch=sanitizer --cfg framepool_sanitized",
        // Requests that no system can grant are to be refused, as without a sanitizer.
        options: &[(
            "TSAN_OPTIONS",
            "suppressions='{sources}/thread.supp':exitcode=66:history_size=4:allocator_may_return_null=1",
        )],
        report: "WARNING: ThreadSanitizer",
        planted: &[Planted {
            test: "two_threads_write_to_one_buffer",
            report: "ThreadSanitizer: data race",
        }],
        suites: &suites(OF_ONE_THREAD),
        scale: 2.0,
    },
    Sanitizer {
        // With LeakSanitizer, which is part of it: what nothing points to when a suite ends is an error.
        name: "address",
        flags: "-Zsanitizer=address --cfg framepool_sanitized",
        options: &[
            (
                "ASAN_OPTIONS",
                "exitcode=66:detect_leaks=1:detect_stack_use_after_return=1:allocator_may_return_null=1",
            ),
            ("LSAN_OPTIONS", "exitcode=66"),
        ],
        report: "Sanitizer: ",
        planted: &[
            Planted {
                test: "buffer_is_read_after_its_pool_is_freed",
                report: "AddressSanitizer: heap-use-after-free",
            },
            Planted {
                test: "a_frame_is_forgotten",
                report: "LeakSanitizer: detected memory leaks",
            },
        ],
        suites: &suites(LONG),
        scale: 2.0,
    },
];
