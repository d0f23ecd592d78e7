/**
 * Draws the lines of other targets over the chart of one: told apart by a letter at their end and by their dash, colour only
 * helps. A line is broken where an answer is missing, a loss has its cross, and what the axis does not reach has its arrow.
 * Input: spots in time order and a way to pixels. Output: pixels.
 */

import { tokens } from "./canvas.js";
import { arrow, dot } from "./live.js";

/** @typedef {{ at: number, ms: number | null, isJoined: boolean }} Spot `ms`: null where nothing answered; `isJoined`: the line comes from the one before. */
/** @typedef {{ letter: string, look: number, spots: readonly Spot[], losses: readonly number[] }} BesideLine */
/** @typedef {import("./smoke.js").Paper} Paper */

/** Colour and dash of each: the page's own lines are accent and short dashes. */
const LOOKS = /** @type {const} */ ([["series", []], ["text", []], ["series", [10, 5]], ["text", [10, 5]]]);
const WIDTH_CSS = 1.5;
const LETTER_CSS = 7;
/** Letters stand left of the end of the page's own line. */
const LETTER_INSET_CSS = 20;
/** Crosses of losses stand in rows above the own target's marks. */
const CROSS_BASE_CSS = 20;
const CROSS_CSS = 2.5;
/** Arrows and crosses nearer than this would be one blot. */
const APART_CSS = 6;

/** Colours of the legend's samples, by their style. @param {number} look */
export function colourOf(look) {
  return tokens()[(LOOKS[look] ?? LOOKS[0])[0]];
}

/** @param {Paper} paper @param {readonly BesideLine[]} lines */
export function drawBeside(paper, lines) {
  const { context, box } = paper;
  context.save();
  context.beginPath();
  context.rect(box.left, box.top, box.width, box.height);
  context.clip();
  lines.forEach((line, i) => drawLine(paper, line, i));
  context.setLineDash([]);
  for (const { line, y } of letterPlaces(paper, lines)) drawLetter(paper, line, y);
  context.restore();
}

/** @param {Paper} paper @param {BesideLine} line @param {number} row */
function drawLine({ context, box, scale, px, py, low, high }, { look, spots, losses }, row) {
  const dash = (LOOKS[look] ?? LOOKS[0])[1];
  const colour = colourOf(look);
  context.strokeStyle = colour;
  context.lineWidth = WIDTH_CSS * scale;
  context.lineJoin = "round";
  context.setLineDash(dash.map((part) => part * scale));
  context.beginPath();
  spots.forEach(({ at, ms, isJoined }) => {
    if (ms === null) return;
    if (isJoined) context.lineTo(px(at), py(ms));
    else context.moveTo(px(at), py(ms));
  });
  context.stroke();
  context.setLineDash([]);
  const [left, right] = [box.left, box.left + box.width];
  let arrowed = -Infinity;
  spots.forEach(({ at, ms, isJoined }, i) => {
    if (ms === null) return;
    const x = px(at);
    if (x < left || x > right) return;
    const isOut = ms > high || ms < low;
    if (isOut && x - arrowed >= APART_CSS * scale) {
      arrow(context, x, ms > high ? box.top + 2 * scale : box.top + box.height - 2 * scale, ms > high ? scale : -scale, colour);
      arrowed = x;
    } else if (!isOut && !isJoined && spots[i + 1]?.isJoined !== true) dot(context, x, py(ms), 2 * scale, colour);
  });
  const y = box.top + box.height - (CROSS_BASE_CSS + row * 2 * (CROSS_CSS + 1)) * scale;
  let crossed = -Infinity;
  context.beginPath();
  for (const at of losses) {
    const x = px(at);
    if (x < left || x > right || x - crossed < APART_CSS * scale) continue;
    crossed = x;
    const half = CROSS_CSS * scale;
    context.moveTo(x - half, y - half);
    context.lineTo(x + half, y + half);
    context.moveTo(x + half, y - half);
    context.lineTo(x - half, y + half);
  }
  context.stroke();
}

/** Where the letters stand: at the height of the newest answer in sight, and never on each other. @param {Paper} paper @param {readonly BesideLine[]} lines */
function letterPlaces({ box, scale, px, py, low, high }, lines) {
  const step = 2 * LETTER_CSS * scale + 2;
  const bottom = box.top + box.height - step / 2;
  const places = lines.flatMap((line) => {
    const last = line.spots.findLast(({ at, ms }) => ms !== null && px(at) >= box.left && px(at) <= box.left + box.width + scale);
    if (!last || last.ms === null) return [];
    return [{ line, y: Math.max(box.top + step / 2, Math.min(bottom, py(Math.max(low, Math.min(high, last.ms))))) }];
  }).sort((a, b) => a.y - b.y);
  places.forEach((place, i) => { place.y = Math.max(place.y, (places[i - 1]?.y ?? -Infinity) + step); });
  // What was pushed out below goes up again.
  for (let i = places.length - 1, most = bottom; i >= 0; i -= 1) {
    const place = places[i];
    if (!place) continue;
    place.y = Math.min(place.y, most);
    most = place.y - step;
  }
  return places;
}

/** @param {Paper} paper @param {BesideLine} line @param {number} y */
function drawLetter({ context, box, scale }, { letter, look }, y) {
  const x = box.left + box.width - LETTER_INSET_CSS * scale;
  dot(context, x, y, LETTER_CSS * scale, tokens().surface);
  context.strokeStyle = colourOf(look);
  context.lineWidth = WIDTH_CSS * scale;
  context.beginPath();
  context.arc(x, y, LETTER_CSS * scale, 0, 2 * Math.PI);
  context.stroke();
  context.fillStyle = tokens().text;
  context.font = `600 ${Math.round(10 * scale)}px system-ui, sans-serif`;
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.fillText(letter, x, y + 0.5 * scale);
}
