//! Loads the configuration: the operator's file, what the page changed, the command line, the built-in lines.
//!
//! Later layers win. All mistakes of all layers are collected; with any of them there are no settings, so that
//! a monitor never runs on half a configuration.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use linewatch_core::spec::TargetSpec;
use linewatch_core::target::Origin;
use toml::de::DeTable;

use super::builtin::{BUILT_IN_IDS, BuiltIn, drafts as built_in_drafts};
use super::error::{ConfigError, ConfigErrors, Mistake, Place, Report};
use super::locate::{Environment, config_file, data_dir};
use super::reader::{Node, Reader, Spot, Spots};
use super::settings::{Defaults, Settings};
use super::source::{Layer, Source};
use super::targets::{Draft, add_typed, identify, own_ids, read_operator, read_web};
use super::{check, convert, sections};
use crate::import;

/// Everything the configuration depends on.
#[derive(Clone, Debug, Default)]
pub struct LoadOptions {
    /// `--config`.
    pub explicit: Option<PathBuf>,
    /// The working directory.
    pub cwd: PathBuf,
    /// `LINEWATCH_CONFIG`, `LINEWATCH_DATA_DIR`, `LINEWATCH_LISTEN` and the directories of the system.
    pub environment: Environment,
    /// `--data-dir`.
    pub data_dir: Option<PathBuf>,
    /// `--listen`.
    pub listen: Option<String>,
    /// Targets of the command line.
    pub targets: Vec<TargetSpec>,
    /// `None`: no built-in lines, as for `check-config` of a file.
    pub built_in: Option<BuiltIn>,
    /// Judged instead of the `web.toml` on disk: a change is checked before it is written.
    pub web_text: Option<String>,
    /// Which operator's file is read.
    pub operator: Operator,
}

/// Where the operator's layer comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Operator {
    /// The named file, or the one that is found.
    #[default]
    OnDisk,
    /// As it was read before, by path and text; `None`: there was none.
    AsRead(Option<(PathBuf, String)>),
}

/// A configuration that can be run.
#[derive(Clone, Debug, PartialEq)]
pub struct Loaded {
    /// What it says.
    pub settings: Settings,
    /// The operator's file, if there is one.
    pub config_path: Option<PathBuf>,
    /// What stood in it.
    pub operator_text: Option<String>,
    /// The data directory in use.
    pub data_dir: PathBuf,
    /// `web.toml` in it, whether it exists or not.
    pub web_path: PathBuf,
    /// What is not wrong but will not do what it seems to.
    pub warnings: Vec<ConfigError>,
}

/// Loads everything.
///
/// # Errors
///
/// Every mistake that was found.
pub fn load(options: &LoadOptions) -> Result<Loaded, ConfigErrors> {
    let mut report = Report::default();
    let mut settings = Settings::default();
    let (config_path, operator) = operator_source(options, &mut report);
    let mut spots = Spots::new();
    let mut drafts = Vec::new();
    if let Some(source) = &operator {
        let defaults = defaults_with_page(options, config_path.as_deref(), source);
        read(source, &mut report, |reader, top| {
            sections::read(reader, top, &mut settings);
            drafts = read_operator(reader, top, defaults);
            spots.append(&mut reader.spots);
        });
    }
    let written = (settings.storage.data_dir.as_str(), config_path.as_deref());
    let data_dir = data_dir(
        options.data_dir.as_deref(),
        &options.environment,
        &options.cwd,
        written,
    )
    .unwrap_or_else(|mistake| {
        report.error(
            Place {
                path: "environment".to_owned(),
                at: None,
            },
            "storage.data_dir",
            mistake,
        );
        PathBuf::new()
    });
    let web_path = data_dir.join("web.toml");
    identify(&mut drafts);
    if let Some(source) = web_source(options, &web_path, &mut report) {
        read(&source, &mut report, |reader, top| {
            sections::read(reader, top, &mut settings);
            // Before what the page changed, so that it can change them too: a STOP is a STOP.
            add_typed(&mut drafts, &options.targets, settings.defaults, own_ids(top));
            web_targets(reader, top, options, &settings, &mut drafts);
            spots.append(&mut reader.spots);
        });
    } else {
        add_typed(&mut drafts, &options.targets, settings.defaults, BTreeSet::new());
        if let Some(built_in) = options.built_in.filter(|_| drafts.is_empty()) {
            drafts = built_in_drafts(&built_in, settings.defaults);
        }
    }
    settle(options, &mut settings, &mut spots, &mut drafts, &mut report);
    warn_inert(&settings, &spots, &mut report);
    check::cross(&drafts, &mut report);
    let finished: Vec<_> = drafts
        .into_iter()
        .filter_map(|draft| check::finish(draft, &mut report))
        .collect();
    check::caps(&finished, &mut report);
    settings.targets = finished.into_iter().map(|it| Arc::new(it.settings)).collect();
    // Collected where they stood, which was with more beside each.
    settings.targets.shrink_to_fit();
    check::sums(&settings.targets, whole(operator.as_ref()), &mut report);
    settings.origins = spots.into_iter().map(|(key, spot)| (key, spot.origin)).collect();
    if !report.errors.is_empty() {
        return Err(ConfigErrors(report.errors));
    }
    Ok(Loaded {
        settings,
        config_path,
        operator_text: operator.map(|source| source.text),
        data_dir,
        web_path,
        warnings: report.warnings,
    })
}

/// What holds for targets that do not say otherwise: `[defaults]` of the file with what the page changed of it, which is for the
/// file's targets as for all. Mistakes are told when the files are read for good.
fn defaults_with_page(options: &LoadOptions, config_path: Option<&Path>, operator: &Source) -> Defaults {
    let mut quiet = Report::default();
    let mut settings = Settings::default();
    read(operator, &mut quiet, |reader, top| {
        sections::read(reader, top, &mut settings)
    });
    let written = (settings.storage.data_dir.as_str(), config_path);
    let data_dir = data_dir(
        options.data_dir.as_deref(),
        &options.environment,
        &options.cwd,
        written,
    );
    let web = data_dir
        .ok()
        .and_then(|dir| web_source(options, &dir.join("web.toml"), &mut quiet));
    if let Some(web) = web {
        read(&web, &mut quiet, |reader, top| {
            sections::read(reader, top, &mut settings)
        });
    }
    settings.defaults
}

fn whole(source: Option<&Source>) -> Place {
    source.map_or_else(
        || Place {
            path: "command line".to_owned(),
            at: None,
        },
        Source::whole,
    )
}

fn operator_source(options: &LoadOptions, report: &mut Report) -> (Option<PathBuf>, Option<Source>) {
    match &options.operator {
        Operator::OnDisk => {
            let path = config_file(options.explicit.as_deref(), &options.environment, &options.cwd);
            let source = path
                .as_deref()
                .and_then(|path| source_of(path, Layer::Operator, report))
                .and_then(|source| own_words(source, report));
            (path, source)
        }
        Operator::AsRead(None) => (None, None),
        Operator::AsRead(Some((path, text))) => {
            let source = Source::new(&path.display().to_string(), Layer::Operator, text.clone());
            (Some(path.clone()), Some(source))
        }
    }
}

/// A `config.json` of another tool, as the configuration that `linewatch import` makes of it.
fn own_words(source: Source, report: &mut Report) -> Option<Source> {
    if !import::is_foreign(&source.text) {
        return Some(source);
    }
    match import::convert(&source.path, &source.text) {
        Ok(imported) => Some(Source::new(&source.path, source.layer, imported.toml)),
        Err(error) => {
            let mistake = Mistake::new(error.message.clone(), error.help);
            report.error(source.whole(), "", mistake);
            None
        }
    }
}

fn source_of(path: &Path, layer: Layer, report: &mut Report) -> Option<Source> {
    match Source::read(path, layer) {
        Ok(source) => Some(source),
        Err(mistake) => {
            report.error(
                Place {
                    path: path.display().to_string(),
                    at: None,
                },
                "",
                mistake,
            );
            None
        }
    }
}

fn web_source(options: &LoadOptions, web_path: &Path, report: &mut Report) -> Option<Source> {
    match &options.web_text {
        Some(text) => Some(Source::new(
            &web_path.display().to_string(),
            Layer::Web,
            text.clone(),
        )),
        None if web_path.exists() => source_of(web_path, Layer::Web, report),
        None => None,
    }
}

/// Parses one file and reads it. After mistakes of syntax nothing else is looked for: half-read tables would
/// only bring mistakes that are none.
fn read(source: &Source, report: &mut Report, read: impl FnOnce(&mut Reader<'_>, Node<'_>)) {
    let (table, mistakes) = DeTable::parse_recoverable(&source.text);
    if mistakes.is_empty() {
        read(&mut Reader::new(source, report), Node::top(table.get_ref()));
        return;
    }
    for mistake in mistakes {
        let place = mistake
            .span()
            .map_or_else(|| source.whole(), |span| source.place(span.start));
        let message = format!(
            "not TOML: {}",
            mistake.message().lines().collect::<Vec<_>>().join(", ")
        );
        report.error(place, "", Mistake { message, help: None });
    }
}

/// The built-in lines take part while `web.toml` is read, because it may have changed them; they stay if there is
/// nothing else.
fn web_targets(
    reader: &mut Reader<'_>,
    top: Node<'_>,
    options: &LoadOptions,
    settings: &Settings,
    drafts: &mut Vec<Draft>,
) {
    if drafts.is_empty()
        && let Some(built_in) = &options.built_in
    {
        *drafts = built_in_drafts(built_in, settings.defaults);
    }
    read_web(reader, top, settings.defaults, drafts, |id| {
        BUILT_IN_IDS.contains(&id)
    });
    // Given an address on the page, a built-in line is the person's own.
    for draft in drafts.iter_mut().filter(|draft| draft.is_built_in) {
        draft.is_built_in = draft
            .spots
            .get("address")
            .is_none_or(|spot| spot.origin == Origin::BuiltIn);
    }
    if drafts.iter().any(|draft| !draft.is_built_in && !draft.is_removed) {
        drafts.retain(|draft| !draft.is_built_in);
    }
}

/// Options and environment over the files.
fn settle(
    options: &LoadOptions,
    settings: &mut Settings,
    spots: &mut Spots,
    drafts: &mut Vec<Draft>,
    report: &mut Report,
) {
    let environment = options
        .environment
        .get("LINEWATCH_LISTEN")
        .map(|value| value.to_string_lossy().into_owned());
    let typed = options
        .listen
        .clone()
        .map(|text| (text, "--listen", Origin::CommandLine));
    let listen = typed.or_else(|| {
        let name = "LINEWATCH_LISTEN";
        environment.map(|text| (text, name, Origin::Environment(name.to_owned())))
    });
    if let Some((text, path, origin)) = listen {
        let place = Place {
            path: path.to_owned(),
            at: None,
        };
        match convert::listen(&text) {
            Ok(listen) => {
                settings.server.listen = listen;
                spots.insert("server.listen".to_owned(), Spot { place, origin });
            }
            Err(mistake) => report.error(place, "server.listen", mistake),
        }
    }
    drafts.retain(|draft| !draft.is_removed);
    identify(drafts);
}

/// A setting that is read and checked, but whose feature this version does not have yet: silence would let a person believe
/// that it works. Its default, as the sample file has it, asks for nothing.
fn warn_inert(settings: &Settings, spots: &Spots, report: &mut Report) {
    if settings.prometheus.probe_allow.is_empty() {
        return;
    }
    if let Some((_, spot)) = spots.iter().find(|(key, _)| key.starts_with("prometheus.")) {
        let message = "prometheus has no effect in this version yet".to_owned();
        let mistake = Mistake::new(message, "it is checked and kept for the next versions");
        report.warning(spot.place.clone(), "prometheus", mistake);
    }
}
