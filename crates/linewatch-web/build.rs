//! Puts the page into the program: every file of `web/` with its gzip twin, its hash and its media type, and beside them
//! the packed ones: the modules of the first view as one file, each later one as one more, the style sheets as one.
//!
//! One hash over all files names the folder they are served under (`/a/HASH/`), so that a page never mixes
//! two versions. `index.html` says `/a/dev/…` and the plain files; here it is pointed at the packed ones, which are made of
//! them without comments. The plain ones stay beside them, for reading. Tests and tools of the page stay out.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest, Sha256};

#[path = "build/pack.rs"]
mod pack;
#[path = "build/scan.rs"]
mod scan;

/// The shell of every page.
const SHELL: &str = "index.html";
/// The style sheets of the first view in one.
const SHEET: &str = "pack/page.css";
const SHEET_BEGIN: &str = "<link rel=\"stylesheet\" href=\"/a/dev/";
const SHEET_END: &str = "\">";
const SCRIPT: &str = "src=\"/a/dev/app/main.js\"";
const PACKED_SCRIPT: &str = "src=\"/a/dev/pack/main.js\"";

fn main() -> io::Result<()> {
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").ok_or(io::ErrorKind::NotFound)?).join("web");
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or(io::ErrorKind::NotFound)?);
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=build");
    let mut paths = Vec::new();
    collect(&root, &root, &mut paths)?;
    let mut files = BTreeMap::new();
    for path in paths {
        files.insert(path.clone(), fs::read(root.join(path))?);
    }
    pack_page(&mut files).map_err(io::Error::other)?;

    let mut whole = Sha256::new();
    for (path, bytes) in &files {
        whole.update(path.as_bytes());
        whole.update([0]);
        whole.update(bytes);
    }
    let hash = hex(&whole.finalize())[..16].to_owned();

    let mut list = format!("const HASH: &str = {hash:?};\nstatic FILES: &[File] = &[\n");
    for (index, (path, bytes)) in files.iter_mut().enumerate() {
        if path == SHELL {
            *bytes = String::from_utf8_lossy(bytes)
                .replace("/a/dev/", &format!("/a/{hash}/"))
                .into_bytes();
        }
        let (plain, packed) = (out.join(format!("{index}.bin")), out.join(format!("{index}.gz")));
        fs::write(&plain, &bytes)?;
        let mut encoder = GzEncoder::new(fs::File::create(&packed)?, Compression::best());
        encoder.write_all(bytes)?;
        encoder.finish()?;
        let etag = format!("\"{}\"", &hex(&Sha256::digest(&bytes))[..16]);
        writeln!(
            list,
            "File {{ path: {path:?}, etag: {etag:?}, plain: include_bytes!({plain:?}), gzip: include_bytes!({packed:?}) }},"
        )
        .map_err(io::Error::other)?;
    }
    list.push_str("];\n");
    fs::write(out.join("files.rs"), list)
}

/// Adds the packed files and points the shell at them.
fn pack_page(files: &mut BTreeMap<String, Vec<u8>>) -> Result<(), String> {
    let text = |path: &str| -> Result<String, String> {
        let bytes = files
            .get(path)
            .ok_or_else(|| format!("web/{path} is named but not there"))?;
        String::from_utf8(bytes.clone()).map_err(|_| format!("web/{path} is not UTF-8"))
    };
    let mut modules = BTreeMap::new();
    for path in files
        .keys()
        .filter(|path| path.starts_with("app/") && path.ends_with(".js"))
    {
        modules.insert(path.clone(), text(path)?);
    }
    let scripts = pack::pack(&modules).map_err(|why| format!("web/{why}"))?;

    let shell = text(SHELL)?;
    let mut sheet = String::new();
    let mut lines = Vec::new();
    for line in shell.lines() {
        let Some(path) = line
            .strip_prefix(SHEET_BEGIN)
            .and_then(|rest| rest.strip_suffix(SHEET_END))
        else {
            lines.push(line.to_owned());
            continue;
        };
        if sheet.is_empty() {
            lines.push(format!("{SHEET_BEGIN}{SHEET}{SHEET_END}"));
        }
        sheet += &scan::style(&text(path)?).map_err(|why| format!("web/{path}: {why}"))?;
        sheet.push('\n');
    }
    let shell = lines.join("\n") + "\n";
    if !shell.contains(SCRIPT) {
        return Err(format!("web/{SHELL}: `{SCRIPT}` is not there"));
    }
    files.insert(
        SHELL.to_owned(),
        shell.replace(SCRIPT, PACKED_SCRIPT).into_bytes(),
    );
    files.insert(SHEET.to_owned(), sheet.into_bytes());
    files.extend(scripts.into_iter().map(|(path, text)| (path, text.into_bytes())));
    Ok(())
}

/// Lists the files of the page, relative, with `/`.
fn collect(root: &Path, folder: &Path, paths: &mut Vec<String>) -> io::Result<()> {
    println!("cargo::rerun-if-changed={}", folder.display());
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with('.') || matches!(name.as_str(), "node_modules" | "test" | "tests") {
            continue;
        }
        let path = entry.path();
        if entry.file_type()?.is_dir() {
            collect(root, &path, paths)?;
        } else if is_part_of_page(&name) {
            println!("cargo::rerun-if-changed={}", path.display());
            let relative = path.strip_prefix(root).map_err(io::Error::other)?;
            paths.push(relative.to_string_lossy().replace('\\', "/"));
        }
    }
    Ok(())
}

/// Not the tests, the types and the settings of tools.
fn is_part_of_page(name: &str) -> bool {
    let is_tool = matches!(
        name,
        "package.json" | "package-lock.json" | "tsconfig.json" | "jsconfig.json"
    );
    let is_source = [".test.js", ".test.mjs", ".d.ts", ".md", ".map"]
        .iter()
        .any(|end| name.ends_with(end));
    !is_tool && !is_source
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
