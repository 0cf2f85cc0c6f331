//! The timeline of held memory in a real browser.

mod common;

use std::thread;
use std::time::Duration;

use common::browser::Browser;
use common::{eventually, frames_until, served, watched};
use framepool::{Buffer, BufferPool};

/// Low down at the latest sample, in shares of the plot's width and height.
const LATEST: (f64, f64) = (0.998, 0.9);

/// Ends frames until the legend of the bands has this line.
fn until_band(browser: &Browser, pool: &BufferPool, line: &str) {
    frames_until(pool, line, || {
        browser
            .text("#timeline-legend")?
            .contains(line)
            .then_some(())
    });
}

#[test]
fn a_range_says_who_was_born_and_died() {
    let (pool, watch) = watched("compared");
    let server = served(&watch);
    let browser = Browser::start();
    browser.open(&server.url());
    let first = pool.alloc::<u8>(200_000);
    let first_line = format!("browser_timeline.rs:{}", line!() - 1);
    until_band(&browser, &pool, &first_line);
    thread::sleep(Duration::from_millis(500));
    drop(first);
    let second = pool.alloc::<u8>(300_000);
    let second_line = format!("browser_timeline.rs:{}", line!() - 1);
    until_band(&browser, &pool, &second_line);
    thread::sleep(Duration::from_millis(500));
    browser.press(&["p"]);
    // Choose the moments by the samples, as a user would by sight.
    browser.run(&format!(
        "const p = fp.view.pool(); const rows = p.spans.recent.rows; const has = (r, part) => r[2].some(([s]) => p.names.sites[s].includes(part));
         const a = rows.findLast((r) => has(r, '{first_line}:') && !has(r, '{second_line}:')); const b = rows.findLast((r) => has(r, '{second_line}:'));
         fp.view.select([a[0] / 1000, b[0] / 1000])"
    ));
    let fates = browser.run("return Object.fromEntries([...document.querySelectorAll('#comparison tbody tr')].map((r) => [r.cells[0].innerText, r.dataset.fate]))");
    assert_eq!(
        (&fates[&first_line], &fates[&second_line]),
        (&"died".into(), &"born".into()),
        "{fates}"
    );
    browser.press(&["\u{e00c}"]);
    assert_eq!(browser.text("#comparison"), None);
    browser.drag("#timeline .u-over", 0.7, 0.99);
    assert!(
        browser
            .text("#comparison")
            .is_some_and(|text| text.contains("From ")),
        "dragging selects"
    );
    drop(second);
}

/// Sixteen lines that hold more than any other of these tests: as many as a sample names.
const LARGER: [fn(&BufferPool) -> Buffer<u8>; 16] = [
    |pool| pool.alloc(900_000),
    |pool| pool.alloc(900_000),
    |pool| pool.alloc(900_000),
    |pool| pool.alloc(900_000),
    |pool| pool.alloc(900_000),
    |pool| pool.alloc(900_000),
    |pool| pool.alloc(900_000),
    |pool| pool.alloc(900_000),
    |pool| pool.alloc(900_000),
    |pool| pool.alloc(900_000),
    |pool| pool.alloc(900_000),
    |pool| pool.alloc(900_000),
    |pool| pool.alloc(900_000),
    |pool| pool.alloc(900_000),
    |pool| pool.alloc(900_000),
    |pool| pool.alloc(900_000),
];

#[test]
fn a_line_below_the_largest_has_not_died() {
    let (pool, watch) = watched("crowded");
    let server = served(&watch);
    let browser = Browser::start();
    browser.open(&server.url());
    let small = pool.alloc::<u8>(200_000);
    let line = format!("browser_timeline.rs:{}", line!() - 1);
    until_band(&browser, &pool, &line);
    let larger = LARGER.map(|alloc| alloc(&pool));
    let has = format!(
        "const p = fp.view.pool(); const rows = p.spans.recent.rows; const has = (r) => r[2].some(([s]) => p.names.sites[s].includes('{line}:'));"
    );
    frames_until(&pool, "the larger ones", || {
        let hidden = browser.run(&format!("{has} return rows.some(has) && !has(rows.at(-1))"));
        (hidden == true).then_some(())
    });
    browser.press(&["p"]);
    browser.run(&format!(
        "{has} fp.view.select([rows.findLast(has)[0] / 1000, rows.at(-1)[0] / 1000])"
    ));
    let row = format!(
        "return [...document.querySelectorAll('#comparison tbody tr')].find((r) => r.innerText.includes('{line}')).innerText"
    );
    let row = browser.run(&row);
    let row = row.as_str().expect("a row");
    assert!(
        row.contains("fell below the largest") && row.contains("at most"),
        "{row}"
    );
    drop((small, larger));
}

#[test]
fn bands_and_comparisons_go_by_frames_too() {
    let (pool, watch) = watched("framed");
    let server = served(&watch);
    let browser = Browser::start();
    browser.open(&server.url());
    browser.press(&["1"]);
    let kept = pool.alloc::<u8>(200_000);
    let line = format!("browser_timeline.rs:{}", line!() - 1);
    until_band(&browser, &pool, &line);
    let more = pool.alloc::<u8>(300_000);
    let other = format!("browser_timeline.rs:{}", line!() - 1);
    until_band(&browser, &pool, &other);
    // A comparison stands still while the view moves past it.
    let heading = "return document.querySelector('#comparison h3').innerText";
    let chosen = browser.run(&format!(
        "const r = fp.view.pool().spans.frames.rows; fp.view.select([r[0][0], r.at(-1)[0]]); {heading}"
    ));
    let latest = "return fp.view.pool().spans.frames.rows.at(-1)[0]";
    let end = browser.run(latest).as_u64().expect("a frame") + 300;
    frames_until(&pool, "later frames", || {
        (0..100).for_each(|_| drop(pool.end_frame()));
        (browser.run(latest).as_u64()? > end).then_some(())
    });
    assert_eq!(browser.run(heading), chosen);
    browser.press(&["p"]);
    browser.hover("#timeline .u-over", LATEST);
    browser.until_text("#tip", "in use at frame ");
    // From the first frame in sight to the last.
    browser.run("fp.view.select([0, 1e9])");
    browser.until_text("#comparison", "From frame ");
    browser.until_text("#comparison", &other);
    browser.until_text("#comparison", "allocs and ");
    assert_eq!(browser.complaints(), [""; 0]);
    drop((kept, more));
}

#[test]
fn bands_split_the_same_bytes_every_way() {
    let (pool, watch) = watched("split");
    let server = served(&watch);
    let browser = Browser::start();
    let kept = [
        pool.tag("shadows").alloc::<u8>(300_000),
        pool.alloc::<u8>(100_000),
    ];
    let on_thread = pool.clone();
    let other = thread::Builder::new().name("loader".to_owned());
    let loaded = other.spawn(move || on_thread.tag("level").alloc::<u8>(600_000));
    let loaded = loaded.expect("a thread").join().expect("a buffer");
    let me = thread::current();
    let me = me.name().expect("a test has a name").to_owned();
    browser.open(&server.url());
    until_band(&browser, &pool, "browser_timeline.rs");
    // No frame is open from here on. The later half of the samples is compared below.
    let in_use = eventually("memory at rest", || {
        let latest = watch.store().latest()?;
        (latest.metrics.outstanding_bytes == latest.metrics.in_use_bytes).then_some(())?;
        browser.run("const b = fp.view.pool().health.metrics.in_use_bytes; const { rows } = fp.view.pool().spans.recent; const rests = (row) => row[2].reduce((s, h) => s + h[1], 0) === b; return rows.length > 10 && rows.slice(rows.length / 2).every(rests) ? b : 0").as_u64().filter(|&bytes| bytes == latest.metrics.in_use_bytes)
    });
    browser.press(&["p"]);
    let block = |bytes: u64| framepool::text::bytes(bytes).to_string();
    let sizes = pool.outstanding().sites;
    let size = |tag: &str| {
        sizes
            .iter()
            .find(|site| site.tag == tag)
            .expect("a site")
            .bytes
    };
    for (kind, column, names) in [
        ("site", 2, vec!["browser_timeline.rs".to_owned()]),
        (
            "tag",
            3,
            ["shadows", "level", "without a tag"]
                .map(str::to_owned)
                .to_vec(),
        ),
        ("thread", 4, vec!["loader".to_owned(), me]),
        (
            "size",
            5,
            vec![block(size("shadows")), block(size("level"))],
        ),
    ] {
        browser.run(&format!(
            "document.querySelector('[data-kind={kind}]').focus()"
        ));
        browser.press(&["\u{e007}"]);
        assert_eq!(
            browser.run(&format!(
                "return document.querySelector('[data-kind={kind}]').getAttribute('aria-pressed')"
            )),
            "true"
        );
        for name in names {
            browser.until_text("#timeline-legend", &name);
        }
        let sum = browser.run(&format!(
            "return fp.view.pool().spans.recent.rows.at(-1)[{column}].reduce((sum, held) => sum + held[1], 0)"
        ));
        assert_eq!(sum.as_u64(), Some(in_use), "by {kind}");
    }
    browser.until_text("#timeline-legend", "Resident");
    // The key goes on to the first kind, and a comparison follows the kind.
    browser.press(&["g"]);
    browser.until_text("#timeline-legend", "browser_timeline.rs");
    browser.drag("#timeline .u-over", 0.7, 0.99);
    browser.until_text("#comparison", "browser_timeline.rs");
    browser.until_text("#comparison", "in between");
    browser.press(&["g"]);
    browser.until_text("#comparison", "shadows");
    assert_eq!(browser.complaints(), [""; 0]);
    drop((kept, loaded));
}

#[test]
fn hover_names_the_counter_and_the_law() {
    let (pool, watch) = watched("hovered");
    let server = served(&watch);
    let browser = Browser::start();
    let kept: Vec<_> = held_by_a_tag(&pool);
    browser.open(&server.url());
    until_band(&browser, &pool, "browser_timeline.rs");
    browser.press(&["p"]);
    for (kind, covered) in [
        ("tag", "framepool.memory.tag.usage"),
        ("thread", "this thread allocated"),
        ("size", "blocks of this size"),
        ("site", "this line allocated"),
    ] {
        browser.run(&format!(
            "document.querySelector('[data-kind={kind}]').click()"
        ));
        browser.hover("#timeline .u-over", LATEST);
        browser.until_text("#tip", covered);
        browser.until_text("#tip", "L3");
    }
    // A click on a band leads to its line.
    browser.drag("#timeline .u-over", LATEST.0, LATEST.0);
    let filter = browser.run("return document.getElementById('filter').value");
    assert!(
        filter
            .as_str()
            .is_some_and(|text| text.contains("browser_timeline.rs")),
        "{filter}"
    );
    drop(kept);
}

fn held_by_a_tag(pool: &BufferPool) -> Vec<framepool::Buffer<u8>> {
    let tag = pool.tag("shadows");
    (0..4).map(|_| tag.alloc::<u8>(400_000)).collect()
}
