//! Spells what is told, and what the rules remember, as versioned JSON, and reads it back.
//!
//! What waits in the outbox may be read by a later linewatch, hence the version and shapes of their own: the core knows no
//! serde. A text of another version, or one that is not whole, is refused with a sentence and never guessed at.

use linewatch_core::alert::{
    Cause, CauseKind, Item, Kind, Matcher, Notification, SavedIncident, SavedMessage, Snapshot, Telling,
};
use linewatch_core::event::{EventId, RunId, Severity};
use linewatch_core::target::TargetId;
use linewatch_core::time::WallTime;
use serde::{Deserialize, Serialize};

mod order;

pub(crate) use order::Order;
use order::OrderShape;

/// Of everything here.
const VERSION: u32 = 1;

/// What one letter says.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Content {
    /// Faults and recoveries.
    Alerts(Box<Notification>),
    /// The monitor ended in order.
    Stopped {
        /// When.
        at: WallTime,
        /// `SIGTERM`.
        why: String,
    },
    /// The monitor had been killed.
    Interrupted {
        /// The last it wrote.
        from: WallTime,
        /// When it began again.
        to: WallTime,
    },
    /// What a period was. It is made when it is sent, of what is stored then.
    Report(Order),
}

/// Something that is kept as text.
#[derive(Serialize, Deserialize)]
struct Versioned<T> {
    version: u32,
    #[serde(flatten)]
    content: T,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ContentShape {
    Alerts(NotificationShape),
    Stopped { at_ns: i64, why: String },
    Interrupted { from_ns: i64, to_ns: i64 },
    Report(OrderShape),
}

#[derive(Serialize, Deserialize)]
struct NotificationShape {
    serial: u64,
    at_ns: i64,
    to: Vec<String>,
    severity: String,
    causes: Vec<CauseShape>,
    items: Vec<ItemShape>,
    more: u64,
}

#[derive(Serialize, Deserialize)]
struct CauseShape {
    behind: Option<u32>,
    name: String,
    targets: u64,
    names: Vec<String>,
}

#[derive(Serialize, Deserialize)]
struct ItemShape {
    target: Option<u32>,
    slug: String,
    name: String,
    address: String,
    kind: String,
    telling: String,
    since_ns: i64,
    until_ns: Option<i64>,
    duration_ns: u64,
    sent: u64,
    lost: u64,
    outages: u64,
    value: Option<f64>,
    limit: Option<f64>,
    event: Option<(u64, u64)>,
}

#[derive(Serialize, Deserialize)]
struct SnapshotShape {
    serial: u64,
    incidents: Vec<IncidentShape>,
    cooling: Vec<CoolingShape>,
    /// Absent in what an earlier linewatch wrote, like `sent`: it kept neither.
    #[serde(default)]
    waiting: Vec<MessageShape>,
    #[serde(default)]
    sent: Vec<SentShape>,
}

#[derive(Serialize, Deserialize)]
struct MessageShape {
    to: Vec<String>,
    causes: Vec<CauseShape>,
    items: Vec<ItemShape>,
    more: u64,
}

#[derive(Serialize, Deserialize)]
struct SentShape {
    to: Vec<String>,
    at_ns: Vec<i64>,
}

#[derive(Serialize, Deserialize)]
struct IncidentShape {
    rule: String,
    target: Option<u32>,
    kind: String,
    since_ns: i64,
    told_at_ns: Option<i64>,
    /// Absent: no cause; `null` inside: every target.
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<CauseKindShape>,
    acknowledged: bool,
    escalated: bool,
    sent: u64,
    lost: u64,
    value: Option<f64>,
    event: Option<(u64, u64)>,
    name: String,
}

#[derive(Serialize, Deserialize)]
struct CauseKindShape {
    behind: Option<u32>,
}

#[derive(Serialize, Deserialize)]
struct CoolingShape {
    rule: String,
    target: Option<u32>,
    kind: String,
    until_ns: i64,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct MatcherShape {
    target: String,
    group: String,
    country: String,
    partner: String,
    label: String,
}

/// A letter as text.
pub(crate) fn write_content(content: &Content) -> String {
    text(match content {
        Content::Alerts(notification) => ContentShape::Alerts(shape_of(notification)),
        Content::Stopped { at, why } => ContentShape::Stopped {
            at_ns: at.as_nanos(),
            why: why.clone(),
        },
        Content::Interrupted { from, to } => ContentShape::Interrupted {
            from_ns: from.as_nanos(),
            to_ns: to.as_nanos(),
        },
        Content::Report(order) => ContentShape::Report(OrderShape::of(order)),
    })
}

/// The opposite of [`write_content`].
///
/// # Errors
///
/// What is wrong with the text, in one sentence.
pub(crate) fn read_content(text: &str) -> Result<Content, String> {
    Ok(match read(text)? {
        ContentShape::Alerts(shape) => Content::Alerts(Box::new(notification(shape)?)),
        ContentShape::Stopped { at_ns, why } => Content::Stopped {
            at: WallTime::from_nanos(at_ns),
            why,
        },
        ContentShape::Interrupted { from_ns, to_ns } => Content::Interrupted {
            from: WallTime::from_nanos(from_ns),
            to: WallTime::from_nanos(to_ns),
        },
        ContentShape::Report(shape) => Content::Report(shape.order()?),
    })
}

/// What the rules remember, as text.
pub(crate) fn write_snapshot(snapshot: &Snapshot) -> String {
    text(SnapshotShape {
        serial: snapshot.serial,
        incidents: snapshot.incidents.iter().map(incident_shape).collect(),
        cooling: snapshot
            .cooling
            .iter()
            .map(|(rule, target, kind, until)| CoolingShape {
                rule: rule.clone(),
                target: target.map(|id| id.0),
                kind: kind.word().to_owned(),
                until_ns: until.as_nanos(),
            })
            .collect(),
        waiting: snapshot.waiting.iter().map(message_shape).collect(),
        sent: snapshot.sent.iter().map(sent_shape).collect(),
    })
}

/// The opposite of [`write_snapshot`].
///
/// # Errors
///
/// What is wrong with the text, in one sentence.
pub(crate) fn read_snapshot(text: &str) -> Result<Snapshot, String> {
    let shape: SnapshotShape = read(text)?;
    let cooling = shape.cooling.into_iter().map(|cooling| {
        let kind = kind(&cooling.kind)?;
        let until = WallTime::from_nanos(cooling.until_ns);
        Ok((cooling.rule, cooling.target.map(TargetId), kind, until))
    });
    Ok(Snapshot {
        serial: shape.serial,
        incidents: shape
            .incidents
            .into_iter()
            .map(incident)
            .collect::<Result<_, String>>()?,
        cooling: cooling.collect::<Result<_, String>>()?,
        waiting: shape
            .waiting
            .into_iter()
            .map(message)
            .collect::<Result<_, String>>()?,
        sent: shape.sent.into_iter().map(sent).collect(),
    })
}

/// Whom a silence is about, as text.
pub(crate) fn write_matcher(matcher: &Matcher) -> String {
    text(MatcherShapeOuter {
        matcher: MatcherShape {
            target: matcher.target.clone(),
            group: matcher.group.clone(),
            country: matcher.country.clone(),
            partner: matcher.partner.clone(),
            label: matcher.label.clone(),
        },
    })
}

/// The opposite of [`write_matcher`].
///
/// # Errors
///
/// What is wrong with the text, in one sentence.
pub(crate) fn read_matcher(text: &str) -> Result<Matcher, String> {
    let MatcherShapeOuter { matcher } = read(text)?;
    Ok(Matcher {
        target: matcher.target,
        group: matcher.group,
        country: matcher.country,
        partner: matcher.partner,
        label: matcher.label,
    })
}

#[derive(Serialize, Deserialize)]
struct MatcherShapeOuter {
    matcher: MatcherShape,
}

fn text(content: impl Serialize) -> String {
    let versioned = Versioned {
        version: VERSION,
        content,
    };
    // Strings, numbers and lists under string keys: nothing in there can fail to be JSON.
    serde_json::to_string(&versioned).unwrap_or_default()
}

fn read<T: for<'de> Deserialize<'de>>(text: &str) -> Result<T, String> {
    #[derive(Deserialize)]
    struct Version {
        version: u32,
    }
    let wrong = |error: serde_json::Error| format!("it cannot be read: {error}");
    let Version { version } = serde_json::from_str(text).map_err(wrong)?;
    if version != VERSION {
        return Err(format!(
            "it is of version {version}, this linewatch knows version {VERSION}"
        ));
    }
    let versioned: Versioned<T> = serde_json::from_str(text).map_err(wrong)?;
    Ok(versioned.content)
}

fn shape_of(notification: &Notification) -> NotificationShape {
    NotificationShape {
        serial: notification.serial,
        at_ns: notification.at.as_nanos(),
        to: notification.to.clone(),
        severity: notification.severity.word().to_owned(),
        causes: notification.causes.iter().map(cause_shape).collect(),
        items: notification.items.iter().map(item_shape).collect(),
        more: notification.more,
    }
}

fn notification(shape: NotificationShape) -> Result<Notification, String> {
    Ok(Notification {
        serial: shape.serial,
        at: WallTime::from_nanos(shape.at_ns),
        to: shape.to,
        severity: Severity::from_word(&shape.severity).ok_or_else(|| unknown(&shape.severity))?,
        causes: shape.causes.into_iter().map(cause).collect(),
        items: shape.items.into_iter().map(item).collect::<Result<_, String>>()?,
        more: shape.more,
    })
}

fn cause_shape(cause: &Cause) -> CauseShape {
    CauseShape {
        behind: behind(cause.kind),
        name: cause.name.clone(),
        targets: cause.targets,
        names: cause.names.clone(),
    }
}

fn cause(shape: CauseShape) -> Cause {
    Cause {
        kind: cause_kind(shape.behind),
        name: shape.name,
        targets: shape.targets,
        names: shape.names,
    }
}

fn message_shape(message: &SavedMessage) -> MessageShape {
    MessageShape {
        to: message.to.clone(),
        causes: message.causes.iter().map(cause_shape).collect(),
        items: message.items.iter().map(item_shape).collect(),
        more: message.more,
    }
}

fn message(shape: MessageShape) -> Result<SavedMessage, String> {
    Ok(SavedMessage {
        to: shape.to,
        causes: shape.causes.into_iter().map(cause).collect(),
        items: shape.items.into_iter().map(item).collect::<Result<_, String>>()?,
        more: shape.more,
    })
}

fn sent_shape((to, times): &(Vec<String>, Vec<WallTime>)) -> SentShape {
    SentShape {
        to: to.clone(),
        at_ns: times.iter().map(|at| at.as_nanos()).collect(),
    }
}

fn sent(shape: SentShape) -> (Vec<String>, Vec<WallTime>) {
    let times = shape.at_ns.into_iter().map(WallTime::from_nanos).collect();
    (shape.to, times)
}

fn item_shape(item: &Item) -> ItemShape {
    ItemShape {
        target: item.target.map(|id| id.0),
        slug: item.slug.clone(),
        name: item.name.clone(),
        address: item.address.clone(),
        kind: item.kind.word().to_owned(),
        telling: item.telling.word().to_owned(),
        since_ns: item.since.as_nanos(),
        until_ns: item.until.map(WallTime::as_nanos),
        duration_ns: item.duration_ns,
        sent: item.sent,
        lost: item.lost,
        outages: item.outages,
        value: item.value,
        limit: item.limit,
        event: item.event.map(event_shape),
    }
}

fn item(shape: ItemShape) -> Result<Item, String> {
    Ok(Item {
        target: shape.target.map(TargetId),
        slug: shape.slug,
        name: shape.name,
        address: shape.address,
        kind: kind(&shape.kind)?,
        telling: Telling::from_word(&shape.telling).ok_or_else(|| unknown(&shape.telling))?,
        since: WallTime::from_nanos(shape.since_ns),
        until: shape.until_ns.map(WallTime::from_nanos),
        duration_ns: shape.duration_ns,
        sent: shape.sent,
        lost: shape.lost,
        outages: shape.outages,
        value: shape.value,
        limit: shape.limit,
        event: shape.event.map(event),
    })
}

fn incident_shape(incident: &SavedIncident) -> IncidentShape {
    IncidentShape {
        rule: incident.rule.clone(),
        target: incident.target.map(|id| id.0),
        kind: incident.kind.word().to_owned(),
        since_ns: incident.since.as_nanos(),
        told_at_ns: incident.told_at.map(WallTime::as_nanos),
        cause: incident.cause.map(|kind| CauseKindShape { behind: behind(kind) }),
        acknowledged: incident.is_acknowledged,
        escalated: incident.is_escalated,
        sent: incident.sent,
        lost: incident.lost,
        value: incident.value,
        event: incident.event.map(event_shape),
        name: incident.name.clone(),
    }
}

fn incident(shape: IncidentShape) -> Result<SavedIncident, String> {
    Ok(SavedIncident {
        rule: shape.rule,
        target: shape.target.map(TargetId),
        kind: kind(&shape.kind)?,
        since: WallTime::from_nanos(shape.since_ns),
        told_at: shape.told_at_ns.map(WallTime::from_nanos),
        cause: shape.cause.map(|cause| cause_kind(cause.behind)),
        is_acknowledged: shape.acknowledged,
        is_escalated: shape.escalated,
        sent: shape.sent,
        lost: shape.lost,
        value: shape.value,
        event: shape.event.map(event),
        name: shape.name,
    })
}

const fn behind(kind: CauseKind) -> Option<u32> {
    match kind {
        CauseKind::Behind(id) => Some(id.0),
        CauseKind::EveryTarget => None,
    }
}

fn cause_kind(behind: Option<u32>) -> CauseKind {
    behind.map_or(CauseKind::EveryTarget, |id| CauseKind::Behind(TargetId(id)))
}

fn kind(word: &str) -> Result<Kind, String> {
    Kind::from_word(word).ok_or_else(|| unknown(word))
}

const fn event_shape(id: EventId) -> (u64, u64) {
    (id.run.0, id.seq)
}

const fn event((run, seq): (u64, u64)) -> EventId {
    EventId { run: RunId(run), seq }
}

fn unknown(word: &str) -> String {
    format!("it says \"{word}\", a word this linewatch does not know")
}

#[cfg(test)]
mod tests;
