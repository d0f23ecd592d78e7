//! Real WebSocket clients against the hub; the test moves the clock, so that minutes take milliseconds.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use linewatch_core::limits::LIVE_FRAME;
use linewatch_core::port::Clock;
use serde_json::{Value, json};
use tokio::net::{TcpSocket, TcpStream};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

use crate::tests::data::{batch, entry, entry_every, event, reply, view};
use crate::tests::{EPOCH, TestServer};
use linewatch_core::view::{Grade, State};

/// A browser.
pub(crate) struct Client(WebSocketStream<TcpStream>);

impl Client {
    pub(crate) async fn connect(server: &TestServer) -> Self {
        Self::connect_by(server, TcpSocket::new_v4().expect("a socket")).await
    }

    async fn connect_by(server: &TestServer, socket: TcpSocket) -> Self {
        Self::connect_with(server, (socket, WebSocketConfig::default()), "linewatch.v1").await
    }

    /// By a token, as its subprotocol.
    pub(crate) async fn connect_as(server: &TestServer, token: &str) -> Self {
        let socket = TcpSocket::new_v4().expect("a socket");
        let protocols = format!("linewatch.token.{token}, linewatch.v1");
        Self::connect_with(server, (socket, WebSocketConfig::default()), &protocols).await
    }

    async fn connect_with(
        server: &TestServer,
        (socket, config): (TcpSocket, WebSocketConfig),
        protocols: &str,
    ) -> Self {
        let stream = socket.connect(server.address).await.expect("accepted");
        let mut request = format!("ws://{}/api/v1/live", server.address)
            .into_client_request()
            .expect("a request");
        let origin = format!("http://{}", server.address).parse().expect("a value");
        request.headers_mut().insert("origin", origin);
        request
            .headers_mut()
            .insert("sec-websocket-protocol", protocols.parse().expect("a value"));
        Self(
            tokio_tungstenite::client_async_with_config(request, stream, Some(config))
                .await
                .expect("upgraded")
                .0,
        )
    }

    pub(crate) async fn hello(&mut self, message: Value) {
        self.0
            .send(Message::text(message.to_string()))
            .await
            .expect("sent");
    }

    /// The next message; fails after 20 s.
    pub(crate) async fn next(&mut self) -> Value {
        loop {
            let next = tokio::time::timeout(Duration::from_secs(20), self.0.next())
                .await
                .expect("in time");
            match next.expect("open").expect("readable") {
                Message::Text(text) => return serde_json::from_str(&text).expect("JSON"),
                Message::Close(frame) => return json!({"closed": frame.map(|frame| u16::from(frame.code))}),
                _ => {}
            }
        }
    }

    /// Returns when the server has heard everything said so far: the pong answers a ping sent last.
    async fn settle(&mut self) {
        self.0.send(Message::Ping(Vec::new().into())).await.expect("sent");
        while !matches!(self.0.next().await, Some(Ok(Message::Pong(_)))) {}
    }

    /// Everything up to the frame `seq`.
    async fn until(&mut self, seq: u64) -> Vec<Value> {
        let mut messages = Vec::new();
        loop {
            let message = self.next().await;
            let is_last = message["seq"].as_u64().is_some_and(|reached| reached >= seq);
            messages.push(message);
            if is_last {
                return messages;
            }
        }
    }
}

fn hello(targets: Value) -> Value {
    json!({"t": "hello", "v": 1, "sub": {"targets": targets, "detail": [], "events": true}})
}

fn resume(epoch: &str, seq: u64) -> Value {
    let mut hello = hello(json!("*"));
    hello["resume"] = json!({"epoch": epoch, "seq": seq});
    hello
}

/// One turn of 250 ms: a probe of each of `targets` and a frame. Returns the newest seq.
fn turn(server: &TestServer, number: u64, targets: u32) -> u64 {
    let anchor = server.clock.advance(LIVE_FRAME);
    let records = (1..=targets)
        .map(|key| reply(key, number, anchor.mono, u64::from(key) * 10))
        .collect();
    server.hub.batch(&batch(anchor, records));
    server.hub.cut(server.clock.anchor());
    newest_seq(server)
}

/// A function, so that the borrow ends here: held over an `await` it would keep the hub from cutting its next frame.
fn newest_seq(server: &TestServer) -> u64 {
    *server.hub.watch().borrow()
}

/// Rows as (key, seq, instant, rtt), however they were based.
fn rows(messages: &[Value]) -> Vec<(u64, u64, i64, u64)> {
    let batches = messages.iter().filter(|message| message["t"] == "b");
    let rows = batches.flat_map(|message| {
        let base_us = message["base"].as_i64().expect("a base") * 1_000;
        let rows = message["d"].as_array().expect("rows").clone();
        rows.into_iter().map(move |row| {
            let number = |index: usize| row[index].as_u64().expect("a number");
            (
                number(0),
                number(1),
                base_us + row[2].as_i64().expect("dt"),
                number(4),
            )
        })
    });
    rows.collect()
}

/// Probes counted in the bins.
fn binned(messages: &[Value]) -> u64 {
    let bins = messages
        .iter()
        .filter_map(|message| message["m"].as_array())
        .flatten();
    bins.map(|bin| bin[2].as_u64().expect("n")).sum()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_was_away_for_30_s_under_load_has_the_same_rows_as_who_was_not() {
    let server = TestServer::start();
    server.hub.catalog(
        (1..=50)
            .map(|key| entry_every(key, &format!("t{key}"), 250))
            .collect(),
    );
    let (mut steady, mut cut) = (Client::connect(&server).await, Client::connect(&server).await);
    let (mut of_steady, mut of_cut) = (Vec::new(), Vec::new());
    for client in [&mut steady, &mut cut] {
        client.hello(hello(json!("*"))).await;
        assert_eq!(client.next().await["t"], "welcome");
    }
    let mut reached = 0;
    for number in 0..20 {
        reached = turn(&server, number, 50);
        of_steady.extend(steady.until(reached).await);
        of_cut.extend(cut.until(reached).await);
    }
    drop(cut);
    for number in 20..140 {
        let newest = turn(&server, number, 50);
        of_steady.extend(steady.until(newest).await);
    }
    let mut back = Client::connect(&server).await;
    back.hello(resume(EPOCH, reached)).await;
    let welcome = back.next().await;
    assert_eq!(
        (&welcome["reset"], &welcome["seq"]),
        (&json!(false), &json!(reached))
    );
    for number in 140..160 {
        reached = turn(&server, number, 50);
        of_steady.extend(steady.until(reached).await);
        of_cut.extend(back.until(reached).await);
    }
    assert_eq!(rows(&of_cut).len(), 160 * 50);
    assert!(rows(&of_cut) == rows(&of_steady), "the arrays differ");
    let seqs: Vec<_> = of_cut
        .iter()
        .filter_map(|message| message["seq"].as_u64())
        .collect();
    assert!(
        seqs.windows(2).all(|pair| pair[1] == pair[0] + 1),
        "every number once, in order"
    );
    server.stop().await;
}

#[tokio::test]
async fn a_long_message_comes_whole_in_frames_of_8_kb() {
    let server = TestServer::start();
    // Characters of two bytes, longer than a frame and shifted by one byte: some frame ends within one.
    let name = |key: u32| "x".repeat(key as usize % 2) + &"ö".repeat(5000);
    let entries = (1..=20).map(|key| {
        let mut entry = entry(key, &format!("t{key}"));
        entry.target.name = name(key);
        entry
    });
    server.hub.catalog(entries.collect());
    for number in 0..40 {
        turn(&server, number, 20);
    }
    let config = WebSocketConfig::default().max_frame_size(Some(8192));
    let socket = TcpSocket::new_v4().expect("a socket");
    let mut client = Client::connect_with(&server, (socket, config), "linewatch.v1").await;
    client.hello(hello(json!("*"))).await;
    let welcome = client.next().await;
    let rows = welcome["targets"].as_array().expect("rows");
    assert_eq!(rows.len(), 20);
    for row in rows {
        let key = row["key"].as_u64().expect("a key") as u32;
        assert!(row["name"] == name(key), "{key}");
    }
    server.stop().await;
}

#[tokio::test]
async fn another_epoch_or_an_unknown_number_begins_anew() {
    let server = TestServer::start();
    server.hub.catalog(vec![entry(1, "fra")]);
    let newest = turn(&server, 0, 1);
    for (epoch, seq, reset) in [
        ("other", newest, true),
        (EPOCH, newest + 1, true),
        (EPOCH, newest, false),
    ] {
        let mut client = Client::connect(&server).await;
        client.hello(resume(epoch, seq)).await;
        let welcome = client.next().await;
        assert_eq!(welcome["reset"], reset, "{epoch} {seq}");
        assert_eq!(
            welcome["targets"].as_array().map(Vec::len),
            Some(usize::from(reset)),
            "rows come with a new begin"
        );
    }
}

/// A browser that reads nothing while `turns` of many probes pass, and what it gets when it reads again.
async fn starve(server: &TestServer, turns: u64) -> Vec<Value> {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(4_096).expect("a small window");
    server.hub.catalog(vec![entry(1, "fra")]);
    let mut slow = Client::connect_by(server, socket).await;
    slow.hello(hello(json!("*"))).await;
    let mut quick = Client::connect(server).await;
    quick.hello(hello(json!(["nobody"]))).await;
    let mut reached = 0;
    for number in 0..turns {
        let anchor = server.clock.advance(LIVE_FRAME);
        let seqs = number * 10_000..(number + 1) * 10_000;
        server.hub.batch(&batch(
            anchor,
            seqs.map(|seq| reply(1, seq, anchor.mono, 10)).collect(),
        ));
        server.hub.event(event(number, None));
        server.hub.cut(server.clock.anchor());
        reached = newest_seq(server);
        // The other browser is not held up by the slow one.
        quick.until(reached).await;
    }
    slow.until(reached).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_browser_gets_bins_and_every_event() {
    let server = TestServer::start();
    let messages = starve(&server, 100).await;
    assert!(
        messages.iter().any(|message| message["merged"] == true),
        "something was folded"
    );
    assert!(
        messages.iter().all(|message| message["reset"] != true),
        "25 s behind is no reset"
    );
    assert_eq!(
        rows(&messages).len() as u64 + binned(&messages),
        100 * 10_000,
        "every probe is told or counted"
    );
    let events: BTreeSet<_> = messages
        .iter()
        .filter_map(|message| message["e"]["id"].as_str().map(str::to_owned))
        .collect();
    assert_eq!(events.len(), 100);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_than_30_s_behind_is_a_new_begin() {
    let server = TestServer::start();
    let messages = starve(&server, 200).await;
    let last = messages.last().expect("messages");
    assert_eq!((&last["t"], &last["reset"]), (&json!("welcome"), &json!(true)));
    assert_eq!(server.hub.live_status().reset, 1);
}

#[tokio::test]
async fn fast_targets_come_as_bins_that_count_every_probe() {
    let server = TestServer::start();
    server.hub.catalog(vec![entry_every(1, "fast", 10)]);
    let mut client = Client::connect(&server).await;
    client.hello(hello(json!("*"))).await;
    client.next().await;
    for number in 0..100 {
        let anchor = server.clock.advance(Duration::from_millis(10));
        server
            .hub
            .batch(&batch(anchor, vec![reply(1, number, anchor.mono, 10 + number)]));
    }
    server.hub.cut(server.clock.advance(LIVE_FRAME));
    let messages = client.until(newest_seq(&server)).await;
    assert!(rows(&messages).is_empty());
    assert_eq!(binned(&messages), 100);
    let first = messages
        .iter()
        .find_map(|message| message["m"][0].as_array().cloned())
        .expect("a bin");
    assert_eq!(first[2..], [json!(9), json!(0), json!(10), json!(14), json!(18)]);
}

#[tokio::test]
async fn a_subscription_filters_and_a_pause_is_made_up_for() {
    let server = TestServer::start();
    server.hub.catalog(vec![entry(1, "one"), entry(2, "two")]);
    server.hub.cut(server.clock.anchor());
    let mut client = Client::connect(&server).await;
    client.hello(hello(json!(["two"]))).await;
    let welcome = client.next().await;
    assert_eq!(welcome["targets"].as_array().map(Vec::len), Some(1));
    let newest = turn(&server, 0, 2);
    assert_eq!(
        rows(&client.until(newest).await)
            .iter()
            .map(|row| row.0)
            .collect::<Vec<_>>(),
        [2]
    );
    client.hello(json!({"t": "pause"})).await;
    client.settle().await;
    for number in 1..100 {
        turn(&server, number, 2);
    }
    client
        .hello(json!({"t": "sub", "sub": {"targets": "*", "detail": [], "events": false}}))
        .await;
    let newest = turn(&server, 100, 2);
    let told = rows(&client.until(newest).await);
    let of_two = told.iter().filter(|row| row.0 == 2).map(|row| row.1);
    assert!(of_two.eq(1..=100), "25 s of pause, and nothing missing or merged");
}

#[tokio::test]
async fn only_what_changed_is_summed_up_again() {
    let server = TestServer::start();
    server.hub.catalog(vec![entry(1, "one"), entry(2, "two")]);
    let mut client = Client::connect(&server).await;
    client.hello(hello(json!("*"))).await;
    client.next().await;
    let mut views = vec![
        view(1, State::Ok, Some(Grade::Good), 90),
        view(2, State::Ok, Some(Grade::Good), 90),
    ];
    server.hub.views(views.clone());
    server.hub.cut(server.clock.advance(Duration::from_secs(1)));
    client.until(newest_seq(&server)).await;
    views[1].window.rto = 7;
    server.hub.views(views);
    server.hub.cut(server.clock.advance(Duration::from_secs(1)));
    let messages = client.until(newest_seq(&server)).await;
    let sums: Vec<_> = messages.iter().filter(|message| message["t"] == "sum").collect();
    assert_eq!(sums.len(), 1);
    assert_eq!(sums[0]["d"].as_array().map(Vec::len), Some(1));
    assert_eq!((&sums[0]["d"][0][0], &sums[0]["d"][0][7]), (&json!(2), &json!(7)));
}

#[tokio::test]
async fn nonsense_ends_the_connection_with_a_reason() {
    let server = TestServer::start();
    let sub = json!({"targets": "*", "detail": [], "events": true});
    for nonsense in [
        json!({"t": "ack", "seq": 1}),
        json!({"t": "hello", "v": 2, "sub": sub}),
        json!({"t": "hello", "v": 1, "sub": {"targets": "all", "detail": [], "events": true}}),
        json!("hello"),
    ] {
        let mut client = Client::connect(&server).await;
        client.hello(nonsense.clone()).await;
        assert_eq!(client.next().await, json!({"closed": 1008}), "{nonsense}");
    }
}

#[tokio::test]
async fn browsers_are_told_when_the_monitor_stops() {
    let server = TestServer::start();
    let mut client = Client::connect(&server).await;
    client.hello(hello(json!("*"))).await;
    client.next().await;
    let stopping = tokio::spawn(server.stop());
    assert_eq!(client.next().await, json!({"closed": 1001}));
    drop(client);
    stopping.await.expect("in order");
}

#[test]
fn one_target_at_one_a_second_costs_ten_minutes_of_next_to_nothing() {
    let clock = crate::tests::TestClock::default();
    let options = crate::HubOptions {
        epoch: EPOCH.to_owned(),
        run: linewatch_core::event::RunId(1),
        started_at: clock.wall(),
    };
    let hub = crate::Hub::new(options);
    hub.catalog(vec![entry(1, "fra")]);
    for number in 0..1_200 {
        let anchor = clock.advance(Duration::from_secs(1));
        hub.batch(&batch(anchor, vec![reply(1, number, anchor.mono, 10)]));
        let mut changed = view(1, State::Ok, Some(Grade::Good), 90 + number % 2);
        changed.error = None;
        hub.views(vec![changed]);
        hub.cut(anchor);
    }
    assert!(
        hub.live_status().ring_bytes < 512 * 1024,
        "{}",
        hub.live_status().ring_bytes
    );
}
