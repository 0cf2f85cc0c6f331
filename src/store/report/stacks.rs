//! The callers of sampled buffers in the report.

use std::fmt;

use crate::store::saved::SavedPool;
use crate::text::{bytes, counted};

/// Call stacks listed, and functions of each.
const STACKS: usize = 5;
const FUNCTIONS: usize = 12;

/// The call stacks that represent the most bytes, if buffers were sampled.
pub(super) fn write_stacks(f: &mut fmt::Formatter<'_>, pool: &SavedPool) -> fmt::Result {
    if pool.stacks.is_empty() {
        return Ok(());
    }
    let sampling = pool.stack_sampling;
    write!(f, "\n\ncallers of sampled buffers ({sampling}), not scaled")?;
    for stack in pool.stacks.iter().take(STACKS) {
        let buffers = counted(stack.counts.buffers, "buffer");
        let held = bytes(stack.counts.bytes);
        write!(f, "\n{buffers}, {held}, from {}", stack.location)?;
        if !stack.tag.is_empty() {
            write!(f, ", tag {}", stack.tag)?;
        }
        for frame in stack.frames.iter().take(FUNCTIONS) {
            write!(f, "\n    {}", frame.function)?;
            if let (Some(file), Some(line)) = (&frame.file, frame.line) {
                write!(f, " ({file}:{line})")?;
            }
        }
        match stack.frames.len().saturating_sub(FUNCTIONS) {
            0 => {}
            more => write!(f, "\n    and {}", counted(more as u64, "more function"))?,
        }
    }
    match pool.stacks.len().saturating_sub(STACKS) {
        0 => Ok(()),
        more => write!(f, "\n{} left out", counted(more as u64, "call stack")),
    }
}
