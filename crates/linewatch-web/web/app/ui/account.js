/**
 * What stands below a target's live chart: "every probe accounted for", and the chart as a table.
 * Input: details and points. Output: a card and a table, loaded a moment after the chart. A sum that does not add up is shown as it is.
 */

import { fill, h, setText } from "../dom.js";
import { NONE, count, plain, rtt } from "../format.js";
import { t } from "../i18n.js";
import { store } from "../store.js";
import { clock } from "../time.js";

/** @typedef {import("../store.js").Row} Row */

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

/**
 * The points of the live chart as a table, newest first: what a `details` holds.
 * @param {() => readonly import("../charts/window.js").Point[]} read
 */
export function pointsTable(read) {
  const body = h("tbody", null);
  const head = h("tr", null, ...["time", "rtt", "process", "outcome"].map((name) => h("th", { scope: "col" }, t(`points.${name}`))));
  const element = h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": t("chart.table") },
    h("table", { class: "data-table" }, h("caption", { class: "visually-hidden" }, t("chart.span")), h("thead", null, head), body));
  return {
    element,
    update() {
      fill(body, ...[...read()].reverse().slice(0, POINTS_MAX).map((point) => h("tr", null,
        ...[["time", clock(point.at)], ["rtt", plain(rtt(point.rtt))], ["process", plain(rtt(point.host))], ["outcome", t(`outcome.word.${point.outcome}`)]]
          .map(([name, text]) => h("td", { "data-label": t(`points.${name}`) }, text ?? "")))));
    },
  };
}
