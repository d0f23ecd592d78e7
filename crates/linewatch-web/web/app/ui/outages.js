/**
 * The outages of a target over the period of its history: one line of time, a table, and the table as CSV.
 * Input: what the history shows, and the stored outages. Output: a card; a row opens the evidence of its outage, and so
 * does a link with `outage=`.
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
import { rangeText } from "../words.js";
import { failureText } from "./addform.js";
import { toast } from "./dialog.js";

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
  /** The outage whose evidence is open. @type {string | null} */
  let openId = new URLSearchParams(location.search).get("outage");
  /** @type {{ id: string, panel: { element: HTMLElement, dispose: () => void } } | null} */
  let evidence = null;
  /** The link named it, and it has not been looked for yet. */
  let isLinked = openId !== null;
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
      if (isLinked) void follow();
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
    setText(note, rows.length === 0 ? "" : tn("outages.note", rows.length, { range: rangeText(word), time: duration(total), uncertainty: setting(rows[0]?.uncertainty_ms ?? 0) }));
    setAttribute(lane, "aria-label", t("outages.lane", { n: rows.length, time: duration(total), holes: view.holes.length }));
    setText(begin, moment(view.from, now));
    setText(end, word === "custom" ? moment(view.to, now) : t("chart.now"));
    const { from, to } = view;
    const clipped = view.holes.map((hole) => ({ ...hole, from: Math.max(from, hole.from), to: Math.min(to, hole.to) }));
    const longest = clipped.sort((a, b) => b.to - b.from - (a.to - a.from))[0];
    setText(gap, longest ? `${t(`gap.${longest.kind}`)} ${duration(longest.to - longest.from)}` : "");
    save.hidden = rows.length === 0;
    if (rows.length === 0) fill(body, h("p", { class: "muted small" }, t("outages.none")));
    else fill(body, h("table", { class: "data-table outages" }, head(), h("tbody", null, ...rows.flatMap((one, i) => line(one, rows.length - i, now)))));
  };
  /** Goes where the link points: the row, or first a period with it. */
  const follow = async () => {
    isLinked = false;
    const id = openId ?? "";
    const known = rows.find((one) => one.id === id);
    if (known) {
      await show(known);
      body.querySelector(".outage-open")?.scrollIntoView({ block: "nearest" });
      return;
    }
    try {
      /** @type {import("../types").EvidenceAnswer} */
      const { outage } = await get(`outages/${encodeURIComponent(id)}/evidence`);
      if (isDisposed || outage.target !== row.o.id) return;
      isLinked = true;
      lookAt(outage);
    } catch (error) {
      if (!isDisposed) toast(failureText(error));
    }
  };
  /** @param {OutageInfo} one */
  const lookAt = (one) => {
    const around = AROUND_MS + (endOf(one) - one.from);
    zoom(one.from - around, endOf(one) + around);
  };
  /** Opens the evidence of an outage below its row. @param {OutageInfo} one */
  const show = async (one) => {
    const { evidencePanel } = await import("./evidence.js");
    if (isDisposed) return;
    evidence?.panel.dispose();
    evidence = { id: one.id, panel: evidencePanel(one, { showInHistory: () => lookAt(one) }) };
    openId = one.id;
    link();
    shown = "";
    draw();
  };
  /** @param {OutageInfo} one */
  const toggle = (one) => {
    if (evidence?.id !== one.id) {
      show(one).catch((error) => toast(failureText(error)));
      return;
    }
    evidence.panel.dispose();
    evidence = null;
    openId = null;
    link();
    shown = "";
    draw();
  };
  /** The address says what is open, so that it can be sent to somebody. */
  const link = () => {
    const params = new URLSearchParams(location.search);
    if (openId === null) params.delete("outage");
    else params.set("outage", openId);
    const text = params.toString().replaceAll("%3A", ":");
    history.replaceState(history.state, "", location.pathname + (text === "" ? "" : `?${text}`));
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
    const isOpen = evidence?.id === one.id;
    const hadFocus = document.activeElement instanceof HTMLElement && document.activeElement.dataset["outage"] === one.id;
    const opener = h("button", { type: "button", class: "link", "data-outage": one.id, "aria-expanded": String(isOpen), "aria-label": t("outages.evidence", { n: number }), onclick: () => toggle(one) },
      isOpen ? "▾ " : "▸ ", String(number));
    // The table is drawn anew: who was here stays here.
    if (hadFocus) queueMicrotask(() => opener.focus());
    const element = h("tr", { class: isOpen ? "outage-open" : null }, ...texts.map((text, i) => {
      const name = COLUMNS[i] ?? "number";
      const isStrong = name === "from" || name === "to" || name === "duration";
      const inner = name === "loss" ? h("span", { class: "tint tint-critical" }, text)
        : name === "number" ? opener : text;
      return h("td", { class: `${NUMBERS.has(name) ? "num" : ""}${isStrong ? " strong" : ""}`, "data-label": t(`outages.${name}`) }, inner);
    }));
    element.addEventListener("click", (event) => { if (!(/** @type {Element} */ (event.target)).closest("button")) toggle(one); });
    if (!isOpen || evidence === null) return [element];
    return [element, h("tr", { class: "evidence-row" }, h("td", { colspan: COLUMNS.length }, evidence.panel.element))];
  };
  return {
    element, look, update: draw,
    dispose() {
      isDisposed = true;
      surface.dispose();
      evidence?.panel.dispose();
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
