/**
 * Turns numbers into the text people read: round trips, loss, availability, durations, counts.
 * Input: plain numbers in the unit of the function's name. Output: `{ value, unit }` or text.
 * Twin of crates/linewatch-render/src/format.rs; both are tested against crates/linewatch-render/vectors.json.
 * Pure but for the separators of the language, which are set once. No DOM, no clock, no catalogue.
 * No data is "—" and never 0. Unit symbols are the same in every language.
 */

/** @typedef {{ value: string, unit: string }} Quantity */

/** What stands where there is no data. */
export const NONE = "—";
/** A true minus sign. */
export const MINUS = "−";

/** The separators of the language: "1,234.5" in English, "1.234,5" in Indonesian. */
let point = ".";
let comma = ",";

/** @param {string} language Whose separators numbers have from now on. */
export function setNumbers(language) {
  // Digits and rounding stay ours, so that Rust and JS agree; only the separators are the language's.
  const parts = new Intl.NumberFormat(language, { useGrouping: true }).formatToParts(1_234_567.5);
  point = parts.find((part) => part.type === "decimal")?.value ?? ".";
  comma = parts.find((part) => part.type === "group")?.value ?? ",";
}

/**
 * A number with at most two decimals and no zeros at its end: limits, rates, axes.
 * @param {number} number
 */
export function short(number) {
  return String(Number(number.toFixed(2))).replace(".", point);
}

const none = Object.freeze({ value: NONE, unit: "" });

/**
 * `number / divisor` with `digits` decimals, from integers and half up, so that Rust and JS agree to the last digit.
 * @param {number} number
 * @param {number} divisor
 * @param {number} digits
 */
function decimal(number, divisor, digits) {
  const scale = 10 ** digits;
  const units = Math.floor((number * scale * 2 + divisor) / (divisor * 2));
  const whole = Math.floor(units / scale);
  if (digits === 0) return group(whole);
  return `${group(whole)}${point}${String(units % scale).padStart(digits, "0")}`;
}

/** @param {number} whole */
function group(whole) {
  return String(whole).replace(/\B(?=(\d{3})+(?!\d))/g, comma);
}

/**
 * A round trip in milliseconds: two decimals under 10, one under 100, none above, seconds from 10,000.
 * @param {number | null | undefined} ms
 * @returns {Quantity}
 */
export function rtt(ms) {
  if (ms === null || ms === undefined || !Number.isFinite(ms) || ms < 0) return none;
  const us = Math.round(ms * 1000);
  if (ms > 0 && us < 5) return { value: `<0${point}01`, unit: "ms" };
  // The limits are where rounding would otherwise show one digit too many: 9.995 is "10.0", not "10.00".
  if (us < 9_995) return { value: decimal(us, 1000, 2), unit: "ms" };
  if (us < 99_950) return { value: decimal(us, 1000, 1), unit: "ms" };
  if (us < 9_999_500) return { value: decimal(us, 1000, 0), unit: "ms" };
  return { value: decimal(us, 1_000_000, 1), unit: "s" };
}

/**
 * A loss ratio in parts per million. 0 only if none was lost, 100 only if all were.
 * @param {number | null | undefined} ppm
 * @returns {Quantity}
 */
export function loss(ppm) {
  if (ppm === null || ppm === undefined || !Number.isFinite(ppm)) return none;
  if (ppm <= 0) return { value: "0", unit: "%" };
  if (ppm >= 1_000_000) return { value: "100", unit: "%" };
  if (ppm < 100) return { value: `<0${point}01`, unit: "%" };
  // Under 0.1 % one decimal would say 0: there it takes two.
  if (ppm < 950) return { value: decimal(ppm, 10_000, 2), unit: "%" };
  if (ppm < 99_500) return { value: decimal(ppm, 10_000, 1), unit: "%" };
  return { value: String(Math.min(99, Math.floor((ppm + 5_000) / 10_000))), unit: "%" };
}

/**
 * Availability in parts per million: two decimals, always rounded down.
 * @param {number | null | undefined} ppm
 * @returns {Quantity}
 */
export function availability(ppm) {
  if (ppm === null || ppm === undefined || !Number.isFinite(ppm)) return none;
  const hundredths = Math.floor(ppm / 100);
  return { value: `${Math.floor(hundredths / 100)}${point}${String(hundredths % 100).padStart(2, "0")}`, unit: "%" };
}

/**
 * A length of time: "34 s", "1 m 52 s", "3 h 12 m", "2 d 4 h".
 * @param {number | null | undefined} ms
 */
export function duration(ms) {
  if (ms === null || ms === undefined || !Number.isFinite(ms) || ms < 0) return NONE;
  if (ms < 1000) return `${Math.floor(ms)} ms`;
  const seconds = Math.floor(ms / 1000);
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} m ${String(seconds % 60).padStart(2, "0")} s`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return `${hours} h ${String(minutes % 60).padStart(2, "0")} m`;
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/**
 * A count with grouping.
 * @param {number | null | undefined} n
 */
export function count(n) {
  if (n === null || n === undefined || !Number.isFinite(n)) return NONE;
  return n < 0 ? MINUS + group(Math.trunc(-n)) : group(Math.trunc(n));
}

/**
 * A whole or short decimal number of milliseconds as written in settings: 1000 is "1 s", 250 is "250 ms".
 * @param {number} ms
 */
export function setting(ms) {
  if (ms >= 1000 && ms % 100 === 0) return `${short(ms / 1000)} s`;
  return `${ms} ms`;
}

/**
 * Value and unit as one text, for titles and labels.
 * @param {Quantity} quantity
 */
export function plain(quantity) {
  if (quantity.unit === "") return quantity.value;
  return quantity.unit === "%" ? `${quantity.value}%` : `${quantity.value} ${quantity.unit}`;
}
