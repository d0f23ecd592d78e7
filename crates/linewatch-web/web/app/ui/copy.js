/**
 * A button that copies a text, and says that it did or why it could not.
 */

import { h, setText } from "../dom.js";
import { t } from "../i18n.js";
import { toast } from "./dialog.js";

/** @param {() => string} read What to copy, asked when it is pressed. @param {string} [label] For ears, where several stand together. */
export function copyButton(read, label) {
  const button = h("button", { type: "button", class: "button small", "aria-label": label }, t("action.copy"));
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(read());
      setText(button, t("action.copied"));
    } catch {
      toast(t("error.copy"));
    }
  });
  return button;
}
