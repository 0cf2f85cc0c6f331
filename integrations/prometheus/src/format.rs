//! The two text formats of an answer, and which of them a client accepts.

/// The format of a scrape's answer.
///
/// Prometheus asks for `OpenMetrics`. Older scrapers, `curl` and `promtool check metrics` read the text format.
///
/// ```
/// use framepool_prometheus::Format;
///
/// let prometheus = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
/// assert_eq!(Format::accepted(Some(prometheus)), Format::OpenMetrics);
/// assert_eq!(Format::accepted(Some("*/*")), Format::Text);
/// assert_eq!(Format::Text.content_type(), "text/plain; version=0.0.4; charset=utf-8");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Format {
    /// [`OpenMetrics` 1.0](https://prometheus.io/docs/specs/om/open_metrics_spec/).
    OpenMetrics,
    /// [Prometheus' text format 0.0.4](https://prometheus.io/docs/instrumenting/exposition_formats/), for clients that do not
    /// ask for `OpenMetrics`.
    #[default]
    Text,
}

impl Format {
    /// The format for a request with this `Accept` header: `OpenMetrics` if the header names it, with a weight (`q`) of at least that of
    /// `text/plain`.
    pub fn accepted(accept: Option<&str>) -> Self {
        let accept = accept.unwrap_or_default();
        let open_metrics = weight(accept, "application/openmetrics-text");
        if open_metrics > 0.0 && open_metrics >= weight(accept, "text/plain") {
            Self::OpenMetrics
        } else {
            Self::Text
        }
    }

    /// The value of the answer's `Content-Type` header.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
        }
    }
}

/// The highest weight that the header gives to the media type; 0 if it does not name the type.
fn weight(accept: &str, media_type: &str) -> f32 {
    let of_range = |range: &str| {
        let mut parts = range.split(';').map(str::trim);
        if !parts.next()?.eq_ignore_ascii_case(media_type) {
            return None;
        }
        let q = parts.find_map(|parameter| parameter.strip_prefix("q="));
        Some(q.map_or(1.0, |q| q.parse().unwrap_or(0.0)))
    };
    accept.split(',').filter_map(of_range).fold(0.0, f32::max)
}

/// Rewrites `OpenMetrics` as the text format: a counter's family has the name of its samples, quotes in help texts have no backslash,
/// and there are no units and no end mark.
pub(crate) fn to_text(open_metrics: &str) -> String {
    let mut text = String::with_capacity(open_metrics.len());
    let mut lines = open_metrics.lines().peekable();
    while let Some(line) = lines.next() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            let is_counter = lines
                .peek()
                .is_some_and(|next| next.starts_with("# TYPE ") && next.ends_with(" counter"));
            let (name, help) = help.split_once(' ').unwrap_or((help, ""));
            let total = if is_counter { "_total" } else { "" };
            let help = help.replace("\\\"", "\"");
            text.extend(["# HELP ", name, total, " ", &help, "\n"]);
        } else if let Some(name) = line
            .strip_prefix("# TYPE ")
            .and_then(|family| family.strip_suffix(" counter"))
        {
            text.extend(["# TYPE ", name, "_total counter\n"]);
        } else if !line.starts_with("# UNIT ") && line != "# EOF" {
            text.extend([line, "\n"]);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_decides_by_weight() {
        let format = |accept: &str| Format::accepted(Some(accept));
        assert_eq!(Format::accepted(None), Format::Text);
        assert_eq!(format(""), Format::Text);
        assert_eq!(format("text/plain"), Format::Text);
        assert_eq!(format("application/openmetrics-text"), Format::OpenMetrics);
        assert_eq!(
            format("text/plain;q=0.9, Application/OpenMetrics-Text; version=1.0.0; q=0.5"),
            Format::Text
        );
        assert_eq!(
            format("text/plain;q=0.5,application/openmetrics-text;q=0.5"),
            Format::OpenMetrics
        );
        assert_eq!(format("application/openmetrics-text;q=0"), Format::Text);
        assert_eq!(format("application/openmetrics-text;q=x"), Format::Text);
        assert_eq!(format("application/openmetrics-textual"), Format::Text);
    }

    #[test]
    fn text_names_counters_as_their_samples() {
        let open_metrics = "# HELP a_bytes All \\\"a\\\".\n# TYPE a_bytes counter\n# UNIT a_bytes bytes\n\
                            a_bytes_total{pool=\"\\\"\"} 1\n# HELP b Now.\n# TYPE b gauge\nb 2\n# EOF\n";
        let text = "# HELP a_bytes_total All \"a\".\n# TYPE a_bytes_total counter\na_bytes_total{pool=\"\\\"\"} 1\n\
                    # HELP b Now.\n# TYPE b gauge\nb 2\n";
        assert_eq!(to_text(open_metrics), text);
    }
}
