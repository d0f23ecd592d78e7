//! `linewatch healthcheck`: asks the monitor of this computer whether it is alive, for containers and supervisors.
//!
//! It says nothing about any line: a monitor must not be restarted because the network is down.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use ureq::Agent;
use ureq::tls::TlsConfig;

use super::{Global, load_options, mistakes};
use crate::config::{self, LoadOptions, units};
use crate::exit::{Exit, UserError};
use crate::listen::near;
use crate::say;

/// Options of `linewatch healthcheck`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Where the page is served, as `serve` was told [default: as configured]
    #[arg(long, value_name = "ADDR:PORT")]
    listen: Option<String>,
    /// Configuration file [default: the one that `serve` would take]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// How long to wait for the answer
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = |text: &str| units::parse_duration(text))]
    timeout: Duration,
}

/// Asks, and ends with 0 if the monitor answers.
///
/// # Errors
///
/// It does not answer, or not well; a configuration that cannot be read.
pub(super) fn run(global: &Global, args: &Args) -> Result<Exit> {
    let options = LoadOptions {
        listen: args.listen.clone(),
        ..load_options(global, args.config.clone())?
    };
    let server = config::load(&options).map_err(mistakes)?.settings.server;
    let scheme = if server.tls_cert.is_empty() {
        "http"
    } else {
        "https"
    };
    let address = near(server.listen);
    let base = server.base_path.trim_end_matches('/');
    let url = format!("{scheme}://{address}{base}/healthz");
    let refused = |why: String| {
        UserError::failed(format!("{url}: {why}"))
            .help("is `linewatch serve` running, and at this address? Give the one it printed with  --listen")
    };
    match agent(args.timeout).get(&url).call() {
        Ok(answer) if answer.status().is_success() => {
            say::to_stdout(&format!("{url}: alive"));
            Ok(Exit::Ok)
        }
        Ok(answer) => Err(refused(format!("answers {}", answer.status().as_u16())).into()),
        Err(ureq::Error::Timeout(_)) => {
            Err(refused(format!("no answer within {}", units::duration_text(args.timeout))).into())
        }
        Err(error) => Err(refused(error.to_string()).into()),
    }
}

/// The certificate is made for another name than an address of our own, and nothing secret is said: it is not checked.
fn agent(timeout: Duration) -> Agent {
    let tls = TlsConfig::builder()
        .disable_verification(true)
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .build();
    Agent::config_builder()
        .tls_config(tls)
        .timeout_global(Some(timeout))
        .http_status_as_error(false)
        .max_redirects(0)
        .proxy(None)
        .build()
        .new_agent()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_listens_everywhere_is_asked_on_loopback() {
        let near = |text: &str| near(text.parse().expect("an address")).to_string();
        assert_eq!(near("0.0.0.0:5000"), "127.0.0.1:5000");
        assert_eq!(near("[::]:5000"), "[::1]:5000");
        assert_eq!(near("10.1.2.3:80"), "10.1.2.3:80");
    }
}
