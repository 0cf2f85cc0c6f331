//! Elements with padding: bytes that are not initialised would be read by the next holder.

#[derive(Clone, Copy)]
#[repr(C)]
struct Vertex {
    #[cfg(feature = "misuse")]
    kind: u8,
    #[cfg(not(feature = "misuse"))]
    kind: u32,
    height: f32,
}

// SAFETY: two fields of four bytes, so no padding; any bytes are a value, zeroes too.
#[cfg(not(feature = "misuse"))]
unsafe impl bytemuck::Zeroable for Vertex {}
// SAFETY: as above.
#[cfg(not(feature = "misuse"))]
unsafe impl bytemuck::Pod for Vertex {}

fn main() {
    let pool = framepool::BufferPool::new();
    let vertex = Vertex {
        kind: 1,
        height: 2.0,
    };
    drop(pool.alloc_copy(&[vertex; 3]));
    assert_eq!(vertex.height as i64, i64::from(vertex.kind) + 1);
}
