/**
 * The strip of seven cells on top of a target: RTT, process, loss, jitter, RTO, status, clock.
 * Input: a store row and its detail. Output: texts that change only when they differ. Names and words are S4's.
 */

import { fill, glyph, h, quantity, setAttribute, setText } from "../dom.js";
import { NONE, count, duration, loss, plain, rtt, setting, short } from "../format.js";
import { t } from "../i18n.js";
import { badge } from "../level.js";
import { NO_VALUE, UNKNOWN } from "../ring.js";
import { store } from "../store.js";
import { clock, date, zone } from "../time.js";
import { newest } from "./rows.js";

/** @param {string} name @param {HTMLElement | null} key */
function cell(name, key = null) {
  const label = h("span", null);
  const value = quantity(`hud-value live-number ${name}`);
  const note = h("div", { class: "hud-note" });
  const element = h("div", { class: `hud-cell hud-${name}` }, h("div", { class: "hud-label" }, key, label), value.element, note);
  setText(label, t(`hud.${name}`));
  return { element, label, value, note };
}

/** @param {import("../store.js").Row} row */
export function hudStrip(row) {
  const wire = cell("rtt", h("span", { class: "key" }));
  const process = cell("process", h("span", { class: "key process" }));
  const lost = cell("loss");
  const jitter = cell("jitter");
  const rto = cell("rto");
  const status = cell("status");
  const time = cell("clock");
  const element = h("section", { class: "card hud", "aria-label": t("hud.label") }, ...[wire, process, lost, jitter, rto, status, time].map((one) => one.element));
  return {
    element,
    update() {
      const { o } = row;
      const detail = store.details.get(o.key);
      const window = detail?.window;
      setText(wire.label, t("hud.rtt", { probe: t(`method.${o.probe}`) }));
      const last = newest(row);
      wire.value.update(last);
      setAttribute(wire.value.element, "class", `hud-value live-number rtt${last.unit === "" && last.value !== NONE ? " long" : ""}`);
      setText(wire.note, window && window.min_ms !== null ? t("hud.min_max", { min: rtt(window.min_ms).value, max: rtt(window.max_ms).value }) : "");
      const pair = lastPair(row);
      process.value.update(rtt(pair?.host ?? null));
      setText(process.note, pair ? t("hud.added", { value: rtt(pair.host - pair.wire).value }) : "");
      lost.value.update(loss(o.loss_ppm));
      setText(lost.note, window && window.finished > 0
        ? t("hud.failed", { failed: count(window.failed), finished: count(window.finished), span: setting(1000 * Math.round(window.span_ms / 1000)) }) : "");
      jitter.value.update(rtt(o.jitter_ms));
      setText(jitter.note, window && window.pdv_p99_ms !== null ? t("hud.pdv", { value: plain(rtt(window.pdv_p99_ms)) }) : "");
      rto.value.update({ value: o.loss_ppm === null ? NONE : count(o.rto), unit: "" });
      setText(rto.note, detail ? t("hud.rto_run", { lost: count(detail.totals.lost), slow: count(detail.totals.slow) }) : "");
      const word = t(`state.${o.state}`).toUpperCase();
      status.value.update({ value: word, unit: "" });
      setText(status.note, reasons(row));
      const now = store.now();
      time.value.update({ value: clock(now), unit: "" });
      setText(time.note, `${date(now)} · ${zone(now)}`);
    },
  };
}

/** The newest answer with both round trips, in ms. @param {import("../store.js").Row} row */
export function lastPair({ o, ring }) {
  if (badge(o) === "error" || o.state === "paused" || o.state === "waiting") return null;
  for (let i = ring.length - 1; i >= 0; i -= 1) {
    const wire = ring.rtt[i];
    const host = ring.host[i];
    if (ring.outcome[i] === UNKNOWN || wire === NO_VALUE || host === NO_VALUE || wire === undefined || host === undefined) continue;
    return { wire: wire / 1000, host: host / 1000 };
  }
  return null;
}

/** Which rules do not hold, with their numbers. @param {import("../store.js").Row} row */
function reasons({ o }) {
  if (o.state === "error") return o.error?.text ?? "";
  if (o.state === "down" && o.outage) return t("hud.down", { time: duration(store.now() - o.outage.since), lost: o.outage.lost });
  if (o.state !== "warn" && o.state !== "bad") return t(`hud.why.${o.state}`);
  const limit = o.state === "warn" ? o.thresholds.ok : o.thresholds.warn;
  /** @type {Readonly<Record<string, number>>} */
  const numbers = { loss: limit.loss * 100, jitter: limit.jitter_ms, rtt: limit.rtt_ms };
  return o.reasons.map((name) => t(`hud.reason.${name}`, { limit: short(numbers[name] ?? 0) })).join(" · ");
}

const INSIGHT_SAMPLES_MIN = 20;

/** What the numbers say, in plain words, with the numbers used. */
export function insightLine() {
  const element = h("p", { class: "insight" });
  element.hidden = true;
  let shown = "";
  return {
    element,
    /** @param {import("../store.js").Row} row */
    update({ o }) {
      const detail = store.details.get(o.key);
      const window = detail?.window;
      const kind = detail?.interpretations[0];
      element.hidden = !window || !kind || window.finished < INSIGHT_SAMPLES_MIN;
      if (!window || !kind || element.hidden) return;
      const text = t(`insight.${kind}.why`, {
        rtt: plain(rtt(window.p50_ms)), process: plain(rtt(window.process_p50_ms)), limit: short(o.thresholds.ok.rtt_ms),
        loss: plain(loss(o.loss_ppm)), jitter: plain(rtt(o.jitter_ms)),
      });
      const level = badge(o);
      if (level + text === shown) return;
      shown = level + text;
      fill(element, glyph(level), h("span", null, h("b", null, t(`insight.${kind}`)), ` ${text}`));
    },
  };
}
