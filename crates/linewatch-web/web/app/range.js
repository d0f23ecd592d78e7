/**
 * Says which period is looked at: a word ("24h") that ends now, or two instants. Reads and writes it in a link.
 * Pure: strings and milliseconds in and out; the clock is an argument. Not here: what the server measured in it.
 */

/** @typedef {"live" | "1h" | "24h" | "7d" | "30d" | "custom"} RangeWord */
/** @typedef {{ word: RangeWord, from: number, to: number }} Range `from` and `to` count for "custom" only. */

const HOUR_MS = 3_600_000;
/** How long the named periods are. @type {Readonly<Record<string, number>>} */
const LENGTHS = { live: 60_000, "1h": HOUR_MS, "24h": 24 * HOUR_MS, "7d": 7 * 24 * HOUR_MS, "30d": 30 * 24 * HOUR_MS };
/** What the server takes as a time somebody measured at: 2000 to 2100. */
const FIRST_MS = Date.UTC(2000, 0, 1);
const LAST_MS = Date.UTC(2100, 0, 1);

/** @param {RangeWord} word @returns {Range} */
export function named(word) {
  return { word, from: 0, to: 0 };
}

/** @param {number} from @param {number} to @returns {Range} */
export function custom(from, to) {
  return { word: "custom", from: Math.round(from), to: Math.round(to) };
}

/** Begin and end of a period at `now`; the future is no part of it. @param {Range} range @param {number} now */
export function spanOf(range, now) {
  if (range.word === "custom") return { from: range.from, to: Math.max(range.from + 1000, Math.min(range.to, now)) };
  return { from: now - (LENGTHS[range.word] ?? HOUR_MS), to: now };
}

/**
 * Reads a period out of a link; what cannot be is the fallback. `from` and `to` alone are a period of their own.
 * @param {string} search
 * @param {readonly RangeWord[]} words
 * @param {RangeWord} fallback
 * @returns {Range}
 */
export function parseRange(search, words, fallback) {
  const params = new URLSearchParams(search);
  const word = params.get("range") ?? (params.has("from") && params.has("to") ? "custom" : fallback);
  const known = words.find((one) => one === word);
  if (known === undefined) return named(fallback);
  if (known !== "custom") return named(known);
  const [from, to] = [instant(params.get("from")), instant(params.get("to"))];
  return from === null || to === null || isWrong(from, to) !== null ? named(fallback) : custom(from, to);
}

/** @param {Range} range @param {RangeWord} fallback The word that needs no mention. @returns {[string, string][]} */
export function writeRange(range, fallback) {
  if (range.word === "custom") return [["range", "custom"], ["from", iso(range.from)], ["to", iso(range.to)]];
  return range.word === fallback ? [] : [["range", range.word]];
}

/** The question to the server. @param {Range} range */
export function rangeQuery(range) {
  return range.word === "custom" ? `range=custom&from=${range.from}&to=${range.to}` : `range=${range.word}`;
}

/** Why two instants are no period: a word of the catalogue, or null. @param {number} from @param {number} to */
export function isWrong(from, to) {
  if (Number.isNaN(from) || Number.isNaN(to)) return "missing";
  if (from < FIRST_MS || to > LAST_MS) return "outside";
  return from < to ? null : "order";
}

/** @param {string | null} text @returns {number | null} */
function instant(text) {
  if (text === null || text === "") return null;
  const at = /^\d+$/.test(text) ? Number(text) : Date.parse(text);
  return Number.isFinite(at) ? at : null;
}

/** Whole seconds suffice in a link. @param {number} at */
function iso(at) {
  return new Date(at).toISOString().replace(/\.\d+Z$/, "Z");
}

/** An instant as a field of type datetime-local writes it, in the zone of the browser. @param {number} at */
export function toField(at) {
  const local = new Date(at);
  const two = (/** @type {number} */ n) => String(n).padStart(2, "0");
  return `${local.getFullYear()}-${two(local.getMonth() + 1)}-${two(local.getDate())}T${two(local.getHours())}:${two(local.getMinutes())}`;
}

/** And back; NaN for an empty field. @param {string} text */
export function fromField(text) {
  return text === "" ? NaN : new Date(text).getTime();
}
