//! Two mutable borrows of one frame buffer at the same time.

fn main() {
    let pool = framepool::BufferPool::new();
    let frame = pool.begin_frame();
    let samples = frame.alloc_zeroed::<u16>(64);
    #[cfg(feature = "misuse")]
    let (left, right) = (&mut samples[..32], &mut samples[32..]);
    #[cfg(not(feature = "misuse"))]
    let (left, right) = samples.split_at_mut(32);
    left[0] = 1;
    right[0] = 2;
    assert_eq!((samples[0], samples[32]), (1, 2));
}
