//! Zooming into the charts, in a real browser.

mod common;

use common::browser::Browser;
use common::{AGED, eventually, frames_until, served, watched};
use framepool::BufferPool;

const CONTROL: &str = "\u{e009}";
const SHIFT: &str = "\u{e008}";
const PLOT: &str = "#timeline .u-over";

/// Waits until the time axis has this property.
fn until_axis(browser: &Browser, what: &str, is: impl Fn(f64, f64) -> bool) -> (f64, f64) {
    eventually(what, || {
        let (from, to) = browser.axis();
        is(from, to).then_some((from, to))
    })
}

/// A page with five minutes of samples.
fn aged(pool: &BufferPool, browser: &Browser, url: &str) {
    browser.open(url);
    frames_until(pool, "samples", || {
        let known = browser.run("return fp.view.pool()?.spans.recent?.rows.length ?? 0");
        (known.as_u64()? > 3).then_some(())
    });
    browser.run(AGED);
    until_axis(browser, "two minutes", |from, to| {
        (to - from - 120.0).abs() < 0.1
    });
}

#[test]
fn wheel_zooms_about_the_pointer() {
    let (pool, watch) = watched("zoomed");
    let server = served(&watch);
    let browser = Browser::start();
    let kept = pool.alloc::<u8>(200_000);
    aged(&pool, &browser, &server.url());
    browser.press(&["p"]);
    let (from, to) = browser.axis();
    let pointed = from + (to - from) * 0.25;
    browser.wheel(PLOT, (0.25, 0.5), &[CONTROL], (0, -300));
    let (near, far) = until_axis(&browser, "a shorter window", |from, to| to - from < 60.0);
    let still = near + (far - near) * 0.25;
    assert!(
        (still - pointed).abs() < 0.5,
        "{still} instead of {pointed}"
    );
    browser.until_text("#looking", "Zoomed: the charts show ");
    browser.until_text("#looking", "show the paused moment");
    // With Shift it moves the window, and keeps its length.
    browser.wheel(PLOT, (0.5, 0.5), &[SHIFT], (0, -200));
    let (left, right) = until_axis(&browser, "an earlier window", |_, to| to < far - 1.0);
    assert!((right - left - (far - near)).abs() < 0.01);
    // Out again, about the same place.
    browser.wheel(PLOT, (0.5, 0.5), &[CONTROL], (0, 300));
    let (out, _) = until_axis(&browser, "a longer window", |from, to| {
        to - from > 2.0 * (right - left)
    });
    assert!(out < left);
    // Without a key the page scrolls.
    let before = browser.axis();
    browser.run("scrollTo(0, 0)");
    let place = "return scrollY";
    let top = browser.run(place);
    browser.wheel("#memory .u-over", (0.5, 0.5), &[], (0, 120));
    eventually("a scrolled page", || {
        (browser.run(place) != top).then_some(())
    });
    assert_eq!(browser.axis(), before);
    browser.run("document.getElementById('whole').click()");
    until_axis(&browser, "the whole span", |from, to| to - from > 119.0);
    assert_eq!(browser.text("#whole"), None);
    assert_eq!(browser.complaints(), [""; 0]);
    drop(kept);
}

#[test]
fn keys_zoom_to_a_range_and_back() {
    let (pool, watch) = watched("keys");
    let server = served(&watch);
    let browser = Browser::start();
    let kept = pool.alloc::<u8>(200_000);
    aged(&pool, &browser, &server.url());
    // At the latest moment a zoomed window stays live.
    browser.press(&["+", "+"]);
    until_axis(&browser, "a quarter", |from, to| {
        (to - from - 30.0).abs() < 0.1
    });
    browser.until_text("#connection", "live");
    browser.press(&["0"]);
    browser.drag(PLOT, 0.25, 0.5);
    let range = browser.run("return fp.view.chosen.range");
    let [a, b] = [0, 1].map(|at: usize| range[at].as_f64().expect("a moment"));
    browser.press(&["z"]);
    let (from, to) = until_axis(&browser, "the range", |from, to| to - from < 40.0);
    assert!(
        (from - a).abs() < 0.01 && (to - b).abs() < 0.01,
        "{from} to {to}, {a} to {b}"
    );
    browser.until_text("#connection", "paused at ");
    // A mark that is out of sight is still the one that is compared.
    let heading = "return document.querySelector('#comparison h3').innerText";
    let chosen = browser.run(heading);
    browser.hover(PLOT, (0.9, 0.5));
    browser.press(&["+", "+", "+", "+", "b"]);
    browser.until_text("#comparison", "From ");
    let begins = |text: &serde_json::Value| {
        let text = text.as_str().expect("a text");
        text.split(" to ").next().map(str::to_owned)
    };
    assert_eq!(begins(&browser.run(heading)), begins(&chosen));
    assert!(browser.axis().0 > a + 1.0, "A is out of sight");
    // No window is shorter than a few samples.
    browser.press(&["+"; 12]);
    let (from, to) = browser.axis();
    assert!((to - from - 2.0).abs() < 0.01, "{from} to {to}");
    browser.press(&["0"]);
    browser.until_text("#connection", "live");
    browser.press(&["-", "-"]);
    let (from, to) = browser.axis();
    assert!((to - from - 120.0).abs() < 0.1, "{from} to {to}");
    assert_eq!(browser.complaints(), [""; 0]);
    drop(kept);
}

#[test]
fn a_zoomed_hour_shows_the_finest_samples() {
    let (pool, watch) = watched("fine");
    let server = served(&watch);
    let browser = Browser::start();
    let kept = pool.alloc::<u8>(200_000);
    aged(&pool, &browser, &server.url());
    browser.press(&["p", "3"]);
    eventually("the hour", || {
        let known = browser.run("return fp.view.pool().spans.hour?.rows.length ?? 0");
        (known.as_u64()? > 0).then_some(())
    });
    let samples = "return fp.charts.all.find((c) => c.root.id === 'timeline').data[0].length";
    let coarse = browser.run(samples).as_u64().expect("a number");
    browser.press(&["+"; 20]);
    let (from, to) = browser.axis();
    assert!((to - from - 10.0).abs() < 0.01, "{from} to {to}");
    let fine = browser.run(samples).as_u64().expect("a number");
    assert!(fine > 30 && coarse < 30, "{fine} after {coarse}");
    // Frames are zoomed too.
    browser.press(&["p", "1"]);
    frames_until(&pool, "frames", || (browser.axis().1 > 300.0).then_some(()));
    browser.press(&["+"]);
    until_axis(&browser, "half of the frames", |from, to| {
        (to - from - 120.0).abs() < 0.1
    });
    browser.until_text("#looking", "Zoomed: the charts show 120 frames from frame ");
    assert_eq!(browser.complaints(), [""; 0]);
    drop(kept);
}
