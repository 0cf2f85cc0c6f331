//! The tables of call sites and tags: order, filter and rows.

use std::cmp::Ordering;

use framepool::HealthStatus;
use framepool::health::LeakVerdict;

use super::model::{Model, Row};
use super::numbers::{age, size};
use super::paper::Page;
use super::style::Style;
use crate::report::count;
use framepool::text::fitted;

/// The sort key of the rows, the largest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    Bytes,
    Buffers,
    Age,
    Name,
}

impl Order {
    pub(super) fn next(self) -> Self {
        match self {
            Self::Bytes => Self::Buffers,
            Self::Buffers => Self::Age,
            Self::Age => Self::Name,
            Self::Name => Self::Bytes,
        }
    }

    pub(super) fn compare(self, a: &Row<'_>, b: &Row<'_>) -> Ordering {
        let (one, other) = (a.site, b.site);
        let order = match self {
            Self::Bytes => other.bytes.cmp(&one.bytes),
            Self::Buffers => other.buffers.cmp(&one.buffers),
            Self::Age => other.oldest_age.cmp(&one.oldest_age),
            Self::Name => Ordering::Equal,
        };
        order.then_with(|| (&one.location, &one.tag).cmp(&(&other.location, &other.tag)))
    }
}

/// Which rows are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Only {
    All,
    With(LeakVerdict),
}

impl Only {
    pub(super) fn next(self) -> Self {
        match self {
            Self::All => Self::With(LeakVerdict::Growing),
            Self::With(LeakVerdict::Growing) => Self::With(LeakVerdict::Overdue),
            Self::With(LeakVerdict::Overdue) => Self::With(LeakVerdict::Held),
            Self::With(_) => Self::All,
        }
    }

    pub(super) fn has(self, verdict: Option<LeakVerdict>) -> bool {
        match self {
            Self::All => true,
            Self::With(wanted) => verdict == Some(wanted),
        }
    }
}

/// The columns of the table, from the right end; a window that is too narrow leaves out the thread and the tag.
struct Widths {
    name: usize,
    has_tag: bool,
    has_thread: bool,
}

/// The most columns for a name, so that its numbers are not too far away.
const NAME: usize = 72;
const VERDICT: usize = 9;
const BUFFERS: usize = 10;
const SIZE: usize = 10;
const AGE: usize = 13;
const TAG: usize = 18;
const THREAD: usize = 14;

impl Widths {
    fn of(width: usize, has_tags: bool) -> Self {
        let rest = width.saturating_sub(VERDICT + BUFFERS + SIZE + AGE);
        let has_tag = has_tags && rest >= TAG + 30;
        let rest = rest - if has_tag { TAG } else { 0 };
        let has_thread = rest >= THREAD + 40;
        let rest = rest - if has_thread { THREAD } else { 0 };
        Self {
            name: rest.min(NAME),
            has_tag,
            has_thread,
        }
    }

    /// The cells of a row, each in its place: the name, the verdict, and all others as one.
    fn place(&self, cells: [&str; 7]) -> [String; 3] {
        let [name, verdict, buffers, bytes, oldest, tag, thread] = cells;
        let optional = |has: bool, text: &str, width: usize| {
            if has {
                format!("  {text:<width$}", width = width - 2)
            } else {
                String::new()
            }
        };
        let numbers = format!("{buffers:>BUFFERS$}{bytes:>SIZE$}{oldest:>AGE$}");
        [
            format!("{name:<width$}", width = self.name),
            format!("{verdict:<VERDICT$}"),
            [
                numbers,
                optional(self.has_tag, tag, TAG),
                optional(self.has_thread, thread, THREAD),
            ]
            .concat(),
        ]
    }
}

/// Draws as many rows as there is room for, including the cursor. Returns their number.
pub(super) fn sites(page: &mut Page<'_>, model: &Model, height: u16, style: Style) -> usize {
    let rows = model.rows();
    let room = usize::from(height).saturating_sub(1);
    let cursor = model.cursor_among(&rows);
    let first = cursor.map_or(0, |at| at.saturating_sub(room.saturating_sub(1)));
    let has_tags = rows.iter().any(|row| !row.site.tag.is_empty());
    let widths = Widths::of(page.width(), has_tags);
    let beyond = model.pool().map_or(0, |pool| pool.sites.left_out);
    let all = rows.len() + beyond;
    let shown = room.min(rows.len() - first);
    let part = (shown < all).then(|| format!(" {}–{} of {all}", first + 1, first + shown));
    table_head(page, model, &widths, &part.unwrap_or_default(), style);
    let until = page.y + room as u16;
    for (at, row) in rows.iter().enumerate().skip(first).take(room) {
        table_row(page, row, &widths, cursor == Some(at), style);
    }
    if rows.is_empty() && room > 0 {
        let said = match model.pool() {
            Some(pool) if pool.sites.sites.is_empty() => "No pooled buffer is out.",
            _ => "No call site is like that; Esc shows all.",
        };
        page.line(&[(said, style.quiet())]);
    }
    page.y = until;
    room
}

fn table_head(page: &mut Page<'_>, model: &Model, widths: &Widths, part: &str, style: Style) {
    // The arrow marks the sorted column and its direction: down for largest first.
    let arrow = if model.is_reversed { "▲" } else { "▼" };
    let head = |text: &str, order: Option<Order>| {
        if order == Some(model.order) {
            format!("{text} {arrow}")
        } else {
            text.to_owned()
        }
    };
    let mut title = head("call site", Some(Order::Name)) + part;
    if let Only::With(verdict) = model.only {
        title = format!("{title}, {verdict} only");
    }
    if !model.filter.is_empty() || model.is_typing {
        let caret = if model.is_typing { "_" } else { "" };
        title = format!("{title}  /{}{caret}", model.filter);
    }
    let buffers = head("buffers", Some(Order::Buffers));
    let bytes = head("bytes", Some(Order::Bytes));
    let oldest = head("oldest", Some(Order::Age));
    let title = fitted(&title, widths.name.saturating_sub(1), false);
    let cells = [
        &*title, "verdict", &buffers, &bytes, &oldest, "tag", "thread",
    ];
    page.bar(&widths.place(cells).concat(), style.bar());
}

fn table_row(page: &mut Page<'_>, row: &Row<'_>, widths: &Widths, is_chosen: bool, style: Style) {
    let site = row.site;
    let look = if is_chosen {
        style.bar()
    } else {
        style.plain()
    };
    let alarm = match row.verdict {
        _ if is_chosen => look,
        Some(LeakVerdict::Growing) => style.status(Some(HealthStatus::Critical)),
        Some(LeakVerdict::Overdue) => style.status(Some(HealthStatus::Warning)),
        _ => style.plain(),
    };
    let name = if widths.has_tag || site.tag.is_empty() {
        site.location.clone()
    } else {
        format!("{} ({})", site.location, site.tag)
    };
    let [name, verdict, rest] = widths.place([
        &fitted(&name, widths.name.saturating_sub(1), true),
        &row.verdict.map_or_else(String::new, |it| it.to_string()),
        &count(site.buffers),
        &size(site.bytes),
        &age(site.oldest_age),
        &fitted(&site.tag, TAG - 2, true),
        &fitted(&site.thread, THREAD - 2, false),
    ]);
    page.line(&[(&name, look), (&verdict, alarm), (&rest, look)]);
}

/// The tags that hold the most.
pub(super) fn tag_table(page: &mut Page<'_>, model: &Model, height: u16, style: Style) {
    let Some(health) = model.pool().and_then(|pool| pool.health.as_ref()) else {
        return;
    };
    let mut tags: Vec<_> = health.tags.iter().collect();
    tags.sort_by(|a, b| {
        let most = b.total.live_bytes().cmp(&a.total.live_bytes());
        most.then_with(|| a.name.cmp(&b.name))
    });
    let name = page.width().saturating_sub(BUFFERS + 3 * SIZE).min(NAME);
    let title = fitted("tag, and below it", name.saturating_sub(1), false);
    let (buffers, bytes, most, budget) = ("buffers", "bytes", "most", "budget");
    let head =
        format!("{title:<name$}{buffers:>BUFFERS$}{bytes:>SIZE$}{most:>SIZE$}{budget:>SIZE$}");
    page.bar(&head, style.bar());
    for tag in tags.into_iter().take(usize::from(height).saturating_sub(1)) {
        let budget = tag.warn_bytes.or(tag.max_bytes);
        let budget = budget.map_or_else(|| "–".to_owned(), size);
        let title = fitted(&tag.name, name.saturating_sub(1), true);
        let buffers = count(tag.total.live_buffers());
        let (bytes, most) = (size(tag.total.live_bytes()), size(tag.peak_bytes));
        let text =
            format!("{title:<name$}{buffers:>BUFFERS$}{bytes:>SIZE$}{most:>SIZE$}{budget:>SIZE$}");
        page.line(&[(&text, style.plain())]);
    }
}
