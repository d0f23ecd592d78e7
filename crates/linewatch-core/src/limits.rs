//! Names every bound of the program in one place, each with its reason and, where bounds multiply, its sum.
//!
//! A number that limits something and is not here is a bug. Not here: defaults (they are configuration).

use std::time::Duration;

use crate::time::WallTime;

/// First and last instant that can be asked for, 2000-01-01 and 2100-01-01 UTC: what lies outside is a slip of the pen,
/// not a time anybody measured at.
pub const DATE_FIRST: WallTime = WallTime::from_nanos(946_684_800_000_000_000);
/// See [`DATE_FIRST`].
pub const DATE_LAST: WallTime = WallTime::from_nanos(4_102_444_800_000_000_000);

/// Shortest probe interval. Below it the kernel's own queueing is what would be measured.
pub const INTERVAL_MIN: Duration = Duration::from_millis(1);
/// Longest probe interval: an hour between probes can no longer tell an outage from a blink.
pub const INTERVAL_MAX: Duration = Duration::from_secs(3600);
/// Shortest time-out (REQUIREMENTS S3-11).
pub const TIMEOUT_MIN: Duration = Duration::from_millis(1);
/// Longest time-out (REQUIREMENTS S3-11): 30 s at 1 ms are 30,000 in flight, under [`IN_FLIGHT_PER_TARGET`].
pub const TIMEOUT_MAX: Duration = Duration::from_secs(30);
/// Probes of one target in flight. Half the 16-bit wire sequence: a reply can then never be taken for
/// that of a probe 65,536 earlier.
pub const IN_FLIGHT_PER_TARGET: usize = 32_768;
/// Targets of one process.
pub const TARGETS: usize = 100_000;
/// Probes per second of one process, over all targets: what one engine thread can do with a margin.
/// `TARGETS` at `INTERVAL_MIN` would be 10^8/s and is refused with this sum.
pub const PROBES_PER_S: u64 = 100_000;
/// Megabits per second of one process, over all targets and packets that it sends (SAFETY T6): `PROBES_PER_S` of the usual
/// payload and no more, so that 100,000 probes a second of `PAYLOAD_BYTES_MAX`, 1.2 Gbit/s, are not to be had.
pub const PROBE_MBIT_PER_S: u64 = 125;
/// Share of one processor core that probing may ask for, in per cent: the rest is for the bursts, and for the
/// other programs of a computer with a single core.
pub const CORE_SHARE_MAX_PERCENT: u64 = 70;
/// How long beyond its time-out every unanswered probe is remembered at least, to know a late answer.
pub const LATE_MEMORY: Duration = Duration::from_secs(1);
/// Unanswered probes that are remembered longer than [`LATE_MEMORY`]: 65,536 x about 50 B = 3 MB.
pub const LATE_MEMORY_PROBES: usize = 65_536;
/// ICMP payload, or that of a UDP echo (which is 18 bytes at least): at least the cookie (16 B); at most what fits an Ethernet frame without fragments
/// (1500 - 40 IPv6 - 8 ICMP).
pub const PAYLOAD_BYTES_MIN: u16 = 16;
/// See [`PAYLOAD_BYTES_MIN`].
pub const PAYLOAD_BYTES_MAX: u16 = 1452;

/// Local ports that UDP probes of one family can leave from: another one gets a flow past a firewall that remembers the
/// old one wrongly. Each is a socket with a table of stamps of 400 KB, opened when it is first needed.
pub const UDP_SOURCES: usize = 4;

/// Probes per second to one public address without `allow_high_rate` (REQUIREMENTS X9).
pub const PUBLIC_PROBES_PER_S: u64 = 10;
/// Probes per second to one public /24 or /48 (REQUIREMENTS X9, SAFETY T6) without the same permission.
pub const PUBLIC_PREFIX_PROBES_PER_S: u64 = 100;

/// Distinct ways of leaving (source, interface, DSCP) beside the default: what two bytes count. 65,535 x 28 B = 1.8 MB.
pub const EGRESSES: usize = 65_535;

/// A name is asked for again no sooner: zones of load balancers say 0 s, and a monitor must be no load on a resolver.
/// Half a minute behind a move is still an event in time; 100,000 names at once are 3,300 questions a second.
pub const DNS_TTL_MIN: Duration = Duration::from_secs(30);
/// And no later: some zones say days, and a host that moved is to be followed within the hour.
pub const DNS_TTL_MAX: Duration = Duration::from_secs(3600);
/// First wait after a question that failed; doubled with each further one ...
pub const DNS_RETRY_FIRST: Duration = Duration::from_secs(5);
/// ... up to this, so that names come back within a minute of their name server.
pub const DNS_RETRY_MAX: Duration = Duration::from_secs(60);
/// Names that wait for the resolver; the next is put off by a second. 1024 x about 100 B.
pub const DNS_QUESTIONS: usize = 1024;
/// Names looked up at once: a dead name server holds each for [`DNS_QUERY_TIME`], and the others go on with the rest.
/// Each that waits for nothing costs about 100 KB (64 of them held 9 MB, 16 hold 1.4 MB).
pub const DNS_CONCURRENT: usize = 16;
/// A question is given up after this: two tries of 5 s (the defaults of resolv.conf(5)) and a second server.
pub const DNS_QUERY_TIME: Duration = Duration::from_secs(15);
/// Answers the resolver remembers, for several targets of one name: 1024 x about 1 KB = 1 MB.
pub const DNS_CACHE: u64 = 1024;
/// A configured source is looked at so often: an interface that comes back has another number.
pub const SOURCE_LOOK: Duration = Duration::from_secs(10);

/// Each ICMP flow gets another identifier this often: a firewall that has shut one does not shut a target for ever.
pub const ROTATE_EVERY: Duration = Duration::from_secs(3600);

/// Packets handed to the kernel in one `sendmmsg`, and stamps read at a time.
pub const SEND_BATCH: usize = 32;
/// Packets taken from the kernel in one `recvmmsg`.
pub const RECEIVE_BATCH: usize = 64;
/// A slot later than this is `unmeasured (stalled)`: its probe would measure another second.
pub const STALL_AFTER: Duration = Duration::from_secs(1);
/// Finished records wait this long at most before they leave the engine.
pub const BATCH_AGE: Duration = Duration::from_millis(20);
/// Records of one batch. 4096 x 64 B = 256 KB.
pub const BATCH_RECORDS: usize = 4096;
/// Batches between engine and monitor: 256 x 256 KB = 64 MB at the very worst.
pub const BATCH_QUEUE: usize = 256;
/// Messages between monitor and store: 60 s of stall at 20 ms a batch, and events besides.
pub const STORE_QUEUE: usize = 4096;

/// The window of state, grade and live figures: the longer of these two (MEASURING.md "Loss").
pub const WINDOW: Duration = Duration::from_secs(60);
/// See [`WINDOW`].
pub const WINDOW_PROBES: usize = 20;
/// State and grade are evaluated this often.
pub const EVALUATE_EVERY: Duration = Duration::from_secs(1);
/// Targets evaluated before what came of it is handed on: 1024 views of about 800 B are 0.8 MB.
pub const TICK_VIEWS: usize = 1024;
/// Probes one live window keeps: `WINDOW` at `INTERVAL_MIN` is 60,000. 65,536 x 32 B = 2 MB, for the fastest
/// targets only; `PROBES_PER_S` allows 100 of them, hence 200 MB.
pub const WINDOW_ENTRIES: usize = 65_536;
/// Probes the loss window of the outage rule keeps; the default 10 s at `INTERVAL_MIN` are 10,000. A longer
/// window on a faster target judges by its newest 65,536 probes: 8 B each, hence 512 KB.
pub const OUTAGE_WINDOW_ENTRIES: usize = 65_536;
/// Times the calendar may leave the line of the monotonic clock (a suspension, a step) before the oldest is
/// forgotten. A date is asked for within the hour of an outage's window, and 64 x 24 B are nothing.
pub const CALENDAR_ERAS: usize = 64;
/// Pauses of one target begun before what was in flight at the first of them is decided: more than a hand can
/// make within a time-out; beyond it the newest two become one.
pub const PENDING_PAUSES: usize = 8;
/// Outages of one target kept in memory for the summary of a run, newest first to stay: 100 KB.
pub const OUTAGE_ROWS: usize = 1000;
/// Samples of which a `watch` summary gives exact percentiles: three lists of 8 MB a target; above, a histogram.
pub const SUMMARY_EXACT_SAMPLES: usize = 1_000_000;
/// The interpretation line is hidden below this many samples.
pub const INTERPRET_PROBES: usize = 20;
/// Replies slower than this are counted as `slow` (S4's threshold of its RTO).
pub const SLOW_REPLY: Duration = Duration::from_millis(200);

/// Outages within [`FLAPPING_WINDOW`] that are flapping (MEASURING.md "Hysteresis").
pub const FLAPPING_OUTAGES: usize = 4;
/// See [`FLAPPING_OUTAGES`].
pub const FLAPPING_WINDOW: Duration = Duration::from_secs(300);
/// Begins of outages remembered of one target to judge that; more say nothing more. 64 x 16 B.
pub const FLAPPING_KEPT: usize = 64;
/// A limit is kept for so long before its fault is over: as long as a state takes to recover, six evaluations.
pub const ALERT_CLEAR: Duration = Duration::from_secs(6);
/// After the first of many targets is back the others have so long to be back with it: three answers at the default
/// interval, and the phases between targets.
pub const ALERT_SETTLE: Duration = Duration::from_secs(10);
/// What happens within this span is looked at together: a mail is no later for it than for its server.
pub const ALERT_LOOK: Duration = Duration::from_millis(100);
/// With more targets deadlines are looked at once a second only: a look at 100,000 open faults takes 50 ms.
pub const ALERT_PROMPT: usize = 10_000;
/// Silences made by hand that hold at a time: each is looked at for every fault, and people make a few.
pub const SILENCES: usize = 200;
/// After a start the targets of what was open before have so long to be there: a name that is asked for twice.
pub const ALERT_RETURN: Duration = DNS_QUERY_TIME.saturating_mul(2);
/// A next hop that has been silent for so long while others answer is not what they are reached through, or answers no
/// pings: longer than an outage takes to open at each.
pub const ALERT_WAY: Duration = Duration::from_secs(30);
/// "Every target" are at least so many: two can fail at once by chance.
pub const ALERT_EVERY_TARGET_MIN: usize = 3;
/// Faults in one message; the rest is a number. A mail of 100 lines is read, one of 1,000 is not.
pub const ALERT_ITEMS: usize = 100;
/// Names of targets with a common cause in one message; the rest is a number.
pub const ALERT_NAMES: usize = 50;
/// Messages to the same destinations within an hour; after that they become digests ...
pub const ALERTS_PER_HOUR: usize = 20;
/// ... so far apart.
pub const ALERT_DIGEST_EVERY: Duration = Duration::from_secs(600);

/// Newest lost probes of a target with late replies that are remembered one by one: 64 x 40 B.
pub const ADVICE_LOSSES: usize = 64;
/// Older ones say nothing of now.
pub const ADVICE_AGE: Duration = Duration::from_secs(3600);
/// A longer time-out is advised from so many lost probes on: of fewer a share says nothing.
pub const ADVICE_LOST_MIN: u64 = 20;
/// ICMP that nobody answered so often ...
pub const ADVICE_SILENT_PROBES: u64 = 20;
/// ... and for so long is silent, and TCP is worth a try: by then a reboot of the far end's switch is over.
pub const ADVICE_SILENT_TIME: Duration = Duration::from_secs(30);
/// Such a try is made once in so long for each target, one handshake a second for all of them together.
pub const ADVICE_KNOCK_EVERY: Duration = Duration::from_secs(600);
/// A handshake of it is given up after this: a second SYN (1 s) has had its time.
pub const ADVICE_KNOCK_TIME: Duration = Duration::from_secs(2);
/// Sends later than this, or than a tenth of the interval if that is more, ...
pub const ADVICE_LATENESS_MIN: Duration = Duration::from_millis(5);
/// ... for so long are worth a change.
pub const ADVICE_LATENESS_TIME: Duration = Duration::from_secs(60);

/// Characters of a target's name; of an id; of any other label.
pub const NAME_CHARS: usize = 80;
/// See [`NAME_CHARS`].
pub const ID_CHARS: usize = 64;
/// Characters of a comment, a note, or who somebody is.
pub const FREE_TEXT_CHARS: usize = 500;
/// Labels of one target.
pub const LABELS: usize = 32;
/// Bytes of a configuration file: more is not one.
pub const CONFIG_BYTES: u64 = 8 * 1024 * 1024;

/// Bytes of one HTTP request body.
pub const HTTP_BODY_BYTES: usize = 1024 * 1024;
/// Bytes of all request headers.
pub const HTTP_HEADER_BYTES: usize = 16 * 1024;
/// A client that has not finished its headers by then is dropped.
pub const HTTP_HEADER_TIME: Duration = Duration::from_secs(10);
/// Open connections; each costs about 20 KB, hence 20 MB.
pub const HTTP_CONNECTIONS: usize = 1000;
/// Open connections of one other computer: four of them leave nobody out.
pub const HTTP_CONNECTIONS_PER_PEER: usize = 250;
/// Passwords one peer (one /64 of IPv6) may try within [`LOGIN_WINDOW`]; then it waits, each time twice as long.
pub const LOGIN_TRIES: u32 = 10;
/// See [`LOGIN_TRIES`]; also the first wait, and how often failed log-ins are told.
pub const LOGIN_WINDOW: Duration = Duration::from_secs(60);
/// The longest wait: a person who mistypes comes back after a coffee, a guesser gets 40 tries an hour.
pub const LOGIN_WAIT_MAX: Duration = Duration::from_secs(900);
/// Peers whose tries are remembered: 4096 x some 80 B = 330 KB.
pub const LOGIN_PEERS: usize = 4096;
/// Log-ins that wait while one is judged: a password costs 19 MiB and some 50 ms, so they are judged one by one.
pub const LOGINS_WAITING: usize = 8;
/// Characters of a password that somebody chose; ours has 100 random bits.
pub const PASSWORD_CHARS_MIN: usize = 10;
/// Bytes of a password: more is none.
pub const PASSWORD_BYTES_MAX: usize = 256;
/// Signed-in browsers; the one idle for longest gives way.
pub const SESSIONS: usize = 256;
/// A browser that asked for nothing for so long is signed out.
pub const SESSION_IDLE: Duration = Duration::from_secs(12 * 3600);
/// Whatever it does, it signs in again after so long ...
pub const SESSION_AGE: Duration = Duration::from_secs(7 * 86_400);
/// ... or so long, if it asked to stay signed in.
pub const SESSION_KEPT_AGE: Duration = Duration::from_secs(30 * 86_400);
/// Browsers that stay signed in across restarts; the oldest gives way.
pub const SESSIONS_KEPT: usize = 32;
/// Tokens for programs.
pub const TOKENS: usize = 100;
/// Bytes of the file of password, tokens and kept sessions: 132 lines of at most 460 bytes.
pub const ADMIN_FILE_BYTES: u64 = 64 * 1024;
/// Rows of one answer of `/api/v1/samples`, events, outages, logs.
pub const API_ROWS: usize = 100_000;
/// What one browser may have waiting before frames are merged, as time.
pub const LIVE_CLIENT_BACKLOG: Duration = Duration::from_secs(2);
/// A browser further behind than this is reset.
pub const LIVE_CLIENT_RESET: Duration = Duration::from_secs(30);
/// How far back a browser can resume: this long ...
pub const LIVE_REPLAY: Duration = Duration::from_secs(600);
/// ... or this many bytes, whichever is less: 10,000 targets fill them in 45 s, and in 90 s with a probe each 2 s.
pub const LIVE_REPLAY_BYTES: usize = 32 * 1024 * 1024;
/// Live frames go out this often.
pub const LIVE_FRAME: Duration = Duration::from_millis(250);
/// Targets probed more often than this (20/s) are shown live as bins: a screen has no room for single probes.
pub const LIVE_ROW_INTERVAL_MIN: Duration = Duration::from_millis(50);
/// Length of such a bin.
pub const LIVE_BIN: Duration = Duration::from_millis(100);
/// How far back the sparklines reach.
pub const LIVE_TRAIL: Duration = Duration::from_secs(60);
/// Single probes kept beside the bins of a fast target: what the store has surely not committed yet.
pub const LIVE_TRAIL_FAST: Duration = Duration::from_secs(3);
/// Rows of one target's trail: 60 s at 20/s and 3 s at 1000/s, with room. 4096 x 16 B = 64 KB.
pub const LIVE_TRAIL_ROWS: usize = 4096;
/// Records and messages the monitor may hand to the live view between two frames before it sorts them in itself.
pub const LIVE_INBOX: usize = 65_536;
/// A browser whose connection takes nothing for so long is dropped.
pub const LIVE_CLIENT_EVICT: Duration = Duration::from_secs(60);
/// Signs of life on the live connection.
pub const LIVE_HEARTBEAT: Duration = Duration::from_secs(5);
/// Targets whose every figure one browser gets each second.
pub const LIVE_DETAILS: usize = 16;
/// Bytes of one message of a browser: 10,000 ids.
pub const LIVE_MESSAGE_BYTES: usize = 1024 * 1024;
/// Queries of history at once; more wait.
pub const HISTORY_QUERIES: usize = 4;
/// A question to the store or the settings that is not answered by then is given up.
pub const ANSWER_TIME: Duration = Duration::from_secs(10);
/// Rows of the overview in one answer.
pub const OVERVIEW_ROWS: usize = 1000;

/// Samples of one sealed block: at 1/s the hour seals it, at 50/s this does every 5.5 minutes.
pub const BLOCK_SAMPLES: usize = 16_384;
/// How long the plain `recent` table reaches back.
pub const RECENT: Duration = Duration::from_secs(2 * 3600);
/// Targets probed at least this often (8/s) keep rollups of single seconds: of slower ones the samples of a minute
/// are hardly more.
pub const SECONDS_INTERVAL_MAX: Duration = Duration::from_millis(125);
/// How long after its last time-out a bucket still waits: for late answers, which are remembered for
/// [`LATE_MEMORY`], and for the way from the engine to the store.
pub const ROLLUP_WAIT: Duration = Duration::from_secs(2);
/// Buckets of one answer of `/api/v1/series`: more than a screen has columns for.
pub const SERIES_POINTS: usize = 2000;
/// Kept before and after an outage, beside it.
pub const EVIDENCE_AROUND: Duration = Duration::from_secs(30);
/// A longer outage keeps its edges only.
pub const EVIDENCE_WHOLE: Duration = Duration::from_secs(300);
/// So does one with more samples of its target: 100,000 are some 300 KB.
pub const EVIDENCE_WHOLE_SAMPLES: usize = 100_000;
/// Other targets kept with an outage, a second at a time: 200 of two minutes are some 40 KB.
pub const EVIDENCE_LINES: usize = 200;
/// Pictures that are drawn at once for the page: a picture takes one core for some 20 ms, and the engine needs its own.
pub const GRAPH_DRAWINGS: usize = 2;
/// Device pixels of one of them: 4000 x 2000; 4 B each while it is drawn.
pub const GRAPH_PIXELS: u64 = 8_000_000;
/// Pictures kept for who asks again, of at most some MB each, and how long: many readers of one page are one drawing.
pub const GRAPHS_KEPT: usize = 16;
/// See [`GRAPHS_KEPT`].
pub const GRAPH_FRESH: Duration = Duration::from_secs(10);
