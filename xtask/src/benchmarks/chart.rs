//! A chart drawn as SVG: the panel, the axes, and lines or bars with their spread and their names.

use plotters::chart::{ChartBuilder, ChartContext};
use plotters::coord::Shift;
use plotters::drawing::{DrawingArea, IntoDrawingArea};
use plotters::element::{Drawable, PathElement, PointCollection, Rectangle, Text};
use plotters::prelude::{Cartesian2d, SVGBackend};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, FontDesc, FontFamily, FontStyle, RGBAColor, RGBColor, TextStyle};

use super::charts::{Chart, Kind};
use super::data::Data;
use super::scale::Axis;
use super::style::{
    FAINT_TEXT, FONT, FRAME, GRID, GROUND, OURS, SIZE, TEXT, TEXT_SIZE, TITLE_SIZE,
};
use super::{bars, lines};

/// A place in the picture.
pub(crate) type Place = (i32, i32);
/// The whole picture, in pixels.
pub(crate) type Panel<'p> = DrawingArea<SVGBackend<'p>, Shift>;
/// The part of it between the axes.
pub(crate) type Plot<'p> = ChartContext<'p, SVGBackend<'p>, Cartesian2d<Axis, Axis>>;

/// Room around the plot: where titles are, and names of lines.
pub(crate) const TOP: i32 = 160;
pub(crate) const RIGHT: i32 = 400;
pub(crate) const BOTTOM: i32 = 76;
const LEFT: i32 = 40;
/// Where the names of the lines begin, and from one to the next.
pub(crate) const NAMES: i32 = SIZE.0 as i32 - RIGHT + 46;
pub(crate) const NAME_GAP: i32 = 40;

pub(crate) fn draw(chart: &Chart, data: &Data) -> Result<String, String> {
    let mut svg = String::new();
    {
        let panel = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        panel.fill(&GROUND).map_err(said)?;
        let (width, height) = (SIZE.0 as i32, SIZE.1 as i32);
        put(
            &panel,
            &Rectangle::new([(1, 1), (width - 2, height - 2)], FRAME.stroke_width(2)),
        )?;
        write(
            &panel,
            chart.title,
            (LEFT, 34),
            style(TITLE_SIZE, TEXT, (HPos::Left, VPos::Top)),
        )?;
        write(
            &panel,
            chart.subtitle,
            (LEFT, 88),
            style(TEXT_SIZE, FAINT_TEXT, (HPos::Left, VPos::Top)),
        )?;
        match chart.kind {
            Kind::Lines { .. } => lines::draw(&panel, chart, data)?,
            Kind::Bars => bars::draw(&panel, chart, data)?,
        }
        panel.present().map_err(said)?;
    }
    if !svg.ends_with('\n') {
        svg.push('\n');
    }
    Ok(svg)
}

/// The grid and the axes. `behind` draws what is to be below them.
pub(crate) fn axes<'p>(
    panel: &Panel<'p>,
    along: Axis,
    times: Axis,
    behind: impl FnOnce(&Plot<'p>) -> Result<(), String>,
) -> Result<Plot<'p>, String> {
    let mut plot = ChartBuilder::on(panel)
        .margin_top(TOP)
        .margin_right(RIGHT)
        .margin_bottom(BOTTOM)
        .margin_left(LEFT)
        .x_label_area_size(56)
        .y_label_area_size(112)
        .build_cartesian_2d(along, times)
        .map_err(said)?;
    behind(&plot)?;
    plot.configure_mesh()
        .disable_x_mesh()
        .bold_line_style(GRID.stroke_width(2))
        .light_line_style(GRID.mix(0.0))
        .axis_style(FRAME.stroke_width(3))
        .label_style(style(TEXT_SIZE, TEXT, (HPos::Center, VPos::Center)))
        .draw()
        .map_err(said)?;
    Ok(plot)
}

/// From the least to the 75th percentile, with a foot and a head.
pub(crate) fn whisker(
    panel: &Panel<'_>,
    least: Place,
    most: Place,
    colour: RGBAColor,
) -> Result<(), String> {
    const HALF: i32 = 10;
    let line = colour.stroke_width(4);
    put(panel, &PathElement::new(vec![least, most], line))?;
    for (x, y) in [least, most] {
        put(
            panel,
            &PathElement::new(vec![(x - HALF, y), (x + HALF, y)], line),
        )?;
    }
    Ok(())
}

/// The name of a line; ours is bold.
pub(crate) fn name(
    panel: &Panel<'_>,
    name: &str,
    at: Place,
    colour: RGBColor,
) -> Result<(), String> {
    let mut style = style(TEXT_SIZE, colour, (HPos::Left, VPos::Center));
    if name == OURS {
        style.font = style.font.style(FontStyle::Bold);
    }
    put(panel, &Text::new(name.to_owned(), at, style))
}

pub(crate) fn write(
    panel: &Panel<'_>,
    text: &str,
    at: Place,
    style: TextStyle<'static>,
) -> Result<(), String> {
    put(panel, &Text::new(text.to_owned(), at, style))
}

/// Text of a size and colour, `anchor` being the point of it that is placed.
pub(crate) fn style(size: u32, colour: RGBColor, anchor: (HPos, VPos)) -> TextStyle<'static> {
    let font = FontDesc::new(FontFamily::Name(FONT), f64::from(size), FontStyle::Normal);
    TextStyle {
        font,
        color: colour.to_backend_color(),
        pos: Pos::new(anchor.0, anchor.1),
    }
}

pub(crate) fn put<E>(panel: &Panel<'_>, element: &E) -> Result<(), String>
where
    for<'b> &'b E: PointCollection<'b, Place>,
    for<'p> E: Drawable<SVGBackend<'p>>,
{
    panel.draw(element).map_err(said)
}

/// What plotters says of a failure.
pub(crate) fn said(error: impl std::fmt::Display) -> String {
    error.to_string()
}
