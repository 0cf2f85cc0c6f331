//! Allocates regions of memory from the system, and frees them.
//!
//! The memory of a buffer is initialised when it is allocated, so a buffer never exposes uninitialised memory: it is zeroed, or holds the
//! last user's bytes. Large regions are allocated with `mmap` (`mapping.rs`), small ones are cut from slabs (`slab.rs`). If the system has
//! no mappings or refuses one, the global allocator serves both.
#![expect(
    unsafe_code,
    reason = "the one place that allocates the memory of buffers, and frees it"
)]

use std::alloc::{Layout, alloc, alloc_zeroed, dealloc};
use std::num::NonZero;
use std::ptr::NonNull;

use crate::memory::{mapping, slab};
use crate::sync::{Ordering, global_counter};

/// The smallest alignment of a region, which the global allocator provides without extra work.
pub(crate) const NATURAL: usize = 16;
/// Bytes that common allocators spend on one allocation, rounding included.
const HEADER: usize = 16;
/// A region of at least this size is a mapping. Touching its sixteen pages for the first time costs more than the `mmap` call.
pub(crate) const MAPPED_BYTES: usize = 64 << 10;
/// From this size on, a region begins at a line.
pub(crate) const SMALL_BYTES: usize = 128;
const LINE: usize = 64;
/// The smallest alignment of a mapping.
pub(crate) const PAGE: usize = 4096;

global_counter! {
    /// How many regions were mapped so far; it chooses the offset of the next one.
    static COLOURS;
}

/// A region of memory from the system: `bytes` from `start`, with the requested alignment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Region {
    pub(crate) start: NonNull<u8>,
    pub(crate) bytes: usize,
    pub(crate) origin: Origin,
}

/// Where a region's memory comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// An allocation of the global allocator. The bytes before the region say how far before it the allocation begins.
    Heap,
    /// A mapping, which begins at the last page boundary.
    Mapping,
    /// The slab with this number.
    Slab(u32),
}

impl Origin {
    /// The largest origin as a number.
    pub(crate) const MAX: u32 = (slab::MAX_SLABS as u32 - 1) << 2 | 2;

    /// The origin as a number; its two lowest bits alone are the number of a heap or a mapping.
    pub(crate) fn to_bits(self) -> u32 {
        match self {
            Self::Heap => 0,
            Self::Mapping => 1,
            Self::Slab(number) => number << 2 | 2,
        }
    }

    /// The origin with this number.
    pub(crate) fn from_bits(bits: u32) -> Self {
        match bits & 3 {
            0 => Self::Heap,
            1 => Self::Mapping,
            _ => Self::Slab(bits >> 2),
        }
    }
}

impl Region {
    /// Allocates `bytes` initialised bytes aligned to `align`, a power of two from 16 to 4096; `None` if the system
    /// refuses. From 128 bytes on, they are aligned to 64 at least.
    pub(crate) fn take(bytes: usize, align: usize) -> Option<Self> {
        let mut region = None;
        Self::take_some(bytes, align, 1, |taken| region = Some(taken));
        region
    }

    /// Allocates up to `count` regions like [`take`](Self::take), and passes each to the caller. Returns how many: more than one only of
    /// small regions.
    pub(crate) fn take_some(
        bytes: usize,
        align: usize,
        count: u32,
        mut each: impl FnMut(Self),
    ) -> u32 {
        let cut = Self::cut(bytes, align, count, &mut each);
        if cut > 0 {
            return cut;
        }
        let whole = Self::take_zeroed(bytes, align);
        whole.map_or(0, |region| {
            each(region);
            1
        })
    }

    /// Allocates zeroed bytes; otherwise like [`take`](Self::take).
    pub(crate) fn take_zeroed(bytes: usize, align: usize) -> Option<Self> {
        debug_assert!(align.is_power_of_two() && (NATURAL..=PAGE).contains(&align));
        if bytes == 0 {
            return Some(Self {
                start: NonNull::without_provenance(NonZero::new(align)?),
                bytes: 0,
                origin: Origin::Heap,
            });
        }
        Self::map(bytes, align).or_else(|| Self::allocate(bytes, align, alloc_zeroed))
    }

    /// Allocates bytes that may not be initialised: not for buffers. None of them is touched. `bytes` is not zero.
    pub(crate) fn take_uninit(bytes: usize, align: usize) -> Option<Self> {
        debug_assert!(bytes > 0 && align.is_power_of_two() && (NATURAL..=PAGE).contains(&align));
        Self::map(bytes, align).or_else(|| Self::allocate(bytes, align, alloc))
    }

    /// Whether the system would allocate this many bytes now. Allocates them untouched and frees them at once.
    pub(crate) fn could_take(bytes: usize, align: usize) -> bool {
        let align = rounded(align, bytes);
        if bytes >= MAPPED_BYTES
            && let Some(mapped) = mapped_bytes(bytes, align)
            && let Some(start) = mapping::map(mapped)
        {
            // SAFETY: mapped just now with this number of bytes, and not used.
            unsafe { mapping::unmap(start, mapped) };
            return true;
        }
        let Some(layout) = layout(bytes, align).filter(|layout| layout.size() > 0) else {
            return false;
        };
        // The black box keeps the allocation: the compiler may remove an unused one and assume that it succeeds.
        // SAFETY: the layout is not empty.
        let start = std::hint::black_box(unsafe { alloc(layout) });
        if start.is_null() {
            return false;
        }
        // SAFETY: allocated just now with this layout, and not used.
        unsafe { dealloc(start, layout) };
        true
    }

    /// The overhead of a region in bytes.
    ///
    /// For an allocation these are the padding for alignment and the allocator's header; for a mapping, the unused part of its pages.
    pub(crate) fn beside(bytes: usize, align: usize) -> usize {
        if bytes == 0 {
            return 0;
        }
        let align = rounded(align, bytes);
        if mapping::KNOWN && bytes >= MAPPED_BYTES {
            return mapped_bytes(bytes, align).map_or(0, |mapped| mapped - bytes);
        }
        slab::stride(bytes, align).map_or(align + HEADER, |stride| stride - bytes)
    }

    /// Whether the region is a mapping, whose pages can be returned to the system one by one.
    pub(crate) fn is_mapping(&self) -> bool {
        self.origin == Origin::Mapping
    }

    /// Cuts regions from slabs, if they are small enough. Returns how many.
    fn cut(bytes: usize, align: usize, count: u32, mut each: impl FnMut(Self)) -> u32 {
        if bytes >= MAPPED_BYTES {
            return 0;
        }
        let align = rounded(align, bytes);
        let Some(stride) = slab::stride(bytes, align) else {
            return 0;
        };
        slab::take(stride, count, |start, number| {
            debug_assert!(start.addr().get().is_multiple_of(align));
            each(Self {
                start,
                bytes,
                origin: Origin::Slab(number),
            });
        })
    }

    /// Allocates a mapping, if the region is large enough for one.
    ///
    /// All mappings start at a page boundary. If all regions started there too, their first lines would share one set of the cache. So each
    /// region starts one unit of the alignment further into its mapping than the region before it (cache colouring). The mapping is
    /// larger by a page less one unit for that.
    fn map(bytes: usize, align: usize) -> Option<Self> {
        if bytes < MAPPED_BYTES {
            return None;
        }
        let align = rounded(align, bytes);
        let base = mapping::map(mapped_bytes(bytes, align)?)?;
        // Relaxed: no other data depends on it.
        let lines = COLOURS.fetch_add(1, Ordering::Relaxed) as usize % (PAGE / align);
        let offset = lines * align;
        debug_assert!(offset <= PAGE - align);
        Some(Self {
            // SAFETY: `offset` is at most `PAGE - align`, by which the mapping exceeds `bytes`.
            start: unsafe { base.add(offset) },
            bytes,
            origin: Origin::Mapping,
        })
    }

    /// Allocates from the global allocator.
    ///
    /// Requests natural alignment and aligns inside the allocation, and writes before the region where it lies there. For an over-aligned zeroed request the standard allocator writes
    /// every byte and so touches every page. For a natural one it can return pages that the system zeroes on first use.
    fn allocate(bytes: usize, align: usize, take: unsafe fn(Layout) -> *mut u8) -> Option<Self> {
        let align = rounded(align, bytes);
        let layout = layout(bytes, align)?;
        // SAFETY: `bytes` is not zero, so the layout is not either.
        let base = NonNull::new(unsafe { take(layout) })?;
        // SAFETY: the layout exceeds `bytes` by the alignment, and the base is naturally aligned. So there is room for a number
        // between it and the next boundary.
        let start = unsafe {
            let start = base.add(NATURAL);
            start.add(start.align_offset(align))
        };
        let offset = start.addr().get() - base.addr().get();
        debug_assert!((NATURAL..=align).contains(&offset));
        // SAFETY: as above.
        unsafe { start.cast::<u32>().sub(1).write(offset as u32) };
        Some(Self {
            start,
            bytes,
            origin: Origin::Heap,
        })
    }

    /// Frees the region.
    ///
    /// # Safety
    ///
    /// The region was allocated with this `align`. No thread uses the memory any more, and it is freed once.
    pub(crate) unsafe fn give_back(self, align: usize) {
        const TAKEN: &str = "the layout was valid when the region was allocated";
        if self.bytes == 0 {
            return;
        }
        let align = rounded(align, self.bytes);
        // SAFETY: in each case the region was made in this way and size, and the caller promises that it is freed once.
        unsafe {
            match self.origin {
                Origin::Heap => {
                    let offset = self.start.cast::<u32>().sub(1).read() as usize;
                    let layout = layout(self.bytes, align).expect(TAKEN);
                    dealloc(self.start.sub(offset).as_ptr(), layout);
                }
                Origin::Mapping => {
                    let bytes = mapped_bytes(self.bytes, align).expect(TAKEN);
                    let offset = self.start.addr().get() % PAGE;
                    mapping::unmap(self.start.sub(offset), bytes);
                }
                Origin::Slab(number) => slab::give_back(self.start, number),
            }
        }
    }
}

/// The alignment of a region of `bytes`: at least 64 bytes, unless the region is smaller.
///
/// So the regions of pools with the smallest alignment share the slabs of the others, and begin in as many sets of the cache.
fn rounded(align: usize, bytes: usize) -> usize {
    if bytes < SMALL_BYTES {
        align
    } else {
        align.max(LINE)
    }
}

/// Bytes of the mapping for a region, with room for its offset.
fn mapped_bytes(bytes: usize, align: usize) -> Option<usize> {
    bytes
        .checked_add(PAGE - align)?
        .checked_next_multiple_of(PAGE)
}

fn layout(bytes: usize, align: usize) -> Option<Layout> {
    Layout::from_size_align(bytes.checked_add(align)?, NATURAL).ok()
}

#[cfg(all(test, not(framepool_loom)))]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn regions_are_aligned_zeroed_and_complete() {
        for align in [16, 64, 128, 256, 4096] {
            for bytes in [
                align,
                3 * align,
                MAPPED_BYTES - align,
                MAPPED_BYTES,
                5 * MAPPED_BYTES + align,
            ] {
                let region = Region::take_zeroed(bytes, align).expect("memory");
                let aligned = rounded(align, bytes);
                assert!(region.start.addr().get().is_multiple_of(aligned));
                // SAFETY: the region has this many initialised bytes, and no other code uses them.
                let all = unsafe { std::slice::from_raw_parts_mut(region.start.as_ptr(), bytes) };
                assert!(all.iter().all(|&byte| byte == 0), "{bytes} bytes");
                all.fill(1);
                // SAFETY: taken above with this alignment, and not used after this.
                unsafe { region.give_back(align) };
            }
        }
    }

    #[test]
    fn mappings_start_in_different_cache_sets() {
        for bytes in [MAPPED_BYTES, 16 * MAPPED_BYTES] {
            let regions: Vec<Region> = (0..32)
                .map(|_| Region::take(bytes, LINE).expect("memory"))
                .collect();
            let sets: BTreeSet<usize> = regions
                .iter()
                .map(|region| region.start.addr().get() % PAGE / LINE)
                .collect();
            for region in regions {
                // SAFETY: taken above, with this alignment.
                unsafe { region.give_back(LINE) };
            }
            if mapping::KNOWN {
                assert!(sets.len() >= 16, "32 regions begin in {} sets", sets.len());
            }
        }
    }
}
