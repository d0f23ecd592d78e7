/**
 * The line of advice: one sentence, one button that changes the target, and the way back. Input: store rows.
 * Output: a PATCH when the button is pressed. Its elements stay the same while its numbers change, so that nobody's focus is lost.
 */

import { adviceAction, adviceSentence, undoPatch, worstAdvised } from "../advice.js";
import { getTagged, patchTarget } from "../api.js";
import { fill, glyph, h, setAttribute, setText, withCode } from "../dom.js";
import { t } from "../i18n.js";
import { failureText } from "./addform.js";
import { toast } from "./dialog.js";

/** @typedef {import("../store.js").Row} Row */

/** @param {HTMLElement} place Where it goes. */
export function adviceLine(place) {
  const text = h("p", null);
  const button = h("button", { type: "button", class: "button small", onclick: () => void apply() });
  fill(place, h("section", { class: "advice", "aria-label": t("advice.label") }, bulb(), text, button));
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
    /** @param {Iterable<Row>} rows The worst of those with an advice speaks. */
    update(rows) {
      const row = worstAdvised(rows);
      const advice = row?.o.advice ?? null;
      shown = row;
      if (row === null || advice === null) return;
      const sentence = adviceSentence(advice);
      const action = adviceAction(advice);
      setText(button, action);
      setAttribute(button, "aria-label", `${action}: ${row.o.name}`);
      const whole = `${row.o.name} ${sentence}`;
      if (whole === words) return;
      words = whole;
      fill(text, h("b", null, `${row.o.name}: `), ...withCode(sentence));
    },
  };
}

/** A light bulb; drawn here, because most pages never show one. */
function bulb() {
  const svg = glyph("info");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", "M5.6 10.4a4.6 4.6 0 1 1 4.8 0v1.4H5.6zM6.2 14.2h3.6");
  path.setAttribute("class", "line");
  svg.replaceChildren(path);
  return svg;
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
