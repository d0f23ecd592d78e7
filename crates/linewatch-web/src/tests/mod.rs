//! A real server on a free port, driven over real sockets; the doors behind it are fakes held by the test.

mod access;
mod alerts;
mod bad_input;
mod changes;
mod compat;
pub(crate) mod data;
mod evidence;
mod export;
mod graph;
mod guarding;
mod matrix;
mod openapi;
mod overview;
mod past;
mod report;
mod samples;
mod series;
mod settings;
mod shapes;

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use linewatch_core::event::{Event, EventId, EventKind, LogRow, OutageRow, RunId};
use linewatch_core::evidence::Evidence;
use linewatch_core::past::{SeriesSum, Stretch, SumQuery};
use linewatch_core::port::{
    BackupCopy, Clock, History, HistoryError, RowQuery, SampleQuery, Series, SeriesPoint, SeriesQuery,
    SeriesSource, StorageView, StoredSample, StoredTarget,
};
use linewatch_core::record::{Gap, GapKind};
use linewatch_core::rollup::{Resolution, Rollup};
use linewatch_core::target::TargetId;
use linewatch_core::time::{Anchor, MonoTime, WallTime};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};

use crate::control::{Change, ChangeDone, ChangeError};
use crate::{AccessRule, AdminFile, Hub, HubOptions, ServerOptions, serve};

/// Calendar time when a test begins, in milliseconds.
pub(crate) const START_MS: i64 = 1_795_254_971_000;
pub(crate) const EPOCH: &str = "b7f3";

/// Stands still until the test moves it.
#[derive(Debug, Default)]
pub(crate) struct TestClock(AtomicU64);

impl TestClock {
    pub(crate) fn advance(&self, by: Duration) -> Anchor {
        self.0
            .fetch_add(linewatch_core::time::nanos_of(by), Ordering::SeqCst);
        self.anchor()
    }
}

impl Clock for TestClock {
    fn mono(&self) -> MonoTime {
        MonoTime::from_nanos(self.0.load(Ordering::SeqCst))
    }
    fn wall(&self) -> WallTime {
        WallTime::from_nanos(START_MS * 1_000_000).plus(self.mono().since(MonoTime::ZERO))
    }
    fn asleep(&self) -> Duration {
        Duration::ZERO
    }
}

/// What the store would answer.
#[derive(Debug, Default)]
pub(crate) struct TestHistory {
    pub(crate) samples: Mutex<Vec<StoredSample>>,
    pub(crate) events: Mutex<Vec<Event>>,
    pub(crate) outages: Mutex<Vec<OutageRow>>,
    pub(crate) logs: Mutex<Vec<LogRow>>,
    pub(crate) targets: Mutex<Vec<StoredTarget>>,
    pub(crate) asked: Mutex<Vec<RowQuery>>,
    pub(crate) rollups: Mutex<Vec<Rollup>>,
    pub(crate) asked_series: Mutex<Vec<SeriesQuery>>,
    pub(crate) sums: Mutex<HashMap<TargetId, SeriesSum>>,
    pub(crate) stretches: Mutex<Vec<Stretch>>,
    pub(crate) asked_sums: Mutex<Vec<SumQuery>>,
    pub(crate) evidence: Mutex<Vec<Evidence>>,
    pub(crate) is_broken: std::sync::atomic::AtomicBool,
}

impl TestHistory {
    fn rows<T: Clone>(&self, query: &RowQuery, rows: &Mutex<Vec<T>>) -> Result<Vec<T>, HistoryError> {
        self.asked.lock().expect("asked").push(query.clone());
        if self.is_broken.load(Ordering::SeqCst) {
            return Err(HistoryError("disk I/O error".to_owned()));
        }
        Ok(rows
            .lock()
            .expect("rows")
            .iter()
            .take(query.limit)
            .cloned()
            .collect())
    }
}

impl History for TestHistory {
    fn evidence(&self, outage: EventId) -> Result<Option<(OutageRow, Vec<Evidence>)>, HistoryError> {
        let outages = self.outages.lock().expect("outages");
        let row = outages.iter().find(|row| row.id == outage).cloned();
        Ok(row.map(|row| (row, self.evidence.lock().expect("evidence").clone())))
    }
    fn samples(&self, query: SampleQuery) -> Result<Vec<StoredSample>, HistoryError> {
        let samples = self.samples.lock().expect("samples");
        Ok(samples
            .iter()
            .filter(|sample| query.from <= sample.at && sample.at < query.to)
            .take(query.limit)
            .copied()
            .collect())
    }
    fn series(&self, query: SeriesQuery) -> Result<Series, HistoryError> {
        self.asked_series.lock().expect("asked").push(query);
        if self.is_broken.load(Ordering::SeqCst) {
            return Err(HistoryError("disk I/O error".to_owned()));
        }
        let rollups = self.rollups.lock().expect("rollups");
        Ok(Series {
            from: query.from,
            to: query.to,
            bucket: Duration::from_secs(60),
            source: SeriesSource::Tier(Resolution::Minute),
            points: (0_i64..)
                .zip(rollups.iter())
                .map(|(minute, rollup)| SeriesPoint {
                    at: WallTime::from_nanos(minute * 60_000_000_000),
                    rollup: rollup.clone(),
                })
                .collect(),
            gaps: vec![Gap {
                target: query.target,
                kind: GapKind::Suspended,
                from: query.from,
                to: query.to,
                first_seq: 0,
                slots: 3,
            }],
        })
    }
    fn sums(&self, query: &SumQuery) -> Result<Vec<(TargetId, SeriesSum)>, HistoryError> {
        self.asked_sums.lock().expect("asked").push(query.clone());
        if self.is_broken.load(Ordering::SeqCst) {
            return Err(HistoryError("disk I/O error".to_owned()));
        }
        let sums = self.sums.lock().expect("sums");
        let of = |target: &TargetId| Some((*target, sums.get(target)?.clone()));
        Ok(query.targets.iter().filter_map(of).collect())
    }
    fn stretches(&self, query: &SumQuery) -> Result<Vec<Stretch>, HistoryError> {
        let stretches = self.stretches.lock().expect("stretches");
        let is_asked = |stretch: &&Stretch| query.targets.contains(&stretch.target);
        Ok(stretches.iter().filter(is_asked).copied().collect())
    }
    fn gaps(&self, _query: SampleQuery) -> Result<Vec<Gap>, HistoryError> {
        Ok(Vec::new())
    }
    fn events(&self, query: &RowQuery) -> Result<Vec<Event>, HistoryError> {
        self.rows(query, &self.events)
    }
    fn open_events(&self, limit: usize) -> Result<Vec<Event>, HistoryError> {
        let events = self.events.lock().expect("events");
        let open = events.iter().filter(|event| event.until.is_none());
        Ok(open.take(limit).cloned().collect())
    }
    fn outages(&self, query: &RowQuery) -> Result<Vec<OutageRow>, HistoryError> {
        self.rows(query, &self.outages)
    }
    fn logs(&self, query: &RowQuery) -> Result<Vec<LogRow>, HistoryError> {
        self.rows(query, &self.logs)
    }
    fn count_events(&self, targets: &[TargetId], kinds: &[EventKind]) -> Result<u64, HistoryError> {
        let events = self.events.lock().expect("events");
        let is_meant = |event: &&Event| {
            event.target.is_some_and(|target| targets.contains(&target)) && kinds.contains(&event.kind)
        };
        Ok(events.iter().filter(is_meant).count() as u64)
    }
    fn numbered_logs(&self, level: Option<&str>, limit: usize) -> Result<Vec<(i64, LogRow)>, HistoryError> {
        let logs = self.logs.lock().expect("logs");
        let of_level = logs
            .iter()
            .filter(|row| level.is_none_or(|level| row.level == level));
        Ok((1..).zip(of_level.cloned()).take(limit).collect())
    }
    fn targets(&self) -> Result<Vec<StoredTarget>, HistoryError> {
        Ok(self.targets.lock().expect("targets").clone())
    }
    fn storage(&self) -> StorageView {
        StorageView {
            path: "linewatch.db".to_owned(),
            ..StorageView::default()
        }
    }
    fn backup(&self) -> Result<BackupCopy, HistoryError> {
        if self.is_broken.load(Ordering::SeqCst) {
            return Err(HistoryError("disk I/O error".to_owned()));
        }
        let pieces = [b"SQLite ".to_vec(), b"format 3".to_vec()];
        Ok(BackupCopy {
            size_bytes: 15,
            pieces: Box::new(pieces.map(Ok).into_iter()),
        })
    }
}

/// A running server; stops when dropped.
pub(crate) struct TestServer {
    pub(crate) address: SocketAddr,
    pub(crate) hub: Hub,
    pub(crate) clock: Arc<TestClock>,
    pub(crate) history: Arc<TestHistory>,
    /// Every change that came through.
    pub(crate) changes: Arc<Mutex<Vec<Change>>>,
    /// What the settings answer.
    pub(crate) word: Arc<Mutex<Result<ChangeDone, ChangeError>>>,
    /// The file of hashes, as commands beside the server see it.
    pub(crate) admin: AdminFile,
    _folder: tempfile::TempDir,
    stop: Option<oneshot::Sender<()>>,
    pub(crate) ended: Option<tokio::task::JoinHandle<Result<(), crate::Error>>>,
}

impl TestServer {
    pub(crate) fn start() -> Self {
        Self::with(|_| {})
    }

    pub(crate) fn with(adjust: impl FnOnce(&mut ServerOptions)) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let address = listener.local_addr().expect("bound");
        let mut options = ServerOptions {
            listeners: vec![listener],
            base_path: "/".to_owned(),
            allowed_hosts: vec!["monitor.example".to_owned()],
            rule: AccessRule {
                is_off: false,
                is_public_read: true,
                is_proxied: false,
            },
            admin: AdminFile::in_dir(folder.path()),
            tls: None,
            web_dir: None,
            language: "auto".to_owned(),
        };
        adjust(&mut options);
        // A door to everywhere is reached through loopback all the same.
        let address =
            options.listeners[0]
                .local_addr()
                .map_or(address, |addr| match addr.ip().is_unspecified() {
                    true => SocketAddr::from((Ipv4Addr::LOCALHOST, addr.port())),
                    false => addr,
                });
        let admin = options.admin.clone();
        let clock = Arc::new(TestClock::default());
        let started_at = clock.wall();
        let hub = Hub::new(HubOptions {
            epoch: EPOCH.to_owned(),
            run: RunId(5),
            started_at,
        });
        let history = Arc::new(TestHistory::default());
        let (control, mut requests) = mpsc::channel::<crate::ControlRequest>(4);
        let changes = Arc::new(Mutex::new(Vec::new()));
        let word = Arc::new(Mutex::new(Ok(ChangeDone::default())));
        let (noted, answer) = (Arc::clone(&changes), Arc::clone(&word));
        tokio::spawn(async move {
            while let Some(request) = requests.recv().await {
                noted.lock().expect("changes").push(request.change);
                let word = answer.lock().expect("word").clone();
                assert!(request.reply.send(word).is_ok(), "the asker waits");
            }
        });
        let (stop, stopped) = oneshot::channel::<()>();
        // Ready when the test drops its end.
        let shutdown = async move { assert!(stopped.await.is_err(), "never sent") };
        let serving = serve(
            options,
            hub.clone(),
            history.clone(),
            control,
            clock.clone(),
            shutdown,
        );
        let ended = Some(tokio::spawn(serving));
        Self {
            address,
            hub,
            clock,
            history,
            changes,
            word,
            admin,
            _folder: folder,
            stop: Some(stop),
            ended,
        }
    }

    /// Lets the server end, and waits for it.
    pub(crate) async fn stop(mut self) {
        drop(self.stop.take());
        let ended = self.ended.take().expect("running");
        tokio::time::timeout(Duration::from_secs(5), ended)
            .await
            .expect("within 5 s")
            .expect("no panic")
            .expect("in order");
    }

    /// Sends a request as written, with a Host if it has none, and reads the whole answer.
    pub(crate) async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> TestAnswer {
        let mut request = format!("{method} {path} HTTP/1.1\r\nconnection: close\r\n");
        if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
            request += &format!("host: {}\r\n", self.address);
        }
        for (name, value) in headers {
            request += &format!("{name}: {value}\r\n");
        }
        if !body.is_empty() {
            request += &format!("content-length: {}\r\n", body.len());
        }
        request += "\r\n";
        request += body;
        self.send_raw(request.as_bytes()).await
    }

    pub(crate) async fn send_raw(&self, request: &[u8]) -> TestAnswer {
        let mut stream = TcpStream::connect(self.address).await.expect("accepted");
        stream.write_all(request).await.expect("sent");
        let mut bytes = Vec::new();
        let reading = stream.read_to_end(&mut bytes);
        tokio::time::timeout(Duration::from_secs(20), reading)
            .await
            .expect("answered in time")
            .expect("readable");
        TestAnswer::parse(&bytes)
    }

    pub(crate) async fn get(&self, path: &str) -> TestAnswer {
        self.send("GET", path, &[], "").await
    }
}

/// One answer.
#[derive(Debug)]
pub(crate) struct TestAnswer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl TestAnswer {
    fn parse(bytes: &[u8]) -> Self {
        let end = bytes
            .windows(4)
            .position(|window| window == b"\r\n\r\n")
            .expect("a head");
        let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
        let mut lines = head.lines();
        let status = lines
            .next()
            .and_then(|line| line.split(' ').nth(1)?.parse().ok())
            .expect("a status");
        let headers = lines
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
            .collect();
        Self {
            status,
            headers,
            body: bytes[end + 4..].to_vec(),
        }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}
