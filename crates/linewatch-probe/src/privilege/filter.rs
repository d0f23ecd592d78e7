//! The system calls a running monitor needs; every other one is refused by the kernel (seccomp).
//!
//! Out: three filters to be stacked, of which the kernel takes the strictest answer. A call that is not in the list fails
//! with EPERM, because libraries try what they can do without; starting another program ends the process, because nothing
//! in here ever does. Not here: applying them (`confine`).

use std::collections::BTreeMap;

use seccompiler::{
    BpfProgram, Error, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch,
};

/// Memory, threads, clocks, signals: what every program does.
const PROCESS: &[libc::c_long] = &[
    libc::SYS_brk,
    libc::SYS_capget,
    libc::SYS_clock_getres,
    libc::SYS_clock_gettime,
    libc::SYS_clock_nanosleep,
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_futex,
    libc::SYS_get_robust_list,
    libc::SYS_getcpu,
    libc::SYS_getegid,
    libc::SYS_geteuid,
    libc::SYS_getgid,
    libc::SYS_getpid,
    libc::SYS_getppid,
    libc::SYS_getpriority,
    libc::SYS_getrandom,
    libc::SYS_getrusage,
    libc::SYS_gettid,
    libc::SYS_gettimeofday,
    libc::SYS_getuid,
    libc::SYS_ioprio_set,
    libc::SYS_madvise,
    libc::SYS_membarrier,
    libc::SYS_mincore,
    libc::SYS_mremap,
    libc::SYS_munmap,
    libc::SYS_nanosleep,
    libc::SYS_prlimit64,
    libc::SYS_restart_syscall,
    libc::SYS_rseq,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigpending,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_rt_sigtimedwait,
    libc::SYS_sched_get_priority_max,
    libc::SYS_sched_get_priority_min,
    libc::SYS_sched_getaffinity,
    libc::SYS_sched_getparam,
    libc::SYS_sched_getscheduler,
    libc::SYS_sched_setaffinity,
    // The watchdog gives a real-time thread its ordinary priority back.
    libc::SYS_sched_setscheduler,
    libc::SYS_sched_yield,
    libc::SYS_set_robust_list,
    libc::SYS_set_tid_address,
    libc::SYS_setpriority,
    libc::SYS_sigaltstack,
    libc::SYS_sysinfo,
    // To a thread of our own only: `abort`, and `confine` itself.
    libc::SYS_tgkill,
    libc::SYS_uname,
];

/// Files of the database and of the configuration; which ones is Landlock's affair.
const FILES: &[libc::c_long] = &[
    libc::SYS_chdir,
    libc::SYS_close,
    libc::SYS_close_range,
    libc::SYS_copy_file_range,
    libc::SYS_dup,
    libc::SYS_dup3,
    libc::SYS_faccessat,
    libc::SYS_faccessat2,
    libc::SYS_fadvise64,
    libc::SYS_fallocate,
    libc::SYS_fchmod,
    libc::SYS_fchmodat,
    // SQLite gives a new log the owner of its database; without a capability to an owner we are already.
    libc::SYS_fchown,
    libc::SYS_fcntl,
    libc::SYS_fdatasync,
    libc::SYS_flock,
    libc::SYS_fstat,
    libc::SYS_fstatfs,
    libc::SYS_fsync,
    libc::SYS_ftruncate,
    libc::SYS_getcwd,
    libc::SYS_getdents64,
    libc::SYS_inotify_add_watch,
    libc::SYS_inotify_init1,
    libc::SYS_inotify_rm_watch,
    libc::SYS_linkat,
    libc::SYS_lseek,
    libc::SYS_mkdirat,
    libc::SYS_msync,
    libc::SYS_newfstatat,
    libc::SYS_openat,
    libc::SYS_pread64,
    libc::SYS_preadv,
    libc::SYS_pwrite64,
    libc::SYS_pwritev,
    libc::SYS_read,
    libc::SYS_readahead,
    libc::SYS_readlinkat,
    libc::SYS_readv,
    libc::SYS_renameat,
    libc::SYS_renameat2,
    libc::SYS_sendfile,
    libc::SYS_statfs,
    libc::SYS_statx,
    libc::SYS_sync_file_range,
    libc::SYS_truncate,
    libc::SYS_umask,
    libc::SYS_unlinkat,
    libc::SYS_utimensat,
    libc::SYS_write,
    libc::SYS_writev,
];

/// Sockets, and waiting for them.
const NETWORK: &[libc::c_long] = &[
    libc::SYS_accept,
    libc::SYS_accept4,
    libc::SYS_bind,
    libc::SYS_connect,
    libc::SYS_epoll_create1,
    libc::SYS_epoll_ctl,
    libc::SYS_epoll_pwait,
    libc::SYS_epoll_pwait2,
    libc::SYS_eventfd2,
    libc::SYS_getpeername,
    libc::SYS_getsockname,
    libc::SYS_getsockopt,
    libc::SYS_listen,
    libc::SYS_pipe2,
    libc::SYS_ppoll,
    libc::SYS_pselect6,
    libc::SYS_recvfrom,
    libc::SYS_recvmmsg,
    libc::SYS_recvmsg,
    libc::SYS_sendmmsg,
    libc::SYS_sendmsg,
    libc::SYS_sendto,
    libc::SYS_setsockopt,
    libc::SYS_shutdown,
    libc::SYS_socketpair,
    libc::SYS_timerfd_create,
    libc::SYS_timerfd_gettime,
    libc::SYS_timerfd_settime,
];

/// Older names of the same, which newer processors do not have.
#[cfg(target_arch = "x86_64")]
const OLDER: &[libc::c_long] = &[
    libc::SYS_access,
    libc::SYS_arch_prctl,
    libc::SYS_chmod,
    libc::SYS_dup2,
    libc::SYS_epoll_wait,
    libc::SYS_getdents,
    libc::SYS_getrlimit,
    libc::SYS_link,
    libc::SYS_lstat,
    libc::SYS_mkdir,
    libc::SYS_open,
    libc::SYS_pipe,
    libc::SYS_poll,
    libc::SYS_readlink,
    libc::SYS_rename,
    libc::SYS_rmdir,
    libc::SYS_select,
    libc::SYS_setrlimit,
    libc::SYS_stat,
    libc::SYS_time,
    libc::SYS_unlink,
];
#[cfg(not(target_arch = "x86_64"))]
const OLDER: &[libc::c_long] = &[];

/// Ends the process instead of failing: linewatch never starts another program, so whoever tries is not linewatch.
const DEADLY: &[libc::c_long] = &[libc::SYS_execve, libc::SYS_execveat];

/// Families of sockets: our own, and that of the service manager.
const FAMILIES: &[i32] = &[libc::AF_INET, libc::AF_INET6, libc::AF_UNIX];

/// `TCGETS`, `TIOCGWINSZ`, `FIONREAD`, `FIONBIO`, `FIONCLEX`, `FIOCLEX`, `SIOCGIFNAME`, `SIOCGIFINDEX`: asks, and changes
/// nothing but our own descriptors. Above all not `TIOCSTI`, which types into somebody's terminal.
const QUESTIONS: &[u64] = &[0x5401, 0x5413, 0x541b, 0x5421, 0x5450, 0x5451, 0x8910, 0x8933];

/// Names of threads and of memory, the slack of timers, and what we already gave up.
const THREAD_OPTIONS: &[u64] = &[
    libc::PR_SET_NAME as u64,
    libc::PR_GET_NAME as u64,
    libc::PR_SET_TIMERSLACK as u64,
    libc::PR_GET_TIMERSLACK as u64,
    libc::PR_CAPBSET_READ as u64,
    libc::PR_GET_NO_NEW_PRIVS as u64,
    // `PR_SET_VMA`, by which allocators name what they map.
    0x5356_4d41,
];

/// The filters, weakest first.
pub(super) struct Filters {
    /// Nothing but what is listed.
    pub(super) known: BpfProgram,
    /// `clone3` does not exist: its flags are behind a pointer, so the C library is sent to `clone`, whose flags are seen.
    pub(super) no_clone3: BpfProgram,
    /// Another program is the end.
    pub(super) no_program: BpfProgram,
}

/// Builds the filters for this processor.
///
/// # Errors
///
/// On a processor for which they cannot be built.
pub(super) fn filters() -> Result<Filters, Error> {
    let arch = TargetArch::try_from(std::env::consts::ARCH).map_err(Error::Backend)?;
    let build = |rules: BTreeMap<i64, Vec<SeccompRule>>, otherwise, listed| -> Result<BpfProgram, Error> {
        let filter = SeccompFilter::new(rules, otherwise, listed, arch).map_err(Error::Backend)?;
        filter.try_into().map_err(Error::Backend)
    };
    let refused = SeccompAction::Errno(libc::EPERM as u32);
    let unknown = SeccompAction::Errno(libc::ENOSYS as u32);
    Ok(Filters {
        known: build(known()?, refused, SeccompAction::Allow)?,
        no_clone3: build(whole(&[libc::SYS_clone3]), SeccompAction::Allow, unknown)?,
        no_program: build(whole(DEADLY), SeccompAction::Allow, SeccompAction::KillProcess)?,
    })
}

fn known() -> Result<BTreeMap<i64, Vec<SeccompRule>>, Error> {
    let mut rules = BTreeMap::new();
    for part in [PROCESS, FILES, NETWORK, OLDER] {
        rules.extend(whole(part));
    }
    // Judged by the two other filters, which are stricter about them.
    rules.extend(whole(DEADLY));
    rules.extend(whole(&[libc::SYS_clone3]));
    let families = FAMILIES.iter().map(|family| *family as u64);
    rules.insert(libc::SYS_socket as i64, one_of(0, families)?);
    rules.insert(libc::SYS_ioctl as i64, one_of(1, QUESTIONS.iter().copied())?);
    rules.insert(libc::SYS_prctl as i64, one_of(0, THREAD_OPTIONS.iter().copied())?);
    // A thread yes, a process no.
    let thread = libc::CLONE_THREAD as u64;
    rules.insert(libc::SYS_clone as i64, only_if(0, thread, thread)?);
    // Nothing that was written is ever run.
    let run = libc::PROT_EXEC as u64;
    rules.insert(libc::SYS_mmap as i64, only_if(2, run, 0)?);
    rules.insert(libc::SYS_mprotect as i64, only_if(2, run, 0)?);
    Ok(rules)
}

/// These calls with any arguments.
fn whole(calls: &[libc::c_long]) -> BTreeMap<i64, Vec<SeccompRule>> {
    calls.iter().map(|call| (*call as i64, Vec::new())).collect()
}

/// An argument that is one of these values.
fn one_of(argument: u8, values: impl Iterator<Item = u64>) -> Result<Vec<SeccompRule>, Error> {
    values
        .map(|value| rule(argument, SeccompCmpOp::Eq, value))
        .collect()
}

/// An argument whose bits under `mask` are `bits`.
fn only_if(argument: u8, mask: u64, bits: u64) -> Result<Vec<SeccompRule>, Error> {
    Ok(vec![rule(argument, SeccompCmpOp::MaskedEq(mask), bits)?])
}

fn rule(argument: u8, operator: SeccompCmpOp, value: u64) -> Result<SeccompRule, Error> {
    // The lower half: the kernel takes `int` arguments without looking at the upper one.
    let condition =
        SeccompCondition::new(argument, SeccompCmpArgLen::Dword, operator, value).map_err(Error::Backend)?;
    SeccompRule::new(vec![condition]).map_err(Error::Backend)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_list_holds_what_harms_others() {
        let harmful = [
            libc::SYS_ptrace,
            libc::SYS_process_vm_writev,
            libc::SYS_mount,
            libc::SYS_umount2,
            libc::SYS_pivot_root,
            libc::SYS_unshare,
            libc::SYS_setns,
            libc::SYS_bpf,
            libc::SYS_init_module,
            libc::SYS_kexec_load,
            libc::SYS_reboot,
            libc::SYS_keyctl,
            libc::SYS_userfaultfd,
            libc::SYS_io_uring_setup,
            libc::SYS_clock_settime,
            libc::SYS_settimeofday,
            libc::SYS_setuid,
            libc::SYS_kill,
            libc::SYS_perf_event_open,
        ];
        let known = known().expect("rules");
        for call in harmful {
            assert!(!known.contains_key(&(call as i64)), "{call}");
        }
    }

    #[test]
    fn the_filters_fit_the_kernel() {
        let filters = filters().expect("this processor is known");
        // BPF_MAXINSNS of linux/bpf_common.h.
        for filter in [filters.known, filters.no_clone3, filters.no_program] {
            assert!(filter.len() <= 4096, "{} steps", filter.len());
        }
    }
}
