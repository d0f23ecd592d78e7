//! Reads the configuration the checks are judged against; a broken one is a finding, and the defaults stand in.

use std::path::PathBuf;

use anyhow::Result;
use linewatch_core::target::{Address, Family, Host, Method};
use linewatch_probe::route;
use linewatch_probe::sys::WireReport;
use linewatch_render::doctor::{Finding, Verdict};

use super::network::Wanted;
use super::shell_word;
use crate::cli::{Global, load_options};
use crate::config::{self, BuiltIn, ConfigErrors, LoadOptions, Loaded, Settings};

/// The name of its check.
pub(super) const NAME: &str = "configuration";
/// Looked up where no target has a name: reserved for examples (RFC 2606), and every resolver knows it.
const EXAMPLE_NAME: &str = "example.com";

/// What is to be measured, and where it would be kept.
pub(super) struct Situation {
    /// What the configuration says, or the defaults in place of a broken one.
    pub(super) settings: Settings,
    /// `None` if nothing says where.
    pub(super) data_dir: Option<PathBuf>,
    config_path: Option<PathBuf>,
    /// The first warning.
    warning: Option<String>,
    mistakes: Option<ConfigErrors>,
}

/// A target that can be asked.
pub(super) struct Askable {
    /// As people know it.
    pub(super) name: String,
    pub(super) address: Address,
    pub(super) method: Method,
}

impl Situation {
    /// Reads it.
    ///
    /// # Errors
    ///
    /// When the working directory is gone.
    pub(super) fn load(global: &Global, explicit: Option<PathBuf>, report: &WireReport) -> Result<Self> {
        let options = options(global, explicit, report)?;
        match config::load(&options) {
            Ok(loaded) => Ok(Self::new(Some(loaded), None)),
            Err(mistakes) => {
                // An empty file, and nothing of the environment that may be what is wrong.
                let mut environment = options.environment.clone();
                environment
                    .0
                    .retain(|name, _| name != "LINEWATCH_CONFIG" && name != "LINEWATCH_LISTEN");
                let defaults = LoadOptions {
                    explicit: Some(PathBuf::from("/dev/null")),
                    web_text: Some(String::new()),
                    environment,
                    ..options
                };
                Ok(Self::new(config::load(&defaults).ok(), Some(mistakes)))
            }
        }
    }

    pub(super) fn new(loaded: Option<Loaded>, mistakes: Option<ConfigErrors>) -> Self {
        let Some(loaded) = loaded else {
            return Self {
                settings: Settings::default(),
                data_dir: None,
                config_path: None,
                warning: None,
                mistakes,
            };
        };
        Self {
            settings: loaded.settings,
            data_dir: Some(loaded.data_dir),
            config_path: loaded.config_path,
            warning: loaded.warnings.first().map(|warning| {
                let more = loaded.warnings.len() - 1;
                format!("{}: {}{}", warning.place, warning.message, and_more(more))
            }),
            mistakes,
        }
    }

    /// What is wrong with the configuration.
    pub(super) fn finding(&self) -> Finding {
        if let Some(first) = self.mistakes.as_ref().and_then(|mistakes| mistakes.0.first()) {
            let more = self.mistakes.as_ref().map_or(0, |mistakes| mistakes.0.len() - 1);
            let sentence = format!(
                "{}: {}{}; everything below is judged by the defaults",
                first.place,
                first.message,
                and_more(more)
            );
            let command = format!("linewatch check-config {}", shell_word(&first.place.path));
            return Finding::new(NAME, Verdict::Fault, sentence).cure(command);
        }
        let Some(path) = &self.config_path else {
            let sentence = "no configuration file: the built-in lines are watched";
            return Finding::new(NAME, Verdict::Ok, sentence);
        };
        match &self.warning {
            Some(warning) => Finding::new(NAME, Verdict::Note, warning.clone()),
            None => {
                let count = self.settings.targets.len();
                let targets = if count == 1 { "target" } else { "targets" };
                let sentence = format!("{} is sound: {count} {targets}", path.display());
                Finding::new(NAME, Verdict::Ok, sentence)
            }
        }
    }

    /// The name whose lookup is tried.
    pub(super) fn lookup_name(&self) -> String {
        self.hosts()
            .find_map(|host| match host {
                Host::Name(name) => Some(name.clone()),
                Host::Literal { .. } => None,
            })
            .unwrap_or_else(|| EXAMPLE_NAME.to_owned())
    }

    /// Where the targets are.
    pub(super) fn wanted(&self) -> Wanted {
        let literal = |host: &Host| match host {
            Host::Literal { ip, .. } => Some(*ip),
            Host::Name(_) => None,
        };
        Wanted {
            literals: self.hosts().filter_map(literal).collect(),
            has_names: self.hosts().any(|host| matches!(host, Host::Name(_))),
        }
    }

    /// How many targets cannot do without IPv6.
    pub(super) fn v6_targets(&self) -> usize {
        let needs_v6 = |family, host: &Host| match host {
            Host::Literal { ip, .. } => ip.is_ipv6(),
            Host::Name(_) => family == Family::V6,
        };
        let enabled = self.settings.targets.iter().map(|target| &target.target);
        enabled
            .filter(|target| target.is_enabled && needs_v6(target.family, &target.host))
            .count()
    }

    /// Probes per second of all targets.
    pub(super) fn asked_per_s(&self) -> f64 {
        config::asked_per_s(&self.settings.targets)
    }

    /// Targets for `--targets`: those with an address that have a permitted method.
    pub(super) fn targets_to_ask(&self, report: &WireReport) -> Vec<Askable> {
        let enabled = self.settings.targets.iter().map(|target| &target.target);
        enabled
            .filter(|target| target.is_enabled)
            .filter_map(|target| {
                let Host::Literal { ip, zone } = &target.host else {
                    return None;
                };
                let scope = zone.as_deref().map_or(Some(0), route::interface_index)?;
                let is_permitted = match (target.method, ip.is_ipv6()) {
                    (Method::IcmpEcho, false) => report.icmp_v4.is_ok(),
                    (Method::IcmpEcho, true) => report.icmp_v6.is_ok(),
                    _ => true,
                };
                is_permitted.then(|| Askable {
                    name: target.name.clone(),
                    address: Address { ip: *ip, scope },
                    method: target.method,
                })
            })
            .collect()
    }

    fn hosts(&self) -> impl Iterator<Item = &Host> {
        let targets = self.settings.targets.iter().map(|target| &target.target);
        targets
            .filter(|target| target.is_enabled)
            .map(|target| &target.host)
    }
}

fn and_more(count: usize) -> String {
    if count == 0 {
        String::new()
    } else {
        format!(" (and {count} more)")
    }
}

fn options(global: &Global, explicit: Option<PathBuf>, report: &WireReport) -> Result<LoadOptions> {
    Ok(LoadOptions {
        built_in: Some(BuiltIn {
            gateways: route::default_gateways(),
            is_icmp_v4_permitted: report.icmp_v4.is_ok(),
            is_icmp_v6_permitted: report.icmp_v6.is_ok(),
        }),
        ..load_options(global, explicit)?
    })
}
