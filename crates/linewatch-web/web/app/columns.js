/**
 * Which columns the fleet table has and in which order: chosen by a person, kept in this browser, or for the visit where nothing
 * may be kept. Input: a list of names as it is stored. Output: names. Unknown names are put aside, the grade and the target stay.
 */

/** @typedef {typeof COLUMNS[number]} Column */

/** In their usual order. */
export const COLUMNS = /** @type {const} */ (["grade", "target", "country", "spark", "now", "p50", "p95", "jitter", "loss", "rto", "strip", "up"]);
/** A row without these could not be told from another. @type {ReadonlySet<Column>} */
export const FIXED = new Set(/** @type {const} */ (["grade", "target"]));
/** Least widths in CSS pixels, as the style sheet has them (pages.css); where it names none, what the content needs. */
const WIDTHS = { grade: 196, target: 200, country: 72, spark: 186, now: 92, p50: 60, p95: 60, jitter: 60, loss: 70, rto: 52, strip: 150, up: 118 };
const KEY = "linewatch.columns";

/** @param {string | null | undefined} text @returns {Column[] | null} null: nobody chose. */
export function parseColumns(text) {
  if (!text) return null;
  const words = text.split(",");
  const named = COLUMNS.filter((name) => words.includes(name)).sort((a, b) => words.indexOf(a) - words.indexOf(b));
  if (named.length === 0) return null;
  return [...[...FIXED].filter((name) => !named.includes(name)), ...named];
}

/** @param {readonly Column[]} columns @returns {string} "" for the usual ones in their usual order. */
export function writeColumns(columns) {
  return columns.length === COLUMNS.length && columns.every((name, i) => name === COLUMNS[i]) ? "" : columns.join(",");
}

/** One step to the front or the back. @param {readonly Column[]} columns @param {Column} name @param {-1 | 1} step */
export function moved(columns, name, step) {
  const from = columns.indexOf(name);
  const to = from + step;
  const list = [...columns];
  if (from < 0 || to < 0 || to >= list.length) return list;
  list.splice(from, 1);
  list.splice(to, 0, name);
  return list;
}

/** What the table needs so that nothing is cut off, CSS pixels. @param {readonly Column[]} columns */
export function widthOf(columns) {
  return columns.reduce((sum, name) => sum + WIDTHS[name], 0);
}

/** As chosen. The mark on the page wins: it holds for a visit where the browser keeps nothing. @returns {Column[] | null} */
export function chosenColumns() {
  const mark = document.documentElement.dataset["columns"];
  if (mark !== undefined) return parseColumns(mark);
  try {
    return parseColumns(localStorage.getItem(KEY));
  } catch {
    return null;
  }
}
