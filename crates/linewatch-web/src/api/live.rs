//! Messages of the WebSocket, both ways (docs/websocket.md).

use serde::{Deserialize, Serialize, Serializer};

use super::{BinRow, EventRow, GapRow, OverviewRow, ProbeRow, SumRow, TargetDetail};

/// A message's `t`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tag(&'static str);

impl Serialize for Tag {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0)
    }
}

/// The answer to a hello; also sent, with `reset`, to one that fell too far behind.
#[derive(Debug, Serialize)]
pub(crate) struct WelcomeMessage {
    t: Tag,
    v: u8,
    pub(crate) epoch: String,
    pub(crate) run: u64,
    pub(crate) seq: u64,
    pub(crate) now: i64,
    hz: u64,
    pub(crate) reset: bool,
    pub(crate) targets: Vec<OverviewRow>,
}

/// Who speaks and how far: what [`WelcomeMessage::new`] takes.
#[derive(Clone, Debug)]
pub(crate) struct Standing {
    pub(crate) epoch: String,
    pub(crate) run: u64,
    pub(crate) seq: u64,
    pub(crate) now: i64,
}

impl WelcomeMessage {
    /// A welcome as of `standing`.
    pub(crate) fn new(standing: Standing, reset: bool, targets: Vec<OverviewRow>) -> Self {
        let Standing { epoch, run, seq, now } = standing;
        let hz = 1_000 / super::whole_ms(linewatch_core::limits::LIVE_FRAME).max(1);
        Self {
            t: Tag("welcome"),
            v: 1,
            epoch,
            run,
            seq,
            now,
            hz,
            reset,
            targets,
        }
    }
}

/// Probes of 250 ms.
#[derive(Debug, Serialize)]
pub(crate) struct BatchMessage {
    t: Tag,
    pub(crate) seq: u64,
    pub(crate) base: i64,
    pub(crate) d: Vec<ProbeRow>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) m: Vec<BinRow>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) g: Vec<GapRow>,
    #[serde(skip_serializing_if = "is_false")]
    pub(crate) merged: bool,
}

impl BatchMessage {
    /// A message without rows yet.
    pub(crate) fn new(seq: u64, base: i64) -> Self {
        Self {
            t: Tag("b"),
            seq,
            base,
            d: Vec::new(),
            m: Vec::new(),
            g: Vec::new(),
            merged: false,
        }
    }

    /// There is nothing to tell.
    pub(crate) fn is_empty(&self) -> bool {
        self.d.is_empty() && self.m.is_empty() && self.g.is_empty()
    }
}

/// Changed rows of the fleet table.
#[derive(Debug, Serialize)]
pub(crate) struct SumMessage<'a> {
    t: Tag,
    seq: u64,
    d: Vec<SumRow<'a>>,
}

impl<'a> SumMessage<'a> {
    pub(crate) fn new(seq: u64, d: Vec<SumRow<'a>>) -> Self {
        Self {
            t: Tag("sum"),
            seq,
            d,
        }
    }
}

/// All figures of one subscribed target.
#[derive(Debug, Serialize)]
pub(crate) struct DetailMessage {
    t: Tag,
    seq: u64,
    d: TargetDetail,
}

impl DetailMessage {
    pub(crate) fn new(seq: u64, d: TargetDetail) -> Self {
        Self {
            t: Tag("det"),
            seq,
            d,
        }
    }
}

/// Something happened.
#[derive(Debug, Serialize)]
pub(crate) struct EventMessage<'a> {
    t: Tag,
    seq: u64,
    e: &'a EventRow,
}

impl<'a> EventMessage<'a> {
    pub(crate) fn new(seq: u64, e: &'a EventRow) -> Self {
        Self { t: Tag("ev"), seq, e }
    }
}

/// The targets changed: fetch the overview again.
#[derive(Debug, Serialize)]
pub(crate) struct MarkMessage {
    t: Tag,
    seq: u64,
}

impl MarkMessage {
    pub(crate) fn config(seq: u64) -> Self {
        Self { t: Tag("cfg"), seq }
    }
}

/// A sign of life.
#[derive(Debug, Serialize)]
pub(crate) struct HeartbeatMessage {
    t: Tag,
    seq: u64,
    now: i64,
}

impl HeartbeatMessage {
    pub(crate) fn new(seq: u64, now: i64) -> Self {
        Self {
            t: Tag("hb"),
            seq,
            now,
        }
    }
}

/// What a browser says.
#[derive(Debug, Deserialize)]
#[serde(tag = "t", rename_all = "lowercase", deny_unknown_fields)]
pub(crate) enum ClientMessage {
    Hello {
        v: u8,
        resume: Option<Resume>,
        sub: Subscription,
    },
    Sub {
        sub: Subscription,
    },
    Pause,
    Ack {
        seq: u64,
    },
}

/// Where a browser was.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Resume {
    pub(crate) epoch: String,
    pub(crate) seq: u64,
}

/// What a browser wants.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Subscription {
    pub(crate) targets: Selection,
    pub(crate) detail: Vec<String>,
    pub(crate) events: bool,
}

/// `"*"` or a list of ids.
#[derive(Clone, Debug)]
pub(crate) enum Selection {
    All,
    Some(Vec<String>),
}

impl<'de> Deserialize<'de> for Selection {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        /// Reads either shape; written out because an untagged enum would not say what was expected.
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = Selection;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("\"*\" or a list of target ids")
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Selection, E> {
                match text {
                    "*" => Ok(Selection::All),
                    _ => Err(E::invalid_value(serde::de::Unexpected::Str(text), &self)),
                }
            }
            fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut list: A) -> Result<Selection, A::Error> {
                let mut ids = Vec::new();
                while let Some(id) = list.next_element()? {
                    ids.push(id);
                }
                Ok(Selection::Some(ids))
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde's skip_serializing_if passes a reference"
)]
fn is_false(value: &bool) -> bool {
    !*value
}
