//! Draws a chart as SVG: a line for each contestant, with the spread of its points. Both axes are logarithmic.
//!
//! It has its own light background, so it looks the same on a light page and on a dark one. Colour-blind readers can tell the
//! colours apart (Okabe and Ito's palette, darkened so that text in them is readable).

use plotters::prelude::*;

use super::charts::Chart;
use super::data::Data;
use super::tables::time;

const SIZE: (u32, u32) = (1600, 900);
const FONT: &str = "Helvetica, Arial, Liberation Sans, sans-serif";
const TEXT: u32 = 30;
const GROUND: RGBColor = RGBColor(0xfc, 0xfc, 0xfd);
const GRID: RGBColor = RGBColor(0xe6, 0xe9, 0xed);

/// The contestants whose lines are drawn thicker, and above the others.
const OURS: &str = "framepool";

const COLOURS: [(&str, RGBColor); 9] = [
    (OURS, RGBColor(0x00, 0x5f, 0xb0)),
    ("framepool, looked up", RGBColor(0x55, 0x9c, 0xd3)),
    ("mimalloc", RGBColor(0xc8, 0x4e, 0x00)),
    ("jemalloc", RGBColor(0x00, 0x82, 0x5e)),
    ("snmalloc", RGBColor(0xb0, 0x4f, 0x86)),
    ("glibc", RGBColor(0x8f, 0x6a, 0x00)),
    ("hand-written list", RGBColor(0x5b, 0x64, 0x6e)),
    ("ArrayQueue as pool", RGBColor(0x27, 0x7d, 0xa1)),
    ("bumpalo, one per thread", RGBColor(0xc8, 0x4e, 0x00)),
];

/// The picture of a chart that has an axis.
pub(crate) fn draw(chart: &Chart, data: &Data) -> Result<String, String> {
    let mut svg = String::new();
    drawn(chart, data, &mut svg).map_err(|error| error.to_string())?;
    Ok(svg.trim_end().to_owned() + "\n")
}

fn drawn(chart: &Chart, data: &Data, svg: &mut String) -> Result<(), Box<dyn std::error::Error>> {
    let axis = chart.axis.as_ref().ok_or("the chart has no axis")?;
    let mut lines = Vec::new();
    for line in chart.lines(data) {
        let colour = COLOURS.iter().find(|(name, _)| *name == line);
        let colour = colour.ok_or_else(|| format!("`{line}` has no colour in chart.rs"))?;
        lines.push((line, colour.1, chart.points(data, line)?));
    }
    // Ours last, so that it is above the others.
    lines.sort_by_key(|(line, ..)| *line == OURS);
    let all = || lines.iter().flat_map(|(_, _, points)| points);
    let mut places: Vec<f64> = all().map(|(at, _)| *at).collect();
    places.sort_by(f64::total_cmp);
    places.dedup();
    let (first, last) = ends(places.iter().copied());
    let (least, most) = ends(all().flat_map(|(_, point)| [point.least, point.upper]));
    let times = least / 1.3..most * 1.3;

    let root = SVGBackend::with_string(svg, SIZE).into_drawing_area();
    root.fill(&GROUND)?;
    let mut plot = ChartBuilder::on(&root)
        .margin(24)
        .caption(chart.title, (FONT, 44))
        .x_label_area_size(84)
        .y_label_area_size(130)
        .build_cartesian_2d(
            (first / 1.2..last * 1.2)
                .log_scale()
                .with_key_points(places),
            times.clone().log_scale().with_key_points(marks(times)),
        )?;
    plot.configure_mesh()
        .disable_x_mesh()
        .bold_line_style(GRID)
        .light_line_style(TRANSPARENT)
        .axis_desc_style((FONT, TEXT))
        .label_style((FONT, TEXT))
        .x_desc(axis.what)
        .y_desc(chart.unit)
        .x_label_formatter(&|at| (axis.show)(*at))
        .y_label_formatter(&|nanos| time(*nanos))
        .draw()?;
    for (line, colour, points) in lines {
        let width = if line == OURS { 6 } else { 3 };
        let style = colour.stroke_width(width);
        let way = points.iter().map(|(at, point)| (*at, point.median));
        plot.draw_series(LineSeries::new(way, style))?
            .label(line)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 40, y)], style));
        plot.draw_series(points.iter().map(|(at, point)| {
            let style = colour.stroke_width(3).filled();
            ErrorBar::new_vertical(*at, point.least, point.median, point.upper, style, 14)
        }))?;
    }
    plot.configure_series_labels()
        .position(SeriesLabelPosition::UpperLeft)
        .background_style(GROUND.mix(0.9))
        .margin(16)
        .legend_area_size(56)
        .label_font((FONT, TEXT))
        .draw()?;
    root.present()?;
    Ok(())
}

/// Round numbers in a range of nanoseconds: 1, 2, 3, 5, 10, …
fn marks(times: std::ops::Range<f64>) -> Vec<f64> {
    let powers = (0..9).map(|power| 10_f64.powi(power));
    let all = powers.flat_map(|power| [power, 2.0 * power, 3.0 * power, 5.0 * power]);
    all.filter(|mark| times.contains(mark)).collect()
}

/// The least and the greatest of these.
fn ends(all: impl Iterator<Item = f64>) -> (f64, f64) {
    all.fold((f64::INFINITY, 0.0), |(least, most), one| {
        (least.min(one), most.max(one))
    })
}
