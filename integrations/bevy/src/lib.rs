//! A framepool buffer pool as a plugin for bevy.
//!
//! [`FramepoolPlugin`] gives an app a pool, a frame of it for each update, the pool's health, and entries of `bevy_diagnostic`:
//!
//! | resource | use |
//! |---|---|
//! | [`Pool`] | pooled buffers: `pool.alloc::<u8>(n)` |
//! | [`PoolFrame`] | buffers that end with this update: `frame.alloc::<f32>(n)` |
//! | [`PoolHealth`] | alerts, verdicts and history, for a panel or an exporter |
//!
//! The frame begins in the schedule `First` and ends in `Last`, in the set [`EndPoolFrame`]. Systems that use it in `First`
//! or `Last` need `.after(BeginPoolFrame)` or `.before(EndPoolFrame)`.
//!
//! It needs only `bevy_app`, `bevy_ecs` and `bevy_diagnostic` of the engine.
#![forbid(unsafe_code)]
#![allow(
    clippy::needless_pass_by_value,
    reason = "a system takes its parameters by value"
)]

mod diagnostics;
#[cfg(feature = "egui")]
mod panel;

use std::ops::Deref;

use bevy_app::{App, First, Last, Plugin};
use bevy_ecs::resource::Resource;
use bevy_ecs::schedule::{IntoScheduleConfigs, SystemSet};
use bevy_ecs::system::{Res, ResMut};
use framepool::{BufferPool, Frame, HealthConfig, Watch};

pub use diagnostics::paths;
#[cfg(feature = "egui")]
pub use panel::window;

/// Gives an app a pool. See the [crate documentation](crate).
///
/// ```
/// use bevy_app::{App, Update};
/// use bevy_ecs::system::Res;
/// use framepool::BufferPool;
/// use framepool_bevy::{FramepoolPlugin, PoolFrame};
///
/// fn cull(frame: Res<PoolFrame>) {
///     let visible = frame.alloc::<u32>(1024);
///     visible.fill(0);
/// }
///
/// let pool = BufferPool::builder().name("game").build()?;
/// let mut app = App::new();
/// app.add_plugins(FramepoolPlugin::new(&pool)).add_systems(Update, cull);
/// app.update();
/// assert_eq!(pool.snapshot().frame_allocs, 1);
/// # Ok::<(), framepool::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct FramepoolPlugin {
    pool: BufferPool,
    health: HealthConfig,
}

impl FramepoolPlugin {
    /// A plugin that gives the app this pool, judged by default thresholds.
    pub fn new(pool: &BufferPool) -> Self {
        Self {
            pool: pool.clone(),
            health: HealthConfig::default(),
        }
    }

    /// Sets the thresholds for the pool, and the store for the results.
    #[must_use]
    pub fn with_health(mut self, health: HealthConfig) -> Self {
        self.health = health;
        self
    }
}

impl Plugin for FramepoolPlugin {
    fn build(&self, app: &mut App) {
        // A frame from the start, for the systems of `Startup`.
        app.insert_resource(PoolFrame(Some(self.pool.begin_frame())))
            .insert_resource(Pool(self.pool.clone()))
            .insert_resource(PoolHealth(Watch::start(&self.pool, self.health.clone())))
            .add_systems(First, begin_frame.in_set(BeginPoolFrame))
            .add_systems(Last, end_frame.in_set(EndPoolFrame));
        diagnostics::register(app, &self.pool);
    }
}

/// The pool.
///
/// ```
/// # use bevy_app::{App, Update};
/// # use bevy_ecs::system::Res;
/// # use framepool::BufferPool;
/// use framepool_bevy::{FramepoolPlugin, Pool};
///
/// fn load(pool: Res<Pool>) {
///     let mut image = pool.alloc::<u8>(4096); // may outlive this update
///     image.fill(0);
/// }
/// # let pool = BufferPool::new();
/// # let mut app = App::new();
/// app.add_plugins(FramepoolPlugin::new(&pool)).add_systems(Update, load);
/// # app.update();
/// assert_eq!(pool.snapshot().pooled_allocs, 1);
/// ```
#[derive(Clone, Debug, Resource)]
pub struct Pool(BufferPool);

impl Deref for Pool {
    type Target = BufferPool;

    fn deref(&self) -> &BufferPool {
        &self.0
    }
}

/// The frame of this update. Its buffers end with it; a borrow lives as long as the system that allocated them.
///
/// ```
/// # use bevy_app::{App, Update};
/// # use bevy_ecs::system::Res;
/// # use framepool::BufferPool;
/// use framepool_bevy::{FramepoolPlugin, PoolFrame};
///
/// fn sort(frame: Res<PoolFrame>) {
///     let keys: &mut [u64] = frame.alloc(1024);
///     keys.sort_unstable();
/// }
/// # let pool = BufferPool::new();
/// # let mut app = App::new();
/// app.add_plugins(FramepoolPlugin::new(&pool)).add_systems(Update, sort);
/// # app.update();
/// assert_eq!(pool.snapshot().frame_allocs, 1);
/// ```
///
/// # Panics
///
/// Use of it panics between the sets [`EndPoolFrame`] and [`BeginPoolFrame`], when no frame is open.
#[derive(Debug, Resource)]
pub struct PoolFrame(Option<Frame>);

impl Deref for PoolFrame {
    type Target = Frame;

    #[track_caller]
    fn deref(&self) -> &Frame {
        self.0.as_ref().expect(
            "no frame of the pool is open; run this system after `BeginPoolFrame` and before `EndPoolFrame`",
        )
    }
}

/// The pool's health: a separate thread judges the pool five times a second.
///
/// ```
/// # use bevy_app::{App, Update};
/// # use bevy_ecs::system::Res;
/// # use framepool::{BufferPool, HealthStatus};
/// use framepool_bevy::{FramepoolPlugin, PoolHealth};
///
/// fn watch(health: Res<PoolHealth>) {
///     assert_eq!(health.store().status(), HealthStatus::Healthy);
///     health.mark("level 3 loaded");
/// }
/// # let mut app = App::new();
/// app.add_plugins(FramepoolPlugin::new(&BufferPool::new())).add_systems(Update, watch);
/// # app.update();
/// assert_eq!(app.world().resource::<PoolHealth>().store().events().len(), 1);
/// ```
#[derive(Debug, Resource)]
pub struct PoolHealth(Watch);

impl Deref for PoolHealth {
    type Target = Watch;

    fn deref(&self) -> &Watch {
        &self.0
    }
}

/// When the pool's frame begins, in the schedule `First`.
///
/// ```
/// # use bevy_app::{App, First};
/// # use bevy_ecs::{schedule::IntoScheduleConfigs, system::Res};
/// # use framepool::BufferPool;
/// use framepool_bevy::{BeginPoolFrame, FramepoolPlugin, PoolFrame};
///
/// fn read_input(frame: Res<PoolFrame>) {
///     frame.alloc::<u32>(64);
/// }
/// # let pool = BufferPool::new();
/// # let mut app = App::new();
/// app.add_plugins(FramepoolPlugin::new(&pool));
/// app.add_systems(First, read_input.after(BeginPoolFrame));
/// # app.update();
/// assert_eq!(pool.snapshot().frame_allocs, 1);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, SystemSet)]
pub struct BeginPoolFrame;

/// When the pool's frame ends, in the schedule `Last`. The entries of `bevy_diagnostic` are measured after it.
///
/// ```
/// # use bevy_app::{App, Last};
/// # use bevy_ecs::{schedule::IntoScheduleConfigs, system::Res};
/// # use framepool::BufferPool;
/// use framepool_bevy::{EndPoolFrame, FramepoolPlugin, PoolFrame};
///
/// fn take_screenshot(frame: Res<PoolFrame>) {
///     frame.alloc::<u8>(64);
/// }
/// # let pool = BufferPool::new();
/// # let mut app = App::new();
/// app.add_plugins(FramepoolPlugin::new(&pool));
/// app.add_systems(Last, take_screenshot.before(EndPoolFrame));
/// # app.update();
/// assert_eq!(pool.snapshot().frame_allocs, 1);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, SystemSet)]
pub struct EndPoolFrame;

fn begin_frame(pool: Res<'_, Pool>, mut frame: ResMut<'_, PoolFrame>) {
    if frame.0.is_none() {
        frame.0 = Some(pool.begin_frame());
    }
}

fn end_frame(mut frame: ResMut<'_, PoolFrame>) {
    if let Some(frame) = frame.0.take() {
        frame.release_all();
    }
}

/// The README's example is compiled and run with the doctests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
pub struct Readme;
