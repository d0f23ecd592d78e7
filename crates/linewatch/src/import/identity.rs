//! Finds out which target of ours a target of another tool's history is.
//!
//! In order: a configured one with this address (of several the one whose partner, country or `dn_ext` agrees), one that is stored
//! already, else a new one whose id is made from the address. Not here: reading histories (the store).

use std::net::IpAddr;
use std::sync::Arc;

use linewatch_core::port::StoredTarget;
use linewatch_core::spec::unique_slug;
use linewatch_core::target::Host;
use linewatch_store::{Identity, Seen, SeriesKey};

use super::country;
use crate::config::TargetSettings;

/// What there is to be recognised.
pub(crate) struct Known<'a> {
    targets: &'a [Arc<TargetSettings>],
    stored: Vec<StoredTarget>,
}

impl<'a> Known<'a> {
    /// By the configuration, and what was stored before.
    pub(crate) const fn new(targets: &'a [Arc<TargetSettings>], stored: Vec<StoredTarget>) -> Self {
        Self { targets, stored }
    }

    /// Which series it is. Asked again about the same address, the answer has the same id.
    pub(crate) fn identify(&mut self, seen: &Seen) -> Identity {
        let address = plain(&seen.address);
        let code = country::code(&seen.country).unwrap_or(&seen.country);
        if let Some(found) = self.configured(&address, seen, code) {
            let target = &found.target;
            return Identity {
                key: SeriesKey {
                    slug: target.slug.clone(),
                    address,
                    method: target.method.word().to_owned(),
                    port: target.method.port(),
                },
                name: target.name.clone(),
                country: target.country.clone(),
                partner: target.partner.clone(),
                host: seen.address.clone(),
            };
        }
        let stored = self.stored.iter().rfind(|target| target.address == address);
        let (slug, name) = match stored {
            Some(stored) => (stored.slug.clone(), stored.name.clone()),
            None => self.new_target(&address, seen),
        };
        Identity {
            key: SeriesKey {
                slug,
                address,
                method: "icmp".to_owned(),
                port: None,
            },
            name,
            country: code.to_owned(),
            partner: seen.partner.clone(),
            host: match seen.extension.as_str() {
                "" => seen.address.clone(),
                extension => extension.to_owned(),
            },
        }
    }

    fn configured(&self, address: &str, seen: &Seen, code: &str) -> Option<&'a TargetSettings> {
        let agreement = |found: &&'a Arc<TargetSettings>| {
            let labelled = |key: &str, text: &str| {
                let labels = &found.target.labels;
                !text.is_empty() && labels.iter().any(|(name, value)| name == key && value == text)
            };
            let is_partner = found.target.partner == seen.partner;
            let is_place = found.target.country == code || labelled("country", &seen.country);
            let is_extension = labelled("dn_ext", &seen.extension);
            usize::from(is_partner) + usize::from(is_place) + usize::from(is_extension)
        };
        let here = self
            .targets
            .iter()
            .filter(|one| host_text(&one.target.host) == address);
        // Of equals the first.
        here.rev().max_by_key(agreement).map(Arc::as_ref)
    }

    fn new_target(&mut self, address: &str, seen: &Seen) -> (String, String) {
        let is_taken = |slug: &str| {
            self.targets.iter().any(|one| one.target.slug == slug)
                || self.stored.iter().any(|one| one.slug == slug)
        };
        let slug = unique_slug(address, is_taken);
        let parts = [seen.partner.as_str(), seen.country.as_str()];
        let name = parts.map(str::trim).join(" ");
        let name = match name.trim() {
            "" => seen.address.clone(),
            name => name.to_owned(),
        };
        self.stored.push(StoredTarget {
            id: linewatch_core::target::TargetId(0),
            slug: slug.clone(),
            name: name.clone(),
            address: address.to_owned(),
        });
        (slug, name)
    }
}

/// As series have it: an IP address in its one form, a name in lower case.
fn plain(address: &str) -> String {
    match address.parse::<IpAddr>() {
        Ok(ip) => ip.to_string(),
        Err(_) => address.trim_end_matches('.').to_lowercase(),
    }
}

/// A host as series have it.
pub(crate) fn host_text(host: &Host) -> String {
    match host {
        Host::Literal { ip, .. } => ip.to_string(),
        Host::Name(name) => name.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{LoadOptions, Operator, load};
    use crate::import::convert;

    fn seen(address: &str, partner: &str, country: &str, extension: &str) -> Seen {
        Seen {
            address: address.to_owned(),
            partner: partner.to_owned(),
            country: country.to_owned(),
            extension: extension.to_owned(),
        }
    }

    #[test]
    fn history_has_the_ids_of_the_imported_configuration() {
        let json = r#"{"servers": [
            {"partner": "Telco", "country": "Indonesia", "ip": "192.0.2.1", "dn_ext": 101},
            {"partner": "Other", "country": "Germany", "ip": "192.0.2.1", "dn_ext": 102}]}"#;
        let toml = convert("config.json", json).expect("known").toml;
        let options = LoadOptions {
            operator: Operator::AsRead(Some(("config.json".into(), toml))),
            data_dir: Some("/nonexistent/linewatch-identity".into()),
            ..LoadOptions::default()
        };
        let settings = load(&options)
            .unwrap_or_else(|errors| panic!("{errors}"))
            .settings;
        let mut known = Known::new(&settings.targets, Vec::new());
        let mut slug = |seen: Seen| known.identify(&seen).key.slug;
        assert_eq!(
            slug(seen("192.0.2.1", "Telco", "Indonesia", "101")),
            "telco-indonesia"
        );
        assert_eq!(
            slug(seen("192.0.2.1", "Other", "Germany", "102")),
            "other-germany"
        );
        assert_eq!(slug(seen("192.0.2.1", "", "", "")), "telco-indonesia");
        assert_eq!(slug(seen("192.0.2.9", "Telco", "Indonesia", "")), "192-0-2-9");
    }

    #[test]
    fn without_a_configuration_the_address_decides() {
        let stored = StoredTarget {
            id: linewatch_core::target::TargetId(1),
            slug: "dns".to_owned(),
            name: "DNS".to_owned(),
            address: "2001:db8::1".to_owned(),
        };
        let mut known = Known::new(&[], vec![stored]);
        assert_eq!(known.identify(&seen("2001:DB8:0::1", "", "", "")).key.slug, "dns");
        let new = known.identify(&seen("192.0.2.7", "Telco", "Germany", "7"));
        assert_eq!(
            (
                new.key.slug.as_str(),
                new.name.as_str(),
                new.country.as_str(),
                new.host.as_str()
            ),
            ("192-0-2-7", "Telco Germany", "DE", "7")
        );
        let again = known.identify(&seen("192.0.2.7", "", "", ""));
        assert_eq!(again.key.slug, "192-0-2-7");
    }
}
