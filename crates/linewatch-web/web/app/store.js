/**
 * Holds everything the page shows: targets with their rings, events, details, the connection, the server's clock.
 * Input: answers and live messages. Output: one `flush` per animation frame with what changed since
 * the last (fewer where the fleet is large).
 * Messages only fill arrays here; nothing is drawn and no DOM is touched.
 */

import { KEEP_US, LOST, Ring, UNREACHABLE } from "./ring.js";

/** @typedef {import("./types").OverviewRow} OverviewRow */
/** @typedef {[at: number, n: number, lost: number, min: number | null, p50: number | null, max: number | null]} Bin */
/** @typedef {{ kind: import("./types").GapWord | "loading", from: number, to: number }} Gap */
/** @typedef {{ o: OverviewRow, ring: Ring, bins: Bin[], gaps: Gap[], measuredAt: number }} Row `measuredAt`: when `o.measured_ms` was true. */
/** @typedef {{ keys: Set<number>, list: boolean, events: boolean, tick: boolean, connection: boolean }} Dirty */
/** @typedef {"connecting" | "live" | "paused" | "reconnecting" | "offline"} Phase */
/** @typedef {{ phase: Phase, since: number, retryAt: number, isMerged: boolean, lagMs: number, lastMessageAt: number,
 *   messages: number, perSecond: number, mergedCount: number, roundTripMs: number | null }} Connection */

const EVENTS_MAX = 200;
const GAPS_MAX = 64;
/** One bin of 100 ms is ten a second: two minutes of them. */
const BINS_MAX = 1200;
const OFFSETS_MAX = 8;
/**
 * A large fleet has news in every message: it is shown once a second, so that each frame pays for many rows.
 * A loss does not wait for that: with the 250 ms of the server's own steps it is seen within three quarters of a second.
 */
const CALM_ROWS = 50;
const CALM_MS = 990;
const URGENT_MS = 250;
/** A frame of its own costs nearly as much as that of all: not when that one is due this soon after it. */
const SOON_MS = 250;

class Store {
  /** @type {Map<number, Row>} by series key */
  rows = new Map();
  /** @type {import("./types").Overview | null} the frame of the newest overview answer */
  overview = null;
  /** @type {import("./types").EventRow[]} newest first */
  events = [];
  /** @type {Map<number, import("./types").TargetDetail>} */
  details = new Map();
  /** @type {Connection} */
  connection = {
    phase: "connecting", since: Date.now(), retryAt: 0, isMerged: false, lagMs: 0, lastMessageAt: 0,
    messages: 0, perSecond: 0, mergedCount: 0, roundTripMs: null,
  };
  /** Rises when targets were added, changed or removed elsewhere. */
  catalogVersion = 0;

  /** @type {Set<(dirty: Dirty) => void>} */
  #listeners = new Set();
  /** @type {Dirty} */
  #dirty = clean();
  /** Rows whose news do not wait for the others. @type {Set<number>} */
  #urgent = new Set();
  #isScheduled = false;
  #flushedAt = 0;
  #timer = 0;
  #urgentTimer = 0;
  /** @type {Map<number, { seq: number, row: import("./types").SumRow }>} newest sums of each target */
  #sums = new Map();
  /** @type {number[]} browser clock minus server clock, one per heartbeat */
  #offsets = [];
  /** The smallest of them: the heartbeat that travelled least is the closest to the truth. */
  #offset = 0;

  /** The server's clock, milliseconds. */
  now() {
    return Date.now() - this.#offset;
  }

  /** Browser clock minus server clock, milliseconds. */
  get clockOffset() {
    return this.#offset;
  }

  /** @param {number} now The server's clock in a message just received. */
  noteClock(now) {
    this.#offsets.push(Date.now() - now);
    if (this.#offsets.length > OFFSETS_MAX) this.#offsets.shift();
    this.#offset = Math.min(...this.#offsets);
  }

  forgetClock() {
    this.#offsets = [];
    this.#offset = 0;
  }

  /** Is what the page shows known to be current? */
  get isLive() {
    return this.connection.phase === "live" || this.connection.phase === "connecting";
  }

  /** @param {string} id */
  byId(id) {
    for (const row of this.rows.values()) if (row.o.id === id) return row;
    return null;
  }

  /** @param {(dirty: Dirty) => void} listener @returns {() => void} ends it */
  subscribe(listener) {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * Takes the whole set of targets: rings of known ones are kept and merged, targets that are gone leave.
   * An answer may have been overtaken by live messages: sums after its `seq` are laid over it again.
   * @param {OverviewRow[]} list
   * @param {number} run
   * @param {{ isWhole: boolean, seq: number }} options
   */
  applyRows(list, run, options) {
    const seen = new Set();
    for (const o of list) {
      seen.add(o.key);
      let row = this.rows.get(o.key);
      if (row) row.o = o;
      else {
        row = { o, ring: new Ring(), bins: [], gaps: [], measuredAt: 0 };
        this.rows.set(o.key, row);
      }
      row.measuredAt = this.now();
      for (const probe of o.spark.d) row.ring.merge(run, o.spark.base, probe);
      for (const bin of o.spark.m ?? []) addBin(row, o.spark.base, bin);
      for (const gap of o.spark.g) addGap(row, gap);
      this.#dirty.keys.add(o.key);
    }
    this.#applySums([...this.#sums.values()].filter((sum) => sum.seq > options.seq && seen.has(sum.row[0])).map((sum) => sum.row));
    if (options.isWhole) this.keepOnly(seen);
    this.mark("list");
  }

  /** Targets that are not named have been removed. @param {ReadonlySet<number>} keys */
  keepOnly(keys) {
    for (const key of this.rows.keys()) if (!keys.has(key)) this.rows.delete(key);
    this.mark("list");
  }

  /** @param {Extract<import("./types").ServerMessage, { t: "b" }>} message @param {number} run */
  applyBatch(message, run) {
    for (const probe of message.d) {
      const row = this.rows.get(probe[0]);
      if (!row) continue;
      row.ring.merge(run, message.base, probe);
      this.#dirty.keys.add(probe[0]);
      // Of a target that is down one more loss is no news.
      if ((probe[3] === LOST || probe[3] === UNREACHABLE) && row.o.state !== "down") this.#urgent.add(probe[0]);
    }
    for (const bin of message.m ?? []) {
      const row = this.rows.get(bin[0]);
      if (!row) continue;
      addBin(row, message.base, bin);
      this.#dirty.keys.add(bin[0]);
      if (bin[3] > 0 && row.o.state !== "down") this.#urgent.add(bin[0]);
    }
    for (const gap of message.g ?? []) {
      const row = this.rows.get(gap[0]);
      if (row) addGap(row, gap);
    }
    this.#schedule();
  }

  /** @param {import("./types").SumRow[]} list @param {number} seq */
  applySums(list, seq) {
    for (const row of list) this.#sums.set(row[0], { seq, row });
    this.#applySums(list);
    this.#schedule();
  }

  /** What was measured belongs to another history. */
  forgetSamples() {
    for (const row of this.rows.values()) Object.assign(row, { ring: new Ring(), bins: [], gaps: [] });
  }

  /** Another start of the server counts its messages anew. */
  forgetSums() {
    this.#sums.clear();
  }

  /** @param {import("./types").SumRow[]} list */
  #applySums(list) {
    for (const [key, state, grade, p50, p95, jitter, loss, rto, up, more] of list) {
      const row = this.rows.get(key);
      if (!row) continue;
      const o = row.o;
      const now = this.now();
      if (o.state !== state) o.state_since = more?.state_since ?? now;
      else if (more) o.state_since = more.state_since;
      if (o.grade !== grade) o.grade_since = now;
      o.state = state;
      o.grade = grade;
      o.p50_ms = ms(p50);
      o.p95_ms = ms(p95);
      o.jitter_ms = ms(jitter);
      o.loss_ppm = loss;
      o.rto = rto;
      o.availability_run_ppm = up;
      o.reasons = more?.reasons ?? [];
      o.error = more?.error ?? null;
      o.outage = more?.outage ?? null;
      o.advice = more?.advice ?? null;
      this.#dirty.keys.add(key);
    }
  }

  /** @param {import("./types").TargetDetail} detail */
  applyDetail(detail) {
    this.details.set(detail.key, detail);
    const row = this.rows.get(detail.key);
    if (row) {
      row.o.measured_ms = detail.measured_ms;
      row.measuredAt = this.now();
    }
    this.#dirty.keys.add(detail.key);
    this.#schedule();
  }

  /** @param {import("./types").EventRow[]} list Newest first, or one new event. */
  applyEvents(list) {
    const known = new Map(this.events.map((event) => [event.id, event]));
    for (const event of list) known.set(event.id, event);
    this.events = [...known.values()].sort((a, b) => b.at - a.at).slice(0, EVENTS_MAX);
    this.mark("events");
  }

  /** @param {number} key @param {Gap | null} gap A span being fetched, or null when it is there. */
  setLoading(key, gap) {
    const row = this.rows.get(key);
    if (!row) return;
    row.gaps = row.gaps.filter((old) => old.kind !== "loading");
    if (gap) row.gaps.push(gap);
    this.#dirty.keys.add(key);
    this.#schedule();
  }

  /** @param {number} key @param {import("./types").Samples} samples */
  applySamples(key, samples) {
    const row = this.rows.get(key);
    if (!row) return;
    for (const segment of samples.segments) {
      for (const probe of segment.d) row.ring.merge(segment.run, segment.base, probe);
    }
    for (const gap of samples.gaps) addGap(row, gap);
    this.#dirty.keys.add(key);
    this.#schedule();
  }

  /** @param {Partial<Connection>} change */
  setConnection(change) {
    Object.assign(this.connection, change);
    this.mark("connection");
  }

  /** How long a target has been measured in this run: the sums of each second do not repeat it. @param {Row} row */
  measuredMs({ o, measuredAt }) {
    const isMeasured = o.state === "ok" || o.state === "warn" || o.state === "bad" || o.state === "down";
    return o.measured_ms + (isMeasured && this.isLive ? Math.max(0, this.now() - measuredAt) : 0);
  }

  /** @param {"list" | "events" | "tick" | "connection"} what */
  mark(what) {
    this.#dirty[what] = true;
    this.#schedule();
  }

  /** @param {number} key */
  touch(key) {
    this.#dirty.keys.add(key);
    this.#schedule();
  }

  #schedule() {
    if (this.#isScheduled) return;
    const { list, connection } = this.#dirty;
    const wait = this.rows.size <= CALM_ROWS || list || connection ? 0 : this.#flushedAt + CALM_MS - Date.now();
    if (wait <= 0) {
      this.#isScheduled = true;
      requestAnimationFrame(() => this.#flush());
      return;
    }
    this.#timer ||= setTimeout(() => {
      this.#timer = 0;
      this.#schedule();
    }, wait);
    if (this.#urgent.size > 0 && wait > URGENT_MS + SOON_MS) {
      this.#urgentTimer ||= setTimeout(() => {
        this.#urgentTimer = 0;
        requestAnimationFrame(() => this.#flushUrgent());
      }, URGENT_MS);
    }
  }

  #flush() {
    this.#isScheduled = false;
    this.#flushedAt = Date.now();
    const dirty = this.#dirty;
    this.#dirty = clean();
    this.#urgent.clear();
    for (const listener of [...this.#listeners]) listener(dirty);
  }

  /** Shows the rows with new losses, and nothing else. */
  #flushUrgent() {
    if (this.#urgent.size === 0) return;
    const dirty = { ...clean(), keys: this.#urgent };
    for (const key of this.#urgent) this.#dirty.keys.delete(key);
    this.#urgent = new Set();
    for (const listener of [...this.#listeners]) listener(dirty);
  }
}

/** @returns {Dirty} */
function clean() {
  return { keys: new Set(), list: false, events: false, tick: false, connection: false };
}

/** @param {number | null} us */
function ms(us) {
  return us === null ? null : us / 1000;
}

/** @param {Row} row @param {number} base @param {import("./types").BinRow} bin */
function addBin(row, base, [, dt, n, lost, min, p50, max]) {
  const at = base * 1000 + dt;
  const bins = row.bins;
  let index = bins.length;
  while (index > 0 && /** @type {Bin} */ (bins[index - 1])[0] >= at) index -= 1;
  const isKnown = bins[index]?.[0] === at;
  bins.splice(index, isKnown ? 1 : 0, [at, n, lost, min, p50, max]);
  const oldest = /** @type {Bin} */ (bins[bins.length - 1])[0] - KEEP_US;
  while (bins.length > BINS_MAX || /** @type {Bin} */ (bins[0])[0] < oldest) bins.shift();
}

/** @param {Row} row @param {import("./types").GapRow} gap */
function addGap(row, [, kind, from, to]) {
  // The same hole is told again as it grows: its beginning names it.
  row.gaps = row.gaps.filter((old) => old.kind !== kind || old.from !== from);
  row.gaps.push({ kind, from, to });
  if (row.gaps.length > GAPS_MAX) row.gaps.shift();
}

/** The one store of the page. */
export const store = new Store();
