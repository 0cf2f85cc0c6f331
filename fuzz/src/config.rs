//! Target: a pool's settings. `build` names the setting that the documentation forbids, or makes a pool that obeys the laws.

use framepool::{
    Alignment, AllocError, Attribution, Buffer, BufferPool, ConfigError, Frame, FrameError,
    PoolBuilder,
};

use crate::bytes::Bytes;
use crate::common::{assert_empty, assert_lawful, assert_lawful_stats};

const MAX_STEPS: usize = 24;

/// Pools with larger frame blocks are built but not used: each thread and frame would take one block.
const MAX_USED_BLOCK: u64 = 16 << 20;

/// The settings; `None` leaves the default.
#[derive(Debug)]
struct Settings {
    name: Option<String>,
    in_flight: Option<u32>,
    block: Option<u64>,
    cache: Option<u64>,
    budget: Option<u64>,
    leak_age: Option<u64>,
    alignment: Option<Alignment>,
    history: Option<u64>,
    attribution: Attribution,
}

/// Builds a pool with the settings that `bytes` encode, and runs the operations that they encode.
///
/// # Panics
///
/// If the library breaks a promise.
pub fn config(bytes: &[u8]) {
    let mut bytes = Bytes::new(bytes);
    let settings = Settings::read(&mut bytes);
    let allowed = settings.allowed();
    match settings.builder().build() {
        Err(error) => {
            assert!(!allowed, "{error} for {settings:?}");
            settings.assert_guilty(&error);
        }
        Ok(pool) => {
            assert!(allowed, "built with {settings:?}");
            match &settings.name {
                Some(name) => assert_eq!(pool.name(), name),
                // The default name may end with a number.
                None => assert!(pool.name().starts_with("framepool"), "{}", pool.name()),
            }
            if settings.block.is_none_or(|block| block <= MAX_USED_BLOCK) {
                Use::of(&pool, &settings).run(&mut bytes);
            }
            assert_empty(&pool);
        }
    }
}

impl Settings {
    fn read(from: &mut Bytes<'_>) -> Self {
        let set = from.short();
        let mut number = |at: u16| (set >> at & 1 == 1).then(|| from.number());
        let in_flight = number(0).map(|frames| frames as u32);
        let block = number(1);
        let cache = number(2);
        let budget = number(3);
        let leak_age = number(4);
        let alignment = number(5).map(|any| Alignment::ALL[any as usize % Alignment::ALL.len()]);
        let history = number(6);
        let name = (set >> 7 & 1 == 1).then(|| {
            let len = from.below(64);
            String::from_utf8_lossy(from.take(len)).into_owned()
        });
        let attribution = if set >> 8 & 1 == 1 {
            Attribution::Off
        } else {
            Attribution::CallSites
        };
        Self {
            name,
            in_flight,
            block,
            cache,
            budget,
            leak_age,
            alignment,
            history,
            attribution,
        }
    }

    fn builder(&self) -> PoolBuilder {
        let mut builder = BufferPool::builder().attribution(self.attribution);
        if let Some(name) = &self.name {
            builder = builder.name(name.clone());
        }
        if let Some(frames) = self.in_flight {
            builder = builder.max_frames_in_flight(frames);
        }
        if let Some(bytes) = self.block {
            builder = builder.frame_block_bytes(bytes as usize);
        }
        if let Some(bytes) = self.cache {
            builder = builder.thread_cache_bytes(bytes as usize);
        }
        if let Some(bytes) = self.budget {
            builder = builder.max_bytes(bytes);
        }
        if let Some(frames) = self.leak_age {
            builder = builder.leak_after_frames(frames);
        }
        if let Some(alignment) = self.alignment {
            builder = builder.alignment(alignment);
        }
        if let Some(frames) = self.history {
            builder = builder.history_frames(frames as usize);
        }
        builder
    }

    /// Whether the documentation of the setters allows the settings.
    fn allowed(&self) -> bool {
        self.in_flight
            .is_none_or(|frames| (1..=16).contains(&frames))
            && self
                .block
                .is_none_or(|bytes| (4 << 10..=512 << 20).contains(&bytes))
            && self.budget != Some(0)
            && self
                .history
                .is_none_or(|frames| (1..=1 << 20).contains(&frames))
    }

    /// Checks that the error names a setting that was given and is forbidden, and that its text begins with the setter.
    fn assert_guilty(&self, error: &ConfigError) {
        let same = |given: usize, setting: Option<u64>| setting == Some(given as u64);
        let (guilty, setter) = match *error {
            ConfigError::FramesInFlight { given, max } => (
                self.in_flight == Some(given) && !(1..=max).contains(&given) && max == 16,
                "max_frames_in_flight",
            ),
            ConfigError::FrameBlockBytes { given, min, max } => (
                same(given, self.block) && !(min..=max).contains(&given),
                "frame_block_bytes",
            ),
            ConfigError::MaxBytes { given, min, .. } => {
                (self.budget == Some(given) && given < min, "max_bytes")
            }
            ConfigError::HistoryFrames { given, max } => (
                same(given, self.history) && !(1..=max).contains(&given),
                "history_frames",
            ),
            _ => (false, "an error that this target does not know"),
        };
        assert!(guilty, "{error:?} for {self:?}");
        let text = error.to_string();
        assert!(text.starts_with(setter), "{text}");
    }
}

/// A pool in use by one thread.
struct Use<'a> {
    pool: &'a BufferPool,
    settings: &'a Settings,
    buffers: Vec<(Buffer<u8>, u8)>,
    frames: Vec<Frame>,
}

impl<'a> Use<'a> {
    fn of(pool: &'a BufferPool, settings: &'a Settings) -> Self {
        Self {
            pool,
            settings,
            buffers: Vec::new(),
            frames: Vec::new(),
        }
    }

    fn run(mut self, from: &mut Bytes<'_>) {
        // Only pools with a short history get a feed: a long one takes a large block of memory.
        let short = self.settings.history.is_none_or(|frames| frames <= 4096);
        let mut feed = short.then(|| self.pool.subscribe());
        let mut ends = 0_u64;
        for mark in 1..=MAX_STEPS {
            if from.is_empty() {
                break;
            }
            ends += u64::from(self.step(from, mark as u8));
            self.check();
        }
        if let Some(feed) = &mut feed {
            let read = std::iter::from_fn(|| feed.next()).inspect(assert_lawful);
            assert_eq!(read.count() as u64 + feed.lost(), ends, "L1: frames");
        }
        for (buffer, mark) in self.buffers.drain(..) {
            assert_holds(&buffer, mark);
        }
        for frame in self.frames.drain(..) {
            assert_lawful(&frame.release_all());
        }
    }

    /// Runs one operation. Returns whether a frame ended.
    fn step(&mut self, from: &mut Bytes<'_>, mark: u8) -> bool {
        let word = from.byte();
        match word % 8 {
            0 | 1 => {
                let len = length(from);
                match self.pool.try_alloc::<u8>(len) {
                    Ok(mut buffer) => {
                        assert_eq!(buffer.len(), len);
                        assert_eq!(buffer.as_ptr().addr() % self.alignment(), 0);
                        buffer.fill(mark);
                        if word >= 128 {
                            Buffer::mark_long_lived(&buffer);
                        }
                        self.buffers.push((buffer, mark));
                    }
                    Err(error) => self.assert_refusal(&error),
                }
            }
            2 => {
                if !self.buffers.is_empty() {
                    let at = from.below(self.buffers.len());
                    let (buffer, mark) = self.buffers.swap_remove(at);
                    assert_holds(&buffer, mark);
                }
            }
            3 => match self.pool.try_begin_frame() {
                Ok(frame) => self.frames.push(frame),
                Err(FrameError::TooManyInFlight { open, limit, .. }) => {
                    assert_eq!(limit, self.settings.in_flight.unwrap_or(3));
                    assert_eq!((open, self.frames.len()), (limit, limit as usize));
                }
                Err(other) => panic!("{other}"),
            },
            4 => {
                if !self.frames.is_empty() {
                    let (at, len) = (from.below(self.frames.len()), length(from));
                    match self.frames[at].try_alloc::<u8>(len) {
                        Ok(buffer) => {
                            assert_eq!(
                                (buffer.len(), buffer.as_ptr().addr() % self.alignment()),
                                (len, 0)
                            );
                            buffer.fill(mark);
                        }
                        Err(error) => self.assert_refusal(&error),
                    }
                }
            }
            5 => {
                let snapshot = if self.frames.is_empty() || word >= 128 {
                    self.pool.end_frame()
                } else {
                    let at = from.below(self.frames.len());
                    self.frames.swap_remove(at).release_all()
                };
                assert_lawful(&snapshot);
                return true;
            }
            6 => {
                self.pool.trim();
            }
            _ => {
                if let Err(error) = self.pool.try_prewarm::<u8>(length(from), 2) {
                    self.assert_refusal(&error);
                }
            }
        }
        false
    }

    fn alignment(&self) -> usize {
        self.settings.alignment.unwrap_or_default().bytes()
    }

    fn check(&self) {
        let stats = self.pool.stats();
        assert_lawful_stats(&stats);
        if let Some(budget) = self.settings.budget {
            assert!(stats.peak_bytes <= budget, "{stats:?}");
        }
        assert_eq!(stats.open_frames as usize, self.frames.len());
    }

    /// Checks that the budget refused the request: for requests of this size there is no other reason.
    fn assert_refusal(&self, error: &AllocError) {
        let AllocError::BudgetExceeded { in_use, limit, .. } = error else {
            panic!("{error}");
        };
        assert_eq!(Some(*limit), self.settings.budget);
        assert!(in_use <= limit, "{error}");
        assert!(error.to_string().contains("max_bytes"));
    }
}

fn assert_holds(buffer: &Buffer<u8>, mark: u8) {
    assert!(buffer.iter().all(|&byte| byte == mark), "L6: overwritten");
}

/// The bytes of a buffer, up to 128 KiB.
fn length(from: &mut Bytes<'_>) -> usize {
    let byte = usize::from(from.byte());
    if byte < 128 { byte } else { (byte - 127) << 10 }
}
