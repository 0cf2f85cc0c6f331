//! What announces to the fold that a slot counted something, and what the fold remembers.

use super::Planted;

pub(super) const PLANTED: &[Planted] = &[
    Planted {
        name: "a_take_does_not_make_the_first_pass_look_again",
        laws: "L1",
        file: "src/cache/tally.rs",
        edits: &[(
            "        let requested = self.requested.get();\n        let released",
            "        let requested = 0_u64;\n        let released",
        )],
        noticed_by: &["loom/fold::a_block_taken_while_a_fold_looks_is_not_found_released_twice"],
    },
    Planted {
        name: "a_hit_is_counted_after_it_was_announced",
        laws: "L1",
        file: "src/cache/slot.rs",
        edits: &[
            (
                "        bin.hits.increment();\n        // Behind the hit, of which it tells the fold.\n",
                "",
            ),
            (
                "        self.requested.add(requested as u64);\n        // SAFETY: as above, and the block just left the magazine.\n        unsafe { self.mark_lent(core, block, site) };\n        Some(NonNull::from(block))\n    }\n\n    /// As [`take`]",
                "        self.requested.add(requested as u64);\n        bin.hits.increment();\n        // SAFETY: as above, and the block just left the magazine.\n        unsafe { self.mark_lent(core, block, site) };\n        Some(NonNull::from(block))\n    }\n\n    /// As [`take`]",
            ),
        ],
        noticed_by: &["loom/fold::a_block_taken_while_a_fold_looks_is_not_found_released_twice"],
    },
    Planted {
        name: "a_give_is_announced_before_it_is_done",
        laws: "L1",
        file: "src/cache/slot.rs",
        edits: &[
            (
                "        if !bin.give(block) {\n            return false;\n        }\n",
                "        self.released_requested.add(requested as u64);\n        if !bin.give(block) {\n            return false;\n        }\n",
            ),
            (
                "        self.released_requested.add(requested as u64);\n        true\n",
                "        true\n",
            ),
        ],
        noticed_by: &[
            "loom/fold::a_buffer_given_back_while_a_fold_looks_is_found_released_by_the_next",
        ],
    },
    Planted {
        name: "a_stay_is_announced_at_its_beginning",
        laws: "L1",
        file: "src/cache/tenancy.rs",
        edits: &[(
            "            let result = f(slot);\n            slot.announce();\n            result\n",
            "            slot.announce();\n            f(slot)\n",
        )],
        noticed_by: &["loom/fold::a_request_refused_while_a_fold_looks_is_counted_by_the_next"],
    },
    Planted {
        name: "a_stay_is_not_announced",
        laws: "L1",
        file: "src/cache/tenancy.rs",
        edits: &[(
            "            slot.announce();\n            result\n",
            "            result\n",
        )],
        noticed_by: &["contract", "oracle"],
    },
    Planted {
        name: "an_exchange_is_counted_after_it_was_announced",
        laws: "L1",
        file: "src/cache/magazine.rs",
        edits: &[(
            "        slot.counters.depot_exchanges.increment();\n        slot.announce();\n",
            "        slot.announce();\n        slot.counters.depot_exchanges.increment();\n",
        )],
        noticed_by: &[
            "loom/primitives::what_a_slot_handed_back_beside_a_fold_had_is_found_by_the_next",
        ],
    },
    Planted {
        name: "blocks_go_to_the_depot_before_the_fold_is_told",
        laws: "L1",
        file: "src/cache/magazine.rs",
        edits: &[(
            "        slot.announce();\n        core.depot.push(batch);\n",
            "        core.depot.push(batch);\n",
        )],
        noticed_by: &[
            "contract::the_exchanges_of_a_thread_that_exits_are_counted",
            "loom/fold::a_block_that_somebody_else_lends_next_is_found_released_by_then",
            "loom/primitives::what_a_slot_handed_back_beside_a_fold_had_is_found_by_the_next",
        ],
    },
    Planted {
        name: "the_words_are_read_after_what_they_announce",
        laws: "L1",
        file: "src/cache/tally.rs",
        edits: &[
            ("            folded.settled_at = at;\n", ""),
            (
                "            sum.replace(&mut folded.settled, now);\n",
                "            folded.settled_at = self.requested.get().wrapping_add(self.released_requested.get()).wrapping_add(self.stays.get());\n            sum.replace(&mut folded.settled, now);\n",
            ),
        ],
        noticed_by: &[
            "loom/fold::a_buffer_given_back_while_a_fold_looks_is_found_released_by_the_next",
        ],
    },
    Planted {
        name: "buffers_without_bytes_go_the_quick_way",
        laws: "L1",
        file: "src/cache/class.rs",
        edits: &[(
            "    classes[0] = OVERSIZE as u8;\n",
            "    classes[0] = 0;\n",
        )],
        noticed_by: &["contract", "oracle"],
    },
    Planted {
        name: "what_a_slot_had_stays_in_the_sum",
        laws: "L1",
        file: "src/cache/counters.rs",
        edits: &[(
            "                $(self.$counted = self.$counted.wrapping_add(now.$counted.wrapping_sub(before.$counted));)*\n",
            "                $(self.$counted = self.$counted.wrapping_add(now.$counted);)*\n",
        )],
        noticed_by: &["contract", "oracle"],
    },
];
