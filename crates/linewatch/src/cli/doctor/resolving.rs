//! Judges whether names can be turned into addresses: is each name server there, and does a lookup succeed?
//!
//! A server is asked by a datagram (`probes`), a name by the resolver the monitor itself uses. Either may fail
//! without the other: servers behind a firewall that passes UDP only are there all the same.

use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use linewatch_core::port::Clock as _;
use linewatch_core::record::Outcome;
use linewatch_core::target::{Address, Family};
use linewatch_core::time::MonoTime;
use linewatch_probe::clock::SystemClock;
use linewatch_probe::resolve::{Resolver, Said};
use linewatch_render::doctor::{Finding, Verdict};

use super::probes::{Heard, PATIENCE};
use super::shell_word;

const NAME: &str = "dns";
/// A lookup that takes longer is as good as none.
const LOOKUP_PATIENCE: Duration = Duration::from_secs(3);
/// The system's resolver waits for seconds for a dead server before it asks the next one.
const SLOW: Duration = Duration::from_secs(1);
const EDIT: &str = "sudoedit /etc/resolv.conf";

/// A lookup under way.
pub(super) struct Lookup {
    name: String,
    begun_at: MonoTime,
    /// `None` if the resolver did not start or take the question.
    answer: Option<Receiver<(Result<(), String>, MonoTime)>>,
    /// Ends its threads when dropped.
    _resolver: Option<Resolver>,
}

/// How a lookup ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Looked {
    name: String,
    end: End,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum End {
    Found(Duration),
    Failed(String),
    Silence,
}

impl Lookup {
    /// Asks for `name`.
    pub(super) fn start(clock: SystemClock, name: String) -> Self {
        let begun_at = clock.mono();
        let (answers, answer) = mpsc::channel();
        let deliver = move |said| match said {
            // After our patience nobody listens any more.
            Said::Answer(answer) => drop(answers.send((answer.result.map(drop), clock.mono()))),
            Said::SourcesChanged => {}
        };
        // Asked once: nothing has to be spread in time.
        let resolver = Resolver::start(0, deliver).ok();
        let is_asked = resolver
            .as_ref()
            .is_some_and(|resolver| resolver.resolve(&name, &name, Family::Auto));
        Self {
            name,
            begun_at,
            answer: is_asked.then_some(answer),
            _resolver: resolver,
        }
    }

    /// Waits for the answer for what is left of our patience.
    pub(super) fn end(self, clock: SystemClock) -> Looked {
        let left = self.begun_at.plus(LOOKUP_PATIENCE).since(clock.mono());
        let end = match self.answer.map(|answer| answer.recv_timeout(left)) {
            Some(Ok((Ok(()), at))) => End::Found(at.since(self.begun_at)),
            Some(Ok((Err(why), _))) => End::Failed(why),
            Some(Err(_)) => End::Silence,
            None => End::Failed("the resolver did not start".to_owned()),
        };
        Looked { name: self.name, end }
    }
}

/// Judges. `heard` are the answers of `servers`, in their order.
pub(super) fn dns(servers: &[Address], heard: &[Option<Heard>], looked: &Looked, has_names: bool) -> Finding {
    let say = |verdict, sentence: String| Finding::new(NAME, verdict, sentence);
    let states: Vec<(Address, State)> = servers
        .iter()
        .zip(heard)
        .map(|(server, heard)| (*server, State::of(*heard)))
        .collect();
    let listed = states
        .iter()
        .map(|(server, state)| format!("{} {}", server.ip, state.words()))
        .collect::<Vec<_>>()
        .join(", ");
    let is_all_there = states.iter().all(|(_, state)| matches!(state, State::There(_)));
    let name = &looked.name;
    if let End::Found(after) = &looked.end {
        let found = format!("{name} is found in {:.0} ms", after.as_secs_f64() * 1000.0);
        return match (states.is_empty(), is_all_there, *after > SLOW) {
            (true, ..) => say(
                Verdict::Note,
                format!("no name server in /etc/resolv.conf, yet {found}"),
            ),
            (_, true, false) => say(Verdict::Ok, format!("name server {listed}; {found}")),
            (_, false, false) => say(Verdict::Note, format!("{found}, though name server {listed}")),
            (_, _, true) => say(
                Verdict::Warning,
                format!("{found}, which is slow: name server {listed}"),
            )
            .cure(EDIT),
        };
    }
    if states.is_empty() {
        let sentence = "no name server is configured in /etc/resolv.conf: no name can be found".to_owned();
        return match has_names {
            true => say(Verdict::Fault, sentence).cure(EDIT),
            false => say(Verdict::Note, format!("{sentence}; no target needs it")),
        };
    }
    let why = match &looked.end {
        End::Failed(why) => why.clone(),
        _ => format!(
            "no answer to a lookup of {name} within {} s",
            LOOKUP_PATIENCE.as_secs()
        ),
    };
    if is_all_there {
        let sentence = format!("name server {listed}, but names are not found: {why}");
        return match has_names {
            true => say(Verdict::Fault, sentence).cure(format!("getent ahosts {}", shell_word(name))),
            false => say(Verdict::Note, format!("{sentence}; no target needs one")),
        };
    }
    if states.iter().all(|(_, state)| matches!(state, State::NoRoute)) {
        // The missing route is told by its own check.
        return say(Verdict::Note, format!("not asked: name server {listed}"));
    }
    say(Verdict::Fault, format!("name server {listed}: {why}")).cure(EDIT)
}

/// What a probe says about a server.
enum State {
    /// With its round trip in milliseconds.
    There(Option<f64>),
    Closed,
    Silent,
    NoRoute,
    Failed(String),
}

impl State {
    fn of(heard: Option<Heard>) -> Self {
        use linewatch_core::errno::is_local_outage;
        use linewatch_core::record::Cause;
        let Some(heard) = heard else {
            return Self::Failed("cannot be asked".to_owned());
        };
        match (heard.outcome, heard.cause) {
            (Outcome::Reply, _) => Self::There(heard.rtt.map(|rtt| rtt.as_millis_f64())),
            (Outcome::Refused, _) => Self::Closed,
            (Outcome::Lost, _) => Self::Silent,
            (Outcome::Unsent, Cause::Errno(errno)) if is_local_outage(errno) => Self::NoRoute,
            (outcome, cause) => {
                let cause = cause.name().unwrap_or_default();
                Self::Failed(format!("is {} ({cause})", outcome.word()))
            }
        }
    }

    fn words(&self) -> String {
        match self {
            Self::There(Some(ms)) => format!("answers in {ms:.2} ms"),
            Self::There(None) => "answers".to_owned(),
            Self::Closed => "refuses connections: no name server runs there".to_owned(),
            Self::Silent => format!("does not answer within {} s", PATIENCE.as_secs()),
            Self::NoRoute => "cannot be reached without a route".to_owned(),
            Self::Failed(words) => words.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use linewatch_core::record::{Cause, Class};
    use linewatch_core::time::Rtt;

    use super::*;

    /// One letter a server: there, silent, closed, without route.
    #[track_caller]
    fn check(servers: &str, end: End, has_names: bool, expected: Verdict, part: &str) {
        let heard: Vec<Option<Heard>> = servers
            .chars()
            .map(|letter| {
                let (outcome, cause) = match letter {
                    't' => (Outcome::Reply, Cause::None),
                    's' => (Outcome::Lost, Cause::None),
                    'c' => (Outcome::Refused, Cause::None),
                    'r' => (Outcome::Unsent, Cause::Errno(linewatch_core::errno::ENETUNREACH)),
                    other => panic!("no such letter {other}"),
                };
                Some(Heard {
                    outcome,
                    rtt: (letter == 't').then_some(Rtt::from_nanos(1_200_000)),
                    class: Class::K,
                    cause,
                })
            })
            .collect();
        let addresses: Vec<Address> = (1..=heard.len() as u8)
            .map(|last| IpAddr::from([192, 0, 2, last]).into())
            .collect();
        let looked = Looked {
            name: "gw.example".to_owned(),
            end,
        };
        let finding = dns(&addresses, &heard, &looked, has_names);
        assert_eq!(finding.verdict, expected, "{servers}: {}", finding.sentence);
        assert!(finding.sentence.contains(part), "{part}: {}", finding.sentence);
    }

    fn found(ms: u64) -> End {
        End::Found(Duration::from_millis(ms))
    }

    #[test]
    fn a_server_that_answers_is_told_with_its_time() {
        check(
            "t",
            found(3),
            true,
            Verdict::Ok,
            "192.0.2.1 answers in 1.20 ms; gw.example is found in 3 ms",
        );
    }

    #[test]
    fn a_silent_server_is_a_fault_only_if_names_are_not_found() {
        check(
            "s",
            End::Silence,
            false,
            Verdict::Fault,
            "192.0.2.1 does not answer within 2 s",
        );
        check("s", found(3), true, Verdict::Note, "does not answer");
        check("st", found(5_000), true, Verdict::Warning, "which is slow");
        check(
            "c",
            End::Failed("refused".to_owned()),
            true,
            Verdict::Fault,
            "no name server runs there",
        );
    }

    #[test]
    fn a_missing_route_is_left_to_its_own_check() {
        check("rr", End::Silence, true, Verdict::Note, "not asked");
    }

    #[test]
    fn an_unknown_name_matters_only_where_a_target_has_one() {
        check(
            "t",
            End::Failed("not known".to_owned()),
            true,
            Verdict::Fault,
            "not known",
        );
        check(
            "t",
            End::Failed("not known".to_owned()),
            false,
            Verdict::Note,
            "no target needs one",
        );
    }

    #[test]
    fn no_server_at_all_is_said() {
        check(
            "",
            End::Failed("x".to_owned()),
            true,
            Verdict::Fault,
            "no name server is configured",
        );
        check(
            "",
            End::Failed("x".to_owned()),
            false,
            Verdict::Note,
            "no target needs it",
        );
        check("", found(1), true, Verdict::Note, "yet gw.example is found");
    }
}
