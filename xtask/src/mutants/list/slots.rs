//! Slots, threads that come and go, and how long a pool lives.

use super::Planted;

pub(super) const PLANTED: &[Planted] = &[
    Planted {
        name: "a_slot_is_handed_over_before_its_magazine_is_flushed",
        laws: "L6",
        file: "src/cache/slots.rs",
        edits: &[(
            "        // SAFETY: the caller owns the slot.\n        let balance = unsafe {\n            slot.flush(core);",
            "        slot.owner.store(0, Ordering::Release);\n        // SAFETY: the caller owns the slot.\n        let balance = unsafe {\n            slot.flush(core);",
        )],
        noticed_by: &[
            "shuttle::slots_left_while_a_frame_is_open_are_claimed_by_new_threads_and_lend_nothing_twice",
            "shuttle::a_random_program_of_four_threads_keeps_the_books",
        ],
    },
    Planted {
        name: "a_slot_is_claimed_without_an_exchange",
        laws: "L1, L6",
        file: "src/cache/slot.rs",
        edits: &[(
            "            && self\n                .owner\n                .compare_exchange(0, 1, Ordering::Acquire, Ordering::Relaxed)\n                .is_ok()",
            "            && {\n                self.owner.store(1, Ordering::Relaxed);\n                true\n            }",
        )],
        noticed_by: &["loom/primitives::the_one_slot_that_is_free_is_claimed_by_one_thread"],
    },
    Planted {
        name: "a_magazine_is_not_flushed_at_exit",
        laws: "L7",
        file: "src/cache/slots.rs",
        edits: &[(
            "            slot.flush(core);\n            slot.settle()",
            "            slot.settle()",
        )],
        noticed_by: &[
            "contract::buffers_of_another_thread_come_from_the_depot_when_that_thread_is_gone",
        ],
    },
    Planted {
        name: "a_thread_that_exits_keeps_its_slot",
        laws: "L7",
        file: "src/cache/tenancy.rs",
        edits: &[(
            "        for tenancy in self.list.get_mut().drain(..) {",
            "        for tenancy in self.list.get_mut().drain(..0) {",
        )],
        noticed_by: &[
            "contract",
            "laws::a_joined_threads_slot_is_claimed_again_by_the_next",
        ],
    },
    Planted {
        name: "a_claim_never_looks_at_the_newest_slot",
        laws: "L7",
        file: "src/cache/slots.rs",
        edits: &[(
            "self.iter().find(|slot| slot.claim())",
            "self.iter().skip(1).find(|slot| slot.claim())",
        )],
        noticed_by: &["laws::a_joined_threads_slot_is_claimed_again_by_the_next"],
    },
    Planted {
        name: "a_slot_keeps_the_name_of_its_first_owner",
        laws: "",
        file: "src/cache/slots.rs",
        edits: &[(
            "        stamp.store(thread_stamp(name), Ordering::Relaxed);\n",
            "        let _ = stamp.compare_exchange(0, thread_stamp(name), Ordering::Relaxed, Ordering::Relaxed);\n",
        )],
        noticed_by: &["contract", "laws"],
    },
    Planted {
        name: "a_balance_is_not_paid_in",
        laws: "L7",
        file: "src/cache/ledger.rs",
        edits: &[(
            "let change = balance - HOLD;",
            "let _ = balance;\n        let change = -HOLD;",
        )],
        noticed_by: &["unit::the_step_that_ends_the_last_interest_is_told_so"],
    },
    Planted {
        name: "what_a_slots_owner_settled_before_is_settled_again",
        laws: "L7",
        file: "src/cache/magazine.rs",
        edits: &[("self.had.take()", "self.had.get()")],
        noticed_by: &["memory", "laws"],
    },
    Planted {
        name: "a_pool_is_freed_with_its_last_handle_whoever_has_buffers",
        laws: "L7",
        file: "src/cache/core.rs",
        edits: &[(
            "if unsafe { core.as_ref() }.ledger.leave(balance) {",
            "if unsafe { core.as_ref() }.ledger.leave(balance) || unsafe { core.as_ref() }.ledger.is_closed() {",
        )],
        noticed_by: &[
            "contract::a_buffer_crosses_threads_and_frames_and_outlives_the_pools_handles",
            "memory::a_pool_dropped_before_its_buffers_goes_with_the_last_of_them",
        ],
    },
    Planted {
        name: "a_pool_is_never_freed",
        laws: "L7",
        file: "src/cache/core.rs",
        edits: &[(
            "            unsafe { Self::free(core) };\n",
            "            let _ = Self::free;\n",
        )],
        noticed_by: &["memory::many_short_threads_leave_nothing"],
    },
    Planted {
        name: "a_closed_pool_keeps_its_idle_memory_till_its_threads_exit",
        laws: "L7",
        file: "src/cache/core.rs",
        edits: &[("            unsafe { core.as_ref() }.trim_now(None);\n", "")],
        noticed_by: &[
            "memory::what_lies_idle_in_a_pool_goes_with_its_last_handle_though_a_buffer_keeps_the_pool",
        ],
    },
    Planted {
        name: "what_comes_back_to_a_closed_pool_stays_idle_there",
        laws: "L7",
        file: "src/cache/tenancy.rs",
        edits: &[("            pool.trim_now(None);\n", "")],
        noticed_by: &["memory"],
    },
    Planted {
        name: "closing_a_pool_hands_back_no_slot",
        laws: "L7",
        file: "src/cache/tenancy.rs",
        edits: &[(
            "            tenancies.leave_closed(tenant);\n        }\n    });\n",
            "            let _ = tenant;\n        }\n    });\n",
        )],
        noticed_by: &["memory"],
    },
    Planted {
        name: "other_threads_never_learn_that_a_pool_was_closed",
        laws: "L7",
        file: "src/cache/tenancy.rs",
        edits: &[(
            "    CLOSED.fetch_add(1, Ordering::Release);\n",
            "    CLOSED.fetch_add(0, Ordering::Release);\n",
        )],
        noticed_by: &["memory"],
    },
    Planted {
        name: "threads_go_on_remembering_when_a_pool_is_closed",
        laws: "L7",
        file: "src/cache/tenants.rs",
        edits: &[(
            "                slot.pool.store(ptr::null_mut(), Ordering::Relaxed);\n",
            "                let _ = slot;\n",
        )],
        noticed_by: &["memory"],
    },
    Planted {
        name: "a_pool_is_remembered_although_one_was_closed_meanwhile",
        laws: "L7",
        file: "src/cache/tenancy.rs",
        edits: &[(
            "let missed = CLOSED.load(Ordering::Relaxed) != last.closed.get();",
            "let missed = CLOSED.load(Ordering::Relaxed) < last.closed.get();",
        )],
        noticed_by: &["loom/primitives::a_closed_pool_is_gone_with_a_thread_s_next_use_of_another"],
    },
    Planted {
        name: "a_thread_looks_whether_a_pool_is_closed_before_it_looks_for_closed_pools",
        laws: "L7",
        file: "src/cache/tenancy.rs",
        edits: &[
            (
                "-> Option<NonNull<Slot>> {\n        let tenant = self.tenant()?;\n        self.leave_closed(tenant);\n",
                "-> Option<NonNull<Slot>> {\n        // SAFETY: the caller of `with_slot` keeps the pool alive.\n        let closed = unsafe { core.as_ref() }.ledger.is_closed();\n        let tenant = self.tenant()?;\n        self.leave_closed(tenant);\n",
            ),
            (
                "        if pool.ledger.is_closed() {\n            return None;\n",
                "        if closed {\n            return None;\n",
            ),
        ],
        noticed_by: &[
            "shuttle::a_thread_that_drops_a_buffer_while_the_pool_closes_lets_go_of_it_at_its_next_use_of_another",
        ],
    },
    Planted {
        name: "a_visit_in_a_destructor_never_gives_its_slot_back",
        laws: "L7",
        file: "src/cache/tenancy.rs",
        edits: &[(
            "        if self.is_visit {",
            "        if self.is_visit && self.slot.is_claimed() == self.core.as_ptr().is_null() {",
        )],
        noticed_by: &["laws", "memory"],
    },
    Planted {
        name: "a_destructor_uses_the_slot_after_it_was_handed_back",
        laws: "L6, L7",
        file: "src/cache/tenancy.rs",
        edits: &[(
            "    fn drop(&mut self) {\n        forget_last();\n        if let",
            "    fn drop(&mut self) {\n        if let",
        )],
        noticed_by: &["laws", "memory"],
    },
    Planted {
        name: "the_slot_of_one_pool_is_used_for_another",
        laws: "L1, L6",
        file: "src/cache/tenancy.rs",
        edits: &[(
            "if pool.load(Ordering::Relaxed) != core.as_ptr() {",
            "if pool.load(Ordering::Relaxed).is_null() || core == NonNull::dangling() {",
        )],
        noticed_by: &["laws::a_thread_going_back_and_forth_between_pools_confuses_none"],
    },
    Planted {
        name: "a_handle_is_cloned_without_being_counted",
        laws: "L7",
        file: "src/alloc/pool.rs",
        edits: &[("        self.core().ledger.add_handle();\n", "")],
        noticed_by: &["contract::handles_are_the_same_pool"],
    },
];
