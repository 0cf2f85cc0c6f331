//! Misses that call sites cause by keeping more buffers, or larger ones. Each buffer that a site keeps whose number rises takes the memory
//! of another one from the system. Against a leak prewarming does not help: it makes the blocks that the site keeps. A
//! load that ends is worth prewarming, and a filling site may be one.

use super::{Rule, RuntimeHealthMetrics, SiteVerdict};
use crate::telemetry::outstanding::Outstanding;

impl SiteVerdict {
    /// Whether the number of its buffers or their bytes rise, proven or not.
    fn keeps_more(&self) -> bool {
        self.growth.is_some()
    }
}

/// The site that causes the most of what a rule about misses measured, if such sites cause at least half of it.
pub(crate) fn cause<'v>(
    rule: Rule,
    metrics: &RuntimeHealthMetrics,
    misses_per_frame: f64,
    verdicts: &'v [SiteVerdict],
) -> Option<&'v SiteVerdict> {
    let measured = match rule {
        Rule::Misses => misses_per_frame,
        Rule::MissedBytes => metrics.system_bytes_per_frame,
        Rule::SystemCalls => metrics.system_calls_per_frame,
        _ => return None,
    };
    let per_frame = |site: &SiteVerdict| {
        site.growth.map_or(0.0, |growth| match rule {
            Rule::MissedBytes => growth.bytes_per_1000_frames / 1_000.0,
            _ => growth.buffers_per_1000_frames / 1_000.0,
        })
    };
    let all: f64 = verdicts.iter().map(per_frame).sum();
    let most = verdicts
        .iter()
        .max_by(|a, b| per_frame(a).total_cmp(&per_frame(b)));
    most.filter(|_| all > 0.0 && all >= measured / 2.0)
}

/// Marks the sites whose buffers rise, so that the next walk counts their buffers by size.
pub(crate) fn mark_sites(outstanding: &mut Outstanding, verdicts: &[SiteVerdict]) {
    for site in &mut outstanding.sites {
        site.keeps_more = false;
    }
    for verdict in verdicts.iter().filter(|verdict| verdict.keeps_more()) {
        let key = (verdict.location, verdict.tag_number);
        let mut sites = outstanding.sites.iter_mut();
        if let Some(site) = sites.find(|site| (site.location, site.tag_number) == key) {
            site.keeps_more = true;
        }
    }
}
