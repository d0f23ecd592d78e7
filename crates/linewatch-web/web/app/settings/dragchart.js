/**
 * The last day of a target with one threshold as a line to drag: by pointer, by arrow keys (a slider to a screen reader), or typed
 * beside it. Input: buckets and milliseconds. Output: a canvas, and the milliseconds the line was left at.
 */

import { h, setAttribute } from "../dom.js";
import { short } from "../format.js";
import { t } from "../i18n.js";
import { tickTime } from "../time.js";

const HEIGHT = 300;
/** Room for "1,567 ms". */
const LEFT = 58;
const RIGHT = 86;
const BOTTOM = 22;
const TOP = 8;
/** Between two times below the chart. */
const TICK_PX = 64;
/** Numbers beside the chart, about. */
const Y_TICKS = 5;
const HOUR_MS = 3_600_000;
/** What a day divides into. */
const HOURS = [1, 2, 3, 4, 6, 8, 12];
const LEVELS = ["excellent", "good", "fair", "poor", "critical"];

/** @param {(ms: number) => void} onpick */
export function dragChart(onpick) {
  const canvas = h("canvas", { class: "drag-canvas", "aria-hidden": "true" });
  const handle = h("div", { class: "drag-handle", role: "slider", tabindex: "0", "aria-label": t("settings.preview.drag"), "aria-orientation": "vertical" });
  const element = h("div", { class: "drag-chart" }, canvas, handle);
  /** @type {import("../types").SeriesAnswer | null} */
  let series = null;
  /** @type {import("../types").PreviewAnswer | null} */
  let told = null;
  let line = 0;
  let was = 0;
  let top = 100;
  /** @type {readonly number[]} */
  let bands = [];

  const fit = () => {
    const peak = [...(series?.p95 ?? [])].filter((ms) => ms !== null).sort((a, b) => a - b);
    // One spike must not flatten the rest: the axis ends a little above nearly all of them, and the line is always inside.
    top = Math.max(1, (peak[Math.floor(peak.length * 0.99)] ?? 0) * 1.25, line * 1.2, was * 1.2);
  };
  const plot = () => ({ width: element.clientWidth - LEFT - RIGHT, height: HEIGHT - TOP - BOTTOM });
  const y = (/** @type {number} */ ms) => TOP + plot().height * (1 - Math.min(1, ms / top));
  const draw = () => {
    const width = element.clientWidth;
    const scale = devicePixelRatio || 1;
    canvas.width = Math.max(1, Math.round(width * scale));
    canvas.height = Math.round(HEIGHT * scale);
    const context = canvas.getContext("2d");
    if (!context || width === 0) return;
    context.scale(scale, scale);
    const colour = (/** @type {string} */ name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
    context.font = "12px system-ui, sans-serif";
    context.fillStyle = colour("--muted");
    context.textAlign = "right";
    const step = roundStep(top / Y_TICKS);
    for (let ms = 0; ms <= top; ms += step) context.fillText(`${short(ms)} ms`, LEFT - 6, Math.max(TOP + 10, y(ms) + 4));
    // Each band is the grade an average in it would have.
    LEVELS.forEach((level, index) => {
      const [low, high] = [index === 0 ? 0 : bands[index - 1] ?? top, index === LEVELS.length - 1 ? top : Math.min(top, bands[index] ?? top)];
      if (low >= top) return;
      context.globalAlpha = 0.1;
      context.fillStyle = colour(`--${level}`);
      context.fillRect(LEFT, y(high), plot().width, y(low) - y(high));
      context.globalAlpha = 1;
      context.fillRect(LEFT + plot().width + 2, y(high), 4, y(low) - y(high));
    });
    drawHistory(context, colour);
    context.textAlign = "left";
    rule(context, was, colour("--border"), [4, 4], was === line ? "" : t("settings.preview.was", { ms: short(was) }));
    rule(context, line, colour("--text"), [], `${short(line)} ⇕`);
    handle.style.top = `${y(line) - 12}px`;
    setAttribute(handle, "aria-valuenow", String(line));
    setAttribute(handle, "aria-valuemin", "0");
    setAttribute(handle, "aria-valuemax", String(Math.round(top)));
    setAttribute(handle, "aria-valuetext", `${short(line)} ms`);
  };
  /** @param {CanvasRenderingContext2D} context @param {(name: string) => string} colour */
  const drawHistory = (context, colour) => {
    if (!series) return;
    const { from, to, t: times, p50, min, max, bucket_seconds: seconds } = series;
    const { width, height } = plot();
    const x = (/** @type {number} */ at) => LEFT + (width * (at - from)) / Math.max(1, to - from);
    const step = Math.max(1, x(from + seconds * 1000) - LEFT);
    context.fillStyle = colour("--border");
    context.globalAlpha = 0.45;
    times.forEach((at, index) => {
      const [low, high] = [min[index], max[index]];
      if (low === null || low === undefined || high === null || high === undefined) return;
      context.fillRect(x(at), y(high), step, Math.max(1, y(low) - y(high)));
    });
    context.globalAlpha = 1;
    context.strokeStyle = colour("--accent");
    context.lineWidth = 1.6;
    context.beginPath();
    times.forEach((at, index) => {
      const ms = p50[index];
      const before = times[index - 1];
      if (ms === null || ms === undefined) return;
      // Never joined over a hole.
      const isJoined = before !== undefined && at - before <= seconds * 1000 && p50[index - 1] !== null;
      if (isJoined) context.lineTo(x(at) + step / 2, y(ms));
      else context.moveTo(x(at) + step / 2, y(ms));
    });
    context.stroke();
    for (const outage of told?.now.outages ?? []) {
      const stays = told?.then.outages.some((other) => other.from < (outage.to ?? Infinity) && outage.from < (other.to ?? Infinity)) ?? false;
      context.fillStyle = colour(stays ? "--critical" : "--border");
      context.fillRect(x(outage.from), TOP + height - 12, Math.max(3, x(outage.to ?? to) - x(outage.from)), 12);
    }
    context.fillStyle = colour("--muted");
    context.textAlign = "center";
    const most = Math.max(2, Math.min(6, Math.floor(width / TICK_PX)));
    if (to - from < most * HOUR_MS) {
      // A young history has hardly an hour that is whole.
      for (let part = 1; part < most; part += 1) {
        const at = from + ((to - from) * part) / most;
        context.fillText(tickTime(at, (to - from) / most), x(at), HEIGHT - 6);
      }
      return;
    }
    const every = HOURS.find((hours) => (to - from) / (hours * HOUR_MS) <= most) ?? 24;
    // Whole hours of the viewer's zone, whose clock may have been changed in between.
    for (let at = Math.ceil(from / HOUR_MS) * HOUR_MS; at < to; at += HOUR_MS) {
      if (new Date(at).getHours() % every === 0 && x(at) > LEFT + TICK_PX / 4 && x(at) < LEFT + width - TICK_PX / 4) context.fillText(tickTime(at, HOUR_MS), x(at), HEIGHT - 6);
    }
  };
  /** @param {CanvasRenderingContext2D} context @param {number} ms @param {string} colour @param {number[]} dash @param {string} label */
  const rule = (context, ms, colour, dash, label) => {
    context.strokeStyle = colour;
    context.fillStyle = colour;
    context.lineWidth = 1.5;
    context.setLineDash(dash);
    context.beginPath();
    context.moveTo(LEFT, y(ms));
    context.lineTo(element.clientWidth - RIGHT + 4, y(ms));
    context.stroke();
    context.setLineDash([]);
    context.fillText(label, element.clientWidth - RIGHT + 18, y(ms) + 4);
  };
  const pick = (/** @type {number} */ ms) => onpick(Math.max(1, ms >= 10 ? Math.round(ms) : Math.round(ms * 10) / 10));
  handle.addEventListener("pointerdown", (event) => {
    handle.setPointerCapture(event.pointerId);
    event.preventDefault();
    handle.focus();
  });
  handle.addEventListener("pointermove", (event) => {
    if (!handle.hasPointerCapture(event.pointerId)) return;
    const at = event.clientY - element.getBoundingClientRect().top;
    pick(top * (1 - Math.min(1, Math.max(0, (at - TOP) / plot().height))));
  });
  handle.addEventListener("keydown", (event) => {
    const steps = { ArrowUp: 1, ArrowDown: -1, ArrowRight: 1, ArrowLeft: -1, PageUp: 10, PageDown: -10 };
    const step = steps[/** @type {keyof typeof steps} */ (event.key)];
    if (step === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    pick(line + step * (event.shiftKey ? 10 : 1));
  });
  const observer = new ResizeObserver(() => draw());
  observer.observe(element);
  return {
    element,
    /** @param {import("../types").SeriesAnswer} answer @param {number} now @param {number} before @param {readonly number[]} limits */
    history(answer, now, before, limits) {
      series = answer;
      bands = limits;
      [line, was] = [now, before];
      fit();
      draw();
    },
    /** @param {number} now @param {number} before @param {readonly number[]} limits */
    show(now, before, limits) {
      bands = limits;
      [line, was] = [now, before];
      if (line * 1.05 > top) fit();
      draw();
    },
    /** @param {import("../types").PreviewAnswer} answer */
    outages(answer) {
      told = answer;
      draw();
    },
    dispose: () => observer.disconnect(),
  };
}

/** The next of 1, 2 and 5 with its zeros. @param {number} raw */
function roundStep(raw) {
  const power = 10 ** Math.floor(Math.log10(raw));
  return power * ([1, 2, 5].find((step) => step * power >= raw) ?? 10);
}
