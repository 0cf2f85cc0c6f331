//! Memory from the system and back: budget, trimming, prewarming, size classes, alignment.

use super::Planted;

pub(super) const PLANTED: &[Planted] = &[
    Planted {
        name: "trim_frees_a_block_that_is_in_use",
        laws: "L6, L7",
        file: "src/cache/reclaim.rs",
        edits: &[(
            "        for class in 0..=CLASSES {\n            while self.evict_batch(fold, class, u64::MAX) > 0 {}\n        }\n        self.budget.evicted_since(before)",
            "        for class in 0..=CLASSES {\n            while self.evict_batch(fold, class, u64::MAX) > 0 {}\n        }\n        if let Some(block) = self.table.records().find(|block| block.read().is_some()) {\n            // SAFETY: there is none: that is the bug.\n            let piece = unsafe { block.unbind() };\n            self.give_back_piece(fold, piece);\n        }\n        self.budget.evicted_since(before)",
        )],
        noticed_by: &[
            "contract::trim_takes_nothing_from_a_thread_that_is_using_the_pool",
            "contract",
        ],
    },
    Planted {
        name: "a_mapping_is_kept",
        laws: "L7",
        file: "src/cache/system.rs",
        edits: &[(
            "            unsafe { mapping::unmap(base, bytes) };\n",
            "            let _ = (base, bytes);\n",
        )],
        noticed_by: &["memory"],
    },
    Planted {
        name: "of_a_mapping_the_last_page_is_kept",
        laws: "L7",
        file: "src/cache/system.rs",
        edits: &[(
            "mapping::unmap(base, bytes)",
            "mapping::unmap(base, bytes - PAGE)",
        )],
        noticed_by: &["memory"],
    },
    Planted {
        name: "mappings_all_begin_at_a_page",
        laws: "",
        file: "src/cache/system.rs",
        edits: &[(
            "let offset = lines * align;",
            "let offset = lines * align / PAGE;",
        )],
        noticed_by: &["unit"],
    },
    Planted {
        name: "a_refused_mapping_is_not_asked_for_elsewhere",
        laws: "",
        file: "src/cache/system.rs",
        edits: &[(
            "Self::map(bytes, align).or_else(|| Self::allocate(bytes, align))",
            "if bytes < MAPPED_BYTES {\n            Self::allocate(bytes, align)\n        } else {\n            Self::map(bytes, align)\n        }",
        )],
        noticed_by: &["memory"],
    },
    Planted {
        name: "memory_given_back_is_not_entered_in_the_budget",
        laws: "L3",
        file: "src/cache/reclaim.rs",
        edits: &[(
            "        self.budget.evicted(bytes);\n",
            "        let _ = bytes;\n",
        )],
        noticed_by: &["contract"],
    },
    Planted {
        name: "a_block_that_lost_its_memory_is_left_in_its_batch",
        laws: "L6",
        file: "src/cache/reclaim.rs",
        edits: &[(
            "self.depot.push(unsafe { Batch::new(block, left) });",
            "self.depot.push(unsafe { Batch::new(batch.head(), left) });",
        )],
        noticed_by: &["contract", "memory"],
    },
    Planted {
        name: "what_stays_of_a_batch_is_dropped",
        laws: "L3",
        file: "src/cache/reclaim.rs",
        edits: &[(
            "                self.depot.push(unsafe { Batch::new(block, left) });\n",
            "                let _ = unsafe { Batch::new(block, left) };\n",
        )],
        noticed_by: &["contract", "memory"],
    },
    Planted {
        name: "records_without_memory_are_not_used_again",
        laws: "L8",
        file: "src/cache/reclaim.rs",
        edits: &[("            self.bare.push(block);\n", "")],
        noticed_by: &["contract::memory_that_goes_and_comes_again_needs_no_more_bookkeeping"],
    },
    Planted {
        name: "nothing_is_trimmed_at_frame_ends",
        laws: "",
        file: "src/fold/frame_end.rs",
        edits: &[("        core.trim_step(self);\n", "")],
        noticed_by: &["memory"],
    },
    Planted {
        name: "idle_memory_goes_at_the_first_frame_end",
        laws: "L8",
        file: "src/cache/reclaim.rs",
        edits: &[
            (
                "const PATIENCE_FRAMES: u64 = 130;",
                "const PATIENCE_FRAMES: u64 = 1;",
            ),
            (
                "const SLACK_BYTES: u64 = 2 << 20;",
                "const SLACK_BYTES: u64 = 0;",
            ),
        ],
        noticed_by: &["memory::a_load_that_comes_every_sixtieth_frame_is_silent"],
    },
    Planted {
        name: "arenas_of_frames_that_are_not_used_keep_their_memory",
        laws: "",
        file: "src/cache/reclaim.rs",
        edits: &[("        self.trim_unused_frame(fold);\n", "")],
        noticed_by: &["memory"],
    },
    Planted {
        name: "arenas_keep_what_only_an_old_frame_needed",
        laws: "",
        file: "src/cache/chain.rs",
        edits: &[(
            "            self.needed = [self.needed[1], 0];\n",
            "            self.needed = [self.needed[1], self.needed[1]];\n",
        )],
        noticed_by: &["memory"],
    },
    Planted {
        name: "buffers_beyond_the_largest_class_are_kept",
        laws: "",
        file: "src/cache/reclaim.rs",
        edits: &[("        self.let_go_oversize(fold);\n", "")],
        noticed_by: &[
            "contract::buffers_beyond_the_largest_class_are_lent_at_their_own_size_and_not_kept",
        ],
    },
    Planted {
        name: "a_huge_request_is_served_by_any_huge_block",
        laws: "L6",
        file: "src/cache/pooled.rs",
        edits: &[(
            "    if class != OVERSIZE {\n",
            "    if class <= OVERSIZE {\n",
        )],
        noticed_by: &[
            "contract::a_huge_buffer_is_never_served_by_a_smaller_one_whatever_a_thread_may_keep",
            "contract",
        ],
    },
    Planted {
        name: "the_budget_may_be_exceeded_by_a_line",
        laws: "",
        file: "src/cache/budget.rs",
        edits: &[(
            "|&sum| sum <= limit",
            "|&sum| sum <= limit.saturating_add(64)",
        )],
        noticed_by: &[
            "contract::the_pool_never_holds_more_than_its_budget_whatever_is_asked_for",
            "contract",
        ],
    },
    Planted {
        name: "two_threads_reserve_the_same_bytes_of_the_budget",
        laws: "L3",
        file: "src/cache/budget.rs",
        edits: &[(
            "compare_exchange_weak(\n                reserved,\n",
            "compare_exchange_weak(\n                self.reserved.load(Ordering::Relaxed),\n",
        )],
        noticed_by: &["loom/primitives::two_requests_at_once_never_exceed_the_limit"],
    },
    Planted {
        name: "a_reservation_without_memory_is_not_taken_back",
        laws: "L3",
        file: "src/cache/pooled.rs",
        edits: &[("            self.budget.cancel(wanted);\n", "")],
        noticed_by: &[
            "contract::what_the_system_cannot_give_is_out_of_memory_and_leaves_no_trace_in_the_levels",
        ],
    },
    Planted {
        name: "a_record_is_lost_when_there_is_no_memory_for_it",
        laws: "L8",
        file: "src/cache/pooled.rs",
        edits: &[("                self.bare.push(block);\n", "")],
        noticed_by: &["contract::any_number_of_refusals_needs_no_more_bookkeeping"],
    },
    Planted {
        name: "no_idle_memory_makes_way_for_a_request",
        laws: "",
        file: "src/cache/pooled.rs",
        edits: &[("            self.make_way(wanted, slot);\n", "")],
        noticed_by: &["contract::idle_memory_makes_way_for_what_is_asked_for"],
    },
    Planted {
        name: "the_peak_is_the_level",
        laws: "",
        file: "src/cache/budget.rs",
        edits: &[(
            "if reserved > self.peak.load(Ordering::Relaxed) {\n            self.peak.fetch_max(reserved, Ordering::Relaxed);\n",
            "if reserved != self.peak.load(Ordering::Relaxed) {\n            self.peak.swap(reserved, Ordering::Relaxed);\n",
        )],
        noticed_by: &["contract::the_peak_stays_when_the_memory_has_gone"],
    },
    Planted {
        name: "a_refusal_names_six_holders",
        laws: "",
        file: "src/cache/pooled.rs",
        edits: &[("holders.truncate(5);", "holders.truncate(6);")],
        noticed_by: &["contract::a_budget_refusal_names_the_five_largest_holders_and_the_numbers"],
    },
    Planted {
        name: "prewarmed_blocks_are_trimmed_like_others",
        laws: "",
        file: "src/cache/prewarm.rs",
        edits: &[("self.depot.keep(class, 1);", "self.depot.keep(class, 0);")],
        noticed_by: &["contract::what_was_prewarmed_stays_through_quiet_frames_until_trim"],
    },
    Planted {
        name: "prewarming_makes_one_block_too_few",
        laws: "",
        file: "src/cache/prewarm.rs",
        edits: &[(
            "        for _ in 0..count {\n",
            "        for _ in 1..count {\n",
        )],
        noticed_by: &["contract::what_was_prewarmed_is_lent_without_a_miss"],
    },
    Planted {
        name: "prewarmed_memory_is_not_touched",
        laws: "",
        file: "src/cache/prewarm.rs",
        edits: &[(
            "for at in (0..bytes).step_by(PAGE) {",
            "for at in (0..bytes.min(1)).step_by(PAGE) {",
        )],
        noticed_by: &["memory::what_was_prewarmed_is_in_memory_before_it_is_written"],
    },
    Planted {
        name: "a_size_class_is_one_byte_too_small",
        laws: "L6",
        file: "src/cache/class.rs",
        edits: &[("let last = bytes - 1;", "let last = bytes - 2;")],
        noticed_by: &[
            "unit::every_class_holds_its_own_size_and_the_next_byte_goes_to_the_next_class",
        ],
    },
    Planted {
        name: "a_request_is_rounded_down_to_lines",
        laws: "L6",
        file: "src/cache/class.rs",
        edits: &[(
            "usize::from(AT_HAND[(bytes + (LINE - 1)) >> LINE.ilog2()])",
            "usize::from(AT_HAND[bytes >> LINE.ilog2()])",
        )],
        noticed_by: &["unit", "contract"],
    },
    Planted {
        name: "blocks_are_aligned_to_a_line_only",
        laws: "",
        file: "src/cache/pooled.rs",
        edits: &[(
            "let align = self.config.alignment;\n        let piece",
            "let align = 64.min(self.config.alignment);\n        let piece",
        )],
        noticed_by: &["contract::every_length_starts_on_the_boundary_asked_for"],
    },
    Planted {
        name: "new_memory_is_not_zeroed",
        laws: "",
        file: "src/cache/system.rs",
        edits: &[(
            "let base = NonNull::new(unsafe { alloc_zeroed(layout) })?;",
            "let base = NonNull::new(unsafe { std::alloc::alloc(layout) })?;",
        )],
        noticed_by: &["memory", "contract", "laws"],
    },
    Planted {
        name: "memory_is_given_back_from_its_aligned_start",
        laws: "L7",
        file: "src/cache/system.rs",
        edits: &[(
            "self.start.sub(usize::from(self.origin.offset))",
            "self.start.sub(usize::from(self.origin.offset) * 0)",
        )],
        noticed_by: &["contract", "memory"],
    },
    Planted {
        name: "a_pool_that_goes_keeps_the_memory_of_its_frames",
        laws: "L7",
        file: "src/cache/core.rs",
        edits: &[
            ("            unsafe { core.as_ref() }.trim_now(None);\n", ""),
            (
                "                    unsafe { block.give_back(align) };\n                }\n",
                "                    let _ = block;\n                }\n",
            ),
        ],
        noticed_by: &["memory::panicking_threads_leave_nothing"],
    },
];
