/**
 * Targets drawn beside the one of a page, as the link carries them: `cmp=slug,slug`. Input: the part of a link after "?".
 * Output: the ids, the link with other ids, and which ids of it no target has. Pure.
 * The address is the only place where they are kept: what a page, a reload and the way back show is the same.
 */

import { COMPARED_MAX, parseCompared } from "./url.js";

/** @typedef {import("./linkcheck.js").Misread} Misread */

/** More lines than these beside the target's own two cannot be told apart without colour. */
export const BESIDE_MAX = 4;

/** @param {string} search @param {string} own The page's own target: it is drawn anyway. @returns {string[]} */
export function parseBeside(search, own) {
  return parseCompared(search).filter((id) => id !== own).slice(0, BESIDE_MAX);
}

/** The same link with these. @param {string} search @param {readonly string[]} ids @returns {string} "" or "?…" */
export function withCompared(search, ids) {
  const params = new URLSearchParams(search);
  if (ids.length > 0) params.set("cmp", ids.join(","));
  else params.delete("cmp");
  const text = params.toString().replaceAll("%2C", ",").replaceAll("%3A", ":");
  return text === "" ? "" : `?${text}`;
}

/**
 * What of `cmp` cannot be drawn: ids that no target has, and those above the number that is drawn.
 * @param {string} page @param {string} own The page's own target. @param {string} search @param {(id: string) => boolean} isKnown
 * @returns {{ wrong: Misread[], search: string }} `search`: what is left.
 */
export function checkCompared(page, own, search, isKnown) {
  const most = page === "target" ? BESIDE_MAX : page === "overview" ? COMPARED_MAX : 0;
  const text = new URLSearchParams(search).get("cmp") ?? "";
  if (most === 0 || text === "") return { wrong: [], search };
  const asked = [...new Set(text.split(",").map((id) => id.trim()).filter(Boolean))].filter((id) => page !== "target" || id !== own);
  const kept = asked.filter(isKnown).slice(0, most);
  const wrong = asked.filter((id) => !kept.includes(id)).map((id) => ({ name: "cmp", value: id }));
  return wrong.length === 0 ? { wrong, search } : { wrong, search: withCompared(search, kept) };
}
