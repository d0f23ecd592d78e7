/**
 * Many targets at once: pasted one a line, or from a CSV file. Says what it will do before it does; what the server refuses stays
 * in the field with its sentence, to be mended and sent again.
 */

import { addTarget, send } from "../api.js";
import { fill, h, setText } from "../dom.js";
import { t, tn } from "../i18n.js";
import { failureText } from "../ui/addform.js";
import { openDialog, toast } from "../ui/dialog.js";
import { csvToTargets, linesToTargets } from "./csv.js";
import { button } from "./parts.js";

/** @typedef {import("../types").TargetInfo} TargetInfo */
/** @typedef {import("./csv.js").Row} Row */

/** A file of targets is never longer: a thousand lines of a hundred characters are a tenth. */
const FILE_BYTES_MAX = 1 << 20;

/** @param {() => void} done */
export function openPaste(done) {
  openDialog(t("settings.paste.title"), (close) => {
    const text = h("textarea", { class: "field lines", id: "paste-lines", rows: "10", spellcheck: "false", autocomplete: "off", "aria-describedby": "paste-hint paste-errors", oninput: () => update() });
    const says = h("p", { class: "muted small", role: "status" });
    const errors = h("ul", { class: "line-errors", id: "paste-errors", role: "alert" });
    const go = button("", () => void run(), "primary");
    const update = () => {
      const rows = linesToTargets(text.value);
      setText(says, tn("settings.paste.count", rows.length));
      setText(go, tn("settings.paste.go", rows.length));
      go.disabled = rows.length === 0;
    };
    const run = async () => {
      const rows = linesToTargets(text.value);
      go.disabled = true;
      const refused = await addAll(rows, (n) => setText(says, t("settings.many.progress", { n, all: rows.length })));
      done();
      if (refused.length === 0) close();
      const lines = text.value.split("\n");
      text.value = refused.map(({ line }) => lines[line - 1] ?? "").join("\n");
      fill(errors, ...refused.map(({ line, message }) => h("li", { class: "field-error" }, t("settings.many.line", { line, message }))));
      toast(tn("settings.many.added", rows.length - refused.length));
      update();
    };
    update();
    queueMicrotask(() => text.focus());
    return [h("label", { for: "paste-lines" }, t("settings.paste.label")), h("p", { class: "hint", id: "paste-hint" }, t("settings.paste.hint")), text, says, errors,
      h("div", { class: "dialog-actions" }, go, button(t("action.cancel"), close))];
  });
}

/** @param {() => readonly TargetInfo[]} targets @param {() => void} done */
export function openImport(targets, done) {
  openDialog(t("settings.import.title"), (close) => {
    const file = h("input", { type: "file", class: "field", id: "import-file", accept: ".csv,text/csv", onchange: () => void read() });
    const says = h("p", { role: "status" });
    const errors = h("ul", { class: "line-errors", role: "alert" });
    const go = button(t("settings.import.go"), () => void run(), "primary");
    go.disabled = true;
    /** @type {Row[]} */
    let rows = [];
    const known = (/** @type {Row} */ row) => targets().find((target) => target.id === row.patch["id"]);
    const read = async () => {
      const chosen = file.files?.[0];
      fill(errors);
      if (!chosen || chosen.size > FILE_BYTES_MAX) {
        setText(says, chosen ? t("settings.import.long") : "");
        return;
      }
      const parsed = csvToTargets(await chosen.text());
      rows = parsed.rows;
      const changed = rows.filter((row) => known(row) !== undefined).length;
      setText(says, t("settings.import.says", { fresh: rows.length - changed, changed }) + (parsed.unknown.length > 0 ? ` ${t("settings.import.unknown", { names: parsed.unknown.join(", ") })}` : ""));
      go.disabled = rows.length === 0;
    };
    const run = async () => {
      go.disabled = true;
      /** @type {{ line: number, message: string }[]} */
      const refused = [];
      for (const row of rows) {
        const target = known(row);
        if (target === undefined) continue;
        const patch = differences(row.patch, target);
        if (Object.keys(patch).length === 0) continue;
        try {
          await send("PATCH", `targets/${encodeURIComponent(target.id)}`, patch);
        } catch (error) {
          refused.push({ line: row.line, message: failureText(error) });
        }
      }
      refused.push(...await addAll(rows.filter((row) => known(row) === undefined), (n) => setText(says, t("settings.many.progress", { n, all: rows.length }))));
      done();
      toast(tn("settings.many.added", rows.length - refused.length));
      if (refused.length === 0) close();
      else fill(errors, ...refused.map(({ line, message }) => h("li", { class: "field-error" }, t("settings.many.line", { line, message }))));
    };
    return [h("label", { for: "import-file" }, t("settings.import.label")), file, h("p", { class: "hint" }, t("settings.import.hint")), says, errors,
      h("div", { class: "dialog-actions" }, go, button(t("action.cancel"), close))];
  });
}

/** What a line of a file says otherwise than the target has it. @param {Row["patch"]} patch @param {TargetInfo} target */
function differences(patch, target) {
  const now = /** @type {Record<string, unknown>} */ (/** @type {unknown} */ (target));
  return Object.fromEntries(Object.entries(patch).filter(([key, value]) => key !== "id" && JSON.stringify(value) !== JSON.stringify(now[key])));
}

/** @param {readonly Row[]} rows @param {(n: number) => void} progress */
async function addAll(rows, progress) {
  /** @type {{ line: number, message: string }[]} */
  const refused = [];
  for (const [index, row] of rows.entries()) {
    try {
      await addTarget(/** @type {import("../types").TargetPatch} */ (row.patch));
    } catch (error) {
      refused.push({ line: row.line, message: failureText(error) });
    }
    progress(index + 1);
  }
  return refused;
}
