/**
 * Shows the command that cures what a notice tells. Input: the notice's words and the command. Output: a dialog to copy it from.
 * Loaded when it is asked for.
 */

import { h, setText, withCode } from "../dom.js";
import { t } from "../i18n.js";
import { openDialog, toast } from "./dialog.js";

/** @param {string} text @param {string} command */
export function showCure(text, command) {
  openDialog(t("notice.cure"), () => {
    const copy = h("button", { type: "button", class: "button small" }, t("action.copy"));
    copy.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(command);
        setText(copy, t("action.copied"));
      } catch {
        toast(t("error.copy"));
      }
    });
    return [h("p", null, ...withCode(text)), h("pre", { class: "command", tabindex: "0" }, command), copy];
  });
}
