//! The argument of the probe and of the replay for the attribution of the pool.

use framepool::Attribution;

/// The attribution for the arguments after the number. `None` if this build does not know them.
pub(crate) fn attribution(words: &[&str]) -> Option<Attribution> {
    match words {
        [] => Some(Attribution::default()),
        ["unattributed"] => Some(Attribution::Off),
        #[cfg(feature = "backtrace")]
        ["backtraces"] => Some(Attribution::Backtraces),
        _ => None,
    }
}
