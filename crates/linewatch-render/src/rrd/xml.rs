//! Writes a database as `rrdtool restore` reads it, for computers of another word size or byte order.
//!
//! Numbers are written in the fewest digits that read back as the same number, so that nothing is rounded.

use std::io::{self, Write};

use super::binary::last_text;
use super::fold::{Database, OpenRow, Ring};
use super::{HEARTBEAT_S, SOURCES, UNKNOWN_SHARE_MAX, source_max};

impl Database {
    /// Writes the XML.
    ///
    /// # Errors
    ///
    /// Those of `out`.
    pub fn write_xml(&self, out: &mut impl Write) -> io::Result<()> {
        writeln!(out, "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<rrd>")?;
        writeln!(
            out,
            "<version>0003</version>\n<step>{}</step>",
            self.layout.step_s()
        )?;
        writeln!(out, "<lastupdate>{}</lastupdate>", self.updated_s)?;
        for (index, (name, step)) in SOURCES.iter().zip(&self.sources).enumerate() {
            let max = number(source_max(index));
            let [average, ..] = step.sums;
            writeln!(
                out,
                "<ds><name>{name}</name><type>GAUGE</type><minimal_heartbeat>{HEARTBEAT_S}</minimal_heartbeat>\
                 <min>0</min><max>{max}</max><last_ds>{}</last_ds><value>{}</value><unknown_sec>{}</unknown_sec></ds>",
                last_text(step.last),
                number(average),
                step.unknown_s
            )?;
        }
        for ring in &self.rings {
            write_archive(out, ring)?;
        }
        writeln!(out, "</rrd>")
    }
}

fn write_archive(out: &mut impl Write, ring: &Ring) -> io::Result<()> {
    let archive = ring.archive;
    writeln!(
        out,
        "<rra><cf>{}</cf><pdp_per_row>{}</pdp_per_row><params><xff>{UNKNOWN_SHARE_MAX}</xff></params><cdp_prep>",
        archive.consolidation.name(),
        archive.steps
    )?;
    for row in &ring.open {
        write_open_row(out, row)?;
    }
    writeln!(out, "</cdp_prep><database>")?;
    for row in ring.rows() {
        out.write_all(b"<row>")?;
        for value in row {
            write!(out, "<v>{}</v>", number(*value))?;
        }
        out.write_all(b"</row>\n")?;
    }
    writeln!(out, "</database></rra>")
}

fn write_open_row(out: &mut impl Write, row: &OpenRow) -> io::Result<()> {
    writeln!(
        out,
        "<ds><primary_value>{}</primary_value><secondary_value>{}</secondary_value><value>{}</value>\
         <unknown_datapoints>{}</unknown_datapoints></ds>",
        number(row.primary),
        number(row.secondary),
        number(row.value),
        row.unknown_steps
    )
}

/// As C's `strtod` reads it, which knows neither a missing number nor Rust's word for infinity.
fn number(value: f64) -> String {
    if value.is_nan() {
        "NaN".to_owned()
    } else if value.is_infinite() {
        if value > 0.0 {
            "Inf".to_owned()
        } else {
            "-Inf".to_owned()
        }
    } else {
        format!("{value:e}")
    }
}
