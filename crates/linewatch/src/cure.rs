//! Commands that give this program what it lacks, for a person to type: `doctor` and the page say the same.

use linewatch_probe::examine::kernel::Permission;

/// Grants real-time priority.
pub(crate) fn realtime(permission: &Permission, program: &str) -> String {
    if permission.can_gain_sys_nice {
        format!("sudo setcap cap_net_raw,cap_sys_nice+p {program}")
    } else {
        format!("sudo systemd-run --property=LimitRTPRIO=10 {program} serve")
    }
}

/// The path of this program, for a shell.
pub(crate) fn program() -> String {
    std::env::current_exe().map_or_else(
        |_| "$(command -v linewatch)".to_owned(),
        |path| shell_word(&path.to_string_lossy()),
    )
}

/// `text` as one word of a shell.
pub(crate) fn shell_word(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:,@%".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_stays_one_word_whatever_stands_in_it() {
        assert_eq!(shell_word("/var/lib/linewatch"), "/var/lib/linewatch");
        assert_eq!(shell_word("/tmp/a b"), "'/tmp/a b'");
        assert_eq!(shell_word("/tmp/$(id)'; rm x"), "'/tmp/$(id)'\\''; rm x'");
        assert_eq!(shell_word(""), "''");
    }
}
