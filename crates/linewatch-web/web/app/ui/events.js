/**
 * Lists events, newest first, for the fleet or for one target. Input: the store's events. Output: a card.
 * A new row enters at the top; the list is short, so nothing jumps far.
 */

import { ROOT } from "../api.js";
import { fill, glyph, h } from "../dom.js";
import { t } from "../i18n.js";
import { store } from "../store.js";
import { moment } from "../time.js";
import { countText, eventText } from "../words.js";
import { targetHref } from "./rows.js";

/** @typedef {import("../types").EventRow} EventRow */

const SHAPES = /** @type {Readonly<Record<string, import("../dom.js").Shape>>} */ ({
  outage: "down", packet_loss: "fair", threshold_exceeded: "critical", jitter: "fair", stale: "stale", local_outage: "critical",
  dns_failed: "error", storage_full: "error", storage_degraded: "poor", alert_failed: "poor", login_failed: "poor",
  suspended: "stale", clock_stepped: "stale", interrupted: "stale", stopped: "paused",
});

/** An outage or threshold that has ended is a recovery. @param {EventRow} event */
function shapeOf(event) {
  if ((event.type === "outage" || event.type === "stale") && event.until !== null) return "excellent";
  return SHAPES[event.type] ?? "info";
}

/**
 * @param {{ title: string, limit: number, target: string | null }} settings `target` narrows the list to one.
 */
export function eventsCard({ title, limit, target }) {
  const list = h("ol", { class: "events" });
  const element = h("section", { class: "card events-card" }, h("div", { class: "card-title" }, h("h2", null, title),
    h("a", { class: "view-all end", href: `${ROOT}events${target === null ? "" : `?target=${encodeURIComponent(target)}`}` }, t("events.view_all"))), list);
  let shown = "";
  return {
    element,
    /** @param {readonly EventRow[]} [events] */
    update(events = store.events) {
      const rows = events.filter((event) => target === null || event.target === target).slice(0, limit);
      const whole = JSON.stringify(rows);
      if (whole === shown) return;
      shown = whole;
      if (rows.length === 0) fill(list, h("li", { class: "muted" }, t("events.empty")));
      else fill(list, ...rows.map((event) => eventRow(event, target === null)));
    },
  };
}

/** @param {EventRow} event @param {boolean} withName */
function eventRow(event, withName) {
  const name = event.target_name;
  const text = eventText(event);
  const counted = countText(event);
  const isTitled = withName && name !== null;
  return h("li", null,
    h("time", { datetime: new Date(event.at).toISOString() }, moment(event.at, store.now())), glyph(shapeOf(event)),
    // What the page words itself keeps the server's sentence, with its details, for whoever points at it.
    h("span", text === event.message ? null : { title: event.message },
      // The name opens the sentence, bold, and is not told twice.
      isTitled ? h("a", { class: "event-target", href: targetHref(event.target ?? "") }, name) : null,
      isTitled ? ` ${text}` : text,
      counted === "" ? null : h("span", { class: "muted" }, ` · ${counted}`)));
}
