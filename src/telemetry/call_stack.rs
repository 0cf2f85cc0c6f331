//! Call stacks: addresses that are resolved to names only when they are shown.

use std::fmt;
use std::panic::Location;

use super::stack_counts::SampledCounts;
use crate::text::{bytes, columns, counted, line};

/// The most addresses of a stack.
pub(crate) const DEPTH: usize = 32;

/// A call stack: return addresses, the innermost first, at most 32.
///
/// ```
/// # #[cfg(feature = "backtrace")] {
/// use framepool::{Attribution, BufferPool};
///
/// let pool = BufferPool::builder().attribution(Attribution::Backtraces).build()?;
/// let image = pool.alloc::<u8>(1 << 20); // large, so its stack is recorded
/// let stack = pool.outstanding().stacks[0].stack;
/// println!("{stack:x?}"); // addresses, not resolved yet
/// let names = stack.resolve(); // from the innermost function outwards
/// assert!(names.iter().any(|frame| frame.function.contains("framepool::")));
/// # drop(image);
/// # }
/// # Ok::<(), framepool::ConfigError>(())
/// ```
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Stack {
    addresses: [usize; DEPTH],
    len: u8,
}

/// A function on a stack.
///
/// ```
/// # #[cfg(feature = "backtrace")] {
/// use framepool::{Attribution, BufferPool};
///
/// let pool = BufferPool::builder().attribution(Attribution::Backtraces).build()?;
/// let image = pool.alloc::<u8>(1 << 20);
/// let frames = pool.outstanding().stacks[0].frames();
/// for frame in &frames {
///     match (&frame.file, frame.line) {
///         (Some(file), Some(line)) => println!("{} at {file}:{line}", frame.function),
///         _ => println!("{}", frame.function),
///     }
/// }
/// assert!(frames.iter().any(|frame| frame.function.ends_with("main")));
/// # drop(image);
/// # }
/// # Ok::<(), framepool::ConfigError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default))]
#[non_exhaustive]
pub struct StackFrame {
    /// The function, or its address if there is no symbol.
    pub function: String,
    /// The source file, if the program has debug information.
    pub file: Option<String>,
    /// The line in it.
    pub line: Option<u32>,
}

impl Stack {
    /// The return addresses, the innermost first.
    pub fn addresses(&self) -> &[usize] {
        &self.addresses[..usize::from(self.len)]
    }

    /// Adds the address of the caller; `false` if there is no more room, or if the address is zero, which means no
    /// caller.
    #[cfg(any(feature = "backtrace", all(test, framepool_loom)))]
    pub(crate) fn push(&mut self, address: usize) -> bool {
        if address == 0 {
            return false;
        }
        let Some(place) = self.addresses.get_mut(usize::from(self.len)) else {
            return false;
        };
        *place = address;
        self.len += 1;
        usize::from(self.len) < DEPTH
    }

    /// Resolves the stack to names, including the functions of this library. The first call reads the program's debug
    /// information, which can take a second; later calls take microseconds. Empty without the feature `backtrace`.
    pub fn resolve(&self) -> Vec<StackFrame> {
        self.addresses()
            .iter()
            .flat_map(|&address| frames_at(address))
            .collect()
    }
}

/// The functions at an address, the inlined ones first.
#[cfg(feature = "backtrace")]
fn frames_at(address: usize) -> Vec<StackFrame> {
    let mut frames = Vec::new();
    backtrace::resolve(std::ptr::without_provenance_mut(address), |symbol| {
        let name = symbol.name().map(|name| format!("{name:#}"));
        frames.push(StackFrame {
            function: name.unwrap_or_else(|| format!("{address:#x}")),
            file: symbol.filename().map(|file| file.display().to_string()),
            line: symbol.lineno(),
        });
    });
    if frames.is_empty() {
        frames.push(StackFrame {
            function: format!("{address:#x}"),
            file: None,
            line: None,
        });
    }
    frames
}

#[cfg(not(feature = "backtrace"))]
fn frames_at(_address: usize) -> Vec<StackFrame> {
    Vec::new()
}

impl fmt::Debug for Stack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.addresses()).finish()
    }
}

/// The sampled buffers of one call stack: see [`Attribution::Backtraces`](crate::Attribution).
/// [`Outstanding::stacks`](crate::Outstanding) has those in use, by tag; [`SampledAllocs::stacks`](super::SampledAllocs)
/// has all that were allocated.
///
/// ```
/// # #[cfg(feature = "backtrace")] {
/// use framepool::{Attribution, BufferPool};
///
/// let pool = BufferPool::builder().attribution(Attribution::Backtraces).build()?;
/// let image = pool.alloc::<u8>(1 << 20);
/// let outstanding = pool.outstanding();
/// assert_eq!(outstanding.stacks[0].large_bytes, 1 << 20);
/// println!("{}", outstanding.stacks[0]); // the buffers, and one function a line
/// # drop(image);
/// # }
/// # Ok::<(), framepool::ConfigError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StackHolding {
    /// The line that called `alloc`.
    pub location: &'static Location<'static>,
    /// The tag of the buffers; empty for none.
    pub tag: String,
    pub(crate) tag_number: usize,
    /// The position of the stack in the pool's table.
    pub(crate) entry: usize,
    /// Sampled buffers. Not scaled.
    pub buffers: u64,
    /// Bytes of these buffers, as rounded block sizes.
    pub bytes: u64,
    /// The part of them that is always sampled because it is large.
    pub large_buffers: u64,
    /// Bytes of the large buffers.
    pub large_bytes: u64,
    /// The call stack.
    pub stack: Stack,
}

impl StackHolding {
    /// The counts of these buffers.
    pub fn counts(&self) -> SampledCounts {
        SampledCounts {
            buffers: self.buffers,
            bytes: self.bytes,
            large_buffers: self.large_buffers,
            large_bytes: self.large_bytes,
        }
    }

    /// The bytes that the samples represent, if one small buffer in `every` was sampled.
    #[cfg(feature = "backtrace")]
    pub(crate) fn weight(&self, every: u32) -> u64 {
        let small = self.bytes.saturating_sub(self.large_bytes);
        self.large_bytes
            .saturating_add(small.saturating_mul(u64::from(every)))
    }

    /// Resolves the stack to names, beginning with the function that called `alloc`: see [`Stack::resolve`].
    ///
    /// ```
    /// # #[cfg(feature = "backtrace")] {
    /// use framepool::{Attribution, Buffer, BufferPool};
    ///
    /// # #[inline(never)]
    /// fn load_image(pool: &BufferPool) -> Buffer<u8> {
    ///     pool.alloc(1 << 20)
    /// }
    ///
    /// let pool = BufferPool::builder().attribution(Attribution::Backtraces).build()?;
    /// let image = load_image(&pool);
    /// let frames = pool.outstanding().stacks[0].frames();
    /// assert!(frames[0].function.ends_with("load_image"));
    /// # drop(image);
    /// # }
    /// # Ok::<(), framepool::ConfigError>(())
    /// ```
    pub fn frames(&self) -> Vec<StackFrame> {
        let mut frames = self.stack.resolve();
        let is_site = |frame: &StackFrame| {
            let file = frame.file.as_deref();
            frame.line == Some(self.location.line())
                && file.is_some_and(|file| file.ends_with(self.location.file()))
        };
        // Without debug information, recognise our functions by name.
        let is_own = |frame: &StackFrame| frame.function.contains("framepool::pool::");
        let by_name = || frames.iter().rposition(is_own).map_or(0, |at| at + 1);
        let own = frames.iter().position(is_site).unwrap_or_else(by_name);
        frames.drain(..own);
        frames
    }
}

/// The buffers, and one function a line.
impl fmt::Display for StackHolding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns = columns(f);
        let sampled = counted(self.buffers, "sampled buffer");
        let head = format!("{sampled}, {}, from {}", bytes(self.bytes), self.location);
        f.write_str(&line(&head, columns))?;
        for frame in self.frames() {
            write!(f, "\n{}", line(&format!("    {frame}"), columns))?;
        }
        Ok(())
    }
}

/// The function, and the file and line if they are known.
impl fmt::Display for StackFrame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.function)?;
        match (&self.file, self.line) {
            (Some(file), Some(line)) => write!(f, " ({file}:{line})"),
            _ => Ok(()),
        }
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for StackHolding {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct;

        let mut holding = serializer.serialize_struct("StackHolding", 7)?;
        holding.serialize_field("location", &self.location.to_string())?;
        holding.serialize_field("tag", &self.tag)?;
        holding.serialize_field("buffers", &self.buffers)?;
        holding.serialize_field("bytes", &self.bytes)?;
        holding.serialize_field("large_buffers", &self.large_buffers)?;
        holding.serialize_field("large_bytes", &self.large_bytes)?;
        holding.serialize_field("frames", &self.frames())?;
        holding.end()
    }
}

#[cfg(feature = "backtrace")]
impl StackHolding {
    /// An empty entry for this line, stack, and key: the position in the pool's table and the tag's number.
    pub(crate) fn new(
        location: &'static Location<'static>,
        (entry, tag_number): (usize, usize),
        stack: &Stack,
    ) -> Self {
        Self {
            location,
            tag: String::new(),
            tag_number,
            entry,
            buffers: 0,
            bytes: 0,
            large_buffers: 0,
            large_bytes: 0,
            stack: *stack,
        }
    }

    /// The holding with these sampled buffers.
    pub(crate) fn with(mut self, counts: SampledCounts) -> Self {
        self.buffers = counts.buffers;
        self.bytes = counts.bytes;
        self.large_buffers = counts.large_buffers;
        self.large_bytes = counts.large_bytes;
        self
    }
}
