/**
 * One line of the list of events; it opens to its sentence, its repeats and what can be done about it. Input: an item of the
 * list. Output: an element. Not here: the order of the list (`eventlist`), requests (`noticing`).
 */

import { fill, glyph, h } from "../dom.js";
import { NONE, count, duration } from "../format.js";
import { t } from "../i18n.js";
import { isoLocal } from "../csv.js";
import { store } from "../store.js";
import { clock, minute } from "../time.js";
import { countText, eventText } from "../words.js";
import { attention } from "./attention.js";
import { ackText } from "./causecard.js";
import { acknowledgeNow, copyText, openNote } from "./noticing.js";
import { targetHref } from "./rows.js";

/** @typedef {import("../types").EventRow} EventRow */
/** @typedef {import("../eventlist.js").Item} Item */

const SHAPES = /** @type {Readonly<Record<string, import("../dom.js").Shape>>} */ ({
  outage: "down", packet_loss: "fair", threshold_exceeded: "poor", jitter: "fair", stale: "stale", local_outage: "critical",
  dns_failed: "error", storage_full: "error", storage_degraded: "poor", alert_failed: "poor", login_failed: "poor",
  suspended: "stale", clock_stepped: "stale", interrupted: "stale", stopped: "paused",
});
/** Times told of a folded line. */
const TIMES_MAX = 40;

/** @param {EventRow} event */
export function shapeOf(event) {
  if (event.type === "outage" && event.until !== null) return "critical";
  return SHAPES[event.type] ?? "info";
}

/** How long it lasted, or lasts. @param {EventRow} event */
export function lengthOf(event) {
  if (event.until === null) return duration(Math.max(0, store.now() - event.at));
  return event.until > event.at ? duration(event.until - event.at) : NONE;
}

/** What happened, with the target's name as text. @param {EventRow} event @param {boolean} withName */
function sentence(event, withName) {
  const text = eventText(event);
  const counted = countText(event);
  return h("span", { class: "event-text", title: text === event.message ? null : event.message },
    withName && event.target_name !== null ? h("b", null, `${event.target_name} `) : null,
    text, counted === "" ? null : h("span", { class: "muted" }, ` · ${counted}`));
}

/** Who was told of an event. @param {EventRow} event @param {number | null} silencedUntil */
export function toldText(event, silencedUntil) {
  const letters = attention.told.get(event.id) ?? [];
  const said = letters.map((one) => t(`told.${one.state}`, { via: t(`told.${one.via}`), time: minute(one.at) }));
  if (said.length > 0) return [...new Set(said)].join(", ");
  return event.until === null && silencedUntil !== null ? t("told.silenced", { time: minute(silencedUntil) }) : "";
}

/** One line of text that says it all. @param {EventRow} event */
function plain(event) {
  return [isoLocal(event.at), event.severity, event.type, event.target_name ?? "", event.message, event.until === null ? "" : isoLocal(event.until)].join(" ").replace(/ +/g, " ").trim();
}

/** The link to what is kept around an outage, to the target of any other. @param {EventRow} event */
function evidenceLink(event) {
  if (event.target === null || store.byId(event.target) === null) return null;
  return event.type === "outage"
    ? h("a", { class: "button small", href: `${targetHref(event.target)}?outage=${event.id}` }, t("events.evidence"))
    : h("a", { class: "button small", href: targetHref(event.target) }, t("events.target"));
}

/** @param {EventRow} event @param {{ silence: (target: string) => void }} way */
function actions(event, { silence }) {
  const ack = attention.acks.get(event.id);
  return h("div", { class: "event-actions" },
    ack ? null : h("button", { type: "button", class: event.until === null ? "button small primary" : "button small", onclick: () => void acknowledgeNow([event.id]) }, t("action.acknowledge")),
    h("button", { type: "button", class: "button small", onclick: () => openNote(`${event.target_name ?? ""} ${eventText(event)}`.trim(), [event.id]) }, t("events.note")),
    event.target === null ? null : h("button", { type: "button", class: "button small", onclick: () => silence(event.target ?? "") }, t("silence.button")),
    evidenceLink(event),
    h("button", { type: "button", class: "button small", onclick: () => void copyText(plain(event)) }, t("action.copy")));
}

/** @param {import("../types").AckRow} ack */
function noteOf(ack) {
  return h("p", { class: "event-note" }, ack.note === "" ? null : `“${ack.note}” `, h("span", { class: "muted" }, ackText(ack)));
}

/**
 * @param {Item} item
 * @param {{ silence: (target: string) => void, isOpen: boolean, ontoggle: (isOpen: boolean) => void }} way
 */
export function eventRow({ event, folded }, way) {
  const ack = attention.acks.get(event.id);
  const told = toldText(event, null);
  const body = h("div", { class: "event-body" });
  const element = h("details", { class: `event-row sev-${event.severity}`, "data-id": event.id },
    h("summary", null,
      h("time", { datetime: new Date(event.at).toISOString() }, clock(event.at)),
      h("span", { class: "event-what" }, glyph(shapeOf(event)), sentence(event, false), folded.length > 0 ? h("span", { class: "chip" }, t("events.folded", { n: count(folded.length) })) : null,
        event.until === null ? h("span", { class: "tag tag-bad" }, t("events.now")) : null),
      h("span", { class: "event-target-name" }, event.target_name ?? t("events.monitor")),
      h("span", { class: "event-length" }, lengthOf(event)),
      h("span", { class: "event-told muted" }, told),
      h("span", { class: "event-ack muted" }, ack ? (ack.who === "" ? minute(ack.at) : `${ack.who}, ${minute(ack.at)}`) : "")), body);
  const fillBody = () => fill(body,
    h("p", { lang: "en" }, event.message),
    h("p", { class: "muted small" }, `${t(`severity.${event.severity}`)} · ${t(`etype.${event.type}`)} · ${isoLocal(event.at)}${event.until !== null && event.until > event.at ? ` – ${isoLocal(event.until)}` : ""}`),
    folded.length === 0 ? null : h("p", { class: "muted small" }, `${t("events.also_at")} ${folded.slice(0, TIMES_MAX).map((one) => clock(one.at)).join(", ")}${folded.length > TIMES_MAX ? " …" : ""}`),
    ack ? noteOf(ack) : null, actions(event, way));
  element.addEventListener("toggle", () => {
    way.ontoggle(element.open);
    if (element.open) fillBody();
  });
  if (way.isOpen) {
    fillBody();
    element.open = true;
  }
  return element;
}

/**
 * One event that goes on, with its button beside it.
 * @param {EventRow} event
 * @param {{ silence: (target: string) => void, silencedUntil: number | null }} way
 */
export function activeRow(event, way) {
  const ack = attention.acks.get(event.id);
  const told = toldText(event, way.silencedUntil);
  return h("li", { class: "active-row", "data-id": event.id, tabindex: "-1" }, glyph(event.type === "outage" ? "down" : shapeOf(event)),
    h("div", { class: "active-words" },
      h("p", null, sentence(event, true)),
      h("p", { class: "muted small" }, [t("cause.since", { time: clock(event.at) }), lengthOf(event), told].filter(Boolean).join(" · ")),
      ack ? noteOf(ack) : null),
    actions(event, way));
}
