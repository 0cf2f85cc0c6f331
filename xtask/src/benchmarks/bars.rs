//! A chart of bars in groups, each with its spread and its number.

use plotters::element::Rectangle;
use plotters::style::Color;
use plotters::style::text_anchor::{HPos, VPos};

use super::chart::{NAME_GAP, NAMES, Panel, TOP, axes, name, put, style, whisker, write};
use super::charts::Chart;
use super::data::Data;
use super::scale::{Axis, Scale};
use super::style::{TEXT, TEXT_SIZE, colour};
use super::tables::number;

pub(crate) fn draw(panel: &Panel<'_>, chart: &Chart, data: &Data) -> Result<(), String> {
    /// A bar's part of its group, and the part in which the next begins.
    const WIDTH: f64 = 0.23;
    const STEP: f64 = 0.26;
    let places = chart.places(data)?;
    let lines = chart.lines(data);
    let of_chart = || data.points_of(chart.name);
    let times = Axis::of_times(Scale::Linear, of_chart().map(|point| point.upper));
    let groups = places.iter().enumerate();
    let groups = groups.map(|(at, (label, _))| (at as f64, label.clone()));
    let along = Axis::of_places(Scale::Linear, groups.collect());
    let plot = axes(panel, along, times, |_| Ok(()))?;
    for (turn, line) in lines.iter().enumerate() {
        let colour = colour(line)?;
        let shift = (turn as f64 - (lines.len() as f64 - 1.0) / 2.0) * STEP;
        for (group, (_, at)) in places.iter().enumerate() {
            let Some(point) = of_chart().find(|point| point.line == *line && point.at == *at)
            else {
                continue;
            };
            let centre = group as f64 + shift;
            let to = |x: f64, value: f64| plot.backend_coord(&(x, value));
            let corners = [
                to(centre - WIDTH / 2.0, point.median),
                to(centre + WIDTH / 2.0, 0.0),
            ];
            put(panel, &Rectangle::new(corners, colour.filled()))?;
            let top = to(centre, point.upper);
            whisker(panel, to(centre, point.least), top, TEXT.mix(0.55))?;
            // The axis has the unit: with it the numbers of neighbours would meet.
            let nanos = number(point.median);
            write(
                panel,
                &nanos,
                (top.0, top.1 - 10),
                style(TEXT_SIZE, TEXT, (HPos::Center, VPos::Bottom)),
            )?;
        }
        let (x, y) = (NAMES - 10, TOP + 30 + turn as i32 * (NAME_GAP + 8));
        put(
            panel,
            &Rectangle::new([(x, y - 13), (x + 26, y + 13)], colour.filled()),
        )?;
        name(panel, line, (x + 42, y), TEXT)?;
    }
    Ok(())
}
