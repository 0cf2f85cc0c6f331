//! A game without a window: particles in frame buffers, a texture that stays, and the entries of `bevy_diagnostic` and the
//! pool's health.
#![allow(
    clippy::needless_pass_by_value,
    reason = "a system takes its parameters by value"
)]

use bevy_app::{App, Startup, Update};
use bevy_diagnostic::{DiagnosticPath, DiagnosticsStore};
use bevy_ecs::resource::Resource;
use bevy_ecs::system::{Commands, Res, ResMut};
use framepool::{Buffer, BufferPool};
use framepool_bevy::{FramepoolPlugin, Pool, PoolFrame, PoolHealth};

#[derive(Resource)]
struct Texture(Buffer<u8>);

#[derive(Default, Resource)]
struct Energy(f32);

fn load(pool: Res<'_, Pool>, mut commands: Commands<'_, '_>) {
    let texture = pool.alloc_zeroed::<u8>(1 << 20);
    Buffer::mark_long_lived(&texture);
    commands.insert_resource(Texture(texture));
}

fn simulate(frame: Res<'_, PoolFrame>, mut energy: ResMut<'_, Energy>) {
    let velocities = frame.alloc::<f32>(10_000);
    velocities.fill(0.5);
    energy.0 += velocities
        .iter()
        .map(|velocity| velocity * velocity)
        .sum::<f32>();
}

fn main() -> Result<(), framepool::ConfigError> {
    let pool = BufferPool::builder().name("game").build()?;
    let mut app = App::new();
    app.add_plugins(FramepoolPlugin::new(&pool))
        .init_resource::<Energy>()
        .add_systems(Startup, load)
        .add_systems(Update, simulate);
    for _ in 0..120 {
        app.update();
    }
    let world = app.world();
    println!(
        "texture of {} bytes, energy {}",
        world.resource::<Texture>().0.len(),
        world.resource::<Energy>().0
    );
    let diagnostics = world.resource::<DiagnosticsStore>();
    for path in [
        "framepool/memory/usage/in_use",
        "framepool/frame/memory",
        "framepool/frame/duration",
    ] {
        let entry = diagnostics
            .get(&DiagnosticPath::new(path))
            .expect("registered");
        println!("{path}: {:?}{}", entry.smoothed(), entry.suffix);
    }
    let health = world.resource::<PoolHealth>();
    health.stop();
    println!("{}", health.store());
    assert_eq!(pool.snapshot().totals.frames, 120);
    Ok(())
}
