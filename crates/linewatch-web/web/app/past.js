/**
 * Holds what history says of every target over the chosen period, beside the live rows of the store.
 * Input: answers of the overview, asked for again while the page is looked at. Output: the figures of a row.
 * Live needs the last 24 hours too: the strip and the availability.
 */

import { RequestError, get } from "./api.js";
import { named, rangeQuery } from "./range.js";
import { store } from "./store.js";

/** @typedef {import("./range.js").Range} Range */
/** @typedef {import("./types").OverviewRow} OverviewRow */
/** @typedef {Pick<OverviewRow, "p50_ms" | "p95_ms" | "jitter_ms" | "loss_ppm" | "rto" | "finished" | "failed" | "outages" | "availability_ppm" | "measured_ms">} Figures */

/** Targets an answer: as many as the server gives. */
const PAGE_SIZE = 1000;
/** Times all pages are asked for while a target was on none of them. */
const ROUNDS = 3;
const ASK_MS = 30_000;

/** @type {Figures} */
const NOTHING = {
  p50_ms: null, p95_ms: null, jitter_ms: null, loss_ppm: null, rto: 0, finished: 0, failed: 0, outages: 0, availability_ppm: null, measured_ms: 0,
};

class Past {
  /** @type {Range} */
  range = named("live");
  /** @type {{ from: number, to: number } | null} the span of the rows */
  span = null;
  /** Why there is none. @type {string | null} */
  error = null;
  isLoading = false;
  /** @type {Map<number, OverviewRow>} */
  #rows = new Map();
  /** @type {Map<number, OverviewRow>} the last 24 hours, whatever the period */
  #days = new Map();
  #asked = 0;
  #timer = 0;

  /** Looks at another period. @param {Range} range */
  choose(range) {
    const isSame = range.word === this.range.word && range.from === this.range.from && range.to === this.range.to;
    this.range = range;
    if (!isSame) {
      this.#rows.clear();
      this.span = null;
      this.error = null;
    }
    void this.ask();
  }

  /** Begins to ask, and goes on while the page is in sight. */
  start() {
    clearInterval(this.#timer);
    this.#timer = setInterval(() => { if (!document.hidden) void this.ask(); }, ASK_MS);
    // Choosing the period has asked already.
    if (!this.isLoading) void this.ask();
  }

  stop() {
    clearInterval(this.#timer);
  }

  async ask() {
    this.#asked += 1;
    const mine = this.#asked;
    this.isLoading = true;
    const isLive = this.range.word === "live";
    const query = rangeQuery(isLive ? named("24h") : this.range);
    /** @type {Map<number, OverviewRow>} */
    const rows = new Map();
    try {
      let span = null;
      let total = 1;
      // The order moves between two pages, so that a target may be on none of them: then all of them once more.
      for (let round = 0; round < ROUNDS && rows.size < total; round += 1) {
        for (let offset = 0; offset < total && rows.size < total; offset += PAGE_SIZE) {
          /** @type {import("./types").Overview} */
          const answer = await get(`overview?${query}&spark=0&limit=${PAGE_SIZE}&offset=${offset}`);
          if (mine !== this.#asked) return;
          total = answer.total;
          span = { from: answer.from, to: answer.to };
          for (const row of answer.targets) rows.set(row.key, row);
        }
      }
      for (const row of rows.values()) if (row.strip_24h !== null) this.#days.set(row.key, row);
      // Who was on no page even then keeps the figures of the answer before: of the same period, half a minute old.
      if (isLive) this.#rows.clear();
      else for (const [key, row] of rows) this.#rows.set(key, row);
      this.span = span;
      this.error = null;
    } catch (error) {
      if (mine !== this.#asked) return;
      // Live figures come from elsewhere: without its day the page is still right.
      this.error = isLive ? null : error instanceof RequestError ? error.message : String(error);
    }
    this.isLoading = false;
    store.mark("list");
  }

  /** The figures of a target over the chosen period. @param {import("./store.js").Row} row @returns {Figures} */
  figures({ o }) {
    if (this.range.word !== "live") return this.#rows.get(o.key) ?? NOTHING;
    // Asked for each row each second: the ten figures, not a copy of all that is known.
    return {
      p50_ms: o.p50_ms, p95_ms: o.p95_ms, jitter_ms: o.jitter_ms, loss_ppm: o.loss_ppm, rto: o.rto, finished: o.finished, failed: o.failed,
      outages: o.outages, availability_ppm: o.availability_run_ppm, measured_ms: o.measured_ms,
    };
  }

  /** Strip and availability of the last 24 hours; null while they are not known. @param {number} key */
  day(key) {
    return this.#days.get(key) ?? null;
  }
}

/** The one history of the overview. */
export const past = new Past();
