//! Says of each platform how far it was proved here: "run", "compiled" or "checked", and nothing more than that.
//!
//! Linux is run by the other chores. Windows is built with mingw and, where wine is, watches a port of this computer.
//! macOS cannot be linked without Apple's SDK: it is checked, the store too where a C compiler for it is named.

use std::io::Write as _;
use std::net::TcpListener;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::run;

const WINDOWS: &str = "x86_64-pc-windows-gnu";
const MACOS: &str = "aarch64-apple-darwin";
/// Where the cc crate looks for a C compiler that makes objects for macOS.
const MACOS_CC: &str = "CC_aarch64_apple_darwin";
const MINGW_CC: &str = "x86_64-w64-mingw32-gcc";
/// wine 8 has no bcryptprimitives.dll, from which Rust takes its random numbers; Windows has had it since 7.
const SHIM: &str = "bcryptprimitives.dll";
const SHIM_SOURCE: &str = include_str!("platforms/processprng.c");

pub(crate) fn run() -> Result<()> {
    let lines = [
        format!("{}: run by `cargo xtask test`", std::env::consts::OS),
        format!("windows ({WINDOWS}): {}", windows()?),
        format!("macos ({MACOS}): {}", macos()?),
    ];
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
        clippy(&WITHOUT_STORE, WINDOWS)?;
        return Ok("checked, without the store and the program: no mingw".to_owned());
    }
    clippy(&["--package", "linewatch"], WINDOWS)?;
    run::cargo(&["build", "--package", "linewatch", "--locked", "--target", WINDOWS])?;
    if !run::require(run::has("wine"), "wine", "Windows' program")? {
        return Ok("compiled, not run: no wine".to_owned());
    }
    let target_dir =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| run::root().join("target"), PathBuf::from);
    watch_under_wine(&target_dir.join(WINDOWS).join("debug"))?;
    Ok(
        "run under wine (TCP and ICMP to this computer); not on Windows itself, ICMPv6 compiled only"
            .to_owned(),
    )
}

fn macos() -> Result<String> {
    if !run::require(has_target(MACOS)?, &format!("the Rust target {MACOS}"), "macOS")? {
        return Ok("not looked at".to_owned());
    }
    let skipped = "macOS' store and program";
    if run::require(
        std::env::var_os(MACOS_CC).is_some(),
        &format!("a C compiler in {MACOS_CC}"),
        skipped,
    )? {
        clippy(&["--package", "linewatch"], MACOS)?;
        return Ok("checked, not linked and not run: that needs a Mac".to_owned());
    }
    clippy(&WITHOUT_STORE, MACOS)?;
    Ok(format!(
        "checked, without the store and the program: no C compiler in {MACOS_CC}"
    ))
}

/// The crates that need no C compiler.
const WITHOUT_STORE: [&str; 8] = [
    "--package",
    "linewatch-core",
    "--package",
    "linewatch-probe",
    "--package",
    "linewatch-render",
    "--package",
    "linewatch-web",
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

/// Runs the program in a directory of its own: three handshakes with a port of ours, three pings to this computer.
fn watch_under_wine(built: &Path) -> Result<()> {
    let dir = built.join("wine");
    std::fs::create_dir_all(&dir).with_context(|| format!("make {}", dir.display()))?;
    std::fs::copy(built.join("linewatch.exe"), dir.join("linewatch.exe")).context("copy linewatch.exe")?;
    let source = dir.join("processprng.c");
    let mut file = std::fs::File::create(&source).context("write the shim")?;
    file.write_all(SHIM_SOURCE.as_bytes()).context("write the shim")?;
    let mut compiler = run::tool(MINGW_CC, &dir);
    run::run({
        compiler.args(["-shared", "-O1", "-o", SHIM, "processprng.c", "-ladvapi32"]);
        compiler
    })?;
    // The kernel shakes hands for a listener by itself: nobody needs to accept.
    let listener = TcpListener::bind(("127.0.0.1", 0)).context("listen on a port")?;
    let port = listener.local_addr().context("listen on a port")?.port();
    for target in [format!("127.0.0.1:{port}"), "127.0.0.1".to_owned()] {
        let mut wine = run::tool("wine", &dir);
        wine.args(["linewatch.exe", "watch", &target, "--count", "3", "--json"]);
        // A prefix of our own: nobody's settings are read or made.
        wine.env("WINEPREFIX", dir.join("prefix"))
            .env("WINEDEBUG", "-all");
        run::say(&format!("+ wine linewatch.exe watch {target} --count 3 --json"));
        let printed = run::output(wine)?;
        if !printed.contains("\"replied\":3") {
            bail!("linewatch.exe heard no three replies of {target}:\n{printed}");
        }
    }
    Ok(())
}
