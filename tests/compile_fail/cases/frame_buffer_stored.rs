//! A list that lives longer keeps a frame buffer past `release_all`.

fn main() {
    let pool = framepool::BufferPool::new();
    let mut kept: Vec<&mut [u64]> = Vec::new();
    let frame = pool.begin_frame();
    kept.push(frame.alloc_zeroed::<u64>(8));
    kept.push(frame.alloc_zeroed::<u64>(8));
    #[cfg(feature = "misuse")]
    frame.release_all();
    assert_eq!(kept[1][7], 0);
    #[cfg(not(feature = "misuse"))]
    frame.release_all();
}
