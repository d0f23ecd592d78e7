/**
 * The history of a target: smoke, percentiles or heat over a period, with losses, holes and a cursor for pointer and keys.
 * Input: a store row, and the link, which carries period, chart and axis. Output: a card, and what its period holds for the
 * outages below. Loaded when a target is first looked at.
 */

import { RequestError, get } from "../api.js";
import { FONT, loadChartLibrary, rttAxis, timeAxis } from "../charts/axes.js";
import { HEAT_SAMPLES_MIN, bucketAt, bucketText, buckets, drawnSpans, holes, limits, logEdges, lossPpm, pointsFor, zoomed } from "../charts/buckets.js";
import { Surface, onTheme, tokens } from "../charts/canvas.js";
import { onPinch } from "../charts/pinch.js";
import { drawHeat, drawHoles, drawLossBars, drawMarks, drawOutages, drawPercentiles, drawSmoke, lossTop } from "../charts/smoke.js";
import { fill, h, setAttribute, setText } from "../dom.js";
import { count, loss, plain, rtt } from "../format.js";
import { t } from "../i18n.js";
import { custom, parseRange, spanOf, writeRange } from "../range.js";
import { store } from "../store.js";
import { moment, zone } from "../time.js";
import { beyond, writeY } from "../yaxis.js";
import { beyondText } from "./beyond.js";
import { rangeBar } from "./range.js";
import { bucketsTable, chartControls, percentileToggles, smokeLegend, summary } from "./historyparts.js";

/** @typedef {import("../charts/uplot").UPlot} UPlot */
/** @typedef {import("../charts/buckets.js").Bucket} Bucket */
/** @typedef {import("../charts/buckets.js").Hole} Hole */
/** @typedef {import("../range.js").Range} Range */
/** @typedef {{ from: number, to: number, list: Bucket[], holes: Hole[], bucketMs: number, marks: { at: number, text: string }[] }} View */

const RANGES = /** @type {const} */ (["1h", "24h", "7d", "30d", "custom"]);
/** Space for the axis, and right of the plot, in CSS pixels: the loss bars below line up with it. */
const AXIS_CSS = 62;
const RIGHT_CSS = 12;
const REFRESH_MIN_MS = 10_000;
const REFRESH_MAX_MS = 60_000;
const COARSE_STEP = 10;
const HEAT_CELLS = 36;
const ZOOM_STEP = 2;
/** A drag shorter than this is a click. */
const DRAG_CSS = 4;

/**
 * What the page adds: the axis of all its charts, and targets drawn beside its own.
 * @typedef {object} Added
 * @property {import("../yaxis.js").YAxis} y
 * @property {(y: import("../yaxis.js").YAxis) => void} ony Another axis was chosen here.
 * @property {ReturnType<typeof import("./compare.js").comparison>["past"] | null} past
 */

/**
 * @param {import("../store.js").Row} row
 * @param {(view: View, range: Range) => void} onview What is shown now.
 * @param {Added} added
 */
export function historyPanel(row, onview, added) {
  const params = new URLSearchParams(location.search);
  let kind = ["pct", "heat"].find((one) => one === params.get("chart")) ?? "smoke";
  /** Heat is on a logarithmic axis always: its bins are. */
  const isLog = () => kind === "heat" || added.y.kind === "log";
  let range = parseRange(location.search, RANGES, "24h");
  /** Where a zoom began: the way back. @type {Range | null} */
  let unzoomed = null;
  /** @type {View | null} */
  let view = null;
  let axis = { low: 0, high: 100 };
  /** @type {readonly { from: number, to: number }[]} */
  let outages = [];
  /** @type {UPlot | null} */
  let plot = null;
  /** @type {number | null} */
  let at = null;
  let asked = 0;
  let loadedAt = 0;
  let isLoading = false;
  let isDisposed = false;
  const shown = new Set(["p50", "p95", "p99"]);

  const note = h("span", { class: "note" });
  const readout = h("span", { class: "readout", role: "status" });
  const message = h("div", { class: "chart-message", role: "status" }, t("loading"));
  const chart = h("div", { class: "chart history-chart", role: "img", tabindex: "0", "aria-label": t("history.loading") });
  const lossCanvas = h("canvas", { class: "loss-bars", role: "img", "aria-label": t("history.loss_label") });
  const lossSurface = new Surface(lossCanvas, (context, frame) => paintLosses(context, frame));
  const redraw = () => {
    tellCut();
    if (plot) plot.setData(columns());
    lossSurface.invalidate();
  };
  const link = () => {
    const more = writeRange(range, "24h");
    if (kind !== "smoke") more.push(["chart", kind]);
    more.push(...writeY(added.y));
    // Others write these.
    for (const name of ["outage", "cmp"]) {
      const value = new URLSearchParams(location.search).get(name);
      if (value !== null) more.push([name, value]);
    }
    const text = new URLSearchParams(more).toString().replaceAll("%3A", ":").replaceAll("%2C", ",");
    history.pushState(history.state, "", location.pathname + (text === "" ? "" : `?${text}`));
  };
  const setRange = (/** @type {Range} */ next) => {
    unzoomed = null;
    show(next);
  };
  const show = (/** @type {Range} */ next) => {
    range = next;
    at = null;
    ranges.update();
    link();
    void load();
  };
  const zoom = (/** @type {number} */ from, /** @type {number} */ to) => {
    unzoomed ??= range;
    const span = zoomed(from, to, row.o.interval_ms, store.now());
    show(custom(span.from, span.to));
  };
  const zoomBy = (/** @type {number} */ factor) => {
    if (!view) return;
    const middle = at === null ? (view.from + view.to) / 2 : (view.list[at]?.at ?? view.from);
    const half = ((view.to - view.from) * factor) / 2;
    zoom(middle - half, middle + half);
  };
  const reset = () => {
    if (unzoomed === null) return;
    const back = unzoomed;
    unzoomed = null;
    show(back);
  };
  const controls = chartControls({
    kind: () => kind, y: () => added.y,
    choose(next) {
      kind = next;
      link();
      settle();
    },
    scale(next) {
      added.ony(next);
      link();
      settle();
    },
  });
  const ranges = rangeBar({ words: RANGES, label: t("history.range"), read: () => range, write: setRange });
  const toggles = percentileToggles(shown, redraw);
  const legend = smokeLegend();
  const table = bucketsTable(() => view?.list ?? [], () => added.past?.columns() ?? []);
  const back = h("button", { type: "button", class: "button small", onclick: reset }, t("history.reset"));
  const zooms = h("span", { class: "zooms" },
    h("button", { type: "button", class: "button small", "aria-label": t("history.closer"), onclick: () => zoomBy(1 / ZOOM_STEP) }, "+"),
    h("button", { type: "button", class: "button small", "aria-label": t("history.wider"), onclick: () => zoomBy(ZOOM_STEP) }, "−"), back);
  const heatHint = h("span", null, t("history.heat_hint"));
  const cut = h("span", { class: "beyond" });
  const element = h("section", { class: "card panel history", "aria-labelledby": "history-title" },
    h("div", { class: "card-title" }, h("h2", { id: "history-title" }, t("history.title")), note,
      h("div", { class: "history-tools" }, controls.element, ranges.element)),
    h("div", { class: "history-body" }, chart, lossCanvas, message),
    h("div", { class: "chart-foot" }, legend, toggles.element, heatHint, cut, zooms, readout),
    table.element);

  /** Everything that depends on chart, axis and data. */
  const settle = () => {
    controls.update();
    ranges.update();
    legend.hidden = kind !== "smoke";
    toggles.element.hidden = kind !== "pct";
    heatHint.hidden = kind !== "heat";
    back.hidden = unzoomed === null;
    if (!view) return;
    axis = added.y.kind === "fix" && kind !== "heat" ? added.y : limits([...view.list, ...(added.past?.buckets() ?? [])], isLog());
    const most = Math.max(0, ...view.list.map((bucket) => bucket.sent - bucket.lost));
    const isThin = kind === "heat" && most < HEAT_SAMPLES_MIN;
    const isEmpty = view.list.length === 0;
    const text = isEmpty ? t("history.empty") : isThin ? t("history.thin", { need: HEAT_SAMPLES_MIN, have: most }) : "";
    fill(message, text === "" ? null : h("span", null, text), isEmpty ? h("button", { type: "button", class: "button small", onclick: () => setRange({ word: "30d", from: 0, to: 0 }) }, t("history.show_month")) : null);
    message.hidden = text === "";
    const sizes = view.list.map((bucket) => bucket.sent).sort((a, b) => a - b);
    setText(note, isEmpty ? "" : t(`history.note.${kind}`, { bucket: bucketText(view.bucketMs), n: count(sizes[Math.floor(sizes.length / 2)] ?? 0) }));
    setAttribute(chart, "aria-label", summary(row.o.name, view) + (added.past?.names() ?? ""));
    tellCut();
    table.update();
    void create();
    lossSurface.invalidate();
  };
  const tellCut = () => setText(cut, view && kind !== "heat" ? beyondText(beyond(drawnSpans(view.list, kind === "pct" ? shown : null), axis), axis) : "");
  const fail = (/** @type {unknown} */ error) => {
    const why = error instanceof RequestError && error.status !== 0 ? error.message : t("error.unreachable");
    message.hidden = false;
    fill(message, h("span", null, t("history.failed", { why })), h("button", { type: "button", class: "button small", onclick: () => void load() }, t("action.retry_now")));
  };
  const load = async () => {
    asked += 1;
    const mine = asked;
    isLoading = true;
    loadedAt = Date.now();
    const span = spanOf(range, store.now());
    const width = Math.max(200, chart.clientWidth - AXIS_CSS - RIGHT_CSS);
    const query = new URLSearchParams({
      target: row.o.id, from: String(Math.round(span.from)), to: String(Math.round(span.to)), points: String(pointsFor(width, range.word)),
    });
    try {
      /** @type {[import("../types").SeriesAnswer, unknown]} */
      const [answer] = await Promise.all([get(`series?${query}`), added.past?.load(query)]);
      if (mine !== asked || isDisposed) return;
      const list = buckets(answer);
      view = {
        ...span, list, holes: holes(answer, list), bucketMs: answer.bucket_seconds * 1000,
        marks: answer.marks.map(([when, what]) => ({ at: when, text: t(`mark.${what}`) })),
      };
      settle();
      onview(view, range);
    } catch (error) {
      if (mine === asked && !isDisposed) fail(error);
    } finally {
      if (mine === asked) isLoading = false;
    }
  };

  const columns = () => (view ? [view.list.map((bucket) => (bucket.at + bucket.to) / 2000), view.list.map((bucket) => bucket.p50)] : [[], []]);
  /** The frame is made anew when its scale changes: uPlot cannot turn one into another. */
  let frame = "";
  const create = async () => {
    // Without data there is no axis either: a logarithmic one that begins at 0 would never end.
    if (!view) return;
    const wanted = `${isLog()} ${chart.clientWidth > 0}`;
    if (plot && frame === wanted) {
      redraw();
      return;
    }
    try {
      const UPlotType = await loadChartLibrary();
      if (isDisposed) return;
      plot?.destroy();
      frame = wanted;
      plot = new UPlotType(options(), columns(), chart);
    } catch {
      message.hidden = false;
      setText(message, t("error.chart"));
    }
  };
  const options = () => ({
    width: Math.max(200, chart.clientWidth), height: Math.max(120, chart.clientHeight), padding: [10, RIGHT_CSS, 0, 0], legend: { show: false },
    cursor: {
      drag: { x: true, y: false, setScale: false, dist: DRAG_CSS }, y: false, points: { show: false },
      bind: { dblclick: () => () => { reset(); return null; } },
    },
    scales: {
      x: { time: true, range: () => [(view?.from ?? 0) / 1000, (view?.to ?? 1) / 1000] },
      y: { distr: isLog() ? 3 : 1, range: () => [axis.low, axis.high] },
    },
    axes: [timeAxis(), rttAxis(AXIS_CSS)],
    series: [{}, { stroke: "transparent", points: { show: false } }],
    hooks: { draw: [paint], setSelect: [selected], setCursor: [pointed] },
  });
  /** @param {UPlot} p @returns {import("../charts/smoke.js").Paper} */
  const paper = (p) => ({
    context: p.ctx, box: p.bbox, scale: devicePixelRatio || 1, ...axis,
    px: (when) => p.valToPos(when / 1000, "x", true), py: (ms) => p.valToPos(Math.max(ms, isLog() ? 1e-4 : 0), "y", true),
  });
  /** @param {UPlot} p */
  const paint = (p) => {
    if (!view) return;
    const sheet = paper(p);
    drawHoles(sheet, view.holes);
    if (kind === "smoke") drawSmoke(sheet, view.list);
    else if (kind === "pct") drawPercentiles(sheet, view.list, shown);
    else drawHeat(sheet, view.list, logEdges(axis.low, axis.high, HEAT_CELLS));
    added.past?.draw(sheet);
    drawOutages(sheet, outages);
    drawMarks(sheet, view.marks, `${Math.round(11 * sheet.scale)}px ${FONT.slice(5)}`);
    cursorLine(sheet);
  };
  /** @param {CanvasRenderingContext2D} context @param {import("../charts/canvas.js").Frame} frame */
  const paintLosses = (context, { width, height, scale }) => {
    if (!view) return;
    const { from, to, list } = view;
    const box = { left: AXIS_CSS * scale, top: 8 * scale, width: width - (AXIS_CSS + RIGHT_CSS) * scale, height: height - 14 * scale };
    const px = (/** @type {number} */ when) => box.left + ((when - from) / (to - from)) * box.width;
    const sheet = { context, box, scale, px, py: () => 0, low: 0, high: 0 };
    drawLossBars(sheet, list, lossTop(list), `${Math.round(12 * scale)}px ${FONT.slice(5)}`);
    drawHoles(sheet, view.holes);
    cursorLine(sheet);
  };
  /** @param {import("../charts/smoke.js").Paper} sheet */
  const cursorLine = ({ context, box, scale, px }) => {
    const bucket = at === null ? undefined : view?.list[at];
    if (!bucket) return;
    context.fillStyle = tokens().text;
    context.fillRect(Math.round(px((bucket.at + bucket.to) / 2)), box.top, Math.max(1, Math.round(scale)), box.height);
  };
  /** @param {UPlot} p */
  const selected = (p) => {
    const { left, width } = p.select;
    if (width < DRAG_CSS) return;
    p.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
    zoom(p.posToVal(left, "x") * 1000, p.posToVal(left + width, "x") * 1000);
  };
  /** @param {UPlot} p */
  const pointed = (p) => {
    const left = p.cursor.left ?? -1;
    if (left < 0 || !view) return;
    const next = bucketAt(view.list, p.posToVal(left, "x") * 1000);
    if (next === at) return;
    at = next;
    read();
    lossSurface.invalidate();
  };
  const read = () => {
    const bucket = at === null ? undefined : view?.list[at];
    setText(readout, bucket ? describe(bucket) + (added.past?.read(bucket) ?? "") : "");
  };

  chart.addEventListener("keydown", (event) => {
    const step = (event.key === "ArrowLeft" ? -1 : event.key === "ArrowRight" ? 1 : 0) * (event.shiftKey ? COARSE_STEP : 1);
    if (step === 0 || !view || view.list.length === 0) return;
    event.preventDefault();
    at = Math.max(0, Math.min(view.list.length - 1, (at ?? view.list.length) + step));
    read();
    redraw();
  });
  chart.addEventListener("wheel", (event) => {
    if (!event.ctrlKey) return;
    event.preventDefault();
    zoomBy(event.deltaY < 0 ? 1 / ZOOM_STEP : ZOOM_STEP);
  }, { passive: false });
  onPinch(chart, () => {
    const box = view && chart.querySelector(".u-over")?.getBoundingClientRect();
    return view && box ? { from: view.from, to: view.to, left: box.left, width: box.width } : null;
  }, zoom);
  const sizes = new ResizeObserver(() => {
    plot?.setSize({ width: Math.max(200, chart.clientWidth), height: Math.max(120, chart.clientHeight) });
  });
  sizes.observe(chart);
  const offTheme = onTheme(() => {
    frame = "";
    void create();
  });
  settle();
  // The card is in the page, and has its width, one frame later.
  requestAnimationFrame(() => void load());
  return {
    element,
    /** Asks again now and then while the period goes on, and at once when an outage began or ended. @param {boolean} isNews */
    update(isNews) {
      if (isLoading || document.hidden || range.word === "custom") return;
      const due = Math.max(REFRESH_MIN_MS, Math.min(REFRESH_MAX_MS, (view?.bucketMs ?? 0) / 2));
      if (isNews || Date.now() - loadedAt > due) void load();
    },
    /** @param {readonly { from: number, to: number }[]} list */
    setOutages(list) {
      outages = list;
      redraw();
    },
    zoom,
    /** Others are drawn beside, or no longer. */
    refresh: () => void load(),
    /** @param {string} key */
    key(key) {
      if (ranges.key(key)) return true;
      if (key === "l") controls.toggleScale();
      else if (key === "m") controls.next();
      else if (key === "0") reset();
      else if (key === "+" || key === "-") zoomBy(key === "+" ? 1 / ZOOM_STEP : ZOOM_STEP);
      else return false;
      return true;
    },
    dispose() {
      isDisposed = true;
      sizes.disconnect();
      offTheme();
      ranges.dispose();
      lossSurface.dispose();
      plot?.destroy();
    },
  };
}

/** One bucket in words. @param {Bucket} bucket */
export function describe(bucket) {
  const now = store.now();
  const time = `${moment(bucket.at, now)}–${moment(bucket.to, bucket.at)} ${zone(bucket.at)}`;
  const lost = t("history.read_loss", { loss: plain(loss(lossPpm(bucket))), n: count(bucket.sent) });
  if (!bucket.q) return `${time} · ${t("history.read_none")} · ${lost}`;
  return `${time} · ${t("history.read", { p50: plain(rtt(bucket.p50)), p95: plain(rtt(bucket.p95)), max: plain(rtt(bucket.q[8])) })} · ${lost}`;
}
