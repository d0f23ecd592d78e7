//! Spells which report a letter orders. The report itself is made when it is sent: what waits is a few numbers, not a megabyte.

use linewatch_core::time::WallTime;
use linewatch_render::report::DigestSpan;
use serde::{Deserialize, Serialize};

/// Which report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Order {
    /// How long the period is.
    pub span: DigestSpan,
    /// Begin.
    pub from: WallTime,
    /// End.
    pub to: WallTime,
    /// When it was decided: the report says so, the same at each attempt.
    pub made: WallTime,
}

/// An [`Order`] as JSON.
#[derive(Serialize, Deserialize)]
pub(super) struct OrderShape {
    span: String,
    from_ns: i64,
    to_ns: i64,
    made_ns: i64,
}

impl OrderShape {
    pub(super) fn of(order: &Order) -> Self {
        Self {
            span: word(order.span).to_owned(),
            from_ns: order.from.as_nanos(),
            to_ns: order.to.as_nanos(),
            made_ns: order.made.as_nanos(),
        }
    }

    /// The opposite; else which word a later version wrote.
    pub(super) fn order(&self) -> Result<Order, String> {
        let spans = [DigestSpan::Week, DigestSpan::Month, DigestSpan::Days];
        let span = spans.into_iter().find(|span| word(*span) == self.span);
        Ok(Order {
            span: span.ok_or_else(|| super::unknown(&self.span))?,
            from: WallTime::from_nanos(self.from_ns),
            to: WallTime::from_nanos(self.to_ns),
            made: WallTime::from_nanos(self.made_ns),
        })
    }
}

const fn word(span: DigestSpan) -> &'static str {
    match span {
        DigestSpan::Week => "week",
        DigestSpan::Month => "month",
        DigestSpan::Days => "days",
    }
}
