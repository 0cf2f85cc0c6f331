//! The strategy that generates the operations of the property test.

use proptest::prelude::*;

use crate::program::{Operation, POOLS, SITES, THREADS};

fn bytes() -> impl Strategy<Value = usize> {
    prop_oneof![
        2 => Just(0_usize),
        8 => 1_usize..600,
        4 => 600_usize..20_000,
        1 => 250_000_usize..600_000,
    ]
}

pub(crate) fn operation() -> impl Strategy<Value = Operation> {
    let pool = || 0..POOLS;
    let thread = || 0..THREADS;
    let any = || 0_usize..1000;
    prop_oneof![
        12 => (pool(), thread(), 0..SITES.len(), bytes())
            .prop_map(|(pool, thread, site, bytes)| Operation::Alloc { pool, thread, site, bytes }),
        1 => (pool(), thread()).prop_map(|(pool, thread)| Operation::Overflow { pool, thread }),
        9 => (any(), thread()).prop_map(|(buffer, thread)| Operation::Drop { buffer, thread }),
        1 => any().prop_map(|buffer| Operation::Retain { buffer }),
        4 => (pool(), thread()).prop_map(|(pool, thread)| Operation::Begin { pool, thread }),
        9 => (any(), thread(), bytes())
            .prop_map(|(frame, thread, bytes)| Operation::AllocFramed { frame, thread, bytes }),
        5 => (any(), thread()).prop_map(|(frame, thread)| Operation::End { frame, thread }),
        5 => (pool(), thread()).prop_map(|(pool, thread)| Operation::EndPool { pool, thread }),
        1 => (pool(), thread()).prop_map(|(pool, thread)| Operation::Trim { pool, thread }),
        1 => (pool(), thread(), bytes())
            .prop_map(|(pool, thread, bytes)| Operation::Prewarm { pool, thread, bytes }),
        1 => thread().prop_map(|thread| Operation::Replace { thread }),
    ]
}
