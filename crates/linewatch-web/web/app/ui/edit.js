/**
 * Dialogs that change one target: its probe settings, another address, removal. Input: settings with origins and
 * their version. Output: a PATCH, POST or DELETE. Server messages stand beside their field; a lost update is said.
 */

import { RequestError, addTarget, getTagged, patchTarget, removeTarget } from "../api.js";
import { h, setText } from "../dom.js";
import { has, t } from "../i18n.js";
import { store } from "../store.js";
import { noticeText } from "../words.js";
import { addForm, failureText, restore, tellAdded } from "./addform.js";
import { openDialog, toast } from "./dialog.js";
import { picker } from "./picker.js";
import { targetOptions } from "./menus.js";

/** @typedef {import("../types").TargetPatch} TargetPatch */
/** @typedef {import("../types").TargetAnswer} TargetAnswer */

const FIELDS = /** @type {const} */ (["name", "address", "interval", "timeout", "payload_bytes", "country", "group"]);
const CONFLICT = 409;

/** @param {string} id */
function settings(id) {
  return /** @type {Promise<{ data: TargetAnswer, etag: string | null }>} */ (getTagged(`targets/${encodeURIComponent(id)}`));
}

/** @param {string} id */
export async function openEdit(id) {
  try {
    const { data, etag } = await settings(id);
    editDialog(data.target, etag);
  } catch (error) {
    toast(failureText(error));
  }
}

/** @param {import("../types").TargetInfo} info @param {string | null} etag */
function editDialog(info, etag) {
  /** @type {Map<string, { input: HTMLInputElement, error: HTMLElement }>} */
  const inputs = new Map();
  const problem = h("p", { class: "field-error", role: "alert" });
  const items = FIELDS.map((name) => {
    const id = `edit-${name}`;
    const input = h("input", { class: "field", id, name, autocomplete: "off", spellcheck: "false", "aria-describedby": `${id}-note ${id}-error` });
    input.value = String(info[name]);
    const error = h("span", { class: "field-error", id: `${id}-error` });
    const origin = info.origins[name];
    const note = origin === undefined ? "" : t("edit.origin", { origin: has(`origin.${origin}`) ? t(`origin.${origin}`) : origin });
    inputs.set(name, { input, error });
    return h("div", { class: `form-item${name === "name" || name === "address" ? " whole" : ""}` },
      h("label", { for: id }, t(`edit.${name}`)), input, error, h("span", { class: "hint", id: `${id}-note` }, note));
  });
  openDialog(t("edit.title"), (close) => {
    const save = h("button", { type: "submit", class: "button primary" }, t("action.save"));
    const form = h("form", { novalidate: true, onsubmit: (event) => {
      event.preventDefault();
      void submit();
    } }, h("div", { class: "form-grid" }, ...items), problem,
    h("div", { class: "dialog-actions" }, save, h("button", { type: "button", class: "button", onclick: close }, t("action.cancel"))));
    const submit = async () => {
      const patch = changes(info, inputs);
      if (Object.keys(patch).length === 0) {
        close();
        return;
      }
      for (const { input, error } of inputs.values()) {
        setText(error, "");
        input.removeAttribute("aria-invalid");
      }
      save.disabled = true;
      try {
        const answer = await patchTarget(info.id, patch, etag);
        close();
        for (const note of answer.notes) toast(noticeText(note));
        toast(t("edit.saved"), { label: t("action.undo"), run: () => void undo(info, patch) });
      } catch (failure) {
        const field = failure instanceof RequestError && failure.field !== null ? inputs.get(failure.field) : undefined;
        const text = failure instanceof RequestError && failure.status === CONFLICT ? t("edit.conflict") : failureText(failure);
        setText(field?.error ?? problem, text);
        field?.input.setAttribute("aria-invalid", "true");
        field?.input.focus();
      } finally {
        save.disabled = false;
      }
    };
    queueMicrotask(() => inputs.get(FIELDS[0])?.input.focus());
    return [form];
  });
}

/** What differs from the settings. @param {import("../types").TargetInfo} info @param {Map<string, { input: HTMLInputElement }>} inputs */
function changes(info, inputs) {
  /** @type {Record<string, string | number>} */
  const patch = {};
  for (const name of FIELDS) {
    const text = inputs.get(name)?.input.value.trim() ?? "";
    if (text === String(info[name])) continue;
    // Not a number: sent as written, so that the server's own sentence says what is wrong.
    patch[name] = name === "payload_bytes" && /^\d+$/.test(text) ? Number(text) : text;
  }
  return /** @type {TargetPatch} */ (patch);
}

/** @param {import("../types").TargetInfo} before @param {TargetPatch} patch */
async function undo(before, patch) {
  /** @type {Record<string, unknown>} */
  const whole = { ...before };
  const back = Object.fromEntries(Object.keys(patch).map((key) => [key, whole[key]]));
  try {
    await patchTarget(before.id, /** @type {TargetPatch} */ (back), null);
    toast(t("edit.undone"));
  } catch (error) {
    toast(failureText(error));
  }
}

/**
 * Another target: one that exists, or a new address that replaces this one or joins it.
 * @param {string} id
 * @param {(path: string) => void} navigate
 */
export function openChange(id, navigate) {
  openDialog(t("change.title"), (close) => {
    const box = picker({
      label: t("change.open"), placeholder: t("search.placeholder"), empty: t("search.empty"), onpick: close,
      options: (text) => targetOptions(text, (other) => navigate(`t/${encodeURIComponent(other)}`)),
    });
    const name = store.byId(id)?.o.name ?? id;
    const replace = h("input", { type: "checkbox", id: "change-replace" });
    const form = addForm({
      isLarge: false, submit: t("change.submit"),
      send: async (patch) => {
        if (!replace.checked) return addTarget(patch);
        const { etag } = await settings(id);
        return patchTarget(id, patch, etag);
      },
      onadded: (answer) => {
        close();
        tellAdded(answer);
        if (answer.target) navigate(`t/${encodeURIComponent(answer.target.id)}`);
      },
    });
    queueMicrotask(() => box.input.focus());
    return [
      h("h3", { class: "label" }, t("change.open")), box.element, h("h3", { class: "label" }, t("change.new")), form.element,
      h("label", { class: "menu-item", for: "change-replace" }, replace, h("span", null, t("change.replace", { name }))),
    ];
  }, { className: "change-dialog" });
}

/**
 * Asks, removes, and offers the way back.
 * @param {string} id
 * @param {(path: string) => void} navigate
 */
export function openRemove(id, navigate) {
  const name = store.byId(id)?.o.name ?? id;
  const problem = h("p", { class: "field-error", role: "alert" });
  openDialog(t("remove.title", { name }), (close) => {
    const run = async () => {
      try {
        const { data } = await settings(id);
        await removeTarget(id);
        close();
        navigate("");
        toast(t("remove.done", { name }), { label: t("action.undo"), run: () => void restore([data.target]) });
      } catch (error) {
        setText(problem, failureText(error));
      }
    };
    return [h("p", null, t("remove.text")), problem, h("div", { class: "dialog-actions" },
      h("button", { type: "button", class: "button stop", onclick: () => void run() }, t("action.remove")),
      h("button", { type: "button", class: "button", onclick: close }, t("action.cancel")))];
  });
}
