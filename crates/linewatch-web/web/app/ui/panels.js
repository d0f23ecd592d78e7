/**
 * The panels of a target: thresholds and probe, "every probe accounted for", the table behind the chart.
 * Input: settings, details, stored rows. Output: cards. A sum that does not add up is shown as it is.
 */

import { fill, h, setAttribute, setText } from "../dom.js";
import { NONE, availability, count, duration, plain, rtt, setting, short } from "../format.js";
import { t } from "../i18n.js";
import { store } from "../store.js";
import { clock } from "../time.js";

/** @typedef {import("../store.js").Row} Row */

/** @param {HTMLButtonElement} edit @param {HTMLButtonElement} remove */
export function thresholdsPanel(edit, remove) {
  const scale = h("div", { class: "grades", "aria-label": t("panel.grades"), role: "img" });
  const list = h("dl", { class: "facts" });
  const element = h("section", { class: "card panel" },
    h("div", { class: "card-title" }, h("h2", null, t("panel.thresholds")), h("span", { class: "end" }, edit)), scale, list,
    h("div", { class: "panel-actions" }, remove));
  /** @type {Map<string, HTMLElement>} */
  const values = new Map();
  for (const name of ["ok", "interval", "outage", "percentiles", "deviation", "strays", "availability", "lateness", "accuracy"]) {
    const value = h("dd", null);
    values.set(name, value);
    list.append(h("dt", null, t(`fact.${name}`)), value);
  }
  let grades = "";
  /** @param {string} name @param {string} text */
  const put = (name, text) => {
    const value = values.get(name);
    if (value) setText(value, text);
  };
  return {
    element,
    /** @param {Row} row */
    update(row) {
      const { o } = row;
      const { grades_ms: g, ok, outage } = o.thresholds;
      if (grades !== JSON.stringify(g)) {
        grades = JSON.stringify(g);
        fill(scale, ...(/** @type {const} */ (["excellent", "good", "fair", "poor"])).map((name) => h("span", { class: `level-${name}` }, `≤ ${short(g[name])}`)),
          h("span", { class: "level-critical" }, t("panel.over", { poor: short(g.poor), critical: short(g.critical) })));
        setAttribute(scale, "aria-label", t("panel.grades_text", { excellent: short(g.excellent), good: short(g.good), fair: short(g.fair), poor: short(g.poor), critical: short(g.critical) }));
      }
      const d = store.details.get(o.key);
      const w = d?.window;
      put("ok", `< ${short(ok.loss * 100)}% · < ${short(ok.jitter_ms)} ms · < ${short(ok.rtt_ms)} ms`);
      put("interval", `${setting(o.interval_ms)} · ${setting(o.timeout_ms)}`);
      put("outage", t("fact.outage_rule", { n: outage.lost_to_open, loss: short(outage.loss_ratio * 100), window: setting(outage.window_ms) }));
      put("percentiles", w && w.p50_ms !== null ? `${rtt(w.p50_ms).value} · ${rtt(w.p95_ms).value} · ${plain(rtt(w.p99_ms))}` : NONE);
      put("deviation", w && w.mdev_ms !== null ? `${rtt(w.mdev_ms).value} · ${plain(rtt(w.jitter_rfc3550_ms))}` : NONE);
      put("strays", d ? `${count(d.totals.late)} · ${count(d.totals.duplicate)} · ${count(d.totals.reordered)}` : NONE);
      put("availability", o.availability_run_ppm === null ? NONE : t("fact.up_of", { up: plain(availability(o.availability_run_ppm)), time: duration(store.measuredMs(row)) }));
      put("lateness", w && w.lateness_p50_ms !== null ? `${rtt(w.lateness_p50_ms).value} · ${plain(rtt(w.lateness_max_ms))}` : NONE);
      put("accuracy", d?.class ? t(`class.${d.class}`) : NONE);
    },
  };
}

export function accountPanel() {
  const bar = h("div", { class: "sum-bar", "aria-hidden": "true" });
  const list = h("dl", { class: "facts" });
  const element = h("section", { class: "card panel" },
    h("div", { class: "card-title" }, h("h2", null, t("account.title")), h("span", { class: "note" }, t("account.run"))), bar, list);
  /** @type {[string, (totals: import("../types").TargetDetail["totals"]) => number[]][]} */
  const lines = [
    ["scheduled", (x) => [x.scheduled]], ["replied", (x) => [x.replied, x.refused]], ["lost", (x) => [x.lost, x.unreachable]],
    ["unsent", (x) => [x.unsent]], ["unmeasured", (x) => [x.unmeasured]], ["in_flight", (x) => [x.in_flight]],
  ];
  const values = lines.map(([name]) => {
    const value = h("dd", null, NONE);
    list.append(h("dt", null, t(`account.${name}`)), value);
    return value;
  });
  const segments = ["excellent", "critical", "stale", "waiting"].map((level) => {
    const segment = h("span", { class: `fill-${level}` });
    segment.hidden = true;
    bar.append(segment);
    return segment;
  });
  return {
    element,
    /** @param {Row} row */
    update({ o }) {
      const totals = store.details.get(o.key)?.totals;
      if (!totals) return;
      lines.forEach(([, numbers], index) => {
        const value = values[index];
        if (value) setText(value, numbers(totals).map(count).join(" + "));
      });
      const parts = [totals.replied + totals.refused, totals.lost + totals.unreachable, totals.unsent + totals.unmeasured, totals.in_flight];
      parts.forEach((n, index) => {
        const segment = segments[index];
        if (!segment) return;
        segment.hidden = n === 0;
        segment.style.flexGrow = String(n / Math.max(1, totals.scheduled));
      });
    },
  };
}

/** A minute at 20 a second is longer than anyone reads. */
const POINTS_MAX = 600;

/** The points of the live chart as a table, newest first; drawn only while it is open. */
export function pointsTable() {
  const body = h("tbody", null);
  const head = h("tr", null, ...["time", "rtt", "process", "outcome"].map((name) => h("th", { scope: "col" }, t(`points.${name}`))));
  const element = h("details", { class: "points" }, h("summary", null, t("chart.table")),
    h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": t("chart.table") },
      h("table", { class: "data-table" }, h("caption", { class: "visually-hidden" }, t("chart.span")), h("thead", null, head), body)));
  /** @type {() => readonly import("../charts/window.js").Point[]} */
  let read = () => [];
  const draw = () => fill(body, ...[...read()].reverse().slice(0, POINTS_MAX).map((point) => h("tr", null,
    ...[["time", clock(point.at)], ["rtt", plain(rtt(point.rtt))], ["process", plain(rtt(point.host))], ["outcome", t(`outcome.word.${point.outcome}`)]]
      .map(([name, text]) => h("td", { "data-label": t(`points.${name}`) }, text ?? "")))));
  element.addEventListener("toggle", () => { if (element.open) draw(); });
  return {
    element,
    /** @param {() => readonly import("../charts/window.js").Point[]} source */
    from(source) { read = source; },
  };
}
