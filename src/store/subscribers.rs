//! Subscribers to alerts: callbacks and channels.
//!
//! Each subscriber has a bounded queue. The receiver of the store puts a changed alert into every queue and never waits:
//! alerts that do not fit are dropped and counted. A callback runs on its own thread, so a slow one delays no judgement and
//! no other subscriber. A subscription ends when its callback panics. The store's report shows dropped alerts and ended
//! subscribers.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::time::Duration;

use crate::health::Alert;
use crate::sync::{Arc, AtomicBool, AtomicU64, Ordering};

/// The most alerts that wait for a subscriber.
const WAITING: usize = 256;

/// The most ended subscribers in the list.
const ENDED: usize = 16;

/// The state of a subscriber.
///
/// ```
/// use framepool::DiagnosticsStore;
/// use framepool::store::SubscriberState;
///
/// let store = DiagnosticsStore::new();
/// let feed = store.subscribe_alerts("log");
/// for subscriber in store.alert_subscribers() {
///     assert_eq!(subscriber.state, SubscriberState::Active);
///     println!("{}: {}", subscriber.name, subscriber.state);
/// }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum SubscriberState {
    /// It gets alerts.
    #[default]
    Active,
    /// Its callback panicked, and is not called any more.
    Panicked,
    /// Its feed was dropped.
    Ended,
}

impl fmt::Display for SubscriberState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Active => "active",
            Self::Panicked => "panicked, not called any more",
            Self::Ended => "ended",
        })
    }
}

/// A subscriber to alerts.
///
/// ```
/// use framepool::DiagnosticsStore;
///
/// let store = DiagnosticsStore::new();
/// store.on_alert("pager", |alert| eprintln!("{alert}"))?;
/// let lossy = store.alert_subscribers().into_iter().filter(|it| it.dropped > 0);
/// assert_eq!(lossy.count(), 0);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct AlertSubscriber {
    /// Its name.
    pub name: String,
    /// Its state.
    pub state: SubscriberState,
    /// Alerts that were dropped because too many were waiting.
    pub dropped: u64,
}

/// Alerts as they are raised, escalated and resolved, from [`subscribe_alerts`](crate::DiagnosticsStore::subscribe_alerts). Dropping it ends the subscription.
///
/// ```
/// use framepool::{BufferPool, DiagnosticsStore, HealthMonitor, Rule, Thresholds};
/// use std::time::Duration;
///
/// # let (pool, store) = (BufferPool::new(), DiagnosticsStore::new());
/// # let buffer = pool.alloc::<u8>(10_000);
/// let feed = store.subscribe_alerts("log");
/// let mut monitor = HealthMonitor::new(Thresholds::default().pooled_bytes(1_000, 20_000));
/// store.receive(monitor.emit_now(&pool));
/// # if cfg!(feature = "telemetry") {
/// let alert = feed.next_within(Duration::from_secs(1)).expect("one was raised");
/// assert_eq!(alert.rule, Rule::PooledBytes);
/// # }
/// assert!(feed.try_next().is_none());
/// ```
#[derive(Debug)]
pub struct AlertFeed {
    queue: Receiver<Arc<Alert>>,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    has_panicked: AtomicBool,
    dropped: AtomicU64,
}

/// The store's end of a subscription.
#[derive(Debug)]
struct Subscriber {
    name: String,
    queue: SyncSender<Arc<Alert>>,
    /// The feed has the other reference.
    shared: Arc<Shared>,
}

/// All subscribers of a store.
#[derive(Debug, Default)]
pub(crate) struct Subscribers(Vec<Subscriber>);

impl Subscribers {
    pub(crate) fn add(&mut self, name: String) -> AlertFeed {
        let (sender, receiver) = sync_channel(WAITING);
        let shared = Arc::new(Shared {
            has_panicked: AtomicBool::new(false),
            dropped: AtomicU64::new(0),
        });
        self.forget_ended();
        self.0.push(Subscriber {
            name,
            queue: sender,
            shared: Arc::clone(&shared),
        });
        AlertFeed {
            queue: receiver,
            shared,
        }
    }

    /// Puts alerts into every queue. Never waits.
    pub(crate) fn tell(&self, alerts: &[Arc<Alert>]) {
        for subscriber in &self.0 {
            for alert in alerts {
                subscriber.tell(alert);
            }
        }
    }

    /// Forgets the oldest ended ones beyond the limit; those that panicked last.
    fn forget_ended(&mut self) {
        let ended = self.0.iter().filter(|it| it.is_ended()).count();
        let mut spare = ended.saturating_sub(ENDED);
        for forgotten in [SubscriberState::Ended, SubscriberState::Panicked] {
            self.0.retain(|subscriber| {
                let is_spare =
                    spare > 0 && subscriber.is_ended() && subscriber.state() == forgotten;
                spare -= usize::from(is_spare);
                !is_spare
            });
        }
    }

    pub(crate) fn list(&self) -> Vec<AlertSubscriber> {
        self.0.iter().map(Subscriber::describe).collect()
    }
}

impl Subscriber {
    /// Whether its feed was dropped, by the program or by the thread of a callback that panicked.
    fn is_ended(&self) -> bool {
        Arc::strong_count(&self.shared) == 1
    }

    fn tell(&self, alert: &Arc<Alert>) {
        if let Err(TrySendError::Full(_)) = self.queue.try_send(Arc::clone(alert)) {
            // Relaxed: no other data depends on it.
            self.shared.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn state(&self) -> SubscriberState {
        // Relaxed: orders nothing.
        if self.shared.has_panicked.load(Ordering::Relaxed) {
            SubscriberState::Panicked
        } else if self.is_ended() {
            SubscriberState::Ended
        } else {
            SubscriberState::Active
        }
    }

    fn describe(&self) -> AlertSubscriber {
        AlertSubscriber {
            name: self.name.clone(),
            state: self.state(),
            // Relaxed: no other data depends on it.
            dropped: self.shared.dropped.load(Ordering::Relaxed),
        }
    }
}

impl AlertFeed {
    /// Calls `callback` with each alert until it panics or the store is gone.
    pub(crate) fn call(self, mut callback: impl FnMut(&Alert)) {
        while let Ok(alert) = self.queue.recv() {
            // Unwind safe: only the callback's own state can be inconsistent, and it is not called again.
            if catch_unwind(AssertUnwindSafe(|| callback(&alert))).is_err() {
                // Relaxed: orders nothing.
                self.shared.has_panicked.store(true, Ordering::Relaxed);
                return;
            }
        }
    }

    /// Waits up to this time for the next alert. Also returns `None` once the store is dropped.
    pub fn next_within(&self, time: Duration) -> Option<Arc<Alert>> {
        self.queue.recv_timeout(time).ok()
    }

    /// Returns the next alert, if one is waiting.
    pub fn try_next(&self) -> Option<Arc<Alert>> {
        self.queue.try_recv().ok()
    }

    /// Alerts that were dropped because 256 were waiting.
    pub fn dropped(&self) -> u64 {
        // Relaxed: no other data depends on it.
        self.shared.dropped.load(Ordering::Relaxed)
    }
}

#[cfg(all(
    test,
    not(framepool_loom),
    not(framepool_shuttle),
    feature = "telemetry"
))]
mod tests {
    use super::*;
    use crate::{BufferPool, DiagnosticsStore, HealthMonitor, HealthSnapshot, Thresholds};
    use std::sync::mpsc::channel;

    const PATIENCE: Duration = Duration::from_secs(30);

    /// A judgement that raises one alert.
    fn raised() -> HealthSnapshot {
        let pool = BufferPool::new();
        let kept = pool.alloc::<u8>(5_000);
        pool.end_frame();
        let thresholds = Thresholds::default()
            .pooled_bytes(1, 1)
            .hold(Duration::ZERO);
        let health = HealthMonitor::new(thresholds).emit_now(&pool);
        assert_eq!(health.raised.len(), 1);
        drop(kept);
        health
    }

    fn subscriber(store: &DiagnosticsStore, name: &str) -> AlertSubscriber {
        let all = store.alert_subscribers();
        all.into_iter().find(|it| it.name == name).expect("listed")
    }

    #[test]
    fn every_change_of_an_alert_is_told() {
        let store = DiagnosticsStore::new();
        let feed = store.subscribe_alerts("feed");
        let (told, heard) = channel();
        store
            .on_alert("callback", move |alert| told.send(alert.clone()).unwrap())
            .unwrap();
        let health = raised();
        store.receive(health.clone());
        let alert = heard.recv_timeout(PATIENCE).unwrap();
        assert_eq!(alert, health.raised[0]);
        assert_eq!(*feed.next_within(PATIENCE).unwrap(), alert);
        assert!(feed.try_next().is_none());
    }

    #[test]
    fn a_slow_subscriber_delays_nobody_and_loses_alerts() {
        let store = DiagnosticsStore::new();
        let (let_go, stop) = channel::<()>();
        store
            .on_alert("slow", move |_| {
                // Until the test is over.
                let _ = stop.recv();
            })
            .unwrap();
        let feed = store.subscribe_alerts("quick");
        let health = raised();
        let all = WAITING as u64 + 50;
        for _ in 0..all {
            store.receive(health.clone());
            assert!(feed.try_next().is_some());
        }
        // One is with the callback, or still waiting.
        let dropped = subscriber(&store, "slow").dropped;
        assert!((49..=50).contains(&dropped), "{dropped}");
        assert_eq!(feed.dropped(), 0);
        let report = store.to_string();
        assert!(report.contains(&format!("{dropped}")), "{report}");
        drop(let_go);
    }

    #[test]
    fn a_callback_that_panics_is_ended_and_said() {
        let store = DiagnosticsStore::new();
        let (told, heard) = channel();
        store
            .on_alert("broken", move |_| {
                told.send(()).unwrap();
                panic!("this callback is broken");
            })
            .unwrap();
        let feed = store.subscribe_alerts("whole");
        let health = raised();
        store.receive(health.clone());
        heard.recv_timeout(PATIENCE).unwrap();
        // The callback's end of the channel goes when its thread has ended.
        assert!(heard.recv_timeout(PATIENCE).is_err());
        for _ in 0..5 {
            store.receive(health.clone());
        }
        let broken = subscriber(&store, "broken");
        assert_eq!(broken.state, SubscriberState::Panicked);
        assert!(store.to_string().contains("panicked, not called any more"));
        let told = std::iter::from_fn(|| feed.try_next()).count();
        assert_eq!(told, 6, "the others are told as before");
        for number in 0..ENDED * 3 {
            drop(store.subscribe_alerts(number.to_string()));
        }
        assert_eq!(
            subscriber(&store, "broken").state,
            SubscriberState::Panicked
        );
    }

    #[test]
    fn many_that_ended_are_forgotten() {
        let store = DiagnosticsStore::new();
        for number in 0..ENDED * 3 {
            drop(store.subscribe_alerts(number.to_string()));
        }
        let listed = store.alert_subscribers();
        assert!(listed.iter().all(|it| it.state == SubscriberState::Ended));
        assert!(listed.len() <= ENDED + 1, "{listed:?}");
    }
}
