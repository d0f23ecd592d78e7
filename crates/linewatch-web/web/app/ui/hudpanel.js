/**
 * The panel of the HUD: name, clock, net-graph, and the figures that are wanted. Input: a row of the store and a view.
 * Output: an element of 430 px times its scale; it also lives in a window of its own, so nothing here asks the main window.
 */

import { BARS, bars, drawNetgraph } from "../charts/netgraph.js";
import { glyph, h, quantity, setAttribute, setGlyph, setText } from "../dom.js";
import { NONE, count, duration, loss, plain, rtt, short } from "../format.js";
import { HUD_NAMES, isPoor, isShown, limitOf } from "../hudrows.js";
import { t } from "../i18n.js";
import { badge } from "../level.js";
import { store } from "../store.js";
import { clock } from "../time.js";
import { lastPair } from "./hud.js";
import { newest } from "./rows.js";

/** @typedef {import("../store.js").Row} Row */
/** @typedef {import("../hudrows.js").HudName} HudName */
/** @typedef {{ q: import("../format.js").Quantity, value: number | null }} Figure `value` in the unit of the limit. */

/** The sentence is for ears: one each second would be noise. */
const LABEL_MS = 30_000;
const WIDTH_PX = 430;

/** @param {Row} row @returns {Record<HudName, Figure>} */
function figures(row) {
  const { o } = row;
  const last = newest(row);
  const host = lastPair(row)?.host ?? null;
  // Only probes decide, not the words that stand for them: a time-out is beyond any limit.
  const wire = last.isFailure ? Infinity : last.unit === "" ? null : lastRtt(row);
  const isKnown = o.loss_ppm !== null;
  return {
    rtt: { q: last, value: wire },
    proc: { q: rtt(host), value: host },
    jitter: { q: rtt(o.jitter_ms), value: o.jitter_ms },
    loss: { q: loss(o.loss_ppm), value: o.loss_ppm === null ? null : o.loss_ppm / 10_000 },
    rto: { q: { value: isKnown ? count(o.rto) : NONE, unit: "" }, value: isKnown ? o.rto : null },
    status: { q: { value: t(`state.${o.state}`).toUpperCase(), unit: "" }, value: null },
  };
}

/** @param {Row} row */
function lastRtt(row) {
  return bars(row).at(-1)?.rtt ?? row.o.last?.rtt_ms ?? null;
}

/** @param {HudName} name */
function figureRow(name) {
  const mark = glyph("fair");
  const value = quantity("hudp-value");
  const element = h("div", { class: `hudp-row hudp-${name}` }, h("dt", null, t(`hudp.${name}`)), h("dd", null, mark, value.element));
  return { element, mark, value };
}

/** @param {() => import("../hudrows.js").HudView} view */
export function hudPanel(view) {
  const name = h("span", { class: "hudp-name" });
  const time = h("span", { class: "hudp-clock" });
  const canvas = h("canvas", { class: "hudp-graph", role: "img" });
  const rows = HUD_NAMES.map((one) => /** @type {const} */ ([one, figureRow(one)]));
  const note = h("p", { class: "hudp-note" });
  const element = h("section", { class: "hudp", "aria-label": t("hudp.label") },
    h("div", { class: "hudp-head" }, name, time), canvas, h("dl", { class: "hudp-rows" }, ...rows.map(([, one]) => one.element)), note);
  let labelAt = 0;
  return {
    element,
    /** @param {Row} row @param {number} [ratio] Device pixels of the window it stands in. */
    update(row, ratio = devicePixelRatio) {
      const { rows: wanted, scale, bg } = view();
      const { o } = row;
      const now = store.now();
      setAttribute(element, "data-scale", String(Math.round(scale * 100)));
      setAttribute(element, "data-bg", bg);
      setAttribute(element, "data-stale", store.isLive && o.state !== "stale" ? null : "");
      // Through the object model: the policy forbids the attribute alone.
      element.style.width = `${WIDTH_PX * scale}px`;
      element.style.fontSize = `${13 * scale}px`;
      setText(name, o.name);
      setText(time, clock(now));
      const all = figures(row);
      for (const [one, shown] of rows) {
        const row = wanted.find((each) => each.name === one) ?? { name: one, when: /** @type {const} */ ("never"), limit: null };
        const poor = isPoor(row, all[one].value, o);
        shown.element.hidden = !isShown(row, poor);
        if (shown.element.hidden) continue;
        shown.value.update(all[one].q);
        const isFailing = one === "status" ? o.state !== "warn" && o.state !== "stale" : all[one].value === Infinity || (one === "loss" && o.state === "down");
        setAttribute(shown.element, "data-poor", poor ? (isFailing ? "critical" : "fair") : null);
        shown.mark.toggleAttribute("hidden", !poor);
        if (poor) setGlyph(shown.mark, one === "status" ? (o.state === "warn" ? "fair" : o.state === "bad" ? "critical" : badge(o)) : isFailing ? "critical" : "fair");
      }
      const seen = bars(row);
      const limitRow = wanted.find((each) => each.name === "rtt");
      const limit = limitRow ? limitOf(limitRow, o.thresholds) : null;
      drawNetgraph(canvas, seen, { limit, label: limit === null ? "" : `${short(limit)} ms`, grades: o.thresholds.grades_ms, isLive: store.isLive, zoom: ratio });
      setText(note, noteText(row));
      note.hidden = note.textContent === "";
      if (now - labelAt < LABEL_MS) return;
      labelAt = now;
      const lost = seen.filter((bar) => bar.isLost).length;
      setAttribute(canvas, "aria-label", t("hudp.graph", { name: o.name, n: Math.min(BARS, seen.length), lost, median: plain(rtt(o.p50_ms)), state: t(`state.${o.state}`) }));
    },
  };
}

/** Why the figures are not of this moment. @param {Row} row */
function noteText({ o, ring }) {
  if (!store.isLive) return t("hudp.lost_view", { time: clock(store.connection.since) });
  if (o.state === "error") return o.error?.text ?? "";
  if (o.state === "paused") return t("hud.why.paused");
  if (o.state === "waiting") return t("hud.why.waiting");
  if (o.state !== "stale") return "";
  const at = o.last_answer_at ?? (ring.length === 0 ? null : ring.newestAt / 1000);
  return at === null ? t("hud.why.stale") : t("row.last_ago", { time: duration(store.now() - at) });
}
