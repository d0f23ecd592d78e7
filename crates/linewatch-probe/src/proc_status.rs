//! Reads `/proc/PID/status` (proc_pid_status(5)): a name, a colon and a value in each line.

/// The value of this name; `None` if the status does not have it.
pub fn field<'a>(status: &'a str, name: &str) -> Option<&'a str> {
    let mut lines = status.lines();
    let value = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    Some(value.trim())
}

/// Whether a mask (`CapEff`, `SigIgn`: hexadecimal) has this bit; `None` if there is no such mask.
pub fn has_bit(status: &str, name: &str, bit: u32) -> Option<bool> {
    let mask = u64::from_str_radix(field(status, name)?, 16).ok()?;
    Some(mask.checked_shr(bit).unwrap_or(0) & 1 == 1)
}

/// Whether a mask has no bit at all; `None` if there is no such mask.
pub fn is_empty(status: &str, name: &str) -> Option<bool> {
    Some(u64::from_str_radix(field(status, name)?, 16).ok()? == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_whole_and_a_mask_is_hexadecimal() {
        let status = "Name:\tlinewatch\nSigIgnore:\t1\nSigIgn:\t0000000000001000\nCapEff:\t0\n";
        assert_eq!(field(status, "Name"), Some("linewatch"));
        assert_eq!(has_bit(status, "SigIgn", 12), Some(true));
        assert_eq!(has_bit(status, "SigIgn", 0), Some(false));
        assert_eq!(is_empty(status, "CapEff"), Some(true));
        assert_eq!((field(status, "Cap"), is_empty(status, "Name")), (None, None));
    }
}
