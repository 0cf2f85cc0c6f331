//! Hostile and broken clients: each is refused or bounded, and the server answers others meanwhile.

mod common;

use std::io::{Read, Write};
use std::net::TcpStream;

use common::{connect, eventually, get, get_with, send, served, watched};
use framepool_dashboard::{Dashboard, ServeError, Server, Token};

/// Sends these bytes, then checks that others are still answered.
fn status(server: &Server, request: &str) -> u16 {
    let answer = send(server.address(), request.as_bytes());
    assert_eq!(
        get(server, "/api/v1/pools").status,
        200,
        "after {request:.80}"
    );
    answer.status
}

#[test]
fn other_machines_are_served_with_a_token_only() {
    let (_pool, watch) = watched("open");
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:80"] {
        let refused = framepool_dashboard::serve(&watch, address);
        assert!(
            matches!(refused, Err(ServeError::TokenNeeded(_))),
            "{address}: {refused:?}"
        );
    }
    let token = Token::random().expect("random numbers");
    let secret = token.reveal().to_owned();
    let server = Dashboard::new(&watch)
        .token(token)
        .serve("0.0.0.0:0")
        .expect("a free port");
    // It listens on all interfaces, and its URL is one that this machine can open.
    assert!(server.address().ip().is_unspecified());
    let here = format!("http://127.0.0.1:{}/", server.address().port());
    assert!(server.url().starts_with(&here), "{}", server.url());
    let at = |path: &str, headers: &str| {
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n{headers}\r\n");
        let address = ([127, 0, 0, 1], server.address().port()).into();
        send(address, request.as_bytes())
    };
    for path in [
        "/",
        "/api/v1/stream",
        "/api/v1/pools",
        "/save",
        "/metrics",
        "/healthz",
        "/debug/pprof/heap",
        "/assets/style.css",
        "/api/v1/pools?token=wrong",
    ] {
        assert_eq!(at(path, "").status, 401, "{path}");
    }
    let wrong = "0".repeat(32);
    assert_eq!(
        at("/", &format!("Authorization: Bearer {wrong}\r\n")).status,
        401
    );
    assert_eq!(
        at("/", &format!("Cookie: framepool_token={wrong}\r\n")).status,
        401
    );
    assert_eq!(
        at("/", &format!("Authorization: Bearer {secret}\r\n")).status,
        200
    );
    let entered = at(&format!("/?token={secret}"), "");
    assert_eq!(
        (entered.status, entered.header("location")),
        (303, Some("/"))
    );
    let cookie = entered.header("set-cookie").expect("a cookie");
    assert!(
        cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"),
        "{cookie}"
    );
    let pair = cookie.split(';').next().unwrap_or_default();
    assert_eq!(at("/", &format!("Cookie: a=b; {pair}\r\n")).status, 200);
    assert!(server.url().ends_with(&secret));
}

#[test]
fn a_name_that_was_not_allowed_is_refused() {
    let (_pool, watch) = watched("names");
    let server = served(&watch);
    let with = |host: &str| {
        status(
            &server,
            &format!("GET / HTTP/1.1\r\n{host}Connection: close\r\n\r\n"),
        )
    };
    for host in [
        "Host: evil.example\r\n",
        "Host: localhost.evil.example\r\n",
        "Host: \r\n",
        "Host: 127.0.0.1\r\nHost: evil.example\r\n",
    ] {
        assert!((400..=403).contains(&with(host)), "{host}");
    }
    assert_eq!(with(""), 403);
    for host in [
        "Host: 127.0.0.1:80\r\n",
        "Host: [::1]\r\n",
        "Host: localhost:1\r\n",
    ] {
        assert_eq!(with(host), 200, "{host}");
    }
    let absolute =
        "GET http://evil.example/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    assert_eq!(status(&server, absolute), 403);
    let allowed = Dashboard::new(&watch)
        .allow_host("Stats.Example")
        .serve("127.0.0.1:0")
        .expect("a free port");
    let named = "GET / HTTP/1.1\r\nHost: stats.example\r\nConnection: close\r\n\r\n";
    assert_eq!(send(allowed.address(), named.as_bytes()).status, 200);
}

#[test]
fn another_site_reads_nothing() {
    let (_pool, watch) = watched("sites");
    let server = served(&watch);
    for site in ["cross-site", "same-site"] {
        let headers = format!(
            "Sec-Fetch-Site: {site}\r\nSec-Fetch-Mode: no-cors\r\nOrigin: http://evil.example\r\n"
        );
        assert_eq!(
            get_with(&server, "/api/v1/pools", &headers).status,
            403,
            "{site}"
        );
    }
    let followed = "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\n";
    assert_eq!(get_with(&server, "/", followed).status, 200);
    for path in [
        "/",
        "/api/v1/pools",
        "/api/v1/nothing",
        "/metrics",
        "/healthz",
        "/debug/pprof/heap",
        "/assets/style.css",
        "/api/v1/history?span=x",
    ] {
        let answer = get_with(&server, path, "Origin: http://evil.example\r\n");
        assert!(
            !answer.head.to_lowercase().contains("access-control-"),
            "{path}"
        );
        let policy = answer.header("content-security-policy").expect("a policy");
        assert!(
            policy.contains("default-src 'none'") && !policy.contains("unsafe"),
            "{path}"
        );
        assert_eq!(
            answer.header("x-content-type-options"),
            Some("nosniff"),
            "{path}"
        );
    }
}

#[test]
fn nothing_can_be_written() {
    let (_pool, watch) = watched("written");
    let server = served(&watch);
    for method in [
        "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND",
    ] {
        for path in [
            "/",
            "/api/v1/pools",
            "/api/v1/stream",
            "/save",
            "/metrics",
            "/healthz",
            "/nothing",
        ] {
            let request = format!(
                "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{{}}"
            );
            assert_eq!(
                send(server.address(), request.as_bytes()).status,
                405,
                "{method} {path}"
            );
        }
    }
    let connect = status(
        &server,
        "CONNECT localhost:22 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
    );
    assert!(connect >= 400, "{connect}");
}

#[test]
fn a_path_leads_to_no_other_file() {
    let (_pool, watch) = watched("paths");
    let server = served(&watch);
    for path in [
        "/assets/../Cargo.toml",
        "/assets/%2e%2e/Cargo.toml",
        "/assets/..%2fCargo.toml",
        "/assets//style.css",
        "/assets/",
        "/assets/style.css/",
        "//etc/passwd",
        "/assets/%00",
        "/assets/app/../style.css",
        "/ASSETS/style.css",
        "/api/v1/history/../pools",
        "/metrics/",
        "/metrics/../save",
        "/debug/pprof/",
        "/debug/pprof/cmdline",
        "/etc/passwd",
    ] {
        assert_eq!(get(&server, path).status, 404, "{path}");
    }
    for query in [
        "?pool=-1",
        "?pool=1e3",
        "?pool=99999999999999999999999",
        "?since_ms=x",
    ] {
        assert_eq!(
            get(&server, &format!("/api/v1/history{query}")).status,
            400,
            "{query}"
        );
    }
}

#[test]
fn what_is_no_request_is_refused() {
    let (_pool, watch) = watched("malformed");
    let server = served(&watch);
    let long = "x".repeat(200 << 10);
    let many = "X-A: 1\r\n".repeat(500);
    for request in [
        "\u{0}\u{1}\u{2}\r\n\r\n".to_owned(),
        "GET\r\n\r\n".to_owned(),
        "GET / HTTP/9.9\r\nHost: localhost\r\n\r\n".to_owned(),
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(),
        format!("GET /{long} HTTP/1.1\r\nHost: localhost\r\n\r\n"),
        format!("GET / HTTP/1.1\r\nHost: localhost\r\nX-A: {long}\r\n\r\n"),
        format!("GET / HTTP/1.1\r\nHost: localhost\r\n{many}\r\n"),
        "GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n".to_owned(),
        "GET / HTTP/1.1\r\nHost: localhost\r\nBad Header\r\n\r\n".to_owned(),
    ] {
        let status = status(&server, &request);
        assert!(status == 0 || status >= 400, "{status} for {request:.60}");
    }
}

#[test]
fn a_head_that_never_ends_is_given_up() {
    let (_pool, watch) = watched("slow");
    let server = served(&watch);
    let mut unfinished = connect(server.address());
    unfinished
        .write_all(b"GET / HTTP/1.1\r\nHost: local")
        .expect("a server");
    let mut silent = connect(server.address());
    for stream in [&mut unfinished, &mut silent] {
        let mut rest = Vec::new();
        let read = stream.read_to_end(&mut rest);
        assert!(
            read.is_ok(),
            "the server closes, and nothing of the page was sent: {read:?}"
        );
        assert!(!String::from_utf8_lossy(&rest).contains("<html"));
    }
    assert_eq!(get(&server, "/").status, 200);
}

#[test]
fn a_flood_of_streams_is_bounded() {
    let (_pool, watch) = watched("flood");
    let server = served(&watch);
    let mut flood: Vec<TcpStream> = Vec::new();
    for _ in 0..1000 {
        let mut stream = connect(server.address());
        // A connection beyond the bound is closed at once.
        let _ = stream.write_all(b"GET /api/v1/stream HTTP/1.1\r\nHost: localhost\r\n\r\n");
        flood.push(stream);
    }
    let mut open = 0;
    for stream in &mut flood {
        let mut head = [0; 15];
        if stream.read_exact(&mut head).is_ok() && &head == b"HTTP/1.1 200 OK" {
            open += 1;
        }
    }
    assert!((1..=16).contains(&open), "{open} streams are open");
    drop(flood);
    eventually("an answer after the flood", || {
        (get(&server, "/api/v1/pools").status == 200).then_some(())
    });
    eventually("a stream after the flood", || {
        common::Updates::open(&server).next()
    });
}
