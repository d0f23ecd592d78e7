/**
 * Draws the net-graph of the HUD: the last 100 probes as bars, the threshold as a dashed line, a loss as a notched bar of the
 * whole height. Input: a row of the store. Output: pixels, and the sentence that says the same. No axes, no library.
 */

import { grade } from "../level.js";
import { FLAG_DUPLICATE, FLAG_LATE, LOST, NO_VALUE, REFUSED, REPLY, UNKNOWN, UNREACHABLE } from "../ring.js";
import { levelColour, tokens } from "./canvas.js";

export const BARS = 100;
/** @typedef {{ rtt: number | null, isLost: boolean }} Bar rtt in ms; null and not lost: not measured. */

/** The newest probes, oldest first. @param {import("../store.js").Row} row @returns {Bar[]} */
export function bars({ ring, bins }) {
  /** @type {Bar[]} */
  const found = [];
  // A fast target comes as bins; rows of it are older than the first one.
  const isBinned = (bins.at(-1)?.[0] ?? 0) > ring.newestAt;
  const binFrom = isBinned ? bins[0]?.[0] ?? Infinity : Infinity;
  if (isBinned) {
    for (const [, n, lost, , p50] of bins.slice(-BARS)) found.push({ rtt: p50 === null ? null : p50 / 1000, isLost: lost > 0 && (lost === n || p50 === null) });
    if (found.length === BARS) return found;
  }
  for (let i = ring.length - 1; i >= 0 && found.length < BARS; i -= 1) {
    const outcome = ring.outcome[i];
    const flags = ring.flags[i] ?? 0;
    if (outcome === UNKNOWN || (ring.at[i] ?? 0) >= binFrom) continue;
    const us = ring.rtt[i];
    const isAnswer = outcome === REPLY || outcome === REFUSED;
    found.unshift({
      rtt: isAnswer && us !== undefined && us !== NO_VALUE ? us / 1000 : null,
      // A lost probe stays lost, though its answer came late or twice.
      isLost: outcome === LOST || outcome === UNREACHABLE || (!isAnswer && (flags & (FLAG_LATE | FLAG_DUPLICATE)) !== 0),
    });
  }
  return found;
}

/** Height of the label: 0.8 of a letter, where the graph has 7.1 of them (hud.css). */
const LABEL_SHARE = 0.8 / 7.1;

/**
 * @param {HTMLCanvasElement} canvas
 * @param {readonly Bar[]} list
 * @param {{ limit: number | null, label: string, grades: import("../types").Thresholds["grades_ms"], isLive: boolean, zoom: number }} look `zoom`: device pixels of one CSS pixel.
 */
export function drawNetgraph(canvas, list, { limit, label, grades, isLive, zoom }) {
  const width = Math.max(1, Math.round(canvas.clientWidth * zoom));
  const height = Math.max(1, Math.round(canvas.clientHeight * zoom));
  if (canvas.width !== width) canvas.width = width;
  if (canvas.height !== height) canvas.height = height;
  const context = canvas.getContext("2d");
  if (!context) return;
  context.clearRect(0, 0, width, height);
  const colours = tokens();
  const values = list.flatMap((bar) => (bar.rtt === null ? [] : [bar.rtt])).sort((a, b) => a - b);
  const median = values[Math.floor(values.length / 2)] ?? 0;
  const p95 = values[Math.min(values.length - 1, Math.floor(values.length * 0.95))] ?? 0;
  // The threshold stays in sight while it is near; one spike never flattens the rest.
  const isNear = limit !== null && limit < 4 * Math.max(median, 0.1);
  const top = Math.max(p95 * 1.5, median * 1.8, isNear ? limit * 1.6 : 0, 0.05);
  const pitch = width / BARS;
  const barWidth = Math.max(1, Math.round(pitch * 0.76));
  const x = (/** @type {number} */ index) => Math.round((BARS - list.length + index) * pitch);
  list.forEach((bar, index) => {
    if (bar.isLost) {
      context.fillStyle = isLive ? colours.critical : colours.border;
      const notch = Math.max(2, Math.round(3 * zoom));
      const at = Math.round(height * 0.42);
      context.fillRect(x(index), 0, barWidth, at);
      context.fillRect(x(index), at + notch, barWidth, height - at - notch);
    } else if (bar.rtt === null) {
      context.fillStyle = colours.border;
      context.fillRect(x(index), height - Math.round(2 * zoom), barWidth, Math.max(1, Math.round(1.4 * zoom)));
    } else {
      const tall = Math.max(Math.round(2 * zoom), Math.round(Math.min(1, bar.rtt / top) * height));
      context.fillStyle = isLive ? levelColour(grade(bar.rtt, grades)) : colours.border;
      context.fillRect(x(index), height - tall, barWidth, tall);
      // What is higher than the graph is cut, and says so.
      if (bar.rtt > top) {
        context.fillStyle = colours.text;
        context.fillRect(x(index), 0, barWidth, Math.max(2, Math.round(2 * zoom)));
      }
    }
  });
  if (limit === null || !isNear) return;
  const y = Math.round(height * (1 - limit / top)) + 0.5;
  context.strokeStyle = colours.faint;
  context.lineWidth = Math.max(1, zoom);
  context.setLineDash([4 * zoom, 4 * zoom]);
  context.beginPath();
  context.moveTo(0, y);
  context.lineTo(width, y);
  context.stroke();
  context.setLineDash([]);
  context.fillStyle = colours.muted;
  // The panel grows and shrinks with its letters, the graph with it: so does its label.
  context.font = `${Math.max(Math.round(9 * zoom), Math.round(height * LABEL_SHARE))}px monospace`;
  context.fillText(label, 2 * zoom, y - 4 * zoom);
}
