//! The tags of a pool: their names, and the numbers that an aggregation finds for each. Under the aggregator's lock.
//!
//! A tag is a number. Zero means no tag. A tag has a higher number than the tag above it, so one pass from the highest
//! number to the lowest adds up the tags below each tag. Tags are never removed.
//!
//! The numbers of a tag are sums over its lanes in all slots (`slot/lane.rs`) and over the arenas of the frames that were begun with the tag.
//! An aggregation adds what the lanes have more since the one before. Like the pool's releases, those of a tag are the maximum over
//! all aggregations (`pool/frame_end.rs`). So no number decreases.

use crate::arena::in_flight::InFlight;
use crate::blocks::label::TagMark;
use crate::clock::Time;
use crate::memory::tag_budget::{MAX_TAGS, TagBudgets};
use crate::pool::tag_settings::TagSettings;
use crate::telemetry::arena_reading::ArenaReading;
use crate::telemetry::recent_peak::RecentPeak;
use crate::telemetry::tags::{TagCounts, TagStats, Tags};
use crate::telemetry::wrapping::raise;

/// The tag of new names when there is no room for a tag.
const OTHERS: usize = MAX_TAGS - 1;

/// All tags of a pool.
#[derive(Debug, Default)]
pub(crate) struct TagBook {
    /// By number; empty while the pool has no tag.
    entries: Vec<Entry>,
    beyond_limit: u64,
    /// What all slots have for tags, as of the last aggregation.
    pub(crate) slot_bytes: u64,
}

#[derive(Debug, Default)]
struct Entry {
    name: String,
    parent: usize,
    settings: TagSettings,
    /// Of pooled buffers: the sums over the lanes as of the last aggregation, and releases for which there was no lane.
    pooled: TagCounts,
    /// The most releases of pooled buffers that an aggregation found, and the most bytes.
    max_released: (u64, u64),
    /// Of frame buffers: of frames that have ended, and of open ones.
    ended: ArenaReading,
    open: ArenaReading,
    own: TagCounts,
    total: TagCounts,
    /// The bytes of the frame that ends, with the tags below. They are released with it, and in use until then.
    ending_bytes: u64,
    /// The total at the latest frame end, and the part that this frame added.
    at_end: TagCounts,
    frame: TagCounts,
    peak_bytes: u64,
    recent: RecentPeak,
}

impl TagBook {
    /// The tags of a new pool with these settings, and their budgets.
    pub(crate) fn with_settings(settings: &[(String, TagSettings)]) -> (Self, TagBudgets) {
        let mut book = Self::default();
        let mut budgets = TagBudgets::new();
        for (name, settings) in settings {
            let tag = book.open(&budgets, 0, name);
            book.entries[tag].settings = *settings;
        }
        // Parents come first.
        for (tag, entry) in book.entries.iter().enumerate().skip(1) {
            match entry.settings.max_bytes {
                Some(limit) => budgets.limit(tag, entry.parent, limit),
                None => drop(budgets.inherit(tag, entry.parent)),
            }
        }
        (book, budgets)
    }

    /// Whether the pool has no tags.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The number of the tag with this name below `above`; added if it is new.
    ///
    /// Without room it is the number of the nearest existing tag above, or else of the tag for all such names.
    pub(crate) fn open(&mut self, budgets: &TagBudgets, above: usize, name: &str) -> usize {
        if self.is_empty() {
            self.entries.push(Entry::default());
        }
        let mut at = above;
        let parts = name
            .split('/')
            .map(str::trim)
            .filter(|part| !part.is_empty());
        for part in parts {
            let Some(below) = self.child(budgets, at, part) else {
                self.beyond_limit += 1;
                return if at == 0 { self.others() } else { at };
            };
            at = below;
        }
        if at == 0 {
            let unnamed = self.child(budgets, 0, "(unnamed)");
            return unnamed.unwrap_or_else(|| self.others());
        }
        at
    }

    /// The tag with this name directly below `parent`; added if it is new and there is room.
    fn child(&mut self, budgets: &TagBudgets, parent: usize, part: &str) -> Option<usize> {
        let above = &self.entries[parent].name;
        let name = if parent == 0 {
            part.to_owned()
        } else {
            format!("{above}/{part}")
        };
        if let Some(known) = self.entries.iter().position(|entry| entry.name == name) {
            return Some(known);
        }
        let tag = self.entries.len();
        if tag >= OTHERS {
            return None;
        }
        self.entries.push(Entry {
            name,
            parent,
            ..Entry::default()
        });
        budgets.inherit(tag, parent);
        Some(tag)
    }

    fn others(&mut self) -> usize {
        if self.entries.len() == OTHERS {
            self.entries.push(Entry {
                name: "(other tags)".to_owned(),
                ..Entry::default()
            });
        }
        OTHERS
    }

    /// The full name of a tag.
    pub(crate) fn name(&self, tag: usize) -> &str {
        self.entries.get(tag).map_or("", |entry| &entry.name)
    }

    /// Whether a tag is another one or lies below it.
    pub(crate) fn is_within(&self, mut tag: usize, above: usize) -> bool {
        while tag > above {
            tag = self.entries.get(tag).map_or(0, |entry| entry.parent);
        }
        tag == above
    }

    /// Per tag, the age in frames beyond which its buffers are overdue.
    pub(crate) fn overdue_after_frames(&self, of_pool: Option<u64>, limits: &mut Vec<Option<u64>>) {
        limits.clear();
        // Without memory for the list, the pool's limit counts.
        if limits.try_reserve(self.entries.len()).is_err() {
            return;
        }
        for entry in &self.entries {
            let above = limits.get(entry.parent).copied().unwrap_or(of_pool);
            limits.push(entry.settings.overdue_after_frames.or(above));
        }
    }

    /// Counts a release that no slot has memory to count.
    pub(crate) fn count_stray(&mut self, tag: usize, bytes: u64) {
        if let Some(entry) = self.entries.get_mut(tag) {
            entry.pooled.releases = entry.pooled.releases.wrapping_add(1);
            entry.pooled.release_bytes = entry.pooled.release_bytes.wrapping_add(bytes);
        }
    }

    /// Adds what a lane of the tag has more of since the last aggregation.
    #[inline]
    pub(crate) fn add_pooled(&mut self, tag: TagMark, more: TagCounts) {
        if tag.is_some()
            && let Some(entry) = self.entries.get_mut(tag.number())
        {
            entry.pooled = entry.pooled.plus(more);
        }
    }

    /// Begins the second pass of an aggregation.
    pub(crate) fn begin_second_pass(&mut self) {
        for entry in &mut self.entries {
            entry.open = ArenaReading::default();
        }
    }

    /// Adds the allocs of an arena in an open frame.
    #[inline]
    pub(crate) fn add_open(&mut self, in_flight: &InFlight, index: usize, reading: ArenaReading) {
        if let Some(entry) = self.entries.get_mut(in_flight.tag(index)) {
            entry.open = entry.open.plus(reading);
        }
    }

    /// Adds the allocs of an arena in the frame that ends.
    pub(crate) fn add_ended(&mut self, in_flight: &InFlight, index: usize, reading: ArenaReading) {
        if let Some(entry) = self.entries.get_mut(in_flight.tag(index)) {
            entry.ended = entry.ended.plus(reading);
            entry.ending_bytes = entry.ending_bytes.wrapping_add(reading.bytes);
        }
    }

    /// Adds up the results of the passes, at this time. `end_frame` begins a new frame.
    pub(crate) fn add_up(&mut self, end_frame: bool, now: Time) {
        for entry in &mut self.entries {
            let (ended, framed) = (entry.ended, entry.ended.plus(entry.open));
            let mut pooled = entry.pooled;
            let (releases, bytes) = &mut entry.max_released;
            raise(releases, pooled.releases);
            raise(bytes, pooled.release_bytes);
            (pooled.releases, pooled.release_bytes) = entry.max_released;
            entry.own = pooled.plus(TagCounts {
                allocs: framed.allocs,
                releases: ended.allocs,
                alloc_bytes: framed.bytes,
                release_bytes: ended.bytes,
            });
            entry.total = entry.own;
        }
        // The numbers of frames without a tag are not kept here.
        if let Some(root) = self.entries.first_mut() {
            root.own = TagCounts::default();
            root.total = TagCounts::default();
            root.ending_bytes = 0;
        }
        for tag in (1..self.entries.len()).rev() {
            let entry = &mut self.entries[tag];
            let total = entry.total;
            let ending_bytes = std::mem::take(&mut entry.ending_bytes);
            let most = total.live_bytes().saturating_add(ending_bytes);
            entry.peak_bytes = entry.peak_bytes.max(most);
            entry.recent.note(most, now);
            if end_frame {
                entry.frame = total.since(entry.at_end);
                entry.at_end = total;
            }
            let parent = entry.parent;
            let above = &mut self.entries[parent];
            above.total = above.total.plus(total);
            above.ending_bytes = above.ending_bytes.wrapping_add(ending_bytes);
        }
    }

    /// The allocs with any tag.
    pub(crate) fn tagged(&self) -> TagCounts {
        self.entries
            .first()
            .map_or_else(TagCounts::default, |root| root.total)
    }

    /// Writes the numbers into an earlier result, and reuses its memory. `all` is the pool's own count.
    pub(crate) fn report(&self, all: TagCounts, tags: &mut Tags) {
        let named = || self.entries.iter().skip(1);
        tags.tags.truncate(named().count());
        for (at, entry) in named().enumerate() {
            if tags.tags.len() == at {
                tags.tags.push(TagStats::default());
            }
            let stats = &mut tags.tags[at];
            stats.name.clear();
            stats.name.push_str(&entry.name);
            stats.own = entry.own;
            stats.total = entry.total;
            stats.frame = entry.frame;
            stats.peak_bytes = entry.peak_bytes;
            stats.recent_peak_bytes = entry.recent.most();
            stats.warn_bytes = entry.settings.warn_bytes;
            stats.max_bytes = entry.settings.max_bytes;
        }
        tags.beyond_limit = self.beyond_limit;
        // While threads allocate, the releases of the tags can be ahead: each is a maximum of its own.
        let tagged = self.tagged();
        let rest = |all: u64, tagged: u64| all.saturating_sub(tagged);
        let allocs = rest(all.allocs, tagged.allocs);
        let alloc_bytes = rest(all.alloc_bytes, tagged.alloc_bytes);
        tags.untagged = TagCounts {
            allocs,
            releases: rest(all.releases, tagged.releases).min(allocs),
            alloc_bytes,
            release_bytes: rest(all.release_bytes, tagged.release_bytes).min(alloc_bytes),
        };
    }

    /// Bytes that the tags occupy, with the slots' part.
    pub(crate) fn bytes(&self) -> u64 {
        let names: usize = self.entries.iter().map(|entry| entry.name.capacity()).sum();
        let entries = self.entries.capacity() * size_of::<Entry>() + names;
        entries as u64 + self.slot_bytes
    }
}
