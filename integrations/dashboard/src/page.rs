//! The page's files, compiled into the program, and the page as one file.

/// A file that the page loads.
#[derive(Debug)]
pub(crate) struct Asset {
    pub(crate) name: &'static str,
    pub(crate) kind: &'static str,
    pub(crate) text: &'static str,
}

impl Asset {
    fn is(&self, kind: &str) -> bool {
        self.kind.starts_with(kind)
    }
}

macro_rules! assets {
    ($($kind:literal: $($name:literal)*;)*) => {
        /// Every file, under its path below `/assets/`, in the order in which the page loads them.
        pub(crate) const ASSETS: &[Asset] = &[
            $($(Asset { name: $name, kind: $kind, text: include_str!(concat!("../assets/", $name)) },)*)*
        ];
    };
}

assets! {
    "text/css; charset=utf-8": "uplot/uPlot.min.css" "style.css";
    "text/javascript; charset=utf-8":
        "uplot/uPlot.iife.min.js" "app/format.js" "app/saved.js" "app/source.js" "app/view.js" "app/columns.js" "app/charts.js" "app/colours.js"
        "app/kinds.js" "app/comparison.js" "app/timeline.js" "app/courses.js" "app/figures.js" "app/map.js" "app/callers.js" "app/sites.js"
        "app/breakdown.js" "app/advice.js" "app/alerts.js" "app/files.js" "app/app.js";
    "text/plain; charset=utf-8": "uplot/LICENSE";
}

/// The page as it is served.
pub(crate) const PAGE: &str = include_str!("../assets/index.html");

/// A description of every path below `/api/`.
pub(crate) const OPENAPI: &str = include_str!("../assets/openapi.json");

/// Keeps a page opened from disk from loading anything.
const POLICY: &str = "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; script-src 'unsafe-inline'; \
                      style-src 'unsafe-inline'; img-src data:\">";

/// The page with its files and data inlined.
pub(crate) fn saved(data: &str) -> String {
    let mut page = PAGE.replace(
        "<meta charset=\"utf-8\">",
        &format!("<meta charset=\"utf-8\">\n{POLICY}"),
    );
    // Within a script element `<` could begin the end tag; JSON allows an escape for it.
    let data = data.replace('<', "\\u003c");
    for asset in ASSETS {
        if asset.is("text/css") {
            let link = format!("<link rel=\"stylesheet\" href=\"/assets/{}\">", asset.name);
            page = page.replace(&link, &format!("<style>{}</style>", asset.text));
        } else if asset.is("text/javascript") {
            // Scripts run in order after the text above them is loaded, so they come last.
            let link = format!("<script src=\"/assets/{}\" defer></script>", asset.name);
            let within = format!("<script>{}</script>\n</body>", asset.text);
            page = page.replace(&link, "").replace("</body>", &within);
        }
    }
    let data = format!("<script type=\"application/json\" id=\"saved\">{data}</script>");
    page.replacen("<body>", &format!("<body>\n{data}"), 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_saved_page_loads_nothing() {
        let page = saved(r#"{"name":"</script><script>alert(1)</script>"}"#);
        assert!(
            !page.contains("/assets/") && !page.contains("<script>alert"),
            "data ends no script"
        );
        assert!(page.contains("uPlot") && page.contains("id=\"saved\""));
        for asset in ASSETS.iter().filter(|asset| asset.is("text/javascript")) {
            assert!(
                !asset.text.contains("</script") && page.contains(asset.text),
                "{}",
                asset.name
            );
        }
        for address in ["src=\"http", "href=\"http", "url(http", "@import"] {
            assert!(!page.contains(address), "{address}");
        }
    }

    #[test]
    fn the_page_loads_every_file_that_is_served() {
        for asset in ASSETS.iter().filter(|asset| !asset.is("text/plain")) {
            assert!(
                PAGE.contains(&format!("/assets/{}\"", asset.name)),
                "{}",
                asset.name
            );
        }
    }
}
