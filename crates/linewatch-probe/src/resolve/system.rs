//! Knows where names are looked up on this computer: `/etc/hosts` first, then the name servers of `/etc/resolv.conf`.
//!
//! Search list, `ndots`, `timeout` and `attempts` count as resolv.conf(5) says. `nsswitch.conf` does not: mDNS, NIS and
//! the like are not asked. A change of a file makes a new [`System`]; its cache begins empty.

use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use hickory_resolver::config::{NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts};
use hickory_resolver::lookup::Lookup;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::op::Query;
use hickory_resolver::proto::rr::{Name, RecordType};
use hickory_resolver::{Hosts, Resolver, TokioResolver, system_conf};
use linewatch_core::limits::{CONFIG_BYTES, DNS_CACHE, DNS_CONCURRENT, DNS_RETRY_FIRST, DNS_TTL_MAX};
use linewatch_core::target::{Address, Family};

use super::Found;
use crate::clock;

#[cfg(not(windows))]
const HOSTS: &str = "/etc/hosts";
#[cfg(windows)]
const HOSTS: &str = r"C:\Windows\System32\drivers\etc\hosts";

/// Where the two files are.
#[derive(Clone, Debug)]
pub(super) struct Files {
    pub(super) hosts: PathBuf,
    pub(super) resolv_conf: PathBuf,
    /// Of the name servers; 53 but in tests.
    pub(super) port: u16,
}

impl Files {
    pub(super) fn of_system() -> Self {
        Self {
            hosts: PathBuf::from(HOSTS),
            resolv_conf: PathBuf::from("/etc/resolv.conf"),
            port: 53,
        }
    }
}

/// What a file was like: of two versions at least one of these differs.
type Stamp = Option<(SystemTime, u64)>;

/// See the module.
pub(super) struct System {
    files: Files,
    stamps: [Stamp; 2],
    hosts: Hosts,
    resolver: Result<TokioResolver, String>,
    /// What is wrong with resolv.conf.
    trouble: Option<String>,
}

impl System {
    /// Reads the files as they are; what cannot be read is told by the sentences of failed questions.
    pub(super) fn read(files: Files) -> Self {
        let stamps = stamps(&files);
        let mut hosts = Hosts::default();
        if let Ok(bytes) = read_bounded(&files.hosts) {
            // A line that cannot be read is passed over; a file that cannot be read is as good as none.
            let _ = hosts.read_hosts_conf(bytes.as_slice());
        }
        let (config, options, trouble) = configuration(&files);
        let resolver = Resolver::builder_with_config(config, TokioRuntimeProvider::default())
            .with_options(options)
            .build()
            .map_err(|error| error.to_string());
        Self {
            files,
            stamps,
            hosts,
            resolver,
            trouble,
        }
    }

    /// The one to use from now on, if a file has changed.
    pub(super) fn changed(&self) -> Option<Self> {
        (stamps(&self.files) != self.stamps).then(|| Self::read(self.files.clone()))
    }

    /// The addresses of a name in no order that means anything, or the sentence that says why there are none.
    pub(super) async fn lookup(&self, name: &str, family: Family) -> Result<Found, String> {
        if let Some(found) = self.in_hosts(name, family) {
            return found;
        }
        let resolver = self
            .resolver
            .as_ref()
            .map_err(|error| sentence(name, &format!("the resolver cannot be used: {error}")))?;
        let ask = |kind| resolver.lookup(name, kind);
        match family {
            Family::V4 => self.one(name, family, ask(RecordType::A).await),
            Family::V6 => self.one(name, family, ask(RecordType::AAAA).await),
            Family::Auto => {
                let (v6, v4) = tokio::join!(ask(RecordType::AAAA), ask(RecordType::A));
                self.both(name, v6, v4)
            }
        }
    }

    /// A name that stands in the file is not asked for elsewhere, in whichever family (as `files dns` means it).
    fn in_hosts(&self, name: &str, family: Family) -> Option<Result<Found, String>> {
        let query_name = Name::from_utf8(name).ok()?;
        let listed = |kind| {
            self.hosts
                .lookup_static_host(&Query::query(query_name.clone(), kind))
                .map(|lookup| addresses(&lookup))
                .unwrap_or_default()
        };
        let (v4, v6) = (listed(RecordType::A), listed(RecordType::AAAA));
        if v4.is_empty() && v6.is_empty() {
            return None;
        }
        let addresses = match family {
            Family::V4 => v4,
            Family::V6 => v6,
            Family::Auto => [v6, v4].concat(),
        };
        Some(if addresses.is_empty() {
            Err(sentence(name, none_of(family)))
        } else {
            // The file itself is watched.
            Ok(Found {
                addresses,
                valid_for: DNS_TTL_MAX,
                is_complete: true,
            })
        })
    }

    fn one(&self, name: &str, family: Family, answer: Result<Lookup, NetError>) -> Result<Found, String> {
        let lookup = answer.map_err(|error| self.failure(name, family, &error))?;
        let addresses = addresses(&lookup);
        if addresses.is_empty() {
            return Err(sentence(name, none_of(family)));
        }
        Ok(Found {
            addresses,
            valid_for: clock::time_until(lookup.valid_until()),
            is_complete: true,
        })
    }

    fn both(
        &self,
        name: &str,
        v6: Result<Lookup, NetError>,
        v4: Result<Lookup, NetError>,
    ) -> Result<Found, String> {
        let is_complete = [&v6, &v4].into_iter().all(is_final);
        match (self.one(name, Family::Auto, v6), self.one(name, Family::Auto, v4)) {
            (Ok(v6), Ok(v4)) => Ok(Found {
                addresses: [v6.addresses, v4.addresses].concat(),
                valid_for: v6.valid_for.min(v4.valid_for),
                is_complete,
            }),
            (Ok(found), Err(_)) | (Err(_), Ok(found)) => Ok(Found { is_complete, ..found }),
            // Of two failures that of IPv4 is the one more people can do something about.
            (Err(_), Err(v4)) => Err(v4),
        }
    }

    fn failure(&self, name: &str, family: Family, error: &NetError) -> String {
        let why = match error {
            _ if error.is_nx_domain() => "there is no such name".to_owned(),
            _ if error.is_no_records_found() => none_of(family).to_owned(),
            NetError::Timeout => "no name server answered in time".to_owned(),
            NetError::Dns(DnsError::ResponseCode(code)) => format!("the name server answered \"{code}\""),
            error => error.to_string(),
        };
        match &self.trouble {
            Some(trouble) => sentence(name, &format!("{why} ({trouble})")),
            None => sentence(name, &why),
        }
    }
}

/// Whether an answer is the truth about a name, be it that there is nothing.
fn is_final(answer: &Result<Lookup, NetError>) -> bool {
    match answer {
        Ok(_) => true,
        Err(error) => error.is_nx_domain() || error.is_no_records_found(),
    }
}

/// What a person is told.
pub(super) fn sentence(name: &str, why: &str) -> String {
    format!("Cannot find an address for `{name}`: {why}")
}

const fn none_of(family: Family) -> &'static str {
    match family {
        Family::V4 => "it has no IPv4 address, and IPv4 is asked for",
        Family::V6 => "it has no IPv6 address, and IPv6 is asked for",
        Family::Auto => "the name exists but has no address",
    }
}

/// Without repetitions; CNAMEs on the way are passed over.
fn addresses(lookup: &Lookup) -> Vec<Address> {
    let mut found: Vec<Address> = Vec::new();
    for ip in lookup.answers().iter().filter_map(|record| record.data.ip_addr()) {
        let address = Address::from(ip);
        if !found.contains(&address) {
            found.push(address);
        }
    }
    found
}

/// Name servers and options, and what is wrong with the file they stand in.
fn configuration(files: &Files) -> (ResolverConfig, ResolverOpts, Option<String>) {
    let (mut config, mut options, trouble) = match name_servers(files) {
        Ok((config, options)) => (config, options, None),
        Err(trouble) => {
            // The name server of a computer that names none is the computer itself (resolv.conf(5)).
            let own = NameServerConfig::udp_and_tcp(IpAddr::from(Ipv4Addr::LOCALHOST));
            let config = ResolverConfig::from_parts(None, Vec::new(), vec![own]);
            (config, ResolverOpts::default(), Some(trouble))
        }
    };
    for connection in config
        .name_servers
        .iter_mut()
        .flat_map(|server| &mut server.connections)
    {
        connection.port = files.port;
    }
    options.use_hosts_file = ResolveHosts::Never;
    options.cache_size = DNS_CACHE;
    options.positive_max_ttl = Some(DNS_TTL_MAX);
    // The shortest wait after a failure: a new try must really ask.
    options.negative_max_ttl = Some(DNS_RETRY_FIRST / 2);
    // Both families of every name under way; with fewer, questions to a live server wait behind those to a dead one.
    options.max_active_requests = 2 * DNS_CONCURRENT;
    (config, options, trouble)
}

#[cfg(not(any(windows, target_vendor = "apple")))]
fn name_servers(files: &Files) -> Result<(ResolverConfig, ResolverOpts), String> {
    let path = files.resolv_conf.display();
    let bytes =
        read_bounded(&files.resolv_conf).map_err(|error| format!("{path} cannot be read: {error}"))?;
    system_conf::parse_resolv_conf(bytes).map_err(|error| format!("{path} cannot be used: {error}"))
}

/// macOS and Windows keep them in no file, but in their own registers. macOS writes resolv.conf for others, so a change
/// shows there; on Windows it is seen when linewatch starts again, or when the hosts file changes.
#[cfg(any(windows, target_vendor = "apple"))]
fn name_servers(_: &Files) -> Result<(ResolverConfig, ResolverOpts), String> {
    system_conf::read_system_conf()
        .map_err(|error| format!("the system does not tell its name servers: {error}"))
}

fn stamps(files: &Files) -> [Stamp; 2] {
    [&files.hosts, &files.resolv_conf].map(|path| {
        let about = fs::metadata(path).ok()?;
        Some((about.modified().ok()?, about.len()))
    })
}

/// A file far larger than any such file is not one.
fn read_bounded(path: &Path) -> std::io::Result<Vec<u8>> {
    if fs::metadata(path)?.len() > CONFIG_BYTES {
        return Err(std::io::Error::other(format!(
            "it is larger than {CONFIG_BYTES} bytes"
        )));
    }
    fs::read(path)
}
