//! The configuration from outside: files in, settings or sentences out.

mod bad;
mod good;
mod layers;
mod output;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

use linewatch_probe::route::Gateways;

use super::*;

/// A directory with a configuration in it, loaded with nothing else around.
struct Bench {
    dir: tempfile::TempDir,
    options: LoadOptions,
}

impl Bench {
    fn new(text: &str) -> Self {
        let bench = Self::empty();
        std::fs::write(bench.dir.path().join("linewatch.toml"), text).expect("write the configuration");
        bench
    }

    fn empty() -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let options = LoadOptions {
            explicit: None,
            cwd: dir.path().to_owned(),
            environment: environment(&[]),
            data_dir: Some(PathBuf::from("data")),
            listen: None,
            targets: Vec::new(),
            built_in: None,
            web_text: None,
            operator: Operator::OnDisk,
        };
        Self { dir, options }
    }

    fn web(mut self, text: &str) -> Self {
        self.options.web_text = Some(text.to_owned());
        self
    }

    fn built_in(mut self) -> Self {
        let gateways = Gateways {
            v4: Some(std::net::IpAddr::from([192, 0, 2, 1]).into()),
            has_v4_route: true,
            ..Gateways::default()
        };
        self.options.built_in = Some(BuiltIn {
            gateways,
            is_icmp_v4_permitted: true,
            is_icmp_v6_permitted: true,
        });
        self
    }

    #[track_caller]
    fn load(&self) -> Loaded {
        match load(&self.options) {
            Ok(loaded) => loaded,
            Err(errors) => panic!("{errors}"),
        }
    }

    /// What a person reads, without the directory of the test.
    #[track_caller]
    fn errors(&self) -> String {
        let errors = load(&self.options).expect_err("mistakes");
        errors
            .to_string()
            .replace(&format!("{}/", self.dir.path().display()), "")
    }

    fn ids(&self) -> Vec<String> {
        self.load()
            .settings
            .targets
            .iter()
            .map(|target| target.target.slug.clone())
            .collect()
    }
}

fn environment(pairs: &[(&str, &str)]) -> Environment {
    Environment(
        pairs
            .iter()
            .map(|(name, value)| (OsString::from(name), OsString::from(value)))
            .collect::<BTreeMap<_, _>>(),
    )
}
