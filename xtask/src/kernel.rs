//! Runs the tests against the real kernel: the built binary in network namespaces made for it.

use anyhow::Result;

use crate::run;

pub(crate) fn run() -> Result<()> {
    if !run::require(
        run::is_root()?,
        "root (for network namespaces)",
        "the real-kernel suite",
    )? {
        return Ok(());
    }
    let has_tun = std::path::Path::new("/dev/net/tun").exists();
    if !run::require(has_tun, "/dev/net/tun", "the real-kernel suite")? {
        return Ok(());
    }
    if !run::require(
        run::has("ip"),
        "the `ip` command (package iproute2)",
        "the real-kernel suite",
    )? {
        return Ok(());
    }
    run::cargo(&["build", "--package", "linewatch", "--locked"])?;
    // One at a time: these tests measure time, and two of them on two cores measure each other.
    if run::has("cargo-nextest") {
        run::cargo(&[
            "nextest",
            "run",
            "--package",
            "linewatch-e2e",
            "--locked",
            "--test-threads",
            "1",
        ])
    } else {
        run::cargo(&[
            "test",
            "--package",
            "linewatch-e2e",
            "--locked",
            "--",
            "--test-threads",
            "1",
        ])
    }
}
