//! Makes what people install: the manual and completions, the Debian package, the archive that `packaging/install.sh` takes.
//!
//! Out: `target/packaging`, whatever cargo's own target directory is. The program itself writes the manual and the completions,
//! so they never disagree with it. Not here: what the packages hold (`[package.metadata.deb]`, `packaging/`).

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::options::Options;
use crate::run;

/// Where a shell looks for its completions, and how its file is called there.
const SHELLS: [(&str, &str); 3] = [
    ("bash", "linewatch.bash"),
    ("zsh", "_linewatch"),
    ("fish", "linewatch.fish"),
];

/// What stands beside the program in an archive: file of the checkout, name in the archive.
const BESIDE: [(&str, &str); 7] = [
    ("README.md", "README.md"),
    ("CHANGELOG.md", "CHANGELOG.md"),
    ("LICENSE-MIT", "LICENSE-MIT"),
    ("LICENSE-APACHE", "LICENSE-APACHE"),
    ("linewatch.sample.toml", "linewatch.sample.toml"),
    ("packaging/linewatch.service", "linewatch.service"),
    ("packaging/linewatch.sysusers", "linewatch.sysusers"),
];

/// One program, built.
struct Built {
    target: String,
    profile: String,
    program: PathBuf,
    version: String,
}

/// `package deb` and `package tar`.
pub(crate) fn run(words: &[String]) -> Result<()> {
    let Some((what, rest)) = words.split_first() else {
        bail!("`cargo xtask package deb` and `package tar` are what there is");
    };
    let options = Options::read(rest, &["--target", "--profile"], &[])?;
    match what.as_str() {
        "deb" => deb(&build(&options)?),
        "tar" => tar(&build(&options)?),
        other => bail!("there is no package \"{other}\"; there are deb and tar"),
    }
}

fn packaging() -> PathBuf {
    run::root().join("target/packaging")
}

/// Builds the program, and has it write its manual and completions.
fn build(options: &Options) -> Result<Built> {
    let host = run::host()?;
    // Static where that is at hand: it needs no library of the system it is installed on.
    let default = host.replace("-linux-gnu", "-linux-musl");
    let target = options.text("--target").unwrap_or(&default).to_owned();
    let profile = options.text("--profile").unwrap_or("dist").to_owned();
    run::cargo(&[
        "build",
        "--package",
        "linewatch",
        "--locked",
        "--profile",
        &profile,
        "--target",
        &target,
    ])?;
    let name = if target.contains("windows") {
        "linewatch.exe"
    } else {
        "linewatch"
    };
    let folder = if profile == "dev" { "debug" } else { &profile };
    let program = run::target_dir().join(&target).join(folder).join(name);
    let version = version()?;
    words_of(&program, &target, &host)?;
    Ok(Built {
        target,
        profile,
        program,
        version,
    })
}

/// The program of another system cannot be run here: then the one of this computer says the same.
fn words_of(program: &Path, target: &str, host: &str) -> Result<()> {
    let of = |target: &str| {
        let mut parts = target.split('-');
        (parts.next().map(str::to_owned), target.contains("linux"))
    };
    let is_ours = of(target) == of(host) && target.contains("linux");
    let told = |args: &[&str]| {
        let mut command = if is_ours {
            run::tool(&program.display().to_string(), &run::root())
        } else {
            let mut cargo = run::tool(&run::cargo_name(), &run::root());
            cargo.args(["run", "--quiet", "--locked", "--package", "linewatch", "--"]);
            cargo
        };
        command.args(args);
        run::output(command)
    };
    let (man, completions) = (packaging().join("man"), packaging().join("completions"));
    for dir in [&man, &completions] {
        if dir.exists() {
            fs::remove_dir_all(dir).with_context(|| format!("empty {}", dir.display()))?;
        }
        fs::create_dir_all(dir).with_context(|| format!("make {}", dir.display()))?;
    }
    run::say(told(&["man", "--dir", &man.display().to_string()])?.trim_end());
    for (shell, file) in SHELLS {
        let path = completions.join(file);
        fs::write(&path, told(&["completions", shell])?)
            .with_context(|| format!("write {}", path.display()))?;
    }
    Ok(())
}

/// The version in the manifest of the program.
fn version() -> Result<String> {
    let mut cargo = run::tool(&run::cargo_name(), &run::root());
    cargo.args(["pkgid", "--package", "linewatch"]);
    let id = run::output(cargo)?;
    let version = id.trim().rsplit(['#', '@']).next().map(str::to_owned);
    version.context("cargo pkgid names no version")
}

fn deb(built: &Built) -> Result<()> {
    if !run::require(
        run::has("cargo-deb"),
        "cargo-deb (cargo install cargo-deb)",
        "the Debian package",
    )? {
        return Ok(());
    }
    let out = packaging().join("out");
    fs::create_dir_all(&out).with_context(|| format!("make {}", out.display()))?;
    run::cargo(&[
        "deb",
        "--no-build",
        "--no-strip",
        "--package",
        "linewatch",
        "--locked",
        "--profile",
        &built.profile,
        "--target",
        &built.target,
        "--output",
        &out.display().to_string(),
    ])
}

/// `linewatch-VERSION-TARGET.tar.gz` with one folder of that name, and its line in SHA256SUMS.
fn tar(built: &Built) -> Result<()> {
    let name = format!("linewatch-{}-{}", built.version, built.target);
    let out = packaging().join("out");
    let folder = out.join(&name);
    if folder.exists() {
        fs::remove_dir_all(&folder).with_context(|| format!("empty {}", folder.display()))?;
    }
    fs::create_dir_all(&folder).with_context(|| format!("make {}", folder.display()))?;
    let program = built
        .program
        .file_name()
        .context("the program has no file name")?;
    copy(&built.program, &folder.join(program))?;
    for (file, to) in BESIDE {
        copy(&run::root().join(file), &folder.join(to))?;
    }
    for part in ["man", "completions"] {
        let to = folder.join(part);
        fs::create_dir_all(&to).with_context(|| format!("make {}", to.display()))?;
        let from = packaging().join(part);
        for entry in fs::read_dir(&from).with_context(|| format!("read {}", from.display()))? {
            let entry = entry?;
            copy(&entry.path(), &to.join(entry.file_name()))?;
        }
    }
    let archive = format!("{name}.tar.gz");
    let mut tar = run::tool("tar", &out);
    // Nobody's user and group travel with it.
    tar.args([
        "--owner=0",
        "--group=0",
        "--numeric-owner",
        "-czf",
        &archive,
        &name,
    ]);
    run::run(tar)?;
    fs::remove_dir_all(&folder).with_context(|| format!("remove {}", folder.display()))?;
    let mut sum = run::tool("sha256sum", &out);
    sum.arg(&archive);
    let line = run::output(sum)?;
    let sums = out.join("SHA256SUMS");
    let others = fs::read_to_string(&sums).unwrap_or_default();
    let others = others.lines().filter(|line| !line.ends_with(&archive));
    let all: Vec<_> = others.chain([line.trim_end()]).collect();
    fs::write(&sums, all.join("\n") + "\n").with_context(|| format!("write {}", sums.display()))?;
    run::say(&format!("{}\n{}", out.join(&archive).display(), line.trim_end()));
    Ok(())
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::copy(from, to)
        .map(drop)
        .with_context(|| format!("copy {} to {}", from.display(), to.display()))
}
