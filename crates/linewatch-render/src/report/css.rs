//! The style of a report: paper first, a screen second; light always, and legible without its colours.
//!
//! What stands above and below each printed page comes from the outside world, so it is written in a form in which no
//! sign of it has a meaning.

use std::fmt::Write as _;

use super::Paper;

/// What surrounds the printed page.
pub(super) struct Margins {
    /// Above, left; not on the first page, whose title says it.
    pub(super) title: String,
    /// Above, right.
    pub(super) kind: String,
    /// Below, left.
    pub(super) made: String,
    /// Between the number of the page and that of all.
    pub(super) of: &'static str,
}

/// The whole style sheet.
pub(super) fn sheet(paper: Paper, margins: &Margins) -> String {
    let size = match paper {
        Paper::A4 => "A4",
        Paper::Letter => "letter",
    };
    let mut sheet = String::with_capacity(SHEET.len() + 1024);
    let words = "font:8pt Inter,system-ui,sans-serif;color:#515c6c";
    // Writing to a String cannot fail.
    let _ = write!(
        sheet,
        "@page{{size:{size};margin:17mm 15mm 16mm;\
         @top-left{{content:{title};{words}}}@top-right{{content:{kind};{words}}}\
         @bottom-left{{content:{made};{words}}}@bottom-right{{content:counter(page) {of} counter(pages);{words}}}}}\n\
         @page:first{{@top-left{{content:none}}@top-right{{content:none}}}}\n",
        title = quoted(&margins.title),
        kind = quoted(&margins.kind),
        made = quoted(&margins.made),
        of = quoted(&format!(" {} ", margins.of)),
    );
    sheet.push_str(SHEET);
    sheet
}

/// A string of CSS in which every sign that is no letter, digit or space is written by its number: nothing ends the
/// string, and nothing ends the element.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for sign in text.chars() {
        if sign.is_ascii_alphanumeric() || sign == ' ' {
            quoted.push(sign);
        } else {
            let _ = write!(quoted, "\\{:x} ", u32::from(sign));
        }
    }
    quoted.push('"');
    quoted
}

const SHEET: &str = "\
:root{color-scheme:light}
*{box-sizing:border-box}
html{background:#c9ced8;-webkit-text-size-adjust:100%}
body{margin:0;color:#12161d;font:10pt/1.45 Inter,system-ui,-apple-system,\"Segoe UI\",Roboto,\"Noto Sans\",sans-serif;\
-webkit-print-color-adjust:exact;print-color-adjust:exact}
main{background:#fff;width:100%;max-width:794px;margin:24px auto;padding:48px;box-shadow:0 4px 20px rgb(18 22 29/.18);overflow-wrap:anywhere}
h1,h2,h3,p,dl,dd,figure,table{margin:0}
h1{font-size:20pt;line-height:1.2;font-weight:650;margin:18px 0 4px;overflow-wrap:anywhere}
h2{font-size:12pt;font-weight:650;margin:26px 0 8px;break-after:avoid}
h3{font-size:10.5pt;font-weight:650;margin:16px 0 6px;break-after:avoid}
.mast{display:flex;justify-content:space-between;align-items:center;gap:16px;border-bottom:1.5px solid #12161d;padding-bottom:10px}
.mast b{display:flex;align-items:center;gap:8px;font-weight:650}.mast svg{width:20px;height:20px}
.mast span,.muted,.note{color:#515c6c}.note{font-size:8.5pt;margin-top:6px}
.verdict{margin-top:16px;padding:12px 16px;background:#eff1f5;border-left:4px solid #515c6c;border-radius:0 6px 6px 0;break-inside:avoid}
.verdict p+p{margin-top:2px}.verdict .headline{font-size:12pt;font-weight:650;display:flex;gap:9px;align-items:baseline}
.verdict svg{width:13px;height:13px;flex:none}
.verdict.good{border-color:#17957a}.verdict.good svg{color:#17957a}
.verdict.troubled{border-color:#ad4a1c}.verdict.troubled svg{color:#ad4a1c}
.verdict.bad{border-color:#8f0039}.verdict.bad svg{color:#8f0039}
table{width:100%;border-collapse:collapse;font-size:8.5pt;font-variant-numeric:tabular-nums}
caption{text-align:left;font-size:8.5pt;color:#515c6c;caption-side:bottom;padding-top:6px}
th{font-weight:400;color:#515c6c;text-align:left;vertical-align:bottom;border-bottom:1.25px solid #12161d;padding:4px 0 5px 8px}
td,tbody th{padding:5px 0 5px 8px;border-bottom:1px solid #dfe3ea;vertical-align:top;color:#12161d}
tbody th{font-weight:400}
th:first-child,td:first-child{padding-left:0}
.n{text-align:right;white-space:nowrap}.t{white-space:nowrap}
.strong{font-weight:650}
.name{min-width:90px}
tr,.tiles,.lanes,figure,.keep{break-inside:avoid}
thead{display:table-header-group}
.chart svg{display:block;width:100%;height:auto}
.tiles{display:grid;grid-template-columns:repeat(4,1fr);border:solid #dfe3ea;border-width:1px 0;margin-top:16px}
.tiles div{padding:10px 12px}.tiles div+div{border-left:1px solid #dfe3ea}.tiles div:first-child{padding-left:0}
.tiles dt{font-size:8.5pt;color:#515c6c}.tiles dd{font-size:14pt;font-weight:650;line-height:1.5}.tiles dd+dd{font-size:8.5pt;font-weight:400;color:#515c6c}
.method{columns:2;column-gap:28px;font-size:8.5pt}.method p{break-inside:avoid;margin-bottom:7px}
code{font-family:\"JetBrains Mono\",ui-monospace,Menlo,Consolas,monospace;font-size:.95em}
a{color:#3451c6}
.made{margin-top:28px;padding-top:8px;border-top:1px solid #dfe3ea;font-size:8pt;color:#515c6c}
.wide{max-width:100%}
@media screen{.wide{overflow-x:auto}.wide:focus-visible{outline:2px solid #3451c6;outline-offset:2px}}
@media screen and (max-width:719px){main{margin:0;padding:20px 16px;box-shadow:none}html{background:#fff}\
.wide table,.wide svg{min-width:640px}.tiles{grid-template-columns:1fr 1fr}.tiles div:nth-child(odd){border-left:0;padding-left:0}.method{columns:1}}
@media print{html{background:none}main{max-width:none;margin:0;padding:0;box-shadow:none}h1{margin-top:12px}.made{display:none}}
@media print and (forced-colors:active){*{forced-color-adjust:none}}
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_can_end_the_string_or_the_style() {
        assert_eq!(quoted("Gw 1"), "\"Gw 1\"");
        let hostile = quoted("\"}</style><img>\\é\n");
        assert_eq!(
            hostile,
            "\"\\22 \\7d \\3c \\2f style\\3e \\3c img\\3e \\5c \\e9 \\a \""
        );
    }

    #[test]
    fn the_paper_is_the_one_that_was_asked_for() {
        let margins = Margins {
            title: String::new(),
            kind: String::new(),
            made: String::new(),
            of: "of",
        };
        assert!(sheet(Paper::A4, &margins).starts_with("@page{size:A4;"));
        assert!(sheet(Paper::Letter, &margins).starts_with("@page{size:letter;"));
    }
}
