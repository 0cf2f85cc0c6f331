//! The source of the numbers: the page of a running program, or a recording in this process.

use std::fmt;
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use framepool::PoolId;
use framepool_dashboard::Recording;
use framepool_dashboard::api::{History, Update};
use serde::de::DeserializeOwned;

use crate::ending::Ending;
use crate::page::USUAL;

/// The time between two readings.
const INTERVAL: Duration = Duration::from_secs(1);
/// The timeout for an answer.
const PATIENCE: Duration = Duration::from_secs(3);
/// The largest document that is read.
const LARGEST: u64 = 16 << 20;

/// A result, or the error.
#[derive(Debug)]
pub(super) enum News {
    /// Everything that changes, and, after a new connection, the history of each pool.
    Update(Box<Update>, Vec<(PoolId, History)>),
    /// Why there is no answer.
    Lost(String),
}

/// The source of the numbers.
pub(super) enum Source {
    /// The page of a running program.
    Page(Page),
    /// A recording in this process.
    Here(Recording),
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Source").field(&self.name()).finish()
    }
}

impl Source {
    pub(super) fn of_page(url: &str) -> Result<Self, String> {
        Page::new(url).map(Self::Page)
    }

    /// Its name in the view's head.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Page(page) => page.host.clone(),
            Self::Here(_) => String::new(),
        }
    }

    /// Reads and sends until the receiver is dropped or the run is asked to end.
    pub(super) fn read_on(&self, sender: &Sender<News>, ending: &Ending) {
        let mut is_connected = false;
        let mut due = Instant::now();
        while !ending.is_asked() {
            let news = self.read(!is_connected).unwrap_or_else(News::Lost);
            is_connected = matches!(news, News::Update(..));
            if sender.send(news).is_err() {
                return;
            }
            due = (due + INTERVAL).max(Instant::now());
            ending.sleep_until(due);
        }
    }

    fn read(&self, is_new: bool) -> Result<News, String> {
        let update = match self {
            Self::Page(page) => page.get::<Update>("/api/v1/update")?,
            Self::Here(recording) => recording.update(),
        };
        let mut histories = Vec::new();
        if is_new {
            for pool in &update.pools {
                let id = pool.pool.id;
                let history = match self {
                    Self::Page(page) => page.get(&format!("/api/v1/history?pool={id}"))?,
                    Self::Here(recording) => recording.recent(id).unwrap_or_default(),
                };
                histories.push((id, history));
            }
        }
        Ok(News::Update(Box::new(update), histories))
    }
}

/// The page of a running program.
pub(super) struct Page {
    agent: ureq::Agent,
    /// Host and port.
    host: String,
    token: Option<String>,
}

impl Page {
    /// Parses a URL as the program prints it, with its token if there is one, or a host with a port, or a port of this
    /// machine.
    fn new(url: &str) -> Result<Self, String> {
        let help = || {
            format!(
                "{url}: not the address of a page; give a URL such as http://{USUAL}, as the program printed it"
            )
        };
        if url.starts_with("https:") {
            return Err(format!(
                "{url}: pages are served over http; for TLS use a tunnel"
            ));
        }
        let rest = url.strip_prefix("http://").unwrap_or(url);
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (host, query) = rest.split_at(end);
        let token = query
            .split_once('?')
            .and_then(|(_, query)| query.split('&').find_map(|it| it.strip_prefix("token=")))
            .filter(|token| !token.is_empty());
        let host = if host.parse::<u16>().is_ok() {
            format!("127.0.0.1:{host}")
        } else {
            host.to_owned()
        };
        let is_usable = |c: char| c.is_ascii_alphanumeric() || "-.:[]_".contains(c);
        // The colons within brackets are those of an IPv6 address.
        let after_address = host.rsplit_once(']').map_or(&*host, |(_, rest)| rest);
        let port = after_address.split_once(':').map(|(_, port)| port);
        let has_wrong_port = port.is_some_and(|port| port.parse::<u16>().is_err());
        if host.is_empty() || !host.chars().all(is_usable) || has_wrong_port {
            return Err(help());
        }
        let config = ureq::Agent::config_builder()
            .timeout_global(Some(PATIENCE))
            .http_status_as_error(false)
            .max_redirects(0)
            .proxy(None)
            .build();
        Ok(Self {
            agent: config.new_agent(),
            host,
            token: token.map(str::to_owned),
        })
    }

    fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, String> {
        let mut request = self.agent.get(format!("http://{}{path}", self.host));
        if let Some(token) = &self.token {
            request = request.header("Authorization", format!("Bearer {token}"));
        }
        let host = &self.host;
        let mut answer = request.call().map_err(|error| explain(&error))?;
        match answer.status().as_u16() {
            200 => {}
            401 | 403 if self.token.is_some() => {
                return Err("the page does not accept this token".to_owned());
            }
            401 => {
                return Err(
                    "the page needs a token; give the whole URL that the program printed"
                        .to_owned(),
                );
            }
            403 => return Err(format!("the page does not answer to the name {host}")),
            404 => {
                return Err("what answers there is no page of this version of framepool".to_owned());
            }
            status => return Err(format!("the answer was {status}")),
        }
        let text = answer
            .body_mut()
            .with_config()
            .limit(LARGEST)
            .read_to_vec()
            .map_err(|error| explain(&error))?;
        serde_json::from_slice(&text)
            .map_err(|_| "what answers there is no page of this version of framepool".to_owned())
    }
}

/// Why there is no answer, as text for the user.
fn explain(error: &ureq::Error) -> String {
    match error {
        ureq::Error::Timeout(_) => format!("no answer within {} s", PATIENCE.as_secs()),
        ureq::Error::HostNotFound => "no such host".to_owned(),
        ureq::Error::Io(error) => match error.kind() {
            std::io::ErrorKind::ConnectionRefused => {
                "nobody listens there; start the program with --serve, or give its URL".to_owned()
            }
            _ => error.to_string(),
        },
        error => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_taken_as_it_was_printed() {
        let read = |url| Page::new(url).map(|page| (page.host, page.token));
        let here =
            |token: Option<&str>| Ok(("127.0.0.1:7878".to_owned(), token.map(str::to_owned)));
        assert_eq!(read("http://127.0.0.1:7878/"), here(None));
        assert_eq!(read("127.0.0.1:7878"), here(None));
        assert_eq!(read("7878"), here(None));
        assert_eq!(
            read("http://127.0.0.1:7878/?token=ab-c"),
            here(Some("ab-c"))
        );
        assert_eq!(
            read("http://[::1]:9/").map(|(host, _)| host),
            Ok("[::1]:9".to_owned())
        );
        for wrong in [
            "",
            "http://",
            "https://a:1/",
            "a b",
            "http://u@h/",
            "notaurl:xx",
            "a:",
            "[::1]:70000",
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
