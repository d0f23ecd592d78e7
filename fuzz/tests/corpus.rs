//! Replays the corpora: every input that once taught the fuzzer something, and every one that once broke a claim.

use std::path::Path;

use linewatch_fuzz::TARGETS;

/// Files of one corpus and bytes of one file: enough to reach what is known to be reachable, small enough to keep.
const FILES: usize = 64;
const FILE_BYTES: u64 = 16 * 1024;

#[test]
fn every_kept_input_keeps_every_claim() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    for (name, target) in TARGETS {
        let mut files: Vec<_> = std::fs::read_dir(folder.join(name))
            .unwrap_or_else(|error| panic!("the corpus of {name}: {error}"))
            .map(|entry| entry.expect("an entry of a corpus").path())
            .collect();
        files.sort();
        assert!(
            (1..=FILES).contains(&files.len()),
            "{name} has {} files",
            files.len()
        );
        for file in files {
            let bytes = std::fs::read(&file).expect("a file of a corpus");
            assert!(bytes.len() as u64 <= FILE_BYTES, "{} is too long", file.display());
            // The name of the file comes before the panic's own words.
            let result = std::panic::catch_unwind(|| target(&bytes));
            assert!(result.is_ok(), "{} breaks a claim of {name}", file.display());
        }
    }
}

#[test]
fn every_corpus_has_its_target() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    for entry in std::fs::read_dir(folder).expect("the corpora") {
        let name = entry.expect("a corpus").file_name();
        assert!(
            TARGETS.iter().any(|(target, _)| name == *target),
            "{name:?} has no target"
        );
    }
}
