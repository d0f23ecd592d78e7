//! Webhooks: what is sent, what is refused, and that no answer of a stranger gets further than its status.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::thread;

use serde_json::Value;

use super::*;
use crate::config::Secret;
use crate::config::alerts::Webhook;

/// An HTTP server of a few lines: each connection gets the next answer (the last goes on); an empty one is silence.
struct Http {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<(String, String)>>>,
}

impl Http {
    fn start(answers: &[&str]) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let address = listener.local_addr().expect("an address");
        let requests = Arc::<Mutex<Vec<(String, String)>>>::default();
        let (heard, answers): (_, Vec<String>) = (
            Arc::clone(&requests),
            answers.iter().map(|&answer| answer.to_owned()).collect(),
        );
        // It ends with the test's process.
        thread::spawn(move || {
            for (number, stream) in listener.incoming().flatten().enumerate() {
                let mut stream = BufReader::new(stream);
                let (mut head, mut length) = (String::new(), 0);
                loop {
                    let mut line = String::new();
                    if stream.read_line(&mut line).unwrap_or(0) == 0 || line == "\r\n" {
                        break;
                    }
                    let lower = line.to_ascii_lowercase();
                    if let Some(text) = lower.strip_prefix("content-length:") {
                        length = text.trim().parse().unwrap_or(0);
                    }
                    head.push_str(&line);
                }
                let mut body = vec![0; length];
                let _ = stream.read_exact(&mut body);
                let body = String::from_utf8_lossy(&body).into_owned();
                heard.lock().expect("whole").push((head, body));
                let answer = &answers[number.min(answers.len() - 1)];
                if answer.is_empty() {
                    let _ = std::io::copy(&mut stream, &mut std::io::sink());
                }
                let _ = stream.get_mut().write_all(answer.as_bytes());
            }
        });
        Self { address, requests }
    }

    fn url(&self) -> String {
        format!("http://{}/hook?token=s3cret", self.address)
    }

    fn requests(&self) -> Vec<(String, String)> {
        self.requests.lock().expect("whole").clone()
    }
}

const OK: &str = "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n";

fn webhook(url: String, format: &str) -> Webhook {
    Webhook {
        url: Secret::new(url),
        format: format.to_owned(),
        headers: vec![("X-Team".to_owned(), Secret::new("net ops".to_owned()))],
        secret_file: String::new(),
        template_file: String::new(),
        allow_private: true,
    }
}

fn bench_of(webhook: Webhook) -> Bench {
    let mut alerts = Alerts::default();
    alerts.webhooks.push(webhook);
    bench_with(
        tempfile::tempdir().expect("a directory"),
        alerts,
        (String::new(), false),
    )
}

/// The body that arrives for a target that went down.
fn sent(format: &str) -> (String, Value) {
    let http = Http::start(&[OK]);
    let mut bench = bench_of(webhook(format!("{}&chat_id=-42", http.url()), format));
    bench.tell(Telling::Began);
    bench.until_empty();
    let (head, body) = http.requests().remove(0);
    (head, serde_json::from_str(&body).expect("JSON"))
}

#[test]
fn our_json_carries_the_fact_its_times_and_what_older_receivers_look_for() {
    let (head, body) = sent("json");
    assert!(
        head.contains("x-team: net ops") || head.contains("X-Team: net ops"),
        "{head}"
    );
    assert!(head.starts_with("POST /hook?token=s3cret&chat_id=-42 "), "{head}");
    assert_eq!(body["event"], "outage_detected");
    assert_eq!(body["host"], "192.0.2.1");
    assert_eq!(body["timestamp"], "2026-11-21T10:00:00.000000Z");
    assert_eq!(body["stats"]["lost"], 9);
    assert_eq!(body["alerts"][0]["items"][0]["telling"], "began");
    assert_eq!(body["alerts"][0]["items"][0]["duration_ms"], 7_000.0);
}

#[test]
fn each_service_gets_what_it_reads() {
    let fact = "Gateway 1 is down";
    let holds = |value: &Value| value.as_str().is_some_and(|text| text.contains(fact));
    assert!(holds(&sent("slack").1["text"]));
    let (_, discord) = sent("discord");
    assert!(holds(&discord["content"]));
    assert_eq!(discord["allowed_mentions"]["parse"], Value::Array(Vec::new()));
    let (head, telegram) = sent("telegram");
    assert!(holds(&telegram["text"]));
    assert_eq!(telegram["chat_id"], "-42");
    assert!(head.starts_with("POST /hook "), "{head}");
    let (head, ntfy) = sent("ntfy");
    assert!(holds(&ntfy["title"]));
    assert_eq!(
        (&ntfy["topic"], &ntfy["priority"]),
        (&Value::from("hook"), &Value::from(5))
    );
    assert!(head.starts_with("POST / "), "{head}");
}

#[test]
fn a_template_makes_its_own_body_and_one_that_never_ends_is_stopped() {
    let http = Http::start(&[OK]);
    let files = tempfile::tempdir().expect("a directory");
    let path = files.path().join("body.j2");
    let mut hook = webhook(http.url(), "template");
    hook.template_file = path.to_string_lossy().into_owned();
    std::fs::write(
        &path,
        "{\"msg\": {{ subject|tojson }}, \"n\": {{ alerts|length }}}",
    )
    .expect("written");
    let mut bench = bench_of(hook);
    bench.tell(Telling::Began);
    bench.until_empty();
    let (head, body) = http.requests().remove(0);
    assert!(
        head.to_ascii_lowercase()
            .contains("content-type: application/json"),
        "{head}"
    );
    let body: Value = serde_json::from_str(&body).expect("JSON");
    assert_eq!(
        (body["n"].as_u64(), body["msg"].as_str()),
        (Some(1), Some("✖ Gateway 1 is down since 10:00:00"))
    );

    let endless = "{% for a in range(9999) %}{% for b in range(9999) %}x{% endfor %}{% endfor %}";
    std::fs::write(&path, endless).expect("written");
    bench.tell(Telling::Ended);
    bench.until_empty();
    assert!(bench.dead()[0].contains("fuel"), "{:?}", bench.dead());
}

#[test]
fn a_signed_body_carries_time_and_code() {
    let http = Http::start(&[OK]);
    let secret = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(secret.path(), "key\n").expect("written");
    let mut hook = webhook(http.url(), "json");
    hook.secret_file = secret.path().to_string_lossy().into_owned();
    let mut bench = bench_of(hook);
    bench.tell(Telling::Began);
    bench.until_empty();
    let (head, _) = http.requests().remove(0);
    let head = head.to_ascii_lowercase();
    assert!(head.contains("linewatch-signature: t=1795255200,v1="), "{head}");
}

#[test]
fn an_address_of_this_computer_is_refused_before_any_byte() {
    let http = Http::start(&[OK]);
    let mut hook = webhook(format!("http://localhost:{}/s3cret", http.address.port()), "json");
    hook.allow_private = false;
    let mut bench = bench_of(hook);
    bench.tell(Telling::Began);
    bench.worker.turn();
    let error = bench.waiting().remove(0).last_error.expect("a reason");
    assert!(
        error.contains("this computer") && error.contains("allow_private"),
        "{error}"
    );
    assert!(!error.contains("s3cret"), "{error}");
    assert!(http.requests().is_empty());
}

#[test]
fn a_redirect_is_not_followed() {
    let other = Http::start(&[OK]);
    let answer = format!(
        "HTTP/1.1 302 Found\r\nLocation: {}\r\nContent-Length: 0\r\n\r\n",
        other.url()
    );
    let http = Http::start(&[&answer]);
    let mut bench = bench_of(webhook(http.url(), "json"));
    bench.tell(Telling::Began);
    bench.worker.turn();
    let error = bench.waiting().remove(0).last_error.expect("a reason");
    assert_eq!(error, "302 Found: redirects are not followed");
    assert!(other.requests().is_empty());
}

#[test]
fn a_server_that_is_silent_is_left_in_time_and_asked_again() {
    let http = Http::start(&["", OK]);
    let mut bench = bench_of(webhook(http.url(), "json"));
    bench.tell(Telling::Began);
    bench.until_empty();
    let ids: Vec<String> = http
        .requests()
        .iter()
        .map(|(head, _)| {
            head.lines()
                .find(|line| line.to_ascii_lowercase().starts_with("linewatch-message-id"))
        })
        .map(|line| line.expect("an id").to_owned())
        .collect();
    assert_eq!(ids.len(), 2);
    assert_eq!(ids[0], ids[1]);
}

#[test]
fn trouble_is_tried_again_a_refusal_is_a_dead_letter_and_no_page_of_theirs_is_told() {
    let http = Http::start(&[
        "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 6\r\n\r\nsecret",
        "HTTP/1.1 404 Not Found\r\nContent-Length: 6\r\n\r\nsecret",
    ]);
    let mut bench = bench_of(webhook(http.url(), "json"));
    bench.tell(Telling::Began);
    bench.until_empty();
    assert_eq!(http.requests().len(), 2);
    assert_eq!(bench.dead(), ["404 Not Found"]);
    let said = bench.said.lock().expect("whole").join("\n");
    assert!(!said.contains("secret") && !said.contains("token"), "{said}");
}

#[test]
fn the_dead_mans_address_is_asked_while_the_monitor_turns() {
    let http = Http::start(&[OK]);
    let clock: Arc<dyn Clock + Sync> = Arc::<HandClock>::default();
    let dead_man = DeadMan::start(clock, Arc::new(|| true)).expect("a thread");
    let config = crate::config::alerts::DeadMan {
        url: Secret::new(http.url()),
        every: Duration::from_secs(3600),
    };
    dead_man.follow(&config);
    let mut tries = 0;
    while http.requests().is_empty() {
        // Bounded by the test runner; yielding is waiting for the other thread, not for time to pass.
        thread::yield_now();
        tries += 1;
        assert!(tries < 100_000_000, "nobody was told");
    }
    assert!(http.requests()[0].0.starts_with("GET /hook?token=s3cret "));
}
