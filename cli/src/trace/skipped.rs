//! The lines that `--lenient` skips in a trace that was recorded late or cut off.

use super::fault::Fault;

/// Why a line is skipped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Skip {
    /// The file does not begin with the header, and its first line is no whole operation.
    TornFirstLine,
    /// A free whose alloc is not in the trace.
    OrphanFree,
    /// A free of an already freed buffer.
    RepeatedFree,
    /// An alloc of an already used id.
    RepeatedAlloc,
    /// The last line is incomplete.
    TornLastLine,
    /// The compressed data is incomplete: everything after this line is lost.
    CutOff,
}

impl Skip {
    const ALL: [Self; 6] = [
        Self::TornFirstLine,
        Self::OrphanFree,
        Self::RepeatedFree,
        Self::RepeatedAlloc,
        Self::TornLastLine,
        Self::CutOff,
    ];

    /// Why a line with this fault is skipped, if it may be.
    pub(crate) fn of(fault: &Fault, is_whole: bool) -> Option<Self> {
        match fault {
            Fault::UnknownId(_) => Some(Self::OrphanFree),
            Fault::FreedTwice(..) => Some(Self::RepeatedFree),
            Fault::ReusedId(..) => Some(Self::RepeatedAlloc),
            Fault::TimeGoesBack(..) | Fault::TooManyOperations => None,
            _ if !is_whole => Some(Self::TornLastLine),
            _ => None,
        }
    }

    /// The kind of skipped lines as text.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::TornFirstLine => "torn first line",
            Self::OrphanFree => "free without an alloc",
            Self::RepeatedFree => "repeated free",
            Self::RepeatedAlloc => "alloc of a used id",
            Self::TornLastLine => "torn last line",
            Self::CutOff => "end of the data",
        }
    }
}

/// The skipped lines of a trace.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Skipped {
    lines: Vec<(u64, Skip)>,
}

impl Skipped {
    pub(crate) fn note(&mut self, line: u64, skip: Skip) {
        self.lines.push((line, skip));
    }

    /// Each reason, with the number of skipped lines and the first of them.
    pub fn reasons(&self) -> impl Iterator<Item = (Skip, u64, u64)> {
        Skip::ALL.into_iter().filter_map(|reason| {
            let mut lines = self.lines.iter().filter(|(_, skip)| *skip == reason);
            let &(first, _) = lines.next()?;
            Some((reason, lines.count() as u64 + 1, first))
        })
    }

    /// The real line of an operation, from its line without skipped ones.
    pub(crate) fn line(&self, mut line: u64) -> u64 {
        for (skipped, _) in &self.lines {
            if *skipped > line {
                break;
            }
            line += 1;
        }
        line
    }
}
