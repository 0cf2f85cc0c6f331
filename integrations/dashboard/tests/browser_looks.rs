//! How numbers, colours and texts look in a real browser.

mod common;

use std::thread;
use std::time::Duration;

use common::browser::Browser;
use common::{eventually, frames_until, served, watched};
use framepool::{Buffer, BufferPool, HealthConfig, Watch};
use serde_json::json;

#[test]
fn axes_have_the_unit_of_their_span() {
    let (pool, watch) = watched("units");
    let server = served(&watch);
    let browser = Browser::start();
    browser.open(&server.url());
    browser.until_text("#connection", "live");
    assert_eq!(
        browser.run("return [fp.rate(5000), fp.rate(5000, 20000), fp.perFrame(12)]"),
        json!(["5,000 /s", "5.0 k/s", "12 /frame"])
    );
    // What is drawn on a canvas is not in the document.
    browser.run(
        "window.said = []; const write = CanvasRenderingContext2D.prototype.fillText;
         CanvasRenderingContext2D.prototype.fillText = function (text, ...rest) { window.said.push(text); return write.call(this, text, ...rest); }",
    );
    for (key, unit, other) in [("1", "/frame", "/s"), ("3", "/s", "/frame")] {
        browser.press(&[key]);
        browser.run("window.said = []");
        frames_until(&pool, unit, || {
            let has = |unit: &str| {
                browser.run(&format!(
                    "return window.said.some((text) => text.endsWith('{unit}'))"
                )) == true
            };
            assert!(!has(other), "{other} in a view of {unit}");
            (has(unit) && browser.text("#flow-legend")?.contains(unit)).then_some(())
        });
    }
    assert_eq!(browser.complaints(), [""; 0]);
}

#[test]
fn rounding_never_makes_a_part_the_whole() {
    let (pool, watch) = watched("hits");
    let server = served(&watch);
    let browser = Browser::start();
    browser.open(&server.url());
    browser.until_text("#connection", "live");
    assert_eq!(
        browser.run("return [0, 0.0001, 0.5, 0.9994, 0.9996, 1].map((share) => fp.percent(share))"),
        json!(["0.0 %", "<0.1 %", "50.0 %", "99.9 %", ">99.9 %", "100 %"])
    );
    assert_eq!(
        browser.run("return [0, 0.004, 0.05, 0.996, 1].map((share) => fp.percent(share, 0))"),
        json!(["0 %", "<1 %", "5 %", ">99 %", "100 %"])
    );
    // The pool's first buffers are misses, the others hits.
    frames_until(&pool, "nearly all hits", || {
        (0..200).for_each(|_| drop(pool.alloc::<u8>(9_000)));
        let share = browser
            .run("return Number(document.querySelector('[data-metric=hit_ratio]').dataset.value)");
        (share.as_f64()? > 0.9996).then_some(())
    });
    assert_eq!(
        browser.text("[data-metric=hit_ratio]").as_deref(),
        Some(">99.9 %")
    );
}

/// Lines that allocate as much as asked.
const LINES: [fn(&BufferPool, usize) -> Buffer<u8>; 12] = [
    |pool, len| pool.alloc(len),
    |pool, len| pool.alloc(len),
    |pool, len| pool.alloc(len),
    |pool, len| pool.alloc(len),
    |pool, len| pool.alloc(len),
    |pool, len| pool.alloc(len),
    |pool, len| pool.alloc(len),
    |pool, len| pool.alloc(len),
    |pool, len| pool.alloc(len),
    |pool, len| pool.alloc(len),
    |pool, len| pool.alloc(len),
    |pool, len| pool.alloc(len),
];

/// Remembers the colours of every call site in sight: in the timeline, the table and the map.
const REMEMBER: &str = "
    const seen = (window.seen ??= {});
    const put = (where, name, colour) => { ((seen[name] ??= {})[colour] ??= []).push(where + ' ' + fp.view.chosen.span); };
    const colour = (e) => e.style.getPropertyValue('--colour');
    document.querySelectorAll('#timeline-legend > span').forEach((e) => e.innerText.includes('.rs:') && put('timeline', e.children[1].innerText, colour(e.children[0])));
    document.querySelectorAll('#table tr[data-site]').forEach((e) => put('table', fp.site(e.dataset.site).name, colour(e.querySelector('.swatch'))));
    document.querySelectorAll('#map [data-site]').forEach((e) => put('map', fp.site(e.dataset.site).name, colour(e)));";

#[test]
fn call_site_keeps_its_colour_everywhere() {
    let (pool, watch) = watched("coloured");
    let server = served(&watch);
    let browser = Browser::start();
    browser.open(&server.url());
    let mut kept = Vec::new();
    // Later lines hold more, so the earlier ones leave the largest.
    for (at, lines) in LINES.chunks(4).enumerate() {
        kept.extend(lines.iter().map(|line| line(&pool, (at + 1) * 200_000)));
        for key in ["1", "3", "2"] {
            browser.press(&[key]);
            frames_until(&pool, "all call sites", || {
                let shown =
                    browser.run("return document.querySelectorAll('#table tr[data-site]').length");
                let bands = browser.run("return [...document.querySelectorAll('#timeline-legend > span')].filter((e) => e.innerText.includes('.rs:')).length");
                (shown == kept.len() && bands.as_u64()? >= 4).then_some(())
            });
            thread::sleep(Duration::from_millis(300));
            browser.run(REMEMBER);
        }
    }
    // Then the early ones are the largest again.
    kept.drain(4..);
    frames_until(&pool, "the early ones", || {
        let shown = browser.run("return document.querySelectorAll('#table tr[data-site]').length");
        (shown == 4).then_some(())
    });
    browser.run(REMEMBER);
    let seen = browser.run("return window.seen");
    let seen = seen.as_object().expect("call sites");
    assert_eq!(seen.len(), LINES.len());
    for (name, colours) in seen {
        assert_eq!(
            colours.as_object().map(serde_json::Map::len),
            Some(1),
            "{name}: {colours}"
        );
        for place in ["timeline", "table", "map"] {
            assert!(
                colours.to_string().contains(place),
                "{name} in the {place}: {colours}"
            );
        }
    }
    let mut all: Vec<_> = seen
        .values()
        .map(|colours| colours.as_object().and_then(|all| all.keys().next()))
        .collect();
    all.sort();
    all.dedup();
    assert_eq!(all.len(), LINES.len(), "each has its own");
    drop(kept);
}

#[test]
fn tables_and_texts_fit_every_width() {
    let builder = BufferPool::builder().name("fitting").leak_after_frames(1);
    let pool = builder.build().expect("good settings");
    let config = HealthConfig::default().emit_interval(Duration::from_millis(20));
    let watch = Watch::start(&pool, config);
    let server = served(&watch);
    let browser = Browser::start();
    browser.open(&server.url());
    let tags = ["render/shadows", "audio/mixer"].map(|name| pool.tag(name));
    let mut kept: Vec<_> = tags.iter().map(|tag| tag.alloc::<u8>(500_000)).collect();
    let named = thread::Builder::new().name("asset-loader-12".to_owned());
    let on_thread = pool.clone();
    let loaded = named.spawn(move || on_thread.alloc::<u8>(1_500_000));
    kept.push(loaded.expect("a thread").join().expect("a buffer"));
    frames_until(&pool, "a line that fills, and an alert with code", || {
        kept.push(pool.alloc::<u8>(1_000));
        let verdicts = browser.text("#table tbody")?;
        (verdicts.contains("filling +") && browser.text("#active")?.contains("prewarm"))
            .then_some(())
    });
    browser.press(&["p"]);
    for width in [1600, 1440, 1280, 1000, 820, 390] {
        browser.resize(width, 900);
        let beyond = eventually("a layout", || {
            let beyond = browser.run("return [...document.querySelectorAll('#table')].map((t) => t.parentElement.scrollWidth - t.parentElement.clientWidth)");
            Some(beyond)
        });
        assert_eq!(
            beyond,
            json!([0]),
            "the table of call sites scrolls sideways at {width}"
        );
        let cut = browser.run(
            "return [...document.querySelectorAll('#table .verdict, #active .what, #active .step, #figures dd, #figures dt')].filter((e) => {
               const edge = (e.closest('.scroll, article, #figures > div')).getBoundingClientRect().right;
               return e.scrollWidth > e.clientWidth + 1 && e.clientWidth > 0 || e.getBoundingClientRect().right > edge + 1;
             }).map((e) => e.innerText)",
        );
        assert_eq!(cut, json!([]), "cut off at {width}");
        if width >= 1280 {
            let beyond = browser.run("return [...document.querySelectorAll('.scroll table')].filter((t) => t.offsetWidth > t.parentElement.clientWidth).map((t) => t.id)");
            assert_eq!(beyond, json!([]), "tables scroll sideways at {width}");
        }
    }
    // Code is set as code.
    let marks = browser.run(
        "return [document.body.innerText, ...[...document.querySelectorAll('[title]')].map((e) => e.title)].filter((text) => text.includes('`'))",
    );
    assert_eq!(marks, json!([]));
    assert_eq!(
        browser.run("return document.querySelectorAll('#active code').length > 0"),
        true
    );
    drop(kept);
}

#[test]
fn a_phone_needs_no_sideways_scrolling() {
    let pool = BufferPool::builder()
        .name("phone")
        .sample_frames(1)
        .expect_release_within(2)
        .build()
        .expect("good settings");
    let watch = Watch::start(&pool, HealthConfig::default());
    let server = served(&watch);
    let browser = Browser::start();
    let kept = pool.tag("render/shadows").alloc::<u8>(300_000);
    browser.open(&server.url());
    for selector in ["#frames tbody tr", "#usage tbody tr", "#active .alert"] {
        frames_until(&pool, selector, || browser.text(selector));
    }
    browser.press(&["p"]);
    browser.drag("#timeline .u-over", 0.7, 0.99);
    browser.until_text("#comparison", "From ");
    for width in [390, 900] {
        browser.resize(width, 900);
        thread::sleep(Duration::from_millis(300));
        let wide = browser.run("return [...document.querySelectorAll('.scroll')].filter((e) => e.scrollWidth > e.clientWidth + 1).map((e) => `${e.getAttribute('aria-label')}: ${e.scrollWidth} of ${e.clientWidth}`)");
        assert_eq!(wide, json!([]), "{width}");
        browser.picture(&format!("phone-{width}"));
        browser.assert_usable(&format!("at {width}"));
    }
    // A long alert is cut until the reader asks for more of it.
    browser.resize(390, 900);
    let height = "return document.querySelector('#active .what').clientHeight";
    let cut = browser.run(height).as_u64().expect("pixels");
    eventually("the button", || browser.text("#active .more"));
    browser.run("document.querySelector('#active .more').click()");
    let whole = browser.run(height).as_u64().expect("pixels");
    assert!(whole > cut, "{whole} after {cut}");
    assert_eq!(browser.text("#active .more").as_deref(), Some("Less"));
    assert_eq!(browser.complaints(), [""; 0]);
    drop(kept);
}
