/**
 * Draws the sparkline of a row and the strip of 24 hours on their own canvases, in device pixels.
 * Input: a row of the store. Output: pixels, and the sentence that says the same. No axes, no library.
 */

import { plain, rtt } from "../format.js";
import { t } from "../i18n.js";
import { badge } from "../level.js";
import { minute as minuteOf, momentMinute } from "../time.js";
import { clear, hatch, levelColour, tokens } from "./canvas.js";
import { SPAN_MS, isJoined, minute } from "./window.js";

/** @typedef {import("./canvas.js").Frame} Frame */

/** Cells of the quality strip: half an hour each. */
const STRIP_CELLS = 48;
export const STRIP_CELL_MS = 1_800_000;

/**
 * @param {CanvasRenderingContext2D} context
 * @param {Frame} frame
 * @param {import("../store.js").Row} row
 * @param {number} now
 * @param {boolean} isLive
 */
export function drawSparkline(context, { width, height, scale }, row, now, isLive) {
  const colours = tokens();
  const view = minute(row, now, isLive);
  const level = badge(row.o);
  const colour = isLive ? levelColour(level) : colours.border;
  const markHeight = Math.round(4 * scale);
  const bottom = height - markHeight - Math.round(1 * scale);
  const right = width - 3 * scale;
  const px = (/** @type {number} */ at) => ((at - view.from) / SPAN_MS) * right;
  for (const hole of view.holes) hatch(context, px(hole.from), 0, px(hole.to) - px(hole.from), bottom, scale, colours.border);
  if (view.median !== null && view.min !== null && view.p99 !== null) {
    const low = Math.min(view.min, 0.55 * view.median);
    const high = Math.max(view.p99, 1.6 * view.median);
    const py = (/** @type {number} */ ms) => bottom - Math.min(1, Math.max(0, (ms - low) / (high - low))) * (bottom - 2 * scale) - scale;
    drawLine(context, view, row.o.interval_ms, px, py, { colour, bottom, scale });
    const last = view.points[view.points.length - 1];
    const isQuiet = level === "stale" || level === "paused" || !isLive;
    if (last && last.rtt !== null && !isQuiet) dot(context, px(last.at), py(last.rtt), 2.2 * scale, colour);
  }
  context.fillStyle = colours.critical;
  const markWidth = Math.max(2, Math.round(2.2 * scale));
  for (const at of view.losses) {
    context.fillRect(Math.round(px(at) - markWidth / 2), height - markHeight, markWidth, markHeight);
  }
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {import("./window.js").Minute} view
 * @param {number} interval
 * @param {(at: number) => number} px
 * @param {(ms: number) => number} py
 * @param {{ colour: string, bottom: number, scale: number }} look
 */
function drawLine(context, view, interval, px, py, { colour, bottom, scale }) {
  context.lineWidth = 1.4 * scale;
  context.lineJoin = "round";
  context.setLineDash([]);
  context.strokeStyle = colour;
  const fade = (/** @type {number} */ top) => {
    const gradient = context.createLinearGradient(0, top, 0, bottom);
    gradient.addColorStop(0, colour);
    gradient.addColorStop(1, clear(colour));
    return gradient;
  };
  /** @type {[number, number][]} */
  let piece = [];
  const finish = () => {
    const first = piece[0];
    const last = piece[piece.length - 1];
    if (first && last) {
      if (piece.length === 1) dot(context, first[0], first[1], 1.2 * scale, colour);
      else {
        context.beginPath();
        for (const [x, y] of piece) context.lineTo(x, y);
        context.stroke();
        context.lineTo(last[0], bottom);
        context.lineTo(first[0], bottom);
        context.fillStyle = fade(Math.min(...piece.map(([, y]) => y)));
        context.globalAlpha = 0.3;
        context.fill();
        context.globalAlpha = 1;
      }
    }
    piece = [];
  };
  let before = null;
  for (const point of view.points) {
    if (point.rtt === null) {
      // A merged loss stands on its bin and must not cut the line; every other one does.
      if ((point.flags & 16) === 0) finish();
    } else {
      if (before && piece.length > 0 && !isJoined(before, point, interval)) finish();
      piece.push([px(point.at), py(point.rtt)]);
      before = point;
    }
  }
  finish();
}

/** @param {CanvasRenderingContext2D} context @param {number} x @param {number} y @param {number} radius @param {string} colour */
function dot(context, x, y, radius, colour) {
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
  context.fillStyle = colour;
  context.fill();
}

/** What a sparkline shows, in words. @param {import("../store.js").Row} row @param {number} now */
export function sparklineLabel(row, now) {
  const view = minute(row, now, true);
  if (view.median === null) return t("spark.empty", { name: row.o.name });
  return t("spark.label", { name: row.o.name, median: plain(rtt(view.median)), max: plain(rtt(view.max)), lost: view.losses.length });
}

/** What the codes of a cell say, and how high it is: UI.md 4 item 9. The last one is an outage. */
const CELLS = /** @type {const} */ ([null, ["excellent", 0.36], ["good", 0.46], ["fair", 0.62], ["poor", 0.8], ["critical", 1], ["down", 1]]);

/**
 * Twenty-four hours, a cell for each half hour; without data a short dash.
 * @param {CanvasRenderingContext2D} context
 * @param {Frame} frame
 * @param {readonly number[] | null} codes
 */
export function drawStrip(context, { width, height, scale }, codes) {
  const pitch = width / STRIP_CELLS;
  const cellWidth = Math.max(1, Math.round(pitch * 0.68));
  for (let cell = 0; cell < STRIP_CELLS; cell += 1) {
    const x = Math.round(cell * pitch);
    const look = CELLS[codes?.[cell] ?? 0];
    if (!look) {
      context.fillStyle = tokens().border;
      context.fillRect(x, height - Math.round(2 * scale), cellWidth, Math.max(1, Math.round(1.2 * scale)));
      continue;
    }
    const top = Math.round(height * (1 - look[1]));
    context.fillStyle = levelColour(look[0]);
    context.fillRect(x, top, cellWidth, height - top);
    // The notch: an outage differs from a critical half hour by shape, too.
    if (look[0] === "down") context.clearRect(x, top + Math.round(height * 0.3), cellWidth, Math.max(2, Math.round(1.6 * scale)));
  }
}

/** Begin of a cell of the strip; the last one holds `now`. @param {number} cell @param {number} now */
export function stripCell(cell, now) {
  return (Math.floor(now / STRIP_CELL_MS) - (STRIP_CELLS - 1) + cell) * STRIP_CELL_MS;
}

/** @param {readonly number[]} codes @param {number} cell @param {number} now */
export function cellText(codes, cell, now) {
  const from = stripCell(cell, now);
  const look = CELLS[codes[cell] ?? 0];
  return t("strip.cell", { from: momentMinute(from, now), to: minuteOf(Math.min(now, from + STRIP_CELL_MS)), level: look ? t(`badge.${look[0]}`) : t("strip.nothing") });
}

/** A strip in one sentence. @param {readonly number[] | null} codes */
export function stripLabel(codes) {
  if (codes === null) return t("strip.unknown");
  const count = (/** @type {(code: number) => boolean} */ is) => codes.filter(is).length;
  return t("strip.label", { well: count((code) => code === 1 || code === 2), bad: count((code) => code >= 3 && code < 6), outages: count((code) => code === 6) });
}
