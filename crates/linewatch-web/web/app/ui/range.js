/**
 * The choice of a period: buttons, and for an own period a panel with two fields that is loaded when it is opened.
 * Input: the period and where to put a new one. Output: a bar of buttons; keys are the page's.
 */

import { h, setAttribute } from "../dom.js";
import { t } from "../i18n.js";
import { named } from "../range.js";

/** @typedef {import("../range.js").Range} Range */
/** @typedef {import("../range.js").RangeWord} RangeWord */

/**
 * @param {{ words: readonly RangeWord[], read: () => Range, write: (range: Range) => void, label: string, isSmall?: boolean }} options
 */
export function rangeBar({ words, read, write, label }) {
  const panel = h("div", { class: "range-panel" });
  panel.hidden = true;
  const close = (/** @type {boolean} */ withFocus) => {
    if (panel.hidden) return;
    panel.hidden = true;
    panel.replaceChildren();
    if (withFocus) buttons.at(-1)?.focus();
    update();
  };
  const openPanel = async () => {
    if (!panel.hidden) {
      close(true);
      return;
    }
    panel.hidden = false;
    update();
    const { periodForm } = await import("./period.js");
    if (panel.hidden) return;
    const form = periodForm(read(), (range) => {
      close(true);
      write(range);
    }, () => close(true));
    panel.replaceChildren(form.element);
    form.focus();
  };
  const choose = (/** @type {RangeWord} */ word) => {
    if (word === "custom") void openPanel();
    else {
      close(false);
      write(named(word));
    }
  };
  const buttons = words.map((word) => h("button", { type: "button", class: "segment", onclick: () => choose(word) }, t(`range.${word}`)));
  buttons.at(-1)?.setAttribute("aria-haspopup", "dialog");
  const element = h("div", { class: "anchor ranges" }, h("div", { class: "segments", role: "group", "aria-label": label }, ...buttons), panel);
  const update = () => {
    words.forEach((word, index) => {
      const button = buttons[index];
      if (button) setAttribute(button, "aria-pressed", String(word === read().word));
      if (button && word === "custom") setAttribute(button, "aria-expanded", String(!panel.hidden));
    });
  };
  const onPointer = (/** @type {PointerEvent} */ event) => { if (!element.contains(/** @type {Node} */ (event.target))) close(false); };
  document.addEventListener("pointerdown", onPointer);
  update();
  return {
    element, update,
    /** A digit chooses. @param {string} key */
    key(key) {
      const word = words[Number(key) - 1];
      if (!/^[1-9]$/.test(key) || word === undefined) return false;
      choose(word);
      return true;
    },
    dispose: () => document.removeEventListener("pointerdown", onPointer),
  };
}
