//! The server: a thread with its own runtime, which ends when the server is dropped.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, ToSocketAddrs};
use std::thread::{self, JoinHandle};

use tokio::sync::oneshot;

use crate::{Dashboard, Recording, Token, connections};

/// A page being served. Dropping it stops the server.
///
/// ```
/// use framepool::{BufferPool, HealthConfig, Watch};
/// use std::net::TcpStream;
///
/// # let watch = Watch::start(&BufferPool::new(), HealthConfig::default());
/// let server = framepool_dashboard::serve(&watch, "127.0.0.1:0")?;
/// assert!(TcpStream::connect(server.address()).is_ok());
/// drop(server); // no longer served
/// # Ok::<(), framepool_dashboard::ServeError>(())
/// ```
#[must_use = "dropping it stops the server"]
pub struct Server {
    address: SocketAddr,
    token: Option<Token>,
    recording: Recording,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// Why a page is not served.
///
/// ```
/// use framepool_dashboard::ServeError;
/// # use framepool::{BufferPool, HealthConfig, Watch};
/// # let watch = Watch::start(&BufferPool::new(), HealthConfig::default());
///
/// let server = match framepool_dashboard::serve(&watch, "0.0.0.0:0") {
///     Err(ServeError::TokenNeeded(_)) => framepool_dashboard::serve(&watch, "127.0.0.1:0")?,
///     other => other?,
/// };
/// assert!(server.address().ip().is_loopback());
/// # Ok::<(), ServeError>(())
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum ServeError {
    /// The address would be reachable from other machines, and there is no token.
    TokenNeeded(SocketAddr),
    /// The address cannot be resolved or used, or a thread cannot be started.
    Io(io::Error),
}

impl fmt::Display for ServeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TokenNeeded(address) => write!(
                f,
                "{address} is reachable from other machines: serve at a loopback address such as 127.0.0.1, or set a token \
                 with `Dashboard::token`"
            ),
            Self::Io(error) => write!(f, "the page cannot be served: {error}"),
        }
    }
}

impl std::error::Error for ServeError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::TokenNeeded(_) => None,
            Self::Io(error) => Some(error),
        }
    }
}

impl From<io::Error> for ServeError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl Server {
    pub(crate) fn start(
        dashboard: Dashboard,
        address: impl ToSocketAddrs,
    ) -> Result<Self, ServeError> {
        let addresses: Vec<SocketAddr> = address.to_socket_addrs()?.collect();
        let outside = addresses
            .iter()
            .find(|address| !address.ip().to_canonical().is_loopback());
        if let (Some(&outside), None) = (outside, &dashboard.guard.token) {
            return Err(ServeError::TokenNeeded(outside));
        }
        let listener = TcpListener::bind(&addresses[..])?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let token = dashboard.guard.token.clone();
        let (recording, router) = dashboard.open()?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .enable_time()
            .build()?;
        let (stop, stopped) = oneshot::channel();
        let thread = thread::Builder::new()
            .name("framepool-serve".to_owned())
            .spawn(move || {
                runtime.block_on(connections::accept(listener, router, stopped));
            })?;
        Ok(Self {
            address,
            token,
            recording,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// The address on which it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The URL to open in a browser on this machine. It contains the token, if there is one.
    ///
    /// A server that listens on all interfaces has the loopback address here. Other machines use an address of this
    /// machine instead.
    pub fn url(&self) -> String {
        let query = self
            .token
            .as_ref()
            .map(|token| format!("?token={}", token.reveal()));
        let address = to_open(self.address);
        format!("http://{address}/{}", query.unwrap_or_default())
    }

    /// The page's recording.
    pub fn recording(&self) -> &Recording {
        &self.recording
    }
}

/// The address at which this machine reaches the server: `0.0.0.0` and `[::]` are no destinations.
fn to_open(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

impl Drop for Server {
    fn drop(&mut self) {
        // This fails if the thread has already ended.
        let _ = self.stop.take().map(|stop| stop.send(()));
        // The panic hook has reported any panic there.
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn address_to_open_is_never_unspecified() {
        for (listens, opens) in [
            ("0.0.0.0:7878", "127.0.0.1:7878"),
            ("[::]:7878", "[::1]:7878"),
            ("192.0.2.7:80", "192.0.2.7:80"),
            ("127.0.0.1:7878", "127.0.0.1:7878"),
        ] {
            let listens: SocketAddr = listens.parse().expect("an address");
            assert_eq!(to_open(listens).to_string(), opens);
        }
    }
}
