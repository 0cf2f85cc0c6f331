//! The parts of a pool's peak, for the message of a gate.
//!
//! In every frame record, in use and idle bytes add up to the held ones. The peak is the most that was held at any moment,
//! so it can lie between two frame ends, or before the frames that the history keeps.

use std::fmt::{self, Write as _};

use super::by_line;
use framepool::FrameEnd;
use framepool::store::{FrameRecord, SavedPool};
use framepool::text::bytes;

/// Idle memory is named if it is at least this part of the peak: a half. Frames need their blocks whole, so some memory
/// is idle at every frame end.
const LARGE_PART: u64 = 2;

/// How long the need of a frame counts.
const WINDOW_NS: u64 = 10_000_000_000;

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
    /// An upper bound on what one frame had in use at once, of this frame and those before it that count.
    needed: u64,
}

impl Parts {
    /// `None` if no frame is kept.
    pub(super) fn of(pool: &SavedPool) -> Option<Self> {
        // The first of several equally high ones.
        let highest = pool.frames.iter().rev().max_by_key(|it| it.pooled_bytes)?;
        let beyond = pool.metrics.peak_bytes.saturating_sub(highest.pooled_bytes);
        Some(Self {
            frame: highest.frame,
            in_use: highest.in_use_bytes,
            idle: highest.idle_bytes,
            beyond,
            is_whole: pool.frames.len() as u64 >= pool.metrics.total_frames,
            needed: needed(&pool.frames, highest).saturating_add(beyond),
        })
    }

    /// Idle memory that no frame needed, if it was a large part of the peak: `trim` would have returned it before.
    fn spare(&self) -> Option<u64> {
        let peak = self
            .in_use
            .saturating_add(self.idle)
            .saturating_add(self.beyond);
        let spare = peak.saturating_sub(self.needed);
        (spare >= peak / LARGE_PART && spare > 0).then_some(spare)
    }
}

/// The most that one frame had in use at once, at most: what was in use when it began, and what it allocated. The frames
/// of the last 10 s before the highest one count, as for the alert about held memory.
fn needed(frames: &[FrameRecord], highest: &FrameRecord) -> u64 {
    let until = frames.iter().position(|it| it == highest).unwrap_or(0);
    let from = highest.time_unix_ns.saturating_sub(WINDOW_NS);
    let before = std::iter::once(0).chain(frames.iter().map(|it| it.in_use_bytes));
    let recent = frames[..=until]
        .iter()
        .zip(before)
        .filter(|(frame, _)| frame.time_unix_ns >= from);
    let needed = recent.map(|(frame, before)| {
        let most = before.saturating_add(frame.alloc_bytes);
        most.max(frame.in_use_bytes).min(frame.pooled_bytes)
    });
    needed.max().unwrap_or(0)
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
    let mut sites: Vec<_> = by_line(pool).into_iter().collect();
    sites.sort_by_key(|&(_, (_, bytes))| std::cmp::Reverse(bytes));
    let sites = sites.iter().take(3);
    let sites: Vec<_> = sites
        .map(|(location, (_, held))| format!("{} by {location}", bytes(*held)))
        .collect();
    if !sites.is_empty() {
        let _ = write!(text, " ({})", sites.join(", "));
    }
    let _ = write!(text, " + {} idle", bytes(m.idle_bytes));
    let _ = match parts.and_then(|parts| parts.spare()) {
        Some(spare) => write!(
            text,
            "; in the 10 s before the peak no frame needed {} of it: call `BufferPool::trim` after the frames that need so \
             much, or lower `thread_cache_bytes` if many threads keep idle buffers",
            bytes(spare)
        ),
        None => write!(
            text,
            "; hold fewer buffers at once, or release them sooner; `framepool report` shows the course"
        ),
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
        assert!(parts.idle >= 8 << 20 && parts.beyond > 0);
        assert_eq!(
            parts.in_use + parts.idle + parts.beyond,
            saved.metrics.peak_bytes
        );
        let text = explained(saved);
        assert!(text.starts_with(": 1.00 MiB in use + 8.00 MiB idle at the end of frame 1 + "));
        // The frames had all of it in use at once, so `trim` would not help.
        assert!(
            !text.contains("trim") && text.contains("hold fewer buffers at once"),
            "{text}"
        );
        drop(kept);
    }

    #[test]
    fn trim_is_advised_for_memory_no_frame_needed() {
        const MIB: u64 = 1 << 20;
        let advice = |alloc_bytes: u64, age_s: u64| {
            let frames =
                [(1, 0, 8 * MIB), (2, age_s, alloc_bytes)].map(|(number, seconds, alloc_bytes)| {
                    let mut frame = FrameRecord::default();
                    frame.time_unix_ns = seconds * 1_000_000_000;
                    frame.period_ns = number;
                    frame.alloc_bytes = alloc_bytes;
                    frame.pooled_bytes = 8 * MIB + number;
                    frame.idle_bytes = 8 * MIB + number;
                    frame
                });
            let mut pool = SavedPool::default();
            pool.frames = frames.into();
            pool.metrics.peak_bytes = 8 * MIB + 2;
            explained(&pool)
        };
        assert!(!advice(8 * MIB, 60).contains("trim"));
        assert!(
            !advice(MIB, 5).contains("trim"),
            "the frame before needed it"
        );
        let said = advice(MIB, 60);
        assert!(
            said.contains("no frame needed 7.00 MiB of it: call `BufferPool::trim`"),
            "{said}"
        );
    }
}
