//! Advice: its code compiles, and its figures are counted.

use framepool::health::{Advice, Basis, PrewarmSize, settings_code};
use framepool::{Buffer, BufferPool, ConfigError};

/// Code, and the same as text without spaces.
macro_rules! pasted {
    ($name:ident($($argument:ident: $type:ty),*) -> $result:ty { $($code:tt)* } $value:expr) => {{
        fn $name($($argument: $type),*) -> $result {
            $($code)*
            $value
        }
        ($name, stringify!($($code)*).replace(char::is_whitespace, ""))
    }};
}

fn without_spaces(code: &str) -> String {
    code.replace(char::is_whitespace, "")
}

fn prewarm(block_bytes: u64, count: u64) -> Advice {
    let size = PrewarmSize { block_bytes, count };
    Advice::prewarm(vec![size], Basis::Replayed, 400, 12)
}

#[test]
fn settings_code_compiles_as_it_is_pasted() {
    let (follow, code) = pasted!(follow() -> Result<BufferPool, ConfigError> {
        let pool = framepool::BufferPool::builder()
            .thread_cache_bytes(8_388_608)
            .build()?;
        pool.prewarm::<u8>(65_536, 12);
    } Ok(pool));
    let advice = [
        prewarm(65_536, 12),
        Advice::thread_cache(2 << 20, 8 << 20, 500, 20),
    ];
    assert_eq!(without_spaces(&settings_code(&advice)), code);
    let pool = follow().unwrap();
    let ready: Vec<Buffer<u8>> = (0..12).map(|_| pool.alloc(65_536)).collect();
    assert_eq!(pool.stats().totals.counts.misses(), 0);
    drop(ready);
}

#[test]
fn frame_buffer_code_compiles_as_it_is_pasted() {
    let (follow, code) = pasted!(follow(frame: &framepool::Frame, len: usize) -> usize {
        let buffer = frame.alloc::<u8>(len);
    } buffer.len());
    let advice = Advice::frame_buffers("a.rs:1:2\n}", (100, 1), 10, 4096, (90.0, 30.0));
    let (statement, comment) = advice.code.split_once("//").unwrap();
    assert_eq!(without_spaces(statement), code);
    assert_eq!(comment, " at a.rs:1:2}");
    assert_eq!(follow(&BufferPool::new().begin_frame(), 100), 100);
    assert_eq!(
        advice.sentence,
        "take the buffers of a.rs:1:2\n} with `Frame::alloc`: 99 of 100 were released in their frame, by the thread that allocated \
         them; leave the 1 that were not as pooled buffers; saves 60 ns a frame, 6.1 ns for each buffer, as measured on one thread of \
         this machine; a frame then holds 4.00 KiB for them at most"
    );
}

#[test]
fn sizes_count_their_misses_and_most_blocks() {
    let pool = BufferPool::new();
    let sizes = || {
        let sizes = pool.outstanding().sizes;
        let of =
            |it: &framepool::telemetry::SizeHolding| (it.block_bytes, it.misses, it.peak_blocks);
        sizes.iter().map(of).collect::<Vec<_>>()
    };
    pool.prewarm::<u8>(1_000, 2);
    assert_eq!(sizes(), [(Some(1_024), 0, 2)], "prewarming is no miss");
    let buffers: Vec<Buffer<u8>> = (0..5).map(|_| pool.alloc(1_000)).collect();
    drop(pool.alloc::<u8>(70_000));
    let counted = [(Some(1_024), 3, 5), (Some(81_920), 1, 1)];
    assert_eq!(sizes(), counted);
    drop(buffers);
    pool.trim();
    assert_eq!(sizes(), counted, "what went back is still counted");
    let misses: u64 = sizes().iter().map(|size| size.1).sum();
    assert_eq!(misses, pool.stats().totals.counts.misses());
}
