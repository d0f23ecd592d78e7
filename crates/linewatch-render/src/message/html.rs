//! Sets a message as HTML: tables and inline styles, because mail programs know little else; a dark dress where it is asked for.

use std::fmt::Write as _;

use linewatch_core::alert::Telling;

use super::phrases::Phrases;
use super::{Letterhead, Matter, Picture, links, sentences, subject};
use crate::report::{Digest, DigestTold};

/// Colours of UI.md section 6, light; the dark ones are in the style sheet.
const STYLE: &str = "\
:root{color-scheme:light dark;supported-color-schemes:light dark}\
@media (prefers-color-scheme:dark){\
.page{background:#0a0c10!important}.paper{background:#11141a!important}\
.text{color:#edf0f5!important}.muted{color:#a0a9b8!important}\
.line{border-color:#232934!important}.open{background:#8ea6ff!important;color:#0a0c10!important}\
.bad{border-top-color:#f7306c!important}.good{border-top-color:#36c9a5!important}}";

pub(super) fn page(head: &Letterhead, matter: &Matter<'_>, picture: Option<&Picture>) -> String {
    let phrases = Phrases::of(head.language);
    let language = match head.language {
        super::Language::English => "en",
        super::Language::Indonesian => "id",
    };
    let title = escape(&subject(head, matter));
    let (edge, edge_class) = if is_good_news(matter) {
        ("#17957a", "good")
    } else {
        ("#8f0039", "bad")
    };
    let mut body = String::new();
    for sentence in sentences(head, matter) {
        // The title has just said so.
        if title.ends_with(&escape(&sentence.text)) {
            continue;
        }
        let weight = if sentence.is_headline { "600" } else { "400" };
        let text = escape(&sentence.text);
        _ = write!(
            body,
            "<p class=\"text\" style=\"margin:0 0 10px;font-size:15px;line-height:1.5;font-weight:{weight};color:#12161d\">{text}</p>"
        );
    }
    if let Some(picture) = picture {
        _ = write!(
            body,
            "<img src=\"{}\" alt=\"{}\" width=\"544\" class=\"line muted\" style=\"display:block;width:100%;max-width:544px;height:auto;\
             margin:12px 0;border:1px solid #dfe3ea;border-radius:7px;color:#515c6c;font-size:13px\">",
            escape(&picture.source),
            escape(&picture.alt)
        );
    }
    facts(&mut body, &phrases, matter);
    if let Matter::Report(digest) = matter {
        table(&mut body, head, digest);
    }
    if !head.page.is_empty()
        && let Some(first) = links(head, matter).first()
    {
        _ = write!(
            body,
            "<p style=\"margin:18px 0 0\"><a class=\"open\" href=\"{0}\" style=\"display:inline-block;padding:11px 18px;border-radius:7px;\
             background:#3451c6;color:#ffffff;font-weight:600;text-decoration:none\">{1}</a></p>\
             <p class=\"muted\" style=\"margin:8px 0 0;font-size:12px;line-height:1.5;color:#515c6c\">{2} {0}</p>",
            escape(first),
            escape(&phrases.open()),
            escape(&phrases.reach())
        );
    }
    let vantage = escape(&crate::text::printable(&head.vantage));
    let footer = escape(&crate::text::printable(&phrases.footer(head)));
    format!(
        "<!doctype html><html lang=\"{language}\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>{title}</title><style>{STYLE}</style></head>\
         <body class=\"page\" style=\"margin:0;padding:20px;background:#f6f7f9;font-family:system-ui,-apple-system,'Segoe UI',Roboto,sans-serif\">\
         <table role=\"presentation\" align=\"center\" width=\"100%\" cellspacing=\"0\" cellpadding=\"0\" class=\"paper {edge_class}\" \
         style=\"max-width:600px;margin:0 auto;background:#ffffff;border-top:5px solid {edge}\"><tr><td style=\"padding:24px 28px\">\
         <p class=\"muted\" style=\"margin:0 0 8px;font-size:13px;color:#515c6c\">linewatch · {vantage}</p>\
         <h1 class=\"text\" style=\"margin:0 0 14px;font-size:22px;line-height:1.3;color:#12161d\">{title}</h1>{body}\
         <p class=\"muted line\" style=\"margin:22px 0 0;padding-top:14px;border-top:1px solid #dfe3ea;font-size:12px;line-height:1.5;color:#515c6c\">{footer}</p>\
         </td></tr></table></body></html>\n"
    )
}

/// The figures of the one fault a message is about, a row each. Of several faults each sentence has its own.
fn facts(body: &mut String, phrases: &Phrases, matter: &Matter<'_>) {
    let Matter::Alerts(notifications) = matter else {
        return;
    };
    let newest = super::newest(notifications);
    let [item] = newest.as_slice() else {
        return;
    };
    let causes = notifications.iter().flat_map(|each| &each.causes);
    let cause = causes.into_iter().find(|cause| super::is_its_cause(cause, item));
    let rows = phrases.facts(item, cause);
    if rows.is_empty() {
        return;
    }
    body.push_str("<table width=\"100%\" cellspacing=\"0\" cellpadding=\"0\" style=\"margin:14px 0 0;border-collapse:collapse;font-size:14px\">");
    for (what, value) in rows {
        _ = write!(
            body,
            "<tr><td class=\"muted line\" style=\"padding:7px 12px 7px 0;border-bottom:1px solid #dfe3ea;color:#515c6c\">{}</td>\
             <td class=\"text line\" align=\"right\" style=\"padding:7px 0;border-bottom:1px solid #dfe3ea;font-weight:600;color:#12161d\">{}</td></tr>",
            escape(&what),
            escape(&crate::text::printable(&value))
        );
    }
    body.push_str("</table>");
}

/// The rows of a report: names on the left, figures on the right, what was bad in bold.
fn table(body: &mut String, head: &Letterhead, digest: &Digest) {
    let told = DigestTold::new(digest, head.language, &head.zone);
    // Seven columns are wider than a phone: there the table scrolls in its own box.
    body.push_str("<div style=\"margin:14px 0 0;overflow-x:auto\"><table width=\"100%\" cellspacing=\"0\" cellpadding=\"0\" style=\"border-collapse:collapse;font-size:13px\"><thead><tr>");
    for (place, column) in told.heads().into_iter().enumerate() {
        _ = write!(
            body,
            "<th scope=\"col\" class=\"muted line\" align=\"{}\" style=\"padding:6px 0 6px {};border-bottom:1px solid #dfe3ea;font-weight:600;color:#515c6c\">{}</th>",
            side(place),
            indent(place),
            escape(column)
        );
    }
    body.push_str("</tr></thead><tbody>");
    for (row, cells) in digest.rows.iter().zip(told.rows()) {
        let weight = if row.outages > 0 { "600" } else { "400" };
        body.push_str("<tr>");
        for (place, cell) in cells.iter().enumerate() {
            let wrap = if place == 0 { "normal" } else { "nowrap" };
            _ = write!(
                body,
                "<td class=\"text line\" align=\"{}\" style=\"padding:6px 0 6px {};border-bottom:1px solid #dfe3ea;white-space:{wrap};font-weight:{weight};color:#12161d\">{}</td>",
                side(place),
                indent(place),
                escape(cell)
            );
        }
        body.push_str("</tr>");
    }
    body.push_str("</tbody></table></div>");
}

const fn side(place: usize) -> &'static str {
    if place == 0 { "left" } else { "right" }
}

const fn indent(place: usize) -> &'static str {
    if place == 0 { "0" } else { "12px" }
}

/// Nothing in it lasts.
fn is_good_news(matter: &Matter<'_>) -> bool {
    match matter {
        Matter::Alerts(notifications) => super::newest(notifications)
            .iter()
            .all(|item| matches!(item.telling, Telling::Ended | Telling::Withdrawn)),
        Matter::Report(digest) => DigestTold::is_good(digest),
        Matter::Test { .. } => true,
        Matter::Stopped { .. } | Matter::Interrupted { .. } => false,
    }
}

/// Text as HTML may hold it, between tags and inside quoted attributes.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            _ => escaped.push(letter),
        }
    }
    escaped
}
