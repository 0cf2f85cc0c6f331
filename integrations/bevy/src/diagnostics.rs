//! The pool's numbers as entries of `bevy_diagnostic`, from the library's own table of metrics.

use std::cell::OnceCell;

use bevy_app::{App, Last};
use bevy_diagnostic::{Diagnostic, DiagnosticPath, Diagnostics, RegisterDiagnostic};
use bevy_ecs::resource::Resource;
use bevy_ecs::schedule::IntoScheduleConfigs;
use bevy_ecs::system::Res;
use framepool::BufferPool;
use framepool::metrics::{Kind, METRICS, Metric, Reading};

use crate::{EndPoolFrame, Pool, PoolHealth};

/// The metrics that have entries. A log of diagnostics shows all entries, so these are only the most important ones.
const SHOWN: [&str; 9] = [
    "framepool.memory.usage",
    "framepool.memory.peak",
    "framepool.memory.leaked",
    "framepool.buffer.count",
    "framepool.buffer.leaks",
    "framepool.buffer.growing",
    "framepool.frame.duration",
    "framepool.frame.memory",
    "framepool.frame.open",
];

/// One entry: the number at this index among those of its metric.
#[derive(Clone, Debug)]
struct Entry {
    path: DiagnosticPath,
    metric: &'static Metric,
    place: usize,
}

#[derive(Debug, Resource)]
struct Entries(Vec<Entry>);

/// The paths of all entries: the names of the metrics and their labels, as in `framepool/memory/usage/in_use`.
///
/// ```
/// let paths = framepool_bevy::paths();
/// assert!(paths.iter().any(|path| path.as_str() == "framepool/memory/usage/in_use"));
/// ```
pub fn paths() -> Vec<DiagnosticPath> {
    let entries = entries(&Reading::now(&BufferPool::new(), None));
    entries.into_iter().map(|entry| entry.path).collect()
}

fn entries(reading: &Reading) -> Vec<Entry> {
    let mut entries = Vec::new();
    for metric in METRICS.iter().filter(|metric| SHOWN.contains(&metric.name)) {
        let mut enter = |labels: &[(&str, &str)]| {
            let place = entries
                .iter()
                .filter(|it: &&Entry| it.metric.name == metric.name);
            let (name, values) = (
                metric.name.split('.'),
                labels.iter().map(|(_, value)| *value),
            );
            let components: Vec<&str> = name.chain(values).collect();
            let entry = Entry {
                path: DiagnosticPath::from_components(components),
                metric,
                place: place.count(),
            };
            entries.push(entry);
        };
        if metric.kind == Kind::Histogram {
            // A number of each frame has no labels.
            enter(&[]);
        }
        metric.read(reading, &mut |labels, _| enter(labels));
    }
    entries
}

pub(crate) fn register(app: &mut App, pool: &BufferPool) {
    let entries = entries(&Reading::now(pool, None));
    for entry in &entries {
        let unit = entry.metric.unit.trim_matches(['{', '}']);
        let diagnostic = Diagnostic::new(entry.path.clone());
        app.register_diagnostic(diagnostic.with_suffix(format!(" {unit}")));
    }
    app.insert_resource(Entries(entries))
        .add_systems(Last, measure.after(EndPoolFrame));
}

/// Measures the entries that are enabled. The pool is read once, and not at all if none is.
fn measure(
    pool: Res<'_, Pool>,
    health: Res<'_, PoolHealth>,
    entries: Res<'_, Entries>,
    mut diagnostics: Diagnostics<'_, '_>,
) {
    let reading = OnceCell::new();
    let frame = OnceCell::new();
    for entry in &entries.0 {
        diagnostics.add_measurement(&entry.path, || {
            let frame = frame.get_or_init(|| pool.snapshot());
            let of_frame = entry.metric.of_frame(frame);
            of_frame.unwrap_or_else(|| {
                let latest = || health.store().latest_of(pool.id());
                let reading = reading.get_or_init(|| Reading::now(&pool, latest()));
                value(entry, reading)
            })
        });
    }
}

/// The entry's number; without one `NaN`, which bevy shows as none.
fn value(entry: &Entry, reading: &Reading) -> f64 {
    let (mut place, mut found) = (0, None);
    entry.metric.read(reading, &mut |_, value| {
        if place == entry.place {
            found = value;
        }
        place += 1;
    });
    found.unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_is_that_of_a_metric() {
        for name in SHOWN {
            assert!(METRICS.iter().any(|metric| metric.name == name), "{name}");
        }
        let paths: Vec<_> = paths().into_iter().map(String::from).collect();
        assert!(
            paths.contains(&"framepool/memory/usage/in_use".to_owned()),
            "{paths:?}"
        );
        assert!(
            paths.contains(&"framepool/frame/duration".to_owned()),
            "{paths:?}"
        );
    }
}
