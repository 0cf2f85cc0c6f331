//! Traces that the reader accepts and refuses.

use crate::trace::Tolerance;
use std::fmt::Write as _;

use super::super::fault::{Fault, HEADER};
use super::super::{Event, NEVER};
use super::read;

fn trace_of(lines: &str) -> super::Trace {
    read(format!("{HEADER}\n{lines}").as_bytes(), Tolerance::Strict).expect("a good trace")
}

fn fault_of(lines: &str) -> (u64, Fault) {
    read(format!("{HEADER}\n{lines}").as_bytes(), Tolerance::Strict).expect_err("a broken trace")
}

#[test]
fn a_small_trace_is_read_whole() {
    let trace =
        trace_of("0,9,alloc,7,100,a\n5,4,alloc,3,50,b\n5,9,free,3,,\n6,,frame\n9,9,free,7\n");
    assert_eq!(trace.threads, [9, 4]);
    assert_eq!(*trace.sites, ["a".into(), "b".into()]);
    assert_eq!(trace.frame_marks, 1);
    assert_eq!(
        (trace.frees, trace.peak_live_bytes, trace.peak_live_buffers),
        (2, 150, 2)
    );
    assert_eq!(trace.operations[2].event, Event::Free(1));
    assert_eq!(
        (trace.buffers[1].taken_by, trace.buffers[1].freed_by),
        (1, 2)
    );
    assert_eq!((trace.end_us(), trace.allocs_and_frees()), (9, 4));
}

#[test]
fn line_ends_and_the_last_line_may_vary() {
    let unix = trace_of("0,0,alloc,0,8,s\n1,0,free,0,,\n");
    for text in [
        format!("{HEADER}\r\n0,0,alloc,0,8,s\r\n1,0,free,0,,\r\n"),
        format!("{HEADER}\n0,0,alloc,0,8,s\n1,0,free,0,,"),
        format!("{HEADER}\n0,0,alloc,0,8,s\n1,0,free,0,,\n\n\n"),
        format!("\u{feff}{HEADER}\n0,0,alloc,0,8,s\n1,0,free,0,,\n"),
    ] {
        assert_eq!(
            read(text.as_bytes(), Tolerance::Strict).expect(&text),
            unix,
            "{text:?}"
        );
    }
}

#[test]
fn size_zero_and_equal_times_are_fine() {
    let trace = trace_of("4,0,alloc,0,0,s\n4,0,free,0\n4,0,alloc,1,0,s\n");
    assert_eq!(
        (trace.buffers[0].bytes, trace.buffers[1].freed_by),
        (0, NEVER)
    );
}

#[test]
fn a_fault_comes_with_its_line() {
    let first = "0,0,alloc,0,8,s\n";
    for (lines, line, fault) in [
        ("1,0,free,1\n", 3, Fault::UnknownId(1)),
        ("1,0,free,0\n2,0,free,0\n", 4, Fault::FreedTwice(0, 3)),
        ("1,0,alloc,0,8,s\n", 3, Fault::ReusedId(0, 2)),
        ("1,0,free,0\n2,0,alloc,0,8,s\n", 4, Fault::ReusedId(0, 2)),
        ("9,0,frame\n8,0,free,0\n", 4, Fault::TimeGoesBack(8, 9)),
        ("\n1,0,free,0\n", 3, Fault::BlankLine),
        ("1,0,free\n", 3, Fault::Missing("id")),
    ] {
        assert_eq!(
            fault_of(&format!("{first}{lines}")),
            (line, fault),
            "{lines:?}"
        );
    }
}

#[test]
fn what_is_no_trace_is_refused() {
    let refused = |bytes: &[u8]| read(bytes, Tolerance::Strict).expect_err("a broken trace");
    assert_eq!(refused(b""), (1, Fault::Empty));
    assert_eq!(refused(b"\n"), (1, Fault::Header("\"\"".into())));
    assert_eq!(refused(b"a,b\n"), (1, Fault::Header("\"a,b\"".into())));
    assert_eq!(refused(b"\xff\xfe\n"), (1, Fault::NotUtf8));
    assert_eq!(refused(HEADER.as_bytes()), (1, Fault::NoOperations));
    assert_eq!(fault_of("1,0,frame\n"), (2, Fault::NoOperations));
    assert!(matches!(
        refused(&vec![b'0'; 100_000]),
        (1, Fault::TooLong(_))
    ));
    let mut text = format!("{HEADER}\n0,0,alloc,0,8,").into_bytes();
    text.extend([0xc3, 0x28, b'\n']);
    assert_eq!(refused(&text), (2, Fault::NotUtf8));
}

/// A small generator of pseudo-random numbers, the same in every run.
struct Lcg(u64);

impl Lcg {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

fn random_trace(seed: u64) -> String {
    let mut random = Lcg(seed);
    let mut text = format!("{HEADER}\n");
    let (mut live, mut time) = (Vec::new(), 0);
    for id in 0..300_u64 {
        time += random.below(3);
        let thread = random.below(5) * 1_000_003;
        if !live.is_empty() && random.below(2) == 0 {
            let freed = live.swap_remove(random.below(live.len() as u64) as usize);
            let _ = writeln!(text, "{time},{thread},free,{freed},,");
        }
        let id = id.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let bytes = random.below(1 << 20);
        let site = random.below(9);
        let _ = writeln!(text, "{time},{thread},alloc,{id},{bytes},f{site},g");
        live.push(id);
    }
    text
}

#[test]
fn what_was_written_is_what_is_read() {
    for seed in 0..50 {
        let text = random_trace(seed);
        let trace = read(text.as_bytes(), Tolerance::Strict).expect("a good trace");
        let mut again = format!("{HEADER}\n");
        for operation in &trace.operations {
            let thread = trace.threads[operation.thread as usize];
            let time = operation.time_us;
            let _ = match operation.event {
                Event::Alloc(buffer) => {
                    let buffer = trace.buffers[buffer as usize];
                    let site = &trace.sites[buffer.site as usize];
                    writeln!(
                        again,
                        "{time},{thread},alloc,{},{},{site}",
                        buffer.id, buffer.bytes
                    )
                }
                Event::Free(buffer) => {
                    let id = trace.buffers[buffer as usize].id;
                    writeln!(again, "{time},{thread},free,{id},,")
                }
                Event::Frame => writeln!(again, "{time},,frame,,,"),
            };
        }
        assert_eq!(again, text);
    }
}

#[test]
fn no_damage_makes_the_reader_panic() {
    let mut random = Lcg(7);
    let good = random_trace(1).into_bytes();
    let mut refused = 0;
    for _ in 0..2_000 {
        let mut bytes = good.clone();
        for _ in 0..=random.below(3) {
            let at = random.below(bytes.len() as u64) as usize;
            match random.below(3) {
                0 => bytes[at] = random.below(256) as u8,
                1 => bytes.truncate(at.max(1)),
                _ => drop(bytes.remove(at)),
            }
        }
        refused += u32::from(read(&bytes[..], Tolerance::Strict).is_err());
    }
    assert!(refused > 500, "damage is noticed: {refused} of 2000");
}
