//! `check-config` and `config show`: reads a configuration and says what is wrong with it, or what it means.

use std::path::PathBuf;

use anyhow::Result;

use super::Global;
use crate::config;
use crate::exit::{Exit, UserError};
use crate::say;
