//! The names of the threads that ever took buffers, each kept once, so that a block can name its thread in 22 bits.
#![expect(unsafe_code, reason = "the list's entries are freed with the list")]

use std::ptr;

use crate::sync::{AtomicPtr, AtomicU64, Ordering};

/// Names kept; threads beyond are called by [`OTHERS`].
const MOST: u32 = 4096;
const UNNAMED: &str = "unnamed";
const OTHERS: &str = "(other threads)";
const FIRST: u32 = 2;

/// A list of names that only grows. Reading and adding take no lock.
#[derive(Debug)]
pub(crate) struct Names {
    newest: AtomicPtr<Entry>,
    bytes: AtomicU64,
}

#[derive(Debug)]
struct Entry {
    name: Box<str>,
    id: u32,
    /// The entry added before this one. Never changes once the entry is in the list.
    older: AtomicPtr<Entry>,
}

impl Entry {
    /// An entry that is in no list; `None` when there is no memory for it.
    fn new(name: &str) -> Option<Box<Self>> {
        let mut text = String::new();
        text.try_reserve_exact(name.len()).ok()?;
        text.push_str(name);
        let mut one = Vec::new();
        one.try_reserve_exact(1).ok()?;
        one.push(Self {
            name: text.into_boxed_str(),
            id: 0,
            older: AtomicPtr::new(ptr::null_mut()),
        });
        let one = Box::into_raw(one.into_boxed_slice());
        // SAFETY: a slice of one entry is laid out as the entry, and the box was given up just now.
        Some(unsafe { Box::from_raw(one.cast::<Self>()) })
    }
}

/// The entry and all older ones. `newest` comes from an Acquire load of the list's head.
fn entries_from<'n>(newest: *const Entry) -> impl Iterator<Item = &'n Entry> {
    let mut at = newest;
    std::iter::from_fn(move || {
        // SAFETY: entries are written before they are published and freed only with the list.
        let entry = unsafe { at.as_ref() }?;
        // Relaxed: written before the entry was published.
        at = entry.older.load(Ordering::Relaxed).cast_const();
        Some(entry)
    })
}

impl Names {
    pub(crate) fn new() -> Self {
        Self {
            newest: AtomicPtr::new(ptr::null_mut()),
            bytes: AtomicU64::new(0),
        }
    }

    fn entries(&self) -> impl Iterator<Item = &Entry> {
        // Acquire: pairs with the Release in `id_of`; the entry and all older ones are written.
        entries_from(self.newest.load(Ordering::Acquire))
    }

    /// The number of the calling thread's name.
    pub(crate) fn id_of_current_thread(&self) -> u32 {
        match std::thread::current().name() {
            None => 0,
            Some(name) => self.id_of(name),
        }
    }

    pub(super) fn id_of(&self, name: &str) -> u32 {
        let mut new: Option<Box<Entry>> = None;
        loop {
            // Acquire: as in `entries`.
            let newest = self.newest.load(Ordering::Acquire);
            if let Some(known) = entries_from(newest).find(|entry| &*entry.name == name) {
                return known.id;
            }
            // SAFETY: as in `entries`.
            let id = unsafe { newest.as_ref() }.map_or(FIRST, |entry| entry.id + 1);
            if id >= FIRST + MOST {
                return 1;
            }
            let Some(mut entry) = new.take().or_else(|| Entry::new(name)) else {
                return 1;
            };
            entry.id = id;
            // Relaxed: published by the Release below.
            entry.older.store(newest, Ordering::Relaxed);
            let entry = Box::into_raw(entry);
            // Release: pairs with the Acquire in `entries`; publishes the entry.
            // Relaxed on failure: the next turn loads again.
            match self
                .newest
                .compare_exchange(newest, entry, Ordering::Release, Ordering::Relaxed)
            {
                Ok(_) => {
                    let bytes = (size_of::<Entry>() + name.len()) as u64;
                    // Relaxed: for statistics.
                    self.bytes.fetch_add(bytes, Ordering::Relaxed);
                    return id;
                }
                // SAFETY: the entry was not published, so the box is still ours alone.
                Err(_) => new = Some(unsafe { Box::from_raw(entry) }),
            }
        }
    }

    /// The name with this number.
    pub(crate) fn name(&self, id: u32) -> &str {
        match id {
            0 => UNNAMED,
            1 => OTHERS,
            _ => self
                .entries()
                .find(|entry| entry.id == id)
                .map_or(OTHERS, |entry| &entry.name),
        }
    }

    /// Bytes the names occupy.
    pub(crate) fn bytes(&self) -> u64 {
        // Relaxed: for statistics.
        self.bytes.load(Ordering::Relaxed)
    }
}

impl Drop for Names {
    fn drop(&mut self) {
        // Relaxed: whoever drops the list is alone with it.
        let mut at = self.newest.load(Ordering::Relaxed);
        while !at.is_null() {
            // SAFETY: every entry was made by `Box::into_raw` and is in the list once.
            let entry = unsafe { Box::from_raw(at) };
            // Relaxed: as above.
            at = entry.older.load(Ordering::Relaxed);
        }
    }
}
