/**
 * Words what the server sends as a code with values. Input: notices and events. Output: text from the catalogue.
 * A code that the catalogue does not know is shown in the server's own English; the English catalogue leaves all events
 * to the server, whose sentences tell more. Pure: no element, no clock.
 */

import { count, duration } from "./format.js";
import { has, t, tn } from "./i18n.js";

/** Their sentence tells the count with its unit already. */
const COUNT_IN_SENTENCE = new Set(["outage", "local_outage"]);

/** @param {import("./types").Notice} notice */
export function noticeText({ code, params, text }) {
  return has(`notice.text.${code}`) ? t(`notice.text.${code}`, params) : text;
}

/**
 * What happened, without the name of the target. Of what has no words of its own yet, the server's sentence.
 * @param {import("./types").EventRow} event
 */
export function eventText({ type, at, until, message, target_name: name }) {
  if (!has(`event.${type}`)) return name !== null && message.startsWith(name) ? message.slice(name.length).trimStart() : message;
  const what = t(`event.${type}`);
  return until !== null && until > at ? t("event.for", { what, time: duration(until - at) }) : what;
}

/** The count with its unit, "34 probes lost"; empty where it adds nothing. @param {import("./types").EventRow} event */
export function countText(event) {
  if (event.count === 0 || (COUNT_IN_SENTENCE.has(event.type) && !has(`event.${event.type}`))) return "";
  if (event.count === 1 && event.count_of === "times") return "";
  if (event.message.startsWith(`${event.count} `)) return "";
  return tn(`events.count.${event.count_of}`, event.count, { n: count(event.count) });
}

/** "24 h": a period within a sentence; the buttons that choose one have no room for the space. @param {string} word */
export function rangeText(word) {
  return t(`range.${word}`).replace(/^(\d+)(\p{L})/u, "$1 $2");
}
