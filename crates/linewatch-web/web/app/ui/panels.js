/**
 * The panel of a target's thresholds and probe. Input: settings and details. Output: a card.
 */

import { fill, h, setAttribute, setText } from "../dom.js";
import { NONE, availability, count, duration, plain, rtt, setting, short } from "../format.js";
import { t } from "../i18n.js";
import { store } from "../store.js";

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
      // Where there is no room a line breaks at the dots, never between a sign, its number and its unit.
      put("ok", [`${short(ok.loss * 100)}%`, `${short(ok.jitter_ms)}\u00a0ms`, `${short(ok.rtt_ms)}\u00a0ms`].map((limit) => `<\u00a0${limit}`).join(" · "));
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
