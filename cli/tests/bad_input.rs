//! Every kind of bad trace: one message with the place and the fault, exit code 2, nothing on standard output.

mod common;

use common::{HEADER, Scratch, framepool, stderr, stdout, trace_of};

/// Replays these bytes and expects exactly this message after the path.
fn refused(name: &str, bytes: impl AsRef<[u8]>, complaint: &str) {
    let file = Scratch::new(name, bytes);
    for extra in [&[][..], &["--json"], &["--quiet"], &["--live-only"]] {
        let output = framepool(&[&["replay", file.path()][..], extra].concat());
        assert_eq!(
            stderr(&output),
            format!("framepool: {}{complaint}\n", file.path())
        );
        assert_eq!(
            (output.status.code(), stdout(&output)),
            (Some(2), ""),
            "{name}"
        );
    }
}

/// The same with a good header and a good first line.
fn line_refused(name: &str, line: &str, complaint: &str) {
    let good = format!("{HEADER}\n10,0,alloc,1,256,site\n");
    refused(name, format!("{good}{line}\n"), complaint);
    // The fault is also found with other line ends, and with good lines after it.
    let more = format!("{good}{line}\n99,0,alloc,99,1,site\n").replace('\n', "\r\n");
    refused(name, more, complaint);
}

#[test]
fn a_missing_file() {
    let output = framepool(&["replay", "no/such/trace.csv"]);
    assert_eq!(
        stderr(&output),
        "framepool: no/such/trace.csv: cannot be opened (no such file); check the path\n"
    );
    assert_eq!((output.status.code(), stdout(&output)), (Some(2), ""));
}

#[test]
fn a_directory() {
    let output = framepool(&["replay", env!("CARGO_TARGET_TMPDIR")]);
    assert_eq!(
        stderr(&output),
        format!(
            "framepool: {}: is a directory; give the path of a trace file\n",
            env!("CARGO_TARGET_TMPDIR")
        )
    );
    assert_eq!((output.status.code(), stdout(&output)), (Some(2), ""));
}

#[test]
fn an_empty_file() {
    let complaint = format!(":1: the file is empty; a trace begins with the line `{HEADER}`");
    refused("empty.csv", "", &complaint);
    refused("empty.csv.zst", "", &complaint);
}

#[test]
fn a_wrong_header() {
    let complaint =
        |found: &str| format!(":1: wrong header {found}; the first line must be `{HEADER}`");
    refused("header.csv", "time,op\n1,2\n", &complaint("\"time,op\""));
    refused(
        "no-header.csv",
        "0,0,alloc,0,8,s\n",
        &complaint("\"0,0,alloc,0,8,s\""),
    );
}

#[test]
fn a_trace_of_nothing() {
    let complaint =
        ": no buffer is ever taken, so there is nothing to replay; record at least one alloc";
    refused("nothing.csv", HEADER, &format!(":1{complaint}"));
    refused(
        "frames.csv",
        format!("{HEADER}\n1,0,frame\n2,0,frame\n"),
        &format!(":3{complaint}"),
    );
}

#[test]
fn an_unknown_op() {
    let complaint = ":3: unknown op \"realloc\"; it must be `alloc`, `free` or `frame`";
    line_refused("op.csv", "11,0,realloc,1,512,site", complaint);
}

#[test]
fn a_missing_field() {
    let complaint =
        |field: &str| format!(":3: the field `{field}` is missing; a line is `{HEADER}`");
    line_refused("site.csv", "11,0,alloc,2,256", &complaint("site"));
    line_refused("size.csv", "11,0,alloc,2,,site", &complaint("size"));
    line_refused("id.csv", "11,0,free", &complaint("id"));
    line_refused("thread.csv", "11,,alloc,2,256,site", &complaint("thread"));
    line_refused("op-missing.csv", "11", &complaint("op"));
}

#[test]
fn not_a_number() {
    let complaint = |field: &str, found: &str| {
        format!(":3: the field `{field}` is {found}; it must be a whole number, digits only")
    };
    line_refused(
        "time.csv",
        "soon,0,free,1",
        &complaint("time_us", "\"soon\""),
    );
    line_refused("minus.csv", "11,-1,free,1", &complaint("thread", "\"-1\""));
    line_refused("id-hex.csv", "11,0,free,0x1", &complaint("id", "\"0x1\""));
    line_refused(
        "size-real.csv",
        "11,0,alloc,2,1e3,s",
        &complaint("size", "\"1e3\""),
    );
}

#[test]
fn an_id_used_wrongly() {
    line_refused(
        "unknown.csv",
        "11,0,free,7",
        ":3: free of id 7, which was never taken; its alloc must stand on a line before; use --lenient to leave such lines out",
    );
    line_refused(
        "twice.csv",
        "11,0,free,1\n12,0,free,1",
        ":4: free of id 1, which line 3 freed already; a buffer is freed once; use --lenient to leave such lines out",
    );
    line_refused(
        "reused.csv",
        "11,0,free,1\n12,0,alloc,1,8,s",
        ":4: id 1 was used by the alloc on line 2 already; give every alloc an id of its own, or use --lenient to leave such lines out",
    );
}

#[test]
fn a_time_that_goes_back() {
    let complaint = ":3: the time goes back from 10 to 9; sort the lines after the first by time, as `sort -s -t, -k1,1n` does";
    line_refused("back.csv", "9,0,free,1", complaint);
}

#[test]
fn a_number_too_large() {
    let complaint = |size: &str| {
        format!(
            ":3: the size {size} is beyond the address space; the largest is {} bytes",
            isize::MAX
        )
    };
    line_refused(
        "huge.csv",
        "11,0,alloc,2,9223372036854775808,s",
        &complaint("9223372036854775808"),
    );
    let beyond = "99999999999999999999999";
    line_refused(
        "huger.csv",
        &format!("11,0,alloc,2,{beyond},s"),
        &complaint(&format!("{beyond:?}")),
    );
    line_refused(
        "id-large.csv",
        &format!("11,0,free,{beyond}"),
        &format!(":3: the field `id` is {beyond:?}; the largest number is 18446744073709551615"),
    );
}

#[test]
fn more_bytes_at_once_than_can_be_addressed() {
    let large = "4611686018427387904";
    refused(
        "sum.csv",
        format!("{HEADER}\n0,0,alloc,0,{large},s\n0,0,alloc,1,{large},s\n"),
        ": more bytes are out at once than can be addressed; check the sizes, or split the trace",
    );
}

#[test]
fn a_blank_line() {
    line_refused(
        "blank.csv",
        "\n11,0,free,1",
        ":3: the line is blank; remove it",
    );
}

#[test]
fn not_utf8() {
    let complaint = |line: u32| {
        format!(
            ":{line}: the line is not UTF-8; a trace is plain text, or plain text compressed with zstd"
        )
    };
    refused("header.bin", b"\xff\xfe\x00\n", &complaint(1));
    let mut bytes = format!("{HEADER}\n10,0,alloc,1,256,").into_bytes();
    bytes.extend(b"\xc3\x28\n");
    refused("site.bin", bytes, &complaint(2));
}

#[test]
fn a_file_without_line_ends() {
    let complaint = ":1: the line is longer than 65536 bytes; a trace has one operation a line";
    refused("zeros.bin", vec![0; 200_000], complaint);
}

#[test]
fn truncated_or_corrupt_zstd() {
    let text = trace_of(500, |i| {
        format!("{i},0,alloc,{i},{},site{}", i * 7919 % 5003, i % 13)
    });
    let good = zstd::encode_all(text.as_bytes(), 3).expect("compressing");
    let mut damaged = good.clone();
    let middle = good.len() / 2;
    damaged[middle] ^= 0xff;
    let not_zstd = b"PK\x03\x04 not zstd at all".to_vec();
    for (name, bytes) in [
        ("cut.csv.zst", good[..middle].to_vec()),
        ("cut-last.csv.zst", good[..good.len() - 1].to_vec()),
        ("cut-first.csv.zst", good[..6].to_vec()),
        ("cut.csv", good[..middle].to_vec()),
        ("trailing.csv.zst", [&good[..], b"more"].concat()),
        ("named.csv.zst", not_zstd),
    ] {
        let file = Scratch::new(name, bytes);
        let output = framepool(&["replay", file.path()]);
        let said = stderr(&output);
        assert!(
            said.starts_with(&format!("framepool: {}:", file.path())),
            "{name}: {said}"
        );
        assert!(
            said.contains("the zstd data is truncated or corrupt ("),
            "{name}: {said}"
        );
        assert_eq!(said.lines().count(), 1, "{name}: {said}");
        assert_eq!(
            (output.status.code(), stdout(&output)),
            (Some(2), ""),
            "{name}"
        );
    }
    // Damage inside may leave text with a different fault; it never passes, and never panics.
    let file = Scratch::new("damaged.csv.zst", damaged);
    let output = framepool(&["replay", file.path()]);
    assert_eq!(
        (output.status.code(), stderr(&output).lines().count()),
        (Some(2), 1)
    );
}

#[test]
fn path_with_line_feed_prints_one_line() {
    let output = framepool(&["replay", "two\nlines.csv"]);
    assert_eq!(
        stderr(&output),
        "framepool: two\\nlines.csv: cannot be opened (no such file); check the path\n"
    );
}

#[test]
fn a_saved_history_instead_of_a_trace() {
    let history = br#"{"format":"framepool history","version":1,"library":"0.1.0","history":{}}"#;
    let complaint = ":1: is a saved history, not a trace; `framepool report FILE` shows it";
    refused("a-history.json", history, complaint);
}
