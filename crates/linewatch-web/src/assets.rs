//! Serves the page's files: from inside the program, or from a folder while somebody works on them.
//!
//! Inside, `index.html` points at `/a/HASH/…`, where HASH is over all files: those never change and are kept
//! for a year; `index.html` itself is asked for again each time. From a folder the word is `dev` and nothing
//! is kept. Not here: which addresses are pages (`routes`).

use std::path::{Path, PathBuf};

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};

use crate::respond::{Answer, Refusal, answer};

include!(concat!(env!("OUT_DIR"), "/files.rs"));

/// One file of the page.
struct File {
    path: &'static str,
    etag: &'static str,
    plain: &'static [u8],
    gzip: &'static [u8],
}

/// The word in place of the hash in `index.html` as written, and while serving from a folder.
const DEV: &str = "dev";
/// No language is configured: the browser's.
const AUTO: &str = "auto";
/// How `index.html` as written tells the page the configured language.
const LANGUAGE: &str = "data-language=\"auto\"";
/// A year, and never to be asked again: the address changes with the content.
const FOREVER: &str = "public, max-age=31536000, immutable";
/// Kept, but asked for each time.
const ASK: &str = "no-cache";

/// The page's files.
#[derive(Debug)]
pub(crate) struct Assets {
    folder: Option<PathBuf>,
    /// Without a final slash: empty at the root.
    base: String,
    /// `en`, `id` or `auto`.
    language: String,
}

impl Assets {
    /// Files for a page under `base` in `language`; from `folder` if there is one.
    pub(crate) fn new(folder: Option<PathBuf>, base: &str, language: &str) -> Self {
        Self {
            folder,
            base: base.to_owned(),
            language: language.to_owned(),
        }
    }

    /// The shell of every page.
    pub(crate) async fn index(&self, headers: &HeaderMap) -> Result<Answer, Refusal> {
        if let Some(folder) = &self.folder {
            let text = String::from_utf8_lossy(&read(&folder.join("index.html")).await?).into_owned();
            return Ok(answer(
                StatusCode::OK,
                media_type("index.html"),
                ASK,
                Body::from(self.settled(text)),
            ));
        }
        let file = find("index.html")?;
        if self.base.is_empty() && self.language == AUTO {
            return Ok(embedded(file, headers, ASK));
        }
        // Small enough to go out unpacked: only a page behind a proxy's path or with a language of its own comes here.
        let text = self.settled(String::from_utf8_lossy(file.plain).into_owned());
        Ok(answer(
            StatusCode::OK,
            media_type(file.path),
            ASK,
            Body::from(text),
        ))
    }

    /// The file at `path` of the version `hash`. The router lets only plain segments through.
    pub(crate) async fn file(&self, hash: &str, path: &str, headers: &HeaderMap) -> Result<Answer, Refusal> {
        match &self.folder {
            Some(folder) if hash == DEV => {
                let bytes = read(&folder.join(path)).await?;
                Ok(answer(StatusCode::OK, media_type(path), ASK, Body::from(bytes)))
            }
            None if hash == HASH => Ok(embedded(find(path)?, headers, FOREVER)),
            Some(_) | None => Err(missing()),
        }
    }

    /// The shell as these settings want it.
    fn settled(&self, text: String) -> String {
        let text = self.rebase(text);
        if self.language == AUTO {
            text
        } else {
            text.replace(LANGUAGE, &format!("data-language=\"{}\"", self.language))
        }
    }

    fn rebase(&self, text: String) -> String {
        if self.base.is_empty() {
            text
        } else {
            text.replace("\"/a/", &format!("\"{}/a/", self.base))
        }
    }
}

fn find(path: &str) -> Result<&'static File, Refusal> {
    FILES.iter().find(|file| file.path == path).ok_or_else(missing)
}

async fn read(path: &Path) -> Result<Bytes, Refusal> {
    let path = path.to_owned();
    let bytes = tokio::task::spawn_blocking(move || std::fs::read(path)).await;
    bytes
        .ok()
        .and_then(Result::ok)
        .map(Bytes::from)
        .ok_or_else(missing)
}

fn missing() -> Refusal {
    Refusal::not_found("this version of the page has no such file; reload the page")
}

fn embedded(file: &'static File, headers: &HeaderMap, cache: &'static str) -> Answer {
    let is_known = listed(headers, header::IF_NONE_MATCH, |etag| {
        etag.trim_start_matches("W/") == file.etag
    });
    let takes_gzip = listed(headers, header::ACCEPT_ENCODING, |coding| {
        let mut parts = coding.split(';').map(str::trim);
        parts.next() == Some("gzip")
            && !parts.any(|part| matches!(part, "q=0" | "q=0.0" | "q=0.00" | "q=0.000"))
    });
    // Packing does not help what is packed already (pictures, fonts).
    let is_packed = takes_gzip && file.gzip.len() < file.plain.len();
    let body = match (is_known, is_packed) {
        (true, _) => Body::empty(),
        (false, true) => Body::from(file.gzip),
        (false, false) => Body::from(file.plain),
    };
    let status = if is_known {
        StatusCode::NOT_MODIFIED
    } else {
        StatusCode::OK
    };
    let mut answer = answer(status, media_type(file.path), cache, body);
    let answer_headers = answer.headers_mut();
    answer_headers.insert(header::ETAG, HeaderValue::from_static(file.etag));
    answer_headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    if is_packed && !is_known {
        answer_headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    answer
}

/// Whether a comma list in `headers` has an item that `matches`.
fn listed(headers: &HeaderMap, name: header::HeaderName, matches: impl Fn(&str) -> bool) -> bool {
    headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|item| matches(item.trim()))
}

/// By the end of the name; with `nosniff` a wrong word would be a broken page.
fn media_type(path: &str) -> &'static str {
    let name = path.rsplit('/').next().unwrap_or(path);
    match name.rsplit_once('.').map_or("txt", |(_, end)| end) {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" => "application/json",
        "webmanifest" => "application/manifest+json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_and_types_of_the_page_are_not_served() {
        assert!(FILES.iter().any(|file| file.path == "index.html"));
        for file in FILES {
            assert!(
                !file.path.ends_with(".test.js") && !file.path.ends_with(".d.ts"),
                "{}",
                file.path
            );
            assert!(!file.path.contains("node_modules"), "{}", file.path);
            assert_ne!(
                media_type(file.path),
                "application/octet-stream",
                "{}: name its media type",
                file.path
            );
        }
    }

    #[test]
    fn the_first_load_stays_in_budget() {
        let size = |path: &str| find(path).expect("embedded").gzip.len();
        let code = size("pack/main.js");
        let (style, words) = (
            size("pack/page.css"),
            size("i18n/en.json").max(size("i18n/id.json")),
        );
        let target = code + size("pack/pages-target.js") + size("vendor/uPlot.iife.min.js");
        // UI.md section 9; answers of the API are not counted, they grow with the fleet.
        assert!(target <= 75_000, "JS of a target {target}");
        assert!(style <= 12_000, "CSS {style}");
        let rest = size("index.html") + style + words;
        assert!(code + rest <= 100_000, "overview {}", code + rest);
        assert!(target + rest <= 100_000, "target {}", target + rest);
    }

    #[test]
    fn the_shell_asks_for_packed_files_and_the_plain_ones_stay() {
        let index = String::from_utf8_lossy(find("index.html").expect("embedded").plain).into_owned();
        assert_eq!(index.matches("rel=\"stylesheet\"").count(), 1, "{index}");
        for path in ["pack/page.css", "pack/main.js"] {
            assert!(index.contains(&format!("/a/{HASH}/{path}\"")), "{index}");
        }
        for path in ["app/main.js", "app/store.js", "css/tokens.css"] {
            find(path).expect("for reading");
        }
        let packed: Vec<_> = FILES
            .iter()
            .filter(|file| file.path.starts_with("pack/"))
            .collect();
        let made = packed
            .iter()
            .filter(|file| String::from_utf8_lossy(file.plain).contains("new Store()"));
        assert_eq!(made.count(), 1, "the store of the page exists once");
    }

    #[test]
    fn the_shell_points_at_the_version_and_below_the_base() {
        let index = String::from_utf8_lossy(find("index.html").expect("embedded").plain).into_owned();
        assert!(!index.contains("/a/dev/"), "{index}");
        let assets = Assets::new(None, "/line", AUTO);
        assert_eq!(
            assets.rebase("<script src=\"/a/x/app/main.js\">".to_owned()),
            "<script src=\"/line/a/x/app/main.js\">"
        );
    }

    #[test]
    fn the_shell_names_the_configured_language() {
        let index = || String::from_utf8_lossy(find("index.html").expect("embedded").plain).into_owned();
        assert!(Assets::new(None, "", AUTO).settled(index()).contains(LANGUAGE));
        let indonesian = Assets::new(None, "", "id").settled(index());
        assert!(indonesian.contains("data-language=\"id\"") && !indonesian.contains(LANGUAGE));
    }
}
