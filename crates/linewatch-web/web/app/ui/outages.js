/**
 * The outages of a target over the period of its history: one line of time, a table, and the table as CSV.
 * Input: what the history shows, and the stored outages. Output: a card; a row looks at its outage in the history.
 */

import { get } from "../api.js";
import { Surface } from "../charts/canvas.js";
import { drawLane } from "../charts/smoke.js";
import { csv, download, isoLocal } from "../csv.js";
import { fill, h, setAttribute, setText } from "../dom.js";
import { count, duration, loss, plain, setting } from "../format.js";
import { t, tn } from "../i18n.js";
import { store } from "../store.js";
import { moment } from "../time.js";
import { failureText } from "./addform.js";

/** @typedef {import("../types").OutageInfo} OutageInfo */
/** @typedef {import("./history.js").View} View */

const LIMIT = 500;
/** Outages that began so long before the period may reach into it. */
const BEFORE_MS = 7 * 24 * 3_600_000;
/** Around an outage that is looked at: as much time as it took, and a minute. */
const AROUND_MS = 60_000;
const COLUMNS = /** @type {const} */ (["number", "from", "to", "duration", "sent", "received", "loss", "opened"]);
const NUMBERS = new Set(["duration", "sent", "received", "loss"]);

/**
 * @param {import("../store.js").Row} row
 * @param {{ zoom: (from: number, to: number) => void, onrows: (spans: { from: number, to: number }[]) => void }} way
 */
export function outagesPanel(row, { zoom, onrows }) {
  const note = h("span", { class: "note" });
  const body = h("div", null, h("p", { class: "muted small" }, t("loading")));
  const lane = h("canvas", { class: "lane", role: "img" });
  const begin = h("span", null);
  const gap = h("span", { class: "lane-gap" });
  const end = h("span", null);
  const save = h("button", { type: "button", class: "button small end", onclick: () => exportRows() }, t("outages.export"));
  save.hidden = true;
  const element = h("section", { class: "card panel", "aria-labelledby": "outages-title" },
    h("div", { class: "card-title" }, h("h2", { id: "outages-title" }, t("outages.title")), note, save),
    lane, h("div", { class: "lane-foot" }, begin, gap, end), body);
  /** @type {OutageInfo[]} */
  let rows = [];
  /** @type {View | null} */
  let view = null;
  let word = "24h";
  let asked = 0;
  let shown = "";
  let isDisposed = false;
  const surface = new Surface(lane, (context, frame) => {
    if (view) drawLane(context, frame, { ...view, present: present(view), outages: spans() });
  });
  const endOf = (/** @type {OutageInfo} */ one) => one.to ?? store.now();
  const spans = () => rows.map((one) => ({ from: one.from, to: endOf(one) }));

  const exportRows = () => {
    const head = ["number", "target", "from", "to", "duration_ms", "sent", "received", "lost", "loss_percent", "opened_by"];
    const lines = rows.map((one, i) => [
      rows.length - i, one.target, isoLocal(one.from), one.to === null ? null : isoLocal(one.to), one.duration_ms, one.sent, one.received, one.lost,
      one.sent === 0 ? null : Math.round((one.lost * 10_000) / one.sent) / 100, one.opened_by,
    ]);
    download(`${row.o.id}-outages.csv`, csv([head, ...lines]));
  };
  /** @param {View} next @param {import("../range.js").Range} range */
  const look = async (next, range) => {
    view = next;
    word = range.word;
    asked += 1;
    const mine = asked;
    const query = new URLSearchParams({ target: row.o.id, from: String(Math.round(next.from - BEFORE_MS)), to: String(Math.round(next.to)), limit: String(LIMIT) });
    try {
      /** @type {import("../types").Page<OutageInfo>} */
      const page = await get(`outages?${query}`);
      if (mine !== asked || isDisposed) return;
      rows = page.rows.filter((one) => endOf(one) >= next.from).sort((a, b) => b.from - a.from);
      shown = "";
      draw();
      onrows(spans());
    } catch (error) {
      if (mine === asked && !isDisposed) fill(body, h("p", { class: "muted small" }, failureText(error)));
    }
  };
  const draw = () => {
    if (!view) return;
    const now = store.now();
    const whole = JSON.stringify([view.from, rows.map((one) => [one.id, one.to === null ? Math.floor(now / 1000) : 0]), row.o.outage?.lost ?? 0]);
    if (whole === shown) return;
    shown = whole;
    surface.invalidate();
    const total = rows.reduce((sum, one) => sum + Math.max(0, Math.min(endOf(one), view?.to ?? now) - Math.max(one.from, view?.from ?? 0)), 0);
    setText(note, rows.length === 0 ? "" : tn("outages.note", rows.length, { range: t(`range.${word}`), time: duration(total), uncertainty: setting(rows[0]?.uncertainty_ms ?? 0) }));
    setAttribute(lane, "aria-label", t("outages.lane", { n: rows.length, time: duration(total), holes: view.holes.length }));
    setText(begin, moment(view.from, now));
    setText(end, word === "custom" ? moment(view.to, now) : t("chart.now"));
    const { from, to } = view;
    const clipped = view.holes.map((hole) => ({ ...hole, from: Math.max(from, hole.from), to: Math.min(to, hole.to) }));
    const longest = clipped.sort((a, b) => b.to - b.from - (a.to - a.from))[0];
    setText(gap, longest ? `${t(`gap.${longest.kind}`)} ${duration(longest.to - longest.from)}` : "");
    save.hidden = rows.length === 0;
    if (rows.length === 0) fill(body, h("p", { class: "muted small" }, t("outages.none")));
    else fill(body, h("table", { class: "data-table outages" }, head(), h("tbody", null, ...rows.map((one, i) => line(one, rows.length - i, now)))));
  };
  /** @param {OutageInfo} one @param {number} number @param {number} now */
  const line = (one, number, now) => {
    // An open outage grows: its length counts up here, its sums come with the live rows.
    const open = one.to === null ? row.o.outage : null;
    const sent = open?.sent ?? one.sent;
    const lost = open?.lost ?? one.lost;
    const texts = [
      String(number), moment(one.from, now), one.to === null ? t("outages.open") : moment(one.to, now),
      duration(one.to === null ? now - one.from : one.duration_ms), count(sent), count(sent - lost),
      plain(loss(sent === 0 ? null : Math.round((lost * 1_000_000) / sent))), t(`outages.by.${one.opened_by}`),
    ];
    const showIt = () => {
      const around = AROUND_MS + (endOf(one) - one.from);
      zoom(one.from - around, endOf(one) + around);
    };
    const element = h("tr", null, ...texts.map((text, i) => {
      const name = COLUMNS[i] ?? "number";
      const isStrong = name === "from" || name === "to" || name === "duration";
      const inner = name === "loss" ? h("span", { class: "tint tint-critical" }, text)
        : name === "number" ? h("button", { type: "button", class: "link", "aria-label": t("outages.show", { n: text }), onclick: showIt }, text) : text;
      return h("td", { class: `${NUMBERS.has(name) ? "num" : ""}${isStrong ? " strong" : ""}`, "data-label": t(`outages.${name}`) }, inner);
    }));
    element.addEventListener("click", (event) => { if (!(/** @type {Element} */ (event.target)).closest("button")) showIt(); });
    return element;
  };
  return {
    element, look, update: draw,
    dispose() {
      isDisposed = true;
      surface.dispose();
    },
  };
}

function head() {
  return h("thead", null, h("tr", null, ...COLUMNS.map((name) => h("th", { scope: "col", class: NUMBERS.has(name) ? "num" : "" }, t(`outages.${name}`)))));
}

/** Spans with buckets, those that touch as one. @param {View} view */
function present({ list }) {
  /** @type {{ from: number, to: number }[]} */
  const found = [];
  for (const bucket of list) {
    const last = found[found.length - 1];
    if (last && bucket.at <= last.to) last.to = bucket.to;
    else found.push({ from: bucket.at, to: bucket.to });
  }
  return found;
}
