//! The monitor's judgements of given numbers at given times.

mod life;
mod memory_rules;
mod numbers;
mod returning;
mod rules;
mod sentences;
mod thresholds;
mod warm_up;

use std::panic::Location;
use std::time::{Duration, Instant};

use super::*;
use crate::telemetry::id::{FrameEnd, FrameId, PoolId};
use crate::telemetry::open_frames::OpenFrame;
use crate::telemetry::outstanding::{Outstanding, SiteHolding};
use crate::telemetry::snapshot::FrameSnapshot;

/// A monitor with its own clock, in milliseconds.
struct Bench {
    monitor: HealthMonitor,
    begun: Instant,
}

impl Bench {
    fn new(thresholds: Thresholds) -> Self {
        Self {
            monitor: HealthMonitor::new(thresholds).with_emit_interval(Duration::ZERO),
            begun: Instant::now(),
        }
    }

    fn judge(
        &mut self,
        ms: u64,
        frame: &FrameSnapshot,
        outstanding: &Outstanding,
    ) -> HealthSnapshot {
        assert!(
            self.monitor
                .is_due_at(self.begun + Duration::from_millis(ms))
        );
        let pool = PoolName::new(PoolId(7), "render");
        self.monitor.judge(&pool, frame, &frame.into(), outstanding)
    }

    /// Judges a pool that holds this many bytes, all in use.
    fn pooled(&mut self, ms: u64, bytes: u64) -> HealthSnapshot {
        let frame = FrameSnapshot {
            frame: FrameEnd(ms),
            pooled_bytes: bytes,
            in_use_bytes: bytes,
            ..FrameSnapshot::default()
        };
        self.judge(ms, &frame, &Outstanding::default())
    }

    /// Judges a pool with these numbers of overdue buffers by site.
    fn overdue(&mut self, ms: u64, sites: &[(&'static Location<'static>, u64)]) -> HealthSnapshot {
        let frame = FrameSnapshot {
            frame: FrameEnd(ms),
            ..FrameSnapshot::default()
        };
        self.judge(ms, &frame, &outstanding(sites))
    }
}

fn outstanding(suspects: &[(&'static Location<'static>, u64)]) -> Outstanding {
    let sites: Vec<SiteHolding> = suspects
        .iter()
        .map(|&(location, suspects)| SiteHolding {
            buffers: suspects + 1,
            bytes: (suspects + 1) * 64,
            oldest_age_frames: 9,
            oldest_age: Duration::from_secs(2),
            suspects,
            suspect_bytes: suspects * 64,
            aged: suspects,
            aged_bytes: suspects * 64,
            oldest_aged_frames: 9,
            overdue: suspects,
            thread: "worker".to_owned(),
            ..SiteHolding::new(location, 0)
        })
        .collect();
    Outstanding {
        buffers: sites.iter().map(|site| site.buffers).sum(),
        bytes: sites.iter().map(|site| site.bytes).sum(),
        suspects: sites.iter().map(|site| site.suspects).sum(),
        suspect_bytes: sites.iter().map(|site| site.suspect_bytes).sum(),
        sites,
        ..Outstanding::default()
    }
}

#[track_caller]
fn here() -> &'static Location<'static> {
    Location::caller()
}

const MB: u64 = 1_000_000;

fn severities(alerts: &[Alert]) -> Vec<(Rule, Severity)> {
    alerts.iter().map(|a| (a.rule, a.severity)).collect()
}
