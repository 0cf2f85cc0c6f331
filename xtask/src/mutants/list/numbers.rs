//! Plain counting: numbers forgotten, counted twice, or counted under another name.

use super::Planted;

pub(super) const PLANTED: &[Planted] = &[
    Planted {
        name: "bytes_given_back_are_without_those_asked_for",
        laws: "L1, L3",
        file: "src/cache/tally.rs",
        edits: &[(
            "                pooled_release_bytes: self.counters.released_bytes.get(),\n",
            "                pooled_release_bytes: self.counters.released_bytes.get().wrapping_sub(released),\n",
        )],
        noticed_by: &["contract::a_known_program_gives_known_numbers"],
    },
    Planted {
        name: "bytes_asked_for_are_not_taken_off_at_release",
        laws: "",
        file: "src/cache/slot.rs",
        edits: &[(
            "        self.released_requested.add(requested as u64);\n        true\n",
            "        self.released_requested.add(u64::from(requested > 0));\n        true\n",
        )],
        noticed_by: &["contract::a_known_program_gives_known_numbers"],
    },
    Planted {
        name: "a_miss_for_the_budget_counts_as_cold",
        laws: "",
        file: "src/cache/pooled.rs",
        edits: &[(
            "Miss::Budget => slot.counters.budget_misses.increment(),",
            "Miss::Budget => slot.counters.cold_misses.increment(),",
        )],
        noticed_by: &["contract::idle_memory_makes_way_for_what_is_asked_for"],
    },
    Planted {
        name: "a_huge_buffer_is_not_counted",
        laws: "L1",
        file: "src/cache/pooled.rs",
        edits: &[(
            "Miss::Oversize => slot.counters.oversize_misses.increment(),",
            "Miss::Oversize => slot.counters.oversize_misses.add(0),",
        )],
        noticed_by: &[
            "contract::buffers_beyond_the_largest_class_are_lent_at_their_own_size_and_not_kept",
        ],
    },
    Planted {
        name: "a_refusal_by_the_budget_is_not_counted",
        laws: "",
        file: "src/cache/pooled.rs",
        edits: &[(
            "Refusal::Budget(_) => slot.counters.budget_refusals.increment(),",
            "Refusal::Budget(_) => slot.counters.budget_refusals.add(0),",
        )],
        noticed_by: &["contract", "oracle"],
    },
    Planted {
        name: "an_overflow_is_not_counted",
        laws: "",
        file: "src/alloc/pool.rs",
        edits: &[(
            "let _ = unsafe { with_slot(self.core, |slot| count_refusal(slot, refusal)) };",
            "let _ = unsafe { with_slot(self.core, |slot| { let _ = (slot, count_refusal); }) };",
        )],
        noticed_by: &[
            "contract::a_size_beyond_the_address_space_is_an_overflow_and_counts_as_refused",
        ],
    },
    Planted {
        name: "an_overflow_is_counted_twice",
        laws: "",
        file: "src/cache/framed.rs",
        edits: &[("                && reason != Refusal::Overflow\n", "")],
        noticed_by: &[
            "contract::a_size_beyond_the_address_space_is_an_overflow_and_counts_as_refused",
            "contract",
        ],
    },
    Planted {
        name: "idle_bytes_are_the_bytes_held",
        laws: "L3",
        file: "src/fold/frame_end.rs",
        edits: &[(
            "idle_bytes: walk.reserved - in_use_bytes,",
            "idle_bytes: walk.reserved,",
        )],
        noticed_by: &["contract"],
    },
    Planted {
        name: "bytes_given_back_to_the_system_are_forgotten",
        laws: "",
        file: "src/fold/frame_end.rs",
        edits: &[(
            "system_bytes: walk.reserved.wrapping_add(evicted_bytes),",
            "system_bytes: walk.reserved,",
        )],
        noticed_by: &["contract"],
    },
    Planted {
        name: "a_thread_that_only_takes_frame_buffers_is_no_active_thread",
        laws: "",
        file: "src/cache/tally.rs",
        edits: &[
            (
                "            let allocs = folded.allocs.wrapping_add(in_open_frames);\n",
                "            let allocs = folded.allocs;\n            let _ = in_open_frames;\n",
            ),
            (
                "            (*folded).allocs = (*folded).allocs.wrapping_add(allocs);\n",
                "            let _ = (folded, allocs);\n",
            ),
        ],
        noticed_by: &["contract::threads_are_those_that_took_a_buffer_in_this_frame"],
    },
    Planted {
        name: "size_classes_without_memory_still_count",
        laws: "",
        file: "src/cache/depot.rs",
        edits: &[(
            "if self.shelves[class].held.fetch_sub(1, Ordering::Relaxed) == 1 {",
            "if self.shelves[class].held.fetch_sub(1, Ordering::Relaxed) == 0 {",
        )],
        noticed_by: &["contract::pool_keys_are_the_size_classes_that_have_memory_now"],
    },
    Planted {
        name: "blocks_fetched_from_the_depot_are_not_taken_off",
        laws: "",
        file: "src/cache/depot.rs",
        edits: &[(
            "let before = shelf.idle.fetch_sub(u64::from(len), Ordering::Relaxed);",
            "let before = shelf.idle.fetch_sub(u64::from(len) / 2, Ordering::Relaxed);",
        )],
        noticed_by: &["unit::what_is_counted_as_idle_is_what_lies_here"],
    },
    Planted {
        name: "the_duration_is_measured_from_the_first_frame",
        laws: "",
        file: "src/fold/frame_end.rs",
        edits: &[("        self.last_end = now;\n", "")],
        noticed_by: &["contract::durations_are_the_time_between_frame_ends"],
    },
    Planted {
        name: "the_call_site_is_in_the_library",
        laws: "",
        file: "src/alloc/pool.rs",
        edits: &[(
            "            None => self.lend_or_panic::<T>(len, Location::caller()),\n",
            "            None => {\n                const HERE: &Location<'static> = Location::caller();\n                self.lend_or_panic::<T>(len, HERE)\n            }\n",
        )],
        noticed_by: &["contract::buffers_out_are_listed_by_line_largest_first_with_their_age"],
    },
    Planted {
        name: "attribution_is_never_switched_off",
        laws: "",
        file: "src/cache/core.rs",
        edits: &[(
            "Attribution::Off => frame_stamp(frame.get()) | IDLE,",
            "Attribution::Off => frame_stamp(frame.get()) | (IDLE & 0),",
        )],
        noticed_by: &["contract::with_attribution_off_buffers_are_counted_and_not_listed"],
    },
];
