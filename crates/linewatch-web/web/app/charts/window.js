/**
 * Cuts the live minute out of a target's rows: points in send order, losses, spans without data.
 * Input: a store row and the time. Output: what the sparkline, the live chart and its table all draw. No DOM.
 * A line is never joined across a lost, unsent or unmeasured probe, nor across a hole.
 */

import { LOST, NO_VALUE, REFUSED, REPLY, UNKNOWN, UNREACHABLE } from "../ring.js";

export const SPAN_MS = 60_000;

/** @typedef {{ at: number, rtt: number | null, host: number | null, outcome: number, flags: number, low: number | null, high: number | null }} Point
 *  at in ms, rtt and host in ms; low and high only for merged points. */
/** @typedef {{ from: number, to: number, points: Point[], losses: number[], holes: { from: number, to: number }[], newest: number,
 *   median: number | null, min: number | null, max: number | null, p99: number | null }} Minute */

/**
 * @param {import("../store.js").Row} row
 * @param {number} now The server's clock.
 * @param {boolean} isLive Whether rows can be expected.
 * @returns {Minute}
 */
export function minute(row, now, isLive) {
  const { o, ring, bins, gaps } = row;
  const newestBin = bins[bins.length - 1]?.[0] ?? 0;
  const newest = Math.max(ring.newestAt, newestBin) / 1000;
  const step = Math.max(250, Math.min(o.interval_ms, 5000));
  const to = rightEdge(newest, now, step);
  const from = to - SPAN_MS;
  /** @type {Point[]} */
  const points = [];
  for (let i = ring.from(from * 1000); i < ring.length; i += 1) {
    const outcome = /** @type {number} */ (ring.outcome[i]);
    if (outcome === UNKNOWN) continue;
    points.push({
      at: /** @type {number} */ (ring.at[i]) / 1000, rtt: value(ring.rtt[i]), host: value(ring.host[i]), outcome,
      flags: /** @type {number} */ (ring.flags[i]), low: null, high: null,
    });
  }
  if (bins.length > 0) mergeBins(points, bins, from);
  /** @type {number[]} */
  const losses = [];
  // One pass into a typed array, which sorts by itself: many rows are drawn each second.
  const sorted = new Float64Array(points.length);
  let answers = 0;
  for (const point of points) {
    if (point.outcome === LOST || point.outcome === UNREACHABLE) losses.push(point.at);
    if (point.rtt !== null) {
      sorted[answers] = point.rtt;
      answers += 1;
    }
  }
  const holes = gaps.filter((gap) => gap.to > from && gap.from < to).map((gap) => ({ from: Math.max(from, gap.from), to: Math.min(to, gap.to) }));
  const quiet = Math.max(3 * o.interval_ms, o.interval_ms + o.timeout_ms + 2000);
  const isSilent = now - newest > quiet || o.state === "paused" || o.state === "stale" || !isLive;
  if (newest > 0 && isSilent && to > newest + step) holes.push({ from: Math.max(from, newest + Math.min(step, o.interval_ms)), to });
  if (points.length === 0) holes.splice(0, holes.length, { from, to });
  const values = sorted.subarray(0, answers).sort();
  return {
    from, to, points, losses, holes, newest, median: quantile(values, 0.5), min: values[0] ?? null,
    max: values[values.length - 1] ?? null, p99: quantile(values, 0.99),
  };
}

/** The edge moves in whole steps of the data, and stays with the newest row while rows come in time. @param {number} newest @param {number} now @param {number} step */
function rightEdge(newest, now, step) {
  if (newest === 0) return now;
  const lag = now - newest;
  if (lag < step * 1.5 + 500) return newest;
  return newest + Math.floor(lag / step) * step;
}

/** @param {number | undefined} us */
function value(us) {
  return us === undefined || us === NO_VALUE ? null : us / 1000;
}

/** @param {Point[]} points @param {import("../store.js").Bin[]} bins @param {number} from */
function mergeBins(points, bins, from) {
  for (const [at, n, lost, min, p50, max] of bins) {
    if (at < from * 1000) continue;
    const point = { at: at / 1000, host: null, flags: 16, low: value(min ?? undefined), high: value(max ?? undefined) };
    if (n > lost && p50 !== null) points.push({ ...point, rtt: p50 / 1000, outcome: REPLY });
    // A loss inside a bin stands beside its median: it must never be invisible.
    if (lost > 0) points.push({ ...point, rtt: null, outcome: LOST, low: null, high: null });
  }
  points.sort((a, b) => a.at - b.at);
}

/** @param {Float64Array} sorted @param {number} p */
function quantile(sorted, p) {
  if (sorted.length === 0) return null;
  return /** @type {number} */ (sorted[Math.max(0, Math.ceil(p * sorted.length) - 1)]);
}

/** May the line run from one point to the next? @param {Point} before @param {Point} after @param {number} intervalMs */
export function isJoined(before, after, intervalMs) {
  if (before.rtt === null || after.rtt === null) return false;
  return after.at - before.at < Math.max(2.5 * intervalMs, intervalMs + 400);
}

/** Is it an answer? @param {Point} point */
export function isAnswer(point) {
  return point.outcome === REPLY || point.outcome === REFUSED;
}
