//! Turns names into addresses beside the measurement: a slow name server delays nobody but itself.
//!
//! A few named threads ask the system's resolver (getaddrinfo) and deliver each answer by a call. When to ask again
//! is the caller's business. Not here: literals (they need no resolver) and which of several addresses to probe.

use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs as _};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

use linewatch_core::target::{Address, Family, TargetId};

/// A dead name server holds a thread for up to 30 s; the names of other servers go on with the rest.
const THREADS: usize = 4;
/// Names waiting. A full queue is answered by `false`, and the caller asks again with its next round.
const QUEUE: usize = 1024;

/// What became of one question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolved {
    /// Who asked.
    pub target: TargetId,
    /// The name.
    pub name: String,
    /// At least one address in the resolver's order, or the sentence that says why not.
    pub result: Result<Vec<Address>, String>,
}

/// Why the resolver did not start.
#[derive(Debug, thiserror::Error)]
#[error("cannot start a resolver thread: {0}")]
pub struct ResolverError(#[from] io::Error);

/// Dropping it ends its threads, each after the question it is at.
#[derive(Debug)]
pub struct Resolver {
    questions: SyncSender<Question>,
}

#[derive(Debug)]
struct Question {
    target: TargetId,
    name: String,
    family: Family,
}

type Lookup = fn(&str) -> io::Result<Vec<SocketAddr>>;

impl Resolver {
    /// Starts the threads. `deliver` is called on them, once for each question.
    ///
    /// # Errors
    ///
    /// When the system gives no thread.
    pub fn start(deliver: impl Fn(Resolved) + Send + Sync + 'static) -> Result<Self, ResolverError> {
        // A port is asked for only because the standard library wants one.
        Self::start_with(|name| (name, 0).to_socket_addrs().map(Iterator::collect), deliver)
    }

    fn start_with(
        lookup: Lookup,
        deliver: impl Fn(Resolved) + Send + Sync + 'static,
    ) -> Result<Self, ResolverError> {
        let (questions, queue) = sync_channel(QUEUE);
        let (queue, deliver) = (Arc::new(Mutex::new(queue)), Arc::new(deliver));
        for index in 0..THREADS {
            let (queue, deliver) = (Arc::clone(&queue), Arc::clone(&deliver));
            // Not joined: a thread may sit in getaddrinfo for half a minute, and the program is not to wait for it.
            std::thread::Builder::new()
                .name(format!("resolve-{index}"))
                .spawn(move || {
                    while let Some(question) = next(&queue) {
                        let result = answer(&question, lookup(&question.name));
                        deliver(Resolved {
                            target: question.target,
                            name: question.name,
                            result,
                        });
                    }
                })?;
        }
        Ok(Self { questions })
    }

    /// Asks for the addresses of `name`. False if too many questions are waiting: ask again later.
    #[must_use]
    pub fn resolve(&self, target: TargetId, name: &str, family: Family) -> bool {
        self.questions
            .try_send(Question {
                target,
                name: name.to_owned(),
                family,
            })
            .is_ok()
    }
}

/// The next question; `None` when nobody can ask any more.
fn next(queue: &Mutex<Receiver<Question>>) -> Option<Question> {
    queue.lock().unwrap_or_else(PoisonError::into_inner).recv().ok()
}

fn answer(question: &Question, found: io::Result<Vec<SocketAddr>>) -> Result<Vec<Address>, String> {
    let name = &question.name;
    let found = found.map_err(|error| format!("Cannot find an address for `{name}`: {}", reason(&error)))?;
    let mut addresses: Vec<Address> = Vec::new();
    for address in found
        .iter()
        .filter(|found| is_wanted(question.family, found.ip()))
        .map(address_of)
    {
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    if addresses.is_empty() {
        let why = match (question.family, found.is_empty()) {
            (Family::V4, false) => "it has IPv6 addresses only, and IPv4 is asked for",
            (Family::V6, false) => "it has IPv4 addresses only, and IPv6 is asked for",
            _ => "the name exists but has no address",
        };
        return Err(format!("Cannot find an address for `{name}`: {why}"));
    }
    Ok(addresses)
}

fn is_wanted(family: Family, ip: IpAddr) -> bool {
    match family {
        Family::Auto => true,
        Family::V4 => ip.is_ipv4(),
        Family::V6 => ip.is_ipv6(),
    }
}

fn address_of(found: &SocketAddr) -> Address {
    let scope = match found {
        SocketAddr::V4(_) => 0,
        SocketAddr::V6(found) => found.scope_id(),
    };
    Address {
        ip: found.ip(),
        scope,
    }
}

/// The resolver's own words, without the standard library's preface.
fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    let words = text
        .strip_prefix("failed to lookup address information: ")
        .unwrap_or(&text);
    let mut letters = words.chars();
    letters
        .next()
        .map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::channel;

    /// `v4`, `v6`, `both`, `twice`, `none` have such addresses; any other name is unknown.
    fn fake(name: &str) -> io::Result<Vec<SocketAddr>> {
        let texts: &[&str] = match name {
            "v4" => &["192.0.2.1:0"],
            "v6" => &["[2001:db8::1]:0"],
            "both" => &["[2001:db8::1]:0", "192.0.2.1:0"],
            "twice" => &["192.0.2.1:0", "192.0.2.1:0"],
            "none" => &[],
            _ => {
                return Err(io::Error::other(
                    "failed to lookup address information: Name or service not known",
                ));
            }
        };
        Ok(texts
            .iter()
            .map(|text| text.parse().expect("an address"))
            .collect())
    }

    /// Asks through real threads; gives the addresses or the sentence.
    fn ask(name: &str, family: Family) -> String {
        let (sender, answers) = channel();
        let resolver = Resolver::start_with(fake, move |answer| drop(sender.send(answer))).expect("threads");
        assert!(resolver.resolve(TargetId(7), name, family));
        let resolved = answers.recv().expect("an answer");
        assert_eq!((resolved.target, resolved.name.as_str()), (TargetId(7), name));
        match resolved.result {
            Ok(addresses) => addresses
                .iter()
                .map(|address| address.ip.to_string())
                .collect::<Vec<_>>()
                .join(" "),
            Err(sentence) => sentence,
        }
    }

    #[test]
    fn the_family_chooses_among_the_addresses() {
        assert_eq!(ask("both", Family::Auto), "2001:db8::1 192.0.2.1");
        assert_eq!(ask("both", Family::V4), "192.0.2.1");
        assert_eq!(ask("both", Family::V6), "2001:db8::1");
        assert_eq!(ask("twice", Family::Auto), "192.0.2.1");
    }

    #[test]
    fn every_failure_is_a_sentence() {
        for (name, family, why) in [
            (
                "v4",
                Family::V6,
                "it has IPv4 addresses only, and IPv6 is asked for",
            ),
            (
                "v6",
                Family::V4,
                "it has IPv6 addresses only, and IPv4 is asked for",
            ),
            ("none", Family::V4, "the name exists but has no address"),
            ("nowhere.invalid", Family::Auto, "name or service not known"),
        ] {
            assert_eq!(
                ask(name, family),
                format!("Cannot find an address for `{name}`: {why}")
            );
        }
    }

    #[test]
    fn a_black_hole_holds_its_own_thread_and_no_other() {
        let lookup: Lookup = |name| {
            // A name server that never answers.
            if name == "hole" {
                loop {
                    std::thread::park();
                }
            }
            fake(name)
        };
        let (sender, answers) = channel();
        let resolver =
            Resolver::start_with(lookup, move |answer| drop(sender.send(answer))).expect("threads");
        for target in 0..THREADS as u32 - 1 {
            assert!(resolver.resolve(TargetId(target), "hole", Family::Auto));
        }
        assert!(resolver.resolve(TargetId(99), "v4", Family::Auto));
        assert_eq!(answers.recv().expect("an answer").target, TargetId(99));
    }

    #[test]
    fn a_full_queue_says_so() {
        let (questions, _queue) = sync_channel(0);
        assert!(!Resolver { questions }.resolve(TargetId(1), "v4", Family::Auto));
    }
}
