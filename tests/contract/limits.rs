//! A budget at every level, and lengths around every limit of the address space: the error is exact, and the pool is
//! unchanged after it.
//!
//! Laws: L1 Conservation, L2 Never negative, L3 It adds up.

use std::panic::{AssertUnwindSafe, catch_unwind};

use bytemuck::Pod;
use framepool::{AllocError, Buffer, BufferPool, Frame};

use crate::common::{
    TELEMETRY, assert_empty, assert_lawful, assert_lawful_stats, frame_bytes, panic_text,
    pooled_bytes,
};

/// Checks a refusal by the budget: its numbers, its holders, and that it was necessary.
#[track_caller]
fn assert_over_budget(pool: &BufferPool, error: &AllocError, needs: u64, budget: u64) {
    let AllocError::BudgetExceeded {
        requested,
        in_use,
        limit,
        held,
        parts,
        holders,
        ..
    } = error
    else {
        panic!("{error:?}");
    };
    assert_eq!((*requested, *limit), (needs, budget));
    if !TELEMETRY {
        return;
    }
    let stats = pool.stats();
    assert_lawful_stats(&stats);
    assert_eq!(*in_use, stats.in_use_bytes);
    assert_eq!(*held, stats.pooled_bytes);
    assert_eq!(
        parts.iter().map(|part| part.bytes).sum::<u64>(),
        *held,
        "L10: {parts:?}"
    );
    assert!(
        stats.pooled_bytes.saturating_add(needs) > budget,
        "{needs} bytes would fit {stats:?}"
    );
    let mut out = pool.outstanding().sites;
    out.truncate(5);
    assert_eq!(*holders, out);
}

/// The scenario's buffers and counts.
struct Holder<'p> {
    pool: &'p BufferPool,
    budget: u64,
    kept: Vec<Buffer<u8>>,
    lent: u64,
    refused: u64,
}

impl Holder<'_> {
    fn pooled(&mut self, bytes: usize) {
        match self.pool.try_alloc::<u8>(bytes) {
            Ok(mut buffer) => {
                buffer.fill(1);
                self.kept.push(buffer);
                self.lent += 1;
            }
            Err(error) => {
                let needs = pooled_bytes(bytes as u64, 64);
                assert_over_budget(self.pool, &error, needs, self.budget);
                self.refused += 1;
                if !self.refused.is_multiple_of(8) {
                    return;
                }
                // Its panicking twins give the same message and count the same refusal.
                let pool = self.pool;
                let twins: [&dyn Fn(); 3] = [
                    &|| drop(pool.alloc::<u8>(bytes)),
                    &|| drop(pool.alloc_zeroed::<u8>(bytes)),
                    &|| drop(pool.alloc_copy(&vec![1_u8; bytes])),
                ];
                for twin in twins {
                    let panic = catch_unwind(AssertUnwindSafe(twin)).unwrap_err();
                    assert_eq!(panic_text(&*panic), format!("framepool: {error}"));
                    self.refused += 1;
                }
            }
        }
    }

    fn framed(&mut self, frame: &Frame, bytes: usize) {
        match frame.try_alloc::<u8>(bytes) {
            Ok(buffer) => {
                buffer.fill(2);
                self.lent += 1;
            }
            Err(error) => {
                let needs = frame_bytes(bytes as u64, 64);
                assert_over_budget(self.pool, &error, needs, self.budget);
                self.refused += 1;
            }
        }
    }

    fn prewarm(&mut self, bytes: usize, count: usize) {
        if let Err(error) = self.pool.try_prewarm::<u8>(bytes, count) {
            // None of them was prewarmed.
            let needs = count as u64 * pooled_bytes(bytes as u64, 64);
            assert_over_budget(self.pool, &error, needs, self.budget);
        }
    }
}

#[test]
fn every_budget_holds_and_refusals_are_accurate() {
    let fine = (64..=4096).step_by(64);
    let coarse = (5000..=120_000).step_by(1777);
    let (mut lent, mut refused) = (0, 0);
    for budget in fine.chain(coarse) {
        let pool = BufferPool::builder()
            .max_bytes(budget)
            .frame_block_bytes(4096)
            .build()
            .unwrap();
        let mut holder = Holder {
            pool: &pool,
            budget,
            kept: Vec::new(),
            lent: 0,
            refused: 0,
        };
        for round in 0..3 {
            let frame = pool.begin_frame();
            for bytes in [0, 1, 64, 65, 300, 1000, 2048, 5000, 20_000] {
                holder.pooled(bytes);
                holder.framed(&frame, bytes);
            }
            holder.prewarm(700, 3);
            holder.kept.truncate(6 * round);
            let snapshot = frame.release_all();
            assert_lawful(&snapshot);
            assert!(snapshot.peak_bytes <= budget, "{snapshot:?}");
            if round == 1 {
                pool.trim();
            }
        }
        let snapshot = pool.end_frame();
        if TELEMETRY {
            assert_eq!(snapshot.totals.allocs, holder.lent);
            assert!(snapshot.totals.counts.budget_refusals >= holder.refused);
        }
        (lent, refused) = (lent + holder.lent, refused + holder.refused);
        holder.kept.clear();
        assert_empty(&pool);
    }
    assert!(lent > 1000 && refused > 1000, "{lent} and {refused}");
}

#[test]
fn preparing_without_end_stops_at_the_budget() {
    let pool = BufferPool::builder().max_bytes(1 << 16).build().unwrap();
    let error = pool.try_prewarm::<u8>(64, usize::MAX).unwrap_err();
    assert_over_budget(&pool, &error, u64::MAX, 1 << 16);
    let error = pool.try_prewarm::<u64>(1 << 40, usize::MAX).unwrap_err();
    assert_over_budget(&pool, &error, 1 << 43, 1 << 16);
    assert_empty(&pool);
}

/// Lengths around every limit that a length in bytes can pass, none of which a system could grant.
fn lengths(element: usize) -> Vec<usize> {
    let limits = [
        usize::MAX,
        isize::MAX as usize,
        isize::MAX as usize - (1 << 20),
        1 << 63,
        1 << 62,
        1 << 60,
        1 << 52,
    ];
    let mut lengths: Vec<usize> = limits
        .into_iter()
        .flat_map(|limit| [limit, limit / element])
        .flat_map(|at| (0..=4).map(move |near| at.saturating_add(near).saturating_sub(2)))
        .collect();
    lengths.sort_unstable();
    lengths.dedup();
    lengths.retain(|&len| len as u128 * element as u128 >= 1 << 50);
    lengths
}

/// The most bytes a buffer can have: half the address space, and room for rounding.
const MOST: u128 = isize::MAX as u128 - (1 << 20);

/// Requests these lengths in every way; returns the refusals by overflow, and those by lack of memory.
fn ask<T: Pod>(pool: &BufferPool) -> (u64, u64) {
    let element = size_of::<T>();
    let frame = pool.begin_frame();
    let (mut overflows, mut wants) = (0, 0);
    for len in lengths(element) {
        let bytes = len as u128 * element as u128;
        let expected = AllocError::SizeOverflow {
            len,
            element_bytes: element,
        };
        let tried = [
            pool.try_alloc::<T>(len).map(drop).unwrap_err(),
            frame.try_alloc::<T>(len).map(drop).unwrap_err(),
        ];
        for error in &tried {
            match error {
                AllocError::OutOfMemory { requested } => {
                    assert!(
                        bytes <= MOST && u128::from(*requested) >= bytes,
                        "{len}: {error}"
                    );
                    wants += 1;
                }
                other => {
                    assert_eq!(*other, expected);
                    assert!(bytes > MOST, "{bytes} bytes can be addressed");
                    overflows += 1;
                }
            }
        }
        let twins: [(&dyn Fn(), &AllocError); 4] = [
            (&|| drop(pool.alloc::<T>(len)), &tried[0]),
            (&|| drop(pool.alloc_zeroed::<T>(len)), &tried[0]),
            (&|| _ = frame.alloc::<T>(len), &tried[1]),
            (&|| _ = frame.alloc_zeroed::<T>(len), &tried[1]),
        ];
        // A panic takes its time.
        for (twin, error) in twins.into_iter().skip(if len % 3 == 0 { 0 } else { 4 }) {
            let panic = catch_unwind(AssertUnwindSafe(twin)).unwrap_err();
            assert_eq!(panic_text(&*panic), format!("framepool: {error}"));
            *if bytes > MOST {
                &mut overflows
            } else {
                &mut wants
            } += 1;
        }
        let prepared = pool.try_prewarm::<T>(len, usize::MAX);
        if bytes > MOST {
            assert_eq!(prepared, Err(expected));
            overflows += 1;
        } else {
            assert!(matches!(prepared, Err(AllocError::OutOfMemory { .. })));
        }
    }
    assert_lawful(&frame.release_all());
    (overflows, wants)
}

#[test]
fn impossible_lengths_are_refused_without_losing_counts() {
    let pool = BufferPool::new();
    let kept = pool.alloc_copy(&[7_u8; 100]);
    let asked = [
        ask::<u8>(&pool),
        ask::<u16>(&pool),
        ask::<[u8; 3]>(&pool),
        ask::<u64>(&pool),
        ask::<u128>(&pool),
        ask::<[u64; 7]>(&pool),
        ask::<[u8; 4096]>(&pool),
        ask::<[[u64; 1024]; 64]>(&pool),
    ];
    let snapshot = pool.end_frame();
    assert_lawful(&snapshot);
    if TELEMETRY {
        let counts = snapshot.totals.counts;
        let overflows: u64 = asked.iter().map(|(overflows, _)| overflows).sum();
        let wants: u64 = asked.iter().map(|(_, wants)| wants).sum();
        assert!(overflows > 300 && wants > 300, "{overflows} and {wants}");
        assert_eq!(
            (counts.overflow_refusals, counts.memory_refusals),
            (overflows, wants)
        );
        assert_eq!((snapshot.totals.allocs, snapshot.in_use_buffers), (1, 1));
        assert_eq!(snapshot.peak_bytes, 128, "nothing was held for it");
    }
    assert!(kept.iter().all(|&byte| byte == 7));
    drop(kept);
    assert_empty(&pool);
}

#[test]
fn zero_sized_elements_allow_any_length() {
    let pool = BufferPool::new();
    let frame = pool.begin_frame();
    for len in [1 << 62, isize::MAX as usize, usize::MAX - 1, usize::MAX] {
        assert_eq!(pool.alloc::<()>(len).len(), len);
        assert_eq!(pool.alloc_zeroed::<[u64; 0]>(len).len(), len);
        assert_eq!(frame.alloc::<()>(len).len(), len);
        assert_eq!(frame.alloc_zeroed::<[u8; 0]>(len).len(), len);
    }
    assert_eq!(pool.alloc_copy(&[(); usize::MAX]).len(), usize::MAX);
    assert_eq!(frame.alloc_copy(&[(); usize::MAX]).len(), usize::MAX);
    let snapshot = frame.release_all();
    assert_lawful(&snapshot);
    if TELEMETRY {
        assert_eq!((snapshot.allocs, snapshot.alloc_bytes), (18, 0));
    }
    assert_empty(&pool);
}
