//! The ring of a frame feed, while it is written and read.

use loom::thread;

use super::explore;
use crate::telemetry::ring::Reader;
use crate::telemetry::ring::ring;

/// Reads once; an entry must be greater than the previous one.
fn read(reader: &mut Reader<u64>, last: &mut u64) -> bool {
    let Some(entry) = reader.read() else {
        return false;
    };
    assert!(entry > *last, "{entry} after {last}");
    *last = entry;
    true
}

/// One thread writes entries while another reads a number of times, and then the rest.
fn every_entry_is_read_or_lost(
    places: usize,
    entries: u64,
    reads: u64,
    preemptions: Option<usize>,
) {
    explore(preemptions, move || {
        let (mut writer, mut reader) = ring::<u64>(places);
        let other = thread::spawn(move || {
            for entry in 1..=entries {
                assert!(writer.write(&entry));
            }
            writer
        });
        let mut last = 0;
        let mut count: u64 = (0..reads)
            .map(|_| u64::from(read(&mut reader, &mut last)))
            .sum();
        let _writer = other.join().unwrap();
        while read(&mut reader, &mut last) {
            count += 1;
        }
        assert_eq!(count + reader.lost(), entries);
        assert_eq!(last, entries, "the latest is never lost");
    });
}

#[test]
fn ring_of_one_reads_or_loses_every_entry() {
    every_entry_is_read_or_lost(1, 3, 2, None);
}

#[test]
fn ring_of_two_reads_or_loses_every_entry() {
    every_entry_is_read_or_lost(2, 4, 2, None);
}

#[test]
fn a_reader_may_be_overtaken_twice() {
    every_entry_is_read_or_lost(1, 4, 2, Some(3));
}

#[test]
fn a_reader_of_a_full_ring_always_reads() {
    explore(None, || {
        let (mut writer, mut reader) = ring::<u64>(1);
        assert!(writer.write(&1));
        let other = thread::spawn(move || {
            let read = reader.read();
            (reader, read)
        });
        assert!(writer.write(&2));
        let (reader, read) = other.join().unwrap();
        assert!(matches!(read, Some(1 | 2)));
        assert_eq!(reader.lost(), u64::from(read == Some(2)));
    });
}

/// The second read exchanges the cell from which the first one copied; the third write may fill it.
#[test]
fn no_cell_is_filled_while_it_is_copied() {
    explore(None, || {
        let (mut writer, mut reader) = ring::<u64>(2);
        writer.write(&1);
        writer.write(&2);
        let other = thread::spawn(move || {
            for entry in 3..=5 {
                writer.write(&entry);
            }
        });
        let mut last = 0;
        assert!(read(&mut reader, &mut last));
        assert!(read(&mut reader, &mut last) || last == 5);
        other.join().unwrap();
    });
}
