//! Runs a test in a separate process: the test binary runs itself again for this one test and checks its exit status.

use std::process::Command;

const NAME: &str = "FRAMEPOOL_TEST_ALONE";

/// Runs `body` in a process where no other test runs. `path` is the test's path, prefixed with the crate's name.
#[track_caller]
pub(crate) fn run(path: &str, body: impl FnOnce()) {
    let (_, name) = path.split_once("::").expect("a path begins with the crate");
    if std::env::var_os(NAME).is_some_and(|alone| alone == name) {
        until_the_harness_waits();
        return body();
    }
    let ended = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--test-threads=1", "--nocapture"])
        .env(NAME, name)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&ended.stdout);
    assert!(
        ended.status.success(),
        "{}\n{text}\n{}",
        ended.status,
        String::from_utf8_lossy(&ended.stderr)
    );
    assert!(text.contains("1 passed"), "the test ran: {text}");
}

/// The test harness runs a test on a second thread, and allocates on the process's first thread before it waits there. If
/// the system shows that thread's state, this polls until it waits.
fn until_the_harness_waits() {
    while std::fs::read_to_string("/proc/self/stat").is_ok_and(|stat| {
        stat.rsplit(") ")
            .next()
            .is_some_and(|state| !state.starts_with('S'))
    }) {
        std::thread::yield_now();
    }
}

/// Defines tests that each run in a separate process, with the usual `#[test]`.
macro_rules! alone {
    ($($(#[$attribute:meta])* fn $name:ident() $body:block)*) => {
        $(
            $(#[$attribute])*
            fn $name() {
                $crate::alone::run(concat!(module_path!(), "::", stringify!($name)), || $body);
            }
        )*
    };
}

pub(crate) use alone;
