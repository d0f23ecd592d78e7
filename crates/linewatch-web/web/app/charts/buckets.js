/**
 * Makes of a series what the history chart draws: buckets, holes, axis limits, loss levels, heat.
 * Input: an answer of /api/v1/series. Output: numbers. Pure: no DOM, no clock, no colours.
 */

import { setting } from "../format.js";

/** @typedef {import("../types").SeriesAnswer} SeriesAnswer */
/** @typedef {{ at: number, to: number, sent: number, lost: number, q: number[] | null, p50: number | null, p95: number | null, p99: number | null }} Bucket
 *  `q`: the nine quantiles in ms, null if nothing answered. */
/** @typedef {{ from: number, to: number, kind: import("../types").GapWord | "none" }} Hole */
/** @typedef {"excellent" | "good" | "fair" | "poor" | "critical"} LossLevel */

/** Loss steps of the median's colour, in parts per million: UI.md 4 item 14. @type {readonly [number, LossLevel][]} */
export const LOSS_STEPS = [[0, "excellent"], [10_000, "good"], [50_000, "fair"], [250_000, "poor"], [1_000_000, "critical"]];
/** From here on a column is tinted over its whole height. */
export const TINT_PPM = 50_000;
/** Shares of probes between two neighbouring quantiles of the nine. */
const MASSES = [0.1, 0.15, 0.15, 0.1, 0.1, 0.15, 0.15, 0.1];
/** A heat cell of fewer samples is chance. */
export const HEAT_SAMPLES_MIN = 20;
/** Buckets of the named periods: 24 h in 5 min, 7 d in 30 min, 30 d in 2 h; one or two more, as both ends are cut. @type {Readonly<Record<string, number>>} */
const POINTS = { "1h": 362, "24h": 290, "7d": 338, "30d": 362 };
const POINTS_MIN = 40;
const POINTS_MAX = 480;
const BUCKET_PX = 3;

/** How many buckets fit: none narrower than 3 px. @param {number} width CSS pixels @param {string} word */
export function pointsFor(width, word) {
  const fit = Math.max(POINTS_MIN, Math.min(POINTS_MAX, Math.floor(width / BUCKET_PX)));
  return Math.min(fit, POINTS[word] ?? POINTS_MAX);
}

/** @param {SeriesAnswer} series @returns {Bucket[]} */
export function buckets(series) {
  const step = series.bucket_seconds * 1000;
  return series.t.map((at, i) => {
    const q = series.smoke.map((column) => column[i] ?? null);
    return {
      at, to: at + step, sent: series.sent[i] ?? 0, lost: series.lost[i] ?? 0,
      q: q.every((value) => value !== null) && q.length === 9 ? q : null,
      p50: series.p50[i] ?? null, p95: series.p95[i] ?? null, p99: series.p99[i] ?? null,
    };
  });
}

/** Loss of a bucket in parts per million; null if nothing counts. @param {Pick<Bucket, "sent" | "lost">} bucket */
export function lossPpm({ sent, lost }) {
  return sent === 0 ? null : (lost * 1_000_000) / sent;
}

/** @param {number} ppm @returns {LossLevel} */
export function lossLevel(ppm) {
  return (LOSS_STEPS.find(([limit]) => ppm <= limit) ?? /** @type {const} */ ([0, "critical"]))[1];
}

/**
 * Spans in which nothing was measured: gaps by name, and empty buckets between measured ones without any.
 * @param {SeriesAnswer} series
 * @param {readonly Bucket[]} list
 * @returns {Hole[]}
 */
export function holes(series, list) {
  /** @type {Hole[]} */
  const found = series.gaps.map(([, kind, from, to]) => ({ kind, from, to }));
  const step = series.bucket_seconds * 1000;
  list.forEach((bucket, i) => {
    const next = list[i + 1];
    if (!next || next.at - bucket.to < step / 2) return;
    const isNamed = found.some((hole) => hole.kind !== "none" && hole.from <= bucket.to + step && hole.to >= next.at - step);
    if (!isNamed) found.push({ kind: "none", from: bucket.to, to: next.at });
  });
  return found.filter((hole) => hole.to > hole.from).sort((a, b) => a.from - b.from);
}

/**
 * From the smallest value to the 99.5th percentile of the largest, with 6 % of air: one spike does not flatten the rest.
 * @param {readonly Bucket[]} list
 * @param {boolean} isLog
 * @returns {{ low: number, high: number }}
 */
export function limits(list, isLog) {
  const lows = list.flatMap((bucket) => bucket.q?.[0] ?? []);
  const highs = list.flatMap((bucket) => bucket.q?.[8] ?? []).sort((a, b) => a - b);
  if (lows.length === 0) return isLog ? { low: 1, high: 100 } : { low: 0, high: 100 };
  const low = Math.min(...lows);
  const high = highs[Math.max(0, Math.ceil(0.995 * highs.length) - 1)] ?? low;
  if (isLog) {
    const floor = Math.max(0.001, low);
    const top = Math.max(high, floor * 1.5);
    const air = (top / floor) ** 0.06;
    // The library counts its steps from the lowest value on: from a whole digit they are 100, 200, and not 103, 203.
    const step = 10 ** Math.floor(Math.log10(floor / air));
    return { low: Math.floor(floor / air / step) * step, high: top * air };
  }
  const spread = Math.max(high - low, high * 0.05, 0.02);
  return { low: Math.max(0, low - spread * 0.06), high: high + spread * 0.06 };
}

/**
 * Shares of a bucket's answers in even steps of the axis, lowest first. Between two quantiles answers are taken as evenly spread.
 * @param {readonly number[]} q The nine quantiles.
 * @param {readonly number[]} edges Ascending, one more than there are cells.
 */
export function heat(q, edges) {
  const cells = new Array(edges.length - 1).fill(0);
  MASSES.forEach((mass, i) => {
    const low = q[i] ?? 0;
    const high = Math.max(q[i + 1] ?? low, low + 1e-6);
    for (let cell = 0; cell < cells.length; cell += 1) {
      const bottom = edges[cell] ?? 0;
      const top = edges[cell + 1] ?? bottom;
      const inside = Math.min(high, top) - Math.max(low, bottom);
      if (inside > 0) cells[cell] += (mass * inside) / (high - low);
    }
  });
  return cells;
}

/** Even steps on a logarithmic axis. @param {number} low @param {number} high @param {number} cells */
export function logEdges(low, high, cells) {
  const floor = Math.max(0.001, low);
  return Array.from({ length: cells + 1 }, (_, i) => floor * (high / floor) ** (i / cells));
}

/**
 * What a mouse drag means: at least five samples, inside what can be looked at.
 * @param {number} from @param {number} to @param {number} intervalMs @param {number} now
 */
export function zoomed(from, to, intervalMs, now) {
  const least = Math.max(5000, 5 * intervalMs);
  const middle = (from + to) / 2;
  const half = Math.max(least, Math.abs(to - from)) / 2;
  const end = Math.min(now, middle + half);
  return { from: end - 2 * half, to: end };
}

/** The bucket at an instant, or the nearest one. @param {readonly Bucket[]} list @param {number} at @returns {number | null} */
export function bucketAt(list, at) {
  let best = null;
  let distance = Infinity;
  list.forEach((bucket, i) => {
    const away = at < bucket.at ? bucket.at - at : at > bucket.to ? at - bucket.to : 0;
    if (away < distance) [best, distance] = [i, away];
  });
  return best;
}

/** "5 min", "2 h": buckets are whole units. @param {number} ms */
export function bucketText(ms) {
  if (ms % 3_600_000 === 0) return `${ms / 3_600_000} h`;
  if (ms % 60_000 === 0) return `${ms / 60_000} min`;
  return setting(ms);
}

/** What is drawn of a bucket, ms. @param {Bucket} bucket @param {ReadonlySet<string> | null} shown Percentiles; null: the smoke. @returns {number[]} */
export function drawnOf(bucket, shown) {
  if (shown === null) return bucket.q ?? [];
  return (/** @type {const} */ (["p50", "p95", "p99"])).flatMap((name) => (shown.has(name) ? bucket[name] ?? [] : []));
}

/** From the smallest to the largest value that is drawn of each bucket. @param {readonly Bucket[]} list @param {ReadonlySet<string> | null} shown @returns {([number, number] | null)[]} */
export function drawnSpans(list, shown) {
  return list.map((bucket) => {
    const values = drawnOf(bucket, shown);
    return values.length === 0 ? null : [Math.min(...values), Math.max(...values)];
  });
}
