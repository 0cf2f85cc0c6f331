//! Subscribing to a store's alerts, by callback or by channel.

use std::io;
use std::thread;

use super::diagnostics::DiagnosticsStore;
use super::subscribers::{AlertFeed, AlertSubscriber};
use crate::health::Alert;

impl DiagnosticsStore {
    /// Calls `callback` with every alert that is raised, escalated or resolved from now on.
    ///
    /// It runs on its own thread, named `framepool-alerts`, so it may be slow: up to 256 alerts wait for it, and further
    /// ones are dropped and counted. If it panics, it is not called any more. The store's report shows both under this
    /// name, and so does [`alert_subscribers`](Self::alert_subscribers). The thread ends when the store is dropped.
    ///
    /// ```
    /// use framepool::{BufferPool, DiagnosticsStore, HealthConfig, Watch};
    ///
    /// let store = DiagnosticsStore::new();
    /// store.on_alert("pager", |alert| eprintln!("{alert}"))?;
    /// let watch = Watch::start(&BufferPool::new(), HealthConfig::default().store(store));
    /// # watch.stop();
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// The system's error if the thread cannot be started.
    pub fn on_alert(
        &self,
        name: impl Into<String>,
        callback: impl FnMut(&Alert) + Send + 'static,
    ) -> io::Result<()> {
        let feed = self.subscribe_alerts(name);
        let builder = thread::Builder::new().name("framepool-alerts".to_owned());
        builder.spawn(move || feed.call(callback))?;
        Ok(())
    }

    /// Returns a channel of every alert that is raised, escalated or resolved from now on. Up to 256 of them wait; further
    /// ones are dropped and counted.
    ///
    /// ```
    /// # use framepool::{BufferPool, DiagnosticsStore, HealthMonitor, Rule, Thresholds};
    /// # let (pool, store) = (BufferPool::new(), DiagnosticsStore::new());
    /// # let buffer = pool.alloc::<u8>(10_000);
    /// # let mut monitor = HealthMonitor::new(Thresholds::default().pooled_bytes(1_000, 20_000));
    /// let feed = store.subscribe_alerts("log");
    /// store.receive(monitor.emit_now(&pool));
    /// while let Some(alert) = feed.try_next() {
    ///     assert_eq!(alert.rule, Rule::PooledBytes);
    /// }
    /// ```
    pub fn subscribe_alerts(&self, name: impl Into<String>) -> AlertFeed {
        self.subscribers().add(name.into())
    }

    /// The subscribers to alerts, including those that have ended.
    ///
    /// ```
    /// use framepool::DiagnosticsStore;
    ///
    /// let store = DiagnosticsStore::new();
    /// let feed = store.subscribe_alerts("log");
    /// let subscribers = store.alert_subscribers();
    /// assert_eq!((&*subscribers[0].name, subscribers[0].dropped), ("log", 0));
    /// ```
    pub fn alert_subscribers(&self) -> Vec<AlertSubscriber> {
        self.subscribers().list()
    }
}
