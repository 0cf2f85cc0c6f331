//! Memory orderings weakened: what only a model can notice on a machine with a strong memory order.

use super::Planted;

pub(super) const PLANTED: &[Planted] = &[
    Planted {
        name: "a_counter_is_written_without_release",
        laws: "L2, L3",
        file: "src/cache/counters.rs",
        edits: &[(
            "self.value.store(value, Ordering::Release);",
            "self.value.store(value, Ordering::Relaxed);",
        )],
        noticed_by: &[
            "loom/primitives::a_release_in_one_slot_is_never_read_before_its_alloc_in_another",
        ],
    },
    Planted {
        name: "a_counter_is_read_without_acquire",
        laws: "L2, L3",
        file: "src/cache/counters.rs",
        edits: &[(
            "self.value.load(Ordering::Acquire)",
            "self.value.load(Ordering::Relaxed)",
        )],
        noticed_by: &[
            "loom/primitives::a_release_in_one_slot_is_never_read_before_its_alloc_in_another",
        ],
    },
    Planted {
        name: "a_block_is_pushed_without_release",
        laws: "L6",
        file: "src/cache/stack.rs",
        edits: &[(
            "next_top(top, block.number),\n                Ordering::Release,",
            "next_top(top, block.number),\n                Ordering::Relaxed,",
        )],
        noticed_by: &[
            "loom/primitives::whoever_pops_a_block_has_all_that_was_written_before_its_push",
        ],
    },
    Planted {
        name: "a_block_is_popped_without_acquire",
        laws: "L6",
        file: "src/cache/stack.rs",
        edits: &[
            (
                "let mut top = self.top.load(Ordering::Acquire);",
                "let mut top = self.top.load(Ordering::Relaxed);",
            ),
            (
                "Ordering::Acquire,\n            ) {\n                Ok(_) => return Some(block),",
                "Ordering::Relaxed,\n            ) {\n                Ok(_) => return Some(block),",
            ),
        ],
        noticed_by: &[
            "loom/primitives::whoever_pops_a_block_has_all_that_was_written_before_its_push",
        ],
    },
    Planted {
        name: "a_pop_that_had_to_try_again_does_not_acquire",
        laws: "L6",
        file: "src/cache/stack.rs",
        edits: &[(
            "Ordering::Acquire,\n            ) {\n                Ok(_) => return Some(block),",
            "Ordering::Relaxed,\n            ) {\n                Ok(_) => return Some(block),",
        )],
        noticed_by: &[
            "loom/primitives::a_pop_that_had_to_look_again_has_all_that_was_written_before_the_push",
        ],
    },
    Planted {
        name: "a_slot_is_handed_back_without_release",
        laws: "L1, L6",
        file: "src/cache/slots.rs",
        edits: &[
            (
                "slot.owner.store(0, Ordering::Release);",
                "slot.owner.store(0, Ordering::Relaxed);",
            ),
            (
                "self.freed.fetch_add(1, Ordering::Release);",
                "self.freed.fetch_add(1, Ordering::Relaxed);",
            ),
        ],
        noticed_by: &[
            "loom/primitives::whoever_claims_a_slot_handed_back_has_all_that_its_owner_wrote",
        ],
    },
    Planted {
        name: "a_slot_is_claimed_without_acquire",
        laws: "L1, L6",
        file: "src/cache/slot.rs",
        edits: &[(
            ".compare_exchange(0, 1, Ordering::Acquire, Ordering::Relaxed)",
            ".compare_exchange(0, 1, Ordering::Relaxed, Ordering::Relaxed)",
        )],
        noticed_by: &[
            "loom/primitives::whoever_claims_a_slot_handed_back_has_all_that_its_owner_wrote",
        ],
    },
    Planted {
        name: "a_new_slot_is_published_without_release",
        laws: "L1",
        file: "src/cache/slots.rs",
        edits: &[(
            "slot.as_ptr(),\n                Ordering::Release,",
            "slot.as_ptr(),\n                Ordering::Relaxed,",
        )],
        noticed_by: &[
            "loom/slots::a_slot_handed_over_at_exit_loses_no_count",
            "loom/fold::a_release_on_another_thread_is_never_seen_before_its_alloc",
        ],
    },
    Planted {
        name: "the_slots_are_walked_without_acquire",
        laws: "L1",
        file: "src/cache/slots.rs",
        edits: &[(
            "let mut at = self.newest.load(Ordering::Acquire).cast_const();",
            "let mut at = self.newest.load(Ordering::Relaxed).cast_const();",
        )],
        noticed_by: &[
            "loom/slots::a_slot_handed_over_at_exit_loses_no_count",
            "loom/fold::a_release_on_another_thread_is_never_seen_before_its_alloc",
        ],
    },
    Planted {
        name: "a_frames_bit_is_given_back_without_release",
        laws: "L1, L6",
        file: "src/cache/in_flight.rs",
        edits: &[(
            "self.open.fetch_and(!(1 << index), Ordering::Release);",
            "self.open.fetch_and(!(1 << index), Ordering::Relaxed);",
        )],
        noticed_by: &[
            "loom/primitives::a_frame_begun_under_a_bit_given_back_finds_its_arenas_reset",
        ],
    },
    Planted {
        name: "a_frames_bit_is_claimed_without_acquire",
        laws: "L1, L6",
        file: "src/cache/in_flight.rs",
        edits: &[(
            "open | 1 << index,\n                Ordering::Acquire,",
            "open | 1 << index,\n                Ordering::Relaxed,",
        )],
        noticed_by: &[
            "loom/primitives::a_frame_begun_under_a_bit_given_back_finds_its_arenas_reset",
        ],
    },
    Planted {
        name: "an_arenas_version_is_written_without_release",
        laws: "L1, L3",
        file: "src/cache/arena.rs",
        edits: &[(
            "self.version.store(version + 2, Ordering::Release);",
            "self.version.store(version + 2, Ordering::Relaxed);",
        )],
        noticed_by: &[
            "loom/primitives::a_reading_while_the_arena_moves_on_is_of_before_or_after",
            "loom/primitives::readings_while_buffers_are_lent_never_go_back",
        ],
    },
    Planted {
        name: "an_arenas_version_is_read_without_acquire",
        laws: "L1, L3",
        file: "src/cache/arena.rs",
        edits: &[(
            "let version = self.version.load(Ordering::Acquire);",
            "let version = self.version.load(Ordering::Relaxed);",
        )],
        noticed_by: &[
            "loom/primitives::a_reading_while_the_arena_moves_on_is_of_before_or_after",
            "loom/primitives::readings_while_buffers_are_lent_never_go_back",
        ],
    },
    Planted {
        name: "an_arenas_cursor_is_moved_to_a_new_block_without_release",
        laws: "L1, L3",
        file: "src/cache/arena.rs",
        edits: &[
            (
                "self.cursor\n                .store(start.wrapping_add(stride), Ordering::Release);",
                "self.cursor\n                .store(start.wrapping_add(stride), Ordering::Relaxed);",
            ),
            (
                "self.base.store(start, Ordering::Release);",
                "self.base.store(start, Ordering::Relaxed);",
            ),
        ],
        noticed_by: &[
            "loom/primitives::a_reading_while_the_arena_moves_on_is_of_before_or_after",
            "loom/primitives::readings_while_buffers_are_lent_never_go_back",
        ],
    },
    Planted {
        name: "an_arenas_words_are_read_without_acquire",
        laws: "L1, L3",
        file: "src/cache/arena.rs",
        edits: &[
            (
                "let lent = self.lent.load(Ordering::Acquire);",
                "let lent = self.lent.load(Ordering::Relaxed);",
            ),
            (
                "let cursor = self.cursor.load(Ordering::Acquire);",
                "let cursor = self.cursor.load(Ordering::Relaxed);",
            ),
            (
                "let base = self.base.load(Ordering::Acquire);",
                "let base = self.base.load(Ordering::Relaxed);",
            ),
        ],
        noticed_by: &[
            "loom/primitives::a_reading_while_the_arena_moves_on_is_of_before_or_after",
            "loom/primitives::readings_while_buffers_are_lent_never_go_back",
        ],
    },
    Planted {
        name: "a_block_is_marked_lent_without_release",
        laws: "",
        file: "src/cache/block.rs",
        edits: &[(
            "self.state.store(stamp, Ordering::Release);",
            "self.state.store(stamp, Ordering::Relaxed);",
        )],
        noticed_by: &[
            "loom/primitives::a_walker_never_joins_one_holder_s_line_to_another_s_frame",
            "loom/primitives::nor_when_the_block_went_to_another_thread_in_between",
            "loom/walker",
        ],
    },
    Planted {
        name: "a_call_site_is_written_without_release",
        laws: "",
        file: "src/cache/block.rs",
        edits: &[(
            ".store(ptr::from_ref(site).cast_mut(), Ordering::Release);",
            ".store(ptr::from_ref(site).cast_mut(), Ordering::Relaxed);",
        )],
        noticed_by: &[
            "loom/primitives::a_walker_never_joins_one_holder_s_line_to_another_s_frame",
            "loom/primitives::nor_when_the_block_went_to_another_thread_in_between",
            "loom/walker",
        ],
    },
    Planted {
        name: "the_walker_reads_a_state_without_acquire",
        laws: "",
        file: "src/cache/block.rs",
        edits: &[(
            "state = self.state.fetch_or(WATCHED, Ordering::Acquire);",
            "state = self.state.fetch_or(WATCHED, Ordering::Relaxed);",
        )],
        noticed_by: &[
            "loom/primitives::a_walker_never_joins_one_holder_s_line_to_another_s_frame",
            "loom/primitives::nor_when_the_block_went_to_another_thread_in_between",
            "loom/walker",
        ],
    },
    Planted {
        name: "the_walker_reads_a_call_site_without_acquire",
        laws: "",
        file: "src/cache/block.rs",
        edits: &[(
            "let site = self.site.load(Ordering::Acquire);",
            "let site = self.site.load(Ordering::Relaxed);",
        )],
        noticed_by: &[
            "loom/primitives::a_walker_never_joins_one_holder_s_line_to_another_s_frame",
            "loom/primitives::nor_when_the_block_went_to_another_thread_in_between",
            "loom/walker",
        ],
    },
    Planted {
        name: "a_pool_is_left_without_release_and_acquire",
        laws: "L7",
        file: "src/cache/ledger.rs",
        edits: &[(
            "self.life.fetch_add(change, Ordering::AcqRel) + change == 0",
            "self.life.fetch_add(change, Ordering::Relaxed) + change == 0",
        )],
        noticed_by: &[
            "loom/primitives::the_last_of_a_handle_a_slot_and_a_buffer_frees_the_pool_once",
            "loom/primitives::two_buffers_dropped_at_once_after_everything_else_free_the_pool_once",
        ],
    },
    Planted {
        name: "the_last_handle_goes_without_release_and_acquire",
        laws: "L7",
        file: "src/cache/ledger.rs",
        edits: &[(
            "self.handles.fetch_sub(1, Ordering::AcqRel) != 1",
            "self.handles.fetch_sub(1, Ordering::Relaxed) != 1",
        )],
        noticed_by: &[
            "loom/primitives::the_last_of_two_handles_frees_the_pool_after_all_that_was_done_with_it",
        ],
    },
    Planted {
        name: "a_bucket_of_records_is_published_without_release",
        laws: "L6",
        file: "src/cache/table.rs",
        edits: &[(
            "start.as_ptr(),\n            Ordering::Release,",
            "start.as_ptr(),\n            Ordering::Relaxed,",
        )],
        noticed_by: &[
            "loom/primitives::two_threads_that_grow_the_table_at_once_get_different_records",
            "loom/primitives::a_walk_while_the_table_grows_meets_whole_records_only",
        ],
    },
    Planted {
        name: "the_number_of_records_rises_without_release",
        laws: "L6",
        file: "src/cache/table.rs",
        edits: &[(
            "index + 1,\n                Ordering::Release,",
            "index + 1,\n                Ordering::Relaxed,",
        )],
        noticed_by: &["loom/primitives::a_walk_while_the_table_grows_meets_whole_records_only"],
    },
    Planted {
        name: "a_thread_name_is_published_without_release",
        laws: "",
        file: "src/cache/names.rs",
        edits: &[(
            ".compare_exchange(newest, entry, Ordering::Release, Ordering::Relaxed)",
            ".compare_exchange(newest, entry, Ordering::Relaxed, Ordering::Relaxed)",
        )],
        noticed_by: &[
            "loom/primitives::two_threads_of_one_name_that_enter_it_at_once_get_one_number",
        ],
    },
];
