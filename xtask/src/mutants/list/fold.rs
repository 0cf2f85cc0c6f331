//! The frame end: sums, order of the two passes, publishing and recycling, feeds.

use super::Planted;

pub(super) const PLANTED: &[Planted] = &[
    Planted {
        name: "releases_are_read_after_allocs",
        laws: "L2",
        file: "src/fold/frame_end.rs",
        edits: &[
            (
                "            if cfg!(feature = \"telemetry\") {\n                // SAFETY: we have the fold's lock.\n                unsafe { slot.read_settled(core, &mut self.settled) };\n            }\n",
                "",
            ),
            (
                "        walk.counts = Counts::of(",
                "        for slot in core.slots.iter() {\n            // SAFETY: we have the fold's lock.\n            unsafe { slot.read_settled(core, &mut self.settled) };\n        }\n        walk.counts = Counts::of(",
            ),
        ],
        noticed_by: &[
            "laws::the_laws_hold_in_everything_read_while_workers_lend_and_release",
            "shuttle::everything_read_while_threads_work_and_two_end_frames_is_lawful",
            "loom/fold::a_release_on_another_thread_is_never_seen_before_its_alloc",
        ],
    },
    Planted {
        name: "releases_and_allocs_are_read_in_one_pass_over_the_slots",
        laws: "L2",
        file: "src/fold/frame_end.rs",
        edits: &[
            (
                "            if cfg!(feature = \"telemetry\") {\n                // SAFETY: we have the fold's lock.\n                unsafe { slot.read_settled(core, &mut self.settled) };\n            }\n",
                "",
            ),
            (
                "            unsafe { slot.read_lent(core, &mut self.lent) };\n",
                "            unsafe { slot.read_settled(core, &mut self.settled) };\n            // SAFETY: as above.\n            unsafe { slot.read_lent(core, &mut self.lent) };\n",
            ),
        ],
        noticed_by: &[
            "loom/passes::a_release_in_the_oldest_slot_is_never_seen_before_its_alloc_in_the_newest",
        ],
    },
    Planted {
        name: "the_two_sums_are_swapped",
        laws: "L1, L2",
        file: "src/fold/frame_end.rs",
        edits: &[(
            "frame.allocs = counts.allocs();\n        frame.releases = counts.releases();\n",
            "frame.allocs = counts.releases();\n        frame.releases = counts.allocs();\n",
        )],
        noticed_by: &["contract::a_known_program_gives_known_numbers"],
    },
    Planted {
        name: "fewer_releases_than_before_are_believed",
        laws: "L1",
        file: "src/fold/frame_end.rs",
        edits: &[(
            "        raise(&mut walk.counts.pooled_releases, released);\n",
            "        let _ = released;\n",
        )],
        noticed_by: &["loom/fold::a_fold_takes_back_nothing_that_an_earlier_one_counted"],
    },
    Planted {
        name: "hits_are_read_after_the_account",
        laws: "L1, L2",
        file: "src/cache/bin.rs",
        edits: &[
            (
                "        // Before the account and the place in front.\n        let hits = self.hits.get();\n",
                "",
            ),
            (
                "            return hits.wrapping_add_signed(rest);\n",
                "            return self.hits.get().wrapping_add_signed(rest);\n",
            ),
        ],
        noticed_by: &["loom/fold::a_block_taken_while_a_fold_looks_is_not_found_released_twice"],
    },
    Planted {
        name: "a_block_leaves_the_front_without_a_word_in_the_account",
        laws: "L1",
        file: "src/cache/bin.rs",
        edits: &[(
            "            self.set_account(Account(account.0 | Account::LEAVING));\n",
            "",
        )],
        noticed_by: &["loom/fold::a_block_sent_to_the_depot_while_a_fold_looks_stays_released"],
    },
    Planted {
        name: "a_bin_is_read_without_looking_at_its_account_again",
        laws: "L1",
        file: "src/cache/bin.rs",
        edits: &[(
            "            if tries < TRIES && ",
            "            if tries < 1 && ",
        )],
        noticed_by: &["loom/fold::a_block_sent_to_the_depot_while_a_fold_looks_stays_released"],
    },
    Planted {
        name: "a_block_made_in_advance_counts_as_given_back",
        laws: "L1, L2",
        file: "src/cache/magazine.rs",
        edits: &[(
            "            bin.settle(room - 1, 0);\n",
            "            bin.settle(room - 1, 1);\n",
        )],
        noticed_by: &["contract", "laws"],
    },
    Planted {
        name: "a_spare_batch_does_not_count_what_it_lends",
        laws: "L1, L2",
        file: "src/cache/magazine.rs",
        edits: &[(
            "bin.settle(bin.limit.get() - len, -1);",
            "bin.settle(bin.limit.get() - len, 0);",
        )],
        noticed_by: &["contract", "laws"],
    },
    Planted {
        name: "what_must_have_been_released_is_not_counted",
        laws: "L3",
        file: "src/fold/frame_end.rs",
        edits: &[("        walk.settle(core);\n", "")],
        noticed_by: &["loom/fold::one_block_lent_again_and_again_during_a_fold_is_in_use_once"],
    },
    Planted {
        name: "memory_held_is_read_before_what_is_lent",
        laws: "L3",
        file: "src/fold/frame_end.rs",
        edits: &[
            (
                "        let open = core.in_flight.open();\n        let mut framed",
                "        walk.reserved = core.budget.confirm();\n        let open = core.in_flight.open();\n        let mut framed",
            ),
            (
                "        walk.reserved = core.budget.confirm();\n        let (released, released_bytes)",
                "        let (released, released_bytes)",
            ),
        ],
        noticed_by: &["loom/passes::memory_that_comes_during_a_fold_is_not_counted_as_given_back"],
    },
    Planted {
        name: "the_newest_slot_is_skipped_by_the_pass_over_releases",
        laws: "L1, L3",
        file: "src/fold/frame_end.rs",
        edits: &[(
            "            if cfg!(feature = \"telemetry\") {\n                // SAFETY: we have",
            "            if cfg!(feature = \"telemetry\")\n                && (core.slots.count() < 2 || !core.slots.iter().next().is_some_and(|newest| std::ptr::eq(newest, slot)))\n            {\n                // SAFETY: we have",
        )],
        noticed_by: &["contract", "oracle"],
    },
    Planted {
        name: "the_oldest_slot_is_skipped_once_there_are_three",
        laws: "L1",
        file: "src/fold/frame_end.rs",
        edits: &[(
            "for slot in core.slots.iter() {\n            // SAFETY: we have the fold's lock.\n            unsafe { slot.read_lent",
            "for slot in core.slots.iter().take(core.slots.count().max(3) as usize - usize::from(core.slots.count() > 2)) {\n            // SAFETY: we have the fold's lock.\n            unsafe { slot.read_lent",
        )],
        noticed_by: &["contract", "oracle"],
    },
    Planted {
        name: "a_frames_releases_are_not_counted_at_its_end",
        laws: "L1, L3",
        file: "src/cache/counters.rs",
        edits: &[(
            "                    frame_releases: ended.allocs,\n",
            "                    frame_releases: 0,\n",
        )],
        noticed_by: &["contract::a_known_program_gives_known_numbers"],
    },
    Planted {
        name: "what_an_ended_frame_lent_is_counted_again_by_the_next",
        laws: "L1",
        file: "src/fold/frame_end.rs",
        edits: &[(
            "        self.previous = walk.counts;\n",
            "        self.previous = if frame.frame.get().is_multiple_of(2) { self.previous } else { walk.counts };\n",
        )],
        noticed_by: &["contract", "oracle"],
    },
    Planted {
        name: "reading_stats_ends_the_interval_of_the_threads",
        laws: "",
        file: "src/fold/frame_end.rs",
        edits: &[(
            "let walk = fold.walk(self, false);",
            "let walk = fold.walk(self, true);",
        )],
        noticed_by: &["contract::reading_stats_takes_nothing_from_the_frame"],
    },
    Planted {
        name: "frames_are_ended_without_the_folds_lock",
        laws: "L1, L4",
        file: "src/fold/frame_end.rs",
        edits: &[(
            "        self.fold.lock().end_frame(self, index)",
            "        let fold: *mut Fold = {\n            let mut guard = self.fold.lock();\n            &raw mut *guard\n        };\n        // SAFETY: there is none: that is the bug.\n        unsafe { &mut *fold }.end_frame(self, index)",
        )],
        noticed_by: &["loom/fold::two_threads_that_end_frames_at_once_count_every_alloc_once"],
    },
    Planted {
        name: "a_snapshot_is_published_before_its_totals_are_written",
        laws: "L4",
        file: "src/fold/publish.rs",
        edits: &[(
            "        let before = published.swap(Arc::clone(next));\n",
            "        let mut early = **next;\n        early.totals = crate::Totals::default();\n        published.swap(Arc::new(early));\n        let before = published.swap(Arc::clone(next));\n",
        )],
        noticed_by: &[
            "loom/publish::a_reader_sees_whole_snapshots_in_order_while_they_are_recycled",
        ],
    },
    Planted {
        name: "a_snapshot_is_recycled_while_it_is_read",
        laws: "L4",
        file: "src/fold/publish.rs",
        edits: &[(
            "            return self.old.swap_remove(at);\n",
            "            return self.old.swap_remove(at);\n        }\n        // SAFETY: there is none: that is the bug.\n        #[expect(unsafe_code, reason = \"planted\")]\n        if let Some(read) = self.old.pop() {\n            let bits = unsafe { *Arc::as_ptr(&read) };\n            let kept = Arc::new(bits);\n            unsafe { *Arc::as_ptr(&read).cast_mut() = FrameSnapshot::default() };\n            return kept;\n",
        )],
        noticed_by: &["contract::a_snapshot_that_is_kept_never_changes"],
    },
    Planted {
        name: "a_recycled_snapshot_is_not_written_anew",
        laws: "L4",
        file: "src/fold/frame_end.rs",
        edits: &[("        frame.frame = number;\n", "")],
        noticed_by: &["contract::frame_numbers_rise_by_one_with_every_frame_end_of_either_kind"],
    },
    Planted {
        name: "a_frame_number_is_used_twice",
        laws: "L4",
        file: "src/fold/frame_end.rs",
        edits: &[(
            "        self.frames = self.frames.wrapping_add(1);\n",
            "        self.frames = self.frames.wrapping_add(u64::from(self.frames != 7));\n",
        )],
        noticed_by: &["contract"],
    },
    Planted {
        name: "the_frame_number_of_new_buffers_is_set_a_frame_late",
        laws: "",
        file: "src/fold/frame_end.rs",
        edits: &[(
            "core.set_frame(number);",
            "core.set_frame(FrameId(number.get() - 1));",
        )],
        noticed_by: &["contract"],
    },
    Planted {
        name: "the_frame_number_of_new_buffers_never_moves",
        laws: "",
        file: "src/fold/frame_end.rs",
        edits: &[("        core.set_frame(number);\n", "")],
        noticed_by: &["contract"],
    },
    Planted {
        name: "a_lost_frame_record_is_not_counted",
        laws: "",
        file: "src/fold/feed.rs",
        edits: &[(
            "feed.lost.fetch_add(1, Ordering::Relaxed);",
            "feed.lost.fetch_add(0, Ordering::Relaxed);",
        )],
        noticed_by: &["contract::a_feed_too_far_behind_loses_the_oldest_and_counts_them"],
    },
    Planted {
        name: "a_full_feed_loses_the_newest_record",
        laws: "",
        file: "src/fold/feed.rs",
        edits: &[(
            "if feed.frames.force_push(*snapshot).is_some() {",
            "if feed.frames.push(*snapshot).is_err() {",
        )],
        noticed_by: &["contract::a_feed_too_far_behind_loses_the_oldest_and_counts_them"],
    },
    Planted {
        name: "a_feed_that_is_gone_is_fed_for_ever",
        laws: "L7",
        file: "src/fold/feed.rs",
        edits: &[(
            "                return false;\n",
            "                return true;\n",
        )],
        noticed_by: &[
            "contract::a_feed_that_was_dropped_takes_up_no_memory_from_the_next_frame_end_on",
        ],
    },
    Planted {
        name: "snapshots_are_never_recycled",
        laws: "L8",
        file: "src/fold/publish.rs",
        edits: &[(
            "        self.old.push(before);\n",
            "        drop(before);\n",
        )],
        noticed_by: &["memory"],
    },
];
