/**
 * Keeps the newest probes of one target in typed arrays, ordered by (run, seq), each probe once.
 * Input: rows of the live protocol or of /api/v1/samples, in any order, repeated or not. Output: the same arrays for
 * the same set of rows, so that a resumed page equals one that never lost its socket.
 * A late or duplicate reply is a second row of its probe: it adds its flag and never replaces the outcome.
 * Bounded in time and number. Pure: no DOM, no clock.
 */

/** What stands for "no value" in `rtt` and `host`. */
export const NO_VALUE = 0xffffffff;
export const FLAG_LATE = 2;
export const FLAG_DUPLICATE = 4;
const SECOND_ROW = FLAG_LATE | FLAG_DUPLICATE;

export const REPLY = 0;
export const REFUSED = 1;
export const UNREACHABLE = 2;
export const LOST = 3;
export const UNSENT = 4;
export const UNMEASURED = 5;
/** A second row whose first has not been seen (yet): drawn as nothing. */
export const UNKNOWN = 255;

/** How long rows are kept: the live minute and as much again for a resumed socket. */
export const KEEP_US = 120_000_000;
/** 20 rows a second for two minutes, and room; faster targets come as bins. */
const ROWS_MAX = 4096;
const ROWS_FIRST = 64;

/** @typedef {import("./types").ProbeRow} ProbeRow */

export class Ring {
  constructor() {
    /** Rows in use: indexes 0 .. length - 1. */
    this.length = 0;
    this.#allocate(ROWS_FIRST);
  }

  /** @type {Float64Array} send time, microseconds since 1970 UTC */
  at = new Float64Array(0);
  /** @type {Float64Array} */
  seq = new Float64Array(0);
  /** @type {Uint32Array} */
  run = new Uint32Array(0);
  /** @type {Uint32Array} wire round trip, microseconds, or NO_VALUE */
  rtt = new Uint32Array(0);
  /** @type {Uint32Array} host round trip, microseconds, or NO_VALUE */
  host = new Uint32Array(0);
  /** @type {Uint8Array} */
  outcome = new Uint8Array(0);
  /** @type {Uint8Array} */
  flags = new Uint8Array(0);
  /** @type {number[] | null} what `losses` counts; null: to be looked for anew */
  #odd = null;

  /** Send time of the newest row, microseconds; 0 without any. */
  get newestAt() {
    return this.length === 0 ? 0 : /** @type {number} */ (this.at[this.length - 1]);
  }

  /**
   * Takes one row.
   * @param {number} run
   * @param {number} base Milliseconds.
   * @param {ProbeRow} row
   */
  merge(run, base, row) {
    const [, seq, dt, outcome, rtt, host, flags] = row;
    const index = this.#find(run, seq);
    const isSecond = (flags & SECOND_ROW) !== 0;
    const isKnown = index < this.length && this.run[index] === run && this.seq[index] === seq;
    if (isKnown && isSecond) {
      this.flags[index] = /** @type {number} */ (this.flags[index]) | flags;
      return;
    }
    const keptFlags = isKnown ? /** @type {number} */ (this.flags[index]) & SECOND_ROW : 0;
    const place = isKnown ? index : this.#open(index);
    if (place < 0) return;
    this.run[place] = run;
    this.seq[place] = seq;
    this.at[place] = base * 1000 + dt;
    this.outcome[place] = isSecond ? UNKNOWN : outcome;
    this.rtt[place] = isSecond ? NO_VALUE : rtt ?? NO_VALUE;
    this.host[place] = isSecond ? NO_VALUE : host ?? NO_VALUE;
    this.flags[place] = flags | keptFlags;
    // What came late or once more may have changed any of them: counted anew when somebody asks.
    if (isKnown || place !== this.length - 1) this.#odd = null;
    else this.#note(place);
  }

  /**
   * The first row sent at or after an instant, microseconds.
   * @param {number} atUs
   */
  from(atUs) {
    let low = 0;
    let high = this.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (/** @type {number} */ (this.at[middle]) < atUs) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /**
   * Finished and failed probes since an instant: the two integers of a loss ratio.
   * @param {number} sinceUs
   */
  losses(sinceUs) {
    const from = this.from(sinceUs);
    const odd = this.#odds();
    let failed = 0;
    let unfinished = 0;
    for (let i = odd.length - 1; i >= 0; i -= 1) {
      const index = /** @type {number} */ (odd[i]);
      if (index < from) break;
      const outcome = this.outcome[index];
      if (outcome === LOST || outcome === UNREACHABLE) failed += 1;
      else unfinished += 1;
    }
    return { finished: this.length - from - unfinished, failed };
  }

  /** Indexes of rows that are no answer: few of many, so that a whole fleet is counted each second. */
  #odds() {
    if (this.#odd !== null) return this.#odd;
    this.#odd = [];
    for (let i = 0; i < this.length; i += 1) this.#note(i);
    return this.#odd;
  }

  /** Notes a row that stands behind all that were. @param {number} i */
  #note(i) {
    const outcome = this.outcome[i];
    if (outcome !== REPLY && outcome !== REFUSED) this.#odd?.push(i);
  }

  /** Where (run, seq) stands or belongs; searched from the end, where nearly every row goes. @param {number} run @param {number} seq */
  #find(run, seq) {
    let index = this.length;
    while (index > 0) {
      const before = index - 1;
      const order = /** @type {number} */ (this.run[before]) - run || /** @type {number} */ (this.seq[before]) - seq;
      if (order < 0) break;
      index = before;
    }
    return index;
  }

  /** Makes room at `index`; -1 if the row is older than all that a full ring keeps. @param {number} index */
  #open(index) {
    let place = index;
    if (this.length === this.at.length) {
      const dropped = this.#trim();
      place -= dropped;
      if (place < 0) return -1;
      if (this.length === this.at.length) this.#grow();
    }
    // Nearly every row goes behind all others: nothing moves.
    if (place < this.length) {
      for (const column of [this.at, this.seq, this.run, this.rtt, this.host, this.outcome, this.flags]) column.copyWithin(place + 1, place, this.length);
    }
    this.length += 1;
    return place;
  }

  /** Drops what is too old, and the oldest quarter of a full ring; says how many rows went. */
  #trim() {
    let dropped = this.from(this.newestAt - KEEP_US);
    if (dropped === 0 && this.at.length >= ROWS_MAX) dropped = ROWS_MAX / 4;
    if (dropped === 0) return 0;
    for (const column of [this.at, this.seq, this.run, this.rtt, this.host, this.outcome, this.flags]) {
      column.copyWithin(0, dropped, this.length);
    }
    this.length -= dropped;
    this.#odd = null;
    return dropped;
  }

  #grow() {
    const { at, seq, run, rtt, host, outcome, flags } = this;
    this.#allocate(at.length * 2);
    this.at.set(at);
    this.seq.set(seq);
    this.run.set(run);
    this.rtt.set(rtt);
    this.host.set(host);
    this.outcome.set(outcome);
    this.flags.set(flags);
  }

  /** @param {number} size */
  #allocate(size) {
    this.at = new Float64Array(size);
    this.seq = new Float64Array(size);
    this.run = new Uint32Array(size);
    this.rtt = new Uint32Array(size);
    this.host = new Uint32Array(size);
    this.outcome = new Uint8Array(size);
    this.flags = new Uint8Array(size);
  }
}
