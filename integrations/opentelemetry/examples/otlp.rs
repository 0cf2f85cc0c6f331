//! Pushes the telemetry of a pool to an OTLP receiver, over HTTP with protobuf.
//!
//! `cargo run -p framepool-opentelemetry --example otlp -- http://127.0.0.1:4318/v1/metrics`

use std::error::Error;
use std::thread;
use std::time::Duration;

use framepool::{BufferPool, HealthConfig, Watch};
use framepool_opentelemetry::PoolInstruments;
use opentelemetry::metrics::MeterProvider;
use opentelemetry_otlp::{MetricExporter, WithExportConfig};
use opentelemetry_sdk::metrics::{PeriodicReader, SdkMeterProvider};

fn main() -> Result<(), Box<dyn Error>> {
    let endpoint = std::env::args().nth(1);
    push(
        &endpoint.unwrap_or("http://127.0.0.1:4318/v1/metrics".to_owned()),
        600,
    )
}

/// Runs this many frames, and pushes their telemetry.
pub(crate) fn push(endpoint: &str, frames: u32) -> Result<(), Box<dyn Error>> {
    let provider = provider(endpoint, Duration::from_secs(5))?;
    let pool = BufferPool::builder().name("example").build()?;
    let watch = Watch::start(&pool, HealthConfig::default());
    let instruments = PoolInstruments::new(&provider.meter("framepool"), &watch)?;
    for _ in 0..frames {
        let frame = pool.begin_frame();
        frame.alloc::<f32>(1024).fill(0.5);
        drop(pool.alloc::<u8>(64 << 10));
        thread::sleep(Duration::from_millis(16));
        frame.release_all();
    }
    // Pushes the counts since the latest interval.
    provider.shutdown()?;
    drop(instruments);
    Ok(())
}

/// Pushes at this interval, and when it is asked to.
pub(crate) fn provider(
    endpoint: &str,
    interval: Duration,
) -> Result<SdkMeterProvider, Box<dyn Error>> {
    let exporter = MetricExporter::builder()
        .with_http()
        .with_endpoint(endpoint)
        .build()?;
    let reader = PeriodicReader::builder(exporter)
        .with_interval(interval)
        .build();
    Ok(SdkMeterProvider::builder().with_reader(reader).build())
}
