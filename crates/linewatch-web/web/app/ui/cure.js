/**
 * Shows the command that cures what a notice tells. Input: the notice's words and the command. Output: a dialog to copy it from.
 * Loaded when it is asked for.
 */

import { h, withCode } from "../dom.js";
import { t } from "../i18n.js";
import { copyButton } from "./copy.js";
import { openDialog } from "./dialog.js";

/** @param {string} text @param {string} command */
export function showCure(text, command) {
  openDialog(t("notice.cure"), () => [h("p", null, ...withCode(text)), h("pre", { class: "command", tabindex: "0" }, command), copyButton(() => command)]);
}
