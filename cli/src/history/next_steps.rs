//! The next steps of gates. A history has those of its alerts; so a gate and an alert on the same thing advise the same.

use framepool::Rule;
use framepool::health::{Advice, AdviceKind, AlertState};
use framepool::store::{SavedAlert, SavedHistory, SavedPool};

/// Of growing call sites. One that is overdue has that alert.
pub(super) fn of_growth(history: &SavedHistory, pool: &SavedPool, sites: &[&str]) -> String {
    let steps = raised(history, pool).filter(|alert| {
        let is_about_it = matches!(alert.rule, Rule::Leak | Rule::Overdue);
        is_about_it && alert.site.as_deref().is_some_and(|it| sites.contains(&it))
    });
    let usual = "find what keeps the buffers of each line, and drop them or bound their number";
    list(steps).unwrap_or_else(|| usual.to_owned())
}

/// Of misses.
pub(super) fn of_misses(history: &SavedHistory, pool: &SavedPool) -> String {
    let about_misses = |alert: &&SavedAlert| matches!(alert.rule, Rule::Misses | Rule::MissedBytes);
    let advised = || {
        let prewarm = |it: &&Advice| it.kind == AdviceKind::Prewarm;
        let advice = pool.advice.iter().find(prewarm);
        advice.map(|advice| advice.sentence.clone())
    };
    list(raised(history, pool).filter(about_misses))
        .or_else(advised)
        .unwrap_or_else(|| {
            "`prewarm` the sizes that are taken first, or keep buffers instead of dropping them"
                .to_owned()
        })
}

/// The pool's active alerts.
fn raised<'h>(history: &'h SavedHistory, pool: &SavedPool) -> impl Iterator<Item = &'h SavedAlert> {
    let id = pool.id;
    let of_pool = history.alerts.iter().filter(move |it| it.pool_id == id);
    of_pool.filter(|it| it.state == AlertState::Raised)
}

/// The different next steps of these alerts, with the call site if there are several.
fn list<'h>(alerts: impl Iterator<Item = &'h SavedAlert>) -> Option<String> {
    let alerts: Vec<_> = alerts.collect();
    let steps = alerts.iter().map(|alert| match &alert.site {
        Some(site) if alerts.len() > 1 => format!("{site}: {}", alert.next_step),
        _ => alert.next_step.clone(),
    });
    let mut steps: Vec<String> = steps.collect();
    steps.dedup();
    (!steps.is_empty()).then(|| steps.join("; "))
}
