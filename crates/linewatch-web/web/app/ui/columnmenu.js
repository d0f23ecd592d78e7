/**
 * Chooses and orders the columns of the fleet table. Output: another table at once, kept in this browser; where it keeps nothing
 * the choice holds for the visit, and that is said. Loaded when a person asks for it.
 */

import { COLUMNS, FIXED, chosenColumns, moved, writeColumns } from "../columns.js";
import { fill, h, setText } from "../dom.js";
import { t } from "../i18n.js";
import { loadPart } from "../parts.js";
import { applyLook, writeLook } from "../settings/look.js";
import { openDialog } from "./dialog.js";

/** @typedef {import("../columns.js").Column} Column */

export async function openColumns() {
  await loadPart("columns");
  openDialog(t("columns.title"), (close) => {
    const list = h("ul", { class: "column-list" });
    const note = h("p", { class: "muted small", role: "status" });
    const shown = () => chosenColumns() ?? [...COLUMNS];
    /** @param {readonly Column[]} columns @param {string} [focus] */
    const choose = (columns, focus) => {
      const isKept = writeLook("columns", writeColumns(columns));
      applyLook();
      draw();
      setText(note, t(isKept ? "columns.kept" : "columns.visit"));
      /** @type {HTMLElement | null} */ (focus ? list.querySelector(`[data-focus="${focus}"]:not(:disabled)`) : null)?.focus();
    };
    /** @param {Column} name @param {boolean} isOn */
    const item = (name, isOn) => {
      const columns = shown();
      const at = columns.indexOf(name);
      const label = t(`column.${name}`);
      const box = h("input", { type: "checkbox", checked: isOn, disabled: FIXED.has(name), "data-focus": `${name}-box`, onchange: () => {
        // A column comes back where it usually is.
        choose(box.checked ? insertUsual(shown(), name) : shown().filter((one) => one !== name), `${name}-box`);
      } });
      const step = (/** @type {-1 | 1} */ way) => h("button", {
        type: "button", class: "icon-button", "data-focus": `${name}${way}`, "aria-label": t(way < 0 ? "columns.forward" : "columns.back", { name: label }),
        disabled: !isOn || at + way < 0 || at + way >= columns.length, onclick: () => choose(moved(shown(), name, way), `${name}${way}`),
      }, way < 0 ? "↑" : "↓");
      return h("li", { class: "column-item" }, h("label", { class: "menu-item" }, box, h("span", null, label)), step(-1), step(1));
    };
    const draw = () => {
      const columns = shown();
      fill(list, ...columns.map((name) => item(name, true)), ...COLUMNS.filter((name) => !columns.includes(name)).map((name) => item(name, false)));
    };
    draw();
    return [h("p", { class: "muted small" }, t("columns.text")), list, note, h("div", { class: "dialog-actions" },
      h("button", { type: "button", class: "button primary", onclick: close }, t("action.close")),
      h("button", { type: "button", class: "button", onclick: () => choose(COLUMNS) }, t("columns.usual")))];
  });
}

/** Behind the last column that usually stands before it. @param {readonly Column[]} columns @param {Column} name @returns {Column[]} */
function insertUsual(columns, name) {
  const before = COLUMNS.slice(0, COLUMNS.indexOf(name));
  const at = columns.findLastIndex((one) => before.includes(one)) + 1;
  return [...columns.slice(0, at), name, ...columns.slice(at)];
}
