//! Elements that own memory: another holder would find a pointer that is not its own.

#[cfg(feature = "misuse")]
type Element = String;
#[cfg(not(feature = "misuse"))]
type Element = [u8; 24];

fn main() {
    let pool = framepool::BufferPool::new();
    drop(pool.alloc::<Element>(4));
}
