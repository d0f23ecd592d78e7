//! Reads what `rrdtool dump` prints: archives of means, and of the smallest and largest beside them.
//!
//! In: XML, piece by piece, of any size. Out: spans with dates, of one data source. The date of a row is counted back from the last
//! update, as rrdtool does; the comments beside the rows are not read. Not here: what a span becomes (the store).

use std::io::BufRead;
use std::time::Duration;

use linewatch_core::time::WallTime;
use linewatch_store::{Archive, Span};
use quick_xml::Reader;
use quick_xml::events::Event;

use super::ImportError;

/// Rows of all archives: a second for four months; 80 MB.
const ROWS_MAX: usize = 10_000_000;
/// Elements inside each other; a dump has six.
const DEPTH_MAX: usize = 16;
/// Bytes of one value; a dump has thirty.
const VALUE_BYTES: usize = 4_096;
/// A row is no longer than ten years.
const LENGTH_MAX_S: u64 = 10 * 366 * 86_400;

/// Which data source, and what its numbers are.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Wanted<'a> {
    /// Its name; `None`: the only one.
    pub source: Option<&'a str>,
    /// Milliseconds of one of its units.
    pub unit_ms: f64,
}

/// One archive as it is being read.
#[derive(Debug, Default)]
struct Rows {
    function: String,
    steps: u64,
    values: Vec<f64>,
}

#[derive(Debug, Default)]
struct Dump {
    step_s: u64,
    last_s: u64,
    sources: Vec<String>,
    /// The place of the wanted one, once the first archive begins.
    column: usize,
    /// The place of the value that is being read.
    at: usize,
    rows: usize,
    archives: Vec<Rows>,
}

/// Reads a dump.
///
/// # Errors
///
/// No XML, no dump, no such data source, or no archive of means.
pub(crate) fn read(input: impl BufRead, wanted: &Wanted<'_>) -> Result<Vec<Archive>, ImportError> {
    let mut reader = Reader::from_reader(input);
    let mut path: Vec<String> = Vec::new();
    let (mut buffer, mut text) = (Vec::new(), String::new());
    let mut dump = Dump::default();
    loop {
        let event = reader
            .read_event_into(&mut buffer)
            .map_err(|error| wrong(format!("not XML: {error}")))?;
        match event {
            Event::Start(start) if path.len() < DEPTH_MAX => {
                path.push(start.name().as_ref().to_owned());
                text.clear();
                dump.begin(&place(&path), wanted)?;
            }
            Event::Start(_) => return Err(wrong("its elements lie too deep".to_owned())),
            Event::Text(piece) if text.len() + piece.len() <= VALUE_BYTES => {
                text.push_str(&piece);
            }
            Event::End(_) => {
                dump.end(&place(&path), text.trim())?;
                path.pop();
                text.clear();
            }
            Event::Eof => break,
            _ => {}
        }
        buffer.clear();
    }
    dump.archives(wanted.unit_ms)
}

fn place(path: &[String]) -> Vec<&str> {
    path.iter().map(String::as_str).collect()
}

fn wrong(message: String) -> ImportError {
    ImportError {
        message,
        help: "give what  rrdtool dump FILE.rrd > FILE.xml  writes",
    }
}

impl Dump {
    fn begin(&mut self, place: &[&str], wanted: &Wanted<'_>) -> Result<(), ImportError> {
        match place {
            ["rrd", "rra"] => {
                if self.archives.is_empty() {
                    self.column = self.choose(wanted)?;
                }
                self.archives.push(Rows::default());
            }
            ["rrd", "rra", "database", "row"] => self.at = 0,
            _ => {}
        }
        Ok(())
    }

    fn choose(&self, wanted: &Wanted<'_>) -> Result<usize, ImportError> {
        let names = self.sources.join(", ");
        match wanted.source {
            Some(wanted) => self
                .sources
                .iter()
                .position(|name| name == wanted)
                .ok_or_else(|| ImportError {
                    message: format!("there is no data source \"{wanted}\"; there is: {names}"),
                    help: "name one of those with  --ds NAME",
                }),
            None if self.sources.len() == 1 => Ok(0),
            None => Err(ImportError {
                message: format!("it has several data sources: {names}"),
                help: "name the one with the round-trip time:  --ds NAME",
            }),
        }
    }

    fn end(&mut self, place: &[&str], text: &str) -> Result<(), ImportError> {
        let whole = |what: &str| {
            text.parse::<u64>()
                .map_err(|_| wrong(format!("<{what}> is no number: \"{}\"", text.escape_default())))
        };
        match place {
            ["rrd", "step"] => self.step_s = whole("step")?,
            ["rrd", "lastupdate"] => self.last_s = whole("lastupdate")?,
            ["rrd", "ds", "name"] => self.sources.push(text.escape_default().to_string()),
            ["rrd", "rra", "cf"] => self.archive().function = text.to_owned(),
            ["rrd", "rra", "pdp_per_row"] => self.archive().steps = whole("pdp_per_row")?,
            ["rrd", "rra", "database", "row", "v"] => {
                if self.at == self.column {
                    self.rows += 1;
                    if self.rows > ROWS_MAX {
                        return Err(wrong(format!("it has more than {ROWS_MAX} rows")));
                    }
                    let value = text.parse().unwrap_or(f64::NAN);
                    self.archive().values.push(value);
                }
                self.at += 1;
            }
            _ => {}
        }
        Ok(())
    }

    /// The one that is being read: `begin` has pushed it.
    fn archive(&mut self) -> &mut Rows {
        if self.archives.is_empty() {
            self.archives.push(Rows::default());
        }
        let last = self.archives.len() - 1;
        &mut self.archives[last]
    }

    fn archives(&self, unit_ms: f64) -> Result<Vec<Archive>, ImportError> {
        if self.step_s == 0 || self.last_s == 0 {
            return Err(wrong(
                "it is no dump: it has no <step> or no <lastupdate>".to_owned(),
            ));
        }
        let means = self.archives.iter().filter(|rows| rows.function == "AVERAGE");
        let archives: Vec<Archive> = means
            .map(|means| self.archive_of(means, unit_ms))
            .collect::<Result<_, _>>()?;
        if archives.is_empty() {
            return Err(wrong("it has no archive of AVERAGE".to_owned()));
        }
        Ok(archives)
    }

    fn archive_of(&self, means: &Rows, unit_ms: f64) -> Result<Archive, ImportError> {
        let length_s = self.step_s.checked_mul(means.steps);
        let length_s = length_s
            .filter(|length| (1..=LENGTH_MAX_S).contains(length))
            .ok_or_else(|| wrong("a row of an archive has no length, or one above ten years".to_owned()))?;
        let beside = |function: &str| {
            self.archives
                .iter()
                .find(|rows| rows.function == function && rows.steps == means.steps)
        };
        let (least, most) = (beside("MIN"), beside("MAX"));
        let end_s = self.last_s / length_s * length_s;
        let known = |value: f64| value.is_finite().then_some(value * unit_ms);
        // All archives of one length end together.
        let other = |rows: Option<&Rows>, from_end: usize| {
            let rows = rows?;
            let index = rows.values.len().checked_sub(from_end)?;
            known(*rows.values.get(index)?)
        };
        let count = means.values.len();
        let span = |(index, value): (usize, &f64)| {
            let from_end = count - index;
            let back_s = length_s.checked_mul(from_end as u64)?;
            let from_ns = end_s.checked_sub(back_s)?.checked_mul(1_000_000_000)?;
            Some(Span {
                from: WallTime::from_nanos(i64::try_from(from_ns).ok()?),
                avg_ms: known(*value),
                min_ms: other(least, from_end),
                max_ms: other(most, from_end),
            })
        };
        Ok(Archive {
            length: Duration::from_secs(length_s),
            steps: means.steps,
            spans: means.values.iter().enumerate().filter_map(span).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As rrdtool 1.7 prints it, shortened.
    const DUMP: &str = r#"<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE rrd SYSTEM "https://oss.oetiker.ch/rrdtool/rrdtool.dtd">
<rrd>
	<version>0003</version>
	<step>10</step> <!-- Seconds -->
	<lastupdate>1700000120</lastupdate> <!-- 2023-11-14 22:15:20 UTC -->
	<ds><name> latency </name><type> GAUGE </type><value>0.0000000000e+00</value></ds>
	<rra><cf>AVERAGE</cf><pdp_per_row>1</pdp_per_row>
		<cdp_prep><ds><primary_value>1.2500000000e+01</primary_value><value>NaN</value></ds></cdp_prep>
		<database>
			<!-- 2023-11-14 22:15:10 UTC / 1700000110 --> <row><v>NaN</v></row>
			<!-- 2023-11-14 22:15:20 UTC / 1700000120 --> <row><v>1.2500000000e+01</v></row>
		</database></rra>
	<rra><cf>MIN</cf><pdp_per_row>5</pdp_per_row><database><row><v>6.5000000000e+00</v></row></database></rra>
	<rra><cf>AVERAGE</cf><pdp_per_row>5</pdp_per_row><database>
			<row><v>3.5000000000e+00</v></row> <row><v>8.5000000000e+00</v></row></database></rra>
</rrd>"#;

    const ONLY: Wanted<'static> = Wanted {
        source: None,
        unit_ms: 1.0,
    };

    #[test]
    fn rows_are_dated_back_from_the_last_update() {
        let archives = read(DUMP.as_bytes(), &ONLY).expect("a dump");
        let told: Vec<_> = archives
            .iter()
            .map(|archive| {
                let spans = archive.spans.iter();
                let spans =
                    spans.map(|span| (span.from.as_nanos() / 1_000_000_000, span.avg_ms, span.min_ms));
                (archive.length.as_secs(), archive.steps, spans.collect::<Vec<_>>())
            })
            .collect();
        assert_eq!(
            told,
            [
                (
                    10,
                    1,
                    vec![(1_700_000_100, None, None), (1_700_000_110, Some(12.5), None)]
                ),
                (
                    50,
                    5,
                    vec![
                        (1_700_000_000, Some(3.5), None),
                        (1_700_000_050, Some(8.5), Some(6.5))
                    ]
                ),
            ]
        );
    }

    #[test]
    fn seconds_become_milliseconds_where_that_is_said() {
        let seconds = Wanted {
            unit_ms: 1_000.0,
            ..ONLY
        };
        let archives = read(DUMP.as_bytes(), &seconds).expect("a dump");
        assert_eq!(archives[0].spans[1].avg_ms, Some(12_500.0));
    }

    #[test]
    fn what_is_no_dump_is_refused_and_says_how_to_make_one() {
        for text in [
            "",
            "<rrd>",
            "<html><body>x</body></html>",
            "<rrd><step>10</step><lastupdate>5</lastupdate></rrd>",
            "<rrd><step>ten</step></rrd>",
        ] {
            let error = read(text.as_bytes(), &ONLY).expect_err(text);
            assert!(error.help.contains("rrdtool dump"), "{error}");
        }
        let two = DUMP.replace("<ds><name>", "<ds><name>loss</name></ds><ds><name>");
        let error = read(two.as_bytes(), &ONLY).expect_err("two");
        assert!(error.to_string().contains("loss, latency"), "{error}");
        let missing = Wanted {
            source: Some("rtt"),
            ..ONLY
        };
        let error = read(DUMP.as_bytes(), &missing).expect_err("none");
        assert!(error.to_string().contains("there is: latency"), "{error}");
    }
}
