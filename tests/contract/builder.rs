//! The builder: defaults, ranges, and the error for a setting out of range.

use framepool::{Alignment, Attribution, BufferPool, ConfigError, PoolBuilder};

#[track_caller]
fn refusal(builder: PoolBuilder) -> ConfigError {
    builder
        .build()
        .expect_err("the setting is out of its range")
}

#[test]
fn the_defaults_are_those_documented() {
    let pool = BufferPool::new();
    assert!(pool.name().starts_with("framepool"), "{}", pool.name());
    assert_eq!(pool.alignment(), Alignment::Bytes64);
    assert_eq!(pool.leak_after_frames(), 4);
    assert_eq!(pool.attribution(), Attribution::CallSites);
    assert_eq!(pool.stats().limit_bytes, None);
    let frames: Vec<_> = (0..3).map(|_| pool.begin_frame()).collect();
    assert!(pool.try_begin_frame().is_err(), "three frames in flight");
    drop(frames);
    let same = BufferPool::default();
    assert!(same.name().starts_with("framepool"), "{}", same.name());
}

#[test]
fn every_setting_reaches_the_pool() {
    let pool = BufferPool::builder()
        .name(String::from("render"))
        .max_frames_in_flight(1)
        .frame_block_bytes(8192)
        .thread_cache_bytes(1 << 16)
        .max_bytes(1 << 30)
        .leak_after_frames(9)
        .alignment(Alignment::Bytes256)
        .history_frames(7)
        .attribution(Attribution::Off)
        .build()
        .unwrap();
    assert_eq!(pool.name(), "render");
    assert_eq!(pool.alignment(), Alignment::Bytes256);
    assert_eq!(pool.leak_after_frames(), 9);
    assert_eq!(pool.attribution(), Attribution::Off);
    let frame = pool.begin_frame();
    assert!(pool.try_begin_frame().is_err());
    let snapshot = frame.release_all();
    assert_eq!(snapshot.frame.get(), 1);
    assert!(format!("{pool:?}").contains("render"));
}

#[test]
fn frames_in_flight_must_be_1_to_16() {
    for given in [0, 17, u32::MAX] {
        let error = refusal(BufferPool::builder().max_frames_in_flight(given));
        assert_eq!(error, ConfigError::FramesInFlight { given, max: 16 });
        let text = error.to_string();
        assert!(text.contains("max_frames_in_flight"), "{text}");
        assert!(
            text.contains(&given.to_string()) && text.contains("16"),
            "{text}"
        );
    }
    for given in [1, 16] {
        let pool = BufferPool::builder()
            .max_frames_in_flight(given)
            .build()
            .unwrap();
        let open: Vec<_> = (0..given).map(|_| pool.begin_frame()).collect();
        assert!(pool.try_begin_frame().is_err());
        drop(open);
    }
}

#[test]
fn frame_blocks_range_from_4kib_to_512mib() {
    for given in [0, 4095, (512 << 20) + 1, usize::MAX] {
        let error = refusal(BufferPool::builder().frame_block_bytes(given));
        let ConfigError::FrameBlockBytes {
            given: said,
            min,
            max,
        } = error
        else {
            panic!("{error:?}");
        };
        assert_eq!((said, min, max), (given, 4096, 512 << 20));
        assert!(error.to_string().contains("frame_block_bytes"));
    }
    for given in [4096, 4097, 512 << 20] {
        BufferPool::builder()
            .frame_block_bytes(given)
            .build()
            .unwrap();
    }
}

#[test]
fn history_must_hold_1_to_2_20_frames() {
    for given in [0, (1 << 20) + 1, usize::MAX] {
        let error = refusal(BufferPool::builder().history_frames(given));
        assert_eq!(
            error,
            ConfigError::HistoryFrames {
                given,
                max: 1 << 20
            }
        );
        assert!(error.to_string().contains("history_frames"));
    }
    BufferPool::builder().history_frames(1).build().unwrap();
    BufferPool::builder()
        .history_frames(1 << 20)
        .build()
        .unwrap();
}

#[test]
fn a_budget_of_nothing_is_refused() {
    let error = refusal(BufferPool::builder().max_bytes(0));
    assert!(
        matches!(
            error,
            ConfigError::MaxBytes {
                tag: None,
                given: 0,
                min: 1..
            }
        ),
        "{error:?}"
    );
    assert!(error.to_string().contains("max_bytes"));
}

#[test]
fn one_builder_builds_any_number_of_pools() {
    let builder = BufferPool::builder().name("twin");
    let (first, second) = (builder.clone().build().unwrap(), builder.build().unwrap());
    let kept = first.alloc::<u8>(10);
    assert_eq!(
        second.stats().in_use_buffers,
        0,
        "two pools, not two handles"
    );
    drop(kept);
}

#[test]
fn allowed_extreme_settings_build_a_usable_pool() {
    for cache in [0, 1, 63, 64, usize::MAX / 2, usize::MAX] {
        let pool = BufferPool::builder()
            .thread_cache_bytes(cache)
            .build()
            .unwrap();
        for len in [0, 1, 64, 1000, 70_000] {
            for _ in 0..3 {
                let buffers: Vec<_> = (0..40).map(|_| pool.alloc_zeroed::<u8>(len)).collect();
                assert!(buffers.iter().all(|buffer| buffer.len() == len));
            }
        }
        super::common::assert_empty(&pool);
    }
    let pool = BufferPool::builder()
        .leak_after_frames(u64::MAX)
        .max_bytes(u64::MAX)
        .build()
        .unwrap();
    drop(pool.alloc::<u8>(1));
    super::common::assert_empty(&pool);
}

#[test]
fn unnamed_pools_get_distinct_names_and_numbers() {
    let pools: Vec<_> = (0..20).map(|_| framepool::BufferPool::new()).collect();
    for pair in pools.windows(2) {
        assert_ne!(pair[0].name(), pair[1].name());
        assert!(pair[0].id() < pair[1].id());
        assert_eq!(pair[0].clone().id(), pair[0].id());
        assert_eq!(pair[0].end_frame().pool_id, pair[0].id());
    }
}
