/**
 * The y axis of a target's charts as a link carries it: automatic, logarithmic, or fixed between two round trips
 * (`y=fix:0-200`, in milliseconds). Input: text. Output: an axis, the text again, and what lies outside of an axis, so that
 * nothing is cut without a word. Pure: no DOM, no clock.
 */

/** @typedef {{ kind: "lin" | "log" | "fix", low: number, high: number }} YAxis `low`, `high`: ms, of a fixed axis. */
/** @typedef {{ low: number, high: number }} Limits ms */
/** @typedef {{ above: number, below: number, most: number, least: number }} Beyond How many, and the furthest of them, ms. */

/** No round trip that is measured is longer: the longest time-out, with room. */
export const FIX_MAX_MS = 600_000;
/** Automatic and linear: what a link does not mention. @type {YAxis} */
export const Y_USUAL = { kind: "lin", low: 0, high: 0 };
const NUMBER = String.raw`\d{1,6}(?:\.\d{1,3})?`;
const FIX = new RegExp(`^fix:(${NUMBER})-(${NUMBER})$`);

/** @param {string} value @returns {YAxis | null} null if it is no axis */
export function readY(value) {
  if (value === "lin" || value === "log") return { kind: value, low: 0, high: 0 };
  const match = FIX.exec(value);
  return match ? fixedY(Number(match[1]), Number(match[2])) : null;
}

/** A fixed axis, if the numbers make one. @param {number} low ms @param {number} high ms @returns {YAxis | null} */
export function fixedY(low, high) {
  return low >= 0 && high > low && high <= FIX_MAX_MS ? { kind: "fix", low: thousandths(low), high: thousandths(high) } : null;
}

/** @param {number} ms */
function thousandths(ms) {
  return Math.round(ms * 1000) / 1000;
}

/** @param {string} search The part after the path. */
export function parseY(search) {
  return readY(new URLSearchParams(search).get("y") ?? "") ?? Y_USUAL;
}

/** @param {YAxis} y @returns {[string, string][]} What the link says of it. */
export function writeY(y) {
  if (y.kind === "lin") return [];
  return [["y", y.kind === "log" ? "log" : `fix:${y.low}-${y.high}`]];
}

/**
 * What an axis does not show.
 * @param {Iterable<readonly [least: number, most: number] | null>} spans Of what is drawn at each instant, ms. @param {Limits} limits
 * @returns {Beyond}
 */
export function beyond(spans, { low, high }) {
  const found = { above: 0, below: 0, most: high, least: low };
  for (const span of spans) {
    if (span === null) continue;
    const [least, most] = span;
    if (most > high) found.above += 1;
    if (least < low) found.below += 1;
    found.most = Math.max(found.most, most);
    found.least = Math.min(found.least, least);
  }
  return found;
}

/** Limits of a logarithmic axis around values, with a fifth of air. @param {Limits} limits ms @returns {Limits} */
export function logLimits({ low, high }) {
  const floor = Math.max(0.001, low * 0.8);
  // The library counts its steps from the lowest value on: from a whole digit they are 10, 20, 50.
  const step = 10 ** Math.floor(Math.log10(floor));
  return { low: Math.floor(floor / step) * step, high: Math.max(high * 1.25, floor * 2) };
}
