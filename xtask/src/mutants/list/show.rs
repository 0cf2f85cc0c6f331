//! The store and the watch.

use super::Planted;

pub(super) const PLANTED: &[Planted] = &[
    Planted {
        name: "the_store_shows_its_status_before_its_state",
        laws: "L4",
        file: "src/show/store.rs",
        edits: &[
            ("        self.shared.kept.swap(Arc::new(next));\n", ""),
            (
                "        self.shared.status.store(status, Ordering::Release);\n",
                "        self.shared.status.store(status, Ordering::Release);\n        self.shared.kept.swap(Arc::new(next));\n",
            ),
        ],
        noticed_by: &["loom/store::who_reads_a_status_finds_the_state_it_was_taken_from"],
    },
    Planted {
        name: "two_receivers_of_a_store_overwrite_each_other",
        laws: "L4",
        file: "src/show/store.rs",
        edits: &[
            (
                "        let turn = self.shared.receiving.lock();\n",
                "        let turn = ();\n",
            ),
            ("        drop(turn);\n", "        let () = turn;\n"),
        ],
        noticed_by: &["loom/store::two_that_are_received_at_once_are_both_kept"],
    },
    Planted {
        name: "the_store_remembers_one_too_many",
        laws: "",
        file: "src/show/store.rs",
        edits: &[(
            "(self.history.len() + 1).saturating_sub(most)",
            "self.history.len().saturating_sub(most)",
        )],
        noticed_by: &["unit::the_history_keeps_the_latest"],
    },
    Planted {
        name: "the_log_of_alerts_keeps_the_oldest",
        laws: "",
        file: "src/show/store.rs",
        edits: &[(
            "log.drain(..log.len().saturating_sub(LOG));",
            "log.truncate(LOG);",
        )],
        noticed_by: &["unit::the_log_is_bounded"],
    },
    Planted {
        name: "the_alerts_of_one_pool_replace_those_of_another",
        laws: "",
        file: "src/show/store.rs",
        edits: &[(
            "self.active.iter().filter(|alert| alert.pool != health.pool)",
            "self.active.iter().filter(|alert| alert.pool != health.pool && alert.pool == health.pool)",
        )],
        noticed_by: &["unit::pools_of_different_names_keep_their_alerts_apart"],
    },
    Planted {
        name: "a_stopped_watch_does_not_look_again",
        laws: "",
        file: "src/show/watch.rs",
        edits: &[(
            "        self.drain();\n        self.store.receive(self.monitor.emit_now(&self.pool));\n",
            "",
        )],
        noticed_by: &[
            "diagnostics::stopping_judges_the_final_frames_and_does_not_wait_for_the_poll",
        ],
    },
    Planted {
        name: "stopping_a_watch_waits_for_its_poll",
        laws: "",
        file: "src/show/watch.rs",
        edits: &[("        thread.thread().unpark();\n", "")],
        noticed_by: &[
            "diagnostics::stopping_judges_the_final_frames_and_does_not_wait_for_the_poll",
        ],
    },
    Planted {
        name: "a_lost_record_is_counted_at_every_look",
        laws: "",
        file: "src/show/watch.rs",
        edits: &[("        self.lost = lost;\n", "        let _ = lost;\n")],
        noticed_by: &["diagnostics::a_lost_record_is_counted_once"],
    },
    Planted {
        name: "a_watch_forgets_what_its_feed_lost",
        laws: "",
        file: "src/show/watch.rs",
        edits: &[(
            "        self.monitor.record_lost(lost.wrapping_sub(self.lost));\n",
            "",
        )],
        noticed_by: &["diagnostics::records_overwritten_before_they_were_read_raise_an_alert"],
    },
];
