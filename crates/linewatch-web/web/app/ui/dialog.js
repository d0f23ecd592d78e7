/**
 * Opens native dialogs and short messages at the edge. Input: elements made elsewhere. Output: what the person chose.
 * A message is never the only place of an error: errors stand beside their field or on the page.
 */

import { h } from "../dom.js";
import { t } from "../i18n.js";

const TOAST_MS = 6000;
/** An undo is worth more time than a message. */
const UNDO_MS = 10_000;
let titles = 0;

/**
 * @param {string} title
 * @param {(close: () => void) => Node[]} body
 * @param {{ className?: string, onclose?: () => void }} [options]
 * @returns {HTMLDialogElement}
 */
export function openDialog(title, body, options = {}) {
  titles += 1;
  const id = `dialog-title-${titles}`;
  const dialog = h("dialog", { class: `dialog ${options.className ?? ""}`, "aria-labelledby": id });
  const close = () => dialog.close();
  dialog.append(
    h("div", { class: "dialog-head" },
      h("h2", { id }, title),
      h("button", { type: "button", class: "icon-button", "aria-label": t("action.close"), onclick: close }, "✕")),
    ...body(close),
  );
  dialog.addEventListener("close", () => {
    dialog.remove();
    options.onclose?.();
  });
  // A press on the backdrop arrives at the dialog itself.
  dialog.addEventListener("click", (event) => { if (event.target === dialog) close(); });
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

/** @returns {HTMLElement} */
function toastRegion() {
  const known = document.getElementById("toasts");
  if (known) return known;
  const region = h("div", { id: "toasts", class: "toasts", role: "status" });
  document.body.append(region);
  return region;
}

/**
 * Shows a message for some seconds, longer while the pointer or the focus is on it.
 * @param {string} text
 * @param {{ label: string, run: () => void }} [action]
 */
export function toast(text, action) {
  const element = h("div", { class: "toast" }, h("span", null, text));
  let timer = 0;
  const leave = () => element.remove();
  const arm = () => { timer = setTimeout(leave, action ? UNDO_MS : TOAST_MS); };
  const hold = () => clearTimeout(timer);
  if (action) {
    element.append(h("button", { type: "button", class: "button small", onclick: () => { leave(); action.run(); } }, action.label));
  }
  element.append(h("button", { type: "button", class: "icon-button", "aria-label": t("action.close"), onclick: leave }, "✕"));
  for (const name of ["pointerenter", "focusin"]) element.addEventListener(name, hold);
  for (const name of ["pointerleave", "focusout"]) element.addEventListener(name, () => { hold(); arm(); });
  toastRegion().append(element);
  arm();
}

/** @type {{ polite: HTMLElement, urgent: HTMLElement } | null} */
let voices = null;

/** Tells a screen reader, without a change in sight. @param {string} text @param {"polite" | "urgent"} [how] */
export function announce(text, how = "polite") {
  if (!voices) {
    voices = {
      polite: h("div", { class: "visually-hidden", role: "status" }),
      urgent: h("div", { class: "visually-hidden", role: "alert" }),
    };
    document.body.append(voices.polite, voices.urgent);
  }
  voices[how].textContent = text;
}
