//! Turns the bytes of an input into choices. After the end of the input all choices are zero.

/// The rest of an input.
#[derive(Clone, Debug)]
pub(crate) struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn byte(&mut self) -> u8 {
        let Some((&first, rest)) = self.0.split_first() else {
            return 0;
        };
        self.0 = rest;
        first
    }

    /// A number below `end`, which is at most 256.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        usize::from(self.byte()) % end
    }

    /// 16 bits, little-endian.
    pub(crate) fn short(&mut self) -> u16 {
        u16::from_le_bytes([self.byte(), self.byte()])
    }

    /// 64 bits, little-endian.
    fn long(&mut self) -> u64 {
        u64::from_le_bytes(std::array::from_fn(|_| self.byte()))
    }

    /// Any number. Small numbers, numbers near a power of two and numbers near the largest one are frequent.
    pub(crate) fn number(&mut self) -> u64 {
        let kind = self.byte();
        let near = |centre: u64, delta: u8| centre.wrapping_add(u64::from(delta)).wrapping_sub(2);
        match kind % 8 {
            0..=2 => u64::from(self.byte()),
            3 => u64::from(self.short()),
            4..=5 => near(1 << self.below(64), kind / 8 % 5),
            6 => near(u64::MAX, kind / 8 % 5),
            _ => self.long(),
        }
    }

    /// Any `f64`, including NaN and the infinities. Values near the levels of the rules are frequent.
    pub(crate) fn real(&mut self) -> f64 {
        match self.below(8) {
            0 => f64::NAN,
            1 => f64::INFINITY,
            2 => f64::NEG_INFINITY,
            3 => -0.0,
            4 => f64::from(self.byte()) / 100.0,
            5 => f64::from(self.byte()) - 16.0,
            6 => self.number() as f64,
            _ => f64::from_bits(self.long()),
        }
    }

    /// Any duration, up to the longest.
    pub(crate) fn duration(&mut self) -> std::time::Duration {
        use std::time::Duration;
        match self.below(4) {
            0 => Duration::ZERO,
            1 => Duration::from_millis(u64::from(self.byte())),
            2 => Duration::MAX,
            // Fewer than a billion nanoseconds, because `new` would carry more into the seconds, which could overflow.
            _ => Duration::new(self.number(), (self.number() % 1_000_000_000) as u32),
        }
    }

    /// The next `len` bytes, or as many as there are.
    pub(crate) fn take(&mut self, len: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(len.min(self.0.len()));
        self.0 = rest;
        taken
    }
}
