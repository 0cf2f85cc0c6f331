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
    pub fn subscribe_alerts(&self, name: impl Into<String>) -> AlertFeed {
        self.subscribers().add(name.into())
    }

    /// The subscribers to alerts, including those that have ended.
    pub fn alert_subscribers(&self) -> Vec<AlertSubscriber> {
        self.subscribers().list()
    }
}
