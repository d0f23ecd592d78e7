//! Makes the report that goes out by mail: the table of all lines, and the same documents as `linewatch report` of the worst.
//!
//! Works in the thread that asks, which is that of the way of reports or of a person's test, and reads through connections of its own: neither rules nor the
//! store's writer wait for it. Surprising rule: what is attached is bounded in lines, documents and bytes, because mail servers
//! refuse what is large; what finds no room is said in the mail. Not here: when (`notify`), figures and words (`render::report`).

use std::collections::HashMap;
use std::sync::Arc;

use linewatch_core::port::{History, HistoryError, StoredTarget};
use linewatch_core::target::{Target, TargetId};
use linewatch_core::time::WallTime;
use linewatch_render::graph::GraphPeriod;
use linewatch_render::message::Letterhead;
use linewatch_render::report::{
    self, Digest, FLEET, Paper, ReportAsk, ReportStyle, ReportSubject, Section, digest_rows,
};
use linewatch_render::when::compact;

use crate::notify::shape::Order;
use crate::notify::{Made, MakeReport, Page};

/// Lines in the report of all: its tables have a row each, which is some twenty sheets.
const FLEET_LINES: usize = 200;
/// Reports of one line each: as many as somebody opens.
const PAGES: usize = 10;
/// All of them: 4 MiB are 5.5 MiB as mail, below the 10 MB that even careful servers take.
const BYTES: usize = 4 << 20;

/// Makes reports of this history.
pub(crate) fn maker(history: Arc<dyn History>) -> MakeReport {
    Box::new(move |order, targets, head| {
        make(history.as_ref(), order, targets, head)
            .map_err(|error| format!("the report cannot be made: {error}"))
    })
}

fn make(
    history: &dyn History,
    order: &Order,
    targets: &[Target],
    head: &Letterhead,
) -> Result<Made, HistoryError> {
    let subjects = subjects(&history.targets()?, targets);
    let to = order.to.min(order.made);
    let rows = digest_rows(history, &subjects, (order.from, to))?;
    let by_slug: HashMap<&str, &ReportSubject> = subjects
        .iter()
        .map(|subject| (subject.slug.as_str(), subject))
        .collect();
    let worst = |most: usize| -> Vec<ReportSubject> {
        let found = rows
            .iter()
            .take(most)
            .filter_map(|row| by_slug.get(row.slug.as_str()));
        found.map(|subject| (*subject).clone()).collect()
    };
    let writer = Writer {
        history,
        order,
        head,
        to,
    };
    let mut pages = Vec::new();
    let mut room = BYTES;
    let mut fleet_lines = 0;
    if rows.len() > 1 {
        let lines = worst(FLEET_LINES);
        if let Some(page) = writer.page(FLEET, &lines, room)? {
            room -= page.html.len();
            fleet_lines = lines.len();
            pages.push(page);
        }
    }
    let mut singles = 0;
    for subject in worst(PAGES) {
        let name = subject.slug.clone();
        let Some(page) = writer.page(&name, &[subject], room)? else {
            break;
        };
        room -= page.html.len();
        singles += 1;
        pages.push(page);
    }
    let digest = Digest {
        span: order.span,
        from: order.from,
        to,
        rows,
        fleet_lines,
        pages: singles,
    };
    Ok(Made { digest, pages })
}

/// The configured targets with all their series; of one that has none yet, its name.
fn subjects(stored: &[StoredTarget], targets: &[Target]) -> Vec<ReportSubject> {
    let mut series = HashMap::<&str, Vec<TargetId>>::new();
    for target in stored {
        series.entry(target.slug.as_str()).or_default().push(target.id);
    }
    let subject = |target: &Target| ReportSubject {
        slug: target.slug.clone(),
        name: target.name.clone(),
        series: series.get(target.slug.as_str()).cloned().unwrap_or_default(),
        target: Some(target.clone()),
        ip: None,
    };
    targets.iter().map(subject).collect()
}

/// Writes documents of one period.
struct Writer<'a> {
    history: &'a dyn History,
    order: &'a Order,
    head: &'a Letterhead,
    to: WallTime,
}

impl Writer<'_> {
    /// The document of these, with as many parts as fit; `None`: not even the fewest do.
    fn page(&self, name: &str, of: &[ReportSubject], room: usize) -> Result<Option<Page>, HistoryError> {
        let is_fleet = name == FLEET;
        // Outages are what there may be thousands of.
        let fewer = [Section::Verdict, Section::Tables, Section::Chart, Section::Method];
        for sections in [Section::USUAL.to_vec(), fewer.to_vec()] {
            let html = self.document(is_fleet, of, sections)?;
            if html.len() <= room {
                let file_name = self.file_name(name);
                return Ok(Some(Page { file_name, html }));
            }
        }
        Ok(None)
    }

    fn document(
        &self,
        is_fleet: bool,
        of: &[ReportSubject],
        sections: Vec<Section>,
    ) -> Result<String, HistoryError> {
        let asked = ReportAsk {
            is_fleet,
            period: GraphPeriod {
                from: self.order.from,
                to: self.to,
                now: self.order.made,
                zone: self.head.zone.clone(),
            },
            vantage: self.head.vantage.clone(),
            version: self.head.version.clone(),
            sections: sections.clone(),
        };
        let style = ReportStyle {
            language: self.head.language,
            paper: Paper::A4,
            sections,
            csv: None,
        };
        let report = report::ask(self.history, of, &asked)?;
        Ok(report::html(&report, &style).html)
    }

    /// `report-gw-20261116.html`: a slug has letters, digits and `-` only, but one that was imported may be of any kind.
    fn file_name(&self, name: &str) -> String {
        let plain: String = name
            .chars()
            .filter(|letter| letter.is_ascii_alphanumeric() || "-_.".contains(*letter))
            .take(60)
            .collect();
        let from = compact(self.order.from, &self.head.zone);
        let day = from.split('_').next().unwrap_or_default();
        format!("report-{plain}-{day}.html")
    }
}

#[cfg(test)]
mod tests;
