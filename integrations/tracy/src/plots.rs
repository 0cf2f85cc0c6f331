//! The library's metrics as plots.
//!
//! A metric with labels has a plot for each combination. A plot appears with its first value that is not zero, because
//! Tracy shows each one in its own row, and most alerts and refusals never happen. The number of plots is bounded: further
//! tags have none.

use std::collections::HashMap;

use framepool::FrameSnapshot;
use framepool::metrics::{Kind, METRICS, Metric, Reading};
use tracy_client::{Client, PlotConfiguration, PlotFormat, PlotLineStyle, PlotName};

use crate::emit::without_nul;

/// The most plots of one pool. Tracy never frees their names.
const MOST: usize = 512;

/// The plots of a pool.
#[derive(Debug)]
pub(crate) struct Plots {
    pool: String,
    /// By the name of the plot without the pool.
    known: HashMap<String, (PlotName, &'static Metric)>,
    /// Counters are plotted as the increase since the previous reading.
    counted: HashMap<String, f64>,
}

impl Plots {
    pub(crate) fn new(pool: &str) -> Self {
        Self {
            pool: without_nul(pool),
            known: HashMap::new(),
            counted: HashMap::new(),
        }
    }

    /// Configures the plots of a new profiler, and restarts counters from zero.
    pub(crate) fn configure(&mut self, client: &Client) {
        self.counted.clear();
        for (name, metric) in self.known.values() {
            client.plot_config(*name, look_of(metric));
        }
    }

    /// The numbers of one frame.
    pub(crate) fn frame(&mut self, client: &Client, frame: &FrameSnapshot) {
        for metric in METRICS {
            if let Some(value) = metric.of_frame(frame) {
                self.plot(client, metric, metric.name, value);
            }
        }
    }

    /// All levels now, and the increase of counters.
    pub(crate) fn levels(&mut self, client: &Client, reading: &Reading) {
        for metric in METRICS {
            metric.read(reading, &mut |labels, value| {
                let Some(mut value) = value else {
                    return;
                };
                let name = name_of(metric, labels);
                if metric.kind == Kind::Counter {
                    let before = self.counted.insert(name.clone(), value);
                    value -= before.unwrap_or(value);
                }
                self.plot(client, metric, &name, value);
            });
        }
    }

    fn plot(&mut self, client: &Client, metric: &'static Metric, name: &str, value: f64) {
        let plot = match self.known.get(name) {
            Some(&(plot, _)) => plot,
            None if value == 0.0 || self.known.len() >= MOST => return,
            None => {
                let full = without_nul(&format!("{}: {name}", self.pool));
                let plot = PlotName::new_leak(full);
                client.plot_config(plot, look_of(metric));
                self.known.insert(name.to_owned(), (plot, metric));
                plot
            }
        };
        client.plot(plot, value);
    }
}

/// The metric's name and its labels, as in `framepool.memory.usage{state="idle"}`.
fn name_of(metric: &Metric, labels: &[(&str, &str)]) -> String {
    if labels.is_empty() {
        return metric.name.to_owned();
    }
    let labels = labels.iter().map(|(key, value)| format!("{key}={value:?}"));
    format!(
        "{}{{{}}}",
        metric.name,
        labels.collect::<Vec<_>>().join(",")
    )
}

/// Bytes are shown as bytes; a value is constant until the next.
fn look_of(metric: &Metric) -> PlotConfiguration {
    let format = match metric.unit {
        "By" => PlotFormat::Memory,
        _ => PlotFormat::Number,
    };
    PlotConfiguration::default()
        .format(format)
        .line_style(PlotLineStyle::Stepped)
}
