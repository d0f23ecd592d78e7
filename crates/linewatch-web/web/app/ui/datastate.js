/**
 * What stands where data is not there: a skeleton of the final size, the reason why a list is empty with one way on, an error
 * with its words and Retry. Input: words and actions. Output: an element that says one of them.
 */

import { fill, h } from "../dom.js";
import { t } from "../i18n.js";

const SLOW_MS = 4000;

/** @param {{ rows: number, label: string }} look Rows of the skeleton; what is loading, for a listener. */
export function dataState({ rows, label }) {
  const element = h("div", { class: "data-state" });
  let timer = 0;
  let shown = "";
  /** @param {string} key @param {() => Node[]} make */
  const say = (key, make) => {
    if (key === shown) return;
    shown = key;
    clearTimeout(timer);
    element.hidden = key === "none";
    fill(element, ...make());
  };
  return {
    element,
    none: () => say("none", () => []),
    loading: () => say("loading", () => {
      const words = h("p", { class: "visually-hidden", role: "status" }, label);
      timer = setTimeout(() => {
        words.className = "muted small data-slow";
        words.textContent = t("loading.still");
      }, SLOW_MS);
      return [words, h("div", { class: "skeleton", "aria-hidden": "true" }, ...Array.from({ length: rows }, () => h("div", { class: "skeleton-row" })))];
    }),
    /** @param {string} why @param {{ label: string, run: () => void } | null} action */
    empty: (why, action) => say(`empty ${why} ${action?.label ?? ""}`, () => [h("div", { class: "empty" }, h("p", null, why),
      action ? h("p", null, h("button", { type: "button", class: "button", onclick: action.run }, action.label)) : null)]),
    /** @param {string} why @param {() => void} retry */
    error: (why, retry) => say(`error ${why}`, () => [h("div", { class: "empty", role: "alert" }, h("p", null, why),
      h("p", null, h("button", { type: "button", class: "button", onclick: retry }, t("action.retry"))))]),
    dispose: () => clearTimeout(timer),
  };
}
