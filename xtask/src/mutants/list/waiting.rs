//! Workers that wait for others, or disturb them; what leaves before it is counted.

use crate::mutants::planted::Planted;

pub(super) const PLANTED: &[Planted] = &[
    Planted {
        name: "an_alloc_takes_the_folds_lock",
        laws: "L5",
        file: "src/cache/slot.rs",
        edits: &[(
            "        bin.hits.increment();\n        // Behind",
            "        bin.hits.increment();\n        drop(core.fold.lock());\n        // Behind",
        )],
        noticed_by: &[
            "stress/waiting::a_hit_and_its_release_take_no_lock_and_change_no_shared_word",
        ],
    },
    Planted {
        name: "a_worker_looks_whether_the_folds_lock_is_free",
        laws: "L5",
        file: "src/cache/pooled.rs",
        edits: &[(
            "            if !slot.give(block.class(), block, requested) {",
            "            let _ = core.as_ref().fold.lock();\n            if !slot.give(block.class(), block, requested) {",
        )],
        noticed_by: &[
            "stress/waiting::buffers_held_and_dropped_meet_the_depot_once_in_many",
            "loom/primitives::a_new_worker_takes_a_free_slot_and_a_batch_although_a_frame_end_never_ends",
        ],
    },
    Planted {
        name: "a_counter_is_shared_by_all_threads",
        laws: "L5",
        file: "src/cache/counters.rs",
        edits: &[(
            "            self.store(in_register(self.value.load_own()).wrapping_add(amount));",
            "            self.value.fetch_add(in_register(amount), Ordering::Release);",
        )],
        noticed_by: &[
            "stress/waiting::a_hit_and_its_release_take_no_lock_and_change_no_shared_word",
        ],
    },
    Planted {
        name: "every_overflow_of_a_magazine_is_an_exchange_of_one_block",
        laws: "L5",
        file: "src/cache/magazine.rs",
        edits: &[(
            "const MOST_PER_BATCH: usize = sized(32,",
            "const MOST_PER_BATCH: usize = sized(2,",
        )],
        noticed_by: &["stress/waiting::buffers_held_and_dropped_meet_the_depot_once_in_many"],
    },
    Planted {
        name: "memory_goes_back_without_the_folds_lock",
        laws: "L3",
        file: "src/cache/reclaim.rs",
        edits: &[(
            "        self.depot.keep_nothing();\n        let mut fold = self.fold.lock();\n",
            "        self.depot.keep_nothing();\n        let mut fold = Fold::new();\n",
        )],
        noticed_by: &[
            "loom/passes::what_the_pool_took_from_the_system_is_the_same_while_it_gives_some_back",
        ],
    },
];
