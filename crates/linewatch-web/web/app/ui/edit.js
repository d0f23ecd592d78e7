/**
 * Dialogs that change one target: all its settings, another address, removal. Input: settings with origins and their version.
 * Output: a PATCH, POST or DELETE. The form itself is that of the Settings page (`settings/targetform.js`).
 */

import { addTarget, getTagged, patchTarget, removeTarget } from "../api.js";
import { h, setText } from "../dom.js";
import { t } from "../i18n.js";
import { loadPart } from "../parts.js";
import { store } from "../store.js";
import { addForm, failureText, restore, tellAdded } from "./addform.js";
import { openDialog, toast } from "./dialog.js";
import { picker } from "./picker.js";
import { targetOptions } from "./menus.js";

/** @typedef {import("../types").TargetAnswer} TargetAnswer */

/** @param {string} id */
function settings(id) {
  return /** @type {Promise<{ data: TargetAnswer, etag: string | null }>} */ (getTagged(`targets/${encodeURIComponent(id)}`));
}

/**
 * Every setting of a target, each with its origin, beside what its stored history would have been by other thresholds.
 * @param {string} id
 */
export async function openEdit(id) {
  try {
    const [{ targetForm }, { previewPanel }, { loadTarget }, { appliesPanel }] = await Promise.all([
      import("../settings/targetform.js"), import("../settings/preview.js"), import("../settings/remote.js"), import("../settings/appliespanel.js"), loadPart("settings"),
    ]);
    let current = await loadTarget(id);
    const preview = previewPanel({ prefix: "", config: () => current.info.config, target: id, onpick: (key, text) => form.type(key, text) });
    let leave = () => {};
    const form = targetForm(id, current, {
      onchange: (typed, back) => preview.follow(typed, back),
      onsaved: (fresh) => {
        current = fresh;
        leave();
      },
      oncancel: () => leave(),
    });
    const dialog = openDialog(t("edit.title"), (close) => {
      leave = close;
      return [h("div", { class: "edit-columns" }, form.element, h("div", { class: "edit-beside" }, preview.element, appliesPanel(id, () => current.info.config).element))];
    }, { className: "edit-dialog", onclose: preview.dispose });
    // Escape and the backdrop close too: what was typed is asked about first.
    const guard = (/** @type {Event} */ event) => {
      if (!form.isDirty() || confirm(t("settings.unsaved_text"))) return;
      event.preventDefault();
      event.stopImmediatePropagation();
    };
    dialog.addEventListener("cancel", guard);
    dialog.addEventListener("click", (event) => {
      const isAway = event.target === dialog || (event.target instanceof Element && event.target.closest(".dialog-head button, a") !== null);
      if (isAway) guard(event);
    }, true);
    preview.refresh();
    dialog.querySelector("input")?.focus();
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
