// Every JSON shape that crosses between the server and the page. Rust serialises these in
// crates/linewatch-web/src/api.rs; a test checks that each field written there stands here and the other way round.
// Milliseconds are numbers with at most 3 decimals; `_us` are integers of microseconds; instants are
// integers of milliseconds since 1970 UTC where the name ends in `_at` or is from/to/now/base.
// null = no data: never 0.

export type StateWord = "paused" | "error" | "waiting" | "stale" | "down" | "ok" | "warn" | "bad";
export type GradeWord = "excellent" | "good" | "fair" | "poor" | "critical";
export type OutcomeWord = "reply" | "refused" | "unreachable" | "lost" | "unsent" | "unmeasured";
export type GapWord =
  | "suspended" | "clock_stepped" | "stalled" | "paused" | "stopped" | "crashed" | "reconfigured" | "overrun" | "rx_overflow";

/** One probe: [key, seq, dt_us, outcome 0..5, rtt_us, host_us, flags]. dt from `base` to the send; may be negative.
 *  flags: 2 late, 4 duplicate, 8 reordered. */
export type ProbeRow = [number, number, number, number, number | null, number | null, number];
/** Merged probes of 100 ms (fast targets, slow clients): [key, dt_us, n, lost, min_us, p50_us, max_us]. `n` counts
 *  answered and lost probes. */
export type BinRow = [number, number, number, number, number | null, number | null, number | null];
/** [key, state, grade, p50_us, p95_us, jitter_us, loss_ppm, rto, up_ppm, more]. */
export type SumRow = [
  number, StateWord, GradeWord | null, number | null, number | null, number | null, number | null, number,
  number | null, SumMore | null,
];
/** Only what is unusual: why, and since when. */
export interface SumMore {
  state_since: number;
  reasons?: string[]; // "loss" | "jitter" | "rtt": which rules of OK (state warn) or WARN (state bad) do not hold
  error?: TargetErrorInfo;
  outage?: OpenOutageInfo;
  advice?: AdviceInfo;
}
/** One thing worth changing about a target; `patch` is for PATCH /api/v1/targets/{id}. Figures by code:
 *  raise_timeout: share_ppm of the lost came within_ms, lost, late, from_ms, to_ms (newest 64 lost probes of the last hour);
 *  use_tcp: probes in silent_ms without an answer, port that answers; raise_interval: p99_ms of lateness, from_ms, to_ms. */
export interface AdviceInfo {
  code: "raise_timeout" | "use_tcp" | "raise_interval";
  figures: Record<string, number>;
  action: { patch: AdvicePatch };
  command: string | null; // what to type instead, exactly
}
export interface AdvicePatch { probe?: "tcp"; port?: number; interval?: string; timeout?: string }
export interface TargetErrorInfo { kind: "dns" | "permission" | "no_route" | "refused"; text: string }
export interface OpenOutageInfo { since: number; duration_ms: number; sent: number; lost: number }

// ---- WebSocket /api/v1/live, subprotocol linewatch.v1 ----
export type ServerMessage =
  | { t: "welcome"; v: 1; epoch: string; run: number; seq: number; now: number; hz: number; reset: boolean; targets: OverviewRow[] }
  | { t: "b"; seq: number; base: number; d: ProbeRow[]; m?: BinRow[]; g?: GapRow[]; merged?: true }
  | { t: "sum"; seq: number; d: SumRow[] }
  | { t: "det"; seq: number; d: TargetDetail }
  | { t: "ev"; seq: number; e: EventRow }
  | { t: "cfg"; seq: number } // targets were added, changed or removed: fetch the overview again
  | { t: "hb"; seq: number; now: number };
export type ClientMessage =
  | { t: "hello"; v: 1; resume?: { epoch: string; seq: number }; sub: Subscription }
  | { t: "sub"; sub: Subscription }
  | { t: "pause" } // nothing but hb until the next "sub"
  | { t: "ack"; seq: number };
export interface Subscription { targets: "*" | string[]; detail: string[]; events: boolean }
/** A hole: [key, kind, from_ms, to_ms, slots]. */
export type GapRow = [number, GapWord, number, number, number];

// ---- GET /api/v1/overview?country=&partner=&group=&status=&q=&range=live|24h|7d|30d|custom&from=&to=&spark=1&limit=200&offset=0 ----
// Figures are of the range; state, grade, outage, last and spark are always of this moment. spark=0 leaves the sparklines out.
export interface Overview {
  now: number;
  epoch: string;
  run: number;
  seq: number; // live messages up to this one are contained in this answer
  range: "live" | "24h" | "7d" | "30d" | "custom";
  from: number; to: number; // the range; live: the last 60 s
  total: number; // targets after filtering, of all pages
  all: number; // targets before filtering
  is_first_run: boolean; // only the built-in default lines
  badges: Record<string, number>; // badge word -> targets; the state if paused, error, waiting, stale, down, else the grade
  countries: Record<string, number>; // of all targets; "" = unknown
  kpi: Kpi;
  notices: Notice[];
  started_at: number;
  icmp: string; // "raw socket, kernel time stamps (class K)": for the foot line
  targets: OverviewRow[]; // worst first
}
export interface Kpi {
  median_rtt_ms: number | null; // median of the targets' medians
  p95_rtt_ms: number | null; // 95th percentile of the targets' medians
  loss_ppm: number | null; // all failed over all finished
  jitter_ms: number | null; // median of the targets' jitters
  measured: number; // targets with finished probes in the range
  outages: number; // that touch the range; live: since this start
  availability_ppm: number | null; // outage time over measured time of all; live: of this run
  coverage_ppm: number | null; // measured time over the time of the range, of the targets measured in it; live: null
  outages_open: number;
  outages_run: number; // since this start
  outages_24h: number | null; // null: not known yet
  availability_24h_ppm: number | null;
}
/** Something the person should know, with its cure. `code`: loopback_only | icmp_not_permitted | icmp_ping_socket | no_realtime |
 *  storage_trouble | clock_unsynchronised */
export interface Notice {
  code: string; severity: "info" | "warning" | "critical";
  params: Record<string, string>; // for the catalogue's `notice.text.CODE`
  text: string; // the same in English, for whom has no words of its own for the code
  command: string | null;
}
export interface OverviewRow {
  key: number; // numeric series id: the first column of live rows
  id: string; // slug
  name: string;
  address: string; // as written: "fra.edge.example:443"
  ip: string | null; // resolved
  probe: "icmp" | "tcp" | "udp";
  port: number | null;
  payload: "echo" | "dns" | null; // udp
  interval_ms: number;
  timeout_ms: number;
  payload_bytes: number;
  country: string;
  partner: string;
  group: string;
  is_built_in: boolean;
  state: StateWord;
  state_since: number;
  reasons: string[];
  error: TargetErrorInfo | null;
  outage: OpenOutageInfo | null;
  advice: AdviceInfo | null;
  grade: GradeWord | null;
  grade_since: number;
  last: LastProbe | null; // newest finished probe
  last_answer_at: number | null;
  p50_ms: number | null;
  p95_ms: number | null;
  jitter_ms: number | null;
  loss_ppm: number | null;
  finished: number; failed: number; // what the loss is of
  rto: number;
  process_ms: number | null; // process latency, median of the live window; null for a range: no rollup keeps it
  outages: number; // that touch the range; live: of this run
  availability_ppm: number | null; // of the range, rounded down; live: of this run
  coverage_ppm: number | null; // how much of the range was measured; live: null
  availability_24h_ppm: number | null; // null: not known yet
  availability_run_ppm: number | null; // of this run, rounded down
  measured_ms: number; // of the range; live: of this run
  spark: { base: number; d: ProbeRow[]; m?: BinRow[]; g: GapRow[] }; // last 60 s
  strip_24h: number[] | null; // 48 half hours, the last one going on: 0 no data, 1 excellent … 5 critical, 6 an outage; [] nothing; null: not known yet
  thresholds: Thresholds;
}
export interface LastProbe { seq: number; at: number; outcome: OutcomeWord; rtt_ms: number | null; host_rtt_ms: number | null; class: "K" | "H" | "U" }
export interface Thresholds {
  grades_ms: { excellent: number; good: number; fair: number; poor: number; critical: number };
  ok: StatusLimit;
  warn: StatusLimit;
  latency_ms: number;
  outage: { lost_to_open: number; replies_to_close: number; loss_ratio: number; window_ms: number };
}
export interface StatusLimit { loss: number; jitter_ms: number; rtt_ms: number }

// ---- "det" messages and GET /api/v1/targets/{id} .detail ----
export interface TargetDetail {
  key: number;
  at: number;
  window: {
    probes: number; span_ms: number; finished: number; failed: number; rto: number; slow: number; unsent: number; unmeasured: number;
    min_ms: number | null; avg_ms: number | null; p50_ms: number | null; p95_ms: number | null; p99_ms: number | null;
    max_ms: number | null; mdev_ms: number | null;
    jitter_ms: number | null; jitter_last_ms: number | null; jitter_rfc3550_ms: number | null; pdv_p99_ms: number | null;
    process_p50_ms: number | null; process_p99_ms: number | null;
    lateness_p50_ms: number | null; lateness_p99_ms: number | null; lateness_max_ms: number | null;
  };
  totals: {
    scheduled: number; sent: number; replied: number; refused: number; unreachable: number; lost: number; unsent: number; unmeasured: number;
    in_flight: number; late: number; slow: number; duplicate: number; reordered: number; forged: number;
  };
  outages_run: number;
  measured_ms: number;
  down_ms: number;
  concerns: string[];
  interpretations: ("delay_here" | "delay_on_path" | "unstable" | "micro_stutter")[];
  class: "K" | "H" | "U" | null;
}

// ---- GET /api/v1/targets, /api/v1/targets/{id}: settings with origins; the ETag header is the version ----
export interface TargetInfo {
  id: string; key: number; name: string; address: string; ip: string | null; probe: "icmp" | "tcp" | "udp"; port: number | null; payload: "echo" | "dns" | null; family: "auto" | "4" | "6";
  interval: string; timeout: string; payload_bytes: number; // durations as in the file: "1s", "250ms"
  thresholds: Thresholds;
  behind: string | null; country: string; partner: string; group: string; labels: Record<string, string>;
  enabled: boolean; allow_high_rate: boolean; is_built_in: boolean;
  origins: Record<string, string>; // key -> "default" | "built-in" | "linewatch.toml, line 14" | "changed here" | "command line" | "$NAME"
}
export interface TargetList { targets: TargetInfo[] } // GET /api/v1/targets
export interface TargetAnswer { target: TargetInfo; detail: TargetDetail | null; overview: OverviewRow }
/** POST /api/v1/targets and PATCH /api/v1/targets/{id} (If-Match: the ETag; 409 on a lost update). Any subset. */
export interface TargetPatch {
  id?: string; name?: string; address?: string; // HOST, HOST:PORT, tcp://HOST:PORT, udp://HOST:PORT, icmp://HOST
  probe?: "icmp" | "tcp" | "udp"; port?: number; family?: string; interval?: string; timeout?: string; payload_bytes?: number;
  country?: string; partner?: string; group?: string; latency_threshold_ms?: number; enabled?: boolean;
}
export interface ChangeAnswer {
  target: TargetInfo | null;
  removed: TargetInfo[]; // the built-in lines that left because the first own target came: POST them again to undo
  notes: Notice[]; // worth showing at once
}

// ---- GET /api/v1/samples?target=ID&from=MS&to=MS ----
export interface Samples { target: number; segments: { run: number; base: number; d: ProbeRow[] }[]; gaps: GapRow[]; is_truncated: boolean }

// ---- GET /api/v1/series?target=ID&from=MS&to=MS&points=1000 ----
/** Columns of equal length, one entry for each bucket in which a probe finished: two `t` further apart than
 *  `bucket_seconds` have nothing measured between them. Begins are whole multiples of `bucket_seconds` since 1970. */
export interface SeriesAnswer {
  target: string; key: number;
  from: number; to: number; // of whole buckets: may reach beyond what was asked for
  bucket_seconds: number;
  source: "raw" | "1s" | "1m" | "10m" | "1h"; // what it was made of
  t: number[]; // begin of the bucket
  sent: number[]; // finished probes that count: answered and failed
  lost: number[]; // the failed ones: lost and unreachable
  min: (number | null)[]; avg: (number | null)[]; max: (number | null)[]; // milliseconds, exact
  sd: (number | null)[]; jitter: (number | null)[];
  p50: (number | null)[]; p95: (number | null)[]; p99: (number | null)[]; // within 1.1 %
  smoke: ((number | null)[])[]; // nine columns: the quantiles 0, 10, 25, 40, 50, 60, 75, 90, 100 %
  gaps: GapRow[]; // by begin; those of one kind closer than a bucket are one
  marks: [number, string, string][]; // what changed the line: instant, address_changed | target_changed, words
}

// ---- GET /api/v1/events, /outages, /logs ?target=&type=&severity=&level=&from=&to=&limit=&before= ----
// events?state=open: those that have not ended, however old, in one page.
export interface EventRow {
  id: string; type: string; severity: "info" | "warning" | "critical"; target: string | null; target_name: string | null;
  at: number; until: number | null; count: number; message: string;
  count_of: "lost_probes" | "unmeasured_probes" | "targets" | "times"; // what `count` counts
}
export interface OutageInfo {
  id: string; target: string; target_name: string; from: number; to: number | null; duration_ms: number; opened_by: "run" | "window_loss";
  sent: number; received: number; lost: number; uncertainty_ms: number;
}

// ---- GET /api/v1/outages/{id}/evidence ---- 404 with words while there is none
export type VerdictWord = "this_computer" | "busy" | "near" | "line" | "shared" | "them" | "unknown";
export interface EvidenceAnswer {
  outage: OutageInfo;
  key: number; // of the target, as in its rows
  verdict: { code: VerdictWord; figures: VerdictFigures };
  parts: EvidencePart[]; // one, or the begin and the end of a long outage
}
/** What the verdict rests on: probes sent inside the outage. The last two are percentiles over all that is kept. */
export interface VerdictFigures {
  sent: number; lost: number; unsent: number; unmeasured: number;
  late: number; late_min_ms: number | null; late_max_ms: number | null; // lost ones that were answered after the time-out
  gateway: VerdictCount | null;
  others: number; others_failing: number; // targets
  is_link_lost: boolean;
  process_p95_ms: number | null; lateness_p95_ms: number | null;
}
export interface VerdictCount { sent: number; lost: number }
export interface EvidencePart {
  part: "whole" | "begin" | "end"; from: number; to: number;
  segments: { run: number; base: number; d: ProbeRow[] }[];
  lines: LineInfo[]; // the gateway first, then those that lost most
  left_out: number; // more targets than lines are kept of
  faults: FaultRow[];
}
export interface LineInfo { target: string; target_name: string; is_gateway: boolean; sent: number; lost: number; d: SecondRow[] }
/** [second since 1970, finished probes, failed ones, median us]. */
export type SecondRow = [number, number, number, number | null];
/** [kind, from_ms, to_ms, probes or targets]. */
export type FaultRow = [GapWord | "local_outage", number, number, number];
export interface LogInfo { at: number; level: "debug" | "info" | "warn" | "error"; module: string; message: string }
export interface Page<T> { rows: T[]; next: string | null } // pass `next` as before=

// ---- POST /api/v1/events/{id}/ack {who?, note?}: 200 {} ----
// ---- GET, POST /api/v1/silences {target?, group?, country?, partner?, label?, minutes, comment?}, DELETE /api/v1/silences/{id} ----
export interface SilenceList { silences: SilenceInfo[] }
export interface SilenceInfo {
  id: number; target: string; group: string; country: string; partner: string; label: string; until: number; comment: string;
}
// ---- GET /api/v1/alerts/notices: of the newest events ----
export interface NoticesAnswer { acks: AckRow[]; told: ToldRow[] }
export interface AckRow { event: string; at: number; who: string; note: string }
export interface ToldRow { events: string[]; via: "mail" | "webhook"; at: number; state: "sent" | "waiting" | "dead" }
// ---- POST /api/v1/alerts/test {destination} ("report": a report of the last days): the server's words, 502 with them if it refused ----
export interface TestAnswer { words: string }
// ---- GET /api/v1/alerts/outbox, POST /api/v1/alerts/outbox/{id}/retry, …/{id}/mail (of a webhook, by mail), DELETE /api/v1/alerts/outbox/{id} (of what was given up) ----
export interface OutboxAnswer { destinations: string[]; waiting: LetterRow[]; dead: LetterRow[] }
export interface LetterRow {
  id: number; destination: string; made: number; due: number; attempts: number; last_error: string | null;
}

// ---- GET /api/v1/config (everything but the targets), ?target=ID (that target), PUT {set: {key: value}, reset: [key]} ----
// Keys have points, as in the file; the ETag is the version (If-Match: 409 on a lost update). Secrets are "***".
export interface ConfigAnswer {
  config: unknown; // in the tables of the file
  origins: Record<string, string>; // key -> as in TargetInfo; defaults are not in it
  file: unknown; // the same without what was changed here; null: there is nothing without it
  file_origins: Record<string, string>;
  config_path: string | null; web_path: string; data_dir: string;
  restart: string[]; // keys that were changed and take effect at the next start
  destinations: string[]; // where a test can be sent to
  password_from: string | null; // where the password of the mail server is read from
}
// ---- GET, PUT /api/v1/preferences: how the page looks where a browser has no choice of its own ----
export interface PreferencesAnswer { preferences: Record<string, string | number | boolean> }
// ---- GET /api/v1/doctor (at most a minute old; ?fresh=1 looks again) ----
export interface DoctorAnswer { at: number; checks: CheckRow[] }
export interface CheckRow { name: string; verdict: "ok" | "note" | "warning" | "fault"; sentence: string; command: string | null }
// ---- GET /api/v1/preview?target=ID&from=&to=&excellent=&good=&fair=&poor=&critical=&lost_to_open=&replies_to_close=&loss_ratio=&window= ----
export interface PreviewAnswer {
  from: number; to: number;
  probes: number; // stored ones that were judged again
  is_truncated: boolean; // only the first ones of the span
  now: PreviewPast; then: PreviewPast;
}
export interface PreviewPast { outages: PreviewOutage[]; outage_alerts: number; grades: Record<string, number> } // grades: minutes
export interface PreviewOutage { from: number; to: number | null; sent: number; lost: number }

// ---- GET /api/v1/status ----
export interface Status {
  version: string; started_at: number; uptime_s: number; now: number; vantage: string; run: number; epoch: string;
  targets: number; asked_per_s: number; achieved_per_s: number;
  lateness_p99_ms: number | null; lateness_max_ms: number | null;
  icmp: { v4: string; v6: string }; // method and class, or why not
  scheduling: string; // "SCHED_FIFO 10" or why not
  unmeasured: Record<string, number>; unsent: Record<string, number>; // by cause, this run
  storage: { path: string; size_bytes: number; budget_bytes: number | null; state: "ok" | "degraded" | "full";
    oldest: Record<string, number>; waiting_samples: number; commit_age_ms: number | null;
    last_error: { at: number; message: string } | null; queued: number; overrun: number; flushed_at: number | null; trouble: string | null };
  live: { clients: number; ring_bytes: number; merged: number; reset: number };
}
export interface ApiError { error: { code: string; message: string; field: string | null } }

/** Answer of `session` and `login`: who the asker is. Name and version are empty for who may not look. */
export interface SessionInfo {
  role: "public" | "viewer" | "operator" | "admin";
  by: "off" | "computer" | "session" | "token" | "nobody";
  public_read: boolean;
  has_password: boolean;
  is_encrypted: boolean;
  vantage: string;
  version: string;
}

/** Why nobody was signed in: as every error, and what is counted down. */
export interface LoginError { error: LoginErrorBody }
export interface LoginErrorBody {
  code: string; message: string; field: string | null;
  tries_left: number | null;
  wait_s: number | null;
}

/** A token of a program, without what it is recognised by. */
export interface TokenRow { id: string; name: string; role: "viewer" | "operator" | "admin"; made: number }
export interface TokenList { tokens: TokenRow[] }
/** `secret` is shown this once. */
export interface TokenMade { token: TokenRow; secret: string }
