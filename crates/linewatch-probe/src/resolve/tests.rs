//! The resolver against a real name server of a few lines on loopback.

use std::net::UdpSocket;
use std::path::Path;
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Mutex, PoisonError};

use hickory_resolver::proto::op::{Message, ResponseCode};
use hickory_resolver::proto::rr::{RData, Record, RecordType};

use super::*;

/// Lines `name ttl address…`; `name !` answers SERVFAIL, `name ?` never answers, any other name does not exist.
type Zone = Arc<Mutex<String>>;

struct Bench {
    zone: Zone,
    resolver: Resolver,
    said: Receiver<Said>,
    directory: tempfile::TempDir,
}

impl Bench {
    fn new(zone: &str, hosts: &str, resolv_conf: &str) -> Self {
        let zone: Zone = Arc::new(Mutex::new(zone.to_owned()));
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        let port = socket.local_addr().expect("an address").port();
        let theirs = Arc::clone(&zone);
        // Ends with the process: it waits for questions that do not come any more.
        std::thread::spawn(move || {
            let mut bytes = [0; 1500];
            while let Ok((len, from)) = socket.recv_from(&mut bytes) {
                let lines = theirs.lock().unwrap_or_else(PoisonError::into_inner).clone();
                if let Some(reply) = reply_to(&bytes[..len], &lines) {
                    socket.send_to(&reply, from).expect("loopback takes it");
                }
            }
        });
        let directory = tempfile::tempdir().expect("a directory");
        let files = Files {
            hosts: directory.path().join("hosts"),
            resolv_conf: directory.path().join("resolv.conf"),
            port,
        };
        std::fs::write(&files.hosts, hosts).expect("written");
        std::fs::write(&files.resolv_conf, resolv_conf).expect("written");
        let (sender, said) = channel();
        let resolver = Resolver::start_with(files, 7, move |said| drop(sender.send(said))).expect("a thread");
        Self {
            zone,
            resolver,
            said,
            directory,
        }
    }

    fn ask(&self, name: &str, family: Family) -> Result<Found, String> {
        assert!(self.resolver.resolve(name, name, family));
        let Said::Answer(answer) = self.said.recv().expect("an answer") else {
            panic!("no file has changed");
        };
        assert_eq!((answer.asker.as_str(), answer.name.as_str()), (name, name));
        answer.result
    }

    /// The addresses of a name, in their order, or the sentence.
    fn shown(&self, name: &str, family: Family) -> String {
        self.ask(name, family)
            .map_or_else(|sentence| sentence, |found| texts(&found))
    }

    fn path(&self) -> &Path {
        self.directory.path()
    }
}

fn texts(found: &Found) -> String {
    let texts: Vec<String> = found
        .addresses
        .iter()
        .map(|address| address.ip.to_string())
        .collect();
    texts.join(" ")
}

fn reply_to(question: &[u8], zone: &str) -> Option<Vec<u8>> {
    let question = Message::from_vec(question).expect("a DNS message");
    let query = question.queries.first().expect("a query").clone();
    let mut reply = Message::response(question.metadata.id, question.metadata.op_code);
    reply.metadata.recursion_available = true;
    reply.add_query(query.clone());
    let asked = query.name().to_ascii().trim_end_matches('.').to_lowercase();
    let line = zone
        .lines()
        .map(|line| line.split_ascii_whitespace().collect::<Vec<_>>())
        .find(|words| words.first() == Some(&asked.as_str()));
    match line.as_deref() {
        None => reply.metadata.response_code = ResponseCode::NXDomain,
        Some([_, "?"]) => return None,
        Some([_, "!"]) => reply.metadata.response_code = ResponseCode::ServFail,
        Some([_, "!6", ..]) if query.query_type() == RecordType::AAAA => {
            reply.metadata.response_code = ResponseCode::ServFail;
        }
        Some(words) => {
            let ttl = words[1].parse().unwrap_or(60);
            let ips = words[2..]
                .iter()
                .map(|word| word.parse::<std::net::IpAddr>().expect("an address"));
            for ip in ips.filter(|ip| ip.is_ipv4() == (query.query_type() == RecordType::A)) {
                reply.add_answer(Record::from_rdata(query.name().clone(), ttl, RData::from(ip)));
            }
        }
    }
    Some(reply.to_vec().expect("bytes"))
}

const SERVER: &str = "nameserver 127.0.0.1\n";

#[test]
fn an_answer_is_good_for_its_ttl() {
    let bench = Bench::new("a.test 300 192.0.2.1\nb.test 0 192.0.2.2", "", SERVER);
    let found = bench.ask("a.test", Family::V4).expect("found");
    assert_eq!(texts(&found), "192.0.2.1");
    let seconds = found.valid_for.as_secs_f64();
    assert!((290.0..=300.0).contains(&seconds), "{seconds} s");
    let found = bench.ask("b.test", Family::V4).expect("found");
    assert_eq!(found.valid_for, Duration::ZERO);
}

#[test]
fn a_name_that_moves_is_seen_once_its_ttl_is_over() {
    let bench = Bench::new("a.test 0 192.0.2.1", "", SERVER);
    assert_eq!(bench.shown("a.test", Family::Auto), "192.0.2.1");
    *bench.zone.lock().expect("the zone") = "a.test 0 192.0.2.8".to_owned();
    assert_eq!(bench.shown("a.test", Family::Auto), "192.0.2.8");
}

#[test]
fn the_family_chooses_among_the_addresses() {
    let bench = Bench::new("both.test 60 127.0.0.1 ::1\nv4.test 60 192.0.2.1", "", SERVER);
    assert_eq!(bench.shown("both.test", Family::V4), "127.0.0.1");
    assert_eq!(bench.shown("both.test", Family::V6), "::1");
    let both = bench.ask("both.test", Family::Auto).expect("found");
    assert_eq!((both.addresses.len(), both.is_complete), (2, true));
    let v4 = bench.ask("v4.test", Family::Auto).expect("found");
    assert!(v4.is_complete, "that there is no IPv6 address is an answer too");
}

#[test]
fn half_an_answer_says_that_it_is_one() {
    let bench = Bench::new("half.test !6 192.0.2.1", "", SERVER);
    let half = bench.ask("half.test", Family::Auto).expect("found");
    assert_eq!((texts(&half).as_str(), half.is_complete), ("192.0.2.1", false));
}

#[test]
fn every_failure_is_a_sentence() {
    let bench = Bench::new("v4.test 60 192.0.2.1\nbroken.test !\nempty.test 60", "", SERVER);
    for (name, family, why) in [
        (
            "v4.test",
            Family::V6,
            "it has no IPv6 address, and IPv6 is asked for",
        ),
        ("empty.test", Family::Auto, "the name exists but has no address"),
        ("nowhere.test", Family::Auto, "there is no such name"),
        (
            "broken.test",
            Family::V4,
            "the name server answered \"Server Failure\"",
        ),
    ] {
        assert_eq!(
            bench.shown(name, family),
            format!("Cannot find an address for `{name}`: {why}")
        );
    }
}

#[test]
fn the_hosts_file_comes_first_and_asks_nobody() {
    // Its IPv6 address is not asked for either: the name server would never answer.
    let bench = Bench::new("gw ?", "127.0.0.9 gw router # the way out\n", SERVER);
    assert_eq!(bench.shown("gw", Family::Auto), "127.0.0.9");
    assert_eq!(bench.shown("ROUTER", Family::V4), "127.0.0.9");
}

#[test]
fn the_search_list_and_ndots_count() {
    let zone = "db.lan.test 60 192.0.2.1\na.b.lan.test 60 192.0.2.2\na.b 60 192.0.2.3";
    let bench = Bench::new(
        zone,
        "",
        "nameserver 127.0.0.1\nsearch lan.test\noptions ndots:2\n",
    );
    assert_eq!(bench.shown("db", Family::V4), "192.0.2.1");
    assert_eq!(bench.shown("a.b", Family::V4), "192.0.2.2");
    let bench = Bench::new(zone, "", "nameserver 127.0.0.1\nsearch lan.test\n");
    assert_eq!(bench.shown("a.b", Family::V4), "192.0.2.3");
}

#[test]
fn a_changed_file_is_read_again_and_said() {
    let bench = Bench::new("", "", SERVER);
    std::fs::write(bench.path().join("hosts"), "192.0.2.4 new\n").expect("written");
    assert_eq!(bench.said.recv().expect("said"), Said::SourcesChanged);
    assert_eq!(bench.shown("new", Family::V4), "192.0.2.4");
    std::fs::remove_file(bench.path().join("resolv.conf")).expect("removed");
    assert_eq!(bench.said.recv().expect("said"), Said::SourcesChanged);
    let sentence = bench.shown("other", Family::V4);
    assert!(sentence.contains("resolv.conf cannot be read"), "{sentence}");
}

#[test]
fn a_black_hole_holds_its_own_names_and_no_others() {
    let bench = Bench::new("hole.test ?\nv4.test 60 192.0.2.1", "", SERVER);
    for index in 0..DNS_CONCURRENT - 1 {
        assert!(
            bench
                .resolver
                .resolve(&format!("{index}"), "hole.test", Family::Auto)
        );
    }
    assert_eq!(bench.shown("v4.test", Family::Auto), "192.0.2.1");
}

#[test]
fn a_full_queue_says_so_and_the_thread_ends_with_its_resolver() {
    let bench = Bench::new("hole.test ?", "", SERVER);
    let all = DNS_QUESTIONS + DNS_CONCURRENT;
    let taken = (0..=all + 1).filter(|_| bench.resolver.resolve("x", "hole.test", Family::V4));
    assert!(taken.count() <= all + 1, "more than {all} questions wait");
    let Bench { resolver, said, .. } = bench;
    drop(resolver);
    assert_eq!(said.iter().count(), 0, "the thread has ended, without an answer");
}
