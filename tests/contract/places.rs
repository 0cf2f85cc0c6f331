//! The addresses of memory in use.

use framepool::BufferPool;
use framepool::telemetry::{Place, PlaceKind};

fn places(pool: &BufferPool) -> Vec<Place> {
    let mut places = Vec::new();
    pool.places_into(&mut places);
    places
}

#[test]
fn every_buffer_out_has_its_place() {
    let pool = BufferPool::new();
    let tag = pool.tag("tag");
    let (large, line_of_large) = (pool.alloc::<u8>(3 << 20), line!());
    let (small, line_of_small) = (tag.alloc::<u8>(100), line!());
    let idle = pool.alloc::<u8>(4096);
    drop(idle);
    let found = places(&pool);
    for (buffer, line) in [(&large[..], line_of_large), (&small[..], line_of_small)] {
        let address = buffer.as_ptr().addr();
        let place = found.iter().find(|place| place.address == address);
        let place = place.unwrap_or_else(|| panic!("none at {address:#x} in {found:?}"));
        assert!(place.bytes >= buffer.len() as u64);
        let PlaceKind::Buffer { location } = place.kind else {
            panic!("{place:?}: a buffer");
        };
        assert_eq!(location.map(std::panic::Location::line), Some(line));
    }
    assert_eq!(found.len(), 2, "{found:?}");
    let bytes: u64 = found.iter().map(|place| place.bytes).sum();
    assert_eq!(bytes, pool.outstanding().bytes);
    drop((large, small));
    assert_eq!(places(&pool), []);
}

#[test]
fn blocks_of_open_frames_have_places() {
    let pool = BufferPool::new();
    let frame = pool.begin_frame();
    let address = frame.alloc::<u8>(1000).as_ptr().addr();
    let found = places(&pool);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].kind, PlaceKind::FrameBlock);
    let end = found[0].address + found[0].bytes as usize;
    assert!(found[0].address <= address && address + 1000 <= end);
    frame.release_all();
    assert_eq!(places(&pool), [], "the frame ended");
}
