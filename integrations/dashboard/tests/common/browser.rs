//! A headless Chromium, driven through chromedriver by the `WebDriver` protocol: JSON over HTTP.

use std::fs;
use std::io::{self, BufRead, BufReader, Lines, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};

use super::{LONG, eventually};

/// One browser at a time: two of them are slow on two cores.
static TURN: Mutex<()> = Mutex::new(());

/// A browser with one page. Dropping it ends it.
pub(crate) struct Browser {
    driver: Child,
    /// Held open, because the driver ends when its output is closed.
    _said: Lines<BufReader<ChildStdout>>,
    port: u16,
    session: String,
    _turn: MutexGuard<'static, ()>,
}

impl Browser {
    pub(crate) fn start() -> Self {
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let started = Command::new("chromedriver")
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn();
        let mut driver = started.expect(
            "chromedriver: install chromium and chromium-driver, or run `cargo xtask ci setup`",
        );
        let mut lines = BufReader::new(driver.stdout.take().expect("a pipe")).lines();
        let port = loop {
            let line = lines
                .next()
                .expect("chromedriver says its port")
                .expect("text");
            if let Some((_, port)) = line.split_once("started successfully on port ") {
                break port.trim_end_matches('.').parse().expect("a port");
            }
        };
        let mut browser = Self {
            driver,
            _said: lines,
            port,
            session: String::new(),
            _turn: turn,
        };
        let arguments = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--disable-dev-shm-usage",
            "--window-size=1600,1000",
        ];
        let wanted = json!({"alwaysMatch": {"goog:chromeOptions": {"args": arguments}, "goog:loggingPrefs": {"browser": "ALL"}}});
        let session = browser.send("", &json!({"capabilities": wanted}));
        session["sessionId"]
            .as_str()
            .expect("a session")
            .clone_into(&mut browser.session);
        browser
    }

    /// A command of the protocol.
    fn send(&self, command: &str, body: &Value) -> Value {
        let path = if self.session.is_empty() {
            "/session".to_owned()
        } else {
            format!("/session/{}/{command}", self.session)
        };
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).expect("chromedriver");
        stream.set_read_timeout(Some(LONG)).expect("a time");
        let body = body.to_string();
        let length = body.len();
        write!(
            stream,
            "POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
        )
        .expect("chromedriver reads");
        // The driver keeps its connections, so the answer ends after its content length.
        let mut reader = BufReader::new(stream);
        let mut length = 0;
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).expect("an answer");
            match line.trim_end().split_once(':') {
                Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                    length = value.trim().parse().expect("a length");
                }
                None if line.trim_end().is_empty() => break,
                _ => {}
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).expect("a body");
        let mut answer: Value = serde_json::from_slice(&body).expect("JSON");
        assert!(answer["value"]["error"].is_null(), "{command}: {answer}");
        answer["value"].take()
    }

    /// Ends the session, and with it the browser; waits until the driver has answered.
    fn quit(&self) -> io::Result<()> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
        stream.set_read_timeout(Some(LONG))?;
        let session = &self.session;
        write!(
            stream,
            "DELETE /session/{session} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        )?;
        stream.read(&mut [0; 1]).map(|_| ())
    }

    pub(crate) fn open(&self, url: &str) {
        self.send("url", &json!({"url": url}));
    }

    /// Runs a script and returns its result.
    pub(crate) fn run(&self, script: &str) -> Value {
        self.send("execute/sync", &json!({"script": script, "args": []}))
    }

    /// Runs a script and returns the value passed to its callback, `arguments[0]`.
    pub(crate) fn run_until_called(&self, script: &str) -> Value {
        self.send("execute/async", &json!({"script": script, "args": []}))
    }

    /// The text of the first matching element; `None` if there is none or it is hidden.
    pub(crate) fn text(&self, selector: &str) -> Option<String> {
        let found = self.run(&format!("const e = document.querySelector(`{selector}`); return e && e.getClientRects().length ? e.innerText : null"));
        found.as_str().map(str::to_owned)
    }

    /// Waits until the text of an element contains this.
    pub(crate) fn until_text(&self, selector: &str, part: &str) {
        eventually(
            &format!(
                "`{part}` in {selector}, which says {:?}",
                self.text(selector)
            ),
            || self.text(selector)?.contains(part).then_some(()),
        );
    }

    /// Presses keys, one after another.
    pub(crate) fn press(&self, keys: &[&str]) {
        let actions: Vec<Value> = keys
            .iter()
            .flat_map(|key| {
                [
                    json!({"type": "keyDown", "value": key}),
                    json!({"type": "keyUp", "value": key}),
                ]
            })
            .collect();
        self.send(
            "actions",
            &json!({"actions": [{"type": "key", "id": "keyboard", "actions": actions}]}),
        );
    }

    /// Drags the mouse over an element, from one share of its width to another.
    pub(crate) fn drag(&self, selector: &str, from: f64, to: f64) {
        let place = self.run(&format!(
            "const e = document.querySelector(`{selector}`); e.scrollIntoView({{block: 'center'}}); const r = e.getBoundingClientRect(); return [r.x, r.y, r.width, r.height]"
        ));
        let at = |index: usize| place[index].as_f64().expect("a number");
        let x = |share: f64| (at(0) + at(2) * share) as i64;
        let y = (at(1) + at(3) / 2.0) as i64;
        let actions = json!([
            {"type": "pointerMove", "duration": 0, "x": x(from), "y": y},
            {"type": "pointerDown", "button": 0},
            {"type": "pointerMove", "duration": 50, "x": x(f64::midpoint(from, to)), "y": y},
            {"type": "pointerMove", "duration": 50, "x": x(to), "y": y},
            {"type": "pointerUp", "button": 0},
        ]);
        self.send(
            "actions",
            &json!({"actions": [{"type": "pointer", "id": "mouse", "actions": actions}]}),
        );
    }

    /// Moves the mouse to a place in an element, in shares of its width and height.
    pub(crate) fn hover(&self, selector: &str, (across, down): (f64, f64)) {
        let place = self.run(&format!(
            "const e = document.querySelector(`{selector}`); e.scrollIntoView({{block: 'center'}}); const r = e.getBoundingClientRect(); return [r.x, r.y, r.width, r.height]"
        ));
        let at = |index: usize| place[index].as_f64().expect("a number");
        let (x, y) = (
            (at(0) + at(2) * across) as i64,
            (at(1) + at(3) * down) as i64,
        );
        let moves = json!([
            {"type": "pointerMove", "duration": 0, "x": x - 3, "y": y},
            {"type": "pointerMove", "duration": 20, "x": x, "y": y},
        ]);
        self.send(
            "actions",
            &json!({"actions": [{"type": "pointer", "id": "mouse", "actions": moves}]}),
        );
    }

    /// The time axis of the charts.
    pub(crate) fn axis(&self) -> (f64, f64) {
        let axis = self.run("const { min, max } = fp.charts.all.find((c) => c.root.id === 'timeline').plot.scales.x; return [min, max]");
        let at = |place: usize| axis[place].as_f64().expect("a number");
        (at(0), at(1))
    }

    /// Turns the wheel over a place in an element, in shares of its width and height, while keys are held.
    pub(crate) fn wheel(
        &self,
        selector: &str,
        at: (f64, f64),
        held: &[&str],
        (across, down): (i32, i32),
    ) {
        self.hover(selector, at);
        let rect = self.run(&format!(
            "const r = document.querySelector(`{selector}`).getBoundingClientRect(); return [r.x + r.width * {}, r.y + r.height * {}]", at.0, at.1
        ));
        let [x, y] = [0, 1].map(|index: usize| rect[index].as_f64().expect("a number") as i64);
        let pause = || json!({"type": "pause"});
        let keys = |kind: &str| -> Vec<Value> {
            held.iter()
                .map(|key| json!({"type": kind, "value": key}))
                .collect()
        };
        let scroll = json!({"type": "scroll", "x": x, "y": y, "deltaX": across, "deltaY": down, "duration": 0, "origin": "viewport"});
        let keyboard = [keys("keyDown"), vec![pause()], keys("keyUp")].concat();
        let before = held.iter().map(|_| pause());
        let wheel: Vec<Value> = before.chain([scroll]).collect();
        self.send(
            "actions",
            &json!({"actions": [
                {"type": "key", "id": "keyboard", "actions": keyboard},
                {"type": "wheel", "id": "wheel", "actions": wheel},
            ]}),
        );
    }

    /// Chooses a file, as in the dialogue of a file input.
    pub(crate) fn choose_file(&self, selector: &str, path: &Path) {
        let found = self.send(
            "element",
            &json!({"using": "css selector", "value": selector}),
        );
        let id = found.as_object().and_then(|found| found.values().next());
        let id = id.and_then(Value::as_str).expect("an element");
        let path = path.display().to_string();
        self.send(&format!("element/{id}/value"), &json!({"text": path}));
    }

    fn devtools(&self, command: &str, parameters: &Value) -> Value {
        self.send(
            "goog/cdp/execute",
            &json!({"cmd": command, "params": parameters}),
        )
    }

    pub(crate) fn resize(&self, width: u32, height: u32) {
        self.devtools(
            "Emulation.setDeviceMetricsOverride",
            &json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false}),
        );
    }

    /// Sets the colour scheme of the user's system, `light` or `dark`.
    pub(crate) fn prefer(&self, scheme: &str) {
        let features = json!([{"name": "prefers-color-scheme", "value": scheme}]);
        self.devtools("Emulation.setEmulatedMedia", &json!({"features": features}));
    }

    /// Writes a picture of the whole page below the target folder.
    pub(crate) fn picture(&self, name: &str) {
        let picture = self.devtools(
            "Page.captureScreenshot",
            &json!({"captureBeyondViewport": true}),
        );
        let path = output(&format!("{name}.png"));
        fs::write(path, decoded(picture["data"].as_str().expect("a picture"))).expect("writable");
    }

    /// Panics if the page is wider than the window, or if axe finds accessibility problems.
    pub(crate) fn assert_usable(&self, what: &str) {
        const AXE: &str = include_str!("../axe/axe.min.js");
        let beyond = self.run("return document.documentElement.scrollWidth - innerWidth");
        assert!(
            beyond.as_i64().is_some_and(|pixels| pixels <= 0),
            "{what}: {beyond} pixels beyond the edge"
        );
        let violations = self.run_until_called(&format!(
            "{AXE}; const done = arguments[0]; axe.run().then((r) => done(r.violations.map((v) => v.id + ': ' + v.nodes.map((n) => n.target + ' ' + n.failureSummary).join('; '))), (e) => done([String(e)]))"
        ));
        assert_eq!(violations, json!([]), "{what}");
    }

    /// The errors of the page, without those of a closed connection.
    pub(crate) fn complaints(&self) -> Vec<String> {
        let entries = self.send("se/log", &json!({"type": "browser"}));
        let texts = entries
            .as_array()
            .into_iter()
            .flatten()
            .map(|entry| entry["message"].to_string());
        texts.filter(|text| !text.contains("net::ERR_")).collect()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The browser ends with its session, also when a test failed: nothing here panics. The driver ends with its process.
        let _ = self.quit();
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

/// A file for people to look at, in the folder `dashboard` of the target folder.
pub(crate) fn output(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).with_file_name("dashboard");
    fs::create_dir_all(&folder).expect("writable");
    folder.join(name)
}

/// The bytes of a base64 text.
fn decoded(text: &str) -> Vec<u8> {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digits = text
        .bytes()
        .filter_map(|byte| DIGITS.iter().position(|&digit| digit == byte));
    let digits: Vec<usize> = digits.collect();
    let whole = digits.chunks(4).flat_map(|chunk| {
        let bits = chunk.iter().fold(0, |bits, digit| bits << 6 | digit) << (6 * (4 - chunk.len()));
        let bytes = [(bits >> 16) as u8, (bits >> 8) as u8, bits as u8];
        bytes.into_iter().take(chunk.len() - 1)
    });
    whole.collect()
}
