//! Pictures of the panel, drawn on the CPU and compared pixel by pixel, and the panel's texts.
//!
//! `UPDATE_SNAPSHOTS=1 cargo test -p framepool-egui` writes new pictures. Review them.

mod common;

use std::thread;
use std::time::Duration;

use common::software::Software;
use common::{Told, sites};
use egui::{Theme, Vec2};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable;
use framepool::{DiagnosticsStore, Thresholds};

fn drawn(store: &DiagnosticsStore, size: [f32; 2], theme: Theme) -> Harness<'static> {
    let store = store.clone();
    Harness::builder()
        .with_size(Vec2::from(size))
        .with_theme(theme)
        .renderer(Software::default())
        .build_ui(move |ui| framepool_egui::ui(ui, &store))
}

fn quiet() -> Thresholds {
    Thresholds::default().pooled_bytes(1 << 40, 1 << 41)
}

/// A pool that allocates one buffer at one line in each step and releases none. The picture shows the name of the thread.
fn leaking(store: &DiagnosticsStore) -> Told {
    let store = store.clone();
    let loader = thread::Builder::new().name("loader".to_owned());
    let leaking = loader.spawn(move || {
        let thresholds = Thresholds::default()
            .pooled_bytes(40 << 20, 400 << 20)
            .hold(Duration::ZERO);
        let mut told = Told::new(&store, "render", thresholds);
        let mut kept = vec![sites::texture(&told.pool), sites::sound(&told.pool)];
        for _ in 0..640 {
            kept.push(sites::particles(&told.pool));
            told.step();
        }
        std::mem::forget(kept);
        told
    });
    leaking.expect("a thread").join().expect("no panic")
}

#[test]
fn leaking_pool_is_drawn() {
    let store = DiagnosticsStore::new();
    let told = leaking(&store);
    drawn(&store, [560.0, 600.0], Theme::Dark).snapshot("leaking");
    drop(told);
}

#[test]
fn leaking_pool_is_drawn_on_light() {
    let store = DiagnosticsStore::new();
    let told = leaking(&store);
    drawn(&store, [560.0, 600.0], Theme::Light).snapshot("leaking-light");
    drop(told);
}

#[test]
fn narrow_panel_is_drawn() {
    let store = DiagnosticsStore::new();
    let told = leaking(&store);
    drawn(&store, [260.0, 900.0], Theme::Dark).snapshot("narrow");
    drop(told);
}

#[test]
fn several_pools_are_drawn_worst_first() {
    let store = DiagnosticsStore::new();
    let mut quiet_pool = Told::new(&store, "audio", quiet());
    let kept = sites::sound(&quiet_pool.pool);
    quiet_pool.step();
    let told = leaking(&store);
    let mut harness = drawn(&store, [560.0, 660.0], Theme::Dark);
    harness.snapshot("several");
    let top = |name: &str| harness.get_by_label_contains(name).rect().top();
    assert!(top("render: ") < top("audio: healthy"));
    drop((kept, told));
}

#[test]
fn healthy_pool_has_no_alert() {
    let store = DiagnosticsStore::new();
    let mut told = Told::new(&store, "audio", quiet());
    let kept = sites::sound(&told.pool);
    told.step();
    let harness = drawn(&store, [560.0, 500.0], Theme::Dark);
    harness.get_by_label("audio: healthy");
    harness.get_by_label_contains("common/sites.rs:14 [audio/mixer]");
    assert!(harness.query_by_label_contains("warning").is_none());
    drop(kept);
}

#[test]
fn empty_store_says_so() {
    let harness = drawn(&DiagnosticsStore::new(), [300.0, 60.0], Theme::Dark);
    harness.get_by_label("No pool was judged yet.");
}
