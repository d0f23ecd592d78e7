/**
 * The switches of notification and sound, both off until somebody asks. Input: `attention`. Output: a menu that says what is on.
 */

import { h, setText } from "../dom.js";
import { t } from "../i18n.js";
import { attention } from "./attention.js";

export function notifyMenu() {
  const notes = h("input", { type: "checkbox", class: "switch", role: "switch" });
  const sound = h("input", { type: "checkbox", class: "switch", role: "switch", onchange: () => { attention.setSound(sound.checked); update(); } });
  const hint = h("p", { class: "hint", role: "status" });
  const word = h("span", null);
  const summary = h("summary", { class: "button" }, h("span", { class: "bell", "aria-hidden": "true" }), word);
  const element = h("details", { class: "menu" }, summary, h("div", { class: "popover menu-panel notify-panel" },
    h("label", { class: "switch-label" }, notes, t("notify.notes")), h("label", { class: "switch-label" }, sound, t("notify.sound")), hint, h("p", { class: "hint" }, t("notify.when"))));
  notes.addEventListener("change", async () => {
    const isDone = await attention.setNotes(notes.checked);
    setText(hint, isDone ? "" : isPossible ? t("notify.denied") : t("notify.missing"));
    update();
  });
  const isPossible = "Notification" in window;
  const update = () => {
    notes.checked = attention.wantsNotes;
    sound.checked = attention.wantsSound;
    setText(word, attention.wantsNotes || attention.wantsSound ? t("notify.on") : t("notify.off"));
  };
  const onPointer = (/** @type {PointerEvent} */ event) => { if (!element.contains(/** @type {Node} */ (event.target))) element.open = false; };
  document.addEventListener("pointerdown", onPointer);
  element.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !element.open) return;
    element.open = false;
    summary.focus();
    event.stopPropagation();
  });
  update();
  return { element, update, dispose: () => document.removeEventListener("pointerdown", onPointer) };
}
