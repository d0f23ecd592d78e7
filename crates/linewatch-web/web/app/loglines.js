/**
 * Reads log lines: their fields, repeats, filters and link. Input: rows of /api/v1/logs. Output: what the page of logs draws.
 * Pure: no element, no clock.
 */

/** @typedef {import("./types").LogInfo} LogInfo */
/** @typedef {LogInfo["level"]} Level */
/** @typedef {{ level: Level, limit: number, q: string, follow: boolean, part: string[] }} LogFilters */
/** @typedef {{ line: LogInfo, times: number[] }} LogItem `times`: of the line and its repeats, newest first. */

export const LEVELS = /** @type {const} */ (["debug", "info", "warn", "error"]);
export const LIMITS = [50, 100, 200, 500, 1000, 2000, 5000, 10_000];
export const LIMIT_MIN = 10;
export const LIMIT_MAX = 10_000;
const LIMIT = 200;
const QUERY_CHARS_MAX = 200;

/** @param {string} search @returns {LogFilters} */
export function parseLogFilters(search) {
  const params = new URLSearchParams(search);
  const limit = Math.trunc(Number(params.get("limit")));
  return {
    level: LEVELS.find((word) => word === params.get("level")) ?? "info",
    limit: limit > 0 ? Math.min(LIMIT_MAX, Math.max(LIMIT_MIN, limit)) : LIMIT,
    q: (params.get("q") ?? "").slice(0, QUERY_CHARS_MAX),
    follow: params.get("follow") !== "0",
    part: [...new Set((params.get("part") ?? "").split(",").filter(Boolean))],
  };
}

/** @param {LogFilters} filters @returns {string} "" or "?…" */
export function writeLogFilters({ level, limit, q, follow, part }) {
  const params = new URLSearchParams();
  if (level !== "info") params.set("level", level);
  if (limit !== LIMIT) params.set("limit", String(limit));
  if (part.length > 0) params.set("part", part.join(","));
  if (q !== "") params.set("q", q);
  if (!follow) params.set("follow", "0");
  const text = params.toString().replaceAll("%2C", ",");
  return text === "" ? "" : `?${text}`;
}

/** @param {LogInfo} line @param {LogFilters} filters */
export function passes(line, { q, part }) {
  if (part.length > 0 && !part.includes(line.module)) return false;
  const needle = q.trim().toLowerCase();
  return needle === "" || `${line.level} ${line.module} ${line.message}`.toLowerCase().includes(needle);
}

/**
 * The sentence and the fields behind it: `outage opened target=gw note="a b" about=Gateway 192.0.2.1` is a sentence and three
 * pairs. A value without quotes reaches to the next name: names of targets hold spaces.
 * @param {string} message
 * @returns {{ text: string, fields: [string, string][] }}
 */
export function parseFields(message) {
  const found = [...message.matchAll(/(?<=^|\s)([A-Za-z_][\w.]*)=(?:"((?:[^"\\]|\\.)*)"(?=\s|$))?/g)];
  const first = found[0];
  if (first === undefined || first.index === 0) return { text: message, fields: [] };
  const fields = found.map((match, index) => {
    const [whole, name = "", quoted] = match;
    const rest = message.slice(match.index + whole.length, found[index + 1]?.index).trim();
    return /** @type {[string, string]} */ ([name, quoted === undefined ? rest : quoted.replaceAll('\\"', '"')]);
  });
  return { text: message.slice(0, first.index).trimEnd(), fields };
}

/**
 * Repeats of a line one after the other, equal but for their numbers, are one.
 * @param {readonly LogInfo[]} lines Newest first.
 * @returns {LogItem[]}
 */
export function foldLines(lines) {
  /** @type {LogItem[]} */
  const items = [];
  let shape = "";
  for (const line of lines) {
    const mine = shapeOf(line);
    const last = items.at(-1);
    if (last && mine === shape) last.times.push(line.at);
    else items.push({ line, times: [line.at] });
    shape = mine;
  }
  return items;
}

/** What repeats of a line have in common: all but the numbers of the sentence and the number of the event. @param {LogInfo} line */
function shapeOf({ level, module, message }) {
  const { text, fields } = parseFields(message);
  return [level, module, text.replace(/\d+/g, "#"), ...fields.filter(([name]) => name !== "id").map((pair) => pair.join("="))].join(" ");
}

/**
 * Lines of two answers in one order, each once; equal lines of one millisecond stay as many as the fuller answer has.
 * @param {readonly LogInfo[]} newer Newest first, complete back to its last line.
 * @param {readonly LogInfo[]} older
 * @param {number} limit
 */
export function joinLines(newer, older, limit) {
  const oldest = newer.at(-1)?.at;
  const rest = oldest === undefined ? older : older.filter((line) => line.at < oldest);
  return [...newer, ...rest].slice(0, limit);
}
