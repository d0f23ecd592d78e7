//! Reads the kernel's settings that decide about permission, buffers, neighbours and tracked connections.
//!
//! Some of them do not exist inside a network namespace other than the first one: they are `None` there.

use super::line;
use crate::proc_status::{field, has_bit, mask};

/// What this process may do, as `/proc` tells it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Permission {
    /// CAP_NET_RAW is in force.
    pub has_net_raw: bool,
    /// Granting CAP_NET_RAW to the program file would help: it is in the bounding set, and privileges can be gained.
    pub can_gain_net_raw: bool,
    /// CAP_SYS_NICE, as above.
    pub can_gain_sys_nice: bool,
    /// Groups that may open ping sockets, first and last (`net.ipv4.ping_group_range`); `1 0` is nobody.
    pub ping_groups: Option<(u64, u64)>,
    /// A group of this process is among them.
    pub is_in_ping_groups: bool,
}

/// What keeps a process from doing harm if somebody takes it over, as `/proc` tells it of the calling thread.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Confinement {
    /// It holds a capability, in force or not.
    pub has_capability: bool,
    /// It can never gain one (`no_new_privs`).
    pub gains_nothing: bool,
    /// A seccomp filter judges its system calls.
    pub is_filtered: bool,
    /// The kernel has seccomp filters.
    pub offers_filters: bool,
    /// The kernel has Landlock; `None`: it does not tell.
    pub offers_landlock: Option<bool>,
}

/// Limits of the neighbour table of one family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Neighbours {
    /// Below this many nothing is thrown out.
    pub gc_thresh1: u64,
    /// More than this many for 5 s are cut down.
    pub gc_thresh2: u64,
    /// More than this many never exist: a probe that needs another one is not sent.
    pub gc_thresh3: u64,
}

/// Connections the firewall keeps in mind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tracked {
    /// Now.
    pub count: u64,
    /// At most; new ones are dropped above.
    pub max: u64,
}

/// Bits of linux/capability.h.
const CAP_NET_RAW: u32 = 13;
const CAP_SYS_NICE: u32 = 23;

/// What the calling thread may do.
pub fn permission() -> Permission {
    let status = std::fs::read_to_string("/proc/thread-self/status").unwrap_or_default();
    let range = line("/proc/sys/net/ipv4/ping_group_range");
    permission_of(&status, range.as_deref().and_then(range_of))
}

/// How the calling thread is confined, and what this kernel has to confine it.
pub fn confinement() -> Confinement {
    let status = std::fs::read_to_string("/proc/thread-self/status").unwrap_or_default();
    let modules = line("/sys/kernel/security/lsm");
    let actions = line("/proc/sys/kernel/seccomp/actions_avail");
    confinement_of(&status, actions.as_deref(), modules.as_deref())
}

/// From `CapPrm`, `NoNewPrivs` and `Seccomp` of a status, the actions of seccomp, and the list of security modules.
fn confinement_of(status: &str, actions: Option<&str>, modules: Option<&str>) -> Confinement {
    Confinement {
        has_capability: mask(status, "CapPrm") != Some(0),
        gains_nothing: field(status, "NoNewPrivs") == Some("1"),
        is_filtered: field(status, "Seccomp") == Some("2"),
        offers_filters: actions.is_some_and(|list| list.contains("kill_process")),
        offers_landlock: modules.map(|list| list.split(',').any(|module| module == "landlock")),
    }
}

/// `net.core.rmem_max`, in bytes.
pub fn rmem_max_bytes() -> Option<u64> {
    number("/proc/sys/net/core/rmem_max")
}

/// Limits of the neighbour table; of all namespaces together, and only seen in the first one.
pub fn neighbours(is_v6: bool) -> Option<Neighbours> {
    let family = if is_v6 { "ipv6" } else { "ipv4" };
    let limit = |which: u8| number(&format!("/proc/sys/net/{family}/neigh/default/gc_thresh{which}"));
    Some(Neighbours {
        gc_thresh1: limit(1)?,
        gc_thresh2: limit(2)?,
        gc_thresh3: limit(3)?,
    })
}

/// Tracked connections; `None` where the kernel tracks none or does not tell.
pub fn tracked() -> Option<Tracked> {
    Some(Tracked {
        count: number("/proc/sys/net/netfilter/nf_conntrack_count")?,
        max: number("/proc/sys/net/netfilter/nf_conntrack_max")?,
    })
}

/// This computer has been told to answer no echo request of this family.
pub fn ignores_echo(is_v6: bool) -> bool {
    let path = if is_v6 {
        "/proc/sys/net/ipv6/icmp/echo_ignore_all"
    } else {
        "/proc/sys/net/ipv4/icmp_echo_ignore_all"
    };
    number(path) == Some(1)
}

/// This kernel knows IPv6 and some interface has an address of it.
pub fn has_ipv6() -> bool {
    line("/proc/thread-self/net/if_inet6").is_some_and(|text| !text.is_empty())
}

/// IPv6 is built in but switched off by `net.ipv6.conf.all.disable_ipv6`.
pub fn is_ipv6_disabled() -> bool {
    number("/proc/sys/net/ipv6/conf/all/disable_ipv6") == Some(1)
}

fn number(path: &str) -> Option<u64> {
    line(path)?.parse().ok()
}

/// First and last, with white space between.
fn range_of(text: &str) -> Option<(u64, u64)> {
    let mut words = text.split_ascii_whitespace().map(str::parse);
    match (words.next(), words.next()) {
        (Some(Ok(first)), Some(Ok(last))) => Some((first, last)),
        _ => None,
    }
}

/// From the lines of `/proc/PID/status`: `CapEff`, `CapBnd` (hexadecimal), `NoNewPrivs`, `Gid` and `Groups`.
fn permission_of(status: &str, ping_groups: Option<(u64, u64)>) -> Permission {
    let numbers = |name: &str| field(status, name).unwrap_or_default().split_ascii_whitespace();
    let has = |set: &str, bit: u32| has_bit(status, set, bit);
    let can_gain = field(status, "NoNewPrivs") != Some("1");
    // Of `Gid` the second number is the effective one: that is what the kernel asks.
    let effective = numbers("Gid").nth(1);
    let groups = effective
        .into_iter()
        .chain(numbers("Groups"))
        .filter_map(|group| group.parse::<u64>().ok());
    let is_in = |group: u64| ping_groups.is_some_and(|(first, last)| (first..=last).contains(&group));
    Permission {
        has_net_raw: has("CapEff", CAP_NET_RAW),
        can_gain_net_raw: can_gain && has("CapBnd", CAP_NET_RAW),
        can_gain_sys_nice: can_gain && has("CapBnd", CAP_SYS_NICE),
        ping_groups,
        is_in_ping_groups: groups.into_iter().any(is_in),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATUS: &str = "Name:\tlinewatch\nGid:\t1000\t1001\t1000\t1000\nGroups:\t27 1000 \n\
                          CapPrm:\t0000000000000000\nCapEff:\t0000000000002000\nCapBnd:\t0000000000802000\n\
                          NoNewPrivs:\t0\n";

    #[test]
    fn a_thread_that_gave_everything_up_is_told_from_one_that_has_not() {
        let confined = "CapPrm:\t0000000000000000\nNoNewPrivs:\t1\nSeccomp:\t2\nSeccomp_filters:\t3\n";
        let found = confinement_of(
            confined,
            Some("kill_process kill_thread log allow"),
            Some("capability,landlock"),
        );
        let expected = Confinement {
            has_capability: false,
            gains_nothing: true,
            is_filtered: true,
            offers_filters: true,
            offers_landlock: Some(true),
        };
        assert_eq!(found, expected);
        let free = "CapPrm:\t0000000000002000\nNoNewPrivs:\t0\nSeccomp:\t0\n";
        let expected = Confinement {
            has_capability: true,
            offers_landlock: Some(false),
            ..Confinement::default()
        };
        assert_eq!(confinement_of(free, None, Some("capability,yama")), expected);
        assert!(
            confinement_of("", None, None).has_capability,
            "who cannot be read is not called harmless"
        );
    }

    #[test]
    fn capabilities_are_bits_and_a_locked_process_gains_none() {
        let free = permission_of(STATUS, None);
        assert!(free.has_net_raw && free.can_gain_net_raw && free.can_gain_sys_nice);
        let locked = permission_of(&STATUS.replace("NoNewPrivs:\t0", "NoNewPrivs:\t1"), None);
        assert!(locked.has_net_raw && !locked.can_gain_net_raw && !locked.can_gain_sys_nice);
        assert_eq!(permission_of("", None), Permission::default());
    }

    #[test]
    fn the_effective_group_and_every_further_one_opens_ping_sockets() {
        for (range, expected) in [
            ((1001, 1001), true),
            ((27, 27), true),
            ((1000, 1000), true),
            ((1, 0), false),
            ((2000, 3000), false),
        ] {
            let permission = permission_of(STATUS, Some(range));
            assert_eq!(permission.is_in_ping_groups, expected, "{range:?}");
        }
        // The real group alone counts for nothing.
        let without_groups = STATUS.replace("Groups:\t27 1000", "Groups:");
        assert!(!permission_of(&without_groups, Some((1000, 1000))).is_in_ping_groups);
    }

    #[test]
    fn a_range_is_two_numbers() {
        assert_eq!(range_of("1\t0"), Some((1, 0)));
        assert_eq!(range_of("0 2147483647"), Some((0, 2_147_483_647)));
        assert_eq!(range_of("0"), None);
        assert_eq!(range_of(""), None);
    }
}
