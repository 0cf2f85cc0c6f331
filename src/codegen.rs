//! Hints for the processor and the compiler. They affect speed only, never results.
#![expect(unsafe_code, reason = "there is no other way to say it")]

/// Hides a value from the compiler's analysis, with no instruction. On targets without inline assembler it does nothing.
macro_rules! opaque {
    ($value:expr) => {{
        #[allow(unused_mut, reason = "written only where there is an assembler")]
        let mut value = $value;
        #[cfg(all(
            any(
                target_arch = "x86_64",
                target_arch = "aarch64",
                target_arch = "riscv64"
            ),
            target_pointer_width = "64",
            not(miri)
        ))]
        #[allow(
            clippy::pointers_in_nomem_asm_block,
            reason = "nothing is read or written"
        )]
        // SAFETY: there is no instruction, so the register keeps its value.
        unsafe {
            std::arch::asm!(
                "/* {} */",
                inout(reg) value,
                options(pure, nomem, nostack, preserves_flags)
            );
        }
        value
    }};
}

/// Marks the branch that calls it as rarely taken. `std::hint::cold_path` does the same from Rust 1.95 on.
#[inline]
#[cold]
pub(crate) fn cold_path() {}

/// Prefetches a cache line that will be read soon, such as the record that the next alloc of a class will use.
#[inline(always)]
pub(crate) fn prefetch<T>(at: *const T) {
    #[cfg(all(target_arch = "x86_64", not(framepool_loom)))]
    // SAFETY: a prefetch reads nothing and faults on no address.
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T0>(at.cast());
    }
    #[cfg(not(all(target_arch = "x86_64", not(framepool_loom))))]
    let _ = at;
}

/// Returns the same reference, and makes the compiler keep its address in one register.
///
/// Otherwise the compiler may address each access as a sum of two registers. That needs two registers in a loop. It is also slower on
/// Golden Cove: that processor forwards a store to a later load without delay only if the address is one register plus a constant.
/// Other addresses cost about seven cycles.
#[inline(always)]
pub(crate) fn in_one_register<T>(place: &T) -> &T {
    let at: *const T = opaque!(std::ptr::from_ref(place));
    // SAFETY: the address is that of the place, which is borrowed for as long as the result.
    unsafe { &*at }
}

/// Returns the same number, and makes the compiler keep it in a register, so that it does not fuse an addition with the store.
///
/// An instruction that adds a register to memory waits about seven cycles for the previous store; a plain load does not.
#[inline(always)]
pub(crate) fn in_register(number: u64) -> u64 {
    opaque!(number)
}
