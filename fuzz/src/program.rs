//! Target: programs of operations on several pools by several threads, compared with the oracle's model after every step.

use crate::bytes::Bytes;
use crate::oracle::{Operation, POOLS, SITES, THREADS, run};

/// The most operations. Longer programs take more time and find nothing more.
const MAX_OPERATIONS: usize = 64;

/// Runs the program that `bytes` encode.
///
/// # Panics
///
/// If the library breaks a promise.
pub fn program(bytes: &[u8]) {
    let mut bytes = Bytes::new(bytes);
    let mut operations = Vec::new();
    while !bytes.is_empty() && operations.len() < MAX_OPERATIONS {
        operations.push(operation(&mut bytes));
    }
    run(&operations);
}

/// Reads an operation: one byte for its kind and thread, then its parameters.
fn operation(from: &mut Bytes<'_>) -> Operation {
    let word = from.byte();
    let thread = usize::from(word / 64) % THREADS;
    match word % 16 {
        0..=2 => Operation::Alloc {
            pool: from.below(POOLS),
            thread,
            site: usize::from(word) % 16 % SITES.len(),
            bytes: length(from),
        },
        3 => Operation::Overflow {
            pool: from.below(POOLS),
            thread,
        },
        4 | 5 => Operation::Drop {
            buffer: usize::from(from.byte()),
            thread,
        },
        6 => Operation::Retain {
            buffer: usize::from(from.byte()),
        },
        7 => Operation::Begin {
            pool: from.below(POOLS),
            thread,
        },
        8 | 9 => Operation::AllocFramed {
            frame: usize::from(from.byte()),
            thread,
            bytes: length(from),
        },
        10 | 11 => Operation::End {
            frame: usize::from(from.byte()),
            thread,
        },
        12 => Operation::EndPool {
            pool: from.below(POOLS),
            thread,
        },
        13 => Operation::Trim {
            pool: from.below(POOLS),
            thread,
        },
        14 => Operation::Prewarm {
            pool: from.below(POOLS),
            thread,
            bytes: length(from),
        },
        _ => Operation::Replace { thread },
    }
}

/// The bytes of a buffer, up to half a MiB: any small number, or a number near a power of two.
fn length(from: &mut Bytes<'_>) -> usize {
    let byte = usize::from(from.byte());
    if byte < 128 {
        return byte;
    }
    // 128 values: 13 powers of two from 128 on, each with nine numbers near it.
    let (power, delta) = ((byte - 128) / 9, (byte - 128) % 9);
    (128 << power.min(12)) + delta - 4
}
