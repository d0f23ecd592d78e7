/**
 * Finds in a link what this page does not understand, so that somebody is told instead of left to wonder: a period that does
 * not exist, a filter of another version. Input: the page and the part behind "?". Output: the names and values that were put
 * aside, and the link without them. Unknown names are ignored without a word: another version may know them.
 * Pure. What the pages make of a wrong value (the usual one) is theirs; here is only which values they take.
 */

import { SEVERITIES, STATES } from "./eventlist.js";
import { HUD_NAMES, HUD_WHEN } from "./hudrows.js";
import { BADGES } from "./level.js";
import { LEVELS, LIMIT_MAX, LIMIT_MIN } from "./loglines.js";
import { parseRange } from "./range.js";
import { LANGUAGES, PAPERS, PARTS, RANGES } from "./report/choices.js";
import { readY } from "./yaxis.js";

/** @typedef {import("./range.js").RangeWord} RangeWord */
/** @typedef {(value: string) => boolean} Check */
/** @typedef {{ name: string, value: string }} Misread */

/** Longer values are told by their beginning. */
const VALUE_CHARS_MAX = 40;
const SECTIONS = ["general", "targets", "thresholds", "alerts", "appearance", "data", "about"];

/** @param {readonly string[]} words @returns {Check} */
const one = (words) => (value) => words.includes(value);
/** @param {readonly string[]} words @returns {Check} Some of them, with commas between. */
const some = (words) => (value) => value.split(",").every((word) => word.trim() === "" || words.includes(word.trim().toLowerCase()));
/** @param {number} least @param {number} most @returns {Check} */
const number = (least, most) => (value) => value.trim() !== "" && Number(value) >= least && Number(value) <= most;
/** @type {Check} */
const flag = one(["0", "1"]);
/** @type {Check} */
const hudRows = (value) => value.split(",").every((part) => {
  const [name = "", when = "always", limit = "1"] = part.trim().toLowerCase().split(":");
  return HUD_NAMES.some((known) => known === name) && HUD_WHEN.some((known) => known === when) && Number(limit) > 0;
});
/** @type {Check} */
const zone = (value) => {
  try {
    return Intl.DateTimeFormat("en", { timeZone: value }).format(0) !== "";
  } catch {
    return false;
  }
};

/** What each page takes, and its periods. @type {Readonly<Record<string, { periods: readonly RangeWord[], values: Readonly<Record<string, Check>> }>>} */
const PAGES = {
  overview: {
    periods: ["live", "24h", "7d", "30d", "custom"],
    values: { status: some([...BADGES, "ok", "warn", "bad"]), proto: some(["icmp", "tcp", "udp"]), view: one(["table", "tiles"]), kiosk: flag },
  },
  target: { periods: ["1h", "24h", "7d", "30d", "custom"], values: { chart: one(["smoke", "pct", "heat"]), y: (value) => readY(value) !== null } },
  hud: { periods: [], values: { rows: hudRows, scale: number(0.75, 2), bg: one(["solid", "clear"]), pop: flag } },
  events: { periods: ["24h", "7d", "30d", "custom"], values: { sev: some(SEVERITIES), state: one(STATES) } },
  logs: { periods: [], values: { level: one(LEVELS), limit: number(LIMIT_MIN, LIMIT_MAX), follow: flag } },
  report: { periods: RANGES, values: { tz: zone, lang: one(LANGUAGES), paper: one(PAPERS), include: some(PARTS) } },
  settings: { periods: [], values: { section: one(SECTIONS) } },
};

/**
 * @param {string} page @param {string} search
 * @returns {{ wrong: Misread[], search: string }} `search`: what is left, "" or "?…"
 */
export function checkLink(page, search) {
  const params = new URLSearchParams(search);
  const known = PAGES[page];
  /** @type {Misread[]} */
  const wrong = [];
  const put = (/** @type {string} */ name) => {
    const value = params.get(name) ?? "";
    wrong.push({ name, value: value.length > VALUE_CHARS_MAX ? `${value.slice(0, VALUE_CHARS_MAX)}…` : value });
    params.delete(name);
  };
  for (const [name, check] of Object.entries(known?.values ?? {})) {
    const value = params.get(name);
    // An empty value is no wish.
    if (value !== null && value !== "" && !check(value)) put(name);
  }
  if (known !== undefined && known.periods.length > 0) {
    const word = params.get("range") ?? (params.has("from") && params.has("to") ? "custom" : null);
    if (word !== null && word !== "" && !known.periods.some((period) => period === word)) put("range");
    else if (word === "custom" && parseRange(`?${params}`, known.periods, "24h").word !== "custom") {
      for (const name of ["from", "to"]) if (params.has(name)) put(name);
      params.delete("range");
      if (wrong.length === 0) wrong.push({ name: "range", value: "custom" });
    }
  }
  const rest = params.toString().replaceAll("%2C", ",").replaceAll("%3A", ":").replaceAll("%2F", "/");
  return { wrong, search: rest === "" ? "" : `?${rest}` };
}
