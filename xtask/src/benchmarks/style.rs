//! Colours, sizes and type of the charts.
//!
//! The charts have a light ground of their own, so that they read the same on a light page and on a dark one. The colours
//! of the lines differ for colour-blind eyes too (after Okabe and Ito's palette, darkened until text in them can be read
//! on the ground), and each line has its name beside it.

use plotters::style::RGBColor;

/// The picture's size. Documents show it at about half of it.
pub(crate) const SIZE: (u32, u32) = (1600, 900);
pub(crate) const FONT: &str = "Helvetica, Arial, Liberation Sans, sans-serif";

pub(crate) const GROUND: RGBColor = RGBColor(0xfc, 0xfc, 0xfd);
pub(crate) const FRAME: RGBColor = RGBColor(0xd0, 0xd7, 0xde);
pub(crate) const TEXT: RGBColor = RGBColor(0x1f, 0x23, 0x28);
pub(crate) const FAINT_TEXT: RGBColor = RGBColor(0x59, 0x63, 0x6e);
pub(crate) const GRID: RGBColor = RGBColor(0xe6, 0xe9, 0xed);
pub(crate) const SHADE: RGBColor = RGBColor(0xf1, 0xf3, 0xf6);

pub(crate) const TITLE_SIZE: u32 = 48;
pub(crate) const TEXT_SIZE: u32 = 33;

/// Whom the charts are about: drawn stronger, and above the others.
pub(crate) const OURS: &str = "framepool";

const COLOURS: [(&str, RGBColor); 12] = [
    (OURS, RGBColor(0x00, 0x5f, 0xb0)),
    ("framepool, looked up", RGBColor(0x55, 0x9c, 0xd3)),
    ("mimalloc", RGBColor(0xc8, 0x4e, 0x00)),
    ("jemalloc", RGBColor(0x00, 0x82, 0x5e)),
    ("snmalloc", RGBColor(0xb0, 0x4f, 0x86)),
    ("glibc", RGBColor(0x8f, 0x6a, 0x00)),
    ("hand-written list", RGBColor(0x5b, 0x64, 0x6e)),
    ("ArrayQueue as pool", RGBColor(0x27, 0x7d, 0xa1)),
    ("bumpalo, one per thread", RGBColor(0xc8, 0x4e, 0x00)),
    ("no telemetry", RGBColor(0xa9, 0xcc, 0xe8)),
    ("no attribution", RGBColor(0x55, 0x9c, 0xd3)),
    ("all telemetry", RGBColor(0x00, 0x5f, 0xb0)),
];

/// The colour of a line.
pub(crate) fn colour(line: &str) -> Result<RGBColor, String> {
    let found = COLOURS.iter().find(|(name, _)| *name == line);
    found
        .map(|(_, colour)| *colour)
        .ok_or_else(|| format!("`{line}` has no colour; xtask/src/benchmarks/style.rs gives them"))
}
