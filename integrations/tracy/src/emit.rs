//! Sends data to Tracy, under names that are never freed.
//!
//! Memory in named pools is not part of `tracy-client`'s safe API, so it goes through Tracy's C API.
#![cfg_attr(not(feature = "enable"), allow(clippy::unused_self, unused_variables))]

use tracy_client::{Client, FrameName};

/// The frames of a pool.
pub(crate) struct FrameMark(FrameName);

impl FrameMark {
    pub(crate) fn new(name: &str) -> Self {
        Self(FrameName::new_leak(without_nul(name)))
    }

    pub(crate) fn emit(&self, client: &Client) {
        client.secondary_frame_mark(self.0);
    }
}

/// A memory pool of Tracy.
#[derive(Debug)]
pub(crate) struct MemoryPool {
    /// Ends with a zero byte.
    #[cfg(feature = "enable")]
    name: &'static std::ffi::CStr,
}

/// A text that C can read to its end.
pub(crate) fn without_nul(text: &str) -> String {
    text.replace('\0', " ")
}

#[cfg(feature = "enable")]
#[expect(unsafe_code, reason = "Tracy's C API")]
impl MemoryPool {
    pub(crate) fn new(name: &str) -> Self {
        let name = std::ffi::CString::new(without_nul(name)).unwrap_or_default();
        Self {
            // Tracy may read a name at any time.
            name: Box::leak(name.into_boxed_c_str()),
        }
    }

    /// Reports memory that came into use. The `Client` argument proves that Tracy runs.
    pub(crate) fn alloc(&self, _: &Client, address: usize, bytes: u64) {
        let place = std::ptr::without_provenance(address);
        let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
        // SAFETY: Tracy runs, and the name is never freed and ends with a zero byte. The address is only a number to Tracy.
        unsafe {
            tracy_client::sys::___tracy_emit_memory_alloc_named(place, bytes, self.name.as_ptr());
        }
    }

    /// Reports memory that is no longer in use.
    pub(crate) fn free(&self, _: &Client, address: usize) {
        let place = std::ptr::without_provenance(address);
        // SAFETY: as for `alloc`.
        unsafe { tracy_client::sys::___tracy_emit_memory_free_named(place, self.name.as_ptr()) }
    }

    /// Reports that no memory of the pool is in use.
    pub(crate) fn discard(&self, _: &Client) {
        // SAFETY: as for `alloc`.
        unsafe { tracy_client::sys::___tracy_emit_memory_discard(self.name.as_ptr()) }
    }
}

#[cfg(not(feature = "enable"))]
impl MemoryPool {
    pub(crate) fn new(name: &str) -> Self {
        Self {}
    }

    pub(crate) fn alloc(&self, _: &Client, address: usize, bytes: u64) {}

    pub(crate) fn free(&self, _: &Client, address: usize) {}

    pub(crate) fn discard(&self, _: &Client) {}
}
