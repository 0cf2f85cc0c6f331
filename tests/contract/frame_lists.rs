//! Lists that grow in a frame.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

use framepool::{BufferPool, FrameVec};

/// Counts its drops.
struct Dropped<'c>(&'c Cell<u32>);

impl Drop for Dropped<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get() + 1);
    }
}

#[test]
fn list_drops_each_element_once() {
    let drops = Cell::new(0);
    let pool = BufferPool::new();
    let frame = pool.begin_frame();
    let mut list = FrameVec::new_in(&frame);
    for _ in 0..100 {
        list.push(Dropped(&drops));
        // Something behind the list, so that it moves when it grows.
        frame.alloc_value(0_u8);
    }
    assert_eq!(drops.get(), 0);
    drop(list.pop());
    list.truncate(50);
    drop(list.swap_remove(0));
    assert_eq!((drops.get(), list.len()), (51, 49));
    drop(list);
    assert_eq!(drops.get(), 100);
}

#[test]
fn elements_move_and_drop_once() {
    let drops = Cell::new(0);
    let pool = BufferPool::new();
    let frame = pool.begin_frame();
    let mut list = FrameVec::new_in(&frame);
    for number in [0, 1, 3, 4, 5, 6] {
        list.push((number, Dropped(&drops)));
    }
    list.insert(2, (2, Dropped(&drops)));
    list.insert(7, (7, Dropped(&drops)));
    assert_eq!(list.remove(0).0, 0);
    assert_eq!(drops.get(), 1);
    let numbers = |list: &[(u32, Dropped<'_>)]| list.iter().map(|it| it.0).collect::<Vec<_>>();
    assert_eq!(numbers(&list), [1, 2, 3, 4, 5, 6, 7]);

    let stopped = catch_unwind(AssertUnwindSafe(|| {
        list.retain(|it| {
            assert!(it.0 < 6, "stop");
            it.0 % 2 == 0
        });
    }));
    assert_eq!((stopped.is_err(), list.len(), drops.get()), (true, 7, 1));
    list.sort_unstable_by_key(|it| it.0);
    list.retain(|it| it.0 % 2 == 1);
    assert_eq!((numbers(&list), drops.get()), (vec![1, 3, 5, 7], 4));

    let mut taken = list.into_iter();
    assert_eq!((taken.next().unwrap().0, taken.len()), (1, 3));
    drop(taken);
    assert_eq!(drops.get(), 8);
}

#[test]
fn list_survives_a_panic_of_a_drop() {
    struct Fragile(bool);
    impl Drop for Fragile {
        fn drop(&mut self) {
            assert!(!self.0, "fragile");
        }
    }
    let pool = BufferPool::new();
    let frame = pool.begin_frame();
    let mut list = FrameVec::new_in(&frame);
    list.extend([Fragile(false), Fragile(true), Fragile(false)]);
    let result = catch_unwind(AssertUnwindSafe(|| list.clear()));
    assert!(result.is_err() && list.is_empty());
}

#[test]
fn list_grows_in_place_when_it_is_last() {
    let pool = BufferPool::new();
    let frame = pool.begin_frame();
    let mut list = FrameVec::with_capacity_in(4, &frame);
    list.extend(0..4_u32);
    let before = list.as_ptr();
    list.extend(4..16);
    assert_eq!(list.as_ptr(), before);
    frame.alloc_value(0_u8);
    list.extend(16..100);
    assert_ne!(list.as_ptr(), before);
    assert!(list.iter().copied().eq(0..100));
}

#[test]
fn list_of_nothing_takes_no_memory() {
    let pool = BufferPool::new();
    let frame = pool.begin_frame();
    let mut list = FrameVec::new_in(&frame);
    list.extend([(); 1000]);
    assert_eq!((list.len(), list.pop()), (1000, Some(())));
    drop(list);
    let counts = frame.release_all();
    assert_eq!((counts.frame_allocs, counts.alloc_bytes), (0, 0));
}
