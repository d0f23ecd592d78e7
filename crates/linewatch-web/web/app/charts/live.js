/**
 * The chart of the last 60 s: both lines, losses, holes, thresholds, level rail, a cursor for pointer and keys.
 * Input: a store row. Output: pixels, and the readout of the point under the cursor. x moves in whole steps of the data.
 * Losses, holes and lone points are drawn in our own hook; uPlot only draws the lines and the axes.
 */

import { h, setAttribute } from "../dom.js";
import { plain, rtt } from "../format.js";
import { t } from "../i18n.js";
import { store } from "../store.js";
import { clock } from "../time.js";
import { Y_USUAL, beyond, logLimits } from "../yaxis.js";
import { loadChartLibrary, rttAxis, secondsAxis } from "./axes.js";
import { clear, faint, hatch, levelColour, onTheme, tokens } from "./canvas.js";
import { SPAN_MS, isJoined, minute } from "./window.js";

/** @typedef {import("./uplot").UPlot} UPlot */
/** @typedef {import("./window.js").Minute} Minute */
/** @typedef {import("./window.js").Point} Point */
/**
 * What a page adds to its chart: the axis somebody chose, and other targets drawn beside this one.
 * @typedef {object} Added
 * @property {import("../yaxis.js").YAxis} y
 * @property {Beside | null} beside
 * @property {(found: import("../yaxis.js").Beyond, range: import("../yaxis.js").Limits) => void} onbeyond Told what the axis does not reach.
 */
/**
 * @typedef {object} Beside
 * @property {(view: Minute) => readonly number[]} values Round trips in sight, ms.
 * @property {(paper: import("./smoke.js").Paper) => void} draw
 * @property {(at: number) => string} read What they say at an instant, "" for nothing.
 * @property {() => string} names For whom the chart is read out; "" without any.
 */

/** The axis grows at once and shrinks only after this. */
const SHRINK_MS = 10_000;
/** A spike this much above the rest is cut off and marked, so that the rest stays readable. */
const SPIKE_RATIO = 6;
const RAIL_CSS = 3;
const COARSE_STEP = 10;

/** @param {import("../store.js").Row} row @param {(text: string) => void} onread @param {Added} [added] */
export function liveChart(row, onread, added = { y: Y_USUAL, beside: null, onbeyond: () => {} }) {
  const element = h("div", { class: "chart", role: "img", tabindex: "0", "aria-label": t("chart.loading") });
  /** @type {UPlot | null} */
  let plot = null;
  let view = minute(row, store.now(), store.isLive);
  let range = { low: 0, high: 0 };
  let wideSince = 0;
  let isVisible = true;
  /** @type {number | null} index into view.points of the key cursor */
  let at = null;
  let isDisposed = false;
  /** @type {() => void} */
  let tellDrawn = () => {};
  /** @type {Promise<void>} */
  const drawn = new Promise((resolve) => { tellDrawn = resolve; });

  const create = async () => {
    try {
      const UPlotType = await loadChartLibrary();
      if (isDisposed) return;
      plot?.destroy();
      // A logarithmic axis that begins at 0 would never end: limits come before the frame.
      fit();
      plot = new UPlotType(options(), columns(), element);
      update();
    } catch {
      element.append(h("p", { class: "empty" }, t("error.chart")));
    } finally {
      tellDrawn();
    }
  };
  const options = () => {
    const colours = tokens();
    const line = store.isLive ? colours.accent : colours.border;
    return {
      width: Math.max(200, element.clientWidth), height: Math.max(120, element.clientHeight), padding: [8, 12, 0, 0], legend: { show: false },
      cursor: { drag: { x: false, y: false }, y: false, points: { show: false }, move: (/** @type {UPlot} */ _p, /** @type {number} */ left, /** @type {number} */ top) => [left, top] },
      scales: { x: { time: false, range: () => [-60, 0] }, y: { distr: added.y.kind === "log" ? 3 : 1, range: () => [range.low, range.high] } },
      axes: [secondsAxis(t("chart.now")), rttAxis()],
      series: [{},
        { stroke: colours.process, width: 1.4, dash: [4, 3], points: { show: false }, spanGaps: false },
        { stroke: line, width: 1.8, fill: gradient, points: { show: false }, spanGaps: false }],
      hooks: { drawClear: [under], draw: [over], setCursor: [(/** @type {UPlot} */ p) => { if (p.cursor.idx !== null) read(nearest(p.cursor.idx)); }] },
    };
  };
  /** The fade under the line, made anew where its place or colour changed. */
  let fade = { key: "", fill: /** @type {CanvasGradient | null} */ (null) };
  /** @param {UPlot} p */
  const gradient = (p) => {
    const colour = store.isLive ? tokens().accent : tokens().border;
    const key = `${p.bbox.top} ${p.bbox.height} ${colour}`;
    if (fade.key === key && fade.fill) return fade.fill;
    const fill = p.ctx.createLinearGradient(0, p.bbox.top, 0, p.bbox.top + p.bbox.height);
    fill.addColorStop(0, faint(colour, 0.38));
    fill.addColorStop(1, clear(colour));
    fade = { key, fill };
    return fill;
  };

  /** Columns for uPlot, with an empty row wherever the line must not be joined. */
  const columns = () => {
    /** @type {number[]} */ const x = [];
    /** @type {(number | null)[]} */ const process = [];
    /** @type {(number | null)[]} */ const wire = [];
    indexes.length = 0;
    /** @type {Point | null} */
    let before = null;
    for (const [index, point] of view.points.entries()) {
      if ((point.flags & 16) !== 0 && point.rtt === null) continue;
      if (before !== null && point.rtt !== null && before.rtt !== null && !isJoined(before, point, row.o.interval_ms)) {
        x.push((before.at + 1 - view.to) / 1000);
        process.push(null);
        wire.push(null);
        indexes.push(index);
      }
      x.push((point.at - view.to) / 1000);
      process.push(point.host);
      wire.push(point.rtt);
      indexes.push(index);
      before = point;
    }
    return [x, process, wire];
  };
  /** From a row of uPlot's data to a point. @type {number[]} */
  const indexes = [];
  /** @param {number} index */
  const nearest = (index) => indexes[index] ?? null;

  /** Losses' columns, holes and thresholds lie under the lines. @param {UPlot} p */
  const under = (p) => {
    const { ctx, bbox } = p;
    const colours = tokens();
    const scale = devicePixelRatio || 1;
    const px = (/** @type {number} */ time) => p.valToPos((time - view.to) / 1000, "x", true);
    ctx.save();
    ctx.beginPath();
    ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
    ctx.clip();
    for (const hole of view.holes) hatch(ctx, px(hole.from), bbox.top, px(hole.to) - px(hole.from), bbox.height, scale, colours.border);
    ctx.fillStyle = colours.critical;
    ctx.globalAlpha = 0.22;
    const width = lossWidth(p, 10 * scale);
    for (const lost of view.losses) ctx.fillRect(Math.round(px(lost) - width / 2), bbox.top, width, bbox.height);
    ctx.globalAlpha = 0.9;
    ctx.lineWidth = scale;
    ctx.setLineDash([2 * scale, 4 * scale]);
    for (const [limit, level] of limits()) {
      if (limit <= range.low || limit >= range.high) continue;
      const y = Math.round(p.valToPos(limit, "y", true)) + 0.5;
      ctx.strokeStyle = levelColour(level);
      ctx.beginPath();
      ctx.moveTo(bbox.left, y);
      ctx.lineTo(bbox.left + bbox.width, y);
      ctx.stroke();
    }
    ctx.restore();
  };
  /** Neighbouring losses must not overlap: a darker seam would look like more. @param {UPlot} p @param {number} wanted */
  const lossWidth = (p, wanted) => Math.max(2, Math.floor(Math.min(wanted, (p.bbox.width * row.o.interval_ms) / SPAN_MS - 1)));
  /** Where one grade ends and the next begins. @returns {[number, import("../types").GradeWord][]} */
  const limits = () => {
    const grades = row.o.thresholds.grades_ms;
    return [[grades.excellent, "good"], [grades.good, "fair"], [grades.fair, "poor"], [grades.poor, "critical"]];
  };

  /** Marks, lone points, clipped points, rail and the end dot lie over the lines. @param {UPlot} p */
  const over = (p) => {
    const { ctx, bbox } = p;
    const colours = tokens();
    const scale = devicePixelRatio || 1;
    const px = (/** @type {number} */ time) => p.valToPos((time - view.to) / 1000, "x", true);
    const py = (/** @type {number} */ ms) => p.valToPos(ms, "y", true);
    ctx.save();
    // uPlot leaves the dash of its last series set.
    ctx.setLineDash([]);
    const bottom = bbox.top + bbox.height;
    ctx.fillStyle = colours.critical;
    const mark = lossWidth(p, 4 * scale);
    for (const lost of view.losses) ctx.fillRect(Math.round(px(lost) - mark / 2), bottom - 14 * scale, mark, Math.round(14 * scale));
    const line = store.isLive ? colours.accent : colours.border;
    view.points.forEach((point, index) => {
      if (point.rtt === null) return;
      if (point.rtt > range.high) arrow(ctx, px(point.at), bbox.top + 2 * scale, scale, line);
      else if (point.rtt < range.low) arrow(ctx, px(point.at), bottom - 2 * scale, -scale, line);
      else if (point.host !== null && point.host > range.high) arrow(ctx, px(point.at), bbox.top + 2 * scale, scale, colours.process);
      else if (isLone(index)) dot(ctx, px(point.at), py(point.rtt), 2 * scale, line);
    });
    rail(p, bbox.left + bbox.width + 4 * scale, RAIL_CSS * scale);
    const last = view.points[view.points.length - 1];
    if (last && last.rtt !== null && last.rtt >= range.low && last.rtt <= range.high && store.isLive && row.o.state !== "paused") {
      dot(ctx, px(last.at), py(last.rtt), 4.6 * scale, colours.surface);
      dot(ctx, px(last.at), py(last.rtt), 3.2 * scale, line);
    }
    added.beside?.draw({ context: ctx, box: bbox, scale, px, py, ...range });
    const cursor = at === null ? undefined : view.points[at];
    if (cursor) {
      ctx.fillStyle = colours.text;
      ctx.fillRect(Math.round(px(cursor.at)), bbox.top, Math.max(1, Math.round(scale)), bbox.height);
    }
    ctx.restore();
  };
  /** @param {number} index */
  const isLone = (index) => {
    const point = view.points[index];
    const before = view.points[index - 1];
    const after = view.points[index + 1];
    if (!point) return false;
    return !(before && isJoined(before, point, row.o.interval_ms)) && !(after && isJoined(point, after, row.o.interval_ms));
  };
  /** @param {UPlot} p @param {number} x @param {number} width */
  const rail = (p, x, width) => {
    let low = range.low;
    for (const [limit, next] of [...limits(), /** @type {const} */ ([Infinity, "critical"])]) {
      const high = Math.min(limit, range.high);
      if (high > low) {
        const level = next === "good" ? "excellent" : next === "fair" ? "good" : next === "poor" ? "fair" : limit === Infinity ? "critical" : "poor";
        p.ctx.fillStyle = levelColour(level);
        const top = p.valToPos(high, "y", true);
        p.ctx.fillRect(x, top, width, Math.max(0, p.valToPos(low, "y", true) - top - 1));
        low = high;
      }
    }
  };

  const fit = () => {
    const others = added.beside?.values(view) ?? [];
    if (added.y.kind === "fix") {
      range = added.y;
      return;
    }
    const wanted = limitsOf(view, others, added.y.kind === "log");
    const isInside = wanted.low >= range.low && wanted.high <= range.high;
    const isMuchSmaller = wanted.high - wanted.low < 0.75 * (range.high - range.low);
    if (!isInside) {
      range = wanted;
      wideSince = 0;
    } else if (!isMuchSmaller) wideSince = 0;
    else if (wideSince === 0) wideSince = Date.now();
    else if (Date.now() - wideSince > SHRINK_MS) {
      range = wanted;
      wideSince = 0;
    }
  };
  const update = () => {
    view = minute(row, store.now(), store.isLive);
    if (at !== null) at = Math.min(at, view.points.length - 1);
    fit();
    added.onbeyond(beyond(view.points.map(({ rtt: wire, host }) => (wire === null ? null : [wire, Math.max(wire, host ?? wire)])), range), range);
    if (plot && isVisible) plot.setData(columns());
  };
  /** @param {number | null} index */
  const read = (index) => {
    const point = index === null ? undefined : view.points[index];
    if (point) onread(describe(point) + (added.beside?.read(point.at) ?? ""));
  };
  element.addEventListener("keydown", (event) => {
    const step = (event.key === "ArrowLeft" ? -1 : event.key === "ArrowRight" ? 1 : 0) * (event.shiftKey ? COARSE_STEP : 1);
    if (step === 0 || view.points.length === 0) return;
    event.preventDefault();
    at = Math.max(0, Math.min(view.points.length - 1, (at ?? view.points.length) + step));
    read(at);
    if (plot) plot.setData(columns());
  });
  element.addEventListener("blur", () => { at = null; });
  const sizes = new ResizeObserver(() => plot?.setSize({ width: Math.max(200, element.clientWidth), height: Math.max(120, element.clientHeight) }));
  sizes.observe(element);
  const sights = new IntersectionObserver((entries) => {
    isVisible = entries.some((entry) => entry.isIntersecting);
    if (isVisible) update();
  });
  sights.observe(element);
  const offTheme = onTheme(() => void create());
  let wasLive = store.isLive;
  let labelledAt = 0;
  void create();
  return {
    element,
    /** Fulfilled when the first picture stands, or could not be drawn: what is less urgent waits for it. */
    drawn,
    get points() { return view.points; },
    /** Another axis was chosen, or others are drawn beside: the frame is made anew. */
    rescale() {
      range = { low: 0, high: 0 };
      labelledAt = 0;
      void create();
    },
    update() {
      if (wasLive !== store.isLive) {
        wasLive = store.isLive;
        void create();
        return;
      }
      update();
      if (Date.now() - labelledAt < 30_000) return;
      labelledAt = Date.now();
      setAttribute(element, "aria-label", summary(row, view) + (added.beside?.names() ?? ""));
    },
    dispose() {
      isDisposed = true;
      sizes.disconnect();
      sights.disconnect();
      offTheme();
      plot?.destroy();
    },
  };
}

/** The chart in one sentence. @param {import("../store.js").Row} row @param {Minute} view */
function summary(row, view) {
  if (view.median === null) return t("chart.empty", { name: row.o.name });
  return t("chart.summary", {
    name: row.o.name, median: plain(rtt(view.median)), min: plain(rtt(view.min)), max: plain(rtt(view.max)), lost: view.losses.length,
  });
}

/** One point in words. @param {Point} point */
function describe(point) {
  const time = clock(point.at);
  if (point.rtt === null) return `${time} · ${t(`outcome.word.${point.outcome}`)}`;
  const host = point.host === null ? "" : ` · ${t("chart.process", { value: plain(rtt(point.host)) })}`;
  return `${time} · ${plain(rtt(point.rtt))}${host}`;
}

/**
 * From 0 while the median is below four times the spread, else padded around the lines; in round steps.
 * @param {Minute} view @param {readonly number[]} others Round trips drawn beside, ms. @param {boolean} isLog
 */
function limitsOf(view, others, isLog) {
  const own = view.points.flatMap((point) => (point.rtt === null ? [] : [point.rtt, point.host ?? point.rtt]));
  // Typed arrays sort by number and without a comparison of ours: this is done with each update.
  const values = Float64Array.from(others.length === 0 ? own : [...own, ...others]).sort();
  const low = values[0];
  const max = values[values.length - 1];
  if (low === undefined || max === undefined) return isLog ? { low: 1, high: 100 } : { low: 0, high: 100 };
  if (isLog) return logLimits({ low, high: max });
  const usual = /** @type {number} */ (values[Math.floor(values.length * 0.9)]);
  const high = values.length >= 20 && max > SPIKE_RATIO * usual ? 2.5 * usual : max;
  const spread = Math.max(high - low, high * 0.04, 0.02);
  // The level that most of the minute keeps decides: one spike must not flatten it onto the zero line.
  const body = Math.max(usual - low, high * 0.04);
  if ((view.median ?? 0) < 4 * body) return { low: 0, high: high + spread * 0.14 };
  const step = niceStep(spread / 3);
  return { low: Math.max(0, Math.floor((low - spread * 0.3) / step) * step), high: high + spread * 0.14 };
}

/** @param {number} raw */
function niceStep(raw) {
  const power = 10 ** Math.floor(Math.log10(raw));
  const ratio = raw / power;
  return power * (ratio <= 1 ? 1 : ratio <= 2 ? 2 : ratio <= 5 ? 5 : 10);
}

/** @param {CanvasRenderingContext2D} ctx @param {number} x @param {number} y @param {number} radius @param {string} colour */
export function dot(ctx, x, y, radius, colour) {
  ctx.beginPath();
  ctx.arc(x, y, radius, 0, 2 * Math.PI);
  ctx.fillStyle = colour;
  ctx.fill();
}

/** Its tip at (x, y); a negative scale turns it to point down. @param {CanvasRenderingContext2D} ctx @param {number} x @param {number} y @param {number} scale @param {string} colour */
export function arrow(ctx, x, y, scale, colour) {
  ctx.beginPath();
  ctx.moveTo(x, y);
  ctx.lineTo(x + 4 * scale, y + 7 * scale);
  ctx.lineTo(x - 4 * scale, y + 7 * scale);
  ctx.closePath();
  ctx.fillStyle = colour;
  ctx.fill();
}
