//! Health: limits, hold times, the life of an alert, what is measured.

use super::Planted;

pub(super) const PLANTED: &[Planted] = &[
    Planted {
        name: "a_value_at_the_level_is_above_it",
        laws: "",
        file: "src/health/thresholds.rs",
        edits: &[(
            "value > 0.0 && (value > level || (rule.is_from() && value >= level))",
            "value > 0.0 && value >= level",
        )],
        noticed_by: &["unit::above_and_from_are_told_apart"],
    },
    Planted {
        name: "a_count_from_a_level_begins_above_it",
        laws: "",
        file: "src/health/rules.rs",
        edits: &[(
            "matches!(self, Self::Leak | Self::TelemetryLost)",
            "matches!(self, Self::TelemetryLost)",
        )],
        noticed_by: &["unit::above_and_from_are_told_apart", "health"],
    },
    Planted {
        name: "an_alert_clears_at_the_level_that_raised_it",
        laws: "",
        file: "src/health/thresholds.rs",
        edits: &[(
            "reaches(level) || (holds && reaches(level * self.clear_ratio))",
            "reaches(level) || (holds && reaches(level))",
        )],
        noticed_by: &["unit::a_critical_level_below_the_warning_level_leaves_no_warning"],
    },
    Planted {
        name: "a_hold_time_is_not_waited_for",
        laws: "",
        file: "src/health/alert_book.rs",
        edits: &[(
            "if now.saturating_sub(change.since) < hold {",
            "if now.saturating_sub(change.since) < hold.min(Duration::ZERO) {",
        )],
        noticed_by: &["unit::bloat_is_idle_memory_that_stays"],
    },
    Planted {
        name: "a_hold_time_goes_on_after_a_break",
        laws: "",
        file: "src/health/alert_book.rs",
        edits: &[(
            "let building = self.change.take();",
            "let building = self.change;",
        )],
        noticed_by: &["unit::a_hold_time_is_counted_anew_after_every_break"],
    },
    Planted {
        name: "a_turn_in_direction_keeps_the_old_hold_time",
        laws: "",
        file: "src/health/alert_book.rs",
        edits: &[(
            "Some(change) if (change.toward > self.severity) == rises => Change {",
            "Some(change) => Change {",
        )],
        noticed_by: &["unit::a_turn_in_the_other_direction_starts_a_hold_time_of_its_own"],
    },
    Planted {
        name: "raising_waits_for_the_clear_time",
        laws: "",
        file: "src/health/alert_book.rs",
        edits: &[("let hold = if rises {", "let hold = if !rises {")],
        noticed_by: &["unit"],
    },
    Planted {
        name: "a_level_that_was_only_touched_is_raised",
        laws: "",
        file: "src/health/alert_book.rs",
        edits: &[("change.toward.min(wanted)", "change.toward.max(wanted)")],
        noticed_by: &["unit::a_level_that_did_not_hold_is_not_raised"],
    },
    Planted {
        name: "an_alert_is_raised_at_every_report",
        laws: "",
        file: "src/health/alert_book.rs",
        edits: &[("if Some(now) > before {", "if Some(now) >= before {")],
        noticed_by: &["unit::a_leak_is_raised_once_and_resolved_once_by_site"],
    },
    Planted {
        name: "an_alert_is_never_resolved",
        laws: "",
        file: "src/health/alert_book.rs",
        edits: &[(
            "                findings.resolved.push(resolved);\n",
            "                drop(resolved);\n",
        )],
        noticed_by: &["unit::a_leak_is_raised_once_and_resolved_once_by_site"],
    },
    Planted {
        name: "an_escalation_is_not_reported",
        laws: "",
        file: "src/health/alert_book.rs",
        edits: &[("if Some(now) > before {", "if before.is_none() {")],
        noticed_by: &["unit::an_escalation_is_the_same_alert_raised_again"],
    },
    Planted {
        name: "the_alerts_of_two_call_sites_are_one",
        laws: "",
        file: "src/health/alert_book.rs",
        edits: &[(
            "known.rule == row.rule && known.site == row.site",
            "known.rule == row.rule",
        )],
        noticed_by: &[
            "unit",
            "health::every_site_has_an_alert_of_its_own_and_ten_buffers_are_critical",
        ],
    },
    Planted {
        name: "bloat_is_judged_whatever_is_in_use",
        laws: "",
        file: "src/health/rules.rs",
        edits: &[(
            "let bloated = metrics.idle_bytes > metrics.in_use_bytes;",
            "let bloated = metrics.idle_bytes > 0;",
        )],
        noticed_by: &["unit::bloat_is_idle_memory_that_stays"],
    },
    Planted {
        name: "a_call_sites_buffers_in_flight_count_as_leaks",
        laws: "",
        file: "src/health/rules.rs",
        edits: &[(
            "value: holding.suspects as f64,",
            "value: holding.buffers as f64,",
        )],
        noticed_by: &["unit", "health"],
    },
    Planted {
        name: "misses_are_judged_before_the_pool_is_warm",
        laws: "",
        file: "src/health/misses.rs",
        edits: &[(
            "if frame.frame.get() <= warm_up {",
            "if frame.frame.get() == 0 && warm_up > 0 {",
        )],
        noticed_by: &["unit::misses_are_judged_once_the_pool_is_warm"],
    },
    Planted {
        name: "old_misses_never_leave_their_window",
        laws: "",
        file: "src/health/misses.rs",
        edits: &[(
            "self.misses = self.misses.wrapping_sub(left.1).wrapping_add(new.1);",
            "self.misses = self.misses.wrapping_add(new.1);",
        )],
        noticed_by: &["unit::misses_are_judged_once_the_pool_is_warm", "unit"],
    },
    Planted {
        name: "the_percentile_is_the_longest_time",
        laws: "",
        file: "src/health/frame_times.rs",
        edits: &[(
            "let rank = (times.len() - 1) * 99 / 100;",
            "let rank = times.len() - 1;",
        )],
        noticed_by: &["unit::the_percentile_is_an_observed_time_and_not_the_maximum"],
    },
    Planted {
        name: "old_frame_times_stay_in_the_average",
        laws: "",
        file: "src/health/frame_times.rs",
        edits: &[(
            "self.sum = self.sum - left + nanos;",
            "self.sum = self.sum + nanos;\n        let _ = left;",
        )],
        noticed_by: &["unit::old_frames_leave_the_window"],
    },
    Planted {
        name: "a_clock_that_jumps_back_wedges_the_monitor",
        laws: "",
        file: "src/health/monitor.rs",
        edits: &[
            (
                "        if let Some(before) = self.read.replace(now) {\n",
                "        if let Some(before) = self.read {\n            self.read = Some(before.max(now));\n",
            ),
            (
                "            self.now = self.now.saturating_add(step);\n        }",
                "            self.now = self.now.saturating_add(step);\n        } else {\n            self.read = Some(now);\n        }",
            ),
        ],
        noticed_by: &["unit::emits_are_throttled_and_no_clock_wedges_them"],
    },
    Planted {
        name: "emits_are_not_throttled",
        laws: "",
        file: "src/health/monitor.rs",
        edits: &[(
            "self.now.saturating_sub(last) >= self.interval",
            "self.now >= last",
        )],
        noticed_by: &["unit::emits_are_throttled_and_no_clock_wedges_them"],
    },
    Planted {
        name: "lost_records_are_reported_for_ever",
        laws: "",
        file: "src/health/monitor.rs",
        edits: &[(
            "self.lost - std::mem::replace(&mut self.lost_before, self.lost)",
            "self.lost - self.lost_before",
        )],
        noticed_by: &["unit::lost_records_are_reported_and_forgotten_in_time"],
    },
    Planted {
        name: "the_status_is_that_of_the_mildest_alert",
        laws: "",
        file: "src/health/monitor.rs",
        edits: &[(
            "findings.active.iter().map(|alert| alert.severity).max()",
            "findings.active.iter().map(|alert| alert.severity).min()",
        )],
        noticed_by: &["unit::the_status_is_that_of_the_worst_alert"],
    },
    Planted {
        name: "judging_takes_new_memory_each_time",
        laws: "L8",
        file: "src/health/monitor.rs",
        edits: &[(
            "        self.outstanding = outstanding;\n",
            "        drop(outstanding);\n",
        )],
        noticed_by: &["health_allocations"],
    },
];
