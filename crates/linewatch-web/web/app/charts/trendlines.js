/**
 * Puts the medians of several targets on one time axis. Input: buckets of each target. Output: columns for the chart, limits of
 * a logarithmic axis, points that stand alone. Pure: no DOM, no clock, no colours.
 * Two lines may have different buckets: where a target has none of its own the line goes on, where it was not measured or
 * nothing answered it is broken.
 */

/** @typedef {import("./buckets.js").Bucket} Bucket */
/** @typedef {number | null | undefined} Value ms; null breaks the line, undefined is an instant of another target. */

/**
 * @param {readonly (readonly Bucket[])[]} lists Of each target, in time order.
 * @returns {{ x: number[], y: Value[][] }} `x` in seconds
 */
export function trendColumns(lists) {
  const values = lists.map(points);
  const x = [...new Set(values.flatMap((one) => [...one.keys()]))].sort((a, b) => a - b);
  return { x: x.map((at) => at / 1000), y: values.map((one) => x.map((at) => one.get(at))) };
}

/** Median by the middle of its bucket, and a break where one does not follow the other. @param {readonly Bucket[]} list */
function points(list) {
  /** @type {Map<number, number | null>} */
  const found = new Map();
  list.forEach((bucket, i) => {
    found.set((bucket.at + bucket.to) / 2, bucket.p50);
    const next = list[i + 1];
    if (next && next.at - bucket.to > (bucket.to - bucket.at) / 2) found.set(bucket.to, null);
  });
  return found;
}

/** Where a line would draw nothing: a value with a break on both sides. @param {readonly Value[]} column @returns {number[]} */
export function loners(column) {
  const known = column.flatMap((value, i) => (value === undefined ? [] : [i]));
  return known.filter((at, k) => {
    const isValue = (/** @type {number | undefined} */ index) => index !== undefined && column[index] !== null;
    return isValue(at) && !isValue(known[k - 1]) && !isValue(known[k + 1]);
  });
}

/** A fifth of air below and above. @param {readonly (readonly Value[])[]} columns @returns {{ low: number, high: number }} */
export function trendLimits(columns) {
  let low = Infinity;
  let high = 0;
  for (const column of columns) {
    for (const value of column) {
      if (typeof value !== "number" || value <= 0) continue;
      low = Math.min(low, value);
      high = Math.max(high, value);
    }
  }
  if (high === 0) return { low: 1, high: 100 };
  // The library counts its steps from the lowest value on: from a whole digit they are 10, 20, 50.
  const step = 10 ** Math.floor(Math.log10(low * 0.8));
  return { low: Math.max(step, Math.floor((low * 0.8) / step) * step), high: high * 1.25 };
}

/** The first instant anything was measured; null if nothing was. @param {readonly (readonly Bucket[])[]} lists */
export function firstAt(lists) {
  const starts = lists.flatMap((list) => list[0]?.at ?? []);
  return starts.length === 0 ? null : Math.min(...starts);
}
