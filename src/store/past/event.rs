//! An event: an alert that changed, or a mark that the program set.

use crate::clock::Timestamp;
use crate::health::{Alert, AlertState, PoolName};
use crate::sync::Arc;
use crate::telemetry::id::FrameEnd;

/// The kind of an [`Event`].
///
/// ```
/// use framepool::store::EventKind;
///
/// fn icon(kind: EventKind) -> char {
///     match kind {
///         EventKind::Raised | EventKind::Escalated => '▲',
///         EventKind::Resolved => '▼',
///         _ => '•',
///     }
/// }
/// assert_eq!(icon(EventKind::Mark), '•');
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum EventKind {
    /// The program set a mark.
    Mark,
    /// An alert was raised.
    Raised,
    /// An alert became more severe.
    Escalated,
    /// An alert was resolved.
    Resolved,
}

impl EventKind {
    /// The kind in labels: lower case.
    pub fn name(self) -> &'static str {
        match self {
            Self::Mark => "mark",
            Self::Raised => "raised",
            Self::Escalated => "escalated",
            Self::Resolved => "resolved",
        }
    }
}

/// An event in a store's history: an alert that changed, or a mark.
///
/// ```
/// use framepool::DiagnosticsStore;
///
/// let store = DiagnosticsStore::new();
/// store.mark("level 3 loaded");
/// for event in store.events() {
///     println!("{} {}: {event}", event.time, event.kind.name());
///     assert_eq!(event.to_string(), "level 3 loaded");
/// }
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Event {
    /// The kind.
    pub kind: EventKind,
    /// When it happened.
    pub time: Timestamp,
    /// The pool; `None` for a mark of all pools.
    pub pool: Option<PoolName>,
    /// The latest frame of the pool at that time.
    pub frame: Option<FrameEnd>,
    /// The alert; `None` for a mark.
    pub alert: Option<Arc<Alert>>,
    /// The text of a mark; empty for an alert, which has its own text.
    pub text: String,
}

impl Event {
    pub(crate) fn mark(text: String, of: Option<(PoolName, FrameEnd)>) -> Self {
        let (pool, frame) = of.unzip();
        Self {
            kind: EventKind::Mark,
            time: Timestamp::now(),
            pool,
            frame,
            alert: None,
            text,
        }
    }

    pub(crate) fn of(alert: &Arc<Alert>) -> Self {
        Self {
            kind: match (alert.state, alert.escalated_from) {
                (AlertState::Resolved, _) => EventKind::Resolved,
                (AlertState::Raised, Some(_)) => EventKind::Escalated,
                (AlertState::Raised, None) => EventKind::Raised,
            },
            time: alert.time,
            pool: Some(alert.pool.clone()),
            frame: Some(alert.frame),
            alert: Some(Arc::clone(alert)),
            text: String::new(),
        }
    }
}

/// The mark's text, or the alert's sentence.
impl std::fmt::Display for Event {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.alert {
            Some(alert) => alert.fmt(f),
            None => f.write_str(&self.text),
        }
    }
}
