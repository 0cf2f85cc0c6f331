//! The words on the page in a real browser: tooltips, units, and what a chart says instead of lines.

mod common;

use common::browser::Browser;
use common::{eventually, frames_until, served, watched};
use serde_json::Value;

/// The tooltips of these elements.
fn titles(browser: &Browser, selector: &str) -> Vec<String> {
    let titles = browser.run(&format!(
        "return [...document.querySelectorAll(`{selector}`)].map((e) => e.title)"
    ));
    let texts = titles.as_array().into_iter().flatten();
    texts.filter_map(Value::as_str).map(str::to_owned).collect()
}

#[test]
fn tooltips_differ_and_name_units_in_words() {
    let (pool, watch) = watched("tooltips");
    let server = served(&watch);
    let browser = Browser::start();
    browser.open(&server.url());
    let figures = frames_until(&pool, "tooltips", || {
        let found = titles(&browser, "#figures > div");
        found.iter().all(|title| !title.is_empty()).then_some(found)
    });
    let misses = frames_until(&pool, "the series of misses", || {
        let found = titles(&browser, "#misses-legend > span");
        (found.len() > 3).then_some(found)
    });
    for all in [&figures, &misses] {
        let mut different = all.clone();
        different.sort();
        different.dedup();
        assert_eq!(different.len(), all.len(), "{all:#?}");
    }
    for title in figures.iter().chain(&misses) {
        assert!(
            !title.contains(", By") && !title.contains("{buffer}"),
            "{title}"
        );
    }
    assert!(figures[0].contains("in bytes"), "{}", figures[0]);
    let window = figures.iter().filter(|title| title.contains("window"));
    for title in window.clone() {
        assert!(
            title.contains("The window is the last ") && title.contains(" s."),
            "{title}"
        );
    }
    assert_eq!(window.count(), 3);
    assert_eq!(
        browser.run("return ['By', '{frame}', 's'].map(fp.unit)"),
        serde_json::json!(["bytes", "frames", "seconds"])
    );
    browser.until_text("#meaning", "Frame times are the time from ");
    assert_eq!(browser.complaints(), [""; 0]);
}

#[test]
fn young_day_says_when_it_begins() {
    let (pool, watch) = watched("young");
    let server = served(&watch);
    let browser = Browser::start();
    browser.open(&server.url());
    browser.press(&["4"]);
    frames_until(&pool, "a sample of the day", || {
        browser
            .text("#looking")?
            .contains("Recorded since ")
            .then_some(())
    });
    // One sample makes no line: the chart says so, and has no axes.
    let rows = browser.run("return fp.view.pool().spans.day.rows.length");
    if rows == 1 {
        let said = browser.run("const e = document.getElementById('flow'); return [e.dataset.empty, getComputedStyle(e.querySelector('.uplot')).visibility]");
        assert!(
            said[0]
                .as_str()
                .is_some_and(|text| text.starts_with("Recorded since ")),
            "{said}"
        );
        assert_eq!(said[1], "hidden");
    }
    browser.press(&["2"]);
    eventually("no such line", || {
        browser.text("#looking").is_none().then_some(())
    });
    assert_eq!(browser.complaints(), [""; 0]);
}

#[test]
fn levels_out_of_sight_stand_below_the_legend() {
    let (pool, watch) = watched("levels");
    let server = served(&watch);
    let browser = Browser::start();
    browser.resize(390, 844);
    browser.open(&server.url());
    frames_until(&pool, "the levels", || {
        browser
            .text("#memory-legend + .levels")?
            .contains("↑ warning above 47.7 MiB")
            .then_some(())
    });
    // Nothing of it is cut, and the canvas has none of it.
    let wide = browser.run("const e = document.querySelector('#memory-legend + .levels'); return e.scrollWidth - e.clientWidth");
    assert_eq!(wide, 0);
    browser.run(
        "window.said = []; const write = CanvasRenderingContext2D.prototype.fillText;
         CanvasRenderingContext2D.prototype.fillText = function (text, ...rest) { window.said.push(text); return write.call(this, text, ...rest); }",
    );
    frames_until(&pool, "a repaint", || {
        (browser.run("return window.said.length").as_u64()? > 20).then_some(())
    });
    assert_eq!(
        browser.run("return window.said.filter((text) => text.includes('above'))"),
        serde_json::json!([])
    );
    assert_eq!(browser.complaints(), [""; 0]);
}

#[test]
fn a_name_stays_on_its_line() {
    let (pool, watch) = watched("two\nlines\u{7}");
    let server = served(&watch);
    let browser = Browser::start();
    let kept = pool.tag("a\tb").alloc::<u8>(300_000);
    browser.open(&server.url());
    frames_until(&pool, "an alert", || browser.text("#active .alert"));
    let shown = r"two\nlines\u0007";
    browser.until_text("#pool", shown);
    browser.until_text("#active .what", shown);
    browser.until_text("#table .tag", r"a\u0009b");
    browser.press(&["g"]);
    browser.until_text("#timeline-legend", r"a\u0009b");
    // A saved page too.
    let path = common::browser::output("names.html");
    std::fs::write(&path, common::get(&server, "/save").body).expect("writable");
    browser.open(&format!("file://{}", path.display()));
    browser.until_text("#pool", shown);
    browser.until_text("#log", shown);
    assert_eq!(browser.complaints(), [""; 0]);
    drop(kept);
}

#[test]
fn every_label_says_what_it_means() {
    let (pool, watch) = watched("labels");
    let server = served(&watch);
    let browser = Browser::start();
    let kept = pool.tag("shadows").alloc::<u8>(300_000);
    browser.open(&server.url());
    frames_until(&pool, "all tables", || browser.text("#usage tbody tr"));
    frames_until(&pool, "what fills frames", || {
        browser.text("#frames tbody tr")
    });
    browser.press(&["p"]);
    browser.drag("#timeline .u-over", 0.7, 0.99);
    browser.until_text("#comparison", "From ");
    for selector in ["thead th", "#figures > div", ".legend > span", "#map .cell"] {
        let all = titles(&browser, selector);
        assert!(all.len() > 2, "{selector}");
        assert!(!all.iter().any(String::is_empty), "{selector}: {all:#?}");
    }
    browser.until_text("#meaning", "Pooled buffers ");
    drop(kept);
}
