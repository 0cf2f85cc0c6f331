//! Buffers that come and go within a frame, in a real browser: they are no part of levels that are compared.

mod common;

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use common::browser::Browser;
use common::{eventually, served, watched};
use framepool::BufferPool;

/// Runs frames until told to stop. In each, one buffer is out for most of the time.
fn run_frames(pool: &BufferPool, stop: &AtomicBool) {
    while !stop.load(Ordering::Relaxed) {
        let frame = pool.begin_frame();
        frame.alloc::<u8>(100_000).fill(1);
        let scratch = pool.alloc::<u8>(2_000_000);
        thread::sleep(Duration::from_millis(8));
        drop(scratch);
        thread::sleep(Duration::from_millis(2));
        frame.release_all();
    }
}

/// Stops the frames when it is dropped, also by a failed assertion.
struct Stop<'s>(&'s AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// The lines of this file in the bands of all samples in sight, and the different sums of the bands.
const BANDS: &str = "const p = fp.view.pool(); const { rows } = p.spans.recent; const sum = (r) => r[2].reduce((all, [, bytes]) => all + bytes, 0);
    return [[...new Set(rows.flatMap((r) => r[2].map(([site]) => p.names.sites[site])))].filter((name) => name.includes('browser_in_flight')).length, [...new Set(rows.map(sum))].sort((a, b) => a - b)]";

#[test]
fn a_frames_own_buffers_are_not_compared() {
    let (pool, watch) = watched("flying");
    let server = served(&watch);
    let browser = Browser::start();
    let stop = AtomicBool::new(false);
    // Before the first frame end, and a second after the latest, nothing is known to be in flight.
    pool.end_frame();
    thread::scope(|scope| {
        scope.spawn(|| run_frames(&pool, &stop));
        let _stop = Stop(&stop);
        browser.open(&server.url());
        let level = pool.alloc::<u8>(500_000);
        let line = format!("browser_in_flight.rs:{}", line!() - 1);
        browser.until_text("#timeline-legend", &line);
        browser.until_text("#timeline-legend", "frames in flight");
        browser.until_text("#memory-legend", "Kept");
        eventually("many samples", || {
            let known = browser.run("return fp.view.pool().spans.recent.rows.length");
            (known.as_u64()? > 30).then_some(())
        });
        // The map leaves them out too, and names them as one part.
        browser.press(&["p"]);
        let parts = browser.run("document.querySelector('#crumbs [data-key=in_use]').click(); const all = [...document.querySelectorAll('#map .cell')].map((c) => c.title); return [all.filter((t) => t.includes('browser_in_flight.rs')).length, all.filter((t) => t.includes('frames in flight')).length]");
        let in_flight = browser.run(
            "return fp.view.pool().sites.sites.reduce((all, s) => all + s.in_flight_bytes, 0)",
        );
        assert_eq!(parts[0], 1, "only {line} in the map");
        assert_eq!(parts[1], u64::from(in_flight != 0), "{in_flight}");
        // All kept bytes are of this one line, and the same at every moment after its alloc.
        let block = pool.rounded_bytes(500_000).expect("a size");
        assert_eq!(browser.run(BANDS), serde_json::json!([1, [0, block]]));
        browser.run("const r = fp.view.pool().spans.recent.rows; fp.view.select([r[0][0] / 1000, r.at(-1)[0] / 1000])");
        let rows = browser.run("return [...document.querySelectorAll('#comparison tbody tr')].map((r) => [r.cells[0].innerText, r.dataset.fate])");
        assert_eq!(
            rows,
            serde_json::json!([[line, "born"], ["frames in flight", "in flight"]])
        );
        browser.until_text("#comparison", "kept across frames");
        // In use is what is kept and what is in flight, in each sample.
        let differs = browser.run(
            "const p = fp.view.pool(); const { rows, columns } = p.spans.recent; const at = (name, label) => columns.findIndex((c) => c.metric === name && (!label || c.labels.state === label));
             const [used, flying] = [at('framepool.memory.usage', 'in_use'), at('in_flight_bytes')];
             return rows.filter((r) => r[1][used] - r[1][flying] !== r[2].reduce((all, [, bytes]) => all + bytes, 0)).length",
        );
        assert_eq!(differs, 0);
        browser.picture("in-flight");
        drop(level);
    });
    assert_eq!(browser.complaints(), [""; 0]);
}

#[test]
fn buffers_of_an_endless_frame_are_named() {
    let (pool, watch) = watched("stopped");
    let server = served(&watch);
    let browser = Browser::start();
    browser.open(&server.url());
    let frame = pool.begin_frame();
    let held = pool.alloc::<u8>(700_000);
    let line = format!("browser_in_flight.rs:{}", line!() - 1);
    // No frame ends from here on.
    browser.until_text("#timeline-legend", &line);
    let shown = browser.run("return fp.view.pool().health.metrics.in_flight_bytes");
    assert_eq!(shown, 0);
    drop(held);
    frame.release_all();
    assert_eq!(browser.complaints(), [""; 0]);
}
