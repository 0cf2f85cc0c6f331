//! Frames: arenas, their bits, and who may begin one.

use super::Planted;

pub(super) const PLANTED: &[Planted] = &[
    Planted {
        name: "two_open_frames_share_a_bit",
        laws: "L6",
        file: "src/cache/in_flight.rs",
        edits: &[(
            "                open | 1 << index,\n",
            "                open,\n",
        )],
        noticed_by: &["contract::as_many_frames_as_allowed_are_open_at_once_and_end_in_any_order"],
    },
    Planted {
        name: "one_frame_too_many_may_be_open",
        laws: "",
        file: "src/cache/in_flight.rs",
        edits: &[("if index >= self.limit {", "if index > self.limit {")],
        noticed_by: &["contract::as_many_frames_as_allowed_are_open_at_once_and_end_in_any_order"],
    },
    Planted {
        name: "a_frames_bit_is_freed_before_its_arenas_are_reset",
        laws: "L1, L6",
        file: "src/fold/frame_end.rs",
        edits: &[
            (
                "        self.read_settled(core, index);\n",
                "        index.into_iter().for_each(|index| core.in_flight.free(index));\n        self.read_settled(core, index);\n",
            ),
            (
                "            core.in_flight.free(index);\n        }",
                "        }",
            ),
        ],
        noticed_by: &[
            "loom/slots::a_frame_ended_by_another_thread_than_filled_it_counts_all_of_it",
        ],
    },
    Planted {
        name: "a_frames_bit_is_never_freed",
        laws: "L7",
        file: "src/fold/frame_end.rs",
        edits: &[(
            "            core.in_flight.free(index);\n        }",
            "        }",
        )],
        noticed_by: &["contract::as_many_frames_as_allowed_are_open_at_once_and_end_in_any_order"],
    },
    Planted {
        name: "the_end_of_one_frame_resets_the_arenas_of_all",
        laws: "L6",
        file: "src/fold/frame_end.rs",
        edits: &[(
            "let ended = unsafe { arena.reset() };",
            "let ended = unsafe { arena.reset() };\n        // SAFETY: there is none: that is the bug.\n        unsafe { slot.arenas_among(core.in_flight.open()).filter(|(_, other)| !std::ptr::eq(*other, arena)).for_each(|(_, other)| _ = other.reset()) };",
        )],
        noticed_by: &["laws::memory_of_an_open_frame_is_not_lent_again_when_another_frame_ends"],
    },
    Planted {
        name: "trimming_takes_the_arenas_of_an_open_frame",
        laws: "L6",
        file: "src/cache/reclaim.rs",
        edits: &[
            (
                "            if !self.in_flight.claim_index(index) {\n                continue;\n            }\n",
                "            let ours = self.in_flight.claim_index(index);\n",
            ),
            (
                "            self.in_flight.free(index);\n        }\n        self.budget.evicted_since(before)",
                "            if ours {\n                self.in_flight.free(index);\n            }\n        }\n        self.budget.evicted_since(before)",
            ),
        ],
        noticed_by: &[
            "contract::trim_gives_back_all_that_is_idle_within_reach_and_says_how_much",
            "contract",
            "laws",
        ],
    },
    Planted {
        name: "an_arena_lends_one_line_more_than_its_block_has",
        laws: "L6",
        file: "src/cache/arena.rs",
        edits: &[(
            "if next.addr() > self.end.get().addr() || wraps {",
            "if cursor.is_null() || next.addr() > self.end.get().addr() + 64 || wraps {",
        )],
        noticed_by: &["contract", "laws"],
    },
    Planted {
        name: "an_arena_moves_on_to_a_block_that_is_too_small",
        laws: "L6",
        file: "src/cache/arena.rs",
        edits: &[(
            ".find(|&at| chain.blocks[at].bytes >= stride)?;",
            ".next()?;",
        )],
        noticed_by: &["unit"],
    },
    Planted {
        name: "an_arena_starts_its_next_frame_in_the_middle_of_its_block",
        laws: "L3",
        file: "src/cache/arena.rs",
        edits: &[(
            "                    self.cursor.store(base, Ordering::Relaxed);\n",
            "",
        )],
        noticed_by: &["contract", "oracle"],
    },
    Planted {
        name: "what_an_arena_lent_before_a_refill_is_forgotten",
        laws: "L1, L3",
        file: "src/cache/arena.rs",
        edits: &[("            add(&self.sealed_allocs, allocs + 1);\n", "")],
        noticed_by: &["oracle", "contract"],
    },
    Planted {
        name: "the_bytes_of_a_full_block_are_forgotten",
        laws: "L1, L3",
        file: "src/cache/arena.rs",
        edits: &[(
            "            add(&self.sealed_bytes, (cursor.addr() - base.addr()) as u64);\n",
            "            let _ = (cursor, base);\n",
        )],
        noticed_by: &["oracle", "contract"],
    },
    Planted {
        name: "an_arena_is_read_without_looking_at_its_version_again",
        laws: "L1, L3",
        file: "src/cache/arena.rs",
        edits: &[(
            "if version.is_multiple_of(2) && self.version.load(Ordering::Relaxed) == version {",
            "if version < u64::MAX {",
        )],
        noticed_by: &["loom/primitives::a_reading_while_the_arena_moves_on_is_of_before_or_after"],
    },
    Planted {
        name: "an_arenas_refill_is_not_bracketed",
        laws: "L1, L3",
        file: "src/cache/arena.rs",
        edits: &[(
            "self.version.store(version + 1,",
            "self.version.store(version,",
        )],
        noticed_by: &["loom/primitives::a_reading_while_the_arena_moves_on_is_of_before_or_after"],
    },
    Planted {
        name: "a_frame_buffer_has_no_line_of_colour",
        laws: "",
        file: "src/cache/framed.rs",
        edits: &[(
            "            self.below_odd\n        };\n",
            "            self.below_alignment\n        };\n",
        )],
        noticed_by: &["contract"],
    },
    Planted {
        name: "a_frame_buffers_stride_is_not_rounded_up",
        laws: "L6",
        file: "src/cache/framed.rs",
        edits: &[(
            "((bytes + self.below_alignment) | below) - self.below_alignment",
            "((bytes + self.below_alignment) | (below & 3)) - self.below_alignment",
        )],
        noticed_by: &["contract", "laws"],
    },
    Planted {
        name: "frame_buffers_without_bytes_are_not_counted",
        laws: "L1",
        file: "src/cache/framed.rs",
        edits: &[("        arena.count_empty();\n", "")],
        noticed_by: &["contract::frame_buffers_without_bytes_are_valid_and_count"],
    },
    Planted {
        name: "a_dropped_frame_does_not_end",
        laws: "L1, L7",
        file: "src/alloc/frame.rs",
        edits: &[(
            "        self.pool.core().end_frame(Some(self.lane.index()));\n",
            "        let _ = self.lane.index();\n",
        )],
        noticed_by: &["contract::dropping_a_frame_ends_it_like_release_all"],
    },
];
