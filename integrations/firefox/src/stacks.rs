//! Stacks of a pool's holders: the pool, the tags from the outermost to the innermost, the callers of sampled buffers, the call site.

use framepool::telemetry::{StackFrame, StackSampling};
use fxprof_processed_profile::{
    CategoryColor, CategoryHandle, Frame, FrameFlags, FrameInfo, Profile, ThreadHandle, Timestamp,
};

/// The colours of frames.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Colours {
    site: CategoryHandle,
    caller: CategoryHandle,
    tag: CategoryHandle,
    pool: CategoryHandle,
}

impl Colours {
    pub(crate) fn new(profile: &mut Profile) -> Self {
        Self {
            site: profile.add_category("Call site", CategoryColor::Orange),
            // Replaced when there are callers.
            caller: CategoryHandle::OTHER,
            tag: profile.add_category("Tag", CategoryColor::Blue),
            pool: profile.add_category("Pool", CategoryColor::Gray),
        }
    }

    /// Gives callers a category that says which buffers are sampled.
    pub(crate) fn name_callers(&mut self, profile: &mut Profile, sampling: StackSampling) {
        let name = format!("Caller of sampled buffers ({sampling})");
        self.caller = profile.add_category(&name, CategoryColor::Green);
    }
}

/// The stacks of one pool, all at one time.
#[derive(Debug)]
pub(crate) struct Stacks<'p> {
    profile: &'p mut Profile,
    thread: ThreadHandle,
    colours: Colours,
    time: Timestamp,
    /// Addresses given so far. The profiler pairs allocations with frees by address, so each needs a distinct one.
    held: u64,
}

impl<'p> Stacks<'p> {
    pub(crate) fn new(
        profile: &'p mut Profile,
        thread: ThreadHandle,
        colours: Colours,
        time: Timestamp,
    ) -> Self {
        Self {
            profile,
            thread,
            colours,
            time,
            held: 0,
        }
    }

    /// Adds bytes of a call site with this tag, or with none, allocated through these callers, the innermost first.
    pub(crate) fn hold(
        &mut self,
        root: &str,
        (tag, location): (&str, &str),
        callers: &[StackFrame],
        bytes: u64,
    ) {
        let mut frames = vec![self.frame(root, self.colours.pool)];
        let ends = tag.match_indices('/').map(|(at, _)| at).chain([tag.len()]);
        for end in ends.filter(|&end| end > 0) {
            let name = format!("tag {}", &tag[..end]);
            frames.push(self.frame(&name, self.colours.tag));
        }
        let callers = callers.iter().rev();
        frames.extend(callers.map(|caller| self.frame(&caller.function, self.colours.caller)));
        frames.push(self.frame(location, self.colours.site));
        self.add(frames, bytes);
    }

    /// Adds bytes without a call site.
    pub(crate) fn hold_together(&mut self, root: &str, what: &str, bytes: u64) {
        let frames = [root, what].map(|name| self.frame(name, self.colours.pool));
        self.add(frames.into(), bytes);
    }

    fn frame(&mut self, name: &str, category: CategoryHandle) -> FrameInfo {
        FrameInfo {
            frame: Frame::Label(self.profile.intern_string(name)),
            category_pair: category.into(),
            flags: FrameFlags::empty(),
        }
    }

    fn add(&mut self, frames: Vec<FrameInfo>, bytes: u64) {
        if bytes == 0 {
            return;
        }
        self.held += 1;
        let stack = self
            .profile
            .intern_stack_frames(self.thread, frames.into_iter());
        let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
        self.profile
            .add_allocation_sample(self.thread, self.time, stack, self.held, bytes);
    }
}
