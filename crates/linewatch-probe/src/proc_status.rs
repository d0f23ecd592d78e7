//! Reads `/proc/PID/status` (proc_pid_status(5)): a name, a colon and a value in each line.

/// The value of this name; `None` if the status does not have it.
pub fn field<'a>(status: &'a str, name: &str) -> Option<&'a str> {
    let mut lines = status.lines();
    let value = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    Some(value.trim())
}

/// A mask (`CapEff`, `SigIgn`: hexadecimal); `None` if there is none of this name.
pub fn mask(status: &str, name: &str) -> Option<u64> {
    u64::from_str_radix(field(status, name)?, 16).ok()
}

/// Whether a mask is there and has this bit.
pub fn has_bit(status: &str, name: &str, bit: u32) -> bool {
    mask(status, name).is_some_and(|mask| mask.checked_shr(bit).unwrap_or(0) & 1 == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_whole_and_a_mask_is_hexadecimal() {
        let status = "Name:\tlinewatch\nSigIgnore:\t1\nSigIgn:\t0000000000001000\nCapEff:\t0\n";
        assert_eq!(field(status, "Name"), Some("linewatch"));
        assert_eq!(
            [12, 0, 64].map(|bit| has_bit(status, "SigIgn", bit)),
            [true, false, false]
        );
        assert_eq!(mask(status, "CapEff"), Some(0));
        assert_eq!((field(status, "Cap"), mask(status, "Name")), (None, None));
    }
}
