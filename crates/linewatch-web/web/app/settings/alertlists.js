/**
 * The lists of `[alerts]`: rules, webhooks, maintenance windows. A list has one origin as a whole and is written as a whole; an
 * element is edited in a dialog. Secrets that were not typed anew stay: an element carries the place it had (`was`).
 */

import { RequestError } from "../api.js";
import { fill, h, setText } from "../dom.js";
import { has, t } from "../i18n.js";
import { failureText } from "../ui/addform.js";
import { openDialog, toast } from "../ui/dialog.js";
import { originText } from "./form.js";
import { button } from "./parts.js";
import { saveConfig } from "./remote.js";
import { at, origin, originOf, textOf, valueOf } from "./values.js";

/** @typedef {import("./values.js").Field} Field */
/** @typedef {Record<string, unknown>} Element */
/** @typedef {import("./form.js").Loaded} Loaded */
/**
 * @typedef {object} ListSpec
 * @property {string} key @property {string} name Of its words. @property {readonly Field[]} fields
 * @property {readonly string[]} columns @property {(element: Element, column: string) => string} cell
 * @property {(place: number) => void} [test] @property {string} empty
 */

const KINDS = ["outage", "latency", "loss", "jitter", "stale", "local", "dns", "storage"];
/** @type {readonly Field[]} */
const MATCH = ["target", "group", "country", "partner", "label"].map((name) => ({ key: `match.${name}`, kind: "text" }));

/** @returns {ListSpec} */
export function ruleList() {
  return {
    key: "alerts.rules", name: "rules", empty: t("settings.rules.none"),
    fields: [
      { key: "name", kind: "text" }, { key: "kind", kind: "choice", options: KINDS }, ...MATCH, { key: "above", kind: "number" }, { key: "for", kind: "text" },
      { key: "to", kind: "list" }, { key: "escalate.after", kind: "text" }, { key: "escalate.to", kind: "list" },
    ],
    columns: ["kind", "match", "above", "for", "to", "escalate"],
    cell(rule, column) {
      if (column === "kind") return `${String(rule["name"] ?? "")} ${word(rule["kind"])}`.trim();
      if (column === "match") return matched(rule);
      if (column === "to") return textOf({ key: "to", kind: "list" }, rule["to"] ?? []) || t("settings.rules.everybody");
      if (column === "escalate") {
        const after = at(rule, "escalate.after");
        return after === undefined ? "—" : t("settings.rules.then", { after: String(after), to: textOf({ key: "", kind: "list" }, at(rule, "escalate.to") ?? []) });
      }
      return String(rule[column] ?? "—");
    },
  };
}

/** @param {(place: number) => void} test @returns {ListSpec} */
export function webhookList(test) {
  return {
    key: "alerts.webhooks", name: "webhooks", empty: t("settings.webhooks.none"), test,
    fields: [
      { key: "url", kind: "secret" }, { key: "format", kind: "choice", options: ["json", "slack", "discord", "telegram", "ntfy", "template"] },
      { key: "headers", kind: "pairs" }, { key: "allow_private", kind: "flag" },
    ],
    columns: ["url", "format", "headers", "secret_file", "allow_private"],
    cell(hook, column) {
      if (column === "url") return String(hook["host"] ?? "") || String(hook["url"] ?? "") || "—";
      if (column === "headers") return Object.keys(/** @type {object} */ (hook["headers"] ?? {})).join(", ") || "—";
      if (column === "allow_private") return t(hook[column] === true ? "settings.word.true" : "settings.word.false");
      return String(hook[column] ?? "") || "—";
    },
  };
}

/** @returns {ListSpec} */
export function maintenanceList() {
  return {
    key: "alerts.maintenance", name: "maintenance", empty: t("settings.maintenance.none"),
    fields: [...MATCH, { key: "from", kind: "text" }, { key: "to", kind: "text" }],
    columns: ["match", "from", "to"],
    cell: (window, column) => (column === "match" ? matched(window) : String(window[column] ?? "") || "—"),
  };
}

/** @param {unknown} kind */
function word(kind) {
  return has(`settings.kind.${String(kind)}`) ? t(`settings.kind.${String(kind)}`) : String(kind);
}

/** @param {Element} element */
function matched(element) {
  const pairs = Object.entries(/** @type {Record<string, string>} */ (element["match"] ?? {})).filter(([, value]) => value !== "");
  return pairs.map(([name, value]) => `${t(`settings.match.${name}`)} ${value}`).join(", ") || t("settings.rules.everything");
}

/**
 * @param {ListSpec} spec @param {() => Loaded} current @param {(fresh: Loaded) => void} taken @param {HTMLElement} [after]
 */
export function listCard(spec, current, taken, after) {
  const from = h("span", { class: "origin" });
  const body = h("tbody", null);
  const problem = h("p", { class: "field-error", role: "alert" });
  const read = () => /** @type {Element[]} */ (at(current().info.config, spec.key) ?? []).map((element, was) => (spec.key === "alerts.webhooks" ? { ...element, was } : element));
  /** @param {unknown} list `null`: back to the file. */
  const write = async (list) => {
    const { info, etag } = current();
    const before = originOf(info.origins, spec.key) === "changed here" ? read() : null;
    const fresh = await saveConfig(list === null ? { set: {}, reset: [spec.key] } : { set: { [spec.key]: list }, reset: [] }, etag);
    taken(fresh);
    // Secrets of an element that has left are known nowhere any more: such a list does not come back by itself.
    if (spec.key === "alerts.webhooks") toast(t("settings.list_saved"));
    else toast(t("settings.list_saved"), { label: t("action.undo"), run: () => void write(before).catch((error) => setText(problem, failureText(error))) });
  };
  /** @param {unknown} list */
  const tryWrite = (list) => void write(list).catch((error) => setText(problem, failureText(error)));
  const draw = () => {
    setText(problem, "");
    const list = read();
    const source = origin(current().info, { key: spec.key, kind: "text" });
    const isHere = source.kind === "here";
    fill(from, isHere ? h("span", { class: "origin-tag" }, t("origin.changed here")) : list.length === 0 ? "" : originText(source.text),
      isHere ? h("button", { type: "button", class: "link", onclick: () => tryWrite(null) }, t("settings.list_back", { n: source.back || "0" })) : null);
    fill(body, ...list.map((element, place) => h("tr", null,
      ...spec.columns.map((column) => h("td", { "data-label": t(`settings.${spec.name}.${column}`) }, spec.cell(element, column))),
      h("td", { class: "row-buttons" },
        spec.test ? button(t("settings.alerts.test"), () => spec.test?.(place), "small") : null,
        button(t("action.edit"), () => edit(place), "small"),
        button(t("action.remove"), () => tryWrite(list.filter((_, other) => other !== place)), "small")))));
    // Columns of nothing say nothing.
    table.hidden = list.length === 0;
    none.hidden = list.length > 0;
  };
  /** @param {number | null} place */
  const edit = (place) => elementDialog(spec, place === null ? {} : read()[place] ?? {}, async (element) => {
    const list = read();
    if (place === null) list.push(element);
    else list[place] = element;
    await write(list);
  });
  const table = h("table", { class: "settings-table" }, h("caption", { class: "visually-hidden" }, t(`settings.${spec.name}.title`)),
    h("thead", null, h("tr", null, ...spec.columns.map((column) => h("th", { scope: "col" }, t(`settings.${spec.name}.${column}`))), h("td", null))), body);
  const none = h("p", { class: "muted small" }, spec.empty);
  const element = h("section", { class: "card panel settings-group" },
    h("div", { class: "card-title" }, h("h2", null, t(`settings.${spec.name}.title`)), from, h("span", { class: "end" }, button(t(`settings.${spec.name}.add`), () => edit(null), "small"))),
    table, none, problem, after ?? null);
  return { element, draw, add: () => edit(null) };
}

/** @param {ListSpec} spec @param {Element} before @param {(element: Element) => Promise<void>} save */
function elementDialog(spec, before, save) {
  openDialog(t(`settings.${spec.name}.edit`), (close) => {
    const problem = h("p", { class: "field-error", role: "alert" });
    /** @type {Map<string, { input: HTMLInputElement | HTMLSelectElement, error: HTMLElement }>} */
    const inputs = new Map();
    const items = spec.fields.map((field) => {
      const id = `element-${field.key.replace(".", "-")}`;
      const error = h("span", { class: "field-error", id: `${id}-error` });
      const options = field.kind === "flag" ? ["false", "true"] : field.options;
      const input = options ? h("select", { class: "field", id, "aria-describedby": `${id}-error` }, ...options.map((option) => h("option", { value: option }, field.kind === "flag" ? t(`settings.word.${option}`) : word(option))))
        : h("input", { class: "field", id, autocomplete: "off", spellcheck: "false", "aria-describedby": `${id}-error` });
      const text = textOf(field, at(before, field.key));
      if (text !== "" || !options) input.value = text;
      inputs.set(field.key, { input, error });
      return h("div", { class: "form-item" }, h("label", { for: id }, t(`settings.${spec.name}.${field.key}`)), input, error);
    });
    const run = async () => {
      for (const { error } of inputs.values()) setText(error, "");
      setText(problem, "");
      try {
        await save(elementOf(spec.fields, before, (key) => inputs.get(key)?.input.value ?? ""));
        close();
      } catch (failure) {
        // `alerts.rules[1].for`: the field is what stands behind the place.
        const key = failure instanceof RequestError && failure.field !== null ? failure.field.replace(/^.*\]\./, "") : "";
        const field = inputs.get(key);
        setText(field?.error ?? problem, failureText(failure));
        field?.input.focus();
      }
    };
    return [h("form", { novalidate: true, onsubmit: (event) => { event.preventDefault(); void run(); } },
      h("div", { class: "form-grid" }, ...items), problem,
      h("div", { class: "dialog-actions" }, h("button", { type: "submit", class: "button primary" }, t("action.save")), button(t("action.cancel"), close)))];
  });
}

/**
 * An element of a list from what was typed; empty fields are not in it. Pure.
 * @param {readonly Field[]} fields @param {Element} before @param {(key: string) => string} typed @returns {Element}
 */
export function elementOf(fields, before, typed) {
  /** @type {Element} */
  const element = { ...before };
  for (const field of fields) {
    const [head = "", leaf] = field.key.split(".");
    const text = typed(field.key).trim();
    if (leaf === undefined) {
      if (text === "") delete element[head];
      else element[head] = valueOf(field, text);
      continue;
    }
    const inner = { .../** @type {Element} */ (element[head] ?? {}) };
    if (text === "") delete inner[leaf];
    else inner[leaf] = valueOf(field, text);
    if (Object.keys(inner).length === 0) delete element[head];
    else element[head] = inner;
  }
  return element;
}
