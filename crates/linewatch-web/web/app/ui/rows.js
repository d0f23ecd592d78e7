/**
 * Draws one target in the fleet: as a table row where there is room, as a card where there is not.
 * Input: a store row. Output: an element whose texts change only when they differ.
 * "RTT now" and the sparkline are live; the other figures are of the chosen period.
 */

import { ROOT } from "../api.js";
import { Surface } from "../charts/canvas.js";
import { STRIP_CELL_MS, cellText, drawSparkline, drawStrip, sparklineLabel, stripCell, stripLabel } from "../charts/mini.js";
import { badgeWord, classWriter, glyph, h, quantity, setAttribute, setGlyph, setText, textWriter } from "../dom.js";
import { NONE, availability, count, duration, loss, plain, rtt } from "../format.js";
import { t } from "../i18n.js";
import { badge, lossTint, nowCode, tag, withNow } from "../level.js";
import { past } from "../past.js";
import { LOST, NO_VALUE, REFUSED, REPLY, UNKNOWN, UNREACHABLE } from "../ring.js";
import { store } from "../store.js";
import { clock } from "../time.js";

/** @typedef {import("../store.js").Row} Row */
/** @typedef {{ element: HTMLElement, update: () => void, paint: () => void, dispose: () => void, move?: (line: number) => void }} RowView
 *  `move`: its pictures stand on sheets, at another line from now on, and are to be drawn anew. */
/** @typedef {{ spark: import("../charts/sheet.js").Sheet, strip: import("../charts/sheet.js").Sheet }} Sheets */

/** The label of a sparkline is for ears: a new one each second would be noise. */
const LABEL_MS = 30_000;

/** Where a target's page is. @param {string} id */
export function targetHref(id) {
  return `${ROOT}t/${encodeURIComponent(id)}`;
}

/** "203.0.113.9 · ICMP", and the address a name led to. @param {import("../types").OverviewRow} o */
function addressLine(o) {
  const probe = t(`method.${o.probe}`);
  const isName = o.ip !== null && !o.address.includes(o.ip) && o.is_built_in;
  return isName ? `${o.address} · ${o.ip} · ${probe}` : `${o.address} · ${probe}`;
}

/**
 * The newest finished probe: a number, or the word for what happened.
 * @param {Row} row
 * @returns {{ value: string, unit: string, isFailure: boolean }}
 */
export function newest(row) {
  const { o, ring } = row;
  if (o.state === "error" || o.state === "waiting" || o.state === "paused") return { value: NONE, unit: "", isFailure: false };
  const bin = row.bins[row.bins.length - 1];
  if (bin && bin[0] > ring.newestAt) {
    const q = rtt(bin[4] === null ? null : bin[4] / 1000);
    return bin[1] > 0 && bin[1] === bin[2] ? { value: t("outcome.timeout"), unit: "", isFailure: true } : { ...q, isFailure: false };
  }
  for (let i = ring.length - 1; i >= 0; i -= 1) {
    const outcome = ring.outcome[i];
    if (outcome === UNKNOWN) continue;
    if (outcome === REPLY || outcome === REFUSED) {
      const us = ring.rtt[i];
      return us === NO_VALUE || us === undefined
        ? { value: t("outcome.refused"), unit: "", isFailure: false }
        : { ...rtt(us / 1000), isFailure: false };
    }
    // Even one lost probe shows here until the next answer: a loss must never be invisible.
    if (outcome === LOST) return { value: t("outcome.timeout"), unit: "", isFailure: true };
    if (outcome === UNREACHABLE) return { value: t("outcome.unreachable"), unit: "", isFailure: true };
    return { value: NONE, unit: "", isFailure: false };
  }
  return { ...rtt(o.last?.rtt_ms ?? null), isFailure: false };
}

/** @param {ReturnType<typeof newest>} last @param {string} level */
function nowClass(last, level) {
  if (last.value === NONE) return "q now none";
  return `q now live-number${last.isFailure && level === "down" ? " tint tint-critical" : ""}`;
}

/** The muted words beside a badge: why, or since when. @param {Row} row */
export function reason({ o }) {
  switch (o.state) {
    case "error":
      return o.error ? t(`error.short.${o.error.kind}`) : "";
    case "stale":
      return t("since", { time: clock(o.last_answer_at ?? o.state_since) });
    case "waiting":
      return t("reason.waiting");
    case "paused":
      return t("since", { time: clock(o.state_since) });
    case "down":
    case "ok":
    case "warn":
    case "bad":
      return "";
  }
}

/** How long ago the last answer was, where that matters. @param {Row} row */
function age(row) {
  const at = row.o.last_answer_at ?? (row.ring.length === 0 ? null : row.ring.newestAt / 1000);
  return row.o.state !== "stale" || at === null ? "" : t("row.last_ago", { time: duration(store.now() - at) });
}

/** @param {SVGSVGElement} svg @param {Row} row */
function showGlyph(svg, row) {
  // Without a live view no level is known: the broken bar says so (UI.md section 4, disconnected).
  setGlyph(svg, store.isLive ? badge(row.o) : "stale");
}

/** @param {HTMLElement} element @param {Row} row */
function showTag(element, row) {
  const state = tag(row.o);
  element.hidden = state === null;
  if (state === null) return;
  setText(element, t(`state.${state}`));
  setAttribute(element, "class", `tag tag-${state}`);
}

/**
 * A picture of a row: a canvas of its own, or a place on the sheet of a long list.
 * @param {string} name @param {import("../charts/sheet.js").Sheet | undefined} sheet @param {import("../charts/canvas.js").Draw} draw
 */
function picture(name, sheet, draw) {
  /** @type {HTMLElement} */
  const canvas = h(sheet ? "div" : "canvas", { class: name, role: "img" });
  const surface = sheet ? sheet.slot(draw) : new Surface(/** @type {HTMLCanvasElement} */ (canvas), draw);
  return { canvas, surface, move: (/** @type {number} */ line) => { if ("move" in surface) surface.move(line); } };
}

/** @param {Row} row @param {import("../charts/sheet.js").Sheet} [sheet] */
function sparkline(row, sheet) {
  const { canvas, surface, move } = picture("spark", sheet, (context, frame) => drawSparkline(context, frame, row, store.now(), store.isLive));
  let labelledAt = 0;
  return {
    canvas, move,
    paint() {
      surface.invalidate();
      if (Date.now() - labelledAt < LABEL_MS) return;
      labelledAt = Date.now();
      setAttribute(canvas, "aria-label", sparklineLabel(row, store.now()));
    },
    dispose: () => surface.dispose(),
  };
}

/** Availability and of how long: live, of the last 24 hours as soon as they are known. @param {Row} row @param {import("../past.js").Figures} shown @returns {[number | null, number]} */
function upOf(row, shown) {
  const day = past.range.word === "live" ? past.day(row.o.key) : null;
  if (day !== null) return [day.availability_24h_ppm, day.measured_ms];
  return [shown.availability_ppm, past.range.word === "live" ? store.measuredMs(row) : shown.measured_ms];
}

/** @param {string} country */
function countryChip(country) {
  return country === "" ? null : h("span", { class: "chip" }, country);
}

/** Twenty-four hours in cells: which one is under the pointer is told, a press looks at it. @param {Row} row @param {(from: number, to: number) => void} pick @param {import("../charts/sheet.js").Sheet} [sheet] */
function qualityStrip(row, pick, sheet) {
  const codes = () => withNow(past.day(row.o.key)?.strip_24h ?? null, row.o);
  const { canvas, surface, move } = picture("strip", sheet, (context, frame) => drawStrip(context, frame, codes()));
  const cellAt = (/** @type {MouseEvent} */ event) => Math.max(0, Math.min(47, Math.floor((event.offsetX / canvas.clientWidth) * 48)));
  canvas.addEventListener("pointermove", (event) => {
    const known = codes();
    setAttribute(canvas, "title", known?.length ? cellText(known, cellAt(event), store.now()) : stripLabel(known));
  });
  canvas.addEventListener("click", (event) => {
    event.stopPropagation();
    const from = stripCell(cellAt(event), store.now());
    pick(from, from + STRIP_CELL_MS);
  });
  /** What was drawn: the stored day and the cell of this moment. @type {[day: object | null, now: number] | null} */
  let drawn = null;
  return {
    canvas,
    move(/** @type {number} */ line) {
      move(line);
      drawn = null;
    },
    update() {
      const day = past.day(row.o.key);
      const now = nowCode(row.o);
      if (drawn !== null && drawn[0] === day && drawn[1] === now) return;
      drawn = [day, now];
      setAttribute(canvas, "aria-label", stripLabel(codes()));
      surface.invalidate();
    },
    dispose: () => surface.dispose(),
  };
}

/** A cell whose news stay inside it: the browser need not lay the table out again for a digit. @param {string} name @param {...Element} parts */
function figure(name, ...parts) {
  return h("td", { class: `num ${name}` }, h("div", { class: "figure" }, ...parts));
}

/**
 * A row of the fleet table.
 * @param {Row} row
 * @param {(from: number, to: number) => void} pick Looks at a period.
 * @param {readonly import("../columns.js").Column[]} columns In their order.
 * @param {Sheets} [sheets] Of a long list.
 * @returns {RowView}
 */
export function tableRow(row, pick, columns, sheets) {
  const { o } = row;
  const icon = glyph(badge(o));
  const word = h("b", { class: "level-word" });
  const tagElement = h("span", { class: "tag" });
  const why = h("span", { class: "muted small why" });
  const name = h("a", { class: "row-link", href: targetHref(o.id) });
  const address = h("span", { class: "address" });
  const spark = sparkline(row, sheets?.spark);
  const now = quantity("q now live-number");
  const ago = h("span", { class: "ago" });
  const p50 = h("span", { class: "live-number" });
  const p95 = h("span", { class: "live-number" });
  const jitter = h("span", { class: "live-number" });
  const lost = quantity("q live-number");
  const rto = h("span", { class: "live-number" });
  const up = quantity("q live-number");
  const of = h("span", { class: "ago" });
  const country = h("td", { class: "c-country" }, countryChip(o.country));
  const strip = qualityStrip(row, pick, sheets?.strip);
  /** @type {Record<import("../columns.js").Column, HTMLElement>} */
  const cells = {
    grade: h("td", { class: "c-grade" }, h("span", { class: "grade" }, icon, word, tagElement, why)),
    target: h("th", { scope: "row", class: "c-target" }, name, address), country,
    spark: h("td", { class: "c-spark" }, spark.canvas),
    now: figure("c-now", now.element, ago), p50: figure("c-p50", p50), p95: figure("c-p95", p95), jitter: figure("c-jitter", jitter),
    loss: figure("c-loss", lost.element), rto: figure("c-rto", rto), strip: h("td", { class: "c-strip" }, strip.canvas), up: figure("c-up", up.element, of),
  };
  const element = h("tr", { "data-key": o.key }, ...columns.map((column) => cells[column]));
  // The whole row is a target for the pointer; the link inside is the one for keys and readers.
  element.addEventListener("click", (event) => { if (!(/** @type {Element} */ (event.target)).closest("a")) name.click(); });

  const write = {
    word: textWriter(word), why: textWriter(why), name: textWriter(name), address: textWriter(address), ago: textWriter(ago), p50: textWriter(p50),
    p95: textWriter(p95), jitter: textWriter(jitter), rto: textWriter(rto), of: textWriter(of),
    nowClass: classWriter(now.element), lostClass: classWriter(lost.element), rtoClass: classWriter(rto), rowClass: classWriter(element),
  };
  /** @type {import("../types").OverviewRow | null} */
  let named = null;
  const update = () => {
    const { o: current } = row;
    const level = badge(current);
    showGlyph(icon, row);
    write.word(badgeWord(level));
    showTag(tagElement, row);
    write.why(reason(row));
    // Settings come with a new row; the sums of each second change its figures alone.
    if (named !== current) {
      named = current;
      write.name(current.name);
      write.address(addressLine(current));
    }
    const last = newest(row);
    now.update(last);
    write.nowClass(nowClass(last, level));
    write.ago(age(row));
    const shown = past.figures(row);
    const isEmpty = shown.p50_ms === null;
    write.p50(rtt(shown.p50_ms).value);
    write.p95(rtt(shown.p95_ms).value);
    write.jitter(rtt(shown.jitter_ms).value);
    lost.update(loss(shown.loss_ppm));
    const tint = lossTint({ loss_ppm: shown.loss_ppm, thresholds: current.thresholds });
    write.lostClass(tint === "" ? `q live-number${shown.loss_ppm === 0 ? " zero" : ""}` : `q live-number tint tint-${tint}`);
    write.rto(isEmpty && shown.loss_ppm === null ? NONE : count(shown.rto));
    write.rtoClass(shown.rto === 0 ? "live-number zero" : "live-number strong");
    strip.update();
    const [share, time] = upOf(row, shown);
    up.update(availability(share));
    write.of(share === null ? "" : t("of_time", { time: duration(time) }));
    write.rowClass(`row level-${level}`);
  };
  return {
    element, update, paint: spark.paint,
    move(line) {
      spark.move(line);
      strip.move(line);
    },
    dispose() {
      spark.dispose();
      strip.dispose();
    },
  };
}

/**
 * A card of the fleet, for narrow pages.
 * @param {Row} row
 * @returns {RowView}
 */
export function cardRow(row) {
  const { o } = row;
  const icon = glyph(badge(o));
  const name = h("a", { class: "row-link", href: targetHref(o.id) });
  const now = quantity("q now live-number");
  const spark = sparkline(row);
  const word = h("span", { class: "level-word" });
  const tagElement = h("span", { class: "tag" });
  const p95 = h("span", { class: "live-number" });
  const jitter = h("span", { class: "live-number" });
  const lost = h("span", { class: "live-number" });
  const element = h("li", { class: "card row-card", "data-key": o.key },
    h("div", { class: "card-head" }, icon, name, countryChip(o.country), now.element),
    spark.canvas,
    h("div", { class: "card-foot" }, h("span", { class: "card-level" }, word, tagElement), p95, jitter, lost));
  element.addEventListener("click", (event) => { if (!(/** @type {Element} */ (event.target)).closest("a")) name.click(); });
  const update = () => {
    const { o: current } = row;
    const level = badge(current);
    showGlyph(icon, row);
    setText(name, current.name);
    const last = newest(row);
    now.update(last);
    setAttribute(now.element, "class", nowClass(last, level));
    const isMeasured = tag(current) !== null || level === "down";
    const why = level === "stale" ? age(row) : level === "error" ? current.error?.text ?? "" : reason(row);
    setText(word, isMeasured || why === "" ? badgeWord(level) : `${badgeWord(level)} · ${why}`);
    showTag(tagElement, row);
    const shown = past.figures(row);
    for (const [figure, text] of /** @type {[HTMLElement, string][]} */ ([
      [p95, t("card.p95", { value: rtt(shown.p95_ms).value })],
      [jitter, t("card.jitter", { value: rtt(shown.jitter_ms).value })],
      [lost, t("card.loss", { value: plain(loss(shown.loss_ppm)) })],
    ])) {
      figure.hidden = !isMeasured && past.range.word === "live";
      setText(figure, text);
    }
    setAttribute(element, "class", `card row-card level-${level}`);
  };
  return { element, update, paint: spark.paint, dispose: spark.dispose };
}

/** What a tile writes large: the newest answer, or the word for why there is none. @param {Row} row */
function headline(row) {
  const { o } = row;
  if (o.state === "error" && o.error) return { value: t(`error.short.${o.error.kind}`), unit: "", isFailure: true };
  return newest(row);
}

/**
 * A tile of the wall: read from across a room; urgent ones are filled, unmeasured ones hatched.
 * @param {Row} row
 * @returns {RowView}
 */
export function tileRow(row) {
  const { o } = row;
  const icon = glyph(badge(o));
  const word = h("b", { class: "level-word" });
  const tagElement = h("span", { class: "tag" });
  const name = h("a", { class: "row-link", href: targetHref(o.id) });
  const now = quantity("q now live-number");
  const spark = sparkline(row);
  const left = h("span", null);
  const right = h("span", { class: "live-number" });
  const element = h("li", { class: "tile", "data-key": o.key },
    h("div", { class: "tile-head" }, icon, word, tagElement, countryChip(o.country)), name, now.element, spark.canvas,
    h("div", { class: "tile-foot" }, left, right));
  element.addEventListener("click", (event) => { if (!(/** @type {Element} */ (event.target)).closest("a")) name.click(); });
  const update = () => {
    const { o: current } = row;
    const level = badge(current);
    showGlyph(icon, row);
    setText(word, badgeWord(level));
    showTag(tagElement, row);
    setText(name, current.name);
    const last = headline(row);
    now.update(last);
    setAttribute(now.element, "class", `q now live-number${last.unit === "" && last.value !== NONE ? " in-words" : ""}`);
    const shown = past.figures(row);
    const why = level === "stale" ? age(row) : level === "down" ? t("row.down_for", { time: duration(store.now() - current.state_since) }) : reason(row);
    setText(left, tag(current) === null ? why : t("card.p95", { value: rtt(shown.p95_ms).value }));
    setText(right, shown.loss_ppm === null ? "" : t("card.loss", { value: plain(loss(shown.loss_ppm)) }));
    setAttribute(element, "class", `tile level-${level}`);
  };
  return { element, update, paint: spark.paint, dispose: spark.dispose };
}
