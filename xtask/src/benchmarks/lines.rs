//! A chart of lines, each with its spread and its name beside its end.

use plotters::element::{Circle, PathElement, Rectangle, Text};
use plotters::style::text_anchor::{HPos, VPos};
use plotters::style::{Color, RGBColor};

use super::chart::{
    BOTTOM, NAME_GAP, NAMES, Panel, Place, Plot, axes, name, put, said, style, whisker, write,
};
use super::charts::{Chart, Kind};
use super::data::Data;
use super::scale::{Axis, Scale, apart};
use super::style::{FAINT_TEXT, OURS, SHADE, SIZE, TEXT_SIZE, colour};
use super::tables::time;

pub(crate) fn draw(panel: &Panel<'_>, chart: &Chart, data: &Data) -> Result<(), String> {
    let Kind::Lines {
        times,
        below,
        show: _,
        threads,
    } = chart.kind
    else {
        return Ok(());
    };
    let mut named = Vec::new();
    for line in chart.lines(data) {
        let mut points = Vec::new();
        for point in chart.points(data, line)? {
            points.push((chart.number(&point.at)? as f64, point));
        }
        named.push((line, colour(line)?, points));
    }
    // Ours last, so that it is above the others.
    named.sort_by_key(|(line, ..)| *line == OURS);
    let all = named.iter().flat_map(|(_, _, points)| points);
    let axis = Axis::of_times(times, all.flat_map(|(_, p)| [p.least, p.upper]));
    let mut places = Vec::new();
    for (label, at) in chart.places(data)? {
        places.push((chart.number(at)? as f64, label));
    }
    let along = Axis::of_places(Scale::Log, places);
    let plot = axes(panel, along, axis, |plot| {
        if threads {
            crowded(plot, data.machine("cores"))?;
        }
        Ok(())
    })?;
    let (across, _) = plot.plotting_area().get_pixel_range();
    let centre = i32::midpoint(across.start, across.end);
    let bottom = SIZE.1 as i32 - 30;
    write(
        panel,
        below,
        (centre, bottom),
        style(TEXT_SIZE, FAINT_TEXT, (HPos::Center, VPos::Bottom)),
    )?;

    let mut ends = Vec::new();
    for (turn, (line, colour, points)) in named.iter().enumerate() {
        // Beside one another, so that no whisker covers another.
        let aside = ((turn as f64 - (named.len() as f64 - 1.0) / 2.0) * ASIDE).round() as i32;
        let at = |x: f64, value: f64| {
            let (x, y) = plot.backend_coord(&(x, value));
            (x + aside, y)
        };
        let ours = *line == OURS;
        for (x, point) in points {
            whisker(
                panel,
                at(*x, point.least),
                at(*x, point.upper),
                colour.mix(0.4),
            )?;
        }
        let way: Vec<_> = points
            .iter()
            .map(|(x, point)| at(*x, point.median))
            .collect();
        let width = if ours { 8 } else { 4 };
        put(
            panel,
            &PathElement::new(way.clone(), colour.stroke_width(width)),
        )?;
        for place in &way {
            put(
                panel,
                &Circle::new(*place, if ours { 11 } else { 7 }, colour.filled()),
            )?;
        }
        if named.len() < MANY {
            for (turn, (x, point)) in points.iter().enumerate() {
                let above = named.iter().all(|(_, _, others)| {
                    let there = others.iter().find(|(_, other)| other.at == point.at);
                    there.is_none_or(|(_, other)| other.median <= point.median)
                });
                let ends = (at(*x, point.upper), at(*x, point.least));
                number(panel, &way, turn, above, ends, &time(point.median), *colour)?;
            }
        }
        ends.extend(way.last().map(|end| (*line, *colour, *end)));
    }
    names(panel, &ends)
}

/// The names of the lines beside their ends, apart from one another.
fn names(panel: &Panel<'_>, ends: &[(&str, RGBColor, Place)]) -> Result<(), String> {
    let wanted: Vec<i32> = ends.iter().map(|(.., end)| end.1).collect();
    let lowest = SIZE.1 as i32 - BOTTOM - TEXT_SIZE as i32;
    let heights = apart(&wanted, NAME_GAP, lowest);
    for ((line, colour, end), height) in ends.iter().zip(heights) {
        let way = vec![(end.0 + 16, end.1), (NAMES - 10, height)];
        let thin = colour.mix(0.6).stroke_width(2);
        put(panel, &PathElement::new(way, thin))?;
        name(panel, line, (NAMES, height), *colour)?;
    }
    Ok(())
}

/// Writes a point's number above the upper end of its whisker, or below the lower one, clear of the line.
fn number(
    panel: &Panel<'_>,
    way: &[Place],
    at: usize,
    above: bool,
    (upper, lower): (Place, Place),
    text: &str,
    colour: RGBColor,
) -> Result<(), String> {
    // Beside the first point there is the axis: its number keeps clear on the other side.
    let above = if at == 0 && crosses(way, at, 1, above) {
        !above
    } else {
        above
    };
    let (place, side) = if above {
        ((upper.0, upper.1 - 12), VPos::Bottom)
    } else {
        ((lower.0, lower.1 + 18), VPos::Top)
    };
    let hangs = beside(way, at, above);
    let aside = match hangs {
        HPos::Left => -BESIDE,
        HPos::Center => 0,
        HPos::Right => BESIDE,
    };
    let style = style(TEXT_SIZE, colour, (hangs, side));
    write(panel, text, (place.0 + aside, place.1), style)
}

/// Where a point's number has its anchor, above or below the point: on the side to which the line leaves the number's place free.
fn beside(way: &[Place], at: usize, above: bool) -> HPos {
    let left = at > 0 && crosses(way, at, at - 1, above);
    match (left, crosses(way, at, at + 1, above)) {
        (false, true) => HPos::Right,
        (true, false) => HPos::Left,
        _ => HPos::Center,
    }
}

/// Whether the line from a point to its neighbour, if it has that, goes through the place above or below it.
fn crosses(way: &[Place], at: usize, neighbour: usize, above: bool) -> bool {
    way.get(neighbour).is_some_and(|other| {
        let rise = way[at].1 - other.1;
        (if above { rise } else { -rise }) > STEEP
    })
}

/// A line that rises by more than this towards the next point would touch a number above this one, in pixels.
const STEEP: i32 = 40;
/// How far a number to the side of its point reaches over it, in pixels.
const BESIDE: i32 = 12;
/// From one line's points to the next line's, in pixels.
const ASIDE: f64 = 7.0;
/// So many lines have no numbers beside their points: they would cover each other.
const MANY: usize = 3;

/// The part of the plot where threads outnumber cores.
fn crowded(plot: &Plot<'_>, cores: &str) -> Result<(), String> {
    let Ok(cores) = cores.parse::<f64>() else {
        return Ok(());
    };
    // Half of the way to twice as many, on this axis.
    let from = cores * std::f64::consts::SQRT_2;
    let (end, times) = (plot.x_range().end, plot.y_range());
    if from >= end {
        return Ok(());
    }
    let area = plot.plotting_area();
    let corners = [(from, times.start), (end, times.end)];
    area.draw(&Rectangle::new(corners, SHADE.filled()))
        .map_err(said)?;
    let place = (
        (from * end).sqrt(),
        times.start + 0.02 * (times.end - times.start),
    );
    let text = format!("more threads than the {cores} cores");
    let style = style(TEXT_SIZE, FAINT_TEXT, (HPos::Center, VPos::Bottom));
    area.draw(&Text::new(text, place, style)).map_err(said)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_keeps_clear_of_the_line() {
        let way = [(0, 300), (100, 200), (200, 190), (300, 290)];
        let places = |above| [0, 1, 2, 3].map(|at| beside(&way, at, above));
        let above = places(true);
        assert!(matches!(
            above,
            [HPos::Right, HPos::Center, HPos::Center, HPos::Left]
        ));
        let below = places(false);
        assert!(matches!(
            below,
            [HPos::Center, HPos::Left, HPos::Right, HPos::Center]
        ));
    }
}
