//! Colours and styles. The text also has every meaning that a colour carries.

use framepool::HealthStatus;
use ratatui_core::style::{Color, Modifier, Style as Look};

/// The looks, with colours or without.
#[derive(Clone, Copy, Debug)]
pub(super) struct Style {
    has_colour: bool,
}

#[expect(
    clippy::unused_self,
    reason = "all looks are asked for in the same way"
)]
impl Style {
    /// A non-empty `NO_COLOR` also turns colours off.
    pub(super) fn new(is_refused: bool) -> Self {
        let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self {
            has_colour: !is_refused && !refused,
        }
    }

    fn colour(self, colour: Color) -> Look {
        if self.has_colour {
            Look::new().fg(colour)
        } else {
            Look::new()
        }
    }

    /// For labels, axes and keys.
    pub(super) fn quiet(self) -> Look {
        if self.has_colour {
            Look::new().fg(Color::DarkGray)
        } else {
            Look::new().add_modifier(Modifier::DIM)
        }
    }

    pub(super) fn plain(self) -> Look {
        Look::new()
    }

    pub(super) fn strong(self) -> Look {
        Look::new().add_modifier(Modifier::BOLD)
    }

    /// A bar from edge to edge, for heads and important messages.
    pub(super) fn bar(self) -> Look {
        Look::new().add_modifier(Modifier::REVERSED)
    }

    pub(super) fn status(self, status: Option<HealthStatus>) -> Look {
        let look = match status {
            Some(HealthStatus::Healthy) => self.colour(Color::Green),
            Some(HealthStatus::Warning) => self.colour(Color::Yellow),
            Some(HealthStatus::Critical) => self.colour(Color::Red),
            None => self.quiet(),
        };
        look.add_modifier(Modifier::BOLD)
    }

    pub(super) fn in_use(self) -> Look {
        self.colour(Color::Cyan)
    }

    pub(super) fn idle(self) -> Look {
        self.colour(Color::Blue)
    }

    pub(super) fn resident(self) -> Look {
        self.colour(Color::Magenta)
    }
}
