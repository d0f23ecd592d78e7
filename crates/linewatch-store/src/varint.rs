//! Writes and reads the variable-length integers of blocks and hot batches (LEB128, signed ones by zigzag).
//!
//! Reading is by a cursor that never panics and never reads past its end: stored bytes may be anything.

/// The bytes end early, or an integer is longer than 64 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Malformed;

/// Appends `value`, 7 bits a byte, low ones first.
pub(crate) fn put(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push((value as u8) | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Appends a signed value: 0, -1, 1, -2 become 0, 1, 2, 3.
pub(crate) fn put_signed(out: &mut Vec<u8>, value: i64) {
    put(out, ((value << 1) ^ (value >> 63)) as u64);
}

/// A place in stored bytes.
#[derive(Debug)]
pub(crate) struct Cursor<'a> {
    rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    /// At the first byte.
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// Nothing is left.
    pub(crate) fn is_at_end(&self) -> bool {
        self.rest.is_empty()
    }

    /// All that is left, and nothing is left then.
    pub(crate) fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.rest)
    }

    /// One byte.
    pub(crate) fn byte(&mut self) -> Result<u8, Malformed> {
        let (&first, rest) = self.rest.split_first().ok_or(Malformed)?;
        self.rest = rest;
        Ok(first)
    }

    /// An unsigned integer.
    pub(crate) fn unsigned(&mut self) -> Result<u64, Malformed> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 {
                return Err(Malformed);
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(Malformed)
    }

    /// A signed integer.
    pub(crate) fn signed(&mut self) -> Result<i64, Malformed> {
        let raw = self.unsigned()?;
        Ok((raw >> 1) as i64 ^ -((raw & 1) as i64))
    }

    /// A section: its length, then that many bytes.
    pub(crate) fn section(&mut self) -> Result<&'a [u8], Malformed> {
        let len = usize::try_from(self.unsigned()?).map_err(|_| Malformed)?;
        let (section, rest) = self.rest.split_at_checked(len).ok_or(Malformed)?;
        self.rest = rest;
        Ok(section)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_integer_comes_back_as_itself(unsigned: u64, signed: i64) {
            let mut bytes = Vec::new();
            put(&mut bytes, unsigned);
            put_signed(&mut bytes, signed);
            let mut cursor = Cursor::new(&bytes);
            prop_assert_eq!((cursor.unsigned(), cursor.signed()), (Ok(unsigned), Ok(signed)));
            prop_assert!(cursor.is_at_end());
        }
    }

    #[test]
    fn an_integer_longer_than_64_bits_is_malformed() {
        assert_eq!(Cursor::new(&[0xff; 11]).unsigned(), Err(Malformed));
        assert_eq!(Cursor::new(&[0x80]).unsigned(), Err(Malformed));
        assert_eq!(Cursor::new(&[5, 1, 2]).section(), Err(Malformed));
    }
}
