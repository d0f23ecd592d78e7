/**
 * Asks for the two ends of a fixed axis. Input: the axis there is. Output: another one; numbers that make none are told beside
 * their field. Loaded when a person asks for it.
 */

import { h, setAttribute, setText } from "../dom.js";
import { t } from "../i18n.js";
import { loadPart } from "../parts.js";
import { FIX_MAX_MS, Y_USUAL, fixedY } from "../yaxis.js";
import { openDialog } from "./dialog.js";

/** Upper ends that fit a room, a country, a continent, and the rest. */
const PICKS = [20, 50, 100, 200, 500];
/** What is offered while there is no fixed axis. */
const FIRST = { low: 0, high: 200 };

/** @param {import("../yaxis.js").YAxis} now @param {(y: import("../yaxis.js").YAxis) => void} choose */
export async function openFixedAxis(now, choose) {
  await loadPart("target");
  const { low, high } = now.kind === "fix" ? now : FIRST;
  openDialog(t("fix.title"), (close) => {
    const error = h("p", { class: "field-error", id: "fix-error", role: "alert" });
    const field = (/** @type {string} */ name, /** @type {number} */ value) => h("input", {
      class: "field", id: `fix-${name}`, inputmode: "decimal", autocomplete: "off", value: String(value), "aria-describedby": "fix-error",
    });
    const [from, to] = [field("from", low), field("to", high)];
    const read = (/** @type {HTMLInputElement} */ input) => (input.value.trim() === "" ? NaN : Number(input.value.trim().replace(",", ".")));
    const run = () => {
      const y = fixedY(read(from), read(to));
      for (const input of [from, to]) setAttribute(input, "aria-invalid", y === null ? "true" : null);
      setText(error, y === null ? t("fix.wrong", { most: String(FIX_MAX_MS) }) : "");
      if (y === null) {
        from.focus();
        return;
      }
      close();
      choose(y);
    };
    queueMicrotask(() => to.select());
    return [h("form", { novalidate: true, class: "fix-form", onsubmit: (event) => { event.preventDefault(); run(); } },
      h("p", { class: "muted small" }, t("fix.text")),
      h("div", { class: "fix-fields" },
        h("div", { class: "form-item" }, h("label", { for: "fix-from" }, t("fix.from")), from),
        h("div", { class: "form-item" }, h("label", { for: "fix-to" }, t("fix.to")), to)),
      error,
      h("div", { class: "fix-picks", role: "group", "aria-label": t("fix.picks") }, ...PICKS.map((most) => h("button", { type: "button", class: "button small", onclick: () => {
        from.value = "0";
        to.value = String(most);
        run();
      } }, `0–${most} ms`))),
      h("div", { class: "dialog-actions" }, h("button", { type: "submit", class: "button primary" }, t("fix.set")),
        h("button", { type: "button", class: "button", onclick: () => { close(); choose(Y_USUAL); } }, t("fix.automatic")),
        h("button", { type: "button", class: "button", onclick: close }, t("action.cancel"))))];
  });
}
