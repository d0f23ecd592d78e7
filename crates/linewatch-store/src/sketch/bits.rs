//! Writes and reads numbers of as many bits as they need: exponential Golomb codes, most significant bit first.
//!
//! Reading never panics and never reads past its end, whatever the bits.

use crate::varint::Malformed;

/// Bits being gathered into bytes.
#[derive(Debug, Default)]
pub(super) struct BitWriter {
    bytes: Vec<u8>,
    /// Bits of the last byte that are free.
    free: u32,
}

impl BitWriter {
    /// The lowest `count` bits of `value`.
    pub(super) fn put(&mut self, value: u64, count: u32) {
        for at in (0..count).rev() {
            if self.free == 0 {
                self.bytes.push(0);
                self.free = 8;
            }
            self.free -= 1;
            if let Some(last) = self.bytes.last_mut() {
                *last |= ((value >> at & 1) as u8) << self.free;
            }
        }
    }

    /// A number below 2^63 by the exponential Golomb code of this order: small ones take `order + 1` bits.
    pub(super) fn put_golomb(&mut self, value: u64, order: u32) {
        let shifted = (value >> order) + 1;
        let length = shifted.ilog2();
        self.put(0, length);
        self.put(shifted, length + 1);
        self.put(value, order);
    }

    /// Filled up with zero bits.
    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

/// Bits that [`BitWriter::put_golomb`] takes.
pub(super) fn golomb_bits(value: u64, order: u32) -> u32 {
    2 * ((value >> order) + 1).ilog2() + 1 + order
}

/// A place in stored bits.
#[derive(Debug)]
pub(super) struct BitReader<'a> {
    rest: &'a [u8],
    /// Bits taken out of `rest` and not read yet, at the top.
    window: u64,
    filled: u32,
}

impl<'a> BitReader<'a> {
    /// At the first bit.
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self {
            rest: bytes,
            window: 0,
            filled: 0,
        }
    }

    fn fill(&mut self) {
        while self.filled <= 56 {
            let Some((&byte, rest)) = self.rest.split_first() else {
                return;
            };
            self.window |= u64::from(byte) << (56 - self.filled);
            self.filled += 8;
            self.rest = rest;
        }
    }

    /// The next bits as a number; at most 56 of them.
    pub(super) fn take(&mut self, count: u32) -> Result<u64, Malformed> {
        self.fill();
        if count > self.filled || count > 56 {
            return Err(Malformed);
        }
        let value = self.window.checked_shr(64 - count).unwrap_or(0);
        self.window <<= count;
        self.filled -= count;
        Ok(value)
    }

    /// The opposite of [`BitWriter::put_golomb`], for numbers below 2^32: no count in here is as great.
    pub(super) fn golomb(&mut self, order: u32) -> Result<u64, Malformed> {
        self.fill();
        let zeros = self.window.leading_zeros();
        if zeros > 31 {
            return Err(Malformed);
        }
        self.take(zeros)?;
        let shifted = self.take(zeros + 1)?;
        Ok((shifted - 1) << order | self.take(order)?)
    }

    /// Nothing is left but the zero bits that fill up the last byte.
    pub(super) fn is_at_end(&mut self) -> bool {
        self.fill();
        self.filled < 8 && self.window == 0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_number_comes_back_and_takes_the_bits_it_is_said_to(
            numbers in prop::collection::vec((0_u64..1 << 31, 0_u32..12), 0..50),
        ) {
            let mut writer = BitWriter::default();
            let mut bits = 0;
            for &(number, order) in &numbers {
                writer.put_golomb(number, order);
                bits += golomb_bits(number, order);
            }
            let bytes = writer.into_bytes();
            prop_assert_eq!(bytes.len(), bits.div_ceil(8) as usize);
            let mut reader = BitReader::new(&bytes);
            for (number, order) in numbers {
                prop_assert_eq!(reader.golomb(order), Ok(number));
            }
            prop_assert!(reader.is_at_end());
        }

        #[test]
        fn any_bits_are_numbers_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..20), order in 0_u32..16) {
            let mut reader = BitReader::new(&bytes);
            while reader.golomb(order).is_ok() {}
        }
    }
}
