//! A pool for the watched replay: each recorded call site allocates at its own line, so that verdicts and alerts are about
//! recorded call sites.

use std::panic::Location;
use std::sync::Arc;

use framepool::{AllocError, Buffer, BufferPool};

use super::pool::AllocSite;
use crate::trace::Trace;

/// The file of the lines that represent recorded call sites.
const LINES: &str = "recorded_sites.rs:";

/// The lines that represent recorded call sites. Those beyond the last share it.
fn lines() -> impl Iterator<Item = &'static Location<'static>> {
    include!(concat!(env!("OUT_DIR"), "/recorded_sites.rs")).into_iter()
}

#[track_caller]
fn here() -> &'static Location<'static> {
    Location::caller()
}

/// The line of each recorded buffer.
#[derive(Clone, Debug)]
pub(crate) struct RecordedSites(Arc<[&'static Location<'static>]>);

impl RecordedSites {
    pub(crate) fn new(trace: &Trace) -> Self {
        let lines: Vec<_> = lines().collect();
        let line = |site: u32| lines[(site as usize).min(lines.len() - 1)];
        Self(
            trace
                .buffers
                .iter()
                .map(|buffer| line(buffer.site))
                .collect(),
        )
    }
}

impl AllocSite for RecordedSites {
    fn alloc(
        &self,
        pool: &BufferPool,
        bytes: usize,
        buffer: u32,
    ) -> Result<Buffer<u8>, AllocError> {
        pool.try_alloc_at::<u8>(bytes, self.0[buffer as usize])
    }
}

/// The names of recorded call sites, by their lines.
#[derive(Clone, Debug)]
pub(crate) struct SiteNames(Arc<[(String, String)]>);

impl SiteNames {
    pub(crate) fn new(trace: &Trace) -> Self {
        let mut names: Vec<_> = lines()
            .zip(&trace.sites)
            .map(|(line, name)| (line.to_string(), name.to_string()))
            .collect();
        let lines = lines().count();
        if let Some((_, last)) = names.get_mut(lines - 1) {
            let more = trace.sites.len() - lines;
            if more > 0 {
                *last = format!("{last} or one of {more} more call sites");
            }
        }
        Self(names.into())
    }

    /// The text with lines replaced by recorded call sites, if it names one.
    pub(crate) fn renamed(&self, text: &str) -> Option<String> {
        if !text.contains(LINES) {
            return None;
        }
        let mut text = text.to_owned();
        for (line, name) in &*self.0 {
            if text.contains(line) {
                let name = match name.as_str() {
                    "" => "a call site that was not recorded",
                    name => name,
                };
                text = text.replace(line, name);
            }
        }
        Some(text)
    }
}
