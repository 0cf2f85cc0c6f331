//! Whether standard output was closed when the program started, as by `>&-` in a shell.
//!
//! Before `main` Rust opens `/dev/null` in place of a closed standard stream, so that no file takes its number. From then
//! on, nothing tells it from a `/dev/null` that the user chose, and all that is printed is lost without an error. So
//! [`LOOK`] looks before: the C runtime calls the functions in `.init_array` before it calls `main`.

#![expect(
    unsafe_code,
    reason = "a function before `main`, and a call of the C library"
)]

use std::sync::atomic::{AtomicBool, Ordering};

static WAS_CLOSED: AtomicBool = AtomicBool::new(false);

// SAFETY: the section holds addresses of functions of this type. `look` needs nothing that `main` sets up.
#[used]
#[unsafe(link_section = ".init_array")]
static LOOK: extern "C" fn() = look;

extern "C" fn look() {
    // SAFETY: asking for the flags of a file descriptor changes nothing, and fails if it is not open.
    let flags = unsafe { libc::fcntl(libc::STDOUT_FILENO, libc::F_GETFD) };
    // Relaxed: no other thread runs yet.
    WAS_CLOSED.store(flags == -1, Ordering::Relaxed);
}

/// Whether standard output was closed at the start.
pub(crate) fn was_closed() -> bool {
    // Relaxed: the store happened before `main`.
    WAS_CLOSED.load(Ordering::Relaxed)
}
