//! Reads the directives of a scenario: targets, the network, clocks, and what people do.
//!
//! The language is described in `tests/scenarios/README.md`; that page and this file say the same.

use std::net::IpAddr;
use std::time::Duration;

use linewatch_core::record::Class;
use linewatch_core::target::{
    Address, Family, Host, Method, ProbePlan, Target, TargetId, Thresholds, UdpPayload,
};
use linewatch_core::time::MonoTime;

use super::alerts;
use super::expects;
use super::words::{Words, duration};
use super::{Act, ActKind, Scenario, ScenarioError, Whose};
use crate::clock::ClockScript;
use crate::path::{Effect, Forgery, Rejection, Shape, Spell};

/// How long a story runs that does not say it.
const LENGTH_DEFAULT: Duration = Duration::from_secs(60);

pub(super) fn parse(text: &str) -> Result<Scenario, ScenarioError> {
    let mut scenario = Scenario {
        seed: 1,
        class: Class::K,
        engines: 1,
        length: LENGTH_DEFAULT,
        targets: Vec::new(),
        spells: Vec::new(),
        clock: ClockScript::default(),
        acts: Vec::new(),
        policy: alerts::nothing(),
        expects: Vec::new(),
    };
    for (number, line) in (1..).zip(text.lines()) {
        let mut words = Words::of(number, line)?;
        if words.is_empty() {
            continue;
        }
        directive(&mut scenario, &mut words)?;
        words.end()?;
    }
    scenario.acts.sort_by_key(|act| act.at);
    Ok(scenario)
}

fn directive(scenario: &mut Scenario, words: &mut Words) -> Result<(), ScenarioError> {
    let verb = words.any("a directive")?;
    match verb.as_str() {
        "seed" => scenario.seed = words.count()?,
        "run" => scenario.length = words.duration()?,
        "engines" => scenario.engines = words.count()?.clamp(1, 8) as usize,
        "stamps" => scenario.class = class(words)?,
        "target" => targets(scenario, words, MonoTime::ZERO, 1)?,
        "targets" => {
            let many = words.count()?;
            targets(scenario, words, MonoTime::ZERO, many)?;
        }
        "label" => label(scenario, words)?,
        "outage" => policy(scenario, words)?,
        "net" => net(scenario, words, MonoTime::ZERO, None)?,
        "alert" => alerts::parse(&mut scenario.policy, words)?,
        "at" => at(scenario, words)?,
        "expect" => {
            let expect = expects::parse(scenario, words)?;
            scenario.expects.push(expect);
        }
        _ => {
            let known = "expected seed, run, engines, stamps, target, targets, label, outage, alert, net, at or expect";
            return Err(words.wrong_word(&verb, known));
        }
    }
    Ok(())
}

fn class(words: &mut Words) -> Result<Class, ScenarioError> {
    let word = words.any("kernel, receive or none")?;
    match word.as_str() {
        "kernel" => Ok(Class::K),
        "receive" => Ok(Class::H),
        "none" => Ok(Class::U),
        _ => Err(words.wrong_word(&word, "expected kernel, receive or none")),
    }
}

/// `NAME ADDRESS icmp|tcp:PORT every D timeout D [size N] [behind NAME]`; many of them count their names and
/// addresses up.
fn targets(scenario: &mut Scenario, words: &mut Words, at: MonoTime, many: u64) -> Result<(), ScenarioError> {
    let slug = words.any("a name")?;
    if scenario.targets.iter().any(|target| target.slug == slug) {
        return Err(words.wrong_word(&slug, "this name is taken"));
    }
    let first = words.address()?;
    let method = method(words)?;
    words.need("every")?;
    let interval = words.duration()?;
    words.need("timeout")?;
    let timeout = words.duration()?;
    let mut plan = ProbePlan {
        interval,
        timeout,
        ..ProbePlan::default()
    };
    let mut behind = None;
    while !words.is_empty() {
        if words.take("size") {
            plan.payload_bytes = words.count()?.min(u64::from(u16::MAX)) as u16;
        } else if words.take("behind") {
            behind = Some(words.any("the name of a target")?);
        } else {
            break;
        }
    }
    for number in 0..many {
        let id = TargetId(scenario.targets.len() as u32 + 1);
        let slug = if many == 1 {
            slug.clone()
        } else {
            format!("{slug}{}", number + 1)
        };
        let host = Host::Literal {
            ip: counted_up(first, number),
            zone: None,
        };
        scenario.targets.push(Target {
            id,
            name: slug.clone(),
            slug,
            host,
            family: Family::Auto,
            method,
            plan,
            thresholds: Thresholds::default(),
            behind: behind.clone(),
            country: String::new(),
            partner: String::new(),
            group: String::new(),
            labels: Vec::new(),
            is_enabled: true,
            allow_high_rate: true,
        });
        scenario.acts.push(Act {
            at,
            kind: ActKind::Add(id),
        });
    }
    Ok(())
}

fn counted_up(first: IpAddr, by: u64) -> IpAddr {
    match first {
        IpAddr::V4(ip) => IpAddr::V4(u32::from(ip).wrapping_add(by as u32).into()),
        IpAddr::V6(ip) => IpAddr::V6(u128::from(ip).wrapping_add(u128::from(by)).into()),
    }
}

fn method(words: &mut Words) -> Result<Method, ScenarioError> {
    let word = words.any("icmp, tcp:PORT or udp:PORT")?;
    if word == "icmp" {
        return Ok(Method::IcmpEcho);
    }
    let port_behind = |scheme: &str| {
        let port = word.strip_prefix(scheme)?.parse().ok()?;
        (port > 0).then_some(port)
    };
    if let Some(port) = port_behind("tcp:") {
        return Ok(Method::TcpConnect { port });
    }
    let port = port_behind("udp:");
    let port = port.ok_or_else(|| words.wrong_word(&word, "expected icmp, tcp:PORT or udp:PORT"))?;
    Ok(Method::Udp {
        port,
        payload: UdpPayload::of_port(port),
    })
}

/// The id behind a name.
pub(super) fn target_id(scenario: &Scenario, words: &mut Words) -> Result<TargetId, ScenarioError> {
    let name = words.any("the name of a target")?;
    find(scenario, &name).ok_or_else(|| words.wrong_word(&name, "no target of this name above this line"))
}

pub(super) fn find(scenario: &Scenario, name: &str) -> Option<TargetId> {
    scenario
        .targets
        .iter()
        .find(|target| target.slug == name)
        .map(|target| target.id)
}

/// `label NAME [name T] [country C] [group T] [partner T]`.
fn label(scenario: &mut Scenario, words: &mut Words) -> Result<(), ScenarioError> {
    let target = target_mut(scenario, words)?;
    while !words.is_empty() {
        let key = words.any("name, country, group or partner")?;
        let value = words.any("a text")?;
        match key.as_str() {
            "name" => target.name = value,
            "country" => target.country = value,
            "group" => target.group = value,
            "partner" => target.partner = value,
            _ => return Err(words.wrong_word(&key, "expected name, country, group or partner")),
        }
    }
    Ok(())
}

/// `outage NAME [lost N] [replies N] [loss P] [window D]`.
fn policy(scenario: &mut Scenario, words: &mut Words) -> Result<(), ScenarioError> {
    let policy = &mut target_mut(scenario, words)?.thresholds.outage;
    while !words.is_empty() {
        let key = words.any("lost, replies, loss or window")?;
        match key.as_str() {
            "lost" => policy.lost_to_open = words.count()?.clamp(1, 1_000_000) as u32,
            "replies" => policy.replies_to_close = words.count()?.clamp(1, 1_000_000) as u32,
            "loss" => policy.loss_ratio = words.share()?,
            "window" => policy.window = words.duration()?,
            _ => return Err(words.wrong_word(&key, "expected lost, replies, loss or window")),
        }
    }
    Ok(())
}

fn target_mut<'a>(scenario: &'a mut Scenario, words: &mut Words) -> Result<&'a mut Target, ScenarioError> {
    let id = target_id(scenario, words)?;
    scenario
        .targets
        .get_mut(id.0 as usize - 1)
        .ok_or_else(|| words.wrong_word("", "no such target"))
}

/// `at T [every D] net …` and everything else that happens at a time.
fn at(scenario: &mut Scenario, words: &mut Words) -> Result<(), ScenarioError> {
    let at = words.instant()?;
    let every = if words.take("every") {
        Some(words.duration()?)
    } else {
        None
    };
    let verb = words.any("what happens")?;
    if every.is_some() && verb != "net" {
        return Err(words.wrong_word(&verb, "only net can come again"));
    }
    let kind = match verb.as_str() {
        "net" => return net(scenario, words, at, every),
        "target" => return targets(scenario, words, at, 1),
        "clock" => {
            words.need("step")?;
            scenario.clock.steps.push((at, words.signed_nanos()?));
            return Ok(());
        }
        "suspend" => {
            scenario.clock.sleeps.push((at, words.duration()?));
            return Ok(());
        }
        "stall" => {
            scenario.clock.stalls.push((at, words.duration()?));
            return Ok(());
        }
        "remove" => ActKind::Remove(target_id(scenario, words)?),
        "pause" => ActKind::Pause(target_id(scenario, words)?),
        "resume" => ActKind::Resume(target_id(scenario, words)?),
        "unresolved" => ActKind::Unresolved(target_id(scenario, words)?),
        "restart" => ActKind::Restart,
        "plan" => {
            let id = target_id(scenario, words)?;
            words.need("every")?;
            let interval = words.duration()?;
            words.need("timeout")?;
            ActKind::Plan(
                id,
                ProbePlan {
                    interval,
                    timeout: words.duration()?,
                    ..ProbePlan::default()
                },
            )
        }
        _ => {
            let known = "expected net, target, clock, suspend, stall, remove, pause, resume, plan, unresolved or restart";
            return Err(words.wrong_word(&verb, known));
        }
    };
    scenario.acts.push(Act { at, kind });
    Ok(())
}

/// `net [NAME] EFFECT… [for D]`.
fn net(
    scenario: &mut Scenario,
    words: &mut Words,
    from: MonoTime,
    every: Option<Duration>,
) -> Result<(), ScenarioError> {
    let named = words.peek().and_then(|name| find(scenario, name));
    let whose = named.map_or(Whose::All, Whose::One);
    if named.is_some() {
        words.any("a name")?;
    }
    let mut effects = Vec::new();
    while !words.is_empty() && words.peek() != Some("for") {
        effects.push(effect(words)?);
    }
    if effects.is_empty() {
        return Err(words.wrong_word("", "expected what the network does"));
    }
    let lasts = if words.take("for") {
        Some(words.duration()?)
    } else {
        None
    };
    if every.is_some() && lasts.is_none() {
        return Err(words.wrong_word("", "what comes again must also end: add \"for\" and a duration"));
    }
    let spells = effects.into_iter().map(|effect| {
        (
            whose,
            Spell {
                effect,
                from,
                lasts,
                every,
            },
        )
    });
    scenario.spells.extend(spells);
    Ok(())
}

fn effect(words: &mut Words) -> Result<Effect, ScenarioError> {
    let verb = words.any("what the network does")?;
    Ok(match verb.as_str() {
        "rtt" => rtt(words)?,
        "delays" => {
            let mut delays = Vec::new();
            while words.peek().and_then(duration).is_some() {
                delays.push(words.duration()?);
            }
            Effect::Delays(delays.into())
        }
        "loss" => Effect::Loss(words.share()?),
        "down" => Effect::Down,
        "up" => Effect::Up,
        "duplicate" => Effect::Duplicate(words.share()?),
        "hold" => {
            let share = words.share()?;
            words.need("by")?;
            Effect::Hold {
                share,
                by: words.duration()?,
            }
        }
        "spike" => {
            let share = words.share()?;
            words.need("to")?;
            Effect::Spike {
                share,
                up_to: words.duration()?,
            }
        }
        "wander" => {
            let by = words.plus_minus()?;
            words.need("every")?;
            Effect::Wander {
                by,
                every: words.duration()?,
            }
        }
        "unreachable" => unreachable_effect(words)?,
        "refused" => Effect::Refused,
        "error" => errno(words)?,
        "forge" => {
            let forgery = forgery(words)?;
            Effect::Forge {
                forgery,
                share: words.share()?,
            }
        }
        "overflow" => Effect::Overflow(words.share()?),
        "host" => Effect::Host(words.duration()?),
        _ => {
            let known = "expected the name of a target above this line, or rtt, delays, loss, down, up, duplicate, \
                         hold, spike, wander, unreachable, refused, error, forge, overflow or host";
            return Err(words.wrong_word(&verb, known));
        }
    })
}

/// `rtt D [+-D] [even|bell|tail]`.
fn rtt(words: &mut Words) -> Result<Effect, ScenarioError> {
    let middle = words.duration()?;
    let has_spread = words.peek().is_some_and(|word| word.starts_with("+-"));
    let jitter = if has_spread {
        words.plus_minus()?
    } else {
        Duration::ZERO
    };
    let shape = if words.take("bell") {
        Shape::Bell
    } else if words.take("tail") {
        Shape::Tail
    } else {
        words.take("even");
        Shape::Even
    };
    Ok(Effect::Rtt {
        middle,
        jitter,
        shape,
    })
}

/// `unreachable net|host|prohibited|expired [from ADDRESS] [short]`.
fn unreachable_effect(words: &mut Words) -> Result<Effect, ScenarioError> {
    let word = words.any("net, host, prohibited or expired")?;
    let rejection = match word.as_str() {
        "net" => Rejection::Net,
        "host" => Rejection::Host,
        "prohibited" => Rejection::Prohibited,
        "expired" => Rejection::Expired,
        _ => return Err(words.wrong_word(&word, "expected net, host, prohibited or expired")),
    };
    let reporter = if words.take("from") {
        Some(Address::from(words.address()?))
    } else {
        None
    };
    Ok(Effect::Unreachable {
        rejection,
        reporter,
        is_short: words.take("short"),
    })
}

/// `error NAME [P]`. Numbers as on Linux.
fn errno(words: &mut Words) -> Result<Effect, ScenarioError> {
    let word = words.any("the name of an errno")?;
    let errno = match word.as_str() {
        "EPERM" => 1,
        "EMFILE" => 24,
        "EADDRNOTAVAIL" => 99,
        "ENETDOWN" => 100,
        "ENETUNREACH" => 101,
        "ENOBUFS" => 105,
        "EHOSTDOWN" => 112,
        "EHOSTUNREACH" => 113,
        _ => {
            let known = "expected EPERM, EMFILE, EADDRNOTAVAIL, ENETDOWN, ENETUNREACH, ENOBUFS, EHOSTDOWN or EHOSTUNREACH";
            return Err(words.wrong_word(&word, known));
        }
    };
    let share = if words.peek().is_some_and(|word| word.ends_with('%')) {
        words.share()?
    } else {
        1.0
    };
    Ok(Effect::Errno { errno, share })
}

fn forgery(words: &mut Words) -> Result<Forgery, ScenarioError> {
    let word = words.any("payload, source, sequence, identifier, checksum or truncated")?;
    Ok(match word.as_str() {
        "payload" => Forgery::Payload,
        "source" => Forgery::Source,
        "sequence" => Forgery::Sequence,
        "identifier" => Forgery::Identifier,
        "checksum" => Forgery::Checksum,
        "truncated" => Forgery::Truncated,
        _ => {
            let known = "expected payload, source, sequence, identifier, checksum or truncated";
            return Err(words.wrong_word(&word, known));
        }
    })
}
