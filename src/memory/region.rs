//! Memory from the system and back: zeroed at birth, so that whatever is read later was written by somebody.
//!
//! Small regions come from the global allocator; large ones are mappings of their own (`mapping.rs`), where there are any and
//! as long as the operating system gives some.
#![expect(
    unsafe_code,
    reason = "the one place that takes the memory that is lent, and gives it back"
)]

use std::alloc::{Layout, alloc, alloc_zeroed, dealloc};
use std::num::NonZero;
use std::ptr::NonNull;

use crate::memory::mapping;
use crate::sync::{Ordering, global_counter};

/// The alignment that the global allocator gives without extra work.
const NATURAL: usize = 16;
/// What the allocators of common systems spend on an allocation, rounding included.
const HEADER: usize = 16;
/// From so many bytes on a region is a mapping: sixteen pages, which cost more to touch for the first time than to ask for.
pub(crate) const MAPPED_BYTES: usize = 64 << 10;
/// What every mapping is aligned to, at least.
pub(crate) const PAGE: usize = 4096;

global_counter! {
    /// How many mappings began so far.
    static COLOURS;
}

/// A region of memory from the system: `bytes` from `start`, which is aligned as asked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Region {
    pub(crate) start: NonNull<u8>,
    pub(crate) bytes: usize,
    pub(crate) origin: Origin,
}

/// What a region was cut from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Origin {
    /// How far the region's start is from where the system's own begins.
    offset: u16,
    is_mapping: bool,
}

impl Origin {
    /// Of a region without bytes.
    pub(crate) const NONE: Self = Self {
        offset: 0,
        is_mapping: false,
    };
}

impl Region {
    /// Takes `bytes` zeroed bytes aligned to `align`, a power of two up to 4096; `None` when the system has none.
    pub(crate) fn take(bytes: usize, align: usize) -> Option<Self> {
        debug_assert!(align.is_power_of_two() && (NATURAL..=PAGE).contains(&align));
        if bytes == 0 {
            return Some(Self {
                start: NonNull::without_provenance(NonZero::new(align)?),
                bytes: 0,
                origin: Origin::NONE,
            });
        }
        Self::map(bytes, align).or_else(|| Self::allocate(bytes, align))
    }

    /// Whether the system would give so many bytes now. Nothing is touched, and all goes back at once.
    pub(crate) fn could_take(bytes: usize, align: usize) -> bool {
        if bytes >= MAPPED_BYTES
            && let Some(mapped) = mapped_bytes(bytes, align)
            && let Some(start) = mapping::map(mapped)
        {
            // SAFETY: mapped just now with so many bytes, and not used.
            unsafe { mapping::unmap(start, mapped) };
            return true;
        }
        let Some(layout) = layout(bytes, align).filter(|layout| layout.size() > 0) else {
            return false;
        };
        // The compiler may leave out an allocation that nobody uses, and then takes it for granted; hence the black box.
        // SAFETY: the layout is not empty.
        let start = std::hint::black_box(unsafe { alloc(layout) });
        if start.is_null() {
            return false;
        }
        // SAFETY: allocated just now with this layout, and not used.
        unsafe { dealloc(start, layout) };
        true
    }

    /// Bytes that the system spends beside a region: the room to align it and the header of an allocation, or the rest of the pages
    /// of a mapping.
    pub(crate) fn beside(bytes: usize, align: usize) -> usize {
        if bytes == 0 {
            return 0;
        }
        if mapping::KNOWN && bytes >= MAPPED_BYTES {
            return mapped_bytes(bytes, align).map_or(0, |mapped| mapped - bytes);
        }
        align - NATURAL + HEADER
    }

    /// Whether the region is a mapping of its own, whose pages can go back one by one.
    pub(crate) fn is_mapping(&self) -> bool {
        self.origin.is_mapping
    }

    /// A mapping, if the region is large enough for one.
    ///
    /// All mappings begin where a page does, so that the first lines of regions that began there too would all fall into the
    /// same set of the cache. Each begins a unit of the alignment later than the one before it, for which there is a page more unless that is
    /// the alignment.
    fn map(bytes: usize, align: usize) -> Option<Self> {
        if bytes < MAPPED_BYTES {
            return None;
        }
        let base = mapping::map(mapped_bytes(bytes, align)?)?;
        // Relaxed: a number of its own.
        let lines = COLOURS.fetch_add(1, Ordering::Relaxed) as usize % (PAGE / align);
        let offset = lines * align;
        debug_assert!(offset <= PAGE - align);
        Some(Self {
            // SAFETY: `offset` is at most `PAGE - align`, by which the mapping exceeds `bytes`.
            start: unsafe { base.add(offset) },
            bytes,
            origin: Origin {
                offset: offset as u16,
                is_mapping: true,
            },
        })
    }

    /// Memory of the global allocator.
    ///
    /// Asks for natural alignment and aligns inside: an over-aligned zeroed request makes the standard allocator
    /// write every byte, and touch every page, where a natural one gets pages the system zeroes when first used.
    fn allocate(bytes: usize, align: usize) -> Option<Self> {
        let layout = layout(bytes, align)?;
        // SAFETY: `bytes` is not zero, so the layout is not either.
        let base = NonNull::new(unsafe { alloc_zeroed(layout) })?;
        let offset = base.align_offset(align);
        debug_assert!(offset <= align - NATURAL);
        Some(Self {
            // SAFETY: `offset` is at most `align - NATURAL`, by which the layout exceeds `bytes`.
            start: unsafe { base.add(offset) },
            bytes,
            origin: Origin {
                offset: offset as u16,
                is_mapping: false,
            },
        })
    }

    /// Gives the region back.
    ///
    /// # Safety
    ///
    /// The region was taken with this `align`, nobody uses the memory any more, and it is given back once.
    pub(crate) unsafe fn give_back(self, align: usize) {
        const TAKEN: &str = "it was valid when the region was taken";
        if self.bytes == 0 {
            return;
        }
        // SAFETY: `start` is `offset` bytes into what `take` got from the system.
        let base = unsafe { self.start.sub(usize::from(self.origin.offset)) };
        if self.origin.is_mapping {
            let bytes = mapped_bytes(self.bytes, align).expect(TAKEN);
            // SAFETY: the mapping that `map` got, and the caller promises that this is its only return.
            unsafe { mapping::unmap(base, bytes) };
        } else {
            let layout = layout(self.bytes, align).expect(TAKEN);
            // SAFETY: the allocation that `allocate` got with this very layout, as above.
            unsafe { dealloc(base.as_ptr(), layout) };
        }
    }
}

/// Bytes of the mapping for a region, with room for where it begins.
fn mapped_bytes(bytes: usize, align: usize) -> Option<usize> {
    bytes
        .checked_add(PAGE - align)?
        .checked_next_multiple_of(PAGE)
}

fn layout(bytes: usize, align: usize) -> Option<Layout> {
    Layout::from_size_align(bytes.checked_add(align - NATURAL)?, NATURAL).ok()
}

#[cfg(all(test, not(framepool_loom)))]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::blocks::class::LINE;

    #[test]
    fn every_piece_is_aligned_zeroed_and_all_there_whatever_it_was_cut_from() {
        for align in [64, 128, 256, 4096] {
            for bytes in [
                align,
                MAPPED_BYTES - align,
                MAPPED_BYTES,
                5 * MAPPED_BYTES + align,
            ] {
                let region = Region::take(bytes, align).expect("memory");
                assert!(region.start.addr().get().is_multiple_of(align));
                // SAFETY: so many bytes were given, initialised, and nobody else has them.
                let all = unsafe { std::slice::from_raw_parts_mut(region.start.as_ptr(), bytes) };
                assert!(all.iter().all(|&byte| byte == 0), "{bytes} bytes");
                all.fill(1);
                // SAFETY: taken above, with this alignment, and used no more.
                unsafe { region.give_back(align) };
            }
        }
    }

    #[test]
    fn large_pieces_begin_in_different_sets_of_the_cache() {
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
