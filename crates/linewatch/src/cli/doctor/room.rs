//! Judges what there must be room for: replies, connections, open files, the page's port, and the disk.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use linewatch_core::target::Method;
use linewatch_probe::examine::kernel::Tracked;
use linewatch_probe::examine::ports;
use linewatch_probe::sys::WireReport;
use linewatch_render::doctor::{Finding, Verdict};
use linewatch_render::format::count;
use linewatch_store::{Disk, Obstacle, Soundness, examine};

use super::shell_word;
use crate::config::TargetSettings;
use crate::listen::{self, Holding};

/// What the engine asks for.
const BUFFER_BYTES: u64 = 32 << 20;
/// What one reply takes up there: 32 MB hold 25,000.
const REPLY_BYTES: u64 = BUFFER_BYTES / 25_000;
/// Below this a burst of a thousand replies is cut short.
const BUFFER_BYTES_MIN: u64 = 1_000 * REPLY_BYTES;
/// Files of the program itself: database, page, log, resolver.
const OWN_FILES: u64 = 256;
/// The database's log alone may grow this far, and a checkpoint needs as much again.
const FREE_BYTES_MIN: u64 = 32 << 20;

/// Is there room for replies that wait until we read them?
pub(super) fn buffer(report: &WireReport, rmem_max_bytes: Option<u64>, asked_per_s: f64) -> Finding {
    let say = |verdict, sentence: String| Finding::new("buffer", verdict, sentence);
    let icmp = report.icmp_v4.as_ref().or(report.icmp_v6.as_ref()).ok();
    // Without a socket, what one would get: the kernel doubles what is asked for.
    let bytes = icmp
        .map(|icmp| icmp.receive_buffer_bytes as u64)
        .or(rmem_max_bytes.map(|max| max.min(BUFFER_BYTES) * 2));
    let Some(bytes) = bytes else {
        return say(
            Verdict::Note,
            "the kernel does not tell how many replies it keeps for us".to_owned(),
        );
    };
    let replies = bytes / REPLY_BYTES;
    // A second is as long as we may be kept from reading before probes count as stalled.
    let needed = (asked_per_s.ceil().max(0.0) as u64).saturating_mul(REPLY_BYTES);
    let begin = format!(
        "the receive buffer holds {} replies ({}) while we cannot read",
        grouped(replies),
        room_text(bytes)
    );
    if bytes >= needed.max(BUFFER_BYTES_MIN) {
        return say(Verdict::Ok, begin);
    }
    let why = if bytes < needed {
        format!(
            "{begin}, less than the {} that come in a second",
            grouped(asked_per_s.ceil() as u64)
        )
    } else {
        format!("{begin}: a burst of more is dropped and counts as unmeasured")
    };
    say(Verdict::Warning, why).cure(format!("sudo sysctl -w net.core.rmem_max={BUFFER_BYTES}"))
}

/// Is there room in the firewall's table?
pub(super) fn tracked(found: Option<Tracked>, targets: usize) -> Finding {
    let say = |verdict, sentence: String| Finding::new("firewall", verdict, sentence);
    let Some(Tracked { count, max }) = found else {
        return say(Verdict::Ok, "no connection tracking is in the way".to_owned());
    };
    let begin = format!(
        "{} of {} tracked connections are in use",
        grouped(count),
        grouped(max)
    );
    let wanted = count.saturating_add(targets as u64);
    if wanted < max / 10 * 9 {
        return say(Verdict::Ok, begin);
    }
    let enough = wanted.saturating_mul(2).next_power_of_two();
    let sentence = format!("{begin}: probes beyond that are dropped on this computer and look lost");
    say(Verdict::Warning, sentence).cure(format!("sudo sysctl -w net.netfilter.nf_conntrack_max={enough}"))
}

/// May enough files be open? Every TCP probe in flight holds one.
pub(super) fn files(limit: u64, targets: &[Arc<TargetSettings>]) -> Finding {
    let in_flight = |target: &Arc<TargetSettings>| {
        let plan = target.target.plan;
        plan.timeout.as_nanos().div_ceil(plan.interval.as_nanos().max(1)) as u64 + 1
    };
    let is_tcp = |target: &&Arc<TargetSettings>| {
        target.target.is_enabled && matches!(target.target.method, Method::TcpConnect { .. })
    };
    let tcp = targets.iter().filter(is_tcp).map(in_flight).sum::<u64>();
    files_of(limit, tcp)
}

fn files_of(limit: u64, tcp_in_flight: u64) -> Finding {
    let needed = tcp_in_flight.saturating_add(OWN_FILES);
    let begin = format!(
        "{} files may be open, and {} TCP probes can be in flight",
        grouped(limit),
        grouped(tcp_in_flight)
    );
    if limit >= needed {
        return Finding::new("files", Verdict::Ok, begin);
    }
    let sentence = format!("{begin}: those without a file are unsent (EMFILE)");
    let finding = Finding::new("files", Verdict::Fault, sentence);
    finding.cure(format!("ulimit -n {}", needed.next_power_of_two()))
}

/// Can the page be where it is wanted?
pub(super) fn port(listen: SocketAddr) -> Finding {
    let say = |verdict, sentence: String| Finding::new("port", verdict, sentence);
    let error = match listen::look(listen) {
        Holding::Free => return say(Verdict::Ok, format!("{listen} is free for the page")),
        Holding::Linewatch => {
            let sentence = format!("{listen} is held by linewatch itself: the monitor is running");
            return say(Verdict::Note, sentence);
        }
        Holding::Other => None,
        Holding::Refused(error) => Some(error),
    };
    // The next one is as good as any; 65535 has none.
    let next = SocketAddr::new(listen.ip(), listen.port().checked_add(1).unwrap_or(5000));
    let sentence = match error {
        Some(error) => format!("the page cannot listen on {listen}: {}", listen::plain(&error)),
        None => {
            let who = ports::listener(listen).map_or_else(
                || "another program (root can see which)".to_owned(),
                |process| format!("\"{}\" (pid {})", process.name, process.pid),
            );
            format!("the page cannot listen on {listen}: it is held by {who}")
        }
    };
    say(Verdict::Fault, sentence).cure(format!("linewatch serve --listen {next}"))
}

/// Can what is measured be kept? Disk and database: two findings, or one where there is no directory.
pub(super) fn disk(dir: Option<&Path>, max_size_bytes: u64) -> Vec<Finding> {
    let Some(dir) = dir else {
        let sentence = "nothing says where the data directory is: neither HOME nor XDG_DATA_HOME is set";
        let finding = Finding::new("disk", Verdict::Fault, sentence);
        return vec![finding.cure("linewatch serve --data-dir /var/lib/linewatch")];
    };
    let found = examine(dir);
    vec![room(dir, &found, max_size_bytes), database(dir, &found)]
}

fn room(dir: &Path, found: &Disk, max_size_bytes: u64) -> Finding {
    let say = |verdict, sentence: String| Finding::new("disk", verdict, sentence);
    let shown = dir.display();
    let word = shell_word(&dir.to_string_lossy());
    let standing = shell_word(&found.standing.to_string_lossy());
    let mount = format!("\"$(findmnt -no TARGET -T {standing})\"");
    match &found.obstacle {
        Some(Obstacle::ReadOnly) => {
            return say(
                Verdict::Fault,
                format!("the data directory {shown} is on a read-only file system: nothing can be stored"),
            )
            .cure(format!("sudo mount -o remount,rw {mount}"));
        }
        Some(Obstacle::Permission(path)) => {
            let sentence = format!(
                "this user may not write to {}: nothing can be stored",
                path.display()
            );
            return say(Verdict::Fault, sentence).cure(if found.exists {
                format!("sudo chown -R \"$(id -un)\" {word}")
            } else {
                format!("sudo install -d -m 700 -o \"$(id -un)\" {word}")
            });
        }
        Some(Obstacle::NotDirectory) => {
            let sentence = format!(
                "{} is not a directory: nothing can be stored",
                found.standing.display()
            );
            return say(Verdict::Fault, sentence).cure(format!("ls -ld {standing}"));
        }
        Some(Obstacle::Other(why)) => {
            let sentence = format!("the data directory {shown} cannot be used: {why}");
            return say(Verdict::Fault, sentence).cure(format!("ls -ld {standing}"));
        }
        None => {}
    }
    let Some(free_bytes) = found.free_bytes else {
        return say(
            Verdict::Note,
            format!("{shown} can be written; its free room is not told"),
        );
    };
    let free = room_text(free_bytes);
    let largest = format!("sudo du -xah {mount} | sort -h | tail -20");
    if free_bytes < FREE_BYTES_MIN {
        let sentence = format!(
            "the disk of the data directory {shown} is full: {free} are free, and the database needs {}",
            room_text(FREE_BYTES_MIN)
        );
        return say(Verdict::Fault, sentence).cure(largest);
    }
    let (used, budget) = (room_text(found.used_bytes), room_text(max_size_bytes));
    if free_bytes < max_size_bytes.saturating_sub(found.used_bytes) {
        let sentence = format!(
            "{shown} has {free} free, less than storage.max_size allows ({used} of {budget} are used)"
        );
        return say(Verdict::Warning, sentence).cure(largest);
    }
    let made = if found.exists {
        ""
    } else {
        ", and will be made at the first start"
    };
    say(
        Verdict::Ok,
        format!("{shown} has {free} free{made}; {used} of {budget} are used"),
    )
}

fn database(dir: &Path, found: &Disk) -> Finding {
    let say = |verdict, sentence: String| Finding::new("database", verdict, sentence);
    let path = dir.join("linewatch.db");
    let word = shell_word(&path.to_string_lossy());
    match &found.database {
        Soundness::Absent => say(Verdict::Ok, "there is no database yet".to_owned()),
        Soundness::Sound => say(Verdict::Ok, format!("{} is whole", path.display())),
        Soundness::InUse => {
            let holder = found.holder.as_deref().unwrap_or("another linewatch");
            say(Verdict::Note, format!("{} is in use by {holder}", path.display()))
        }
        Soundness::Unclosed => say(
            Verdict::Note,
            format!(
                "{} was not closed in order; the next start takes in its log",
                path.display()
            ),
        ),
        Soundness::Large => say(
            Verdict::Note,
            format!("{} is too large to be read through here", path.display()),
        )
        .cure(format!("sqlite3 -readonly {word} 'PRAGMA quick_check'")),
        Soundness::Bad(why) => say(
            Verdict::Fault,
            format!(
                "{} cannot be used: {why}; the next start sets a damaged one aside",
                path.display()
            ),
        )
        .cure(format!("cp -a {word} {word}.kept")),
    }
}

fn grouped(number: u64) -> String {
    count(Some(i64::try_from(number).unwrap_or(i64::MAX)))
}

/// `23.4 GiB`, `512 MiB`, `0 KiB`: rounded down, as room should be.
fn room_text(bytes: u64) -> String {
    match bytes {
        0..0x10_0000 => format!("{} KiB", bytes >> 10),
        0x10_0000..0x4000_0000 => format!("{} MiB", bytes >> 20),
        _ => {
            let tenths = bytes / (0x4000_0000 / 10);
            format!("{}.{} GiB", grouped(tenths / 10), tenths % 10)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn found() -> Disk {
        Disk {
            standing: PathBuf::from("/data"),
            exists: true,
            obstacle: None,
            free_bytes: Some(10 << 30),
            used_bytes: 0,
            holder: None,
            database: Soundness::Absent,
        }
    }

    #[track_caller]
    fn check_room(found: &Disk, expected: Verdict, part: &str) {
        let finding = room(Path::new("/data"), found, 2 << 30);
        assert_eq!(finding.verdict, expected, "{}", finding.sentence);
        assert!(finding.sentence.contains(part), "{part}: {}", finding.sentence);
        assert_eq!(
            finding.command.is_some(),
            expected >= Verdict::Warning,
            "a cure for what is wrong"
        );
    }

    #[test]
    fn each_obstacle_of_the_disk_has_its_sentence() {
        check_room(&found(), Verdict::Ok, "10.0 GiB free");
        let with = |obstacle| Disk {
            obstacle: Some(obstacle),
            ..found()
        };
        check_room(&with(Obstacle::ReadOnly), Verdict::Fault, "read-only file system");
        check_room(
            &with(Obstacle::Permission(PathBuf::from("/data/linewatch.db"))),
            Verdict::Fault,
            "may not write to /data/linewatch.db",
        );
        check_room(&with(Obstacle::NotDirectory), Verdict::Fault, "not a directory");
        check_room(
            &with(Obstacle::Other("i/o error".to_owned())),
            Verdict::Fault,
            "i/o error",
        );
    }

    #[test]
    fn a_full_disk_is_a_fault_and_less_than_the_budget_a_warning() {
        let free = |bytes| Disk {
            free_bytes: Some(bytes),
            ..found()
        };
        check_room(
            &free(FREE_BYTES_MIN - 1),
            Verdict::Fault,
            "is full: 31 MiB are free",
        );
        check_room(
            &free(FREE_BYTES_MIN),
            Verdict::Warning,
            "less than storage.max_size",
        );
        check_room(&free(2 << 30), Verdict::Ok, "2.0 GiB free");
    }

    #[test]
    fn tcp_probes_without_a_file_are_a_fault() {
        assert_eq!(files_of(1024, 768).verdict, Verdict::Ok);
        let finding = files_of(1024, 769);
        assert_eq!(finding.command.as_deref(), Some("ulimit -n 2048"));
    }

    #[test]
    fn a_nearly_full_firewall_is_told_before_it_drops() {
        let at = |count| tracked(Some(Tracked { count, max: 1000 }), 10).verdict;
        assert_eq!((at(889), at(890)), (Verdict::Ok, Verdict::Warning));
        assert_eq!(tracked(None, 10).verdict, Verdict::Ok);
    }

    #[test]
    fn the_receive_buffer_is_judged_by_the_rate() {
        let nobody = || Err("not permitted".to_owned());
        let report = WireReport {
            icmp_v4: nobody(),
            icmp_v6: nobody(),
        };
        let at = |rmem_max, per_s| buffer(&report, Some(rmem_max), per_s).verdict;
        assert_eq!(at(212_992, 1.0), Verdict::Warning, "the kernel's default");
        assert_eq!(at(4 << 20, 100.0), Verdict::Ok);
        assert_eq!(at(4 << 20, 10_000.0), Verdict::Warning);
        assert_eq!(at(32 << 20, 25_000.0), Verdict::Ok);
    }

    #[test]
    fn a_held_port_names_its_holder() {
        let socket = std::net::TcpListener::bind("127.0.0.1:0").expect("loopback has ports");
        let addr = socket.local_addr().expect("bound");
        let finding = port(addr);
        assert_eq!(finding.verdict, Verdict::Fault);
        let pid = format!("(pid {})", std::process::id());
        assert!(finding.sentence.contains(&pid), "{}", finding.sentence);
        drop(socket);
        assert_eq!(port(addr).verdict, Verdict::Ok);
    }

    #[test]
    fn room_is_rounded_down() {
        assert_eq!(
            [1023, 1 << 20, (1 << 30) - 1, 25_232_932_864].map(room_text),
            ["0 KiB", "1 MiB", "1023 MiB", "23.5 GiB"]
        );
    }
}
