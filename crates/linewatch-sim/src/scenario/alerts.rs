//! Reads what is told: one rule a line, and the mails that a story expects.
//!
//! A line that says nothing more is the rule a person has who wrote none: outages, with the times of INTERFACE.md.

use std::time::Duration;

use linewatch_core::alert::{Kind, Matcher, Policy, Rule};
use linewatch_core::time::MonoTime;

use super::words::Words;
use super::{ExpectKind, ScenarioError};

/// `alerts.for`, `alerts.group_wait` and `alerts.cooldown` of INTERFACE.md.
const HOLD: Duration = Duration::from_secs(10);
/// See [`HOLD`].
const GROUP_WAIT: Duration = Duration::from_secs(5);
/// See [`HOLD`].
const COOLDOWN: Duration = Duration::from_secs(300);
/// How far a mail may be off without a word: a mail leaves with the probe that decides.
const WITHIN: Duration = Duration::from_millis(100);

/// Times without a rule.
pub(super) fn nothing() -> Policy {
    Policy {
        rules: Vec::new(),
        cooldown: COOLDOWN,
        group_wait: GROUP_WAIT,
        maintenance: Vec::new(),
    }
}

/// `alert [KIND] [above N] [for D] [group_wait D] [cooldown D]`.
pub(super) fn parse(policy: &mut Policy, words: &mut Words) -> Result<(), ScenarioError> {
    let kind = match words.peek().and_then(Kind::from_word) {
        Some(kind) => {
            words.any("a kind of alert")?;
            kind
        }
        None => Kind::Outage,
    };
    let mut rule = Rule {
        key: kind.word().to_owned(),
        matcher: Matcher::default(),
        kind,
        above: None,
        hold: HOLD,
        to: Vec::new(),
        escalation: None,
    };
    while !words.is_empty() {
        let key = words.any("above, for, group_wait or cooldown")?;
        match key.as_str() {
            "above" => rule.above = Some(words.number()?),
            "for" => rule.hold = words.duration()?,
            "group_wait" => policy.group_wait = words.duration()?,
            "cooldown" => policy.cooldown = words.duration()?,
            _ => {
                let known = "expected a kind of alert, above, for, group_wait or cooldown";
                return Err(words.wrong_word(&key, known));
            }
        }
    }
    policy.rules.push(rule);
    Ok(())
}

/// `none`, or `T "TEXT"` for each, `[within D]`.
pub(super) fn mails(words: &mut Words) -> Result<ExpectKind, ScenarioError> {
    let mut mails: Vec<(MonoTime, String)> = Vec::new();
    let mut within = WITHIN;
    if !words.take("none") {
        while !words.is_empty() && words.peek() != Some("within") {
            mails.push((words.instant()?, words.any("what the mail says")?));
        }
        if mails.is_empty() {
            return Err(words.wrong_word("", "expected none, or an instant and what the mail says"));
        }
    }
    if words.take("within") {
        within = words.duration()?;
    }
    Ok(ExpectKind::Mails { mails, within })
}
