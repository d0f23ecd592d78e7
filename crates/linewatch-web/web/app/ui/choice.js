/**
 * One menu of checkboxes over words of a list: types, severities, targets, parts. Input: choices with their counts and what is
 * chosen. Output: a new choice, at once. The menu says how many are chosen; keys and readers have every box.
 */

import { fill, h, setAttribute, setText } from "../dom.js";
import { t } from "../i18n.js";

/** A menu this long gets a field to search in it. */
const SEARCHABLE_MIN = 8;
let lists = 0;

/**
 * @param {{ title: string, choices: () => { value: string, label: string, n: number }[], read: () => readonly string[],
 *   write: (values: string[]) => void }} settings
 */
export function choiceMenu({ title, choices, read, write }) {
  lists += 1;
  const label = h("span", null);
  const number = h("b", null);
  const summary = h("summary", { class: "filter-button" }, label, number);
  const list = h("div", { class: "menu-list", role: "group", "aria-label": title });
  const search = h("input", { type: "search", class: "field small", placeholder: t("filter.find"), "aria-label": t("filter.find") });
  const clear = h("button", { type: "button", class: "button small", onclick: () => { write([]); draw(); } }, t("filter.all"));
  const element = h("details", { class: "menu" }, summary, h("div", { class: "popover menu-panel", id: `choice-${lists}` }, search, list, clear));
  const draw = () => {
    const chosen = new Set(read());
    const needle = search.value.trim().toLowerCase();
    const all = choices();
    search.hidden = all.length < SEARCHABLE_MIN;
    fill(list, ...all.filter((one) => one.label.toLowerCase().includes(needle)).map(({ value, label: text, n }) => {
      const box = h("input", { type: "checkbox", value, checked: chosen.has(value), onchange: (event) => {
        const next = new Set(read());
        if (/** @type {HTMLInputElement} */ (event.target).checked) next.add(value);
        else next.delete(value);
        write([...next]);
      } });
      return h("label", { class: "menu-item" }, box, h("span", null, text), h("span", { class: "muted small end" }, String(n)));
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
  const onPointer = (/** @type {PointerEvent} */ event) => { if (!element.contains(/** @type {Node} */ (event.target))) element.open = false; };
  document.addEventListener("pointerdown", onPointer);
  const update = () => {
    const n = read().length;
    setText(label, n === 0 ? `+ ${title}` : title);
    setText(number, n === 0 ? "" : String(n));
    setAttribute(summary, "class", n === 0 ? "filter-button plain" : "filter-button on");
  };
  update();
  return { element, update, dispose: () => document.removeEventListener("pointerdown", onPointer) };
}
