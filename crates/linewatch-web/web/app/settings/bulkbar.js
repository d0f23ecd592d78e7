/**
 * Changes many targets at once, and says what it will change before it does. Input: the chosen targets and wishes typed. Output:
 * one PATCH for each target that differs, with the way back.
 */

import { send } from "../api.js";
import { fill, h, setText } from "../dom.js";
import { short } from "../format.js";
import { t, tn } from "../i18n.js";
import { failureText } from "../ui/addform.js";
import { toast } from "../ui/dialog.js";
import { bulkPlan } from "./bulk.js";
import { button } from "./parts.js";

/** @typedef {import("../types").TargetInfo} TargetInfo */

const KEYS = /** @type {const} */ (["interval", "timeout", "group", "labels"]);
/** More names than these are a number. */
const NAMES_SAID = 3;

/**
 * @param {{ chosen: ReadonlySet<string>, targets: () => readonly TargetInfo[], done: () => void, clear: () => void,
 *   remove: (ids: readonly string[]) => void, pause: (ids: readonly string[]) => void }} context
 */
export function bulkBar({ chosen, targets, done, clear, remove, pause }) {
  const groups = h("datalist", { id: "bulk-groups" });
  const inputs = new Map(KEYS.map((key) => [key, h("input", {
    class: "field", id: `bulk-${key}`, autocomplete: "off", placeholder: t(key === "labels" ? "settings.bulk.labels_hint" : "settings.bulk.as_is"), list: key === "group" ? "bulk-groups" : null, oninput: () => update(),
  })]));
  const title = h("b", { class: "bulk-count" });
  const says = h("p", { class: "bulk-says", role: "status" });
  const error = h("p", { class: "field-error", role: "alert" });
  const apply = button("", () => void run(), "primary");
  const element = h("section", { class: "bulk", "aria-label": t("settings.bulk.label") },
    h("div", { class: "bulk-row" }, title, ...KEYS.map((key) => h("div", { class: "form-item" }, h("label", { for: `bulk-${key}` }, t(`settings.column.${key}`)), inputs.get(key) ?? null)), groups, says),
    error,
    h("div", { class: "bulk-actions" }, button(t("settings.bulk.pause"), () => pause([...chosen]), "small"), button(t("settings.bulk.delete"), () => remove([...chosen]), "small"),
      h("span", { class: "end" }), button(t("settings.bulk.clear"), () => { reset(); clear(); }, "small"), apply));
  const wishes = () => Object.fromEntries(KEYS.map((key) => [key, inputs.get(key)?.value ?? ""]));
  const plan = () => bulkPlan(targets(), chosen, wishes());
  const reset = () => inputs.forEach((input) => { input.value = ""; });
  const update = () => {
    element.hidden = chosen.size === 0;
    const { changes, byKey, values, before, after } = plan();
    fill(groups, ...[...new Set(targets().map((target) => target.group))].filter(Boolean).map((group) => h("option", { value: group })));
    setText(title, t("settings.bulk.selected", { n: chosen.size }));
    setText(apply, t("settings.bulk.apply", { n: changes.length }));
    apply.disabled = changes.length === 0;
    setText(error, "");
    if (values === 0) {
      fill(says, t("settings.bulk.nothing"));
      return;
    }
    const parts = [...byKey].map(([key, names]) => {
      const what = t(`settings.column.${key}`).toLowerCase();
      return names.length === chosen.size && names.length > 1 ? t("settings.bulk.of_all", { what, n: names.length })
        : t("settings.bulk.of_some", { what, names: names.length > NAMES_SAID ? tn("settings.bulk.targets", names.length) : names.join(", ") });
    });
    fill(says, h("b", null, t("settings.bulk.changes", { values, n: changes.length })), ` ${parts.join(", ")}. `,
      before === after ? "" : `${t("settings.bulk.load", { before: short(before), after: short(after) })} `, t("settings.bulk.file"));
  };
  const run = async () => {
    const { changes } = plan();
    const before = new Map(targets().map((target) => [target.id, /** @type {Record<string, unknown>} */ (/** @type {unknown} */ (target))]));
    /** @type {{ id: string, patch: Record<string, unknown> }[]} */
    const undo = [];
    /** @type {string[]} */
    const refused = [];
    apply.disabled = true;
    for (const { id, name, patch } of changes) {
      try {
        await send("PATCH", `targets/${encodeURIComponent(id)}`, patch);
        const was = before.get(id) ?? {};
        const origins = /** @type {Record<string, string>} */ (was["origins"]);
        // A value that was the file's goes back to the file.
        undo.push({ id, patch: Object.fromEntries(Object.keys(patch).map((key) => [key, Object.entries(origins).some(([known, from]) => known === key && from === "changed here") ? was[key] : null])) });
      } catch (failure) {
        refused.push(`${name}: ${failureText(failure)}`);
      }
    }
    if (refused.length === 0) reset();
    done();
    // `done` draws anew, which would wipe it.
    queueMicrotask(() => setText(error, refused.join(" · ")));
    if (undo.length > 0) {
      toast(tn("settings.bulk.done", undo.length), { label: t("action.undo"), run: () => void (async () => {
        for (const { id, patch } of undo) {
          try {
            await send("PATCH", `targets/${encodeURIComponent(id)}`, patch);
          } catch (failure) {
            toast(failureText(failure));
          }
        }
        done();
      })() });
    }
  };
  return { element, update, isDirty: () => chosen.size > 0 && plan().values > 0 };
}
