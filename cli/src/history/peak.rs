//! The parts of a pool's peak, for the message of a gate.
//!
//! In every frame record, in use and idle bytes add up to the held ones. The peak is the most that was held at any moment,
//! so it can lie between two frame ends, or before the frames that the history keeps.

use std::fmt::{self, Write as _};

use framepool::FrameEnd;
use framepool::store::SavedPool;
use framepool::text::bytes;

/// The peak, as the highest kept frame shows it: `in_use + idle + beyond` is the peak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Parts {
    frame: FrameEnd,
    in_use: u64,
    idle: u64,
    /// What was held at the peak, and not at this frame end.
    beyond: u64,
    /// Whether every frame of the run is kept.
    is_whole: bool,
}

impl Parts {
    /// `None` if no frame is kept.
    pub(super) fn of(pool: &SavedPool) -> Option<Self> {
        // The first of several equally high ones.
        let highest = pool.frames.iter().rev().max_by_key(|it| it.pooled_bytes)?;
        Some(Self {
            frame: highest.frame,
            in_use: highest.in_use_bytes,
            idle: highest.idle_bytes,
            beyond: pool.metrics.peak_bytes.saturating_sub(highest.pooled_bytes),
            is_whole: pool.frames.len() as u64 >= pool.metrics.total_frames,
        })
    }

    /// Whether most of the known memory was idle.
    fn is_mostly_idle(&self) -> bool {
        self.idle > self.in_use
    }
}

/// `1.00 MiB in use + 3.00 MiB idle at the end of frame 7`
impl fmt::Display for Parts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (in_use, idle) = (bytes(self.in_use), bytes(self.idle));
        write!(
            f,
            "{in_use} in use + {idle} idle at the end of frame {}",
            self.frame
        )?;
        if self.beyond > 0 {
            let when = if self.is_whole {
                "only between two frame ends"
            } else {
                "between two frame ends, or before the frames in the history"
            };
            write!(f, " + {} {when}", bytes(self.beyond))?;
        }
        Ok(())
    }
}

/// The rest of the message: the parts of the peak, who holds memory at the end, and the next step.
pub(super) fn explained(pool: &SavedPool) -> String {
    let parts = Parts::of(pool);
    let mut text = String::new();
    if let Some(parts) = parts {
        text = format!(": {parts}");
    }
    let m = &pool.metrics;
    // Writing to text cannot fail.
    let _ = write!(text, "; at the end {} in use", bytes(m.in_use_bytes));
    let sites = pool.sites.iter().take(3);
    let sites: Vec<_> = sites
        .map(|site| format!("{} by {}", bytes(site.bytes), site.location))
        .collect();
    if !sites.is_empty() {
        let _ = write!(text, " ({})", sites.join(", "));
    }
    let _ = write!(text, " + {} idle", bytes(m.idle_bytes));
    text += if parts.is_some_and(|parts| parts.is_mostly_idle()) {
        "; most was idle at that frame end: call `BufferPool::trim` after such frames, or lower `thread_cache_bytes` if many \
         threads keep idle buffers"
    } else {
        "; hold fewer buffers at once, or release them sooner; `framepool report` shows the course"
    };
    text
}

#[cfg(test)]
mod tests {
    use framepool::{BufferPool, DiagnosticsStore, HealthMonitor, Thresholds};

    use super::*;

    #[test]
    fn parts_add_up_to_the_peak() {
        let pool = BufferPool::new();
        let store = DiagnosticsStore::new();
        let mut monitor = HealthMonitor::new(Thresholds::default());
        let kept = pool.alloc::<u8>(1 << 20);
        drop(pool.alloc::<u8>(8 << 20));
        let mut end_frame = || {
            let frame = pool.end_frame();
            monitor.record(&frame);
            store.receive(monitor.emit_now(&pool));
            store.record_frame(&frame);
        };
        end_frame();
        // Beyond what any frame end sees.
        drop(pool.alloc::<u8>(32 << 20));
        pool.trim();
        end_frame();
        let saved = &store.saved().pools[0];
        let parts = Parts::of(saved).expect("frames");
        assert_eq!(parts.in_use, 1 << 20);
        assert!(parts.idle >= 8 << 20 && parts.beyond > 0 && parts.is_mostly_idle());
        assert_eq!(
            parts.in_use + parts.idle + parts.beyond,
            saved.metrics.peak_bytes
        );
        let text = explained(saved);
        assert!(text.starts_with(": 1.00 MiB in use + 8.00 MiB idle at the end of frame 1 + "));
        assert!(text.contains("; most was idle at that frame end"), "{text}");
        drop(kept);
    }
}
