//! Says of each platform how far it was proved here: "run", "compiled" or "checked", and nothing more than that.
//!
//! Linux is run by the other chores; here the static program serves in a root that holds nothing else, and the one for
//! aarch64 runs emulated. Windows is built with mingw and, where wine is, watches, records and serves. macOS cannot be
//! linked without Apple's SDK: it is checked, the store too where a C compiler for it is named.

mod serving;
mod wine;

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::run;

const WINDOWS: &str = "x86_64-pc-windows-gnu";
const ARM: &str = "aarch64-unknown-linux-musl";
const MACOS: &str = "aarch64-apple-darwin";
/// Where the cc crate looks for a C compiler that makes objects for macOS.
const MACOS_CC: &str = "CC_aarch64_apple_darwin";
const MINGW_CC: &str = "x86_64-w64-mingw32-gcc";
/// Nothing is measured for speed here, and without optimisation it is built in a third of the time.
const QUICKLY: [&str; 5] = [
    "--package",
    "linewatch",
    "--locked",
    "--config",
    "profile.dev.package.\"*\".opt-level=0",
];

/// A platform's short name, what its line begins with, and what proves it.
type Part = (&'static str, fn() -> String, fn() -> Result<String>);

const PARTS: [Part; 4] = [
    (
        "static",
        || "linux, static, in an empty root".to_owned(),
        empty_root,
    ),
    ("aarch64", || format!("linux ({ARM})"), arm),
    ("windows", || format!("windows ({WINDOWS})"), windows),
    ("macos", || format!("macos ({MACOS})"), macos),
];

/// Those named, else all. Each is told as soon as it is known: the next one's build takes minutes.
pub(crate) fn run(words: &[String]) -> Result<()> {
    let names: Vec<_> = PARTS.iter().map(|(name, ..)| *name).collect();
    if let Some(other) = words.iter().find(|word| !names.contains(&word.as_str())) {
        bail!(
            "there is no platform \"{other}\" here; there are {}",
            names.join(", ")
        );
    }
    let mut lines = vec![format!("{}: run by `cargo xtask test`", std::env::consts::OS)];
    for (name, title, prove) in PARTS {
        if words.is_empty() || words.iter().any(|word| word == name) {
            let line = format!("{}: {}", title(), prove()?);
            run::say(&line);
            lines.push(line);
        }
    }
    run::say(&lines.join("\n"));
    Ok(())
}

fn windows() -> Result<String> {
    if !run::require(
        has_target(WINDOWS)?,
        &format!("the Rust target {WINDOWS}"),
        "Windows",
    )? {
        return Ok("not looked at".to_owned());
    }
    // The C compiler is SQLite's and the linker.
    if !run::require(
        run::has(MINGW_CC),
        "mingw (package gcc-mingw-w64-x86-64)",
        "Windows",
    )? {
        clippy(&WITHOUT_C, WINDOWS)?;
        return Ok("checked, without store, page and program: no mingw".to_owned());
    }
    clippy(&["--package", "linewatch"], WINDOWS)?;
    let program = build("build", WINDOWS, "linewatch.exe")?;
    if !run::require(run::has("wine"), "wine", "Windows' program")? {
        return Ok("compiled, not run: no wine".to_owned());
    }
    let double_click = wine::prove(&program)?;
    Ok(format!(
        "run under wine (TCP and ICMP to this computer, a session recorded, the page served, orderly stops when the window is \
         closed, at log-off and at shutdown{double_click}); not on Windows itself, ICMPv6 compiled only"
    ))
}

/// The static program, alone in a directory that it takes for the root; of the kernel's own it needs `/proc`, as every container has it.
fn empty_root() -> Result<String> {
    let target = run::host()?.replace("-linux-gnu", "-linux-musl");
    let what = "the program in an empty root";
    let is_ready = run::require(has_target(&target)?, &format!("the Rust target {target}"), what)?
        && run::require(run::has("musl-gcc"), "musl-gcc (package musl-tools)", what)?
        && run::require(run::is_root()?, "root, for chroot", what)?;
    if !is_ready {
        return Ok("not looked at".to_owned());
    }
    let program = build("build", &target, "linewatch")?;
    let root = fresh(&program, "empty-root")?;
    copy(&program, &root.join("linewatch"))?;
    fs::create_dir(root.join("proc")).context("make the place of /proc")?;
    let mut program = serving::bounded("unshare", &root);
    let start = "mount -t proc proc proc && exec chroot . /linewatch \"$@\"";
    program.args(["--mount", "sh", "-c", start, "linewatch"]);
    Ok(format!("run, served: {}", serving::answers(program, "/data")?))
}

/// By zig's C compiler and linker; run by qemu where that is.
fn arm() -> Result<String> {
    let what = "the program for aarch64";
    let is_ready = run::require(has_target(ARM)?, &format!("the Rust target {ARM}"), what)?
        && run::require(
            run::has("cargo-zigbuild"),
            "cargo-zigbuild (PyPI: cargo-zigbuild, ziglang)",
            what,
        )?;
    if !is_ready {
        return Ok("not looked at".to_owned());
    }
    let program = build("zigbuild", ARM, "linewatch")?;
    let emulators = ["qemu-aarch64", "qemu-aarch64-static"];
    let emulator = emulators.into_iter().find(|name| run::has(name));
    if !run::require(emulator.is_some(), "qemu-user", what)? {
        return Ok("compiled, not run: no qemu-user".to_owned());
    }
    let emulator = emulator.unwrap_or_default();
    let dir = fresh(&program, "emulated")?;
    let start = || {
        // The emulator's own thread cannot be asked to give up anything: it has nothing from the start.
        let mut command = serving::bounded("setpriv", &dir);
        command.args(["--inh-caps=-all", "--bounding-set=-all", emulator]);
        command.arg(&program);
        command
    };
    let mut version = start();
    version.arg("--version");
    let version = run::output(version)?;
    watch(start, &["tcp"])?;
    Ok(format!(
        "{} run by {emulator} (TCP to this computer), served: {}; not on a processor of its kind",
        version.trim(),
        serving::answers(start(), "data")?
    ))
}

fn macos() -> Result<String> {
    if !run::require(has_target(MACOS)?, &format!("the Rust target {MACOS}"), "macOS")? {
        return Ok("not looked at".to_owned());
    }
    let skipped = "macOS' store, page and program";
    if run::require(
        std::env::var_os(MACOS_CC).is_some(),
        &format!("a C compiler in {MACOS_CC}"),
        skipped,
    )? {
        clippy(&["--package", "linewatch"], MACOS)?;
        return Ok("checked, not linked and not run: that needs a Mac".to_owned());
    }
    clippy(&WITHOUT_C, MACOS)?;
    Ok(format!(
        "checked, without store, page and program: no C compiler in {MACOS_CC}"
    ))
}

/// The crates that need no C compiler.
const WITHOUT_C: [&str; 6] = [
    "--package",
    "linewatch-core",
    "--package",
    "linewatch-probe",
    "--package",
    "linewatch-render",
];

fn clippy(packages: &[&str], target: &str) -> Result<()> {
    let rest = ["--locked", "--target", target, "--", "-D", "warnings"];
    run::cargo(&[&["clippy"], packages, &rest].concat())
}

/// Whether the standard library of `target` is installed.
fn has_target(target: &str) -> Result<bool> {
    let mut rustc = run::tool("rustc", &run::root());
    rustc.args(["--print", "target-libdir", "--target", target]);
    let dir = run::output(rustc)?;
    Ok(Path::new(dir.trim()).is_dir())
}

/// Builds the program for `target` and gives where it lies.
fn build(how: &str, target: &str, name: &str) -> Result<PathBuf> {
    run::cargo(&[&[how, "--target", target], &QUICKLY[..]].concat())?;
    Ok(run::target_dir().join(target).join("debug").join(name))
}

/// An empty directory beside the program.
fn fresh(program: &Path, name: &str) -> Result<PathBuf> {
    let dir = program.with_file_name(name);
    if dir.exists() {
        fs::remove_dir_all(&dir).with_context(|| format!("empty {}", dir.display()))?;
    }
    fs::create_dir_all(&dir).with_context(|| format!("make {}", dir.display()))?;
    Ok(dir)
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::copy(from, to)
        .map(drop)
        .with_context(|| format!("copy {} to {}", from.display(), to.display()))
}

/// Three probes by each way to this computer, all answered.
fn watch(start: impl Fn() -> Command, ways: &[&str]) -> Result<()> {
    // The kernel shakes hands for a listener by itself: nobody needs to accept.
    let listener = TcpListener::bind(("127.0.0.1", 0)).context("listen on a port")?;
    let port = listener.local_addr().context("listen on a port")?.port();
    for way in ways {
        let target = match *way {
            "tcp" => format!("127.0.0.1:{port}"),
            _ => "icmp://127.0.0.1".to_owned(),
        };
        let mut program = start();
        program.args(["watch", &target, "--count", "3", "--json"]);
        run::say(&format!("+ watch {target} --count 3 --json"));
        let printed = run::output(program)?;
        if !printed.contains("\"replied\":3") {
            bail!("it heard no three replies of {target}:\n{printed}");
        }
    }
    Ok(())
}

/// A second at a hundred probes: the folder with its files.
fn record(start: impl Fn() -> Command, dir: &Path) -> Result<()> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).context("listen on a port")?;
    let port = listener.local_addr().context("listen on a port")?.port();
    let out = dir.join("recorded");
    fs::create_dir_all(&out).with_context(|| format!("make {}", out.display()))?;
    let mut program = start();
    program.args(["record", &format!("tcp://127.0.0.1:{port}")]);
    program.args(["--interval", "10ms", "--duration", "2s", "--out", "recorded"]);
    run::say("+ record --interval 10ms --duration 2s --out recorded");
    let printed = run::output(program)?;
    let sessions = fs::read_dir(&out)?.collect::<std::io::Result<Vec<_>>>()?;
    let [session] = sessions.as_slice() else {
        bail!(
            "{} folders instead of one in {}:\n{printed}",
            sessions.len(),
            out.display()
        );
    };
    for name in ["averages_per_second.txt", "packetloss.txt"] {
        let path = session.path().join(name);
        let bytes = fs::metadata(&path)
            .with_context(|| format!("look at {}", path.display()))?
            .len();
        if bytes == 0 {
            bail!("{} is empty", path.display());
        }
    }
    Ok(())
}
