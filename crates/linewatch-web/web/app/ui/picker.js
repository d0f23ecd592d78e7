/**
 * Lets a person choose one of many by typing: a combobox with its list. Used by search and by "Change target".
 * Input: a function from the typed text to options. Output: the chosen option. Keys: arrows, Enter, Escape.
 */

import { fill, glyph, h, setAttribute } from "../dom.js";

/** @typedef {{ label: string, detail: string, shape: import("../dom.js").Shape, run: () => void }} Option */

let lists = 0;

/**
 * @param {{ label: string, placeholder: string, empty: string, options: (text: string) => Option[], onpick: () => void }} settings
 */
export function picker({ label, placeholder, empty, options, onpick }) {
  lists += 1;
  const listId = `picker-${lists}`;
  const list = h("ul", { class: "picker-list", role: "listbox", id: listId, "aria-label": label });
  const note = h("p", { class: "muted small" });
  const input = h("input", {
    type: "text", class: "field", role: "combobox", "aria-label": label, "aria-controls": listId, "aria-expanded": "true",
    "aria-autocomplete": "list", autocomplete: "off", spellcheck: "false", placeholder,
  });
  /** @type {Option[]} */
  let shown = [];
  let active = 0;

  const mark = () => {
    [...list.children].forEach((item, index) => {
      setAttribute(item, "aria-selected", String(index === active));
      if (index === active) item.scrollIntoView({ block: "nearest" });
    });
    setAttribute(input, "aria-activedescendant", shown.length > 0 ? `${listId}-${active}` : null);
  };
  /** @param {number} index */
  const pick = (index) => {
    const option = shown[index];
    if (!option) return;
    onpick();
    option.run();
  };
  const update = () => {
    shown = options(input.value);
    active = 0;
    fill(list, ...shown.map((option, index) => h("li", { role: "option", id: `${listId}-${index}`, onclick: () => pick(index) },
      glyph(option.shape), h("span", { class: "picker-label" }, option.label), h("span", { class: "muted small" }, option.detail))));
    note.textContent = shown.length === 0 ? empty : "";
    list.hidden = shown.length === 0;
    mark();
  };
  input.addEventListener("input", update);
  input.addEventListener("keydown", (event) => {
    const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    if (step !== 0 && shown.length > 0) {
      active = (active + step + shown.length) % shown.length;
      mark();
      event.preventDefault();
    } else if (event.key === "Enter") {
      event.preventDefault();
      pick(active);
    }
  });
  update();
  return { element: h("div", { class: "picker" }, input, list, note), input };
}
