//! The drawing area: lines from top to bottom, and fields in them.

use ratatui_core::buffer::Buffer;
use ratatui_core::layout::Rect;
use ratatui_core::style::Style as Look;

use super::style::Style;
use framepool::text::fitted;

/// Lines from top to bottom.
pub(super) struct Page<'a> {
    pub(super) buffer: &'a mut Buffer,
    pub(super) area: Rect,
    pub(super) y: u16,
}

impl Page<'_> {
    pub(super) fn width(&self) -> usize {
        usize::from(self.area.width)
    }

    pub(super) fn left(&self) -> u16 {
        self.area.bottom().saturating_sub(self.y)
    }

    /// Writes parts after one another, and goes to the next line.
    pub(super) fn line(&mut self, parts: &[(&str, Look)]) {
        if self.left() == 0 {
            return;
        }
        let mut x = self.area.left();
        for (text, look) in parts {
            let room = usize::from(self.area.right().saturating_sub(x));
            x = self.buffer.set_stringn(x, self.y, text, room, *look).0;
        }
        self.y += 1;
    }

    /// Writes at the right end of the previous line.
    pub(super) fn at_right(&mut self, text: &str, look: Look) {
        let width = text.chars().count().min(self.width()) as u16;
        self.buffer
            .set_string(self.area.right() - width, self.y - 1, text, look);
    }

    pub(super) fn bar(&mut self, text: &str, look: Look) {
        let width = self.width();
        let text = fitted(text, width, false);
        self.line(&[(&format!("{text:<width$}"), look)]);
    }

    /// The next rows as a separate area.
    pub(super) fn take(&mut self, height: u16) -> Rect {
        let height = height.min(self.left());
        let area = Rect {
            y: self.y,
            height,
            ..self.area
        };
        self.y += height;
        area
    }
}

/// A number with its name.
pub(super) struct Field {
    name: &'static str,
    text: String,
}

/// A field with its text right-aligned in `places` columns.
pub(super) fn field(name: &'static str, places: usize, text: &str) -> Field {
    let text = format!("{text:>places$}");
    Field { name, text }
}

/// Writes lines of fields. Fields without room in their line move to the next one, after its first two fields.
pub(super) fn fields(
    page: &mut Page<'_>,
    lines: impl IntoIterator<Item = Vec<Field>>,
    style: Style,
) {
    let mut waiting: Vec<Field> = Vec::new();
    for mut line in lines {
        let rest = line.split_off(line.len().min(2));
        let wanted = line.into_iter().chain(waiting.drain(..)).chain(rest);
        let (mut parts, mut left) = (Vec::new(), page.width());
        let mut later = Vec::new();
        for field in wanted {
            let gap = if parts.is_empty() { "" } else { "  " };
            let needed = gap.len() + field.name.len() + 1 + field.text.chars().count();
            if needed > left {
                later.push(field);
                continue;
            }
            left -= needed;
            let look = if parts.is_empty() {
                style.strong()
            } else {
                style.plain()
            };
            parts.push((format!("{gap}{} ", field.name), style.quiet()));
            parts.push((field.text, look));
        }
        let parts: Vec<(&str, Look)> = parts.iter().map(|(text, look)| (&**text, *look)).collect();
        page.line(&parts);
        waiting = later;
    }
}
