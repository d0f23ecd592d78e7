//! What a confined process can no longer do, shown by one that tries: each test runs itself again as a process of its own.

use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Command, Output};
use std::sync::mpsc;

use super::*;

const CHILD: &str = "LINEWATCH_TEST_CONFINED";
const DIR: &str = "LINEWATCH_TEST_DIR";

/// Runs `what` of [`a_confined_process`] in a process of its own.
#[expect(
    clippy::disallowed_methods,
    reason = "confinement is for good: the test needs a process of its own"
)]
fn confined(what: &str) -> Output {
    // Made and removed here: a confined process can do neither.
    let dir = tempfile::tempdir().expect("a directory");
    Command::new(std::env::current_exe().expect("the test itself"))
        .args([
            "--exact",
            "privilege::confine::tests::a_confined_process",
            "--ignored",
            "--nocapture",
        ])
        .env(CHILD, what)
        .env(DIR, dir.path())
        .output()
        .expect("a process")
}

fn check(what: &str) {
    let output = confined(what);
    let told = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{what}: {told}");
}

/// Three threads that wait, before the confinement; afterwards each tells its status.
fn with_threads(confine: impl FnOnce()) -> Vec<String> {
    let (tell, told) = mpsc::channel();
    let doors: Vec<_> = (0..3)
        .map(|_| {
            let (open, opened) = mpsc::channel::<()>();
            let tell = tell.clone();
            let thread = std::thread::spawn(move || {
                assert!(opened.recv().is_err(), "the door opens once");
                let status = std::fs::read_to_string("/proc/thread-self/status").expect("proc");
                tell.send(status).expect("somebody listens");
            });
            (open, thread)
        })
        .collect();
    confine();
    for (open, thread) in doors {
        drop(open);
        thread.join().expect("no panic");
    }
    drop(tell);
    told.iter().collect()
}

#[test]
#[ignore = "a part of the tests below, which run it in a process of its own"]
fn a_confined_process() {
    let dir = std::path::PathBuf::from(std::env::var_os(DIR).expect("a directory"));
    let ours = dir.join("ours");
    let places = Places {
        read: vec![],
        write: vec![ours.clone()],
    };
    std::fs::create_dir(&ours).expect("made");
    let service = || confine(Depth::Service(&places)).expect("confined");
    match std::env::var(CHILD).expect("what to try").as_str() {
        "threads" => {
            for status in with_threads(|| drop(service())) {
                assert_eq!(kept(&status, false), None);
                assert!(status.contains("Seccomp:\t2"), "{status}");
            }
        }
        "program" => {
            service();
            run_something();
        }
        "program of a command" => {
            confine(Depth::Command).expect("confined");
            run_something();
        }
        "work" => {
            service();
            std::fs::write(ours.join("a"), "x").expect("our own file");
            std::fs::rename(ours.join("a"), ours.join("b")).expect("renamed");
            std::thread::spawn(|| ()).join().expect("a thread");
            let listener = TcpListener::bind("127.0.0.1:0").expect("a socket");
            TcpStream::connect(listener.local_addr().expect("bound")).expect("a connection");
            UdpSocket::bind("[::]:0").expect("a datagram socket");
        }
        "files" => {
            let held = service();
            let outside = dir.join("x");
            if held.contains("own files only") {
                let error = std::fs::write(&outside, "x").expect_err("outside");
                assert_eq!(error.kind(), std::io::ErrorKind::PermissionDenied);
            }
        }
        "calls" => {
            service();
            let refused = packet_socket();
            assert_eq!(refused, Some(libc::EPERM), "a packet socket");
        }
        other => panic!("{other}"),
    }
}

/// Why there is none of a family that no monitor needs.
fn packet_socket() -> Option<i32> {
    let packet = socket2::Domain::from(libc::AF_PACKET);
    let made = socket2::Socket::new(packet, socket2::Type::DGRAM, None);
    made.err().and_then(|error| error.raw_os_error())
}

/// There is no child, or it ended before it became another program.
#[expect(clippy::disallowed_methods, reason = "what must end the process")]
fn run_something() {
    match Command::new("/bin/true").status() {
        Ok(status) => assert_eq!(status.signal(), Some(libc::SIGSYS), "{status}"),
        Err(error) => assert_eq!(error.raw_os_error(), Some(libc::EPERM), "{error}"),
    }
}

#[test]
fn threads_that_were_there_before_lose_everything_too() {
    check("threads");
}

#[test]
fn a_confined_process_still_does_its_work() {
    check("work");
}

#[test]
fn a_file_elsewhere_cannot_be_made() {
    check("files");
}

#[test]
fn a_socket_of_another_family_is_refused() {
    check("calls");
}

#[test]
fn whoever_starts_a_program_ends() {
    check("program");
    check("program of a command");
}

#[test]
fn a_kept_privilege_is_found_by_its_line() {
    let clean =
        "Name:\tx\nCapInh:\t0000000000000000\nCapEff:\t0000000000000000\nCapBnd:\t00002000\nNoNewPrivs:\t1\n";
    assert_eq!(kept(clean, false), None);
    let dirty = clean.replace("CapEff:\t0000000000000000", "CapEff:\t0000000000002000");
    assert_eq!(kept(&dirty, false), Some("CapEff:\t0000000000002000"));
    assert_eq!(kept("NoNewPrivs:\t0", false), Some("NoNewPrivs:\t0"));
    assert_eq!(kept("NoNewPrivs:\t0", true), None, "nobody could ask it");
    assert!(kept(&dirty, true).is_some(), "a capability is nobody's");
}
