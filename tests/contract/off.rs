//! The build without telemetry: the same calls compile and run, reports are empty, and every number reads zero.

use std::time::Duration;

use framepool::{
    BufferPool, HealthConfig, HealthMonitor, HealthStatus, RuntimeHealthMetrics, Thresholds, Watch,
};

#[test]
fn every_number_reads_zero() {
    let pool = BufferPool::builder().leak_after_frames(1).build().unwrap();
    let watch = Watch::start(&pool, HealthConfig::default());
    let thresholds = Thresholds::default().frame_budget(Duration::from_millis(1));
    let mut monitor = HealthMonitor::new(thresholds);
    let kept = pool.alloc::<u8>(1000);
    for _ in 0..10 {
        let snapshot = pool.end_frame();
        monitor.record_frame(&snapshot, Duration::from_millis(100));
    }
    let health = monitor.emit(&pool).unwrap();
    watch.stop();
    let watched = watch.store().latest().unwrap();
    for health in [&health, &*watched] {
        assert_eq!(health.metrics, RuntimeHealthMetrics::default());
        assert_eq!(health.status, HealthStatus::Healthy);
        assert!(health.active.is_empty() && health.leaks.is_empty());
    }
    drop(kept);
}
