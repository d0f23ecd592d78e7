/**
 * The small parts of the history card: its switches, its legends, the table behind the chart.
 * Input: what is chosen and what to do. Output: elements.
 */

import { LOSS_STEPS, lossPpm } from "../charts/buckets.js";
import { fill, h, setAttribute, setText } from "../dom.js";
import { loss, plain, rtt, short } from "../format.js";
import { t } from "../i18n.js";
import { store } from "../store.js";
import { moment } from "../time.js";
import { Y_USUAL } from "../yaxis.js";
import { toast } from "./dialog.js";

const KINDS = /** @type {const} */ (["smoke", "pct", "heat"]);

/**
 * @param {{ kind: () => string, y: () => import("../yaxis.js").YAxis, choose: (kind: string) => void, scale: (y: import("../yaxis.js").YAxis) => void }} options
 */
export function chartControls({ kind, y, choose, scale }) {
  const kinds = KINDS.map((name) => h("button", { type: "button", class: "segment", onclick: () => choose(name) }, t(`history.kind.${name}`)));
  const openFixed = async () => {
    try {
      const { openFixedAxis } = await import("./fixedaxis.js");
      await openFixedAxis(y(), scale);
    } catch {
      toast(t("error.unreachable"));
    }
  };
  const scales = {
    lin: h("button", { type: "button", class: "segment", onclick: () => scale(Y_USUAL) }, t("history.lin")),
    log: h("button", { type: "button", class: "segment", onclick: () => scale({ ...Y_USUAL, kind: "log" }) }, t("history.log")),
    fix: h("button", { type: "button", class: "segment", "aria-haspopup": "dialog", onclick: () => void openFixed() }),
  };
  const scaleGroup = h("div", { class: "segments", role: "group", "aria-label": t("history.scale") }, scales.lin, scales.log, scales.fix);
  const element = h("div", { class: "history-switches" }, h("div", { class: "segments", role: "group", "aria-label": t("history.kinds") }, ...kinds), scaleGroup);
  return {
    element,
    update() {
      KINDS.forEach((name, i) => { const one = kinds[i]; if (one) setAttribute(one, "aria-pressed", String(name === kind())); });
      // Heat is on a logarithmic axis always: its bins are.
      scaleGroup.hidden = kind() === "heat";
      const now = y();
      for (const [name, one] of Object.entries(scales)) setAttribute(one, "aria-pressed", String(name === now.kind));
      setText(scales.fix, now.kind === "fix" ? `${short(now.low)}–${short(now.high)} ms` : t("history.fix"));
    },
    toggleScale: () => scale(y().kind === "log" ? Y_USUAL : { ...Y_USUAL, kind: "log" }),
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

/**
 * The chart as a table: its rows are made once it is opened.
 * @param {() => readonly import("../charts/buckets.js").Bucket[]} read
 * @param {() => readonly { name: string, text: (bucket: import("../charts/buckets.js").Bucket) => string }[]} others Columns of targets drawn beside.
 */
export function bucketsTable(read, others) {
  const place = h("div", null);
  const element = h("details", { class: "points" }, h("summary", null, t("chart.table")), place);
  const update = async () => {
    if (!element.open) return;
    try {
      const { fillBuckets } = await import("./bucketrows.js");
      fillBuckets(place, read(), others());
    } catch {
      fill(place, t("error.unreachable"));
    }
  };
  element.addEventListener("toggle", () => void update());
  return { element, update: () => void update() };
}

/** The chart in one sentence. @param {string} name @param {{ from: number, to: number, list: readonly import("../charts/buckets.js").Bucket[], holes: readonly unknown[] }} view */
export function summary(name, view) {
  const answered = view.list.filter((bucket) => bucket.q !== null);
  if (answered.length === 0) return t("history.summary_empty", { name });
  const medians = answered.map((bucket) => bucket.p50 ?? 0).sort((a, b) => a - b);
  const sent = view.list.reduce((sum, bucket) => sum + bucket.sent, 0);
  const lost = view.list.reduce((sum, bucket) => sum + bucket.lost, 0);
  const now = store.now();
  return t("history.summary", {
    name, from: moment(view.from, now), to: moment(view.to, now),
    low: plain(rtt(medians[0])), high: plain(rtt(medians[medians.length - 1])), max: plain(rtt(Math.max(...answered.map((bucket) => bucket.q?.[8] ?? 0)))),
    loss: plain(loss(lossPpm({ sent, lost }))), holes: view.holes.length,
  });
}
