//! Buffer sizes of a mixed frame, the same for all contestants and in every run.

/// `count` sizes between 256 B and `most`, each power of two as likely as the next.
pub fn mixed(count: usize, most: usize) -> Vec<usize> {
    let powers = u64::from(most.ilog2() - 256_usize.ilog2());
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = move || {
        // Marsaglia's xorshift, 2003.
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random
    };
    (0..count)
        .map(|_| {
            let least = 256_usize << (next() % powers);
            least + (next() as usize) % (least + 1)
        })
        .collect()
}
