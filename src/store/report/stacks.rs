//! The callers of sampled buffers in the report.

use std::fmt::{self, Write as _};

use crate::store::saved::SavedPool;
use crate::text::{bytes, columns, counted, line};

/// Call stacks listed, and functions of each.
const STACKS: usize = 5;
const FUNCTIONS: usize = 12;

/// The call stacks that represent the most bytes, if buffers were sampled.
pub(super) fn write_stacks(f: &mut fmt::Formatter<'_>, pool: &SavedPool) -> fmt::Result {
    if pool.stacks.is_empty() {
        return Ok(());
    }
    let columns = columns(f);
    let mut write = |text: &str| write!(f, "\n{}", line(text, columns));
    let sampling = pool.stack_sampling;
    write("")?;
    write(&format!(
        "callers of sampled buffers ({sampling}), not scaled"
    ))?;
    for stack in pool.stacks.iter().take(STACKS) {
        let buffers = counted(stack.counts.buffers, "buffer");
        let held = bytes(stack.counts.bytes);
        let mut head = format!("{buffers}, {held}, from {}", stack.location);
        if !stack.tag.is_empty() {
            write!(head, ", tag {}", stack.tag)?;
        }
        write(&head)?;
        for frame in stack.frames.iter().take(FUNCTIONS) {
            write(&format!("    {frame}"))?;
        }
        match stack.frames.len().saturating_sub(FUNCTIONS) {
            0 => {}
            more => write(&format!(
                "    and {}",
                counted(more as u64, "more function")
            ))?,
        }
    }
    match pool.stacks.len().saturating_sub(STACKS) {
        0 => Ok(()),
        more => write(&format!("{} left out", counted(more as u64, "call stack"))),
    }
}
