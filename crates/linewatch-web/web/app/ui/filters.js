/**
 * Narrows the fleet: text, country, status, protocol, group. Input: filters and counts. Output: new filters, at once.
 * Every choice is a checkbox in a menu, so that keys and readers have it too.
 */

import { fill, h, setAttribute, setText } from "../dom.js";
import { regionName, t } from "../i18n.js";
import { BADGES, badge } from "../level.js";
import { store } from "../store.js";

/** @typedef {import("../url.js").Filters} Filters */
/** @typedef {"country" | "status" | "proto" | "group"} ListFilter */

/** A menu this long gets a field to search in it. */
const SEARCHABLE_MIN = 8;

/** "Japan" for JP; LAN and ANY stand for themselves. @param {string} code */
function countryName(code) {
  if (code === "") return t("filter.unknown");
  return /^[A-Z]{2}$/.test(code) ? regionName(code) : "";
}

/** @param {ListFilter} kind @param {import("../types").OverviewRow} o */
function valueOf(kind, o) {
  switch (kind) {
    case "country": return o.country.toUpperCase();
    case "status": return badge(o);
    case "proto": return o.probe;
    case "group": return o.group;
  }
}

/** @param {ListFilter} kind @param {string} value */
function labelOf(kind, value) {
  if (kind === "country") return value === "" ? countryName(value) : value;
  if (kind === "group") return value === "" ? t("filter.unknown") : value;
  return kind === "proto" ? t(`method.${value}`) : t(`badge.${value}`);
}

/** @param {ListFilter} kind @returns {[string, number][]} values with their number of targets */
function choices(kind) {
  /** @type {Map<string, number>} */
  const counts = new Map();
  for (const { o } of store.rows.values()) {
    const value = valueOf(kind, o);
    counts.set(value, (counts.get(value) ?? 0) + 1);
  }
  const known = [...counts].filter(([value]) => value !== "");
  if (kind === "status") return known.sort(([a], [b]) => BADGES.findIndex((word) => word === a) - BADGES.findIndex((word) => word === b));
  return known.sort(([a], [b]) => a.localeCompare(b));
}

/**
 * One menu of checkboxes.
 * @param {ListFilter} kind
 * @param {() => Filters} read
 * @param {(filters: Filters) => void} write
 */
function menu(kind, read, write) {
  const label = h("span", null);
  const number = h("b", null);
  const summary = h("summary", { class: "filter-button" }, label, number);
  const list = h("div", { class: "menu-list", role: "group", "aria-label": t(`filter.${kind}`) });
  const search = h("input", { type: "search", class: "field small", placeholder: t("filter.find"), "aria-label": t("filter.find") });
  const clear = h("button", { type: "button", class: "button small", onclick: () => write({ ...read(), [kind]: [] }) }, t("filter.all"));
  const element = h("details", { class: `menu menu-${kind}` }, summary, h("div", { class: "popover menu-panel" }, search, list, clear));
  const draw = () => {
    const chosen = new Set(read()[kind]);
    const needle = search.value.trim().toLowerCase();
    const all = choices(kind);
    search.hidden = all.length < SEARCHABLE_MIN;
    fill(list, ...all.filter(([value]) => `${value} ${kind === "country" ? countryName(value) : ""}`.toLowerCase().includes(needle)).map(([value, n]) => {
      const box = h("input", { type: "checkbox", value, checked: chosen.has(value), onchange: (event) => {
        const next = new Set(read()[kind]);
        if (/** @type {HTMLInputElement} */ (event.target).checked) next.add(value);
        else next.delete(value);
        write({ ...read(), [kind]: [...next] });
      } });
      return h("label", { class: "menu-item" }, box, h("span", null, labelOf(kind, value)),
        h("span", { class: "muted small" }, kind === "country" ? countryName(value) : ""), h("span", { class: "muted small end" }, String(n)));
    }));
    if (all.length === 0) fill(list, h("p", { class: "muted small" }, t("filter.nothing")));
  };
  search.addEventListener("input", draw);
  element.addEventListener("toggle", () => { if (element.open) draw(); });
  element.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !element.open) return;
    element.open = false;
    summary.focus();
    event.stopPropagation();
  });
  return {
    element,
    update() {
      const chosen = read()[kind];
      const all = choices(kind).length;
      const isPlain = kind !== "country" && chosen.length === 0;
      setText(label, isPlain ? `+ ${t(`filter.${kind}`)}` : t(`filter.${kind}`));
      setText(number, isPlain ? "" : ` ${t("filter.n_of", { n: chosen.length === 0 ? all : chosen.length, all })}`);
      setAttribute(summary, "class", isPlain ? "filter-button plain" : "filter-button on");
    },
    close() { element.open = false; },
  };
}

/**
 * @param {() => Filters} read
 * @param {(filters: Filters) => void} write
 */
export function filterBar(read, write) {
  const input = h("input", { type: "search", class: "field filter-text", placeholder: t("filter.text"), "aria-label": t("filter.text") });
  input.addEventListener("input", () => write({ ...read(), q: input.value }));
  const menus = /** @type {const} */ (["country", "status", "proto", "group"]).map((kind) => menu(kind, read, write));
  const element = h("div", { class: "filters" }, input, ...menus.map((one) => one.element));
  /** @param {PointerEvent} event */
  const closeOthers = (event) => {
    for (const one of menus) if (!one.element.contains(/** @type {Node} */ (event.target))) one.close();
  };
  document.addEventListener("pointerdown", closeOthers);
  return {
    element,
    update() {
      const { q } = read();
      if (document.activeElement !== input && input.value !== q) input.value = q;
      for (const one of menus) one.update();
    },
    dispose: () => document.removeEventListener("pointerdown", closeOthers),
  };
}
