/**
 * What people do about an event: take notice of it, with a name and a note, copy it. Input: event ids. Output: requests, and
 * `attention` up to date. The name is remembered in this browser: there is no log-in that would know it.
 */

import { RequestError, request } from "../api.js";
import { h, setAttribute, setText } from "../dom.js";
import { t, tn } from "../i18n.js";
import { store } from "../store.js";
import { failureText } from "./addform.js";
import { attention } from "./attention.js";
import { openDialog, toast } from "./dialog.js";

const WHO_KEY = "linewatch.who";
const CHARS_MAX = 500;
/** Requests at once for a cause of hundreds. */
const AT_ONCE = 4;

/** @param {string} [who] Remembers it, or says which it was. */
function lastWho(who) {
  try {
    if (who === undefined) return localStorage.getItem(WHO_KEY) ?? "";
    localStorage.setItem(WHO_KEY, who);
  } catch {
    // Typed anew next time.
  }
  return who ?? "";
}

/**
 * Takes notice of events: shown at once, taken back where the server refuses.
 * @param {readonly string[]} ids
 * @param {{ who?: string, note?: string }} [words]
 */
export async function acknowledge(ids, { who = lastWho(), note = "" } = {}) {
  const before = new Map(attention.acks);
  for (const id of ids) {
    const known = before.get(id);
    attention.acks.set(id, { event: id, at: known?.at ?? store.now(), who: known?.who || who, note: note || (known?.note ?? "") });
  }
  attention.merge();
  const queue = [...ids];
  /** @type {unknown} */
  let failure = null;
  const worker = async () => {
    for (let id = queue.shift(); id !== undefined && failure === null; id = queue.shift()) {
      try {
        await request("POST", `events/${encodeURIComponent(id)}/ack`, { body: { who, note } });
      } catch (error) {
        failure = error;
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  if (failure !== null) {
    attention.acks = before;
    attention.merge();
    throw failure;
  }
  toast(tn("events.acked", ids.length));
  void attention.load();
}

/** As `acknowledge`; a refusal is told. @param {readonly string[]} ids */
export async function acknowledgeNow(ids) {
  try {
    await acknowledge(ids);
  } catch (error) {
    toast(failureText(error));
  }
}

/** Asks for a name and a note. @param {string} title @param {readonly string[]} ids */
export function openNote(title, ids) {
  const known = attention.acks.get(ids[0] ?? "");
  openDialog(t("events.note_title"), (close) => {
    const who = h("input", { type: "text", class: "field", id: "note-who", maxlength: CHARS_MAX, autocomplete: "name", value: known?.who || lastWho() });
    const note = h("input", { type: "text", class: "field", id: "note-text", maxlength: CHARS_MAX, required: true, value: known?.note ?? "", "aria-describedby": "note-error" });
    const error = h("p", { class: "field-error", id: "note-error", role: "alert" });
    const button = h("button", { type: "submit", class: "button primary" }, known ? t("events.note_save") : t("action.acknowledge"));
    const form = h("form", { class: "add-form", novalidate: true, onsubmit: async (event) => {
      event.preventDefault();
      const isEmpty = note.value.trim() === "";
      setAttribute(note, "aria-invalid", isEmpty ? "true" : null);
      setText(error, isEmpty ? t("events.note_missing") : "");
      if (isEmpty) {
        note.focus();
        return;
      }
      lastWho(who.value.trim());
      button.disabled = true;
      try {
        await acknowledge(ids, { who: who.value.trim(), note: note.value.trim() });
        close();
      } catch (failure) {
        setText(error, failureText(failure));
        setAttribute(failure instanceof RequestError && failure.field === "who" ? who : note, "aria-invalid", "true");
        button.disabled = false;
      }
    } },
      h("p", { class: "muted" }, title),
      h("label", { class: "form-item", for: "note-who" }, t("events.who"), who), h("label", { class: "form-item", for: "note-text" }, t("events.note_label"), note), error,
      h("div", { class: "dialog-actions" }, button, h("button", { type: "button", class: "button", onclick: close }, t("action.cancel"))));
    queueMicrotask(() => note.focus());
    return [form];
  });
}

/** @param {string} text */
export async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    toast(t("action.copied"));
  } catch {
    toast(t("error.copy"));
  }
}
