//! `linewatch demo`: the whole program over a simulated network, without privileges or network.

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::Result;

use super::Global;
use crate::exit::Exit;

/// Options of `linewatch demo`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A scenario file [default: a built-in one that goes on for ever]
    #[arg(value_name = "SCENARIO")]
    scenario: Option<PathBuf>,
    /// Where the page is [default: 127.0.0.1:5000; port 0 takes a free one and prints it]
    #[arg(long, value_name = "ADDR:PORT")]
    listen: Option<SocketAddr>,
    /// The same seed gives the same network
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Time goes this much faster
    #[arg(long, value_name = "X", default_value_t = 1.0)]
    speed: f64,
    /// Serve the page's files from a directory instead of from inside the program
    #[arg(long, value_name = "DIR", hide = true)]
    web_dir: Option<PathBuf>,
}
