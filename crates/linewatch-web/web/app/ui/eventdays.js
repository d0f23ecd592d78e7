/**
 * The history by days: repeats folded, outages of one cause as one line that opens to its card. Input: rows that pass the
 * filters. Output: headings and lines, newest first.
 */

import { glyph, h } from "../dom.js";
import { byDay, daysAgo, findCauses, foldRepeats } from "../eventlist.js";
import { count, duration } from "../format.js";
import { t, tn } from "../i18n.js";
import { store } from "../store.js";
import { clock, date } from "../time.js";
import { attention } from "./attention.js";
import { causeCard } from "./causecard.js";
import { toldText } from "./eventrow.js";

/** @typedef {import("../types").EventRow} EventRow */
/** @typedef {import("../eventlist.js").Cause} Cause */
/** @typedef {{ open: Set<string>, lineOf: (item: import("../eventlist.js").Item) => HTMLElement, insideOf: (cause: Cause) => Node[],
 *   silence: (target: string) => void, cards: Set<{ dispose: () => void }> }} Way `open`: ids of lines that are open; `cards`: those of the lines before. */

/** @param {readonly EventRow[]} rows Newest first. @param {Way} way @returns {HTMLElement[]} */
export function historyLines(rows, way) {
  for (const card of way.cards) card.dispose();
  way.cards.clear();
  const causes = findCauses(rows);
  const inside = new Map(causes.flatMap((cause) => [...cause.outages, ...cause.others].map((event) => /** @type {const} */ ([event.id, cause]))));
  const items = foldRepeats(rows.filter((event) => !inside.has(event.id) || inside.get(event.id)?.id === event.id));
  const now = store.now();
  return byDay(items).flatMap(({ day, items: of }) => {
    const ago = daysAgo(day, now);
    const name = ago === 0 ? t("events.today", { date: date(day) }) : ago === 1 ? t("events.yesterday", { date: date(day) }) : date(day);
    return [h("h3", { class: "event-day" }, name), ...of.map((item) => {
      const cause = inside.get(item.event.id);
      return cause ? causeLine(cause, way) : way.lineOf(item);
    })];
  });
}

/** Closed it is a line, open the whole card. @param {Cause} cause @param {Way} way */
function causeLine(cause, { open, insideOf, silence, cards }) {
  const holder = h("div", { class: "event-body" });
  const ack = attention.acks.get(cause.id);
  const row = h("details", { class: "event-row sev-critical", "data-id": cause.id }, h("summary", null,
    h("time", { datetime: new Date(cause.from).toISOString() }, clock(cause.from)),
    h("span", { class: "event-what" }, glyph("critical"), h("span", { class: "event-text" }, t("cause.past", { n: count(cause.targets.length) })),
      h("span", { class: "chip" }, t("events.folded", { n: count(cause.outages.length + cause.others.length) }))),
    h("span", { class: "event-target-name" }, tn("events.count.targets", cause.targets.length, { n: count(cause.targets.length) })),
    h("span", { class: "event-length" }, cause.until === null ? "" : duration(cause.until - cause.from)),
    h("span", { class: "event-told muted" }, cause.outages[0] ? toldText(cause.outages[0], null) : ""),
    h("span", { class: "event-ack muted" }, ack ? ack.who || clock(ack.at) : "")), holder);
  let isFilled = false;
  row.addEventListener("toggle", () => {
    if (row.open) open.add(cause.id);
    else open.delete(cause.id);
    if (!row.open || isFilled) return;
    isFilled = true;
    const card = causeCard(cause, { silence, events: insideOf });
    cards.add(card);
    holder.append(card.element);
  });
  if (open.has(cause.id)) row.open = true;
  return row;
}
