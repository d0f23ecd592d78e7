//! The Internet checksum (RFC 1071). The one of ICMPv6 covers a pseudo header and is the kernel's.

/// The checksum to write into a message whose checksum field is zero.
pub fn of(bytes: &[u8]) -> u16 {
    !sum(bytes)
}

/// Whether a message with its checksum in place is intact.
pub fn is_valid(bytes: &[u8]) -> bool {
    sum(bytes) == 0xffff
}

/// One's complement sum of 16-bit words; an odd last byte is padded with zero.
fn sum(bytes: &[u8]) -> u16 {
    let mut words = bytes.chunks_exact(2);
    let mut total: u64 = words
        .by_ref()
        .map(|pair| u64::from(u16::from_be_bytes([pair[0], pair[1]])))
        .sum();
    if let [last] = words.remainder() {
        total += u64::from(u16::from_be_bytes([*last, 0]));
    }
    while total > 0xffff {
        total = (total & 0xffff) + (total >> 16);
    }
    total as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_rfc_1071_sums_to_ddf2() {
        assert_eq!(sum(&[0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7]), 0xddf2);
    }

    #[test]
    fn an_odd_byte_counts_as_the_high_half_of_a_word() {
        assert_eq!(sum(&[0x12, 0x34, 0x56]), 0x1234 + 0x5600);
    }

    #[test]
    fn a_message_with_its_own_checksum_is_valid_and_a_flipped_bit_is_not() {
        let mut message = [8, 0, 0, 0, 0x12, 0x34, 0, 1, 0xde, 0xad, 0xbe];
        let checksum = of(&message).to_be_bytes();
        message[2..4].copy_from_slice(&checksum);
        assert!(is_valid(&message));
        message[9] ^= 4;
        assert!(!is_valid(&message));
    }
}
