/**
 * Words what the server sends as a code with values. Input: notices and events. Output: text from the catalogue.
 * A code that the catalogue does not know yet is shown in the server's own English. Pure: no element, no clock.
 */

import { count } from "./format.js";
import { has, t, tn } from "./i18n.js";

/** Their sentence tells the count with its unit already. */
const COUNT_IN_SENTENCE = new Set(["outage", "local_outage"]);

/** @param {import("./types").Notice} notice */
export function noticeText({ code, params, text }) {
  return has(`notice.text.${code}`) ? t(`notice.text.${code}`, params) : text;
}

/** The count with its unit, "34 probes lost"; empty where it adds nothing. @param {import("./types").EventRow} event */
export function countText(event) {
  if (event.count === 0 || COUNT_IN_SENTENCE.has(event.type)) return "";
  if (event.count === 1 && event.count_of === "times") return "";
  if (event.message.startsWith(`${event.count} `)) return "";
  return tn(`events.count.${event.count_of}`, event.count, { n: count(event.count) });
}
