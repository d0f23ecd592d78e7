//! The full-screen terminal view: the same for `watch`, which measures itself, and `attach`, which asks a running monitor.
//!
//! Whoever shows something fills a [`Fleet`] and turns a [`Screen`]; everything between the two is pure: `layout` draws a fleet
//! and what the person chose ([`Ui`]) into a buffer of cells. Meaning is a glyph and a word, never a colour alone. Not here:
//! measuring, asking, and the plain table.

mod axis;
mod chart;
mod dots;
mod events;
mod figures;
mod foot;
mod hud;
mod keys;
mod layout;
mod model;
mod paint;
mod run;
mod sixteen;
mod table;
#[cfg(test)]
mod tests;
mod theme;
mod trail;

pub(crate) use keys::{Action, Ui};
pub(crate) use model::{EventLine, Fleet, LastProbe, Link, Row};
pub(crate) use run::{Screen, restore, suits_a_screen, text_columns, text_of};
pub(crate) use theme::{Look, Terminal};
pub(crate) use trail::{Sample, Trail};
