//! `--serve` and `--top`: the page of a watched pool, and the view in the terminal, while it runs.

use std::io::{self, Write};
use std::net::SocketAddr;

use framepool::text::escaped;
pub(crate) use framepool_dashboard::Dashboard;
use framepool_dashboard::{ServeError, Server, Token};

use crate::args::page::{PageOptions, Served};
use crate::ending::Ending;
use crate::outcome::Problem;

/// The page's usual address, if it is free.
pub(crate) const USUAL: &str = "127.0.0.1:7878";

/// The page of a run.
#[derive(Debug)]
pub(crate) struct Page {
    top: Option<crate::top::Here>,
    server: Option<Server>,
}

impl Page {
    /// Starts the page as the options request, and prints its address.
    pub(crate) fn open(
        options: &PageOptions,
        ending: &Ending,
        dashboard: impl Fn() -> Dashboard,
    ) -> Result<Self, Problem> {
        let server = options
            .serve
            .map(|served| serve(&dashboard, served))
            .transpose();
        let server = server.map_err(|error| cannot_serve(options.serve, &error))?;
        if let Some(server) = &server {
            let text = announcement(&server.url(), server.address());
            // Standard error may be closed.
            let _ = writeln!(io::stderr().lock(), "{}", escaped(&text));
        }
        let top = if options.top {
            let recording = match &server {
                Some(server) => server.recording().clone(),
                None => dashboard()
                    .record()
                    .map_err(|error| Problem::Fault(error.to_string()))?,
            };
            Some(crate::top::Here::show(recording, ending.clone())?)
        } else {
            None
        };
        Ok(Self { top, server })
    }

    /// Whether it is shown to a user.
    fn is_shown(&self) -> bool {
        self.server.is_some() || self.top.is_some()
    }

    /// If the page is shown, waits until the run is asked to end. Returns whether it was shown.
    pub(crate) fn stay(&self, ending: &Ending) -> bool {
        let is_shown = self.is_shown();
        if is_shown {
            ending.wait();
        }
        is_shown
    }
}

/// Where the page is, for this machine, and for others if they can reach it.
fn announcement(url: &str, listens: SocketAddr) -> String {
    let here = format!("open {url} in a browser, or give it to `framepool top`; Ctrl-C ends it");
    if !listens.ip().is_unspecified() {
        return here;
    }
    format!(
        "{here}\nit listens on all interfaces: other machines open the same with this machine's address"
    )
}

fn serve(dashboard: impl Fn() -> Dashboard, served: Served) -> Result<Server, ServeError> {
    let address = match served {
        Served::At(address) => address,
        Served::Anywhere => {
            return match dashboard().serve(USUAL) {
                Err(ServeError::Io(error)) if error.kind() == io::ErrorKind::AddrInUse => {
                    dashboard().serve("127.0.0.1:0")
                }
                server => server,
            };
        }
    };
    let dashboard = dashboard();
    if address.ip().to_canonical().is_loopback() {
        return dashboard.serve(address);
    }
    let token = Token::random().map_err(|error| ServeError::Io(io::Error::other(error)))?;
    dashboard.token(token).serve(address)
}

/// The message for an address that cannot be served.
fn cannot_serve(served: Option<Served>, error: &ServeError) -> Problem {
    let Some((Served::At(address), ServeError::Io(io))) = served.map(|served| (served, error))
    else {
        return Problem::Input(format!("--serve: {error}"));
    };
    let port = address.port();
    Problem::Input(match io.kind() {
        io::ErrorKind::AddrInUse => format!(
            "--serve {address}: another program uses port {port}; end it, give another port, or give `--serve` alone for a free \
             one"
        ),
        io::ErrorKind::PermissionDenied => format!(
            "--serve {address}: this user may not serve at port {port}; give a port from 1024 on, such as 7878"
        ),
        io::ErrorKind::AddrNotAvailable => format!(
            "--serve {address}: this machine does not have the address {}; give 127.0.0.1:{port} for this machine alone, or \
             0.0.0.0:{port} for every network that it is in",
            address.ip()
        ),
        _ => format!(
            "--serve {address}: the page cannot be served ({io}); give another address or port"
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn announcement_mentions_interfaces_where_all_are_open() {
        let said = |listens: &str| {
            let listens = listens.parse().expect("an address");
            announcement("http://127.0.0.1:7878/", listens)
        };
        for all in ["0.0.0.0:7878", "[::]:7878"] {
            let said = said(all);
            assert!(said.starts_with("open http://127.0.0.1:7878/ in a browser"));
            assert!(said.contains("all interfaces"), "{said}");
        }
        assert!(!said("127.0.0.1:7878").contains("interfaces"));
    }
}
