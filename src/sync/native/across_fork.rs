//! Locks that stay usable in a forked child.
//!
//! A child process has a copy of all memory, but only the thread that forked. A lock that another thread held during the fork is never
//! unlocked in the child, and its value may be half changed. So the forking thread first takes all locks of this kind
//! (`pthread_atfork`). Parent and child unlock them after the fork.
//!
//! # No deadlock
//!
//! The forking thread takes the lock of the list, and then the locks in the list by rank. A thread of the library that
//! takes several of these locks also takes them by rank. No thread waits for the list while it holds one of them: a lock
//! enters the list before other threads can reach it, and leaves it when none can any more.
//!
//! The list is linked through the locks themselves, so an entry needs no allocation of its own.
#![expect(
    unsafe_code,
    reason = "a list linked through what it consists of, and a call to the operating system"
)]

use std::cell::{Cell, RefCell};
use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;
use std::ptr::{self, NonNull};

use super::{Mutex, MutexGuard};
use crate::sync::{Lock, Rank};

/// All locks that are held during a fork.
static LIST: Lock<List> = Lock::of(Mutex::new(List {
    first: ptr::null(),
    has_fork_handlers: false,
}));

struct List {
    first: *const Link,
    has_fork_handlers: bool,
}

// SAFETY: only the thread that has the lock of the list uses the links; a lock leaves the list before it is freed.
unsafe impl Send for List {}

/// A lock's links in the list. The first field of a [`Node`], so that both have the same address.
struct Link {
    before: Cell<*const Link>,
    behind: Cell<*const Link>,
    rank: Rank,
    /// Takes the lock of the node.
    hold: unsafe fn(*const Link) -> Box<dyn Held>,
}

impl Link {
    /// The link of a node with a `T`.
    const fn new<T: 'static>(rank: Rank) -> Self {
        Self {
            before: Cell::new(ptr::null()),
            behind: Cell::new(ptr::null()),
            rank,
            hold: hold::<T>,
        }
    }
}

/// A lock that is held.
trait Held {}

impl<T> Held for MutexGuard<'_, T> {}

#[repr(C)]
struct Node<T> {
    link: Link,
    lock: Lock<T>,
}

/// A lock that the forking thread holds during a fork.
pub(crate) struct ForkLock<T: 'static> {
    /// On the heap, so that the list can point to it.
    node: NonNull<Node<T>>,
    owned: PhantomData<Node<T>>,
}

// SAFETY: a boxed lock, apart from the link, which is used under the list's lock only.
unsafe impl<T: Send> Send for ForkLock<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Sync for ForkLock<T> {}

impl<T: 'static> ForkLock<T> {
    pub(crate) fn new(rank: Rank, value: T) -> Self {
        let node = Box::new(Node {
            link: Link::new::<T>(rank),
            lock: Lock::new(value),
        });
        let node = NonNull::from(Box::leak(node));
        LIST.lock().add(node.cast());
        Self {
            node,
            owned: PhantomData,
        }
    }

    /// Bytes of the lock and of the guarded value, without this handle.
    pub(crate) const BYTES: u64 = size_of::<Node<T>>() as u64;
}

/// A [`ForkLock`] in a static. It enters the list of locks at the first call of
/// [`keep_across_forks`](Self::keep_across_forks), which comes before the first use.
pub(crate) struct StaticForkLock<T: 'static> {
    node: Node<T>,
    /// Only under the list's lock.
    is_listed: Cell<bool>,
}

// SAFETY: a lock, apart from the link and the flag, which are used under the list's lock only.
unsafe impl<T: Send> Sync for StaticForkLock<T> {}

impl<T: 'static> StaticForkLock<T> {
    pub(crate) const fn new(rank: Rank, value: T) -> Self {
        Self {
            node: Node {
                link: Link::new::<T>(rank),
                lock: Lock::of(Mutex::new(value)),
            },
            is_listed: Cell::new(false),
        }
    }

    /// Adds the lock to the list, so that forks hold it from now on. The caller holds no other lock.
    ///
    /// A fork waits for the list's lock. So it finds this one listed, or not listed and never used.
    pub(crate) fn keep_across_forks(&'static self) {
        let mut list = LIST.lock();
        if !self.is_listed.replace(true) {
            list.add(NonNull::from(&self.node).cast());
        }
    }
}

impl<T> Deref for StaticForkLock<T> {
    type Target = Lock<T>;

    fn deref(&self) -> &Lock<T> {
        &self.node.lock
    }
}

/// Takes the lock of a node.
///
/// # Safety
///
/// The link belongs to a `Node<T>`, which stays in the list until the returned value is dropped.
unsafe fn hold<T: 'static>(link: *const Link) -> Box<dyn Held> {
    // SAFETY: as for the caller; the link is the first field.
    let node: &'static Node<T> = unsafe { &*link.cast() };
    Box::new(node.lock.lock())
}

impl List {
    fn add(&mut self, link: NonNull<Link>) {
        if !self.has_fork_handlers {
            self.has_fork_handlers = true;
            system::register_fork_handlers();
        }
        // SAFETY: the new node does not move, and all nodes in the list exist.
        unsafe {
            link.as_ref().behind.set(self.first);
            if let Some(first) = self.first.as_ref() {
                first.before.set(link.as_ptr());
            }
        }
        self.first = link.as_ptr();
    }

    /// Removes a link.
    ///
    /// # Safety
    ///
    /// It is in the list.
    unsafe fn remove(&mut self, link: NonNull<Link>) {
        // SAFETY: it is in the list, and all nodes in the list exist, including its neighbours.
        unsafe {
            let (before, behind) = (link.as_ref().before.get(), link.as_ref().behind.get());
            match before.as_ref() {
                Some(before) => before.behind.set(behind),
                None => self.first = behind,
            }
            if let Some(behind) = behind.as_ref() {
                behind.before.set(before);
            }
        }
    }

    fn iter(&self) -> impl Iterator<Item = &Link> {
        let mut at = self.first;
        std::iter::from_fn(move || {
            // SAFETY: all nodes in the list exist.
            let link = unsafe { at.as_ref() }?;
            at = link.behind.get();
            Some(link)
        })
    }
}

impl<T> Drop for ForkLock<T> {
    fn drop(&mut self) {
        // SAFETY: it was added when it was made, and no other thread can reach it any more.
        unsafe {
            LIST.lock().remove(self.node.cast());
            drop(Box::from_raw(self.node.as_ptr()));
        }
    }
}

impl<T> Deref for ForkLock<T> {
    type Target = Lock<T>;

    fn deref(&self) -> &Lock<T> {
        // SAFETY: the node is freed with this handle.
        unsafe { &self.node.as_ref().lock }
    }
}

impl<T> fmt::Debug for ForkLock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ForkLock").finish_non_exhaustive()
    }
}

thread_local! {
    /// The locks that this thread holds during a fork; in the child, those that the forking thread held.
    static HELD: RefCell<Vec<Box<dyn Held>>> = const { RefCell::new(Vec::new()) };
}

/// Before a fork: takes all locks.
extern "C" fn before_fork() {
    let list = LIST.lock();
    let mut held: Vec<Box<dyn Held>> = Vec::new();
    for rank in Rank::ALL {
        for link in list.iter().filter(|link| link.rank == rank) {
            // SAFETY: a link belongs to the node for which it was made, and stays in the list while the list is locked.
            held.push(unsafe { (link.hold)(link) });
        }
    }
    // The list's own lock comes last, and so is released last.
    held.push(Box::new(list));
    let _ = HELD.try_with(|cell| cell.replace(held));
}

/// After a fork, in the parent and in the child: releases all locks.
extern "C" fn after_fork() {
    let _ = HELD.try_with(RefCell::take);
}

#[cfg(all(unix, not(miri)))]
mod system {
    use std::ffi::c_int;

    type Handler = extern "C" fn();

    // SAFETY: this is a function of the C library, which the standard library links.
    unsafe extern "C" {
        fn pthread_atfork(
            prepare: Option<Handler>,
            parent: Option<Handler>,
            child: Option<Handler>,
        ) -> c_int;
    }

    /// Registers the handlers for every fork. If there is no memory for that, a child must not use pools.
    pub(super) fn register_fork_handlers() {
        // SAFETY: the handlers are functions without conditions.
        let _ = unsafe {
            pthread_atfork(
                Some(super::before_fork),
                Some(super::after_fork),
                Some(super::after_fork),
            )
        };
    }
}

#[cfg(not(all(unix, not(miri))))]
mod system {
    /// This system has no forks.
    pub(super) fn register_fork_handlers() {
        let _: [extern "C" fn(); 2] = [super::before_fork, super::after_fork];
    }
}
