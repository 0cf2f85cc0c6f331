//! A frame buffer is used after its frame went out of scope.

fn main() {
    let pool = framepool::BufferPool::new();
    let samples: &mut [f32];
    let frame;
    {
        #[cfg(feature = "misuse")]
        let frame = pool.begin_frame();
        #[cfg(not(feature = "misuse"))]
        {
            frame = pool.begin_frame();
        }
        samples = frame.alloc::<f32>(64);
    }
    samples[0] = 1.0;
    #[cfg(feature = "misuse")]
    {
        frame = pool.begin_frame();
    }
    drop(frame);
}
