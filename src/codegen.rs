//! What the processor and the compiler are told beyond the program: nothing that it does depends on it.
#![expect(unsafe_code, reason = "there is no other way to say it")]

/// The same value, through no instruction; where there is no assembler for that, the value.
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
        // SAFETY: there is no instruction, so the register keeps what it has.
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

/// Brings a line into the cache that will be read soon: a block's record, which the next alloc of its class may read at
/// once; a slot, to which a walk will come.
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

/// The same place, as an address of which the compiler knows nothing: it lies in one register.
///
/// What the compiler knows to be a sum it adds again in each access, where the processor's addresses allow that. It then keeps
/// two registers, which a loop may not have; and a processor that passes the value of a store on to a later load without
/// delay (Golden Cove) does so for addresses of one register and a constant only, others wait some seven cycles.
#[inline(always)]
pub(crate) fn in_one_register<T>(place: &T) -> &T {
    let at: *const T = opaque!(std::ptr::from_ref(place));
    // SAFETY: the address is that of the place, which is borrowed for as long as the result.
    unsafe { &*at }
}

/// The same number, of which the compiler knows nothing but its register: what is added to it is not added in memory.
///
/// An instruction that adds a register in memory waits those seven cycles for the one before it, a plain load does not.
#[inline(always)]
pub(crate) fn in_register(number: u64) -> u64 {
    opaque!(number)
}

/// The same pointer, of which the compiler knows nothing but its register: a bit of it is not changed in memory.
///
/// The compiler changes one bit in memory with a store of one byte. A processor cannot pass that on to a load of the whole word, which
/// then waits for some fifteen cycles.
#[inline(always)]
pub(crate) fn pointer_in_register<T>(pointer: *mut T) -> *mut T {
    opaque!(pointer)
}
