//! A page whose program is restarted at the same address, in a real browser.

mod common;

use std::io::Read;
use std::process::{Child, Command, Stdio};

use common::browser::Browser;
use common::{eventually, frames_until, served, watched};
use framepool_dashboard::Dashboard;

/// The address at which the other process serves.
const ADDRESS: &str = "FRAMEPOOL_TEST_SERVE_AT";

/// The other process: it serves until its input ends. Without the address it has nothing to do.
#[test]
fn other_process_serves() {
    let Ok(address) = std::env::var(ADDRESS) else {
        return;
    };
    let (pool, watch) = watched("afterwards");
    let server = eventually("the same port", || {
        Dashboard::new(&watch).serve(&*address).ok()
    });
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
    drop((server, pool));
}

/// A process that ends with this value.
struct Other(Child);

impl Other {
    fn start(address: &str) -> Self {
        let program = std::env::current_exe().expect("this program");
        let started = Command::new(program)
            .args(["--exact", "other_process_serves"])
            .env(ADDRESS, address)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn();
        Self(started.expect("a process"))
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}

#[test]
fn restart_is_said_and_begins_afresh() {
    let (pool, watch) = watched("before");
    let server = served(&watch);
    let address = server.address().to_string();
    let browser = Browser::start();
    browser.open(&server.url());
    watch.store().mark("only before");
    frames_until(&pool, "samples", || {
        browser.until_text("#log", "only before");
        let rows = browser.run("return fp.view.pool().spans.recent.rows.length");
        (rows.as_u64()? > 8).then_some(())
    });
    browser.press(&["a", "b"]);
    browser.until_text("#comparison", "From ");
    drop(server);
    browser.until_text("#connection", "lost");
    let other = Other::start(&address);
    browser.until_text("#restarted", "The program was restarted");
    browser.until_text("#restarted", &format!("({})", other.0.id()));
    browser.until_text("#connection", "live");
    browser.until_text("#pool", "afterwards");
    assert_eq!(browser.text("#comparison"), None);
    assert_eq!(
        browser.run("return document.querySelectorAll('.chart .point').length"),
        0
    );
    eventually("another log", || {
        (!browser.text("#log")?.contains("only before")).then_some(())
    });
    browser.press(&["\u{e00c}"]);
    assert_eq!(browser.text("#restarted"), None);
    drop(other);
    assert_eq!(browser.complaints(), [""; 0]);
}

#[test]
fn paused_page_outlives_a_restart() {
    let (pool, watch) = watched("before");
    let server = served(&watch);
    let address = server.address().to_string();
    let browser = Browser::start();
    let kept = pool.alloc::<u8>(100_000);
    browser.open(&server.url());
    browser.until_text("[data-metric=outstanding_buffers]", "1");
    browser.press(&["p"]);
    drop(server);
    browser.until_text("#connection", "lost");
    let other = Other::start(&address);
    browser.until_text("#restarted", "still shows the paused moment");
    browser.until_text("[data-metric=outstanding_buffers]", "1");
    browser.until_text("#pool", "before");
    browser.press(&["p"]);
    browser.until_text("#pool", "afterwards");
    browser.until_text("[data-metric=outstanding_buffers]", "0");
    drop((other, kept));
}
