//! The bundled trace replayed. The replay lives in the binary `framepool`, whose report this reads.
//!
//! Until the report carries the ratios these lines say so: [`ratio`] is the place to fill in.

use super::Question;
use crate::measure::{Measured, Plan};
use crate::table::{Limit, Row};

/// What is asked about the trace: question, rival, limit, key in the replay's report.
const ASKED: [(&str, &str, f64, &str); 4] = [
    (
        "trace, beyond the replay itself",
        "mimalloc",
        0.50,
        "against_mimalloc",
    ),
    (
        "trace, telemetry on against off",
        "itself",
        1.03,
        "against_no_telemetry",
    ),
    (
        "trace, attribution on against off",
        "itself",
        1.05,
        "against_no_attribution",
    ),
    (
        "trace, peak reserved bytes",
        "peak of live requested bytes",
        1.35,
        "peak_reserved",
    ),
];

pub(super) fn questions() -> Vec<Question> {
    ASKED
        .into_iter()
        .map(|(name, rival, limit, key)| {
            Question::new(name, move |plan| {
                let limit = Limit::AtMost(limit);
                vec![match ratio(plan, key) {
                    Ok(measured) => Row::new(rival, limit, measured),
                    Err(why) => Row::unmeasured(rival, limit, why),
                }]
            })
        })
        .collect()
}

/// What the replay says under `key`.
fn ratio(_plan: &Plan, _key: &str) -> Result<Measured, String> {
    Err("see `framepool replay`".to_owned())
}
