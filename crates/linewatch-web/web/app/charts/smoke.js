/**
 * Draws the history of a target: smoke, percentiles or heat, its losses and holes, on canvases in device pixels.
 * Input: buckets and a way from values to pixels. Output: pixels (UI.md 4.1). uPlot only gives axes, cursor and drag.
 */

import { HEAT_SAMPLES_MIN, TINT_PPM, drawnOf, heat, lossLevel, lossPpm } from "./buckets.js";
import { short } from "../format.js";
import { hatch, tokens } from "./canvas.js";

/** @typedef {import("./buckets.js").Bucket} Bucket */
/** @typedef {import("./buckets.js").Hole} Hole */
/** @typedef {{ left: number, top: number, width: number, height: number }} Box */
/** @typedef {{ context: CanvasRenderingContext2D, box: Box, scale: number, px: (at: number) => number, py: (ms: number) => number,
 *   low: number, high: number }} Paper */

/** Opacity of the four nested bands, widest first. */
const BANDS = [0.17, 0.24, 0.34, 0.48];
const PERCENTILES = /** @type {const} */ (["p50", "p95", "p99"]);

/** Left and right edge of a column: neighbours share theirs, so that there are no seams. @param {Paper} paper @param {Bucket} bucket */
function column({ px, box }, bucket) {
  const x0 = Math.max(box.left, Math.floor(px(bucket.at)));
  const x1 = Math.min(box.left + box.width, Math.max(x0 + 1, Math.floor(px(bucket.to))));
  return [x0, Math.max(0, x1 - x0)];
}

/** @param {Paper} paper @param {() => void} draw */
function inside({ context, box }, draw) {
  context.save();
  context.setLineDash([]);
  context.beginPath();
  context.rect(box.left, box.top, box.width, box.height);
  context.clip();
  draw();
  context.restore();
}

/** Spans without measurement: hatched where their reason is known, grey where it is not. @param {Paper} paper @param {readonly Hole[]} holes */
export function drawHoles(paper, holes) {
  inside(paper, () => {
    const { context, box, scale, px } = paper;
    for (const hole of holes) {
      const x = Math.floor(px(hole.from));
      const width = Math.max(Math.round(scale), Math.ceil(px(hole.to)) - x);
      if (hole.kind === "none") {
        context.globalAlpha = 0.18;
        context.fillStyle = tokens().border;
        context.fillRect(x, box.top, width, box.height);
        context.globalAlpha = 1;
      } else hatch(context, x, box.top, width, box.height, scale, tokens().border);
    }
  });
}

/** Losses behind everything else: a tinted column, a full one where nothing came back. @param {Paper} paper @param {readonly Bucket[]} list */
function drawLosses(paper, list) {
  const { context, box, scale } = paper;
  const colours = tokens();
  for (const bucket of list) {
    const ppm = lossPpm(bucket);
    if (ppm === null || ppm <= TINT_PPM) continue;
    const [x = 0, width = 0] = column(paper, bucket);
    const isAll = bucket.lost === bucket.sent;
    context.fillStyle = isAll ? colours.critical : colours[lossLevel(ppm)];
    context.globalAlpha = isAll ? 0.35 : 0.13;
    context.fillRect(x, box.top, width, box.height);
    context.globalAlpha = 1;
    if (isAll) {
      context.fillStyle = colours.surface;
      context.fillRect(x, Math.round(box.top + box.height * 0.38), width, Math.max(1, Math.round(1.6 * scale)));
    }
  }
}

/** Nested quantile bands and the median in the colour of the loss. @param {Paper} paper @param {readonly Bucket[]} list */
export function drawSmoke(paper, list) {
  inside(paper, () => {
    const { context, scale, py } = paper;
    const colours = tokens();
    drawLosses(paper, list);
    for (const bucket of list) {
      if (!bucket.q) continue;
      const [x = 0, width = 0] = column(paper, bucket);
      context.fillStyle = colours.accent;
      BANDS.forEach((alpha, k) => {
        const top = Math.floor(py(bucket.q?.[8 - k] ?? 0));
        context.globalAlpha = alpha;
        context.fillRect(x, top, width, Math.max(1, Math.ceil(py(bucket.q?.[k] ?? 0)) - top));
      });
      context.globalAlpha = 1;
      context.fillStyle = colours[lossLevel(lossPpm(bucket) ?? 0)];
      const dash = Math.max(2, Math.round(2.4 * scale));
      context.fillRect(x, Math.round(py(bucket.q[4] ?? 0) - dash / 2), width, dash);
    }
  });
  drawArrows(paper, list, null);
}

/** Lines of p50, p95 and p99; a line ends at a hole or a bucket without an answer. @param {Paper} paper @param {readonly Bucket[]} list @param {ReadonlySet<string>} shown */
export function drawPercentiles(paper, list, shown) {
  inside(paper, () => {
    const { context, scale, px, py } = paper;
    const colours = tokens();
    drawLosses(paper, list);
    const looks = { p50: [colours.accent, []], p95: [colours.process, []], p99: [colours.process, [4 * scale, 3 * scale]] };
    for (const name of PERCENTILES) {
      if (!shown.has(name)) continue;
      const [colour, dash] = /** @type {[string, number[]]} */ (looks[name]);
      context.strokeStyle = colour;
      context.lineWidth = 1.6 * scale;
      context.lineJoin = "round";
      context.setLineDash(dash);
      context.beginPath();
      let before = NaN;
      for (const bucket of list) {
        const value = bucket[name];
        if (value === null) continue;
        const step = bucket.to - bucket.at;
        if (Math.abs(bucket.at - before) < step / 2) context.lineTo(px(bucket.at + step / 2), py(value));
        else {
          // A lone bucket is a dash as wide as itself, and never too small to be seen.
          context.moveTo(px(bucket.at), py(value));
          context.lineTo(Math.max(px(bucket.at + step / 2), px(bucket.at) + 3 * scale), py(value));
        }
        before = bucket.to;
      }
      context.stroke();
    }
  });
  drawArrows(paper, list, shown);
}

/** How many answers took how long: one hue, the darker the more. @param {Paper} paper @param {readonly Bucket[]} list @param {readonly number[]} edges */
export function drawHeat(paper, list, edges) {
  inside(paper, () => {
    const { context, py } = paper;
    context.fillStyle = tokens().accent;
    for (const bucket of list) {
      if (!bucket.q || bucket.sent - bucket.lost < HEAT_SAMPLES_MIN) continue;
      const [x = 0, width = 0] = column(paper, bucket);
      heat(bucket.q, edges).forEach((share, cell) => {
        if (share < 0.002) return;
        const top = Math.floor(py(edges[cell + 1] ?? 0));
        context.globalAlpha = Math.min(1, 0.1 + 0.9 * Math.sqrt(share));
        context.fillRect(x, top, width, Math.max(1, Math.floor(py(edges[cell] ?? 0)) - top));
      });
      context.globalAlpha = 1;
    }
    drawLosses(paper, list);
  });
}

/** What lies above or below the axis is marked, never hidden. @param {Paper} paper @param {readonly Bucket[]} list @param {ReadonlySet<string> | null} shown Percentiles that are drawn; null: the smoke. */
function drawArrows({ context, box, scale, px, low, high }, list, shown) {
  context.fillStyle = tokens().muted;
  const taken = { up: -Infinity, down: -Infinity };
  for (const bucket of list) {
    const x = px((bucket.at + bucket.to) / 2);
    if (x < box.left || x > box.left + box.width) continue;
    const values = drawnOf(bucket, shown);
    for (const way of /** @type {const} */ (["up", "down"])) {
      const isOut = way === "up" ? values.some((value) => value > high) : values.some((value) => value < low);
      if (!isOut || x - taken[way] < 5 * scale) continue;
      taken[way] = x;
      const tip = way === "up" ? box.top : box.top + box.height;
      const back = tip + (way === "up" ? 7 : -7) * scale;
      context.beginPath();
      context.moveTo(x, tip);
      context.lineTo(x + 3.5 * scale, back);
      context.lineTo(x - 3.5 * scale, back);
      context.fill();
    }
  }
}

/** A vertical line with a word: what changed the line. @param {Paper} paper @param {readonly { at: number, text: string }[]} marks @param {string} font */
export function drawMarks(paper, marks, font) {
  inside(paper, () => {
    const { context, box, scale, px } = paper;
    context.strokeStyle = tokens().muted;
    context.fillStyle = tokens().muted;
    context.font = font;
    context.lineWidth = scale;
    context.textBaseline = "top";
    let taken = -Infinity;
    for (const { at, text } of marks) {
      const x = Math.round(px(at)) + 0.5;
      context.setLineDash([3 * scale, 3 * scale]);
      context.beginPath();
      context.moveTo(x, box.top);
      context.lineTo(x, box.top + box.height);
      context.stroke();
      const width = context.measureText(text).width + 8 * scale;
      // At the right edge its word stands left of the line, where that of another mark may be.
      const left = x + width > box.left + box.width ? x - width : x;
      if (left < taken) continue;
      context.fillText(text, left + 4 * scale, box.top + 4 * scale);
      taken = left + width;
    }
  });
}

/** Outages under the plot's upper edge, as in the lane below. @param {Paper} paper @param {readonly { from: number, to: number }[]} outages */
export function drawOutages(paper, outages) {
  inside(paper, () => {
    const { context, box, scale, px } = paper;
    context.fillStyle = tokens().critical;
    for (const { from, to } of outages) {
      const x = Math.floor(px(from));
      context.fillRect(x, box.top + box.height - 3 * scale, Math.max(3 * scale, px(to) - x), 3 * scale);
    }
  });
}

/**
 * Bars of loss below the chart, with their own small axis.
 * @param {Paper} paper @param {readonly Bucket[]} list @param {number} most Parts per million at the top. @param {string} font
 */
export function drawLossBars(paper, list, most, font) {
  const { context, box, scale } = paper;
  const colours = tokens();
  context.font = font;
  context.textAlign = "right";
  context.textBaseline = "middle";
  for (const share of [0, 0.5, 1]) {
    const y = Math.round(box.top + box.height * (1 - share)) - 0.5;
    context.strokeStyle = colours.divider;
    context.lineWidth = scale;
    context.beginPath();
    context.moveTo(box.left, y);
    context.lineTo(box.left + box.width, y);
    context.stroke();
    context.fillStyle = colours.muted;
    context.fillText(`${short((most * share) / 10_000)}%`, box.left - 6 * scale, y);
  }
  inside(paper, () => {
    for (const bucket of list) {
      const ppm = lossPpm(bucket);
      if (ppm === null || ppm === 0) continue;
      const [x = 0, width = 0] = column(paper, bucket);
      // Even the smallest loss is seen.
      const height = Math.max(Math.round(2 * scale), (Math.min(ppm, most) / most) * box.height);
      context.fillStyle = colours[lossLevel(ppm)];
      context.fillRect(x, box.top + box.height - height, Math.max(1, width - (width > 3 * scale ? Math.round(scale) : 0)), height);
    }
  });
}

/** Round top of the loss axis. @param {readonly Bucket[]} list */
export function lossTop(list) {
  const most = Math.max(0, ...list.map((bucket) => lossPpm(bucket) ?? 0));
  return [20_000, 50_000, 100_000, 200_000, 500_000].find((top) => most <= top) ?? 1_000_000;
}

/**
 * Outages of a period on one line: measured, not measured, down.
 * @param {CanvasRenderingContext2D} context @param {import("./canvas.js").Frame} frame
 * @param {{ from: number, to: number, present: readonly { from: number, to: number }[], holes: readonly Hole[], outages: readonly { from: number, to: number }[] }} lane
 */
export function drawLane(context, { width, height, scale }, { from, to, present, holes, outages }) {
  const colours = tokens();
  const px = (/** @type {number} */ at) => ((Math.max(from, Math.min(to, at)) - from) / (to - from)) * width;
  const bar = Math.round(height * 0.6);
  const top = Math.round((height - bar) / 2);
  context.fillStyle = colours.divider;
  context.fillRect(0, top, width, bar);
  for (const span of present) {
    context.fillStyle = colours.surface;
    context.fillRect(px(span.from), top, px(span.to) - px(span.from), bar);
    context.globalAlpha = 0.4;
    context.fillStyle = colours.excellent;
    context.fillRect(px(span.from), top, px(span.to) - px(span.from), bar);
    context.globalAlpha = 1;
  }
  for (const hole of holes) {
    const x = px(hole.from);
    const span = Math.max(scale, px(hole.to) - x);
    context.fillStyle = colours.surface;
    context.fillRect(x, top, span, bar);
    hatch(context, x, top, span, bar, scale, colours.border);
  }
  context.fillStyle = colours.critical;
  for (const outage of outages) {
    const x = px(outage.from);
    context.fillRect(Math.min(x, width - 3 * scale), 0, Math.max(3 * scale, px(outage.to) - x), height);
  }
}
