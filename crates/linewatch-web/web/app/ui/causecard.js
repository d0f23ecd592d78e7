/**
 * One card for outages that began together: the likely cause, its reasons, a line of losses per target, one acknowledgement.
 * Input: a cause and the store. Output: an element that follows it. The losses of the newest two minutes are the page's own,
 * older ones are asked of the server.
 */

import { get } from "../api.js";
import { Surface, hatch, tokens } from "../charts/canvas.js";
import { fill, glyph, h, setAttribute, setText } from "../dom.js";
import { count, duration, loss, plain } from "../format.js";
import { countKinds } from "../eventlist.js";
import { t, tn } from "../i18n.js";
import { LOST, UNKNOWN, UNREACHABLE } from "../ring.js";
import { store } from "../store.js";
import { clock } from "../time.js";
import { attention } from "./attention.js";
import { acknowledgeNow, openNote } from "./noticing.js";
import { targetHref } from "./rows.js";

/** @typedef {import("../eventlist.js").Cause} Cause */
/** @typedef {{ from: number, to: number, cells: (0 | 1 | 2)[] }} Line 0 not measured, 1 answered, 2 lost */

const LINES_MAX = 24;
const BEFORE_MS = 30_000;
const CELLS = 100;
/** The line of the default gateway, built in. */
const GATEWAY_ID = "gateway";
const AGAIN_MS = 5000;

/** @param {Cause} first @param {{ silence: (target: string) => void, events: (cause: Cause) => Node[] }} way */
export function causeCard(first, { silence, events }) {
  let cause = first;
  const title = h("h2", { id: `cause-${cause.id}` });
  const why = h("p", { class: "cause-why" });
  const facts = h("ul", { class: "cause-facts" });
  const canvas = h("canvas", { class: "cause-raster", role: "img" });
  const [left, middle, right] = [h("span", null), h("span", { class: "cause-begin" }), h("span", { class: "end" })];
  const folded = h("summary", null);
  const inside = h("div", { class: "cause-events" });
  const list = h("details", { class: "cause-fold" }, folded, inside);
  const ack = h("button", { type: "button", class: "button small primary", onclick: () => void acknowledgeNow(unacked().map((event) => event.id)) });
  const note = h("button", { type: "button", class: "button small", onclick: () => openNote(title.textContent ?? "", cause.outages.map((event) => event.id)) }, t("events.note"));
  const noted = h("p", { class: "event-note" });
  const proof = h("a", { class: "button small" }, t("events.evidence"));
  const element = h("section", { class: "card cause", "aria-labelledby": `cause-${cause.id}` },
    h("div", { class: "cause-top" }, glyph("down"), h("div", { class: "cause-words" }, title, why, facts, noted),
      h("div", { class: "cause-picture" }, canvas, h("div", { class: "cause-foot" }, left, middle, right))),
    h("div", { class: "cause-bar" }, list, h("div", { class: "cause-actions" },
      h("button", { type: "button", class: "button small", onclick: () => silence("") }, t("silence.button")), proof, note, ack)));
  /** @type {Map<string, Line>} */
  const stored = new Map();
  let askedAt = 0;
  const surface = new Surface(canvas, (context, frame) => drawRaster(context, frame));
  const span = () => ({ from: cause.from - BEFORE_MS, to: cause.until === null ? Math.max(store.now(), cause.from + BEFORE_MS) : cause.until + BEFORE_MS });
  const shown = () => cause.targets.slice(0, LINES_MAX);
  const unacked = () => cause.outages.filter((event) => !attention.acks.has(event.id));

  /** What the page does not have itself is asked for, a few targets at a time. */
  const load = async () => {
    const { from, to } = span();
    if (Date.now() - askedAt < AGAIN_MS || (cause.until !== null && askedAt !== 0)) return;
    const queue = shown().filter((id) => ringLine(id, from, to) === null);
    if (queue.length === 0) return;
    askedAt = Date.now();
    const worker = async () => {
      for (let id = queue.shift(); id !== undefined; id = queue.shift()) {
        try {
          /** @type {import("../types").SeriesAnswer} */
          const answer = await get(`series?${new URLSearchParams({ target: id, from: String(Math.floor(from)), to: String(Math.ceil(to)), points: String(CELLS) })}`);
          stored.set(id, lineOf(answer, from, to));
        } catch {
          // The line stays hatched: not known.
        }
      }
    };
    await Promise.all([worker(), worker(), worker()]);
    surface.invalidate();
  };
  /** @param {CanvasRenderingContext2D} context @param {import("../charts/canvas.js").Frame} frame */
  const drawRaster = (context, { width, height, scale }) => {
    const colours = tokens();
    const { from, to } = span();
    const lines = shown();
    const pitch = height / lines.length;
    const tall = Math.max(2, Math.round(pitch * 0.62));
    lines.forEach((id, index) => {
      const y = Math.round(index * pitch);
      const line = ringLine(id, from, to) ?? stored.get(id);
      if (!line) {
        hatch(context, 0, y, width, tall, scale, colours.border);
        return;
      }
      const wide = width / CELLS;
      line.cells.forEach((cell, at) => {
        if (cell === 0) return;
        context.globalAlpha = cell === 1 ? 0.26 : 1;
        context.fillStyle = cell === 1 ? colours.excellent : colours.critical;
        const x = Math.round(at * wide);
        context.fillRect(x, y, Math.max(1, Math.round((at + 1) * wide) - x - (cell === 2 ? Math.round(scale * 0.6) : 0)), tall);
      });
      context.globalAlpha = 1;
    });
    const x = Math.round(((cause.from - from) / (to - from)) * width) + 0.5;
    context.strokeStyle = colours.text;
    context.lineWidth = Math.max(1, scale * 0.8);
    context.setLineDash([3 * scale, 3 * scale]);
    context.beginPath();
    context.moveTo(x, 0);
    context.lineTo(x, height);
    context.stroke();
    context.setLineDash([]);
  };
  const words = () => {
    const total = [...store.rows.values()].filter((row) => row.o.state !== "paused").length;
    const n = cause.targets.length;
    const isLocal = cause.others.some((event) => event.type === "local_outage");
    const when = cause.until === null ? t("cause.since", { time: clock(cause.from) }) : t("cause.from_to", { from: clock(cause.from), to: clock(cause.until) });
    if (isLocal) setText(title, t("cause.local", { n, when }));
    else setText(title, n >= total ? t("cause.all", { n, when }) : t("cause.some", { n, total, when }));
    const begins = cause.outages.map((event) => event.at);
    const within = duration(Math.max(1000, Math.max(...begins) - Math.min(...begins)));
    const gateway = store.byId(GATEWAY_ID)?.o ?? null;
    const reason = isLocal ? t("cause.why.local") : gateway === null ? t("cause.why.no_gateway")
      : t(cause.targets.includes(GATEWAY_ID) ? "cause.why.gateway_lost" : "cause.why.gateway_well", { name: gateway.name, address: gateway.address });
    setText(why, `${reason} ${t("cause.within", { within })}`);
    fillFacts(total);
    const kinds = countKinds([...cause.outages, ...cause.others]).map(([kind, k]) => `${t(`etype.${kind}`).toLowerCase()} ×${count(k)}`);
    setText(folded, t("cause.folded", { n: count(cause.outages.length + cause.others.length), kinds: kinds.join(", ") }));
  };
  /** @param {number} total */
  const fillFacts = (total) => {
    const open = cause.targets.flatMap((id) => store.byId(id)?.o.outage ?? []).filter((one) => one.sent > 0);
    const shares = open.map((one) => (one.lost * 1_000_000) / one.sent).sort((a, b) => a - b);
    const [low, high] = [shares[0], shares.at(-1)];
    const letters = new Set(cause.outages.flatMap((event) => attention.told.get(event.id) ?? []));
    const items = [
      [t("cause.fact.of", { n: count(cause.targets.length), total: count(total) }), t("cause.fact.targets")],
      cause.until === null && low !== undefined && high !== undefined ? [low === high ? plain(loss(low)) : `${plain(loss(low))}–${plain(loss(high))}`, t("cause.fact.lost")]
        : [count(cause.outages.reduce((sum, event) => sum + event.count, 0)), t("cause.fact.probes")],
      [duration((cause.until ?? store.now()) - cause.from), cause.until === null ? t("cause.fact.so_far") : t("cause.fact.long")],
      ...(letters.size > 0 ? [[tn("cause.fact.letters", letters.size), t("cause.fact.instead", { n: count(cause.outages.length) })]] : []),
    ];
    const mark = JSON.stringify(items);
    if (facts.dataset["mark"] === mark) return;
    facts.dataset["mark"] = mark;
    fill(facts, ...items.map(([value = "", word = ""]) => h("li", null, h("b", null, value), ` ${word}`)));
  };
  const update = () => {
    words();
    const { from } = span();
    setText(left, clock(from));
    setText(middle, clock(cause.from));
    // Under its line, but clear of the labels at both ends.
    middle.style.insetInlineStart = `${Math.min(66, Math.max(24, (100 * (cause.from - from)) / (span().to - from) - 8))}%`;
    setText(right, cause.until === null ? t("chart.now") : clock(span().to));
    setAttribute(canvas, "aria-label", t("cause.raster", { n: shown().length, from: clock(from), begin: clock(cause.from) }));
    canvas.style.height = `${Math.max(36, Math.min(LINES_MAX, cause.targets.length) * 7)}px`;
    const left_open = unacked().length;
    ack.hidden = left_open === 0;
    setText(ack, t("cause.ack", { n: count(left_open) }));
    const said = attention.acks.get(cause.id);
    noted.hidden = !said;
    if (said) fill(noted, said.note === "" ? null : `“${said.note}” `, h("span", { class: "muted" }, ackText(said)));
    proof.href = `${targetHref(cause.targets.includes(GATEWAY_ID) ? GATEWAY_ID : cause.outages[0]?.target ?? "")}?outage=${(cause.outages.find((event) => event.target === GATEWAY_ID) ?? cause.outages[0])?.id ?? ""}`;
    element.classList.toggle("over", cause.until !== null);
    void load();
    surface.invalidate();
  };
  list.addEventListener("toggle", () => { if (list.open) fill(inside, ...events(cause)); });
  update();
  return {
    element,
    /** @param {Cause} next */
    update(next) {
      cause = next;
      update();
    },
    dispose: () => surface.dispose(),
  };
}

/** Who took notice, when. @param {import("../types").AckRow} ack */
export function ackText({ who, at }) {
  return who === "" ? t("events.acked_at", { time: clock(at) }) : t("events.acked_by", { who, time: clock(at) });
}

/** A line of cells from what the page has; null if that does not reach back. @param {string} id @param {number} from @param {number} to @returns {Line | null} */
function ringLine(id, from, to) {
  const row = store.byId(id);
  if (!row || row.ring.length === 0 || (row.ring.at[0] ?? Infinity) / 1000 > from + 5000) return null;
  const cells = /** @type {(0 | 1 | 2)[]} */ (Array(CELLS).fill(0));
  for (let i = row.ring.from(from * 1000); i < row.ring.length; i += 1) {
    const outcome = row.ring.outcome[i];
    if (outcome === UNKNOWN || outcome === undefined) continue;
    const at = (row.ring.at[i] ?? 0) / 1000;
    mark(cells, at, at + row.o.interval_ms, from, to, outcome === LOST || outcome === UNREACHABLE ? 2 : 1);
  }
  return { from, to, cells };
}

/** @param {import("../types").SeriesAnswer} answer @param {number} from @param {number} to @returns {Line} */
function lineOf(answer, from, to) {
  const cells = /** @type {(0 | 1 | 2)[]} */ (Array(CELLS).fill(0));
  answer.t.forEach((at, index) => {
    if ((answer.sent[index] ?? 0) > 0) mark(cells, at, at + answer.bucket_seconds * 1000, from, to, (answer.lost[index] ?? 0) > 0 ? 2 : 1);
  });
  return { from, to, cells };
}

/** @param {(0 | 1 | 2)[]} cells @param {number} begin @param {number} end @param {number} from @param {number} to @param {1 | 2} what */
function mark(cells, begin, end, from, to, what) {
  const per = (to - from) / CELLS;
  const last = Math.min(CELLS - 1, Math.ceil((end - from) / per) - 1);
  // A loss is never drawn over by an answer beside it.
  for (let i = Math.max(0, Math.floor((begin - from) / per)); i <= last; i += 1) cells[i] = /** @type {0 | 1 | 2} */ (Math.max(cells[i] ?? 0, what));
}
