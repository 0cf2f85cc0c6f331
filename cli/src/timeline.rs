//! `--timeline`: writes the run as a trace that Perfetto opens.

use std::fs::File;
use std::io;
use std::path::PathBuf;

use framepool::{FrameSnapshot, HealthSnapshot, Watch};
use framepool_timeline::{PoolTrack, Timeline, TimelineWriter};

use crate::contestant::SiteNames;
use crate::outcome::Problem;
use crate::outputs::cannot_write as cannot;

/// The timeline of pools that background threads watch.
#[derive(Debug)]
pub(crate) struct LiveTimeline {
    writer: TimelineWriter,
    path: PathBuf,
}

impl LiveTimeline {
    pub(crate) fn start(
        watches: &[Watch],
        path: Option<&PathBuf>,
    ) -> Result<Option<Self>, Problem> {
        let Some(path) = path else { return Ok(None) };
        let writer = TimelineWriter::start(watches, path).map_err(|error| cannot(path, &error))?;
        Ok(Some(Self {
            writer,
            path: path.clone(),
        }))
    }

    pub(crate) fn finish(self) -> Result<(), Problem> {
        let written = self.writer.finish();
        written.map_err(|error| cannot(&self.path, &error))?;
        Ok(())
    }
}

/// The timeline of a replay, in recorded time. It is written frame by frame, between frames.
#[derive(Debug)]
pub(crate) struct RecordedTimeline {
    timeline: Timeline<File>,
    pool: PoolTrack,
    path: PathBuf,
    /// The first error. Nothing is written after it.
    error: Option<io::Error>,
}

impl RecordedTimeline {
    pub(crate) fn create(
        path: Option<&PathBuf>,
        sites: SiteNames,
    ) -> Result<Option<Self>, Problem> {
        let Some(path) = path else { return Ok(None) };
        let file = File::create(path).map_err(|error| cannot(path, &error))?;
        let mut timeline = Timeline::new(file).rename(move |text| sites.renamed(text));
        Ok(Some(Self {
            pool: timeline.add_pool("replay"),
            timeline,
            path: path.clone(),
            error: None,
        }))
    }

    /// Writes a frame that has ended and its judgement.
    pub(crate) fn frame(&mut self, frame: &FrameSnapshot, health: &HealthSnapshot) {
        if self.error.is_some() {
            return;
        }
        self.timeline.frame(self.pool, frame);
        for alert in health.raised.iter().chain(&health.resolved) {
            self.timeline.alert(self.pool, alert);
        }
        self.error = self.timeline.flush().err();
    }

    pub(crate) fn finish(self) -> Result<(), Problem> {
        self.error
            .map_or(Ok(()), |error| Err(cannot(&self.path, &error)))
    }
}
