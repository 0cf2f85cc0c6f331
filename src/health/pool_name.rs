//! The name of a pool in reports, with the pool's number.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Deref;

use crate::sync::Arc;
use crate::telemetry::id::PoolId;

/// A pool's name and number, shared by all reports about the pool. Cloning it allocates nothing.
///
/// Two are equal if their numbers are equal. Comparing with text compares the name.
///
/// ```
/// use framepool::{BufferPool, HealthMonitor, Thresholds};
///
/// let pool = BufferPool::builder().name("render").build()?;
/// let health = HealthMonitor::new(Thresholds::default()).emit_now(&pool);
/// assert_eq!(health.pool, "render");
/// assert_eq!(health.pool.id(), pool.id());
/// # Ok::<(), framepool::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct PoolName(Arc<(PoolId, Box<str>)>);

impl PoolName {
    pub(crate) fn new(id: PoolId, name: &str) -> Self {
        Self(Arc::new((id, name.into())))
    }

    /// The pool's number.
    pub fn id(&self) -> PoolId {
        self.0.0
    }
}

impl Deref for PoolName {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0.1
    }
}

impl PartialEq for PoolName {
    fn eq(&self, other: &Self) -> bool {
        self.id() == other.id()
    }
}

impl Eq for PoolName {}

impl Hash for PoolName {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.id().hash(state);
    }
}

impl PartialEq<str> for PoolName {
    fn eq(&self, other: &str) -> bool {
        **self == *other
    }
}

impl PartialEq<&str> for PoolName {
    fn eq(&self, other: &&str) -> bool {
        **self == **other
    }
}

impl fmt::Display for PoolName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self)
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for PoolName {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self)
    }
}
