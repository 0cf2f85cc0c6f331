//! The words with which the probe and the replay are told what a pool records.

use framepool::Attribution;

/// What is recorded, by the words behind the number. None if they are unknown to this build.
pub(crate) fn attribution(words: &[&str]) -> Option<Attribution> {
    match words {
        [] => Some(Attribution::default()),
        ["unattributed"] => Some(Attribution::Off),
        #[cfg(feature = "backtrace")]
        ["backtraces"] => Some(Attribution::Backtraces),
        _ => None,
    }
}
