//! Serves the page, the API and the live WebSocket.
//!
//! The monitor puts what it knows into a [`Hub`]; [`serve`] shows it to browsers and hands their changes to
//! whoever owns the settings ([`ControlRequest`]). Nothing here measures, stores or decides what is configured.
#![forbid(unsafe_code)]

mod api;
mod assets;
mod auth;
mod catalog;
mod control;
mod fleet;
#[cfg(feature = "fuzz")]
pub mod fuzz;
mod guard;
mod join;
mod live;
mod openapi;
#[cfg(test)]
#[path = "../build/pack.rs"]
mod pack;
#[cfg(test)]
#[path = "../build/pack_tests.rs"]
mod pack_tests;
mod past;
mod query;
mod respond;
mod routes;
#[cfg(test)]
#[path = "../build/scan.rs"]
mod scan;
mod selection;
mod server;
mod server_tls;
mod settings;
mod spare;

#[cfg(test)]
mod tests;

pub use api::Notice;
pub use auth::{AccessRule, AdminError, AdminFile, NewToken, SecretError, TokenInfo, TokenRole};
pub use catalog::{CatalogEntry, StatusInfo, ToolSettings};
pub use control::{
    AckInfo, AlertAnswer, AlertAsk, Change, ChangeDone, ChangeError, ControlRequest, ControlSender,
    LetterInfo, NoticesInfo, OutboxInfo, TargetPatch, ToldInfo, ToolPatch,
};
pub use live::{Hub, HubOptions};
pub use server::{Error, ServerOptions, serve};
pub use server_tls::{Tls, TlsError};
pub use settings::{CheckInfo, ConfigInfo, DoctorInfo, Edit, SettingsAnswer, SettingsAsk};
