//! framepool's alerts as `tracing` events.
//!
//! [`forward`] emits an event with target `framepool::alert` once for every alert of a store that is raised, escalated or
//! resolved. The events come from the store's subscriber thread, never from a worker. A slow subscriber of `tracing` delays
//! no judgement.
//!
//! ```
//! use framepool::{BufferPool, HealthConfig, Watch};
//!
//! let watch = Watch::start(&BufferPool::new(), HealthConfig::default());
//! framepool_tracing::forward(watch.store())?;
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! # The events
//!
//! The level is `ERROR` for a critical alert, `WARN` for a warning, and `INFO` for a resolved alert. The message is always the same; the fields
//! are:
//!
//! | field | type | meaning |
//! |---|---|---|
//! | `alert` | text | the alert's number, the same while the condition holds and when it returns |
//! | `rule` | text | the [rule's name](framepool::Rule::name) |
//! | `state` | text | `raised` or `resolved` |
//! | `severity` | text | `warning` or `critical`; for a resolved alert, the last one |
//! | `escalated_from` | text | the previous severity, if the alert was already raised |
//! | `pool` | text | the pool's name |
//! | `tag` | text | the tag, if the rule judges tags |
//! | `frame` | integer | the latest frame end |
//! | `value`, `threshold` | float | the measured value, and the level of this severity, in the [rule's unit](framepool::Rule::unit) |
//! | `site` | text | the line of code, if the rule judges one |
//! | `description` | text | one sentence for people |
//!
//! Fields that do not apply are missing.
#![forbid(unsafe_code)]

use std::io;

use framepool::health::AlertState;
use framepool::{Alert, DiagnosticsStore, Severity};
use tracing::Level;

/// Emits an event for every change of an alert of this store from now on.
///
/// The store lists it among its [subscribers](DiagnosticsStore::alert_subscribers) as `tracing`. It ends when the store is
/// dropped. The events go to the global subscriber of `tracing`; a subscriber set only for another thread does not see
/// them.
///
/// ```
/// use framepool::DiagnosticsStore;
///
/// let store = DiagnosticsStore::new();
/// framepool_tracing::forward(&store)?;
/// assert_eq!(store.alert_subscribers()[0].name, "tracing");
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Errors
///
/// The system's error if the store's thread cannot be started.
pub fn forward(store: &DiagnosticsStore) -> io::Result<()> {
    store.on_alert("tracing", emit)
}

/// Emits the event of one alert on this thread, for programs that judge without a store.
///
/// ```
/// use framepool::{BufferPool, HealthMonitor, Thresholds};
///
/// let pool = BufferPool::new();
/// let mut monitor = HealthMonitor::new(Thresholds::default());
/// let health = monitor.emit_now(&pool);
/// health.raised.iter().chain(&health.resolved).for_each(framepool_tracing::emit);
/// ```
pub fn emit(alert: &Alert) {
    // The level of an event must be constant at its call site.
    macro_rules! event {
        ($level:expr) => {
            tracing::event!(
                target: "framepool::alert",
                $level,
                alert = %alert.id,
                rule = alert.rule.name(),
                state = %alert.state,
                severity = %alert.severity,
                escalated_from = alert.escalated_from.map(tracing::field::display),
                pool = &*alert.pool,
                tag = (!alert.tag.is_empty()).then_some(&*alert.tag),
                frame = alert.frame.get(),
                value = alert.value,
                threshold = alert.threshold,
                site = alert.site.map(tracing::field::display),
                description = %alert,
                "framepool alert"
            )
        };
    }
    match (alert.state, alert.severity) {
        (AlertState::Resolved, _) => event!(Level::INFO),
        (AlertState::Raised, Severity::Warning) => event!(Level::WARN),
        (AlertState::Raised, Severity::Critical) => event!(Level::ERROR),
    }
}

/// The README's example is compiled and run with the doctests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
pub struct Readme;
