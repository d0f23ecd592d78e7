/**
 * Keeps the rows of the fleet: a table where it is wide, cards where it is not, tiles for a wall.
 * Input: the rows in their order. Output: elements for those near the viewport; the others are empty space of the same
 * height, so that 2,000 targets cost what a screen of them costs. Keys move over all of them.
 */

import { onTheme } from "../charts/canvas.js";
import { Sheet } from "../charts/sheet.js";
import { COLUMNS, chosenColumns, widthOf } from "../columns.js";
import { fill, h, keyed, setAttribute, setText } from "../dom.js";
import { t } from "../i18n.js";
import { AROUND, WHOLE_MAX, balanced, slice } from "../slice.js";
import { store } from "../store.js";
import { cardRow, tableRow, tileRow } from "./rows.js";

/** @typedef {import("../store.js").Row} Row */
/** @typedef {import("./rows.js").RowView & { row: Row, at: number, isOld: boolean }} View `isOld`: has news that are not drawn. */
/** @typedef {"table" | "tiles"} Look */

/** Heights of one line with its gap, px: what the style gives a row of a long list (pages.css, `.long`). */
const PITCH = { row: 45, compact: 32, card: 122, tile: 242 };
/** Heights of the pictures in a row, px: `.spark` and `.strip` of pages.css. */
const PICTURES = { spark: 32, strip: 26 };
/** Rows of a long list this many lines beyond the sight have their news drawn when they come nearer. */
const NEAR = 1;
/** Columns of words and pictures; the others are figures. */
const WORDS = new Set(["grade", "target", "country", "spark", "strip"]);
const wide = matchMedia("(min-width: 1024px)");
const twoCards = matchMedia("(min-width: 720px)");
const canHover = matchMedia("(hover: hover)");

/**
 * @param {{ pick: (from: number, to: number) => void, look: () => Look, onwidth: () => void, isChosen: (id: string) => boolean }} settings
 *   `pick` looks at a period; `onwidth` is told when rows have to be drawn anew; `isChosen`: is the target being compared?
 */
export function fleetList({ pick, look, onwidth, isChosen }) {
  const before = h("div", { class: "space", "aria-hidden": "true" });
  const after = h("div", { class: "space", "aria-hidden": "true" });
  const place = h("div", null);
  const note = h("p", { class: "muted small list-note" });
  const element = h("div", { class: "fleet-list" }, place, note);
  /** @type {Map<string, View>} */
  const views = new Map();
  /** @type {readonly Row[]} */
  let rows = [];
  /** @type {HTMLElement} */
  let body = h("ul", null);
  /** @type {HTMLElement} */
  let frame = body;
  /** Where keys are, by series key: the row may be out of the page. @type {number | null} */
  let current = null;
  let isPrinting = false;
  let isAsked = false;
  let columns = chosenColumns();
  /** Rows whose news are drawn at once, as indexes. */
  let near = { from: 0, to: Infinity };
  /** What the pictures of a long table stand on. @type {import("./rows.js").Sheets | undefined} */
  let sheets;

  const shape = () => (look() === "tiles" ? "tile" : wide.matches ? "table" : "card");
  const clear = () => {
    for (const view of views.values()) view.dispose();
    views.clear();
  };
  const pitch = () => (document.documentElement.dataset["density"] === "compact" ? PITCH.compact : PITCH.row);
  /** Between a list and a long one rows are made anew: their pictures stand elsewhere. @param {boolean} isWanted */
  const setSheets = (isWanted) => {
    if (isWanted === (sheets !== undefined)) return;
    clear();
    fill(body);
    sheets?.spark.dispose();
    sheets?.strip.dispose();
    sheets = isWanted ? { spark: new Sheet("c-spark", PICTURES.spark, pitch), strip: new Sheet("c-strip", PICTURES.strip, pitch) } : undefined;
  };
  const rebuild = () => {
    clear();
    setSheets(false);
    if (shape() === "table") {
      columns = chosenColumns();
      const list = columns ?? COLUMNS;
      body = h("tbody", null);
      const space = h("tbody", { class: "space-rows", "aria-hidden": "true" }, h("tr", null, h("td", { colspan: list.length }, before)));
      frame = h("table", { class: `fleet-table${columns === null ? "" : " own-columns"}` }, h("caption", { class: "visually-hidden" }, t("fleet.caption")), tableHead(list), space, body);
      fill(place, h("div", { class: "card table-card" }, frame, after));
      fit();
    } else {
      body = h("ul", { class: shape() === "tile" ? "tiles" : "cards", "aria-label": t("fleet.caption") });
      frame = body;
      fill(place, before, body, after);
    }
  };

  /** Columns somebody chose are never left out for want of room: the table is moved sideways, its head and its targets stay. */
  const fit = () => {
    const card = frame.parentElement;
    if (shape() !== "table" || card === null || columns === null) return;
    const least = widthOf(columns);
    frame.style.minWidth = `${least}px`;
    const isNarrow = place.clientWidth > 0 && place.clientWidth < least;
    if (card.classList.toggle("sideways", isNarrow) !== isNarrow) return;
    for (const [name, word] of Object.entries({ tabindex: "0", role: "region", "aria-label": t("fleet.caption") })) setAttribute(card, name, isNarrow ? word : null);
  };
  /** @returns {{ columns: number, pitch: number }} */
  const grid = () => {
    const now = shape();
    if (now === "table") return { columns: 1, pitch: pitch() };
    if (now === "card") return { columns: twoCards.matches ? 2 : 1, pitch: PITCH.card };
    return { columns: Math.max(1, getComputedStyle(body).gridTemplateColumns.split(" ").length), pitch: PITCH.tile };
  };
  /** As many tiles side by side as fit, or somewhat fewer where that leaves less of the last line empty. */
  const balance = () => {
    body.style.removeProperty("grid-template-columns");
    const n = balanced(rows.length, grid().columns);
    if (n > 0) body.style.gridTemplateColumns = `repeat(${n}, minmax(0, 1fr))`;
  };
  const choose = (/** @type {View} */ view) => setAttribute(view.element, "data-chosen", isChosen(view.row.o.id) ? "" : null);
  const create = (/** @type {Row} */ row) => {
    const now = shape();
    // The sheets end with the part of the list that is in the page: on paper all of it is.
    const view = { ...(now === "table" ? tableRow(row, pick, columns ?? COLUMNS, isPrinting ? undefined : sheets) : now === "card" ? cardRow(row) : tileRow(row)), row, at: -1, isOld: false };
    view.update();
    if (!view.move) view.paint();
    choose(view);
    return view;
  };
  const render = () => {
    isAsked = false;
    const isMany = rows.length > WHOLE_MAX;
    const isLong = isMany && !isPrinting;
    frame.classList.toggle("long", isMany);
    setSheets(isMany && shape() === "table");
    if (shape() === "tile") balance();
    const all = { from: 0, to: rows.length, before: 0, after: 0 };
    const head = before.getBoundingClientRect();
    const part = isLong ? slice({ count: rows.length, ...grid(), top: head.top, height: innerHeight }) : all;
    before.style.height = `${part.before}px`;
    after.style.height = `${part.after}px`;
    keyed(body, views, rows.slice(part.from, part.to), (row) => String(row.o.key), create, (view) => view.dispose());
    if (sheets && isLong) {
      const first = views.get(String(rows[part.from]?.o.key))?.element;
      for (const sheet of [sheets.spark, sheets.strip]) sheet.place(first, part.from, part.to - part.from);
    }
    const beyond = (AROUND - NEAR) * (isLong ? grid().columns : 0);
    near = { from: part.from === 0 ? 0 : part.from + beyond, to: part.to === rows.length ? part.to : part.to - beyond };
    for (let i = part.from; i < part.to; i += 1) tell(i);
    setAttribute(frame, "aria-rowcount", shape() === "table" ? String(rows.length + 1) : null);
    note.hidden = !isLong;
    if (isLong) setText(note, t("fleet.long", { n: rows.length }));
  };
  const isNear = (/** @type {number} */ i) => i >= near.from && i < near.to;
  /** Drawn by the present piece of work: the rows' news of the same piece are in them. @type {Set<View>} */
  const fresh = new Set();
  const refresh = (/** @type {View} */ view) => {
    view.isOld = false;
    if (fresh.size === 0) queueMicrotask(() => fresh.clear());
    fresh.add(view);
    view.update();
    view.paint();
  };
  /** Says where a row is in the whole list. @param {number} i */
  const tell = (i) => {
    const view = views.get(String(rows[i]?.o.key));
    if (!view) return;
    const isMoved = view.at !== i;
    if (isMoved && view.move) {
      view.move(i);
      view.isOld = true;
    }
    if (view.isOld && isNear(i)) refresh(view);
    if (!isMoved) return;
    view.at = i;
    if (shape() === "table") setAttribute(view.element, "aria-rowindex", String(i + 2));
    else setAttribute(view.element, "aria-posinset", String(i + 1));
  };
  const onScroll = (/** @type {Event} */ event) => {
    const isRagged = event.type === "resize" && shape() === "tile";
    if (isAsked || (rows.length <= WHOLE_MAX && !isRagged)) return;
    isAsked = true;
    requestAnimationFrame(render);
  };
  const onPrint = (/** @type {Event} */ event) => {
    isPrinting = event.type === "beforeprint";
    render();
  };
  const onWide = () => {
    rebuild();
    onwidth();
  };
  // A table that is moved sideways scrolls by itself: its events do not rise, they are caught on their way down.
  addEventListener("scroll", onScroll, { passive: true, capture: true });
  addEventListener("resize", onScroll);
  addEventListener("beforeprint", onPrint);
  addEventListener("afterprint", onPrint);
  wide.addEventListener("change", onWide);
  element.addEventListener("focusin", (event) => {
    const key = /** @type {Element} */ (event.target).closest("[data-key]")?.getAttribute("data-key");
    if (key) current = Number(key);
  });
  // Another look of the page may have other columns: what was kept for every browser comes after the first rows.
  const offTheme = onTheme(() => {
    if (shape() !== "table" || String(chosenColumns()) === String(columns)) return;
    onWide();
  });
  rebuild();
  // The card has its width once there are rows in it.
  const widths = new ResizeObserver(() => fit());
  widths.observe(place);

  return {
    element, rebuild,
    /** @param {readonly Row[]} next */
    draw(next) {
      // Asking where the list begins makes the browser lay the page out: not each second for the same rows.
      const isSame = next.length === rows.length && next.every((row, index) => row === rows[index]);
      rows = next;
      if (isSame && views.size > 0) return;
      element.hidden = rows.length === 0;
      render();
    },
    /** @param {Set<number>} keys @param {boolean} isTick */
    update(keys, isTick) {
      for (const view of views.values()) {
        if (fresh.has(view)) continue;
        const isDirty = keys.has(view.row.o.key);
        // Without new rows only what ages moves on: once a second.
        const ages = isTick && (view.row.o.state !== "ok" || !store.isLive);
        if (!isDirty && !ages) continue;
        if (!isNear(view.at)) {
          view.isOld = true;
          continue;
        }
        if (store.isLive || isTick) view.update();
        view.paint();
      }
    },
    /** Marks the rows that are compared. */
    markChosen() {
      for (const view of views.values()) choose(view);
    },
    /** The row where keys are, also when it is out of the page. */
    get current() {
      return rows.find((row) => row.o.key === current) ?? null;
    },
    updateAll() {
      for (const view of views.values()) refresh(view);
    },
    /** Is someone reading or pointing here? */
    isHeld: () => element.contains(document.activeElement) || (canHover.matches && element.matches(":hover")),
    /** @param {number} step */
    move(step) {
      const at = rows.findIndex((row) => row.o.key === current);
      const index = Math.max(0, Math.min(rows.length - 1, at < 0 ? 0 : at + step));
      const row = rows[index];
      if (!row) return;
      if (!views.has(String(row.o.key))) {
        const { columns, pitch } = grid();
        const by = before.getBoundingClientRect().top + Math.floor(index / columns) * pitch - innerHeight / 2;
        (frame.closest(".sideways") ?? window).scrollBy(0, by);
        render();
      }
      /** @type {HTMLElement | null | undefined} */ (views.get(String(row.o.key))?.element.querySelector(".row-link"))?.focus();
    },
    dispose() {
      clear();
      offTheme();
      widths.disconnect();
      removeEventListener("scroll", onScroll, { capture: true });
      removeEventListener("resize", onScroll);
      removeEventListener("beforeprint", onPrint);
      removeEventListener("afterprint", onPrint);
      wide.removeEventListener("change", onWide);
    },
  };
}

/** @param {readonly import("../columns.js").Column[]} columns */
function tableHead(columns) {
  return h("thead", null, h("tr", null, ...columns.map((name) => h("th", { scope: "col", class: `${WORDS.has(name) ? "" : "num"} c-${name}` }, t(`column.${name}`)))));
}
