//! The record of one pooled block: where its memory is, and which thread and line of code allocated it, in which frame.
//!
//! Records lie in a separate table (`table.rs`), one cache line each. Their addresses stay readable while the pool lives. So a
//! walker on another thread can read a record at any time, even after the block's memory was freed.
//!
//! A record of zeroes is valid: it is idle and bound to no memory. So new records need no initialisation. The table may return
//! the pages of unused records to the system, which makes them zero.
//!
//! # Reading a record while it changes hands
//!
//! At alloc the holder stores `site` and then the lent state; at release it stores the idle state. A walker sets the watched bit
//! in the state, loads site and size, and loads the state again. It accepts site and size if the bit is still set.
//!
//! Why this is right:
//!
//! - A holder stores whole states, never with the watched bit, and only one walker runs at a time (`pool/inner.rs`, `walks`). So if
//!   the bit is still set, no holder stored any state since, not even an equal one.
//! - Site and size are stored with Release and loaded with Acquire, and the idle state was stored before those of a later holder. So a
//!   walker that sees a later holder's site or size sees that idle state, or a later one, at its second load. The bit is then clear.
//!
//! # Tags
//!
//! The size word holds the tag in its upper 16 bits. A holder with a tag stores it before the lent state and clears it after
//! the idle state, so the walker reads it like the size. An idle block has no tag.
//!
//! While a block has a tag, the lowest bit of its pool's address in the record is set. The fast path of a release compares that
//! address with the thread's pool anyway. The comparison fails for a tagged buffer, so the fast path needs no check for tags.

#![expect(
    unsafe_code,
    reason = "a block's binding is a cell that belongs to the block's holder"
)]

use std::panic::Location;
use std::ptr::{self, NonNull};

#[cfg(feature = "backtrace")]
use crate::blocks::call_stacks::CallStack;
use crate::blocks::label::TagMark;
use crate::blocks::state::{
    ANONYMOUS, FRAME_SHIFT, Holder, IDLE, LENT, LONG_LIVED, Seen, WATCHED, thread_of,
};
use crate::codegen::pointer_in_register;
use crate::memory::region::{Origin, Region};
use crate::sync::{AtomicPtr, AtomicU32, AtomicU64, Markable, Ordering, Owned, UnsafeCell};

/// The tag in the word with the size; no block has more bytes than fit below it.
const TAG_SHIFT: u32 = 48;
const BYTES: u64 = (1 << TAG_SHIFT) - 1;
/// Set in the pool's address of a block with a tag.
const TAGGED: usize = 1;
/// Set in the address of a call stack that stands in place of a line of code.
#[cfg(feature = "backtrace")]
const STACKED: usize = 1;
#[cfg(feature = "backtrace")]
const _: () = assert!(align_of::<Location<'_>>() > STACKED && align_of::<CallStack>() > STACKED);

/// One pooled block.
#[derive(Debug)]
#[repr(C, align(64))]
pub(crate) struct Block {
    /// Idle, or since when and by which thread it is lent. Written by the holder, read and marked by the walker.
    state: Markable,
    /// The line of code that took it, while it is lent, or its call stack (`call_stacks.rs`). Written by the holder, read by the walker.
    site: AtomicPtr<Location<'static>>,
    /// The block behind this one in the list it lies in. Used only by the owner of that list.
    next: AtomicPtr<Block>,
    /// The block below this one in a shared stack, by number. A thread that pops from the stack may read it.
    pub(crate) below: AtomicU32,
    /// This block's place in the table, plus one. Written when the table hands the record out.
    number: AtomicU32,
    /// Bytes of the memory, and the tag. Read by the holder and the walker.
    size: AtomicU64,
    /// Where the memory starts; null until the record is bound for the first time. Written and followed by the holder. Who asks which
    /// pages are resident reads it as a number.
    start: AtomicPtr<u8>,
    /// The rest of what it is bound to. Belongs to the holder of the block: a buffer, or the owner of the list it lies in.
    binding: UnsafeCell<Binding>,
}

/// Which memory a block stands for, and how many blocks lie in the batch that it heads. Zeroes are valid.
#[derive(Clone, Copy, Debug)]
struct Binding {
    /// Null until the record is bound for the first time. With [`TAGGED`].
    pool: *mut (),
    origin: Origin,
    class: u8,
    batch_len: u8,
}

#[cfg(any(framepool_loom, framepool_shuttle))]
impl Binding {
    const VACANT: Self = Self {
        pool: ptr::null_mut(),
        origin: Origin::NONE,
        class: 0,
        batch_len: 0,
    };
}

// SAFETY: a block is shared by everybody who may read its atomics; `binding` is touched only by the holder of the
// block, and what passes a block from holder to holder (a list's owner, the depot, the user moving a `Buffer`)
// orders their accesses. The memory behind `start` may be used from any thread.
unsafe impl Send for Block {}
// SAFETY: as above.
unsafe impl Sync for Block {}

impl Block {
    /// What zeroed memory is, where atomics are more than their value.
    #[cfg(any(framepool_loom, framepool_shuttle))]
    pub(crate) fn vacant() -> Self {
        Self {
            state: Markable::new(IDLE),
            site: AtomicPtr::new(ptr::null_mut()),
            next: AtomicPtr::new(ptr::null_mut()),
            below: AtomicU32::new(0),
            number: AtomicU32::new(0),
            size: AtomicU64::new(0),
            start: AtomicPtr::new(ptr::null_mut()),
            binding: UnsafeCell::new(Binding::VACANT),
        }
    }

    /// Stands for the system's return of the record's page, where a model shall see it.
    #[cfg(any(framepool_loom, framepool_shuttle))]
    pub(crate) fn clear(&self) {
        // Relaxed, all: who takes the page back is ordered by the table's lock, and readers without it may see either.
        self.state.store(IDLE, Ordering::Relaxed);
        self.site.store(ptr::null_mut(), Ordering::Relaxed);
        self.next.store(ptr::null_mut(), Ordering::Relaxed);
        self.below.store(0, Ordering::Relaxed);
        self.number.store(0, Ordering::Relaxed);
        self.size.store(0, Ordering::Relaxed);
        self.start.store(ptr::null_mut(), Ordering::Relaxed);
        // SAFETY: nobody holds the record; the checker fails the model otherwise.
        self.binding
            .with_mut(|binding| unsafe { *binding = Binding::VACANT });
    }

    /// This block's place in the table, plus one. Only for the holder.
    pub(crate) fn number(&self) -> u32 {
        // Relaxed: written before the record had a holder, and passed on with it.
        self.number.load(Ordering::Relaxed)
    }

    /// Notes the place in the table. Only for the table, when it hands the record out.
    pub(crate) fn set_number(&self, number: u32) {
        // Relaxed: as in `number`.
        self.number.store(number, Ordering::Relaxed);
    }

    /// The block behind this one. Only for the owner of the list it lies in.
    #[inline(always)]
    pub(crate) fn next(&self) -> *mut Block {
        // Relaxed: a list has one owner at a time; what hands it over (the depot's stack) orders the accesses.
        self.next.load(Ordering::Relaxed)
    }

    /// Puts `next` behind this block. Only for the owner of the list it lies in.
    #[inline(always)]
    pub(crate) fn set_next(&self, next: *mut Block) {
        // Relaxed: as in `next`.
        self.next.store(next, Ordering::Relaxed);
    }

    /// Where the memory starts.
    ///
    /// # Safety
    ///
    /// The caller holds the block, which has memory, if only of no bytes.
    #[inline(always)]
    pub(crate) unsafe fn start(&self) -> NonNull<u8> {
        // A sign to the model checker that the caller must be the holder. Compiles to nothing.
        self.binding.with(|_| ());
        // SAFETY: the caller holds the block, so nobody writes the address.
        // It has memory, or stands for none at a dangling address: neither is null.
        unsafe { NonNull::new_unchecked(self.start.load_own()) }
    }

    /// Address and bytes of the memory, as numbers: it may have gone back by now.
    #[cfg(not(any(framepool_loom, framepool_shuttle)))]
    pub(crate) fn place(&self) -> (usize, u64) {
        // Relaxed: nobody follows the address, and one that belongs to other bytes only makes a level a little wrong.
        (self.start.load(Ordering::Relaxed).addr(), self.bytes())
    }

    /// The pool, or an address that is no pool's if the block has a tag.
    ///
    /// # Safety
    ///
    /// The caller holds the block, which has memory.
    #[inline(always)]
    pub(crate) unsafe fn pool_if_untagged(&self) -> NonNull<()> {
        // SAFETY: the caller holds the block, so nobody writes the binding.
        self.binding
            .with(|binding| unsafe { NonNull::new_unchecked((*binding).pool) })
    }

    /// The pool.
    ///
    /// # Safety
    ///
    /// As for [`pool_if_untagged`](Self::pool_if_untagged).
    #[inline(always)]
    pub(crate) unsafe fn pool(&self) -> NonNull<()> {
        // SAFETY: as for the caller; a pool's address is not zero without the lowest bit.
        unsafe {
            let pool = self.pool_if_untagged().as_ptr();
            NonNull::new_unchecked(pool.map_addr(|addr| addr & !TAGGED))
        }
    }

    /// The tag, and the bytes of the block. Only for the holder.
    #[inline(always)]
    pub(crate) fn tag_and_bytes(&self) -> (TagMark, u64) {
        let size = self.size.load_own();
        (TagMark::from_bits((size >> TAG_SHIFT) as u16), size & BYTES)
    }

    /// Gives the block a tag, before it is marked as lent; its bytes.
    ///
    /// # Safety
    ///
    /// The caller holds the block, which has memory and no tag.
    #[inline(always)]
    pub(crate) unsafe fn set_tag(&self, tag: TagMark) -> u64 {
        // SAFETY: the caller holds the block, so nobody else touches the binding.
        self.binding.with_mut(|binding| unsafe {
            let pool = pointer_in_register((*binding).pool);
            (*binding).pool = pool.map_addr(|addr| addr | TAGGED);
        });
        let bytes = self.size.load_own();
        // Release: pairs with the Acquire in `read`; a walker that sees the tag sees the idle state before it.
        self.size.store(
            bytes | u64::from(tag.bits()) << TAG_SHIFT,
            Ordering::Release,
        );
        bytes
    }

    /// Takes the tag off, after the block is marked as idle. `bytes` are those of the block.
    ///
    /// # Safety
    ///
    /// The caller holds the block.
    #[inline(always)]
    pub(crate) unsafe fn clear_tag(&self, bytes: u64) {
        // SAFETY: the caller holds the block, so nobody else touches the binding.
        self.binding.with_mut(|binding| unsafe {
            let pool = pointer_in_register((*binding).pool);
            (*binding).pool = pool.map_addr(|addr| addr & !TAGGED);
        });
        // Release: pairs with the Acquire in `read`; a walker that misses the tag sees the idle state.
        self.size.store(bytes, Ordering::Release);
    }

    /// The size class, or `OVERSIZE`.
    ///
    /// # Safety
    ///
    /// The caller holds the block.
    #[inline(always)]
    pub(crate) unsafe fn class(&self) -> usize {
        // SAFETY: the caller holds the block, so nobody writes the binding.
        usize::from(self.binding.with(|binding| unsafe { (*binding).class }))
    }

    /// Bytes of the block.
    #[inline(always)]
    pub(crate) fn bytes(&self) -> u64 {
        // Acquire: pairs with the Release in `bind`; for the walker, see the head of this file.
        self.size.load(Ordering::Acquire) & BYTES
    }

    /// How many blocks the batch has that this block heads.
    ///
    /// # Safety
    ///
    /// The caller holds the block.
    pub(crate) unsafe fn batch_len(&self) -> u32 {
        // SAFETY: the caller holds the block, so nobody writes the binding.
        u32::from(self.binding.with(|binding| unsafe { (*binding).batch_len }))
    }

    /// Notes that this block heads a batch of `len` blocks.
    ///
    /// # Safety
    ///
    /// The caller holds the block.
    pub(crate) unsafe fn set_batch_len(&self, len: u32) {
        debug_assert!(u8::try_from(len).is_ok());
        // SAFETY: the caller holds the block, so nobody else touches the binding.
        self.binding
            .with_mut(|binding| unsafe { (*binding).batch_len = len as u8 });
    }

    /// Makes this block stand for `region`, as one of this size class, or `OVERSIZE`.
    ///
    /// # Safety
    ///
    /// The caller holds the block, and it is bound to no memory.
    pub(crate) unsafe fn bind(&self, region: Region, pool: NonNull<()>, class: usize) {
        // Relaxed: the holder reads what it wrote; what passes the block on passes it on too.
        self.start.store(region.start.as_ptr(), Ordering::Relaxed);
        // SAFETY: the caller holds the block, so nobody else touches the binding.
        self.binding.with_mut(|binding| unsafe {
            (*binding).origin = region.origin;
            (*binding).pool = pool.as_ptr();
            (*binding).class = class as u8;
        });
        // Release: pairs with the Acquire in `bytes`; a walker that sees the new size sees the idle state before it.
        self.size.store(region.bytes as u64, Ordering::Release);
    }

    /// Takes the memory off the block.
    ///
    /// # Safety
    ///
    /// The caller holds the block and it is bound to memory.
    pub(crate) unsafe fn unbind(&self) -> Region {
        let bytes = self.bytes() as usize;
        // Release: as in `bind`.
        self.size.store(0, Ordering::Release);
        // SAFETY: the caller holds the block, so nobody writes the binding.
        self.binding.with(|binding| unsafe {
            Region {
                start: NonNull::new_unchecked(self.start.load_own()),
                bytes,
                origin: (*binding).origin,
            }
        })
    }

    /// Stands for a write to the block's memory, which the model checker does not see: what hands the block from one holder
    /// to the next must order this before the next one's. Compiles to nothing.
    ///
    /// # Safety
    ///
    /// The caller holds the block.
    #[inline(always)]
    pub(crate) unsafe fn touch(&self) {
        self.binding.with_mut(|_| ());
    }

    /// Records the line of code and the stamp of an alloc: `frame_stamp` with `thread_stamp`.
    #[inline(always)]
    pub(crate) fn mark_lent(&self, stamp: u64, site: &'static Location<'static>) {
        // Release: pairs with the Acquire in `read`; a walker that sees this site sees the idle state before it.
        self.site
            .store(ptr::from_ref(site).cast_mut(), Ordering::Release);
        // Release: pairs with the Acquire in `read`; a walker that sees this state sees site and size.
        self.state.store(stamp, Ordering::Release);
    }

    /// Records how the line of code was reached, after [`mark_lent`](Self::mark_lent). A walker sees the line before or after this.
    #[cfg(feature = "backtrace")]
    pub(crate) fn set_call_stack(&self, stack: NonNull<CallStack>) {
        let stack = stack.as_ptr().map_addr(|addr| addr | STACKED);
        // Release: pairs with the Acquire in `read`; the stack is whole.
        self.site.store(stack.cast(), Ordering::Release);
    }

    /// Records that the block is idle.
    #[inline(always)]
    pub(crate) fn mark_idle(&self) {
        // Relaxed: what hands the block on orders this before the next holder's Release of its line, with which a walker
        // then sees it.
        self.state.store(IDLE, Ordering::Relaxed);
    }

    /// Records that the buffer is intentionally long-lived.
    pub(crate) fn mark_long_lived(&self) {
        // Relaxed: a bit of the state the holder wrote; it brings nothing with it.
        if self.state.load(Ordering::Relaxed) & LENT != 0 {
            // Relaxed: as above; the state's other bits stay, and with them what the walker concludes from them.
            self.state.fetch_or(LONG_LIVED, Ordering::Relaxed);
        }
    }

    /// Who has the block. Only for the one walker.
    pub(crate) fn read(&self) -> Seen {
        // Acquire: pairs with the Release in `mark_lent`, so that site and size are this holder's or a later one's.
        let mut state = self.state.load(Ordering::Acquire);
        if state & (LENT | WATCHED) == LENT {
            // Acquire: as above, for the state that gets the bit. A bit that stands from an earlier walk is as good.
            state = self.state.fetch_or(WATCHED, Ordering::Acquire);
        }
        if state & LENT == 0 {
            return Seen::Idle;
        }
        // Acquire: pairs with the Release in `mark_lent`; keeps the second look at the state behind it.
        let site = self.site.load(Ordering::Acquire);
        // Acquire: as above, and pairs with the Releases in `bind`, `set_tag` and `clear_tag`.
        let size = self.size.load(Ordering::Acquire);
        // Relaxed: the loads before it are Acquire, so this one comes after them.
        if self.state.load(Ordering::Relaxed) & WATCHED == 0 {
            return Seen::Idle;
        }
        let thread = thread_of(state);
        if thread == ANONYMOUS {
            return Seen::Anonymous(size & BYTES);
        }
        #[cfg(feature = "backtrace")]
        let (site, stack) = if site.addr() & STACKED == 0 {
            (site, None)
        } else {
            let stack = site.map_addr(|addr| addr & !STACKED).cast::<CallStack>();
            // SAFETY: `set_call_stack` stored a stack of the pool's table, which lives as long as the pool and does not change.
            let line = unsafe { (*stack).site };
            (ptr::from_ref(line).cast_mut(), NonNull::new(stack))
        };
        // SAFETY: `site` is null or was made from a `&'static Location` by `mark_lent`.
        let Some(site) = (unsafe { site.as_ref() }) else {
            return Seen::Idle;
        };
        Seen::Lent(Holder {
            site,
            #[cfg(feature = "backtrace")]
            stack,
            frame: state >> FRAME_SHIFT,
            thread,
            long_lived: state & LONG_LIVED != 0,
            bytes: size & BYTES,
            tag: TagMark::from_bits((size >> TAG_SHIFT) as u16),
        })
    }
}
