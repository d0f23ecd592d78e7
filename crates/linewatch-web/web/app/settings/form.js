/**
 * A form of settings: each value with its origin and the way back to the file, mistakes beside their field, one Save for all that
 * changed. Input: values with their origins, and how to save. Output: an element. A lost update shows both sides and asks.
 */

import { RequestError } from "../api.js";
import { fill, glyph, h, setAttribute, setText } from "../dom.js";
import { has, t, tn } from "../i18n.js";
import { failureText } from "../ui/addform.js";
import { openDialog, toast } from "../ui/dialog.js";
import { at, changesOf, conflicts, origin, originCounts, textOf, undoOf } from "./values.js";

/** @typedef {import("./values.js").Field} Field */
/** @typedef {import("../types").ConfigAnswer} ConfigAnswer */
/** @typedef {{ info: ConfigAnswer, etag: string | null }} Loaded */
/** @typedef {{ set: Record<string, unknown>, reset: string[] }} Wanted */
/** @typedef {{ title: string, note?: string, fields: readonly Field[], after?: Node, action?: Node }} Group */
/**
 * @typedef {object} FormOptions
 * @property {string} prefix Of the words that name the keys.
 * @property {readonly Group[]} groups
 * @property {Loaded} loaded
 * @property {() => Promise<Loaded>} load As it is now.
 * @property {(wanted: Wanted, etag: string | null) => Promise<Loaded>} save
 * @property {(loaded: Loaded) => void} [onsaved]
 * @property {(typed: ReadonlyMap<string, string>, back: ReadonlySet<string>) => void} [onchange]
 * @property {() => void} [oncancel]
 */

const CONFLICT = 409;
let forms = 0;

/** The words of an origin. @param {string} text */
export function originText(text) {
  const line = /^(.*), line (\d+)$/.exec(text);
  if (line) return t("settings.origin.line", { file: line[1] ?? "", line: line[2] ?? "" });
  return has(`origin.${text}`) ? t(`origin.${text}`) : text;
}

/** Name of a key. @param {string} prefix @param {string} key */
export function labelOf(prefix, key) {
  const name = `${prefix}.${key}`;
  return has(`settings.key.${name}`) ? t(`settings.key.${name}`) : key;
}

/** @param {FormOptions} options */
export function valueForm(options) {
  forms += 1;
  const { prefix, groups, load, save, onsaved, onchange, oncancel } = options;
  let { loaded } = options;
  const fields = groups.flatMap((group) => group.fields);
  /** @type {Map<string, string>} */
  const typed = new Map();
  /** @type {Set<string>} */
  const back = new Set();
  /** @type {Map<string, ReturnType<typeof fieldRow>>} */
  const rows = new Map();
  const problem = h("p", { class: "field-error", role: "alert" });
  const count = h("span", { class: "muted small" });
  const saveButton = h("button", { type: "submit", class: "button primary" }, t("action.save"));
  const discard = h("button", { type: "button", class: "button", onclick: () => (isDirty() ? show(loaded) : oncancel?.()) }, t(oncancel ? "action.cancel" : "settings.discard"));
  const wholeBack = h("button", { type: "button", class: "button", onclick: () => allBack() }, t("settings.all_back"));

  const wanted = () => changesOf(fields, loaded.info.config, typed, back);
  const changed = () => {
    const { set, reset } = wanted();
    return Object.keys(set).length + reset.length;
  };
  const isDirty = () => changed() > 0;
  const note = () => {
    const n = changed();
    saveButton.disabled = n === 0;
    setText(saveButton, n === 0 ? t("action.save") : tn("settings.save", n));
    discard.disabled = n === 0 && !oncancel;
    onchange?.(typed, back);
  };
  const allBack = () => {
    for (const field of fields) if (origin(loaded.info, field).back !== null) back.add(field.key);
    for (const field of fields) rows.get(field.key)?.draw();
    note();
  };
  /** @param {Loaded} fresh */
  const show = (fresh) => {
    loaded = fresh;
    typed.clear();
    back.clear();
    setText(problem, "");
    for (const field of fields) rows.get(field.key)?.draw();
    const counts = originCounts(loaded.info, fields);
    setText(count, t("settings.counts", { n: fields.length, file: counts.file + counts.other, default: counts.default, here: counts.here }));
    wholeBack.hidden = counts.here === 0 || loaded.info.file === null;
    note();
  };
  for (const field of fields) {
    rows.set(field.key, fieldRow(`set-${forms}`, field, labelOf(prefix, field.key), () => loaded.info, typed, back, note));
  }
  const run = async () => {
    const asked = wanted();
    const before = loaded.info;
    for (const row of rows.values()) row.error("");
    setText(problem, "");
    saveButton.disabled = true;
    try {
      const fresh = await save(asked, loaded.etag);
      const keys = [...Object.keys(asked.set), ...asked.reset];
      show(fresh);
      onsaved?.(fresh);
      toast(tn("settings.saved", keys.length), { label: t("action.undo"), run: () => void undo(undoOf(before.config, before.origins, keys)) });
      if (fresh.info.restart.length > before.restart.length) toast(t("settings.restart", { keys: fresh.info.restart.join(", ") }));
    } catch (failure) {
      saveButton.disabled = false;
      if (failure instanceof RequestError && failure.status === CONFLICT) await bothSides(asked);
      else refuse(failure);
    }
  };
  /** @param {unknown} failure */
  const refuse = (failure) => {
    const key = failure instanceof RequestError ? failure.field : null;
    // A mistake of one key of a table stands beside the table's own field, if that is the one there is.
    const row = key === null ? undefined : rows.get(key) ?? [...rows].find(([known]) => key.startsWith(`${known}.`) || known.endsWith(`.${key}`))?.[1];
    if (row) row.error(failureText(failure));
    else setText(problem, failureText(failure));
  };
  /** @param {Wanted} asked */
  const undo = async (asked) => {
    try {
      show(await save(asked, null));
      onsaved?.(loaded);
      toast(t("settings.undone"));
    } catch (failure) {
      toast(failureText(failure));
    }
  };
  /** @param {Wanted} asked */
  const bothSides = async (asked) => {
    try {
      const fresh = await load();
      const sides = conflicts(fields, loaded.info.config, fresh.info.config, asked.set);
      openDialog(t("settings.conflict"), (close) => [
        h("p", null, t("settings.conflict_text")),
        h("dl", { class: "sides" }, ...sides.flatMap((side) => [h("dt", null, labelOf(prefix, side.key)),
          h("dd", null, t("settings.theirs", { value: side.theirs || "—" })), h("dd", null, t("settings.yours", { value: side.mine ?? t("settings.not_yours") }))])),
        h("div", { class: "dialog-actions" },
          h("button", { type: "button", class: "button primary", onclick: () => { close(); loaded = { ...loaded, etag: fresh.etag }; void run(); } }, t("settings.keep_mine")),
          h("button", { type: "button", class: "button", onclick: () => { close(); show(fresh); onsaved?.(fresh); } }, t("settings.take_theirs"))),
      ]);
    } catch (failure) {
      refuse(failure);
    }
  };
  const buttons = h("div", { class: "form-buttons" }, wholeBack, discard, saveButton);
  const element = h("form", { class: "settings-form", novalidate: true, onsubmit: (event) => {
    event.preventDefault();
    void run();
  } }, ...groups.map((group) => h("section", { class: "card panel settings-group" },
    h("div", { class: "card-title" }, h("h2", null, group.title), group.note ? h("span", { class: "note" }, group.note) : null, group.action ? h("span", { class: "end" }, group.action) : null),
    ...group.fields.map((field) => rows.get(field.key)?.element ?? null), group.after ?? null)),
  problem, h("div", { class: "form-foot" }, count, buttons));
  show(loaded);
  return { element, isDirty, show, type: (/** @type {string} */ key, /** @type {string} */ text) => rows.get(key)?.type(text), current: () => loaded };
}

/**
 * @param {string} id @param {Field} field @param {string} label @param {() => ConfigAnswer} info
 * @param {Map<string, string>} typed @param {Set<string>} back @param {() => void} note
 */
function fieldRow(id, field, label, info, typed, back, note) {
  const name = `${id}-${field.key}`;
  const error = h("span", { class: "field-error", id: `${name}-error` });
  const from = h("span", { class: "origin", id: `${name}-from` });
  const described = { id: name, name: field.key, "aria-describedby": `${name}-from ${name}-error`, disabled: field.isFixed ?? false };
  const grade = /grades_ms\.(\w+)$/.exec(field.key)?.[1];
  const level = (/** @type {const} */ (["excellent", "good", "fair", "poor", "critical"])).find((known) => known === grade);
  const choices = field.kind === "flag" ? ["true", "false"] : field.options ?? [];
  const input = field.kind === "choice" || field.kind === "flag"
    ? h("select", { class: "field", ...described }, ...choices.map((word) => h("option", { value: word }, has(`settings.word.${word}`) ? t(`settings.word.${word}`) : word)))
    : h("input", { class: "field", autocomplete: "off", spellcheck: "false", type: "text", ...described });
  const draw = () => {
    const text = textOf(field, at(info().config, field.key));
    const source = origin(info(), field);
    setText(error, "");
    setAttribute(input, "aria-invalid", null);
    input.value = back.has(field.key) ? source.back ?? "" : text;
    if (back.has(field.key)) {
      fill(from, h("span", { class: "origin-tag" }, t("settings.going_back")));
    } else if (source.kind === "here") {
      fill(from, h("span", { class: "origin-tag" }, t("origin.changed here")), source.back === null ? null
        : h("button", { type: "button", class: "link", onclick: () => { typed.delete(field.key); back.add(field.key); draw(); note(); input.focus(); } },
          t(source.isFile ? "settings.back_to_file" : "settings.back_to_default", { value: source.back === "" ? t("settings.none") : source.back })));
    } else fill(from, originText(source.text));
  };
  /** @param {string} text */
  const type = (text) => {
    back.delete(field.key);
    typed.set(field.key, text);
    setText(error, "");
    setAttribute(input, "aria-invalid", null);
    note();
  };
  input.addEventListener("input", () => type(input.value));
  const element = h("div", { class: "setting" }, h("label", { for: name }, level ? glyph(level) : null, label), input, from, error);
  return {
    element, draw,
    /** @param {string} text */
    type(text) {
      input.value = text;
      type(text);
    },
    /** @param {string} text */
    error(text) {
      setText(error, text);
      setAttribute(input, "aria-invalid", text === "" ? null : "true");
      if (text !== "") input.focus();
    },
  };
}
