//! The keys. Keys that `top` also has do the same.

use ratatui_crossterm::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::model::Model;
use super::sites::{Only, Order};

/// Every key with its action, for the help.
pub(super) const KEYS: [(&str, &str); 12] = [
    ("q, Ctrl-C", "quit"),
    ("h, ?", "this help"),
    ("p, space", "pause the picture, and go on"),
    ("s", "sort by the next of bytes, buffers, age, name"),
    ("b n a c", "sort by bytes, buffers, age, call site"),
    ("r", "reverse the order"),
    ("/", "filter by call site, tag or thread; Esc clears"),
    ("v", "only growing, overdue or held call sites"),
    ("↑ ↓  k j", "move along the call sites"),
    ("PgUp PgDn", "by a page"),
    ("Home End", "to the first, to the last"),
    ("Tab", "the next pool"),
];

/// The view's reaction to a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    GoOn,
    Quit,
}

impl Model {
    /// Handles a key.
    pub(super) fn key(&mut self, key: KeyEvent) -> Wish {
        if key.modifiers.contains(KeyModifiers::CONTROL) {
            return match key.code {
                KeyCode::Char('c' | 'd') => Wish::Quit,
                _ => Wish::GoOn,
            };
        }
        if self.is_typing {
            self.type_filter(key.code);
            return Wish::GoOn;
        }
        if self.has_help {
            // Any key closes it.
            self.has_help = false;
            return Wish::GoOn;
        }
        let page = isize::try_from(self.page).unwrap_or(1).max(1);
        match key.code {
            KeyCode::Char('q') => return Wish::Quit,
            KeyCode::Char('h' | '?') => self.has_help = true,
            KeyCode::Char('p' | ' ') => self.pause(),
            KeyCode::Char('s') => self.sort_by(self.order.next()),
            KeyCode::Char('b') => self.sort_by(Order::Bytes),
            KeyCode::Char('n') => self.sort_by(Order::Buffers),
            KeyCode::Char('a') => self.sort_by(Order::Age),
            KeyCode::Char('c') => self.sort_by(Order::Name),
            KeyCode::Char('r') => self.is_reversed = !self.is_reversed,
            KeyCode::Char('/') => self.is_typing = true,
            KeyCode::Char('v') => {
                self.only = self.only.next();
                self.cursor = None;
            }
            KeyCode::Esc => {
                self.filter.clear();
                self.only = Only::All;
                self.cursor = None;
            }
            KeyCode::Up | KeyCode::Char('k') => self.step(-1),
            KeyCode::Down | KeyCode::Char('j') => self.step(1),
            KeyCode::PageUp => self.step(-page),
            KeyCode::PageDown => self.step(page),
            KeyCode::Home => self.step(isize::MIN),
            KeyCode::End => self.step(isize::MAX),
            KeyCode::Tab => self.next_pool(),
            _ => {}
        }
        Wish::GoOn
    }

    fn sort_by(&mut self, order: Order) {
        self.order = order;
        self.is_reversed = false;
    }

    fn type_filter(&mut self, code: KeyCode) {
        self.cursor = None;
        match code {
            KeyCode::Enter => self.is_typing = false,
            KeyCode::Esc => {
                self.is_typing = false;
                self.filter.clear();
            }
            KeyCode::Backspace => {
                self.filter.pop();
            }
            KeyCode::Char(character) => self.filter.push(character),
            _ => {}
        }
    }
}
