//! The parts of the report on how a pool is used: histograms, and advice.

use std::fmt;

use super::write;
use crate::health::{Measure, settings_code};
use crate::store::saved::SavedPool;
use crate::text::{Align, Table, bytes, columns, line};

/// The histograms, one line each, with the number of values per power of two.
pub(super) fn write_usage(f: &mut fmt::Formatter<'_>, pool: &SavedPool) -> fmt::Result {
    let mut table = Table::new(&[
        ("usage", Align::Site),
        ("half, at most", Align::Right),
        ("99 %, at most", Align::Right),
        ("most, at most", Align::Right),
    ]);
    if pool.usage.is_empty() {
        return Ok(());
    }
    for it in &pool.usage {
        let name = match it.measure {
            Measure::FrameBytes => "frame buffers, a frame".to_owned(),
            Measure::PooledBytes => "pooled, at a frame end".to_owned(),
            Measure::AgeFrames if it.tag.is_empty() => "age of what is out, frames".to_owned(),
            Measure::AgeFrames => format!("age of what is out, frames: {}", it.tag),
        };
        let at_most = |share| {
            let value = it.histogram.at_most(share).unwrap_or(0);
            match it.measure {
                Measure::AgeFrames => value.to_string(),
                Measure::FrameBytes | Measure::PooledBytes => bytes(value).to_string(),
            }
        };
        table.row([name, at_most(0.5), at_most(0.99), at_most(1.0)]);
    }
    write(f, &table)
}

/// The advice, with its code.
pub(super) fn write_advice(f: &mut fmt::Formatter<'_>, pool: &SavedPool) -> fmt::Result {
    if pool.advice.is_empty() {
        return Ok(());
    }
    f.write_str("\n\nadvice")?;
    for advice in &pool.advice {
        write!(f, "\n{}", line(&format!("- {advice}"), columns(f)))?;
    }
    let code = settings_code(&pool.advice);
    if !code.is_empty() {
        f.write_str("\n\nthe settings as code")?;
    }
    code.lines().try_for_each(|line| write!(f, "\n    {line}"))
}
