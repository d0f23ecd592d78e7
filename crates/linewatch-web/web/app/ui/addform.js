/**
 * The field a new target is typed into: address, method, Watch. Says what it will measure before it does.
 * Input: typing. Output: a POST, and the answer to whoever asked. Server messages stand beside the field.
 */

import { RequestError, addTarget, patchOf } from "../api.js";
import { h, setText } from "../dom.js";
import { t, tn } from "../i18n.js";
import { guessProbe } from "../url.js";
import { noticeText } from "../words.js";
import { toast } from "./dialog.js";

/** @typedef {import("../types").ChangeAnswer} ChangeAnswer */

let forms = 0;

/** The sentence for any failure of a request. @param {unknown} error */
export function failureText(error) {
  if (error instanceof RequestError && error.status !== 0) return error.message;
  return t("error.unreachable");
}

/** Tells what a change did, and offers to take the built-in lines back. @param {ChangeAnswer} answer */
export function tellAdded(answer) {
  for (const note of answer.notes) toast(noticeText(note));
  const removed = answer.removed;
  if (removed.length > 0) {
    toast(tn("add.removed", removed.length), { label: t("action.undo"), run: () => void restore(removed) });
  }
}

/** Brings removed targets back. @param {import("../types").TargetInfo[]} removed */
export async function restore(removed) {
  let restored = 0;
  for (const info of removed) {
    try {
      await addTarget(patchOf(info));
      restored += 1;
    } catch (error) {
      // One that cannot come back must not keep the others away.
      toast(`${info.name}: ${failureText(error)}`);
    }
  }
  if (restored > 0) toast(tn("add.restored", restored));
}

/**
 * @param {{ isLarge: boolean, value?: string, submit?: string, onadded: (answer: ChangeAnswer) => void,
 *   send?: (patch: import("../types").TargetPatch) => Promise<ChangeAnswer> }} settings
 */
export function addForm({ isLarge, value = "", submit = t("add.watch"), onadded, send = addTarget }) {
  forms += 1;
  const id = `add-${forms}`;
  const input = h("input", {
    type: "text", id, class: "field", name: "address", required: true, autocomplete: "off", autocapitalize: "none",
    spellcheck: "false", inputmode: "url", placeholder: t("add.placeholder"), "aria-describedby": `${id}-hint ${id}-error`,
  });
  input.value = value;
  const hint = h("p", { class: "hint", id: `${id}-hint` });
  const error = h("p", { class: "field-error", id: `${id}-error`, role: "alert" });
  const button = h("button", { type: "submit", class: "button primary" }, submit);
  const choices = /** @type {const} */ (["auto", "icmp", "tcp", "udp"]);
  const picker = h("fieldset", { class: "segments" }, h("legend", { class: "visually-hidden" }, t("add.method")),
    ...choices.map((choice) => h("label", { class: "segment" },
      h("input", { type: "radio", name: `${id}-method`, value: choice, checked: choice === "auto", onchange: () => update() }),
      h("span", null, t(`method.${choice}`)))));

  const choice = () => /** @type {typeof choices[number]} */ (
    /** @type {HTMLInputElement | null} */ (picker.querySelector("input:checked"))?.value ?? "auto");
  const update = () => {
    const guess = guessProbe(input.value, choice());
    setText(hint, t(`guess.${guess.kind}`, { port: guess.port ?? "" }));
    setText(error, "");
    input.removeAttribute("aria-invalid");
  };
  /** @param {string} text */
  const refuse = (text) => {
    setText(error, text);
    input.setAttribute("aria-invalid", "true");
    input.focus();
  };
  const run = async () => {
    const guess = guessProbe(input.value, choice());
    if (guess.kind === "empty" || guess.kind === "no_port") {
      refuse(t(`guess.${guess.kind}`, { port: "" }));
      return;
    }
    /** @type {import("../types").TargetPatch} */
    const patch = { address: input.value.trim() };
    // HOST:PORT alone means TCP.
    if (choice() === "udp" && !patch.address?.includes("://")) patch.address = `udp://${patch.address}`;
    if (choice() !== "auto") patch.probe = guess.kind;
    button.disabled = true;
    try {
      const answer = await send(patch);
      input.value = "";
      update();
      onadded(answer);
    } catch (failure) {
      refuse(failureText(failure));
    } finally {
      button.disabled = false;
    }
  };
  input.addEventListener("input", update);
  const form = h("form", { class: isLarge ? "add-form large" : "add-form", novalidate: true, onsubmit: (event) => {
    event.preventDefault();
    void run();
  } }, h("label", { for: id, class: "visually-hidden" }, t("add.address")), h("div", { class: "add-row" }, input, picker, button), error, hint);
  update();
  return { element: form, input };
}
