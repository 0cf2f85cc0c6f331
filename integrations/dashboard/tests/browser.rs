//! The page in a real browser.

mod common;

use std::thread;
use std::time::Duration;

use common::browser::Browser;
use common::{eventually, frames_until, served, watched};
use framepool::metrics::METRICS;
use framepool::{BufferPool, HealthConfig, Watch};
use framepool_dashboard::Dashboard;

#[test]
fn numbers_on_the_page_equal_the_stores() {
    let (pool, watch) = watched("numbers <b>&amp;</b>");
    let tags = ["one", "two", "two"].map(|name| pool.tag(name));
    let kept = tags.map(|tag| tag.alloc::<u8>(500_000));
    frames_until(&pool, "the buffers in the store", || {
        let latest = watch.store().latest()?;
        (latest.metrics.outstanding_buffers == 3).then_some(())
    });
    watch.stop();
    let latest = watch.store().latest().expect("a health snapshot");
    let server = served(&watch);
    let browser = Browser::start();
    browser.open(&server.url());
    browser.until_text("#connection", "live");
    let metrics = serde_json::to_value(&latest.metrics).expect("serialisable");
    let shown = browser.run(
        "return Object.fromEntries([...document.querySelectorAll('[data-metric]')].map((e) => [e.dataset.metric, [Number(e.dataset.value), e.innerText]]))",
    );
    let shown = shown.as_object().expect("figures");
    assert!(shown.len() >= 10);
    for (name, shown) in shown.iter().filter(|(name, _)| *name != "hit_ratio") {
        let (shown, stored) = (shown[0].as_f64(), metrics[name].as_f64());
        let difference = shown
            .zip(stored)
            .map(|(shown, stored)| (shown - stored).abs());
        assert!(
            difference.is_some_and(|by| by < 1e-9),
            "{name}: {shown:?} for {stored:?}"
        );
    }
    for name in [
        "in_use_bytes",
        "idle_bytes",
        "pooled_bytes",
        "peak_bytes",
        "resident_bytes",
    ] {
        let count = metrics[name].as_u64().expect("a number");
        assert_eq!(
            shown[name][1],
            framepool::text::bytes(count).to_string(),
            "{name}"
        );
    }
    // The meaning of a figure comes from the table of metrics.
    let titles = eventually("the tooltips", || {
        let titles = browser
            .run("return [...document.querySelectorAll('#figures div')].map((e) => e.title)");
        titles[0]
            .as_str()
            .is_some_and(|title| !title.is_empty())
            .then(|| titles.to_string())
    });
    for metric in [
        "framepool.memory.usage",
        "framepool.memory.resident",
        "framepool.frames",
    ] {
        let described = METRICS.iter().find(|described| described.name == metric);
        let help = described.expect("a metric").help;
        assert!(titles.contains(metric) && titles.contains(help), "{titles}");
    }
    let rows = browser
        .run("return [...document.querySelectorAll('#table tbody tr')].map((r) => r.dataset.site)");
    let sites: Vec<_> = pool
        .outstanding()
        .sites
        .iter()
        .map(|site| site.location.to_string())
        .collect();
    assert_eq!(rows, serde_json::json!(sites));
    // One line with two tags has a row for each.
    assert_eq!(sites.len(), 2);
    browser.until_text("#table tbody", "two");
    browser.until_text("#table tbody", "one");
    // The same bytes by size, by thread and by tag.
    let out = pool.outstanding();
    let size = out.sizes.last().expect("the size of the three");
    let block = framepool::text::bytes(size.bytes / size.buffers);
    for (table, texts) in [
        ("#sizes tbody", [block.to_string(), "3".to_owned()]),
        (
            "#threads tbody",
            [out.threads[0].thread.clone(), "3".to_owned()],
        ),
        ("#tags tbody", ["one".to_owned(), "two".to_owned()]),
        // 524,288 bytes for 500,000, three times.
        (
            "#sizes tbody",
            ["71.2 KiB (5 %)".to_owned(), "512 KiB".to_owned()],
        ),
    ] {
        for text in texts {
            browser.until_text(table, &text);
        }
    }
    // The ages of outstanding buffers, by tag.
    browser.until_text("#usage tbody", "Age of what is out, frames: two");
    // A name is text, whatever it contains.
    browser.until_text("#pool", "numbers <b>&amp;</b>");
    assert_eq!(browser.complaints(), [""; 0]);
    drop(kept);
}

#[test]
fn page_lists_what_fills_frames() {
    let (pool, watch) = watched("frames");
    pool.set_frame_sampling(1);
    for _ in 0..2 {
        let frame = pool.begin_frame();
        frame.alloc::<u8>(4 << 10);
        frame.release_all();
    }
    watch.stop();
    let server = served(&watch);
    let browser = Browser::start();
    browser.open(&server.url());
    browser.until_text("#frames tbody", "browser.rs:");
    browser.until_text("#frames tbody", "4.06 KiB");
    browser.until_text("#frames-sampling", "2 sampled frames, 1 frame in 1:");
    assert_eq!(browser.complaints(), [""; 0]);
}

#[test]
fn a_leak_appears_by_its_line_and_clears() {
    let (pool, watch) = watched("leaking");
    let server = served(&watch);
    let browser = Browser::start();
    browser.open(&server.url());
    let is_calm = || {
        browser
            .text("#active")?
            .contains("No alert is active")
            .then_some(())
    };
    frames_until(&pool, "a calm page", is_calm);
    let leaked = pool.alloc::<u8>(100_000);
    let line = format!("browser.rs:{}", line!() - 1);
    frames_until(&pool, "the line among the alerts", || {
        browser.text("#active")?.contains(&line).then_some(())
    });
    browser.until_text("#status", "warning");
    assert!(
        browser
            .text("#table tbody")
            .is_some_and(|text| text.contains(&line))
    );
    assert!(
        browser
            .text("#map")
            .is_some_and(|text| text.contains(&line))
    );
    // The alert links to the line.
    browser.run("document.querySelector('#active .alert button').click()");
    assert_eq!(browser.run("return document.activeElement.id"), "sites");
    browser.press(&["\u{e00c}"]);
    drop(leaked);
    watch.store().mark("the leak was <i>mended</i>");
    browser.until_text("#log", "mark");
    browser.until_text("#log", "the leak was <i>mended</i>");
    frames_until(&pool, "the end of the alert", is_calm);
    browser.until_text("#log", "resolved");
    assert_eq!(browser.complaints(), [""; 0]);
}

#[test]
fn a_cut_connection_is_said_and_mended() {
    let (pool, watch) = watched("cut");
    let server = served(&watch);
    let address = server.address();
    let browser = Browser::start();
    browser.open(&server.url());
    browser.until_text("#connection", "live");
    drop(server);
    browser.until_text("#lost", "connection to the program was lost");
    browser.until_text("#connection", "lost");
    let server = eventually("the same port", || {
        Dashboard::new(&watch).serve(address).ok()
    });
    browser.until_text("#connection", "live");
    assert_eq!(browser.text("#lost"), None);
    let kept = pool.alloc::<u8>(77_000);
    browser.until_text("[data-metric=outstanding_buffers]", "1");
    drop((kept, server));
}

#[test]
fn the_page_is_usable_by_keyboard() {
    let (pool, watch) = watched("keys");
    let server = served(&watch);
    let browser = Browser::start();
    let kept = [pool.alloc::<u8>(50_000), pool.alloc::<u8>(90_000)];
    browser.open(&server.url());
    browser.until_text("#table tbody", "browser.rs");
    browser.press(&["p"]);
    browser.until_text("#connection", "paused");
    browser.press(&["p"]);
    browser.until_text("#connection", "live");
    browser.press(&["/"]);
    assert_eq!(browser.run("return document.activeElement.id"), "filter");
    browser.press(&["n", "o", "n", "e"]);
    browser.until_text("#no-sites", "No call site matches");
    browser.press(&["\u{e00c}"]);
    browser.until_text("#table tbody", "browser.rs");
    browser.press(&["3"]);
    assert_eq!(
        browser
            .run("return document.querySelector('[data-span=hour]').getAttribute('aria-pressed')"),
        "true"
    );
    browser.press(&["2"]);
    // Tab reaches every control, and Enter on a heading sorts.
    let reached = (0..60).any(|_| {
        browser.press(&["\u{e004}"]);
        browser.run(
            "return document.activeElement.closest('th')?.innerText.startsWith('Buffers') ?? false",
        ) == true
    });
    assert!(reached, "Tab reaches the table's headings");
    browser.press(&["\u{e007}"]);
    assert_eq!(
        browser.run("return document.activeElement.closest('th').getAttribute('aria-sort')"),
        "descending"
    );
    drop(kept);
}

#[test]
fn every_size_and_theme_is_accessible() {
    let pool = BufferPool::builder()
        .name("render")
        .leak_after_frames(1)
        .expect_release_within(2)
        .build()
        .expect("good settings");
    let watch = Watch::start(&pool, HealthConfig::default());
    let server = served(&watch);
    let browser = Browser::start();
    let mut kept = [
        pool.alloc::<u8>(3_000_000),
        pool.tag("render").tag("shadows").alloc::<u8>(900_000),
        pool.alloc::<u8>(40_000),
    ];
    kept[0].fill(1);
    watch.store().mark("level 3 loaded");
    browser.open(&server.url());
    frames_until(&pool, "alerts and call sites", || {
        (browser.text("#active")?.contains("browser.rs")
            && browser.text("#table tbody")?.contains("browser.rs"))
        .then_some(())
    });
    for scheme in ["light", "dark"] {
        browser.prefer(scheme);
        for (name, width, height) in [
            ("wide", 1600, 1000),
            ("middle", 1000, 900),
            ("phone", 390, 844),
        ] {
            browser.resize(width, height);
            thread::sleep(Duration::from_millis(400));
            browser.picture(&format!("{name}-{scheme}"));
            browser.assert_usable(&format!("{name}, {scheme}"));
        }
    }
    drop(kept);
}
