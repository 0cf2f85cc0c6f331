//! The byte patterns that a replay writes into buffers and compares.
//!
//! A timed run writes and compares the same eight bytes at both ends. A verifying run writes and compares all bytes. Then
//! no two words of a buffer are equal, so a copy from another place of the same buffer is also detected.

/// From this size on, a buffer has room for the pattern at both ends; smaller ones are filled from [`small`].
pub(super) const BOTH_ENDS: usize = 16;

/// The content of a small buffer, up to its size.
pub(super) fn small(pattern: u64) -> [u8; BOTH_ENDS] {
    (u128::from(pattern) << 64 | u128::from(pattern)).to_ne_bytes()
}

/// The words that fill a buffer, in order; the last may be cut off.
pub(super) fn words(pattern: u64) -> impl Iterator<Item = [u8; 8]> {
    // A sum with an odd factor never repeats within 2^64 words.
    (0_u64..).map(move |word| {
        pattern
            .wrapping_add(word.wrapping_mul(0xbf58_476d_1ce4_e5b9))
            .to_ne_bytes()
    })
}

/// The offset of the first byte that differs from [`words`].
pub(super) fn changed_byte(held: &[u8], pattern: u64) -> Option<usize> {
    let (word, (held, expected)) = held
        .chunks(8)
        .zip(words(pattern))
        .enumerate()
        .find(|(_, (held, expected))| **held != expected[..held.len()])?;
    Some(word * 8 + first_difference(held, &expected)?)
}

/// The offset of the first byte that differs, in a buffer of `bytes` bytes that was written at both ends.
///
/// `read` returns the bytes of the buffer from an offset on: eight at either end, or all of a small buffer.
pub(super) fn changed_end<'a>(
    bytes: usize,
    pattern: u64,
    read: impl Fn(usize, usize) -> &'a [u8],
) -> Option<usize> {
    if bytes < BOTH_ENDS {
        return first_difference(read(0, bytes), &small(pattern));
    }
    let expected = pattern.to_ne_bytes();
    let tail = bytes - 8;
    first_difference(read(0, 8), &expected)
        .or_else(|| first_difference(read(tail, 8), &expected).map(|offset| tail + offset))
}

fn first_difference(held: &[u8], expected: &[u8]) -> Option<usize> {
    held.iter()
        .zip(expected)
        .position(|(held, expected)| held != expected)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_of_any_byte_is_found() {
        for bytes in [1, 7, 8, 9, 16, 33] {
            let mut held: Vec<u8> = words(77).flatten().take(bytes).collect();
            assert_eq!(changed_byte(&held, 77), None);
            for offset in 0..bytes {
                held[offset] ^= 0x10;
                assert_eq!(changed_byte(&held, 77), Some(offset), "{bytes} bytes");
                held[offset] ^= 0x10;
            }
        }
    }

    #[test]
    fn a_change_at_either_end_is_found() {
        for (bytes, offset) in [
            (5, 4),
            (15, 9),
            (16, 8),
            (40, 0),
            (40, 7),
            (40, 32),
            (40, 39),
        ] {
            let mut held = small(77).repeat(3);
            held.truncate(bytes);
            if bytes >= BOTH_ENDS {
                held[bytes - 8..].copy_from_slice(&77_u64.to_ne_bytes());
            }
            held[offset] ^= 0x10;
            let read = |from: usize, count: usize| &held[from..from + count];
            assert_eq!(changed_end(bytes, 77, read), Some(offset), "{bytes} bytes");
        }
    }
}
