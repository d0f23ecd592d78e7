/**
 * Says what a report is of and how it looks: the period, the zone, the language, the paper, the parts. Reads and writes it
 * in a link, and makes the question to the server. Pure; the zones a browser knows are an argument.
 */

import { parseRange, rangeQuery, writeRange } from "../range.js";

/** @typedef {import("../range.js").Range} Range */
/** @typedef {{ range: Range, tz: string, lang: string, paper: string, include: string[] }} Choices `tz` "" is the browser's. */

export const RANGES = /** @type {const} */ (["24h", "7d", "30d", "custom"]);
/** In the order of the document. */
export const PARTS = /** @type {const} */ (["verdict", "tables", "chart", "outages", "evidence", "method", "events"]);
/** All but the events, of which there may be thousands. */
export const USUAL_PARTS = PARTS.filter((part) => part !== "events");
export const PAPERS = /** @type {const} */ (["a4", "letter"]);
export const LANGUAGES = /** @type {const} */ (["en", "id"]);
/** The word of all targets, in addresses. */
export const FLEET = "fleet";
const RANGE_USUAL = "7d";

/**
 * @param {string} search
 * @param {{ lang: string, zones: readonly string[] }} usual
 * @returns {Choices}
 */
export function parseChoices(search, usual) {
  const params = new URLSearchParams(search);
  /** @template {string} T @param {string} name @param {readonly T[]} known @param {T} fallback @returns {T} */
  const one = (name, known, fallback) => known.find((word) => word === params.get(name)) ?? fallback;
  const asked = (params.get("include") ?? "").split(",");
  const include = PARTS.filter((part) => asked.includes(part));
  return {
    range: parseRange(search, RANGES, RANGE_USUAL),
    tz: one("tz", usual.zones, ""),
    lang: one("lang", LANGUAGES, LANGUAGES.find((known) => known === usual.lang) ?? "en"),
    paper: one("paper", PAPERS, "a4"),
    include: include.length === 0 ? [...USUAL_PARTS] : include,
  };
}

/** @param {Choices} choices @param {string} lang The one that needs no mention. @returns {string} "" or "?…" */
export function writeChoices(choices, lang) {
  const params = new URLSearchParams(writeRange(choices.range, RANGE_USUAL));
  if (choices.tz !== "") params.set("tz", choices.tz);
  if (choices.lang !== lang) params.set("lang", choices.lang);
  if (choices.paper !== "a4") params.set("paper", choices.paper);
  if (choices.include.join() !== USUAL_PARTS.join()) params.set("include", choices.include.join());
  const text = params.toString().replaceAll("%2C", ",").replaceAll("%3A", ":").replaceAll("%2F", "/");
  return text === "" ? "" : `?${text}`;
}

/** The question to the server. @param {string} id @param {Choices} choices @param {string} browserZone */
export function reportQuery(id, choices, browserZone) {
  const tz = encodeURIComponent(choices.tz === "" ? browserZone : choices.tz);
  return `report?target=${encodeURIComponent(id)}&${rangeQuery(choices.range)}&tz=${tz}&lang=${choices.lang}&paper=${choices.paper}&include=${choices.include.join()}`;
}
