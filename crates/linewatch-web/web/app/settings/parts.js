/** Small pieces that several sections share: the head of a section, a list of facts, a command to copy. */

import { h, setText } from "../dom.js";
import { t } from "../i18n.js";
import { toast } from "../ui/dialog.js";

/** @param {string} title @param {Node | string} sub @param {...Node} actions */
export function sectionHead(title, sub, ...actions) {
  return h("div", { class: "section-head" }, h("div", null, h("h1", null, title), h("p", { class: "muted small" }, sub)),
    h("div", { class: "section-actions" }, ...actions));
}

/** @param {string} text @param {() => void} run @param {string} [more] */
export function button(text, run, more = "") {
  return h("button", { type: "button", class: `button ${more}`, onclick: run }, text);
}

/** @param {readonly (readonly [string, Node | string])[]} pairs */
export function facts(pairs) {
  return h("dl", { class: "pairs settings-facts" }, ...pairs.flatMap(([name, value]) => [h("dt", null, name), h("dd", null, value)]));
}

/** @param {string} title @param {...(Node | null)} inner */
export function card(title, ...inner) {
  return h("section", { class: "card panel settings-group" }, h("div", { class: "card-title" }, h("h2", null, title)), ...inner);
}

/** @param {string} text @param {string} [label] */
export function copyButton(text, label = t("action.copy")) {
  const element = button(label, async () => {
    try {
      await navigator.clipboard.writeText(text);
      setText(element, t("action.copied"));
    } catch {
      toast(t("error.copy"));
    }
  }, "small");
  return element;
}
