//! Puts commit and date into `--version`, where the sources come with their history.
//!
//! Without git (a source archive) the version stands alone: the build needs nothing but Rust and a C compiler.

fn main() {
    println!("cargo::rerun-if-changed=../../.git/HEAD");
    println!("cargo::rerun-if-changed=../../.git/logs/HEAD");
    let version = std::env::var("CARGO_PKG_VERSION").unwrap_or_default();
    let full = git(&["log", "-1", "--format=%h %cs"])
        .map_or(version.clone(), |commit| format!("{version} ({commit})"));
    println!("cargo::rustc-env=LINEWATCH_VERSION={full}");
}

#[expect(clippy::disallowed_methods, reason = "at build time, not in the program")]
fn git(args: &[&str]) -> Option<String> {
    let output = std::process::Command::new("git").args(args).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?.trim().to_owned();
    (output.status.success() && !text.is_empty()).then_some(text)
}
