//! Memory over time: bars for memory in use, idle memory above them, and a line for resident memory.

use ratatui_core::buffer::Buffer;
use ratatui_core::layout::Rect;

use super::model::{Point, SPAN_MS};
use super::numbers::size;
use super::style::Style;

/// Cells filled in eighths from below.
const EIGHTHS: [&str; 8] = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"];
/// Idle memory.
const IDLE: &str = "░";
/// The level of resident memory.
const RESIDENT: &str = "─";

/// Columns of the axis: a size, and a line.
const AXIS: u16 = 10;

/// Draws the points of the last two minutes.
pub(super) fn draw(area: Rect, buffer: &mut Buffer, points: &[Point], style: Style) {
    if area.height < 2 || area.width < AXIS + 10 {
        return;
    }
    let most = points.iter().map(|point| point.pooled).fold(0.0, f64::max);
    let top = scale(most);
    let bottom = area.bottom() - 1;
    for y in area.top()..area.bottom() {
        let label = match (y == area.top(), y == bottom) {
            (true, _) => size(top as u64),
            (_, true) => size(0),
            _ => String::new(),
        };
        let line = if label.is_empty() { "│" } else { "┤" };
        let text = format!("{label:>8} {line}");
        buffer.set_string(area.left(), y, text, style.quiet());
    }
    let width = area.width - AXIS;
    for (x, column) in (area.left() + AXIS..).zip(columns(points, width)) {
        let Some(point) = column else { continue };
        let eighths = |value: f64| (value / top * f64::from(area.height) * 8.0).round() as u32;
        let (in_use, pooled) = (eighths(point.in_use), eighths(point.pooled));
        for row in 0..u32::from(area.height) {
            let y = bottom - row as u16;
            let filled = in_use.saturating_sub(row * 8).min(8);
            if filled > 0 {
                buffer.set_string(x, y, EIGHTHS[filled as usize - 1], style.in_use());
            } else if pooled > row * 8 + 3 || (row == 0 && pooled > 0) {
                // A cell is drawn as idle if at least half of it is.
                buffer.set_string(x, y, IDLE, style.idle());
            }
        }
        if let Some(resident) = point.resident {
            let row = eighths(resident)
                .div_ceil(8)
                .clamp(1, u32::from(area.height))
                - 1;
            // The top of a bar is not covered, because it is more important.
            if !(1..8).contains(&in_use.saturating_sub(row * 8)) {
                buffer.set_string(x, bottom - row as u16, RESIDENT, style.resident());
            }
        }
    }
}

/// The top of the scale: a round number, so that it rarely changes.
fn scale(most: f64) -> f64 {
    let mut unit = 1_024.0;
    while unit * 1_024.0 < most {
        unit *= 1_024.0;
    }
    let steps = [
        1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 16.0, 24.0, 32.0, 48.0, 64.0, 96.0, 128.0, 192.0,
        256.0, 384.0, 512.0, 768.0, 1_024.0,
    ];
    let found = steps
        .into_iter()
        .map(|step| step * unit)
        .find(|&top| top >= most);
    found.unwrap_or(most)
}

/// The point of each column: the one that held the most in its time slice, and among equals the one with the most in use.
/// Slices are on a fixed grid, so that the same points share a column while the picture moves.
fn columns(points: &[Point], width: u16) -> Vec<Option<Point>> {
    let width = u64::from(width);
    let stretch = (SPAN_MS / width).max(1);
    let latest = points.last().map_or(0, |point| point.time_ms / stretch);
    let mut columns = vec![None; width as usize];
    for &point in points {
        let back = latest.saturating_sub(point.time_ms / stretch);
        let Some(place) = (width - 1).checked_sub(back) else {
            continue;
        };
        let column: &mut Option<Point> = &mut columns[place as usize];
        let size = |point: Point| (point.pooled, point.in_use);
        if column.is_none_or(|before| size(point) >= size(before)) {
            *column = Some(point);
        }
    }
    columns
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scale_is_a_round_size_above_the_maximum() {
        let said = [0.0, 1_024.0, 700_000.0, 1_949_696.0, 3e9].map(|most| size(scale(most) as u64));
        assert_eq!(
            said.map(|it| it.trim().to_owned()),
            ["1.00 KiB", "1.00 KiB", "768 KiB", "2.00 MiB", "3.00 GiB"]
        );
    }

    #[test]
    fn column_shows_most_bytes_held_in_its_interval() {
        let point = |time_ms, pooled| Point {
            time_ms,
            in_use: 0.0,
            pooled,
            resident: None,
        };
        let points = [
            point(119_000, 1.0),
            point(120_000, 5.0),
            point(125_000, 3.0),
            point(130_000, 2.0),
        ];
        let columns = columns(&points, 12);
        let pooled: Vec<_> = columns
            .iter()
            .map(|it| it.map(|it| it.pooled as u32))
            .collect();
        assert_eq!(pooled[9..], [Some(1), Some(5), Some(2)]);
        assert!(pooled[..9].iter().all(Option::is_none));
    }
}
