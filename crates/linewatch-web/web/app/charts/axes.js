/**
 * Loads the chart library when the first chart is shown, and holds what all charts share: axes in the theme's colours.
 * Vendored uPlot, a classic script: it is added to the page once and gives a global.
 */

import { h } from "../dom.js";
import { count, plain, rtt } from "../format.js";
import { tickTime } from "../time.js";
import { tokens } from "./canvas.js";

/** @typedef {import("./uplot").UPlot} UPlot */
/** @typedef {import("./uplot").UPlotClass} UPlotClass */

/** @type {Promise<UPlotClass> | null} */
let loading = null;

/** @returns {Promise<UPlotClass>} */
export function loadChartLibrary() {
  loading ??= new Promise((resolve, reject) => {
    const script = h("script", { src: new URL("../../vendor/uPlot.iife.min.js", import.meta.url).href });
    script.addEventListener("load", () => {
      const found = /** @type {{ uPlot?: UPlotClass }} */ (/** @type {unknown} */ (window)).uPlot;
      if (found) resolve(found);
      else reject(new Error("uPlot"));
    });
    script.addEventListener("error", () => {
      loading = null;
      reject(new Error("uPlot"));
    });
    document.head.append(script);
  });
  return loading;
}

/** uPlot needs whole pixels in its fonts. */
export const FONT = '12px Inter, system-ui, -apple-system, "Segoe UI", sans-serif';

/** The x axis in seconds before now. @param {string} nowWord */
export function secondsAxis(nowWord) {
  return {
    ...look(),
    size: 28,
    space: 90,
    values: (/** @type {UPlot} */ _plot, /** @type {number[]} */ splits) => splits.map((split) => (split === 0 ? nowWord : `−${-split} s`)),
    splits: () => [-60, -45, -30, -15, 0],
  };
}

/** The x axis of a history: hours, and the day where it begins. */
export function timeAxis() {
  return {
    ...look(), size: 28, space: 76,
    values: (/** @type {UPlot} */ _plot, /** @type {number[]} */ splits) => {
      const step = ((splits[1] ?? 0) - (splits[0] ?? 0)) * 1000;
      return splits.map((split) => tickTime(split * 1000, step));
    },
  };
}

/** What lies between two ticks, ms: none is finer than what round trips are written with, else two ticks would read the same. */
const STEPS = [0.01, 0.02, 0.05, ...Array.from({ length: 7 }, (_, power) => [1, 2, 2.5, 5].map((step) => step * 10 ** (power - 1))).flat()];

/** The y axis in milliseconds. @param {number} [size] */
export function rttAxis(size = 62) {
  const shared = look();
  return {
    ...shared, size, space: 34, incrs: STEPS, grid: { ...shared.grid, filter: sparse },
    values: (/** @type {UPlot} */ plot, /** @type {(number | null)[]} */ splits) => sparse(plot, splits).map((split) => (split === null ? "" : tick(split))),
  };
}

/** Over a decade of a logarithmic axis only 1, 2 and 5 are told, over three only 1. @param {UPlot} plot @param {(number | null)[]} splits */
function sparse(plot, splits) {
  const { min, max, distr } = plot.scales["y"] ?? {};
  if (distr !== 3 || !min || !max || max < 8 * min) return splits;
  const kept = max > 800 * min ? /^1/ : /^[125]/;
  return splits.map((split) => (split !== null && kept.test(split.toExponential()) ? split : null));
}

/** A round trip at an axis: no digit more than the step needs. @param {number} ms */
function tick(ms) {
  if (ms === 0) return "0 ms";
  return Number.isInteger(ms) && ms < 10_000 ? `${count(ms)} ms` : plain(rtt(ms));
}

function look() {
  const colours = tokens();
  return {
    stroke: colours.muted, font: FONT, gap: 6,
    grid: { stroke: colours.divider, width: 1 },
    ticks: { show: false },
  };
}
