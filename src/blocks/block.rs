//! The record of one pooled block: where its memory is, and which thread and line of code allocated it, in which frame.
//!
//! Records lie in a separate table (`table.rs`). Their addresses stay readable while the pool lives. So a walker on another thread can
//! read a record at any time, even after the block's memory was freed.
//!
//! A record has what the fast paths need: half a cache line. What only slow paths need is in its note (`note.rs`). An idle block
//! needs no call site, so the word of the call site then is the link of a list, and the state has the rest of the links.
//!
//! A record of zeroes is valid: it is idle and bound to no memory. So new records need no initialisation. The table may return
//! the pages of unused records to the system, which makes them zero.
//!
//! # Reading a record while its holder changes
//!
//! At an alloc the holder stores `site` and then the allocated state (`LENT`); at a release it stores the idle state.
//! A walker sets the watched bit in the state, loads site and note, and loads the state again. It accepts site and
//! note if the bit is still set.
//!
//! Why this is right:
//!
//! - A holder stores whole states, never with the watched bit, and only one walker runs at a time (`pool/inner.rs`, `walks`). So if
//!   the bit is still set, no holder stored any state since, not even an equal one.
//! - Site, link and note are stored with Release and loaded with Acquire, and the idle state was stored before. So a walker that sees
//!   a link, or a later holder's site or note, sees that idle state, or a later one, at its second load. The bit is then clear.
//!
//! # Tags
//!
//! The state of an allocated block names the tag, for the walker. For the release the key does: the pool's address with the tag's number
//! in its low bits, which name the lane to which the block goes back (`slot/lane.rs`).

#![expect(
    unsafe_code,
    reason = "the key is a cell that belongs to the block's holder"
)]

#[cfg(any(framepool_loom, framepool_shuttle))]
mod modelled;

use std::panic::Location;
use std::panic::RefUnwindSafe;
use std::ptr::{self, NonNull};

#[cfg(feature = "backtrace")]
use crate::blocks::call_stacks::CallStack;
use crate::blocks::label::{Key, TAG_BITS};
use crate::blocks::state::{
    ANONYMOUS, FRAME_SHIFT, Holder, IDLE, LENT, LONG_LIVED, Seen, WATCHED, batch_len_of, below_of,
    idle_state, tag_of, thread_of,
};
use crate::codegen::{cold_path, prefetch};
use crate::sync::{AtomicPtr, Markable, Ordering, Owned, UnsafeCell};

/// Set in the address of a call stack that replaces a line of code.
#[cfg(feature = "backtrace")]
const STACKED: usize = 1;
#[cfg(feature = "backtrace")]
const _: () = assert!(align_of::<Location<'_>>() > STACKED && align_of::<CallStack>() > STACKED);

/// One pooled block.
#[derive(Debug)]
#[repr(C, align(32))]
pub(crate) struct Block {
    /// Idle, or the frame, the tag and the thread of the alloc. Written by the holder, read and marked by the walker.
    state: Markable,
    /// While allocated: the line of code that allocated it, or its call stack (`call_stacks.rs`). Written by the
    /// holder, read by the walker. While idle: the next block in its list, used only by the owner of that list.
    site: AtomicPtr<()>,
    /// The pool's address with the tag's number; null until the record is first bound. Belongs to the holder of the block: a
    /// buffer, or the owner of its list.
    key: UnsafeCell<*mut ()>,
    /// The start of the memory; null until the record is first bound. Written and dereferenced by the holder. The
    /// query for resident pages reads it as a number.
    start: AtomicPtr<u8>,
}

// SAFETY: any thread may read a block's atomics. Only the holder touches `key`, and each transfer of a block to
// another holder (by a list's owner, the depot, the user moving a `Buffer`) orders their accesses. The memory behind
// `start` may be used from any thread.
unsafe impl Send for Block {}
// SAFETY: as above.
unsafe impl Sync for Block {}

// No code of the user runs while a record is being changed.
impl RefUnwindSafe for Block {}

impl Block {
    /// The next block in the list. Only for the list's owner.
    #[inline(always)]
    pub(crate) fn next(&self) -> *mut Block {
        // Relaxed: a list has one owner at a time; its transfer (through the depot's stack) orders the accesses.
        self.site.load(Ordering::Relaxed).cast()
    }

    /// Makes `next` the next block in the list. Only for the list's owner.
    #[inline(always)]
    pub(crate) fn set_next(&self, next: *mut Block) {
        // Release: pairs with the Acquire in `read`; a walker that takes the link for a site sees the idle state before it.
        self.site.store(next.cast(), Ordering::Release);
    }

    /// Prefetches, while this block is the next to be allocated, what its own alloc would wait for: its memory, to which the caller
    /// writes, and the record after it. Only for the list's owner.
    ///
    /// For thousands of small buffers that are allocated in a row, after others were released in any order, neither is in a cache. This
    /// loads the block's own record, which its alloc needs anyway and the alloc before has prefetched.
    #[inline(always)]
    pub(crate) fn prefetch_ahead(&self) {
        prefetch(self.next());
        prefetch(self.start.load_own());
    }

    /// The number of the block below this one in a shared stack. A thread that pops from the stack may read it; if
    /// the block has left the stack, the result may be anything.
    pub(crate) fn below(&self) -> u32 {
        // Relaxed: see `stack.rs`.
        below_of(self.state.load(Ordering::Relaxed))
    }

    /// Sets the number of the block below. Only for the holder of the block, which is idle.
    pub(crate) fn set_below(&self, below: u32) {
        // Relaxed, both: the holder's own; the compare-exchange in `stack.rs` publishes it.
        let len = batch_len_of(self.state.load(Ordering::Relaxed));
        self.state.store(idle_state(len, below), Ordering::Relaxed);
    }

    /// The start of the memory.
    ///
    /// # Safety
    ///
    /// The caller holds the block, which has memory, possibly of zero bytes.
    #[inline(always)]
    pub(crate) unsafe fn start(&self) -> NonNull<u8> {
        // Tells the model checker that the caller must be the holder. Compiles to nothing.
        self.key.with(|_| ());
        // SAFETY: the caller holds the block, so no other thread writes the address. It is that of memory, or a
        // dangling one for zero bytes: neither is null.
        unsafe { NonNull::new_unchecked(self.start.load_own()) }
    }

    /// The address of the memory, as a number: the memory may already be returned.
    #[cfg(not(any(framepool_loom, framepool_shuttle)))]
    pub(crate) fn address(&self) -> usize {
        // Relaxed: never dereferenced.
        self.start.load(Ordering::Relaxed).addr()
    }

    /// The key of the lane to which the block goes back.
    ///
    /// # Safety
    ///
    /// The caller holds the block, which has memory.
    #[inline(always)]
    pub(crate) unsafe fn key(&self) -> Key {
        // SAFETY: the caller holds the block, so nobody writes the key, and it is bound to memory of a pool.
        self.key
            .with(|key| unsafe { Key::of(NonNull::new_unchecked(*key)) })
    }

    /// The pool.
    ///
    /// # Safety
    ///
    /// As for [`key`](Self::key).
    #[inline(always)]
    pub(crate) unsafe fn pool(&self) -> NonNull<()> {
        // SAFETY: as for the caller; a pool's address without the bits of a tag is not zero.
        self.key
            .with(|key| unsafe { NonNull::new_unchecked((*key).map_addr(|addr| addr & !TAG_BITS)) })
    }

    /// Sets the key, unless the block has it already.
    ///
    /// # Safety
    ///
    /// As for [`key`](Self::key), and it is a key of the block's pool.
    #[inline(always)]
    pub(crate) unsafe fn set_key(&self, key: Key) {
        // SAFETY: the caller holds the block, so nobody else touches the key.
        self.key.with_mut(|at| unsafe {
            if (*at).addr() != key.word().addr() {
                cold_path();
                *at = key.with_provenance_of(*at);
            }
        });
    }

    /// Makes the key that of the pool, without a tag.
    ///
    /// # Safety
    ///
    /// As for [`key`](Self::key).
    pub(crate) unsafe fn clear_tag(&self) {
        // SAFETY: the caller holds the block, so nobody else touches the key.
        self.key
            .with_mut(|key| unsafe { *key = (*key).map_addr(|addr| addr & !TAG_BITS) });
    }

    /// The number of blocks in the batch that this block heads. Only for the holder of the block.
    pub(crate) fn batch_len(&self) -> u32 {
        // Relaxed: the holder's own, or passed on with the block.
        u32::from(batch_len_of(self.state.load(Ordering::Relaxed)))
    }

    /// Records that this block heads a batch of `len` blocks. Only for the holder of the block, which is idle.
    pub(crate) fn set_batch_len(&self, len: u32) {
        debug_assert!(u8::try_from(len).is_ok());
        // Relaxed: the holder's own.
        self.state
            .store(idle_state(len as u8, 0), Ordering::Relaxed);
    }

    /// Binds the block to memory of this pool, from `start`. Only for [`Record`](crate::blocks::note::Record).
    ///
    /// # Safety
    ///
    /// The caller holds the block, and it is bound to no memory.
    pub(super) unsafe fn bind(&self, start: NonNull<u8>, pool: NonNull<()>) {
        // Relaxed: the holder reads its own write; a transfer of the block makes it visible to the next holder.
        self.start.store(start.as_ptr(), Ordering::Relaxed);
        // SAFETY: the caller holds the block, so nobody else touches the key.
        self.key.with_mut(|key| unsafe { *key = pool.as_ptr() });
    }

    /// The start of the memory, if the block ever had any. Only for the holder.
    pub(super) fn start_if_bound(&self) -> Option<NonNull<u8>> {
        NonNull::new(self.start.load_own())
    }

    /// Models a write to the block's memory, which the model checker does not see. The transfer of a block must order
    /// this before the next holder's writes. Compiles to nothing.
    ///
    /// # Safety
    ///
    /// The caller holds the block.
    #[inline(always)]
    pub(crate) unsafe fn touch(&self) {
        self.key.with_mut(|_| ());
    }

    /// Records the line of code and the stamp of an alloc: `frame_stamp` with `thread_stamp` and `tag_stamp`.
    #[inline(always)]
    pub(crate) fn mark_lent(&self, stamp: u64, site: &'static Location<'static>) {
        // Release: pairs with the Acquire in `read`; a walker that sees this site sees the idle state before it.
        self.site
            .store(ptr::from_ref(site).cast_mut().cast(), Ordering::Release);
        // Release: pairs with the Acquire in `read`; a walker that sees this state sees site and note.
        self.state.store(stamp, Ordering::Release);
    }

    /// Records the call stack, after [`mark_lent`](Self::mark_lent). A walker sees either the line or the stack.
    #[cfg(feature = "backtrace")]
    pub(crate) fn set_call_stack(&self, stack: NonNull<CallStack>) {
        let stack = stack.as_ptr().map_addr(|addr| addr | STACKED);
        // Release: pairs with the Acquire in `read`; publishes the stack.
        self.site.store(stack.cast(), Ordering::Release);
    }

    /// Records that the block is idle.
    #[inline(always)]
    pub(crate) fn mark_idle(&self) {
        // Relaxed: the transfer of the block orders this before the next holder's Release of its line, with which a
        // walker then sees it.
        self.state.store(IDLE, Ordering::Relaxed);
    }

    /// Records that the buffer is intentionally long-lived.
    pub(crate) fn mark_long_lived(&self) {
        // Relaxed: a bit of the state that the holder wrote; it publishes nothing else.
        if self.state.load(Ordering::Relaxed) & LENT != 0 {
            // Relaxed: as above; the other bits, from which the walker draws its conclusions, do not change.
            self.state.fetch_or(LONG_LIVED, Ordering::Relaxed);
        }
    }

    /// Reads who has the block, and its size from `bytes`, which loads with Acquire. Only for the one walker.
    pub(crate) fn read(&self, bytes: impl FnOnce() -> u64) -> Seen {
        // Acquire: pairs with the Release in `mark_lent`; site and note are then from this holder or a later one.
        let mut state = self.state.load(Ordering::Acquire);
        if state & (LENT | WATCHED) == LENT {
            // Acquire: as above, for the state that gets the bit. A bit left by an earlier walk is as good.
            state = self.state.fetch_or(WATCHED, Ordering::Acquire);
        }
        if state & LENT == 0 {
            return Seen::Idle;
        }
        // Acquire: pairs with the Release in `mark_lent`; keeps the second load of the state after this one.
        let site = self.site.load(Ordering::Acquire);
        let size = bytes();
        // Relaxed: the loads before it are Acquire, so this one comes after them.
        if self.state.load(Ordering::Relaxed) & WATCHED == 0 {
            return Seen::Idle;
        }
        let thread = thread_of(state);
        if thread == ANONYMOUS {
            return Seen::Anonymous(size);
        }
        let site = site.cast::<Location<'static>>();
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
            bytes: size,
            tag: tag_of(state),
        })
    }
}
