//! Pooled blocks: the stack, the depot, magazines, records and who holds them.

use super::Planted;

pub(super) const PLANTED: &[Planted] = &[
    Planted {
        name: "the_stack_has_no_tag",
        laws: "L6",
        file: "src/cache/stack.rs",
        edits: &[(
            "let tag = (top >> 32).wrapping_add(1);",
            "let tag = 0u64.min(top);",
        )],
        noticed_by: &[
            "laws::blocks_that_pass_through_the_depot_every_time_have_one_owner",
            "loom/depot::a_block_popped_and_pushed_again_does_not_fool_a_pop_under_way",
        ],
    },
    Planted {
        name: "a_pop_drops_what_lies_below",
        laws: "L1, L6",
        file: "src/cache/stack.rs",
        edits: &[("next_top(top, below)", "next_top(top, below & 0)")],
        noticed_by: &[
            "contract",
            "loom/primitives::a_push_on_top_passes_on_the_block_below",
        ],
    },
    Planted {
        name: "a_push_overwrites_a_push_at_the_same_time",
        laws: "L1, L6",
        file: "src/cache/stack.rs",
        edits: &[(
            "            match self.top.compare_exchange_weak(\n                top,\n                next_top(top, block.number),\n                Ordering::Release,\n                Ordering::Relaxed,\n            ) {\n                Ok(_) => return,\n                Err(seen) => top = seen,\n            }",
            "            self.top.store(next_top(top, block.number), Ordering::Release);\n            top = 0;\n            if top == 0 {\n                return;\n            }",
        )],
        noticed_by: &["loom/primitives::two_pushes_at_once_lose_no_block"],
    },
    Planted {
        name: "a_batch_is_dropped_when_the_magazine_is_full",
        laws: "L1, L3",
        file: "src/cache/magazine.rs",
        edits: &[(
            "        self.send(going, core, slot);\n",
            "        let _ = going;\n",
        )],
        noticed_by: &["memory", "laws"],
    },
    Planted {
        name: "a_flush_leaves_the_list_in_the_bin",
        laws: "L6",
        file: "src/cache/magazine.rs",
        edits: &[(
            "let mut active = bin.active.replace(ptr::null());",
            "let mut active = bin.active.get();",
        )],
        noticed_by: &["contract", "laws"],
    },
    Planted {
        name: "a_flush_forgets_the_block_in_front",
        laws: "L1, L3",
        file: "src/cache/magazine.rs",
        edits: &[(
            "            front.set_next(active.cast_mut());\n            active = front;\n            active_len += 1;\n",
            "            let _ = (front, &mut active, &mut active_len);\n",
        )],
        noticed_by: &["contract", "memory"],
    },
    Planted {
        name: "a_flush_says_one_block_too_few",
        laws: "L1, L3",
        file: "src/cache/magazine.rs",
        edits: &[(
            "Batch::new(active, active_len)",
            "Batch::new(active, (active_len - 1).max(1))",
        )],
        noticed_by: &["contract", "memory"],
    },
    Planted {
        name: "the_front_block_is_lent_without_leaving_its_place",
        laws: "L6",
        file: "src/cache/bin.rs",
        edits: &[(
            "            self.set_front(ptr::null());\n            return Some(block);\n",
            "            return Some(block);\n",
        )],
        noticed_by: &["oracle"],
    },
    Planted {
        name: "a_thread_keeps_more_than_it_may",
        laws: "L7",
        file: "src/cache/magazine.rs",
        edits: &[(
            "        self.credit.set(credit - granted as usize * block_bytes);\n",
            "",
        )],
        noticed_by: &["memory", "contract"],
    },
    Planted {
        name: "the_fold_does_not_learn_of_a_bin",
        laws: "L1",
        file: "src/cache/magazine.rs",
        edits: &[("before | 1 << (class % 64)", "before")],
        noticed_by: &["contract", "laws"],
    },
    Planted {
        name: "a_spare_batch_taken_into_use_is_not_credited",
        laws: "",
        file: "src/cache/magazine.rs",
        edits: &[(
            "            self.pay_back(len, class, core);\n            return",
            "            return",
        )],
        noticed_by: &["contract::what_a_thread_gave_back_and_may_keep_is_a_hit_of_its_own"],
    },
    Planted {
        name: "a_spare_batch_counts_as_a_depot_hit",
        laws: "",
        file: "src/cache/magazine.rs",
        edits: &[("Some((spare, false))", "Some((spare, true))")],
        noticed_by: &["contract::what_a_thread_gave_back_and_may_keep_is_a_hit_of_its_own"],
    },
    Planted {
        name: "a_batch_of_one_is_taken_for_a_batch_of_two",
        laws: "L6",
        file: "src/cache/depot.rs",
        edits: &[(
            "Some(unsafe { Batch::new(head, len) })",
            "Some(unsafe { Batch::new(head, len.max(2)) })",
        )],
        noticed_by: &["contract", "laws"],
    },
    Planted {
        name: "the_walker_believes_without_a_second_look",
        laws: "",
        file: "src/cache/block.rs",
        edits: &[(
            "if self.state.load(Ordering::Relaxed) & WATCHED == 0 {",
            "if self.state.load(Ordering::Relaxed) == 0 && state != 0 {",
        )],
        noticed_by: &["loom/primitives::a_walker_never_joins_one_holder_s_line_to_another_s_frame"],
    },
    Planted {
        name: "a_block_is_marked_lent_before_its_call_site",
        laws: "",
        file: "src/cache/block.rs",
        edits: &[
            (
                "        self.site\n            .store(ptr::from_ref(site).cast_mut(), Ordering::Release);\n",
                "        self.state.store(stamp, Ordering::Release);\n",
            ),
            (
                "        self.state.store(stamp, Ordering::Release);\n    }",
                "        self.site.store(ptr::from_ref(site).cast_mut(), Ordering::Release);\n    }",
            ),
        ],
        noticed_by: &[
            "loom/primitives::a_walker_never_joins_one_holder_s_line_to_another_s_frame",
            "loom/walker",
        ],
    },
    Planted {
        name: "a_walker_compares_states_that_may_be_written_again",
        laws: "L1",
        file: "src/cache/block.rs",
        edits: &[
            (
                "            state = self.state.fetch_or(WATCHED, Ordering::Acquire);\n",
                "            state = self.state.load(Ordering::Acquire);\n",
            ),
            (
                "if self.state.load(Ordering::Relaxed) & WATCHED == 0 {",
                "if self.state.load(Ordering::Relaxed) != state {",
            ),
        ],
        noticed_by: &["loom/primitives::nor_when_the_first_holder_s_thread_took_it_again"],
    },
    Planted {
        name: "a_released_block_is_not_marked_idle",
        laws: "",
        file: "src/cache/slot.rs",
        edits: &[("            block.mark_idle();\n", "")],
        noticed_by: &["contract"],
    },
    Planted {
        name: "a_retained_buffer_is_not_marked",
        laws: "",
        file: "src/cache/block.rs",
        edits: &[(
            "self.state.fetch_or(RETAINED, Ordering::Relaxed);",
            "self.state.fetch_or(0, Ordering::Relaxed);",
        )],
        noticed_by: &["contract::a_suspect_is_older_than_the_leak_age_and_not_retained"],
    },
    Planted {
        name: "a_retained_buffer_is_a_suspect_all_the_same",
        laws: "",
        file: "src/fold/holders.rs",
        edits: &[(
            "age > self.config.leak_after_frames && !lent.retained",
            "age > self.config.leak_after_frames",
        )],
        noticed_by: &["contract::a_suspect_is_older_than_the_leak_age_and_not_retained"],
    },
    Planted {
        name: "a_buffer_is_a_suspect_one_frame_early",
        laws: "",
        file: "src/fold/holders.rs",
        edits: &[(
            "age > self.config.leak_after_frames",
            "age >= self.config.leak_after_frames",
        )],
        noticed_by: &["contract::a_suspect_is_older_than_the_leak_age_and_not_retained"],
    },
    Planted {
        name: "a_call_sites_age_is_that_of_its_youngest_buffer",
        laws: "",
        file: "src/fold/holders.rs",
        edits: &[(
            "site.buffers == 1 || age > site.oldest_age_frames",
            "site.buffers == 1 || age < site.oldest_age_frames",
        )],
        noticed_by: &["contract", "oracle"],
    },
    Planted {
        name: "holders_are_listed_smallest_first",
        laws: "",
        file: "src/fold/holders.rs",
        edits: &[(
            "            b.bytes\n                .cmp(&a.bytes)",
            "            a.bytes\n                .cmp(&b.bytes)",
        )],
        noticed_by: &["contract"],
    },
    Planted {
        name: "two_records_have_one_number",
        laws: "L6",
        file: "src/cache/table.rs",
        edits: &[(
            "Block::new(first + place)",
            "Block::new(first + place - u32::from(place == 63))",
        )],
        noticed_by: &["unit::every_number_is_found_where_it_was_handed_out"],
    },
    Planted {
        name: "two_threads_grow_the_table_by_the_same_record",
        laws: "L6",
        file: "src/cache/table.rs",
        edits: &[(
            "            match self.len.compare_exchange_weak(\n                index,\n                index + 1,\n                Ordering::Release,\n                Ordering::Relaxed,\n            ) {\n                Ok(_) => return Some(self.get(index + 1)),\n                Err(seen) => index = seen,\n            }",
            "            self.len.store(index + 1, Ordering::Release);\n            index += 1;\n            if index > 0 {\n                return Some(self.get(index));\n            }",
        )],
        noticed_by: &[
            "loom/primitives::two_threads_that_grow_the_table_at_once_get_different_records",
        ],
    },
];
