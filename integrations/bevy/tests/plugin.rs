//! The plugin in an app without a window.
#![allow(
    clippy::needless_pass_by_value,
    reason = "a system takes its parameters by value"
)]

use bevy_app::{App, Last, Startup, Update};
use bevy_diagnostic::{DiagnosticPath, DiagnosticsStore};
use bevy_ecs::schedule::IntoScheduleConfigs;
use bevy_ecs::system::{Local, Res};
use framepool::{Buffer, BufferPool};
use framepool_bevy::{EndPoolFrame, FramepoolPlugin, Pool, PoolFrame, PoolHealth};

fn app(pool: &BufferPool) -> App {
    let mut app = App::new();
    app.add_plugins(FramepoolPlugin::new(pool));
    app
}

/// The latest value of an entry.
fn value(app: &App, path: &'static str) -> Option<f64> {
    let store = app.world().resource::<DiagnosticsStore>();
    let entry = store.get(&DiagnosticPath::new(path));
    entry.unwrap_or_else(|| panic!("no entry {path}")).value()
}

#[test]
fn each_update_is_one_frame() {
    let pool = BufferPool::new();
    let mut app = app(&pool);
    app.add_systems(Startup, |frame: Res<'_, PoolFrame>| {
        frame.alloc::<u8>(1).fill(1);
    })
    .add_systems(Update, |frame: Res<'_, PoolFrame>| {
        frame.alloc::<u8>(100).fill(1);
    })
    .add_systems(
        Last,
        (|frame: Res<'_, PoolFrame>| frame.alloc::<u8>(100).fill(2)).before(EndPoolFrame),
    );
    app.update();
    assert_eq!(
        pool.snapshot().frame_allocs,
        3,
        "of start-up, update and last"
    );
    for updates in 2..=4 {
        app.update();
        let snapshot = pool.snapshot();
        assert_eq!(
            (snapshot.totals.frames, snapshot.frame_allocs),
            (updates, 2)
        );
        assert_eq!(snapshot.open_frames, 0, "between two updates none is open");
    }
}

#[test]
fn diagnostics_have_the_pools_numbers() {
    let pool = BufferPool::new();
    let mut app = app(&pool);
    app.add_systems(
        Update,
        |pool: Res<'_, Pool>, mut kept: Local<'_, Vec<Buffer<u8>>>| {
            kept.push(pool.alloc::<u8>(1 << 20));
        },
    );
    app.add_systems(Update, |frame: Res<'_, PoolFrame>| {
        frame.alloc::<u8>(1 << 10).fill(1);
    });
    for updates in 1..=3 {
        app.update();
        let in_use = value(&app, "framepool/memory/usage/in_use");
        assert_eq!(in_use, Some(f64::from(updates << 20)));
        assert_eq!(
            value(&app, "framepool/buffer/count/in_use"),
            Some(f64::from(updates))
        );
        let of_frame = pool.snapshot().counts.frame_alloc_bytes;
        assert!(of_frame >= 1 << 10);
        assert_eq!(value(&app, "framepool/frame/memory"), Some(of_frame as f64));
    }
    assert!(value(&app, "framepool/frame/duration") > Some(0.0));
    let store = app.world().resource::<DiagnosticsStore>();
    let entry = store
        .get(&DiagnosticPath::new("framepool/memory/peak"))
        .expect("registered");
    assert_eq!(entry.suffix, " By");
}

#[test]
fn disabled_diagnostics_measure_nothing() {
    let pool = BufferPool::new();
    let mut app = app(&pool);
    let mut store = app.world_mut().resource_mut::<DiagnosticsStore>();
    store.iter_mut().for_each(|entry| entry.is_enabled = false);
    app.update();
    for path in framepool_bevy::paths() {
        let store = app.world().resource::<DiagnosticsStore>();
        assert_eq!(
            store.get(&path).expect("registered").value(),
            None,
            "{path}"
        );
    }
}

#[test]
fn app_that_ends_returns_all_memory() {
    let pool = BufferPool::new();
    let mut app = app(&pool);
    app.add_systems(Update, |frame: Res<'_, PoolFrame>| {
        frame.alloc::<u8>(100).fill(1);
    });
    app.update();
    drop(app);
    let stats = pool.stats();
    assert_eq!((stats.in_use_buffers, stats.open_frames), (0, 0));
    pool.assert_no_leaks();
}

#[test]
fn panel_is_shown_in_a_window() {
    let pool = BufferPool::builder()
        .name("game")
        .build()
        .expect("good settings");
    let mut app = app(&pool);
    app.update();
    let health = app.world().resource::<PoolHealth>();
    health.stop();
    let context = egui::Context::default();
    context.enable_accesskit();
    let mut is_open = true;
    let mut drawn = String::new();
    for _ in 0..2 {
        let mut output = context.run_ui(egui::RawInput::default(), |ui| {
            framepool_bevy::window(ui.ctx(), health, &mut is_open);
        });
        output.textures_delta.clear();
        drawn = format!("{:?}", output.platform_output.accesskit_update);
    }
    assert!(
        drawn.contains("pool game") && drawn.contains("game: healthy"),
        "{drawn}"
    );
    assert!(is_open);
}
