//! The types' guarantees: which may cross threads, which may be kept, which are values.

use std::error::Error;
use std::fmt::{Debug, Display};
use std::ops::DerefMut;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::Arc;

use framepool::telemetry::FrameFeed;
use framepool::{
    AllocError, Attribution, Buffer, BufferPool, ConfigError, Frame, FrameError, FrameId,
    FrameSnapshot, Outstanding, PoolBuilder, PoolStats, SiteHolding, SnapshotReader, Totals,
};

fn crosses_threads<T: Send + Sync + 'static>() {}
fn is_sent<T: Send + 'static>() {}
fn is_error<T: Error + Display + Debug + Clone + PartialEq + Send + Sync + 'static>() {}
fn is_value<T: Clone + Debug + PartialEq + Send + Sync + 'static>() {}
fn is_whole_after_a_panic<T: UnwindSafe + RefUnwindSafe>() {}
fn is_slice<T: DerefMut<Target = [f32]> + AsRef<[f32]> + AsMut<[f32]> + Debug>() {}

#[test]
fn handles_buffers_frames_and_readers_cross_threads() {
    crosses_threads::<BufferPool>();
    crosses_threads::<PoolBuilder>();
    crosses_threads::<Buffer<f32>>();
    crosses_threads::<Frame>();
    crosses_threads::<FrameSnapshot>();
    crosses_threads::<Outstanding>();
    is_sent::<FrameFeed>();
    is_sent::<SnapshotReader>();
    is_slice::<Buffer<f32>>();
}

#[test]
fn pools_may_be_used_after_a_panic() {
    is_whole_after_a_panic::<BufferPool>();
    is_whole_after_a_panic::<framepool::Tag>();
    is_whole_after_a_panic::<Buffer<f32>>();
    is_whole_after_a_panic::<Frame>();
    is_whole_after_a_panic::<framepool::DiagnosticsStore>();
    is_whole_after_a_panic::<framepool::Watch>();
    let pool = BufferPool::new();
    let kept = pool.alloc::<u8>(64);
    let caught = std::panic::catch_unwind(|| {
        let frame = pool.begin_frame();
        let _lost = (frame.alloc::<u8>(64), pool.alloc::<u8>(64));
        panic!("in the middle of a frame");
    });
    assert!(caught.is_err());
    assert_eq!(pool.end_frame().open_frames, 0);
    drop(kept);
    pool.assert_no_leaks();
}

#[test]
fn error_types_implement_error_and_readings_are_values() {
    is_error::<AllocError>();
    is_error::<FrameError>();
    is_error::<ConfigError>();
    is_value::<FrameSnapshot>();
    is_value::<PoolStats>();
    is_value::<Totals>();
    is_value::<Outstanding>();
    is_value::<SiteHolding>();
    is_value::<FrameId>();
    is_value::<Attribution>();
}

#[test]
fn signatures_are_those_of_the_contract() {
    let pool: BufferPool = BufferPool::builder().build().unwrap();
    let frame: Frame = pool.begin_frame();
    let _: &mut [f32] = frame.alloc::<f32>(1);
    let _: &mut [u8] = frame.alloc_zeroed::<u8>(1);
    let _: &mut [u16] = frame.alloc_copy(&[1_u16, 2]);
    let _: Result<&mut [f64], AllocError> = frame.try_alloc::<f64>(1);
    let snapshot: Arc<FrameSnapshot> = frame.release_all();
    let _: Result<Frame, FrameError> = pool.try_begin_frame();
    let buffer: Buffer<f32> = pool.alloc::<f32>(1);
    Buffer::mark_long_lived(&buffer);
    let _: Buffer<f32> = pool.alloc_zeroed::<f32>(1);
    let _: Result<Buffer<f32>, AllocError> = pool.try_alloc::<f32>(1);
    let _: Arc<FrameSnapshot> = pool.end_frame();
    let _: Arc<FrameSnapshot> = pool.snapshot();
    let stats: PoolStats = pool.stats();
    let out: Outstanding = pool.outstanding();
    pool.prewarm::<f32>(1, 1);
    pool.trim();
    let _: u64 = snapshot.frame.get();
    let _: i64 = snapshot.imbalance();
    let _: (u32, u32, u32) = (snapshot.pool_keys, snapshot.open_frames, snapshot.threads);
    let _: std::time::Duration = snapshot.duration;
    let _: Vec<SiteHolding> = out.sites;
    let _: Totals = stats.totals;
}
