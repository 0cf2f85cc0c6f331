//! `framepool top` in a pseudo-terminal, against a real demo.
#![cfg(all(unix, feature = "dashboard"))]

mod common;

use std::io::{BufRead, BufReader, Read, Write};
use std::num::NonZero;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use common::{Scratch, trace_of};
use pty_process::blocking::{Command as InPty, Pty};

const PATIENCE: Duration = Duration::from_secs(40);

fn size(number: u16) -> NonZero<u16> {
    NonZero::new(number).expect("a size")
}

/// A program with a terminal, and the content of its screen.
struct Terminal {
    child: Child,
    pty: Arc<Pty>,
    screen: Arc<Mutex<vt100::Parser>>,
}

impl Terminal {
    fn open(columns: u16, rows: u16, arguments: &[&str], no_color: &str) -> Self {
        let (pty, pts) = pty_process::blocking::open().expect("a pseudo-terminal");
        pty.resize(pty_process::Size::new(rows, columns))
            .expect("a size");
        let child = InPty::new(env!("CARGO_BIN_EXE_framepool"))
            .args(arguments)
            .env("TERM", "xterm-256color")
            .env("NO_COLOR", no_color)
            .spawn(pts)
            .expect("running framepool");
        let screen = Arc::new(Mutex::new(vt100::Parser::new(size(rows), size(columns), 0)));
        let pty = Arc::new(pty);
        let (reader, shown) = (Arc::clone(&pty), Arc::clone(&screen));
        thread::spawn(move || {
            let mut bytes = [0; 4096];
            // The end of the program is an error of the pseudo-terminal.
            while let Ok(read @ 1..) = (&*reader).read(&mut bytes) {
                shown.lock().expect("no panic").process(&bytes[..read]);
            }
        });
        Self { child, pty, screen }
    }

    fn text(&self) -> String {
        self.screen.lock().expect("no panic").screen().contents()
    }

    fn press(&self, keys: &str) {
        (&*self.pty).write_all(keys.as_bytes()).expect("a terminal");
    }

    /// Waits until the screen is as it should be.
    fn expect(&self, what: &str, is_so: impl Fn(&str) -> bool) -> String {
        let began = Instant::now();
        loop {
            let text = self.text();
            if is_so(&text) {
                return text;
            }
            assert!(began.elapsed() < PATIENCE, "no {what}:\n{text}");
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// Waits until the whole picture has arrived: it is read in pieces, and the first may already say what is expected.
    fn settled(&self) -> String {
        let began = Instant::now();
        let mut last = self.text();
        loop {
            // Shorter than the second between two pictures, so a picture that goes on changing is not mistaken for a
            // settled one.
            thread::sleep(Duration::from_millis(300));
            let text = self.text();
            if text == last {
                return text;
            }
            assert!(began.elapsed() < PATIENCE, "it changes:\n{text}");
            last = text;
        }
    }

    /// Presses `q`, and returns the exit code.
    fn quit(self) -> Option<i32> {
        self.press("q");
        self.ended()
    }

    /// Waits for the end, and returns the exit code. The usual screen is restored then.
    fn ended(mut self) -> Option<i32> {
        let began = Instant::now();
        let status = loop {
            assert!(began.elapsed() < PATIENCE, "it goes on:\n{}", self.text());
            if let Some(status) = self.child.try_wait().expect("a state") {
                break status;
            }
            thread::sleep(Duration::from_millis(50));
        };
        // The last output may not have been read yet.
        while self.has_alternate_screen() {
            assert!(began.elapsed() < PATIENCE, "the usual screen is not back");
            thread::sleep(Duration::from_millis(50));
        }
        status.code()
    }

    fn has_alternate_screen(&self) -> bool {
        self.screen
            .lock()
            .expect("no panic")
            .screen()
            .alternate_screen()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A demo that serves its page.
struct Demo {
    child: Child,
    url: String,
}

impl Demo {
    fn start(address: &str, arguments: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_framepool"))
            .args(["demo", "--threads", "1", "--serve", address])
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("running framepool");
        let mut heard = BufReader::new(child.stderr.take().expect("a pipe"));
        let mut line = String::new();
        while !line.starts_with("open http") {
            line.clear();
            let read = heard.read_line(&mut line).expect("text");
            assert!(read > 0, "no address");
        }
        let url = line.split(' ').nth(1).expect("an address").to_owned();
        thread::spawn(move || heard.lines().map_while(Result::ok).count());
        Self { child, url }
    }

    fn address(&self) -> String {
        let rest = self.url.trim_start_matches("http://");
        rest[..rest.find('/').unwrap_or(rest.len())].to_owned()
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_leak_is_named_at_every_size() {
    let demo = Demo::start("0", &["--leak", "20"]);
    let terminals = [(60, 15), (80, 24), (160, 50)]
        .map(|(columns, rows)| Terminal::open(columns, rows, &["top", &demo.url], ""));
    for terminal in &terminals {
        let text = terminal.expect("leak", |text| {
            text.contains("warning, 1 alert") && text.contains("growing")
        });
        println!("{text}\n");
        let row = text
            .lines()
            .find(|line| line.contains("leak.rs:34") && line.contains("growing"));
        assert!(row.is_some(), "the table names the line:\n{text}");
        assert!(text.contains("in use") && text.contains("hits"), "{text}");
        assert!(text.contains("q quit"), "{text}");
    }
    for terminal in terminals {
        assert_eq!(terminal.quit(), Some(0));
    }
}

#[test]
fn keys_do_what_the_help_says() {
    let demo = Demo::start("0", &["--leak", "20"]);
    let terminal = Terminal::open(100, 30, &["top", &demo.url], "");
    terminal.expect("leak", |text| text.contains("growing"));
    terminal.press("h");
    terminal.expect("help", |text| text.contains("sort by the next of bytes"));
    terminal.press("h");
    terminal.expect("table", |text| text.contains("bytes ▼"));
    terminal.press("s");
    terminal.expect("other order", |text| text.contains("buffers ▼"));
    terminal.press("r");
    terminal.expect("reversed order", |text| text.contains("buffers ▲"));
    terminal.press("/nothing\r");
    terminal.expect("empty table", |text| {
        text.contains("No call site is like that")
    });
    terminal.press("/\x1b");
    terminal.expect("whole table", |text| {
        !text.contains("No call site is like that")
    });
    terminal.press("v");
    terminal.expect("growing sites", |text| {
        text.contains("growing only") && text.contains("leak.rs:34")
    });
    terminal.press("p");
    terminal.expect("pause", |text| text.contains("PAUSED"));
    let paused = terminal.settled();
    thread::sleep(Duration::from_millis(1_500));
    assert_eq!(terminal.text(), paused);
    assert_eq!(terminal.quit(), Some(0));
}

#[test]
fn a_lost_connection_is_said_and_comes_back() {
    let demo = Demo::start("0", &[]);
    let address = demo.address();
    let terminal = Terminal::open(80, 24, &["top", &address], "");
    terminal.expect("numbers", |text| {
        text.contains("pool demo") && text.contains("hits")
    });
    drop(demo);
    let text = terminal.expect("complaint", |text| text.contains("NO CONNECTION for"));
    println!("{text}\n");
    assert!(text.contains("nobody listens there"), "{text}");
    let _again = Demo::start(&address, &[]);
    terminal.expect("numbers again", |text| {
        !text.contains("NO CONNECTION") && text.contains("pool demo")
    });
    assert_eq!(terminal.quit(), Some(0));
}

#[test]
fn protected_page_is_shown_with_its_token() {
    let demo = Demo::start("0.0.0.0:0", &[]);
    assert!(demo.url.contains("token="), "{}", demo.url);
    let terminal = Terminal::open(80, 24, &["top", &demo.url], "");
    terminal.expect("numbers", |text| text.contains("pool demo"));
    let stranger = Terminal::open(80, 24, &["top", &demo.address()], "");
    stranger.expect("refusal", |text| text.contains("the page needs a token"));
    assert_eq!((terminal.quit(), stranger.quit()), (Some(0), Some(0)));
}

#[test]
fn no_colour_is_used_where_none_is_wanted() {
    let demo = Demo::start("0", &["--leak", "20"]);
    let has_colour = |no_color: &str, option: &[&str]| {
        let arguments = [&["top", &demo.url], option].concat();
        let terminal = Terminal::open(80, 24, &arguments, no_color);
        terminal.expect("leak", |text| text.contains("growing"));
        let screen = terminal.screen.lock().expect("no panic");
        (0..24)
            .flat_map(|row| (0..80).map(move |column| (row, column)))
            .any(|(row, column)| {
                let cell = screen.screen().cell(row, column);
                cell.is_some_and(|cell| cell.fgcolor() != vt100::Color::Default)
            })
    };
    assert!(has_colour("", &[]));
    assert!(
        !has_colour("1", &[])
            && !has_colour("", &["--no-color"])
            && !has_colour("", &["--no-colour"])
    );
}

#[test]
fn a_demo_shows_itself_until_it_is_quit() {
    let terminal = Terminal::open(80, 24, &["demo", "--top", "--leak", "20"], "");
    terminal.expect("leak", |text| text.contains("growing"));
    terminal.press("q");
    let text = terminal.expect("summary", |text| text.contains("severity  raised, s"));
    assert!(text.contains("\nleak "), "{text}");
}

#[test]
fn a_replay_stays_until_it_is_quit() {
    // Four seconds: the view reads the pool once a second.
    let lines = trace_of(200, |tick| {
        format!("{},1,alloc,{tick},4096,scene.c:7", tick * 20_000)
    });
    let recording = Scratch::new("shown.csv", lines);
    let terminal = Terminal::open(80, 24, &["replay", recording.path(), "--top"], "");
    terminal.expect("recorded call site", |text| text.contains("scene.c:7"));
    terminal.expect("end of the replay", |text| text.contains("NOT JUDGED for"));
    terminal.press("q");
    let text = terminal.expect("report", |text| text.contains("The pool was asked too"));
    assert!(!text.contains("ns per operation"), "{text}");
    assert_eq!(terminal.ended(), Some(0));
}

#[test]
fn a_signal_gives_the_terminal_back() {
    let demo = Demo::start("0", &[]);
    let terminal = Terminal::open(80, 24, &["top", &demo.url], "");
    terminal.expect("numbers", |text| text.contains("pool demo"));
    let process = terminal.child.id().to_string();
    let sent = Command::new("kill").args(["-TERM", &process]).status();
    assert!(sent.expect("running kill").success());
    assert_eq!(terminal.ended(), Some(0));
}

#[test]
fn without_a_terminal_it_says_what_to_read() {
    let output = common::framepool(&["top"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(common::stderr(&output).contains("/api/v1/update"));
    let output = common::framepool(&["top", "not an address"]);
    assert!(common::stderr(&output).contains("not the address of a page"));
}
