/**
 * Sums the fleet up: the bar of badges that filters, and the figures of the targets in view.
 * Input: the rows in view. Output: counts and figures. Never an average that hides one bad target:
 * the fleet's median is the median of the targets' medians, and says so.
 */

import { badgeWord, fill, glyph, h, quantity, setAttribute, setText } from "../dom.js";
import { availability, count, duration, loss, plain, rtt } from "../format.js";
import { t, tn } from "../i18n.js";
import { BADGES, badge } from "../level.js";
import { past } from "../past.js";
import { store } from "../store.js";
import { clock } from "../time.js";
import { rangeText } from "../words.js";

/** @typedef {import("../level.js").Badge} Badge */
/** @typedef {import("../store.js").Row} Row */

const WINDOW_US = 60_000_000;

/** @param {number[]} values @param {number} p */
function quantile(values, p) {
  if (values.length === 0) return null;
  const sorted = [...values].sort((a, b) => a - b);
  return /** @type {number} */ (sorted[Math.max(0, Math.ceil(p * sorted.length) - 1)]);
}

/** @param {(number | null)[]} values @returns {number[]} */
function present(values) {
  return values.filter((value) => value !== null);
}

/**
 * @param {{ chosen: () => readonly string[], toggle: (badge: Badge) => void }} filter
 */
export function fleetCard(filter) {
  const title = h("h2", { class: "label" });
  const bar = h("div", { class: "fleet-bar", "aria-hidden": "true" });
  const legend = h("div", { class: "fleet-legend" });
  /** @type {Map<Badge, { button: HTMLButtonElement, number: HTMLElement, segment: HTMLElement }>} */
  const parts = new Map();
  for (const level of BADGES) {
    const number = h("b", null);
    const button = h("button", { type: "button", class: "legend-item", onclick: () => filter.toggle(level) },
      glyph(level), number, h("span", null, badgeWord(level)));
    const segment = h("span", { class: `segment-bar fill-${level}` });
    parts.set(level, { button, number, segment });
    legend.append(button);
    bar.append(segment);
  }
  const kpis = ["rtt", "loss", "jitter", "outages", "availability"].map((name) => kpi(name));
  const element = h("section", { class: "card fleet" }, h("div", { class: "fleet-status" }, title, bar, legend), ...kpis.map((one) => one.element));
  return {
    element,
    /** @param {readonly Row[]} inView @param {readonly Row[]} all */
    update(inView, all) {
      setText(title, store.isLive ? t("fleet.now") : t("fleet.at", { time: clock(store.connection.since) }));
      const chosen = filter.chosen();
      /** @type {Map<Badge, number>} */
      const counts = new Map();
      for (const { o } of all) counts.set(badge(o), (counts.get(badge(o)) ?? 0) + 1);
      for (const [level, part] of parts) {
        const n = counts.get(level) ?? 0;
        const isChosen = chosen.includes(level);
        part.button.hidden = n === 0 && !isChosen;
        part.segment.hidden = n === 0;
        part.segment.style.flexGrow = String(n);
        setText(part.number, String(n));
        setAttribute(part.button, "aria-pressed", String(isChosen));
        setAttribute(part.segment, "class", `segment-bar fill-${level}${chosen.length > 0 && !isChosen ? " off" : ""}`);
      }
      figures(inView, kpis);
    },
  };
}

/** @param {string} name */
function kpi(name) {
  const value = quantity("q kpi-value live-number");
  const note = h("div", { class: "kpi-note" });
  const element = h("div", { class: `kpi kpi-${name}`, title: t(`kpi.title.${name}`) }, h("div", { class: "label" }, t(`kpi.${name}`)), value.element, note);
  return { element, value, note };
}

/** @param {readonly Row[]} rows @param {ReturnType<typeof kpi>[]} kpis */
function figures(rows, kpis) {
  const [median, lost, jitter, outages, up] = kpis;
  if (!median || !lost || !jitter || !outages || !up) return;
  const isLive = past.range.word === "live";
  const shown = rows.map((row) => past.figures(row));
  const medians = present(shown.map((one) => one.p50_ms));
  median.value.update(rtt(quantile(medians, 0.5)));
  setText(median.note, medians.length === 0 ? t("kpi.none") : t("kpi.p95", { value: plain(rtt(quantile(medians, 0.95))) }));
  const losses = (isLive ? rows.map(liveLosses) : shown).filter((one) => one.finished > 0);
  const finished = losses.reduce((sum, one) => sum + one.finished, 0);
  const failed = losses.reduce((sum, one) => sum + one.failed, 0);
  if (store.isLive || !isLive) {
    lost.value.update(loss(finished === 0 ? null : Math.round((failed * 1_000_000) / finished)));
    setText(lost.note, t("kpi.measured", { range: isLive ? "60 s" : rangeWord(), n: losses.length }));
  }
  jitter.value.update(rtt(quantile(present(shown.map((one) => one.jitter_ms)), 0.5)));
  setText(jitter.note, t("kpi.median"));
  longFigures(rows, shown, outages, up);
}

/** What one minute is too short for: live, they are of the last 24 hours. @param {readonly Row[]} rows @param {import("../past.js").Figures[]} shown @param {ReturnType<typeof kpi>} outages @param {ReturnType<typeof kpi>} up */
function longFigures(rows, shown, outages, up) {
  const isLive = past.range.word === "live";
  const long = isLive ? rows.flatMap((row) => past.day(row.o.key) ?? []) : shown;
  const isKnown = long.length > 0 && (isLive || past.span !== null);
  const open = rows.filter((row) => row.o.outage !== null).length;
  // What began a moment ago is not in the answer yet: there are never fewer than those that go on.
  outages.value.update({ value: count(isKnown ? Math.max(open, long.reduce((sum, one) => sum + one.outages, 0)) : null), unit: "" });
  setText(outages.note, tn("kpi.open", open, { range: rangeWord() }));
  // Weighted by measured time: outage time over measured time, of all targets in view.
  const measured = long.filter((one) => one.availability_ppm !== null);
  const measuredMs = measured.reduce((sum, one) => sum + one.measured_ms, 0);
  const upMs = measured.reduce((sum, one) => sum + (one.measured_ms * (one.availability_ppm ?? 0)) / 1_000_000, 0);
  up.value.update(availability(measuredMs === 0 ? null : (upMs * 1_000_000) / measuredMs));
  const span = past.span;
  const wholeMs = span === null ? 0 : (span.to - span.from) * measured.length;
  setText(up.note, wholeMs === 0 ? rangeWord() : t("kpi.covered", { range: rangeWord(), share: plain(availability(Math.min(1_000_000, (measuredMs * 1_000_000) / wholeMs))) }));
}

/** "24 h": what the long figures are of. */
function rangeWord() {
  return rangeText(past.range.word === "live" ? "24h" : past.range.word);
}

/** @param {Row} row */
function liveLosses(row) {
  const since = store.now() * 1000 - WINDOW_US;
  const losses = row.ring.losses(since);
  for (const [at, n, missing] of row.bins) {
    if (at < since) continue;
    losses.finished += n;
    losses.failed += missing;
  }
  return losses;
}

/** The lines below the first-run table: since when, by what, kept or not. */
export function footLine() {
  const element = h("p", { class: "foot-line" });
  return {
    element,
    update() {
      const overview = store.overview;
      if (!overview) return;
      const text = [t("foot.started", { time: duration(store.now() - overview.started_at) }), t("foot.icmp", { method: overview.icmp })];
      const trouble = overview.notices.some((notice) => notice.code === "storage_trouble");
      text.push(trouble ? t("foot.not_saved") : t("foot.saved"));
      const line = text.join(" · ");
      if (element.textContent !== line) fill(element, line);
    },
  };
}
