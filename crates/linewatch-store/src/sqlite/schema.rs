//! Holds the schema, step by step: entry N of [`MIGRATIONS`] leads from schema N to schema N + 1.
//!
//! A step that has been released is never edited. What the columns mean: docs/on-disk-format.md.

/// `PRAGMA application_id`: "lwat". Tells our database from any other SQLite file.
pub(crate) const APPLICATION_ID: i32 = 0x6c77_6174;

/// Every step there is.
pub(crate) const MIGRATIONS: &[&str] = &[V1, V2, V3, V4, V5, V6];

/// Schema 1: the samples, what happened, and who measured.
const V1: &str = "
CREATE TABLE meta (
    key TEXT PRIMARY KEY NOT NULL,
    value NOT NULL
) WITHOUT ROWID;

CREATE TABLE targets (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    slug TEXT NOT NULL,
    name TEXT NOT NULL,
    address TEXT NOT NULL,
    method TEXT NOT NULL,
    port INTEGER NOT NULL,
    created_ns INTEGER NOT NULL,
    is_active INTEGER NOT NULL DEFAULT 0,
    UNIQUE (slug, address, method, port)
);

CREATE TABLE recent (
    id INTEGER PRIMARY KEY,
    at_ns INTEGER NOT NULL,
    target INTEGER NOT NULL,
    run INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    outcome TEXT NOT NULL,
    rtt_ns INTEGER,
    host_rtt_ns INTEGER,
    lateness_ns INTEGER NOT NULL,
    class TEXT NOT NULL,
    cause TEXT,
    is_reordered INTEGER NOT NULL,
    stray TEXT
);

CREATE TABLE hot (
    id INTEGER PRIMARY KEY,
    run INTEGER NOT NULL,
    samples INTEGER NOT NULL,
    batch BLOB NOT NULL
);

CREATE TABLE samples (
    id INTEGER PRIMARY KEY,
    target INTEGER NOT NULL,
    run INTEGER NOT NULL,
    from_ns INTEGER NOT NULL,
    to_ns INTEGER NOT NULL,
    samples INTEGER NOT NULL,
    last_row INTEGER NOT NULL,
    block BLOB NOT NULL
);
CREATE INDEX samples_by_time ON samples (target, to_ns, from_ns);
CREATE INDEX samples_by_row ON samples (target, run, last_row);

CREATE TABLE gaps (
    id INTEGER PRIMARY KEY,
    target INTEGER NOT NULL,
    run INTEGER NOT NULL,
    kind TEXT NOT NULL,
    from_ns INTEGER NOT NULL,
    to_ns INTEGER NOT NULL,
    first_seq INTEGER NOT NULL,
    slots INTEGER NOT NULL
);
CREATE INDEX gaps_by_time ON gaps (target, to_ns);

CREATE TABLE events (
    run INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    kind TEXT NOT NULL,
    severity TEXT NOT NULL,
    target INTEGER,
    at_ns INTEGER NOT NULL,
    until_ns INTEGER,
    count INTEGER NOT NULL,
    message TEXT NOT NULL,
    PRIMARY KEY (run, seq)
) WITHOUT ROWID;

CREATE TABLE outages (
    run INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    target INTEGER NOT NULL,
    from_ns INTEGER NOT NULL,
    to_ns INTEGER,
    duration_ns INTEGER NOT NULL,
    opened_by TEXT NOT NULL,
    sent INTEGER NOT NULL,
    lost INTEGER NOT NULL,
    uncertainty_ns INTEGER NOT NULL,
    PRIMARY KEY (run, seq)
) WITHOUT ROWID;

CREATE TABLE logs (
    id INTEGER PRIMARY KEY,
    at_ns INTEGER NOT NULL,
    level TEXT NOT NULL,
    module TEXT NOT NULL,
    message TEXT NOT NULL
);

CREATE VIEW v_ping AS
SELECT
    strftime('%Y-%m-%dT%H:%M:%fZ', recent.at_ns / 1000000 / 1000.0, 'unixepoch') AS time,
    targets.name AS target,
    targets.address AS address,
    targets.method AS method,
    recent.outcome AS outcome,
    recent.rtt_ns / 1e6 AS rtt_ms,
    recent.host_rtt_ns / 1e6 AS host_rtt_ms,
    (recent.host_rtt_ns - recent.rtt_ns) / 1e6 AS process_latency_ms,
    recent.lateness_ns / 1e6 AS lateness_ms,
    recent.class AS accuracy,
    recent.cause AS cause,
    recent.is_reordered AS reordered,
    recent.stray AS stray,
    recent.run AS run,
    recent.seq AS seq
FROM recent LEFT JOIN targets ON targets.id = recent.target
ORDER BY recent.id;
";

/// Schema 2: the samples summed up. By target and time, not by age: a month of one target is read in one go.
const V2: &str = "
CREATE TABLE rollup_1s (
    target INTEGER NOT NULL,
    from_s INTEGER NOT NULL,
    id INTEGER NOT NULL,
    run INTEGER NOT NULL,
    sent INTEGER NOT NULL,
    lost INTEGER NOT NULL,
    min_us INTEGER,
    avg_us INTEGER,
    max_us INTEGER,
    sd_us INTEGER,
    jitter_us INTEGER,
    p50_us INTEGER,
    p95_us INTEGER,
    p99_us INTEGER,
    sketch BLOB NOT NULL,
    PRIMARY KEY (target, from_s, id)
) WITHOUT ROWID;

CREATE TABLE rollup_1m (
    target INTEGER NOT NULL,
    from_s INTEGER NOT NULL,
    id INTEGER NOT NULL,
    run INTEGER NOT NULL,
    sent INTEGER NOT NULL,
    lost INTEGER NOT NULL,
    min_us INTEGER,
    avg_us INTEGER,
    max_us INTEGER,
    sd_us INTEGER,
    jitter_us INTEGER,
    p50_us INTEGER,
    p95_us INTEGER,
    p99_us INTEGER,
    sketch BLOB NOT NULL,
    PRIMARY KEY (target, from_s, id)
) WITHOUT ROWID;

CREATE TABLE rollup_10m (
    target INTEGER NOT NULL,
    from_s INTEGER NOT NULL,
    id INTEGER NOT NULL,
    run INTEGER NOT NULL,
    sent INTEGER NOT NULL,
    lost INTEGER NOT NULL,
    min_us INTEGER,
    avg_us INTEGER,
    max_us INTEGER,
    sd_us INTEGER,
    jitter_us INTEGER,
    p50_us INTEGER,
    p95_us INTEGER,
    p99_us INTEGER,
    sketch BLOB NOT NULL,
    PRIMARY KEY (target, from_s, id)
) WITHOUT ROWID;

CREATE TABLE rollup_1h (
    target INTEGER NOT NULL,
    from_s INTEGER NOT NULL,
    id INTEGER NOT NULL,
    run INTEGER NOT NULL,
    sent INTEGER NOT NULL,
    lost INTEGER NOT NULL,
    min_us INTEGER,
    avg_us INTEGER,
    max_us INTEGER,
    sd_us INTEGER,
    jitter_us INTEGER,
    p50_us INTEGER,
    p95_us INTEGER,
    p99_us INTEGER,
    sketch BLOB NOT NULL,
    PRIMARY KEY (target, from_s, id)
) WITHOUT ROWID;

CREATE VIEW v_minute AS
SELECT
    strftime('%Y-%m-%dT%H:%M:%SZ', rollup_1m.from_s, 'unixepoch') AS time,
    targets.name AS target,
    targets.address AS address,
    rollup_1m.sent AS sent,
    rollup_1m.lost AS lost,
    round(100.0 * rollup_1m.lost / nullif(rollup_1m.sent, 0), 3) AS loss_percent,
    rollup_1m.min_us / 1e3 AS min_ms,
    rollup_1m.avg_us / 1e3 AS avg_ms,
    rollup_1m.max_us / 1e3 AS max_ms,
    rollup_1m.sd_us / 1e3 AS sd_ms,
    rollup_1m.jitter_us / 1e3 AS jitter_ms,
    rollup_1m.p50_us / 1e3 AS p50_ms,
    rollup_1m.p95_us / 1e3 AS p95_ms,
    rollup_1m.p99_us / 1e3 AS p99_ms,
    rollup_1m.run AS run
FROM rollup_1m LEFT JOIN targets ON targets.id = rollup_1m.target;
";

/// Schema 3: what S1's columns need, and by how much an event exceeded its limit.
const V3: &str = "
ALTER TABLE targets ADD COLUMN country TEXT NOT NULL DEFAULT '';
ALTER TABLE targets ADD COLUMN partner TEXT NOT NULL DEFAULT '';
ALTER TABLE targets ADD COLUMN host TEXT NOT NULL DEFAULT '';
ALTER TABLE targets ADD COLUMN fair_us INTEGER NOT NULL DEFAULT 150000;
ALTER TABLE targets ADD COLUMN poor_us INTEGER NOT NULL DEFAULT 300000;
ALTER TABLE targets ADD COLUMN critical_us INTEGER NOT NULL DEFAULT 500000;

ALTER TABLE events ADD COLUMN peak_ns INTEGER;
ALTER TABLE events ADD COLUMN limit_ns INTEGER;

CREATE INDEX events_by_time ON events (at_ns);

CREATE VIEW ping_results AS
SELECT
    targets.address AS server_ip,
    targets.country AS country,
    targets.partner AS partner,
    targets.host AS dn_ext,
    strftime('%Y-%m-%d %H:%M:%S', rollup_1m.from_s, 'unixepoch') AS timestamp,
    rollup_1m.sent AS packets_transmitted,
    rollup_1m.sent - rollup_1m.lost AS packets_received,
    rollup_1m.lost AS packets_lost,
    round(100.0 * rollup_1m.lost / nullif(rollup_1m.sent, 0), 3) AS loss_percentage,
    rollup_1m.min_us / 1e3 AS min_time,
    rollup_1m.avg_us / 1e3 AS avg_time,
    rollup_1m.max_us / 1e3 AS max_time,
    rollup_1m.sd_us / 1e3 AS mdev_time,
    coalesce(rollup_1m.avg_us > targets.fair_us, 0) AS is_high_latency,
    rollup_1m.sent > rollup_1m.lost AS success,
    ltrim(
        CASE WHEN rollup_1m.sd_us > 50000 THEN ', jitter' ELSE '' END
        || CASE WHEN rollup_1m.avg_us > targets.critical_us THEN ', very_high_latency'
            WHEN rollup_1m.avg_us > targets.poor_us THEN ', high_latency' ELSE '' END
        || CASE WHEN rollup_1m.lost * 100 > rollup_1m.sent THEN ', loss' ELSE '' END,
        ', '
    ) AS concerns
FROM rollup_1m JOIN targets ON targets.id = rollup_1m.target;
";

/// Schema 4: what is to be told and to whom, what the rules remember, and the proof of an outage.
const V4: &str = "
CREATE TABLE outbox (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    destination TEXT NOT NULL,
    made_ns INTEGER NOT NULL,
    due_ns INTEGER NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    state TEXT NOT NULL DEFAULT 'waiting',
    message_id TEXT NOT NULL UNIQUE,
    notification TEXT NOT NULL,
    tried_with INTEGER,
    last_error TEXT,
    sent_ns INTEGER
);
CREATE INDEX outbox_by_state ON outbox (state, destination, id);

CREATE TABLE alert_state (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    snapshot TEXT NOT NULL
);

CREATE TABLE silences (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    matcher TEXT NOT NULL,
    until_ns INTEGER NOT NULL,
    comment TEXT NOT NULL,
    made_ns INTEGER NOT NULL
);

CREATE TABLE acks (
    run INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    at_ns INTEGER NOT NULL,
    who TEXT NOT NULL,
    note TEXT NOT NULL,
    PRIMARY KEY (run, seq)
) WITHOUT ROWID;

CREATE TABLE evidence (
    run INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    target INTEGER NOT NULL,
    kind TEXT NOT NULL,
    blob BLOB NOT NULL,
    PRIMARY KEY (run, seq, target, kind)
) WITHOUT ROWID;
";

/// Schema 5: `recent` is a view over batches of text, one a flush: written once, and read by hand at once.
const V5: &str = "
DROP VIEW v_ping;
CREATE TABLE recent_batches (
    id INTEGER PRIMARY KEY,
    run INTEGER NOT NULL,
    at_ns INTEGER NOT NULL,
    samples INTEGER NOT NULL,
    content TEXT NOT NULL,
    flushes INTEGER,
    next_row INTEGER,
    alive_ns INTEGER
);
INSERT INTO recent_batches (id, run, at_ns, samples, content)
SELECT id, run, at_ns, 1, json_array(json_array(
    target, seq, 0, rtt_ns, host_rtt_ns - coalesce(rtt_ns, 0), lateness_ns, outcome, class, cause, is_reordered, stray
))
FROM recent ORDER BY id;
DROP TABLE recent;

CREATE VIEW recent AS
SELECT
    batch.id - batch.samples + 1 + sample.key AS id,
    batch.at_ns + json_extract(sample.value, '$[2]') AS at_ns,
    json_extract(sample.value, '$[0]') AS target,
    batch.run AS run,
    json_extract(sample.value, '$[1]') AS seq,
    coalesce(json_extract(sample.value, '$[6]'), 'reply') AS outcome,
    json_extract(sample.value, '$[3]') AS rtt_ns,
    coalesce(json_extract(sample.value, '$[3]'), 0) + json_extract(sample.value, '$[4]') AS host_rtt_ns,
    json_extract(sample.value, '$[5]') AS lateness_ns,
    coalesce(json_extract(sample.value, '$[7]'), 'K') AS class,
    json_extract(sample.value, '$[8]') AS cause,
    coalesce(json_extract(sample.value, '$[9]'), 0) AS is_reordered,
    json_extract(sample.value, '$[10]') AS stray,
    batch.id AS batch
FROM recent_batches AS batch, json_each(batch.content) AS sample
WHERE batch.samples > 0;

CREATE VIEW v_ping AS
SELECT
    strftime('%Y-%m-%dT%H:%M:%fZ', recent.at_ns / 1000000 / 1000.0, 'unixepoch') AS time,
    targets.name AS target,
    targets.address AS address,
    targets.method AS method,
    recent.outcome AS outcome,
    recent.rtt_ns / 1e6 AS rtt_ms,
    recent.host_rtt_ns / 1e6 AS host_rtt_ms,
    (recent.host_rtt_ns - recent.rtt_ns) / 1e6 AS process_latency_ms,
    recent.lateness_ns / 1e6 AS lateness_ms,
    recent.class AS accuracy,
    recent.cause AS cause,
    recent.is_reordered AS reordered,
    recent.stray AS stray,
    recent.run AS run,
    recent.seq AS seq
FROM recent LEFT JOIN targets ON targets.id = recent.target
ORDER BY recent.batch;
";

/// Schema 6: a batch counts its sequence numbers from that of its first sample. They are long after some days, and a row that
/// is shorter begins a page, and dirties four others, less often.
const V6: &str = "
ALTER TABLE recent_batches ADD COLUMN first_seq INTEGER NOT NULL DEFAULT 0;
DROP VIEW recent;
CREATE VIEW recent AS
SELECT
    batch.id - batch.samples + 1 + sample.key AS id,
    batch.at_ns + json_extract(sample.value, '$[2]') AS at_ns,
    json_extract(sample.value, '$[0]') AS target,
    batch.run AS run,
    batch.first_seq + json_extract(sample.value, '$[1]') AS seq,
    coalesce(json_extract(sample.value, '$[6]'), 'reply') AS outcome,
    json_extract(sample.value, '$[3]') AS rtt_ns,
    coalesce(json_extract(sample.value, '$[3]'), 0) + json_extract(sample.value, '$[4]') AS host_rtt_ns,
    json_extract(sample.value, '$[5]') AS lateness_ns,
    coalesce(json_extract(sample.value, '$[7]'), 'K') AS class,
    json_extract(sample.value, '$[8]') AS cause,
    coalesce(json_extract(sample.value, '$[9]'), 0) AS is_reordered,
    json_extract(sample.value, '$[10]') AS stray,
    batch.id AS batch
FROM recent_batches AS batch, json_each(batch.content) AS sample
WHERE batch.samples > 0;
";
