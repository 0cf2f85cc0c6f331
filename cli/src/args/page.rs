//! The options about the page and the view in the terminal.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use clap::Args;

pub(crate) const TOP_ABOUT: &str = "Show the pools of a running program in the terminal";

pub(crate) const TOP_LONG: &str = "\
Show the pools of a running program in the terminal: status and alerts in words, memory over time, who holds it.

The program serves its page: `framepool demo --serve`, or `framepool_dashboard::serve` in a program of your own. The view reads it once a \
second, and comes back by itself when the connection was lost. Press h for the keys.";

/// A live page in the browser.
#[derive(Clone, Debug, Default, Args)]
pub struct PageOptions {
    /// Serve a live page for the browser until you press Ctrl-C; by default at 127.0.0.1:7878, or any free port
    ///
    /// ADDR is a port, or an address with a port. At an address that other machines can reach, the page needs a token: the URL
    /// that is printed contains it.
    #[arg(long, value_name = "ADDR", num_args = 0..=1, default_missing_value = "", value_parser = served)]
    pub serve: Option<Served>,
    /// At the end write the page with its history into one file that opens from disk
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// Write frames, memory and alerts as a trace that ui.perfetto.dev opens; of a replay in recorded time
    #[arg(long, value_name = "FILE")]
    pub timeline: Option<PathBuf>,
    /// Show the pool in the terminal, as `framepool top` does, until you press q
    #[arg(long, conflicts_with = "quiet")]
    pub top: bool,
}

impl PageOptions {
    /// Whether it is shown until the user quits.
    pub fn is_shown(&self) -> bool {
        self.serve.is_some() || self.has_top()
    }

    /// Whether a view uses the whole terminal.
    pub fn has_top(&self) -> bool {
        self.top
    }
}

/// The address at which the page is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Served {
    /// At a free port of this machine.
    Anywhere,
    /// At this address.
    At(SocketAddr),
}

/// `framepool top`.
#[derive(Debug, Args)]
pub struct TopArgs {
    /// The page's address: the URL that the program printed, with its token if it has one, or a port of this machine
    #[arg(value_name = "URL", default_value = crate::page::USUAL)]
    pub url: String,
    /// No colours; `NO_COLOR` does the same
    #[arg(long, alias = "no-color")]
    pub no_colour: bool,
}

fn served(text: &str) -> Result<Served, String> {
    if text.is_empty() {
        return Ok(Served::Anywhere);
    }
    let here = |port: u16| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let address = text.parse().ok().or_else(|| text.parse().ok().map(here));
    address
        .or_else(|| text.strip_prefix("localhost:")?.parse().ok().map(here))
        .map(Served::At)
        .ok_or_else(|| {
            "a port such as 7878, or an address with a port such as 127.0.0.1:7878; a TRACE goes before --serve".to_owned()
        })
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::args::{Command, CommandLine};

    #[test]
    fn serve_takes_an_address_a_port_or_nothing() {
        let serve = |words: &[&str]| {
            let line =
                CommandLine::try_parse_from([&["framepool", "replay"], words].concat()).ok()?;
            let Some(Command::Replay(args)) = line.command else {
                return None;
            };
            args.options.page.serve
        };
        let at = |text: &str| Some(Served::At(text.parse().expect("an address")));
        assert_eq!(serve(&["a.csv", "--serve"]), Some(Served::Anywhere));
        assert_eq!(serve(&["--serve", "9000"]), at("127.0.0.1:9000"));
        assert_eq!(serve(&["--serve", "localhost:9000"]), at("127.0.0.1:9000"));
        assert_eq!(serve(&["--serve", "[::1]:9000"]), at("[::1]:9000"));
        assert_eq!(serve(&["--serve", "a.csv"]), None);
        assert_eq!(serve(&[]), None);
    }
}
