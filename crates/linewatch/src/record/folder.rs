//! Makes the folder of a session, under a name that nobody else has.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use linewatch_core::spec::unique_slug;
use linewatch_render::session::{Facts, stem};
use linewatch_store::private_directory;

use crate::exit::UserError;
use crate::listen::plain;

/// Sessions that begin in one second at one place: more are a mistake.
const SAME_SECOND: u32 = 100;

/// Where the files of each target go.
#[derive(Clone, Debug)]
pub(crate) struct Folder {
    /// `session_20261121_165602`, as the person sees it.
    pub path: PathBuf,
    /// `session_20261121_165602.txt`.
    pub file: String,
    /// By target; the folder itself where there is one target only.
    pub targets: Vec<PathBuf>,
}

/// Makes `out` where it is missing, the session's folder in it, and one level more where there are several targets. Only its
/// owner may look into a session (SAFETY T16); `out` is as the umask says, for it may hold other things.
///
/// # Errors
///
/// What the file system says, and which folder.
pub(crate) fn make(out: &Path, all: &[Facts]) -> Result<Folder, UserError> {
    let first = all
        .first()
        .ok_or_else(|| UserError::usage("there is no target"))?;
    let stem = stem(first.started, &first.zone);
    let refused = |path: &Path, error: &io::Error| {
        UserError::failed(format!(
            "cannot make the session folder {}: {}",
            path.display(),
            plain(error)
        ))
        .help("choose a place that can be written:  --out DIR")
    };
    fs::create_dir_all(out).map_err(|error| refused(out, &error))?;
    let mut path = out.join(&stem);
    let mut number = 1;
    loop {
        match private_directory(&path) {
            Ok(()) => break,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && number < SAME_SECOND => {
                number += 1;
                path = out.join(format!("{stem}_{number}"));
            }
            Err(error) => return Err(refused(&path, &error)),
        }
    }
    let mut targets = Vec::new();
    if all.len() == 1 {
        targets.push(path.clone());
    } else {
        let mut taken: Vec<String> = Vec::new();
        for facts in all {
            let name = unique_slug(&facts.target, |slug| taken.iter().any(|other| other == slug));
            let folder = path.join(&name);
            private_directory(&folder).map_err(|error| refused(&folder, &error))?;
            targets.push(folder);
            taken.push(name);
        }
    }
    Ok(Folder {
        path,
        file: format!("{stem}.txt"),
        targets,
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use jiff::tz::TimeZone;
    use linewatch_core::time::WallTime;

    use super::*;

    fn facts(name: &str) -> Facts {
        Facts {
            target: name.to_owned(),
            host: name.to_owned(),
            port: None,
            protocol: "ICMP".to_owned(),
            interval: Duration::from_secs(1),
            timeout: Duration::from_millis(25),
            has_log: false,
            has_csv: false,
            loss_threshold: 0.3,
            max_seconds: 3600,
            zone: TimeZone::UTC,
            started: WallTime::from_nanos(1_795_254_962_000_000_000),
        }
    }

    #[test]
    fn sessions_of_one_second_have_folders_of_their_own() {
        let dir = tempfile::tempdir().expect("a directory");
        let out = dir.path().join("a/b");
        let first = make(&out, &[facts("gw")]).expect("made");
        let second = make(&out, &[facts("gw")]).expect("made");
        assert_eq!(first.path, out.join("session_20261121_095602"));
        assert_eq!(second.path, out.join("session_20261121_095602_2"));
        assert_eq!(second.file, "session_20261121_095602.txt");
    }

    #[test]
    fn several_targets_have_a_level_of_their_own_whatever_they_are_called() {
        let dir = tempfile::tempdir().expect("a directory");
        let made = make(dir.path(), &[facts("../up"), facts("../up"), facts("gw")]).expect("made");
        for folder in &made.targets {
            assert_eq!(folder.parent(), Some(made.path.as_path()));
            assert!(folder.is_dir());
        }
        assert_eq!(fs::read_dir(&made.path).expect("a folder").count(), 3);
    }

    #[cfg(unix)]
    #[test]
    fn a_session_is_closed_to_others_and_the_place_around_it_is_as_it_was() {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
        let dir = tempfile::tempdir().expect("a directory");
        let shared = dir.path().join("shared");
        fs::create_dir(&shared).expect("made");
        fs::set_permissions(&shared, fs::Permissions::from_mode(0o755)).expect("opened");
        let made = make(&shared, &[facts("a"), facts("b")]).expect("made");
        assert_eq!(mode(&shared), 0o755);
        assert_eq!(mode(&made.path), 0o700);
        assert!(made.targets.iter().all(|folder| mode(folder) == 0o700));
    }

    #[test]
    fn a_place_that_is_a_file_is_refused_with_its_name() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        let error = make(file.path(), &[facts("gw")])
            .expect_err("refused")
            .to_string();
        assert!(error.contains(&file.path().display().to_string()), "{error}");
        assert!(error.contains("--out DIR"), "{error}");
    }
}
