//! The options of `framepool advise`.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::Args;
use framepool::health::PrewarmSize;

use super::history::size;
use super::values::{milliseconds, threads};

pub(crate) const ADVISE_ABOUT: &str =
    "Say what a recorded program should set up in another way, and what that gives";

pub(crate) const ADVISE_LONG: &str = "\
Say what a recorded program should set up in another way, and what that gives.

The trace is replayed as the program is set up, and then with each change that could help. Only what helped is advised, with what it \
gave in figures and as code to paste. A call site whose buffers are all released in their frame is measured with pooled buffers and with frame \
buffers on this machine.

Also shown, as the recording has it: for how many frames buffers live, what frames ask for, and what rounding costs at the peak.";

/// `framepool advise`.
#[derive(Debug, Args)]
pub struct AdviseArgs {
    /// The trace, plain or zstd-compressed; the bundled recording if left out
    #[arg(value_name = "TRACE")]
    pub trace: Option<PathBuf>,
    /// The program's `thread_cache_bytes`
    #[arg(long, value_name = "SIZE", default_value = "2MiB", value_parser = size)]
    pub thread_cache_bytes: u64,
    /// Blocks that the program prewarms, such as 12x64KiB; once for each size
    #[arg(long, value_name = "COUNTxSIZE", value_parser = prewarmed)]
    pub prewarm: Vec<PrewarmSize>,
    /// End a frame every MS milliseconds of recorded time, unless the trace marks frame ends
    #[arg(long, value_name = "MS", default_value = "16.667", value_parser = milliseconds)]
    pub frame_ms: f64,
    /// Number of replay threads; by default as many as were recorded
    #[arg(long, value_name = "N", value_parser = threads)]
    pub threads: Option<NonZeroUsize>,
    /// Leave out lines that no whole trace has: for recordings that began late or were cut off
    #[arg(long)]
    pub lenient: bool,
    /// Print it as one JSON object
    #[arg(long)]
    pub json: bool,
}

fn prewarmed(text: &str) -> Result<PrewarmSize, String> {
    let wrong = || "a number and a size, such as 12x64KiB".to_owned();
    let (count, bytes) = text.split_once(['x', '×']).ok_or_else(wrong)?;
    Ok(PrewarmSize {
        block_bytes: size(bytes).map_err(|_| wrong())?,
        count: count.trim().parse().map_err(|_| wrong())?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prewarmed_blocks_are_a_count_and_a_size() {
        let read = prewarmed("12x64KiB").unwrap();
        assert_eq!((read.count, read.block_bytes), (12, 65_536));
        for wrong in ["", "12", "x", "12x", "xKiB", "twelve x 1KiB"] {
            assert!(prewarmed(wrong).is_err(), "{wrong}");
        }
    }
}
