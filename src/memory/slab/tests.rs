use std::collections::BTreeSet;

use super::*;

/// Writes a distinct pattern to each piece.
fn fill(start: NonNull<u8>, bytes: usize, mark: u8) {
    // SAFETY: the piece has `bytes` bytes, and nobody else uses it.
    unsafe { start.as_ptr().write_bytes(mark, bytes) };
}

fn is_filled(start: NonNull<u8>, bytes: usize, mark: u8) -> bool {
    // SAFETY: as above; the bytes were written, or are zero since the mapping was made.
    let all = unsafe { std::slice::from_raw_parts(start.as_ptr(), bytes) };
    all.iter().all(|&byte| byte == mark)
}

#[test]
fn pieces_are_aligned_zeroed_and_apart() {
    if !mapping::KNOWN {
        return;
    }
    let mut slabs = Slabs::NONE;
    let mut taken = Vec::new();
    for align in [16, 64, 128, 4096] {
        let all = [align, 3 * align, 1024, 9 * 1024, MAX_STRIDE - align];
        for bytes in all
            .into_iter()
            .filter(|&bytes| bytes < SMALL_BYTES || align >= UNIT)
        {
            let stride = stride(bytes, align).expect("small enough");
            assert!(stride >= bytes && stride.is_multiple_of(align), "{bytes}");
            for _ in 0..(SLAB_BYTES / stride).min(MAX_PIECES) + 2 {
                let (start, number) = slabs.take(stride).expect("memory");
                assert!(start.addr().get().is_multiple_of(align));
                assert!(is_filled(start, stride, 0), "{bytes} bytes");
                fill(start, stride, taken.len() as u8);
                taken.push((start, number, stride));
            }
        }
    }
    for (at, &(start, number, stride)) in taken.iter().enumerate() {
        assert!(
            is_filled(start, stride, at as u8),
            "{stride} bytes are shared"
        );
        // SAFETY: taken above, and not used after this.
        unsafe { slabs.give_back(start, number) };
    }
    assert!(slabs.runs.is_empty(), "a run stays mapped");
    assert!(slabs.entries.is_empty() && slabs.lists.is_empty());
}

#[test]
fn the_lowest_free_piece_is_taken_first() {
    if !mapping::KNOWN {
        return;
    }
    let mut slabs = Slabs::NONE;
    // A full slab.
    let all: Vec<_> = (0..MAX_PIECES)
        .map(|_| slabs.take(64).expect("memory"))
        .collect();
    for at in [900, 7, 500] {
        let (start, number) = all[at];
        // SAFETY: taken above, and not used after this.
        unsafe { slabs.give_back(start, number) };
    }
    let again: Vec<_> = (0..3).map(|_| slabs.take(64).expect("memory")).collect();
    assert_eq!(again, [all[7], all[500], all[900]]);
    for (start, number) in all {
        // SAFETY: taken above, the three of them again.
        unsafe { slabs.give_back(start, number) };
    }
}

#[test]
fn pages_without_taken_pieces_go_back() {
    if !mapping::KNOWN {
        return;
    }
    for bytes in [16, 48, 64, 112, 3 * 64, 8 << 10, 20 << 10, 60 << 10] {
        let mut slabs = Slabs::NONE;
        let align = if bytes < SMALL_BYTES { 16 } else { 64 };
        let stride = stride(bytes, align).expect("small enough");
        assert!(
            bytes >= SMALL_BYTES || stride == bytes,
            "{bytes} bytes with slack"
        );
        let mut all: Vec<_> = (0..SLAB_BYTES / stride)
            .map(|_| slabs.take(stride).expect("memory"))
            .collect();
        for &(start, _) in &all {
            fill(start, stride, 1);
        }
        let (kept, kept_in) = all.remove(0);
        for &(start, number) in &all {
            // SAFETY: taken above. The run stays mapped while one piece is kept, so the others can be read below.
            unsafe { slabs.give_back(start, number) };
        }
        assert!(
            is_filled(kept, stride, 1),
            "{bytes} bytes: a page went too soon"
        );
        for &(start, _) in &all {
            let is_apart = start.addr().get() - kept.addr().get() >= PART_BYTES + MAX_STRIDE;
            assert!(
                !is_apart || is_filled(start, stride, 0),
                "{bytes} bytes: a page was kept"
            );
        }
        // SAFETY: as above.
        unsafe { slabs.give_back(kept, kept_in) };
        assert!(slabs.runs.is_empty(), "a run stays mapped");
    }
}

#[test]
fn large_pieces_begin_in_different_cache_sets() {
    if !mapping::KNOWN {
        return;
    }
    for bytes in [4 << 10, 16 << 10, 48 << 10] {
        let mut slabs = Slabs::NONE;
        let stride = stride(bytes, 64).expect("small enough");
        let all: Vec<_> = (0..32)
            .map(|_| slabs.take(stride).expect("memory"))
            .collect();
        let sets: BTreeSet<usize> = all
            .iter()
            .map(|(start, _)| start.addr().get() % PAGE / 64)
            .collect();
        assert!(
            sets.len() >= 16,
            "{bytes} bytes begin in {} sets",
            sets.len()
        );
        for (start, number) in all {
            // SAFETY: taken above, and not used after this.
            unsafe { slabs.give_back(start, number) };
        }
    }
}

#[test]
fn alignments_that_share_a_stride_are_kept() {
    if !mapping::KNOWN {
        return;
    }
    for bytes in [384, 640, 768, 896] {
        let mut slabs = Slabs::NONE;
        // So that the next slab has a number, and an offset.
        let mut all = vec![slabs.take(64).expect("memory")];
        for align in [64, 128, 256] {
            let Some(stride) = stride(bytes, align).filter(|&stride| stride == bytes) else {
                continue;
            };
            let taken = slabs.take(stride).expect("memory");
            assert!(
                taken.0.addr().get().is_multiple_of(align),
                "{bytes} bytes at {align}"
            );
            all.push(taken);
        }
        for (start, number) in all {
            // SAFETY: taken above, and not used after this.
            unsafe { slabs.give_back(start, number) };
        }
    }
}

#[test]
fn unmapped_runs_are_replaced_in_their_place() {
    if !mapping::KNOWN {
        return;
    }
    let mut slabs = Slabs::NONE;
    let per_run = RUN_BYTES / SLAB_BYTES * (SLAB_BYTES / 64);
    let mut all: Vec<_> = (0..=2 * per_run)
        .map(|_| slabs.take(64).expect("memory"))
        .collect();
    assert_eq!(slabs.runs.len(), 3);
    for (start, number) in all.drain(per_run..2 * per_run) {
        // SAFETY: taken above, and not used after this.
        unsafe { slabs.give_back(start, number) };
    }
    assert_eq!((slabs.runs[1], slabs.holes), (None, 1));
    for _ in 0..4 * 4096 {
        all.push(slabs.take(64).expect("memory"));
    }
    assert!(slabs.runs.len() == 3 && slabs.runs[1].is_some() && slabs.holes == 0);
    for (start, number) in all {
        // SAFETY: as above.
        unsafe { slabs.give_back(start, number) };
    }
    assert!(slabs.runs.is_empty());
}
