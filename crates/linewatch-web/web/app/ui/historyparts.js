/**
 * The small parts of the history card: its switches, its legends, the table behind the chart.
 * Input: what is chosen and what to do. Output: elements.
 */

import { LOSS_STEPS, lossPpm } from "../charts/buckets.js";
import { fill, h, setAttribute } from "../dom.js";
import { count, loss, plain, rtt } from "../format.js";
import { t } from "../i18n.js";
import { store } from "../store.js";
import { moment } from "../time.js";

/** A month in 2 h is 360 rows; more are read from the export. */
const ROWS_MAX = 500;
const KINDS = /** @type {const} */ (["smoke", "pct", "heat"]);

/**
 * @param {{ kind: () => string, isLog: () => boolean, choose: (kind: string) => void, scale: (isLog: boolean) => void }} options
 */
export function chartControls({ kind, isLog, choose, scale }) {
  const kinds = KINDS.map((name) => h("button", { type: "button", class: "segment", onclick: () => choose(name) }, t(`history.kind.${name}`)));
  const scales = [false, true].map((log) => h("button", { type: "button", class: "segment", onclick: () => scale(log) }, t(log ? "history.log" : "history.lin")));
  const scaleGroup = h("div", { class: "segments", role: "group", "aria-label": t("history.scale") }, ...scales);
  const element = h("div", { class: "history-switches" }, h("div", { class: "segments", role: "group", "aria-label": t("history.kinds") }, ...kinds), scaleGroup);
  return {
    element,
    update() {
      KINDS.forEach((name, i) => { const one = kinds[i]; if (one) setAttribute(one, "aria-pressed", String(name === kind())); });
      // Heat is on a logarithmic axis always: its bins are.
      scaleGroup.hidden = kind() === "heat";
      scales.forEach((one, i) => setAttribute(one, "aria-pressed", String((i === 1) === isLog())));
    },
    toggleScale: () => scale(!isLog()),
    next: () => choose(KINDS[(KINDS.findIndex((name) => name === kind()) + 1) % KINDS.length] ?? "smoke"),
  };
}

/** What the colours of the median say. */
export function smokeLegend() {
  const words = ["0%", "≤ 1%", "≤ 5%", "≤ 25%", t("history.over", { loss: "25%" })];
  return h("div", { class: "history-legend" }, h("span", null, t("history.legend")),
    ...LOSS_STEPS.map(([, level], i) => h("span", null, h("i", { class: `fill-${level}` }), words[i] ?? "")),
    h("span", null, h("i", { class: "hatched" }), t("history.unmeasured")), h("span", { class: "wide-hint" }, t("history.hint")));
}

/** Which lines of the percentiles are drawn. @param {Set<string>} shown @param {() => void} changed */
export function percentileToggles(shown, changed) {
  const buttons = ["p50", "p95", "p99"].map((name) => {
    const button = h("button", { type: "button", class: "legend-item", "aria-pressed": "true", onclick: () => {
      if (!shown.delete(name)) shown.add(name);
      setAttribute(button, "aria-pressed", String(shown.has(name)));
      changed();
    } }, h("i", { class: `line-${name}` }), name);
    return button;
  });
  return { element: h("div", { class: "history-legend", role: "group", "aria-label": t("history.lines") }, ...buttons) };
}

const COLUMNS = /** @type {const} */ (["time", "sent", "lost", "loss", "min", "p50", "p95", "p99", "max"]);

/** The chart as a table, newest first; drawn only while it is open. @param {() => readonly import("../charts/buckets.js").Bucket[]} read */
export function bucketsTable(read) {
  const body = h("tbody", null);
  const head = h("tr", null, ...COLUMNS.map((name) => h("th", { scope: "col", class: name === "time" ? "" : "num" }, t(`bucket.${name}`))));
  const element = h("details", { class: "points" }, h("summary", null, t("chart.table")),
    h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": t("history.title") },
      h("table", { class: "data-table" }, h("caption", { class: "visually-hidden" }, t("history.title")), h("thead", null, head), body)));
  const draw = () => {
    if (!element.open) return;
    const now = store.now();
    fill(body, ...[...read()].reverse().slice(0, ROWS_MAX).map((bucket) => {
      const texts = [
        moment(bucket.at, now), count(bucket.sent), count(bucket.lost), plain(loss(lossPpm(bucket))), plain(rtt(bucket.q?.[0])),
        plain(rtt(bucket.p50)), plain(rtt(bucket.p95)), plain(rtt(bucket.p99)), plain(rtt(bucket.q?.[8])),
      ];
      return h("tr", null, ...texts.map((text, i) => h("td", { class: i === 0 ? "" : "num", "data-label": t(`bucket.${COLUMNS[i] ?? "time"}`) }, text)));
    }));
  };
  element.addEventListener("toggle", draw);
  return { element, update: draw };
}
