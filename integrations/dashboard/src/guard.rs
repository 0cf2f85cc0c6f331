//! The checks before every request, and the headers of every answer.
//!
//! A page of another site can make a browser on this machine send requests here. It cannot read the answers, because no
//! answer permits that, unless its name resolves to this machine (DNS rebinding). In that case the `Host` header has its
//! name. So a request is answered only if `Host` is an IP address, `localhost`, or a name that the program allowed.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::{self, HeaderName, HeaderValue};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::token::Token;

const COOKIE: &str = "framepool_token";

/// Nothing from outside, no inline code, no framing.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const HEADERS: [(HeaderName, HeaderValue); 6] = [
    (
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(POLICY),
    ),
    (
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    ),
    (
        header::REFERRER_POLICY,
        HeaderValue::from_static("no-referrer"),
    ),
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        HeaderValue::from_static("same-origin"),
    ),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        HeaderValue::from_static("same-origin"),
    ),
];

/// The conditions for answering a request.
#[derive(Debug, Default)]
pub(crate) struct Guard {
    pub(crate) token: Option<Token>,
    /// Names, in lower case, that are allowed in addition to IP addresses and `localhost`.
    pub(crate) hosts: Vec<String>,
}

/// Answers or refuses the request, and adds the headers to the answer.
pub(crate) async fn check(
    State(guard): State<Arc<Guard>>,
    request: Request,
    next: Next,
) -> Response {
    let mut response = match guard.refusal(&request) {
        Some(refusal) => refusal,
        None => next.run(request).await,
    };
    response.headers_mut().extend(HEADERS);
    response
}

impl Guard {
    fn refusal(&self, request: &Request) -> Option<Response> {
        let headers = request.headers();
        if !self.knows_host(request) {
            let text = "this server answers to IP addresses, localhost and names that the program allowed\n";
            return Some((StatusCode::FORBIDDEN, text).into_response());
        }
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            let allow = [(header::ALLOW, "GET, HEAD")];
            let text = "nothing can be written here\n";
            return Some((StatusCode::METHOD_NOT_ALLOWED, allow, text).into_response());
        }
        if is_from_another_site(headers) {
            return Some(
                (StatusCode::FORBIDDEN, "other sites may not read this\n").into_response(),
            );
        }
        let token = self.token.as_ref()?;
        if presented(headers)
            .into_iter()
            .flatten()
            .any(|text| token.is(text))
        {
            return None;
        }
        if request.uri().path() == "/" && in_query(request).is_some_and(|text| token.is(text)) {
            let cookie = format!(
                "{COOKIE}={}; Path=/; HttpOnly; SameSite=Strict",
                token.reveal()
            );
            let location = (header::LOCATION, "/".to_owned());
            let headers = [location, (header::SET_COOKIE, cookie)];
            return Some((StatusCode::SEE_OTHER, headers).into_response());
        }
        let text = "this page needs its token: open /?token=TOKEN, or send `Authorization: Bearer TOKEN`\n";
        let scheme = [(header::WWW_AUTHENTICATE, "Bearer")];
        Some((StatusCode::UNAUTHORIZED, scheme, text).into_response())
    }

    fn knows_host(&self, request: &Request) -> bool {
        let mut hosts = request.headers().get_all(header::HOST).iter();
        let (Some(host), None) = (hosts.next(), hosts.next()) else {
            return false;
        };
        // A request for `http://name/` names a host in its first line too.
        let authority = request
            .uri()
            .authority()
            .map(axum::http::uri::Authority::as_str);
        let all = [host.to_str().ok(), authority.or(Some("localhost"))];
        all.into_iter()
            .all(|host| host.is_some_and(|host| self.is_known(host)))
    }

    fn is_known(&self, host: &str) -> bool {
        let name = without_port(host);
        let bare = name.trim_start_matches('[').trim_end_matches(']');
        let name = name.to_ascii_lowercase();
        bare.parse::<IpAddr>().is_ok() || name == "localhost" || self.hosts.contains(&name)
    }
}

/// `[::1]:80` and `name:80` without `:80`.
fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port))
            if port.bytes().all(|digit| digit.is_ascii_digit())
                && (name.ends_with(']') || !name.contains(':')) =>
        {
            name
        }
        _ => host,
    }
}

/// Whether, according to the browser, a page of another site makes the request. Following a link is allowed.
fn is_from_another_site(headers: &HeaderMap) -> bool {
    let is = |name: &str, value: &str| headers.get(name).is_some_and(|found| found == value);
    let elsewhere = is("sec-fetch-site", "cross-site") || is("sec-fetch-site", "same-site");
    elsewhere && !is("sec-fetch-mode", "navigate")
}

/// The tokens in a request's headers.
fn presented(headers: &HeaderMap) -> [Option<&str>; 2] {
    let text = |name| {
        headers
            .get(name)
            .and_then(|value: &HeaderValue| value.to_str().ok())
    };
    let bearer = text(header::AUTHORIZATION).and_then(|value| value.strip_prefix("Bearer "));
    let cookie = text(header::COOKIE).and_then(|cookies| {
        let mut pairs = cookies
            .split(';')
            .filter_map(|pair| pair.trim().split_once('='));
        pairs
            .find(|(name, _)| *name == COOKIE)
            .map(|(_, value)| value)
    });
    [bearer, cookie]
}

fn in_query(request: &Request) -> Option<&str> {
    let mut pairs = request
        .uri()
        .query()?
        .split('&')
        .filter_map(|pair| pair.split_once('='));
    pairs
        .find(|(name, _)| *name == "token")
        .map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_and_allowed_names_are_hosts() {
        let guard = Guard {
            hosts: vec!["stats.example".to_owned()],
            ..Guard::default()
        };
        for host in [
            "127.0.0.1",
            "127.0.0.1:80",
            "[::1]:9000",
            "[::1]",
            "localhost",
            "LOCALHOST:1",
            "10.0.0.7:4",
            "stats.example:443",
        ] {
            assert!(guard.is_known(host), "{host}");
        }
        for host in [
            "",
            "evil.example",
            "localhost.evil.example",
            "127.0.0.1.evil.example:80",
            "evil.example#127.0.0.1",
            "x@127.0.0.1",
            "127.0.0.1:80:90",
            "2130706433",
        ] {
            assert!(!guard.is_known(host), "{host}");
        }
    }
}
