/**
 * The line of advice: one sentence, one button that changes the target, and the way back. Input: a store row, or none.
 * Output: a PATCH when the button is pressed. Its elements stay the same while its numbers change, so that nobody's focus is lost.
 */

import { adviceAction, adviceSentence, undoPatch } from "../advice.js";
import { getTagged, patchTarget } from "../api.js";
import { fill, glyph, h, setAttribute, setText, withCode } from "../dom.js";
import { t } from "../i18n.js";
import { failureText } from "./addform.js";
import { toast } from "./dialog.js";

/** @typedef {import("../store.js").Row} Row */

/** @param {{ isNamed: boolean }} options Is it among other targets, and has to say which one it is about? */
export function adviceLine({ isNamed }) {
  const text = h("p", null);
  const button = h("button", { type: "button", class: "button small", onclick: () => void apply() });
  const element = h("section", { class: "advice", "aria-label": t("advice.label") }, glyph("advice"), text, button);
  element.hidden = true;
  /** @type {Row | null} */
  let shown = null;
  let words = "";
  const apply = async () => {
    const advice = shown?.o.advice;
    if (!shown || !advice) return;
    button.disabled = true;
    const { id } = shown.o;
    const { patch } = advice.action;
    try {
      /** @type {{ data: import("../types").TargetAnswer, etag: string | null }} */
      const { data, etag } = await getTagged(`targets/${encodeURIComponent(id)}`);
      await patchTarget(id, patch, etag);
      toast(t("edit.saved"), { label: t("action.undo"), run: () => void undo(id, undoPatch(data.target, patch)) });
    } catch (error) {
      toast(failureText(error));
    } finally {
      button.disabled = false;
    }
  };
  return {
    element,
    /** @param {Row | null} row The target with the advice; none hides the line. */
    update(row) {
      const advice = row?.o.advice ?? null;
      shown = advice === null ? null : row;
      element.hidden = advice === null;
      if (row === null || advice === null) return;
      const sentence = adviceSentence(advice);
      const action = adviceAction(advice);
      setText(button, action);
      if (isNamed) setAttribute(button, "aria-label", `${action}: ${row.o.name}`);
      const whole = `${row.o.name} ${sentence}`;
      if (whole === words) return;
      words = whole;
      fill(text, isNamed ? h("b", null, `${row.o.name}:`) : null, isNamed ? " " : null, ...withCode(sentence));
    },
  };
}

/** @param {string} id @param {import("../types").TargetPatch} back */
async function undo(id, back) {
  try {
    await patchTarget(id, back, null);
    toast(t("edit.undone"));
  } catch (error) {
    toast(failureText(error));
  }
}
