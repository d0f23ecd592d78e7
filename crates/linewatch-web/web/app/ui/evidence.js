/**
 * The evidence of one outage: its samples, a line of losses for every other target, and the conclusion in words.
 * Input: an outage. Output: a panel that asks the server once, and again while there is nothing yet.
 */

import { get } from "../api.js";
import { Surface, hatch, tokens } from "../charts/canvas.js";
import { download } from "../csv.js";
import { fill, h } from "../dom.js";
import { count, duration, loss, plain, rtt } from "../format.js";
import { t, tn } from "../i18n.js";
import { conclusion, lines, losses, merged, points, timeline } from "../proof.js";
import { clock } from "../time.js";
import { failureText } from "./addform.js";

/** @typedef {import("../types").EvidenceAnswer} EvidenceAnswer */
/** @typedef {import("../charts/canvas.js").Frame} Frame */

/** Lines on their own; the rest is one. */
const LINES_SHOWN = 5;
/** The strip of losses at the foot of the samples. */
const LOST_CSS = 12;
/** Samples further apart than this many usual steps are not joined. */
const JOIN = 2.5;
const SECOND_MS = 1000;

/**
 * @param {import("../types").OutageInfo} outage
 * @param {{ showInHistory: () => void }} way
 */
export function evidencePanel(outage, { showInHistory }) {
  const element = h("div", { class: "evidence", role: "region", "aria-label": t("evidence.title", { from: clock(outage.from) }) }, h("p", { class: "muted small", role: "status" }, t("loading")));
  /** @type {Surface[]} */
  let surfaces = [];
  let isDisposed = false;
  const history = () => h("button", { type: "button", class: "button small", onclick: showInHistory }, t("evidence.history"));
  const load = async () => {
    try {
      /** @type {EvidenceAnswer} */
      const answer = await get(`outages/${encodeURIComponent(outage.id)}/evidence`);
      if (!isDisposed) show(answer);
    } catch (error) {
      if (isDisposed) return;
      const again = h("button", { type: "button", class: "button small", onclick: () => void load() }, t("evidence.again"));
      fill(element, h("p", { class: "muted small", role: "status" }, failureText(error)), h("div", { class: "evidence-actions" }, history(), again));
    }
  };
  /** @param {EvidenceAnswer} answer */
  const show = (answer) => {
    surfaces.forEach((surface) => surface.dispose());
    const pictures = charts(answer);
    surfaces = pictures.surfaces;
    const { title, because, details } = conclusion(answer);
    const kept = answer.parts.length > 1 ? t("evidence.kept_edges") : t("evidence.kept");
    const save = () => download(`${answer.outage.target}-${answer.outage.id}-evidence.json`, JSON.stringify(answer, null, 1), "application/json");
    fill(element, pictures.element, h("div", { class: "evidence-words" },
      h("p", { class: "strong" }, h("b", null, title)), h("p", { class: "strong" }, because), ...details.map((text) => h("p", null, text)), h("p", null, kept),
      h("div", { class: "evidence-actions" }, history(), h("button", { type: "button", class: "button small", onclick: save }, t("evidence.export")))));
  };
  void load();
  return {
    element,
    dispose() {
      isDisposed = true;
      surfaces.forEach((surface) => surface.dispose());
    },
  };
}

/** @param {EvidenceAnswer} answer */
function charts(answer) {
  const time = timeline(answer.parts);
  const all = points(answer);
  const rtts = all.flatMap((point) => (point.rtt === null ? [] : [point.rtt]));
  const range = { low: Math.min(...rtts, Infinity), high: Math.max(...rtts, -Infinity) };
  const grouped = lines(answer, LINES_SHOWN);
  /** @type {Surface[]} */
  const surfaces = [];
  /** @param {string} name @param {string} label @param {import("../charts/canvas.js").Draw} draw */
  const canvas = (name, label, draw) => {
    const element = h("canvas", { class: name, role: "img", "aria-label": label });
    surfaces.push(new Surface(element, draw));
    return element;
  };
  const lost = all.filter((point) => point.isLost).length;
  const chart = canvas("evidence-chart", t("evidence.chart", { n: count(all.length), lost: count(lost), low: plain(rtt(rtts.length ? range.low : null)), high: plain(rtt(rtts.length ? range.high : null)) }),
    (context, frame) => drawSamples(context, frame, { time, outage: answer.outage, all, range }));
  const rows = grouped.lines.map((line) => {
    const name = line.is_gateway ? h("b", { class: "strong" }, t("evidence.gateway", { name: line.target_name })) : line.target_name;
    return [h("span", { class: "evidence-name", title: line.target_name }, name), canvas("evidence-line", lineLabel(line.target_name, line.lost, line.sent),
      (context, frame) => drawLosses(context, frame, { time, outage: answer.outage, lost: losses(line), measured: line.d }))];
  });
  const more = grouped.rest.length + grouped.uncounted;
  if (more > 0) {
    const sum = (/** @type {"sent" | "lost"} */ field) => grouped.rest.reduce((whole, line) => whole + line[field], 0);
    const name = tn("evidence.others", more);
    rows.push([h("span", { class: "evidence-name" }, name), canvas("evidence-line", lineLabel(name, sum("lost"), sum("sent")),
      (context, frame) => drawLosses(context, frame, { time, outage: answer.outage, lost: merged(grouped.rest), measured: grouped.rest.flatMap((line) => line.d) }))]);
  }
  const axis = h("span", { class: "evidence-axis" }, h("span", null, rtts.length ? plain(rtt(range.high)) : ""), h("span", null, rtts.length ? plain(rtt(range.low)) : ""));
  const foot = time.pieces.map((piece) => h("span", null, clock(piece.from), " – ", clock(piece.to)));
  const element = h("div", { class: "evidence-chart-grid" },
    h("span", null), h("span", { class: "evidence-foot" }, h("span", null, t("evidence.before")), h("span", null, t("evidence.during", { time: duration(answer.outage.duration_ms) })), h("span", null, t("evidence.after"))),
    axis, chart, ...rows.flat(), h("span", null), h("span", { class: "evidence-foot" }, ...foot));
  return { element, surfaces };
}

/** @param {string} name @param {number} lost @param {number} sent */
function lineLabel(name, lost, sent) {
  return t("evidence.line", { name, lost: count(lost), sent: count(sent), loss: plain(loss(sent === 0 ? null : Math.round((lost * 1_000_000) / sent))) });
}

/** @typedef {{ time: ReturnType<typeof timeline>, outage: import("../types").OutageInfo }} Ground */

/** The outage shaded, its ends dashed, what lies between two parts hatched. @param {CanvasRenderingContext2D} context @param {Frame} frame @param {Ground} ground */
function drawGround(context, { width, height, scale }, { time, outage }) {
  const colours = tokens();
  for (const [i, piece] of time.pieces.entries()) {
    const next = time.pieces[i + 1];
    if (next) hatch(context, piece.end * width, 0, (next.begin - piece.end) * width, height, scale, colours.border);
    const from = time.place(Math.max(piece.from, Math.min(piece.to, outage.from)));
    const to = time.place(Math.max(piece.from, Math.min(piece.to, outage.to ?? Infinity)));
    if (from === null || to === null || to <= from) continue;
    context.globalAlpha = 0.13;
    context.fillStyle = colours.critical;
    context.fillRect(from * width, 0, (to - from) * width, height);
    context.globalAlpha = 1;
  }
  context.strokeStyle = colours.critical;
  context.lineWidth = scale;
  context.setLineDash([4 * scale, 3 * scale]);
  for (const end of [outage.from, outage.to]) {
    const x = end === null ? null : time.place(end);
    if (x === null) continue;
    context.beginPath();
    context.moveTo(Math.round(x * width) + 0.5, 0);
    context.lineTo(Math.round(x * width) + 0.5, height);
    context.stroke();
  }
  context.setLineDash([]);
}

/**
 * @param {CanvasRenderingContext2D} context @param {Frame} frame
 * @param {Ground & { all: import("../proof.js").Point[], range: { low: number, high: number } }} what
 */
function drawSamples(context, frame, { all, range, ...ground }) {
  const { width, height, scale } = frame;
  const colours = tokens();
  drawGround(context, frame, ground);
  const foot = LOST_CSS * scale;
  const room = height - foot - 10 * scale;
  const span = Math.max(range.high - range.low, range.high * 0.1, 0.001);
  const y = (/** @type {number} */ ms) => 5 * scale + room - ((ms - range.low) / span) * room;
  const step = usualStep(all);
  context.strokeStyle = colours.accent;
  context.lineWidth = 1.6 * scale;
  context.lineJoin = "round";
  context.beginPath();
  /** @type {import("../proof.js").Point | null} */
  let before = null;
  for (const point of all) {
    const x = ground.time.place(point.at);
    if (point.rtt === null || x === null) {
      before = null;
      continue;
    }
    const isJoined = before !== null && point.at - before.at <= JOIN * step;
    // A point on its own is a short dash: a line of no length is not drawn.
    if (!isJoined) context.moveTo(x * width - scale, y(point.rtt));
    context.lineTo(x * width, y(point.rtt));
    before = point;
  }
  context.stroke();
  context.fillStyle = colours.critical;
  for (const point of all) {
    const x = point.isLost ? ground.time.place(point.at) : null;
    if (x !== null) context.fillRect(x * width - scale, height - foot, 2 * scale, foot);
  }
}

/** The median distance of two probes. @param {readonly { at: number }[]} all */
function usualStep(all) {
  const steps = all.slice(1).map((point, i) => point.at - (all[i]?.at ?? 0)).sort((a, b) => a - b);
  return steps[Math.floor(steps.length / 2)] ?? SECOND_MS;
}

/**
 * @param {CanvasRenderingContext2D} context @param {Frame} frame
 * @param {Ground & { lost: { at: number, share: number }[], measured: readonly import("../types").SecondRow[] }} what
 */
function drawLosses(context, frame, { lost, measured, ...ground }) {
  const { width, height, scale } = frame;
  const colours = tokens();
  const bar = Math.round(height * 0.62);
  const top = Math.round((height - bar) / 2);
  context.fillStyle = colours.divider;
  for (const piece of ground.time.pieces) context.fillRect(piece.begin * width, top, (piece.end - piece.begin) * width, bar);
  // A line that is asked every few seconds is measured in between as well.
  const seconds = measured.map(([at]) => ({ at: at * SECOND_MS })).sort((a, b) => a.at - b.at);
  const step = Math.max(SECOND_MS, usualStep(seconds));
  context.fillStyle = colours.excellent;
  context.globalAlpha = 0.35;
  let until = 0;
  for (const { at } of seconds) {
    const from = ground.time.place(Math.max(at, until));
    const to = ground.time.place(at + step) ?? ground.time.place(at);
    if (from !== null && to !== null && to > from) context.fillRect(from * width, top, (to - from) * width, bar);
    until = Math.max(until, at + step);
  }
  context.globalAlpha = 1;
  drawGround(context, frame, ground);
  context.fillStyle = colours.critical;
  for (const { at, share } of lost) {
    const x = ground.time.place(at + SECOND_MS / 2);
    if (x === null) continue;
    const mark = Math.max(2 * scale, Math.min(4 * scale, width / 200));
    // Half a second lost is half as high: told without colour too.
    const part = Math.max(0.4, share) * height;
    context.fillRect(x * width - mark / 2, (height - part) / 2, mark, part);
  }
}
