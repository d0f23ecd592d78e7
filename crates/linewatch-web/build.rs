//! Packs the page into the program: every file of `web/` with its gzip twin, its hash and its media type.
//!
//! One hash over all files names the folder they are served under (`/a/HASH/`), so that a page never mixes
//! two versions. `index.html` says `/a/dev/…`; `dev` is replaced here. Tests and tools of the page stay out.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest, Sha256};

fn main() -> io::Result<()> {
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").ok_or(io::ErrorKind::NotFound)?).join("web");
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or(io::ErrorKind::NotFound)?);
    println!("cargo::rerun-if-changed=build.rs");
    let mut paths = Vec::new();
    collect(&root, &root, &mut paths)?;
    paths.sort();

    let mut whole = Sha256::new();
    for path in &paths {
        whole.update(path.as_bytes());
        whole.update([0]);
        whole.update(fs::read(root.join(path))?);
    }
    let hash = hex(&whole.finalize())[..16].to_owned();

    let mut list = format!("const HASH: &str = {hash:?};\nstatic FILES: &[File] = &[\n");
    for (index, path) in paths.iter().enumerate() {
        let mut bytes = fs::read(root.join(path))?;
        if path == "index.html" {
            bytes = String::from_utf8_lossy(&bytes)
                .replace("/a/dev/", &format!("/a/{hash}/"))
                .into_bytes();
        }
        let (plain, packed) = (out.join(format!("{index}.bin")), out.join(format!("{index}.gz")));
        fs::write(&plain, &bytes)?;
        let mut encoder = GzEncoder::new(fs::File::create(&packed)?, Compression::best());
        encoder.write_all(&bytes)?;
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
