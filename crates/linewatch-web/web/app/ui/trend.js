/**
 * Medians of a few targets over the chosen period (live: of the last 24 hours) on one logarithmic axis, to tell whether they move
 * together. Input: the targets somebody selected, else the worst in view. Output: a card with chart, legend, cursor and table.
 * Loaded when its place comes into sight.
 */

import { RequestError, get } from "../api.js";
import { loadChartLibrary, rttAxis, timeAxis } from "../charts/axes.js";
import { bucketAt, bucketText, buckets, pointsFor } from "../charts/buckets.js";
import { onTheme, tokens } from "../charts/canvas.js";
import { firstAt, loners, trendColumns, trendLimits } from "../charts/trendlines.js";
import { fill, h, setAttribute, setText } from "../dom.js";
import { plain, rtt } from "../format.js";
import { t } from "../i18n.js";
import { named, spanOf } from "../range.js";
import { store } from "../store.js";
import { moment, zone } from "../time.js";
import { COMPARED_MAX } from "../url.js";
import { chooseTargets } from "./choosetargets.js";
import { targetHref } from "./rows.js";

/** @typedef {import("../charts/uplot").UPlot} UPlot */
/** @typedef {import("../store.js").Row} Row */
/** @typedef {import("../range.js").Range} Range */
/** @typedef {{ id: string, name: string, list: import("../charts/buckets.js").Bucket[] }} Line */

/** So many of the worst are drawn when nobody chose. */
const USUAL = 5;
const REFRESH_MS = 60_000;
/** A line of a young monitor begins where it was started: the empty rest of the day says nothing. */
const YOUNG_SHARE = 0.5;
const SPAN_MIN_MS = 60_000;
/** Probes of a bucket, at least. */
const PROBES_MIN = 3;
const COARSE_STEP = 10;
const DRAG_CSS = 4;
const AXIS_CSS = 62;
const TABLE_ROWS_MAX = 500;

/**
 * @param {{ inView: () => readonly Row[], chosen: () => readonly string[], choose: (ids: string[]) => void, range: () => Range,
 *   pick: (from: number, to: number) => void }} settings `inView` worst first; `pick` looks at a period.
 */
export function trendCard({ inView, chosen, choose, range, pick }) {
  /** @type {Line[]} */
  let lines = [];
  /** @type {{ x: number[], y: import("../charts/trendlines.js").Value[][] }} */
  let columns = { x: [], y: [] };
  let view = { from: 0, to: 1, bucketMs: 0 };
  let limits = { low: 1, high: 100 };
  /** @type {UPlot | null} */
  let plot = null;
  let shape = "";
  /** @type {number | null} */
  let at = null;
  let asked = 0;
  let loadedAt = 0;
  let question = "";
  let selection = "";
  let isDisposed = false;

  const note = h("span", { class: "note" });
  const legend = h("div", { class: "trend-legend" });
  const readout = h("span", { class: "readout", role: "status" });
  const message = h("div", { class: "chart-message", role: "status" }, t("loading"));
  const chart = h("div", { class: "chart history-chart trend-chart", role: "img", tabindex: "0", "aria-label": t("trend.loading") });
  const table = linesTable(() => lines);
  const element = h("section", { class: "card panel trend", "aria-labelledby": "trend-title" },
    h("div", { class: "card-title" }, h("h2", { id: "trend-title" }, t("trend.title")), note,
      h("button", { type: "button", class: "button small end", onclick: () => chooseTargets({
        title: t("trend.choose"), all: inView, chosen, choose, most: COMPARED_MAX, nobody: t("trend.automatic", { n: USUAL }), reset: t("trend.reset"),
      }) }, t("trend.choose"))),
    legend, h("div", { class: "history-body" }, chart, message), h("div", { class: "chart-foot" }, h("span", null, t("trend.hint")), readout), table.element);

  /** Who is drawn: the selected, else the worst that answer. @returns {Row[]} */
  const wanted = () => {
    const selected = chosen().flatMap((id) => store.byId(id) ?? []);
    return selected.length > 0 ? selected : inView().filter(({ o }) => o.p50_ms !== null).slice(0, USUAL);
  };
  const ask = (/** @type {readonly Row[]} */ rows, /** @type {number} */ from, /** @type {number} */ to) => {
    const slowest = Math.max(...rows.map(({ o }) => o.interval_ms), 1);
    // Buckets without a probe would break a line that was never broken.
    const points = Math.max(2, Math.min(pointsFor(Math.max(200, chart.clientWidth - AXIS_CSS), "24h"), Math.floor((to - from) / (PROBES_MIN * slowest))));
    return Promise.all(rows.map(async ({ o }) => {
      /** @type {import("../types").SeriesAnswer} */
      const answer = await get(`series?${new URLSearchParams({ target: o.id, from: String(Math.round(from)), to: String(Math.round(to)), points: String(points) })}`);
      return { line: { id: o.id, name: o.name, list: buckets(answer) }, bucketMs: answer.bucket_seconds * 1000 };
    }));
  };
  const load = async () => {
    asked += 1;
    const mine = asked;
    loadedAt = Date.now();
    const rows = wanted();
    question = askedFor(rows);
    selection = chosen().join();
    const span = spanOf(range().word === "live" ? named("24h") : range(), store.now());
    try {
      let answers = await ask(rows, span.from, span.to);
      const begin = firstAt(answers.map(({ line }) => line.list));
      if (mine === asked && begin !== null && begin - span.from > YOUNG_SHARE * (span.to - span.from)) {
        span.from = Math.min(begin, span.to - SPAN_MIN_MS);
        answers = await ask(rows, span.from, span.to);
        // The first question was of wide buckets, which begin before anything was measured.
        span.from = Math.min(firstAt(answers.map(({ line }) => line.list)) ?? span.from, span.to - SPAN_MIN_MS);
      }
      if (mine !== asked || isDisposed) return;
      lines = answers.map(({ line }) => line);
      view = { ...span, bucketMs: Math.max(0, ...answers.map(({ bucketMs }) => bucketMs)) };
      settle();
    } catch (error) {
      if (mine !== asked || isDisposed) return;
      const why = error instanceof RequestError && error.status !== 0 ? error.message : t("error.unreachable");
      message.hidden = false;
      fill(message, h("span", null, t("range.failed", { why })), h("button", { type: "button", class: "button small", onclick: () => void load() }, t("action.retry_now")));
    }
  };
  const askedFor = (/** @type {readonly Row[]} */ rows) => `${range().word} ${range().from} ${range().to} ${rows.map(({ o }) => o.id).join()}`;
  const settle = () => {
    columns = trendColumns(lines.map(({ list }) => list));
    limits = trendLimits(columns.y);
    const isEmpty = columns.x.length === 0;
    message.hidden = !isEmpty;
    setText(message, isEmpty ? t("history.empty") : "");
    setText(note, t("trend.note", { bucket: bucketText(view.bucketMs), n: lines.length, all: store.rows.size }));
    fill(legend, ...lines.map((line, i) => h("a", { href: targetHref(line.id) }, h("i", { class: `trend-${i}` }), line.name)));
    const now = store.now();
    setAttribute(chart, "aria-label", isEmpty ? t("trend.none")
      : t("trend.summary", { names: lines.map(({ name }) => name).join(", "), from: moment(view.from, now), to: moment(view.to, now), low: plain(rtt(limits.low)), high: plain(rtt(limits.high)) }));
    at = null;
    setText(readout, "");
    table.update();
    void create();
  };
  const data = () => [columns.x, ...columns.y];
  const create = async () => {
    if (plot && shape === String(lines.length)) {
      plot.setData(data());
      return;
    }
    try {
      const UPlotType = await loadChartLibrary();
      if (isDisposed) return;
      plot?.destroy();
      shape = String(lines.length);
      plot = new UPlotType(options(), data(), chart);
    } catch {
      message.hidden = false;
      setText(message, t("error.chart"));
    }
  };
  const options = () => ({
    width: Math.max(200, chart.clientWidth), height: Math.max(120, chart.clientHeight), padding: [10, 12, 0, 0], legend: { show: false },
    cursor: { drag: { x: true, y: false, setScale: false, dist: DRAG_CSS }, y: false, points: { show: false } },
    scales: { x: { time: true, range: () => [view.from / 1000, view.to / 1000] }, y: { distr: 3, range: () => [limits.low, limits.high] } },
    axes: [timeAxis(), rttAxis(AXIS_CSS)],
    series: [{}, ...lines.map((_, i) => ({ stroke: colourOf(i), width: 1.6, dash: isDashed(i) ? [5, 4] : [], points: { show: false }, spanGaps: false }))],
    hooks: { draw: [over], setSelect: [selected], setCursor: [pointed] },
  });
  /** Points that stand alone, and the cursor of the keys. @param {UPlot} p */
  const over = (p) => {
    const scale = devicePixelRatio || 1;
    p.ctx.save();
    p.ctx.setLineDash([]);
    columns.y.forEach((column, i) => {
      p.ctx.fillStyle = colourOf(i);
      for (const index of loners(column)) {
        p.ctx.beginPath();
        p.ctx.arc(p.valToPos(columns.x[index] ?? 0, "x", true), p.valToPos(column[index] ?? 0, "y", true), 1.6 * scale, 0, 2 * Math.PI);
        p.ctx.fill();
      }
    });
    if (at !== null) {
      p.ctx.fillStyle = tokens().text;
      p.ctx.fillRect(Math.round(p.valToPos(at / 1000, "x", true)), p.bbox.top, Math.max(1, Math.round(scale)), p.bbox.height);
    }
    p.ctx.restore();
  };
  /** @param {UPlot} p */
  const selected = (p) => {
    const { left, width } = p.select;
    if (width < DRAG_CSS) return;
    p.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
    const [from, to] = [p.posToVal(left, "x") * 1000, p.posToVal(left + width, "x") * 1000];
    pick(from, Math.max(to, from + Math.max(1000, view.bucketMs)));
  };
  /** @param {UPlot} p */
  const pointed = (p) => {
    const left = p.cursor.left ?? -1;
    if (left >= 0) read(p.posToVal(left, "x") * 1000);
  };
  /** Every line at an instant, in words. @param {number} when */
  const read = (when) => {
    const texts = lines.flatMap(({ name, list }) => {
      const index = bucketAt(list, when);
      const bucket = index === null ? undefined : list[index];
      return bucket && when >= bucket.at - view.bucketMs && when <= bucket.to + view.bucketMs ? [`${name} ${plain(rtt(bucket.p50))}`] : [];
    });
    setText(readout, texts.length === 0 ? "" : `${moment(when, store.now())} ${zone(when)} · ${texts.join(" · ")}`);
  };
  chart.addEventListener("keydown", (event) => {
    const step = (event.key === "ArrowLeft" ? -1 : event.key === "ArrowRight" ? 1 : 0) * (event.shiftKey ? COARSE_STEP : 1);
    if (step === 0 || columns.x.length === 0) return;
    event.preventDefault();
    const last = view.bucketMs * step;
    at = Math.max(view.from, Math.min(view.to, (at ?? view.to) + last));
    read(at);
    plot?.setData(data());
  });
  const sizes = new ResizeObserver(() => plot?.setSize({ width: Math.max(200, chart.clientWidth), height: Math.max(120, chart.clientHeight) }));
  sizes.observe(chart);
  const offTheme = onTheme(() => {
    shape = "";
    void create();
  });
  requestAnimationFrame(() => void load());
  return {
    element,
    /** Asks again where the question is another one, and once a minute while the period goes on. */
    update() {
      if (document.hidden || Date.now() - loadedAt < 1000) return;
      const isDue = range().word !== "custom" && Date.now() - loadedAt > REFRESH_MS;
      // Without a choice the worst are kept until the next minute: lines that come and go with each second tell nothing.
      const isNew = question === "" || selection !== chosen().join() || !question.startsWith(askedFor([])) || (chosen().length > 0 && question !== askedFor(wanted())) || (lines.length === 0 && wanted().length > 0);
      if (isDue || isNew) void load();
    },
    focus() {
      element.scrollIntoView({ block: "center" });
      chart.focus({ preventScroll: true });
    },
    dispose() {
      isDisposed = true;
      sizes.disconnect();
      offTheme();
      plot?.destroy();
    },
  };
}

/** Three colours, each whole and dashed: told apart without colour, too. @param {number} i */
function colourOf(i) {
  const colours = tokens();
  return [colours.series, colours.text, colours.accent][i % 3] ?? colours.text;
}

/** @param {number} i */
const isDashed = (i) => i >= 3;

/** The lines as a table, newest first; drawn only while it is open. @param {() => readonly Line[]} read */
function linesTable(read) {
  const head = h("tr", null);
  const body = h("tbody", null);
  const element = h("details", { class: "points" }, h("summary", null, t("chart.table")),
    h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": t("trend.title") },
      h("table", { class: "data-table" }, h("caption", { class: "visually-hidden" }, t("trend.title")), h("thead", null, head), body)));
  const update = () => {
    if (!element.open) return;
    const lines = read();
    const now = store.now();
    const times = [...new Set(lines.flatMap(({ list }) => list.map((bucket) => bucket.at)))].sort((a, b) => b - a).slice(0, TABLE_ROWS_MAX);
    const byTime = lines.map(({ list }) => new Map(list.map((bucket) => [bucket.at, bucket.p50])));
    fill(head, h("th", { scope: "col" }, t("bucket.time")), ...lines.map(({ name }) => h("th", { scope: "col", class: "num" }, name)));
    fill(body, ...times.map((when) => h("tr", null, h("td", { "data-label": t("bucket.time") }, moment(when, now)),
      ...lines.map(({ name }, i) => h("td", { class: "num", "data-label": name }, plain(rtt(byTime[i]?.get(when) ?? null)))))));
  };
  element.addEventListener("toggle", update);
  return { element, update };
}
