/**
 * The table of targets: add, paste many, CSV in and out, duplicate, change many at once, and every setting of one in its row.
 * Input: `/api/v1/targets` and the live rows. Output: POST, PATCH, DELETE one by one; every refusal stands at its target.
 */

import { addTarget, get, removeTarget, runTarget } from "../api.js";
import { download } from "../csv.js";
import { fill, h, setAttribute, setText } from "../dom.js";
import { t, tn } from "../i18n.js";
import { store } from "../store.js";
import { addForm, failureText, tellAdded } from "../ui/addform.js";
import { openDialog, toast } from "../ui/dialog.js";
import { bulkBar } from "./bulkbar.js";
import { targetsToCsv } from "./csv.js";
import { originText } from "./form.js";
import { openImport, openPaste } from "./many.js";
import { button, sectionHead } from "./parts.js";
import { loadTarget } from "./remote.js";
import { targetForm } from "./targetform.js";
import { spaced } from "./values.js";

/** @typedef {import("../types").TargetInfo} TargetInfo */

/** More rows than these are drawn when they are asked for. */
const SHOWN = 100;

/** @type {import("../pages/settings.js").SectionMaker} */
export async function targetsSection() {
  /** @type {TargetInfo[]} */
  let targets = [];
  /** @type {Set<string>} */
  const chosen = new Set();
  /** @type {{ id: string, row: HTMLElement, isDirty: () => boolean } | null} */
  let open = null;
  let isWhole = false;
  let version = store.catalogVersion;
  const filter = h("input", { type: "search", class: "field", placeholder: t("settings.targets.filter"), "aria-label": t("settings.targets.filter"), oninput: () => draw() });
  const all = h("input", { type: "checkbox", "aria-label": t("settings.targets.select_all"), onchange: () => {
    for (const target of visible()) if (all.checked) chosen.add(target.id); else chosen.delete(target.id);
    draw();
  } });
  const body = h("tbody", null);
  const sub = h("span", null);
  const foot = h("div", { class: "table-foot" });
  const refresh = async () => {
    /** @type {import("../types").TargetList} */
    const answer = await get("targets");
    targets = answer.targets;
    version = store.catalogVersion;
    const ids = new Set(targets.map((target) => target.id));
    for (const id of chosen) if (!ids.has(id)) chosen.delete(id);
    draw();
  };
  const later = () => void refresh().catch((error) => toast(failureText(error)));
  const visible = () => {
    const needle = filter.value.trim().toLowerCase();
    return targets.filter((target) => needle === "" || [target.name, target.address, target.id, target.group, target.country].some((text) => text.toLowerCase().includes(needle)));
  };
  const bar = bulkBar({ chosen, targets: () => targets, done: later, clear: () => { chosen.clear(); draw(); }, remove: (ids) => void removeMany(ids), pause: (ids) => void runMany(ids) });
  const draw = () => {
    const rows = visible();
    const shown = isWhole ? rows : rows.slice(0, SHOWN);
    const here = targets.filter(isAddedHere).length;
    setText(sub, t("settings.targets.sub", { n: targets.length, file: targets.length - here, here }));
    all.checked = rows.length > 0 && rows.every((target) => chosen.has(target.id));
    all.indeterminate = !all.checked && rows.some((target) => chosen.has(target.id));
    fill(body, ...shown.flatMap((target) => {
      const row = targetRow(target);
      return open?.id === target.id ? [row, open.row] : [row];
    }));
    fill(foot, h("span", null, t("settings.targets.shown", { n: shown.length, all: targets.length })),
      shown.length < rows.length ? h("button", { type: "button", class: "link", onclick: () => { isWhole = true; draw(); } }, t("settings.targets.show_all")) : null);
    if (rows.length === 0) fill(body, h("tr", null, h("td", { colspan: "8", class: "empty" }, t(targets.length === 0 ? "settings.targets.none" : "settings.targets.no_match"))));
    bar.update();
  };
  /** @param {TargetInfo} target */
  const targetRow = (target) => {
    const check = h("input", { type: "checkbox", "aria-label": t("settings.targets.select", { name: target.name }), checked: chosen.has(target.id), onchange: () => {
      if (check.checked) chosen.add(target.id); else chosen.delete(target.id);
      draw();
    } });
    const isOpen = open?.id === target.id;
    const name = h("button", { type: "button", class: "row-open", "aria-expanded": String(isOpen), onclick: () => void toggle(target) }, h("span", { "aria-hidden": "true" }, isOpen ? "▾" : "▸"), h("span", null, target.name));
    const error = store.byId(target.id)?.o.error;
    const origin = originOfTarget(target);
    const cells = [
      h("td", { class: "cell-check" }, check), h("th", { scope: "row" }, name),
      h("td", { class: "cell-address" }, target.address, error ? h("span", { class: "field-error" }, error.text) : null),
      h("td", { class: "wide-cell" }, t(`method.${target.probe}`)), h("td", { class: "number cell-interval" }, spaced(target.interval)), h("td", { class: "number wide-cell" }, spaced(target.timeout)), h("td", { class: "wide-cell" }, target.group),
      h("td", { class: "origin" }, origin.isTag ? h("span", { class: "origin-tag" }, origin.text) : origin.text, origin.here > 0 ? h("b", null, ` ${t("settings.targets.plus_here", { n: origin.here })}`) : null),
    ];
    ["", "name", "address", "probe", "interval", "timeout", "group", "origin"].forEach((key, index) => { if (key !== "") cells[index]?.setAttribute("data-label", t(`settings.column.${key}`)); });
    const row = h("tr", { class: chosen.has(target.id) ? "chosen" : null }, ...cells);
    if (!target.enabled) row.classList.add("is-stopped");
    return row;
  };
  /** @param {TargetInfo} target */
  const toggle = async (target) => {
    if (open?.id === target.id) {
      if (open.isDirty() && !confirm(t("settings.unsaved_text"))) return;
      open = null;
      draw();
      return;
    }
    if (open?.isDirty() && !confirm(t("settings.unsaved_text"))) return;
    try {
      const [loaded, { appliesPanel }] = await Promise.all([loadTarget(target.id), import("./appliespanel.js")]);
      const form = targetForm(target.id, loaded, { onsaved: () => { later(); applies.refresh(); }, oncancel: () => void toggle(target) });
      const applies = appliesPanel(target.id, () => form.current().info.config);
      const more = h("div", { class: "form-buttons" }, button(t("settings.targets.duplicate"), () => void duplicate(target)), button(t("settings.targets.delete"), () => void removeMany([target.id]), "danger"));
      open = { id: target.id, row: h("tr", { class: "open-row" }, h("td", { colspan: "8" }, form.element, applies.element, more)), isDirty: form.isDirty };
      draw();
    } catch (error) {
      toast(failureText(error));
    }
  };
  /** @param {TargetInfo} target */
  const duplicate = async (target) => {
    try {
      const answer = await addTarget(/** @type {import("../types").TargetPatch} */ (copyOf(target, t("settings.targets.copy_name", { name: target.name }))));
      toast(t("settings.targets.duplicated", { name: answer.target?.name ?? "" }));
      later();
    } catch (error) {
      toast(failureText(error));
    }
  };
  /** @param {readonly string[]} ids */
  const removeMany = async (ids) => {
    const leaving = targets.filter((target) => ids.includes(target.id));
    openDialog(tn("settings.targets.delete_title", leaving.length), (close) => [
      h("p", null, leaving.slice(0, 10).map((target) => target.name).join(", "), leaving.length > 10 ? " …" : ""), h("p", null, t("remove.text")),
      h("div", { class: "dialog-actions" }, button(t("settings.targets.delete"), () => { close(); void gone(leaving); }, "stop"), button(t("action.cancel"), close)),
    ]);
  };
  /** @param {readonly TargetInfo[]} leaving */
  const gone = async (leaving) => {
    /** @type {TargetInfo[]} */
    const left = [];
    for (const target of leaving) {
      try {
        await removeTarget(target.id);
        left.push(target);
        chosen.delete(target.id);
      } catch (error) {
        toast(`${target.name}: ${failureText(error)}`);
      }
    }
    open = null;
    later();
    if (left.length > 0) toast(tn("settings.targets.deleted", left.length), { label: t("action.undo"), run: () => void comeBack(left) });
  };
  /** @param {readonly TargetInfo[]} left */
  const comeBack = async (left) => {
    for (const target of left) {
      try {
        // What stands in the file comes back as the file has it.
        await addTarget(/** @type {import("../types").TargetPatch} */ ({ ...copyOf(target, target.name), id: target.id }));
      } catch (error) {
        toast(`${target.name}: ${failureText(error)}`);
      }
    }
    later();
  };
  /** @param {readonly string[]} ids */
  const runMany = async (ids) => {
    const some = targets.filter((target) => ids.includes(target.id));
    const stop = some.some((target) => target.enabled);
    for (const target of some) {
      try {
        await runTarget(target.id, stop ? "stop" : "start");
      } catch (error) {
        toast(`${target.name}: ${failureText(error)}`);
      }
    }
    later();
  };
  const openAdd = () => openDialog(t("settings.targets.add"), (close) => {
    const form = addForm({ isLarge: false, onadded: (answer) => { close(); tellAdded(answer); later(); } });
    queueMicrotask(() => form.input.focus());
    return [form.element];
  });
  const head = h("tr", null, h("th", { class: "cell-check" }, all), ...["name", "address", "probe", "interval", "timeout", "group", "origin"].map((key) => h("th", { scope: "col", class: key === "interval" || key === "timeout" ? "number" : null }, t(`settings.column.${key}`))));
  const table = h("table", { class: "settings-table targets-table" }, h("caption", { class: "visually-hidden" }, t("settings.section.targets")), h("thead", null, head), body);
  const element = h("div", null,
    sectionHead(t("settings.section.targets"), sub,
      button(t("settings.targets.export"), () => download("linewatch-targets.csv", targetsToCsv(targets))),
      button(t("settings.targets.import"), () => openImport(() => targets, later)), button(t("settings.targets.paste"), () => openPaste(later)),
      button(t("settings.targets.add"), openAdd, "primary")),
    bar.element, h("div", { class: "table-tools" }, filter), h("div", { class: "card table-card" }, table, foot));
  await refresh();
  return {
    element,
    isDirty: () => (open?.isDirty() ?? false) || bar.isDirty(),
    update() {
      // Somebody else may have changed a target; an open form is not taken away from under a person.
      if (version !== store.catalogVersion && open === null) later();
      setAttribute(element, "data-live", String(store.isLive));
    },
  };
}

/** Everything of a target that another one may have too. @param {TargetInfo} target @param {string} name */
function copyOf(target, name) {
  /** @type {Record<string, unknown>} */
  const patch = {
    name, address: target.address, family: target.family, interval: target.interval, timeout: target.timeout, payload_bytes: target.payload_bytes,
    country: target.country, partner: target.partner, group: target.group, labels: target.labels, enabled: target.enabled, probe: target.probe,
  };
  if (target.port !== null) patch["port"] = target.port;
  if (target.behind !== null) patch["behind"] = target.behind;
  return patch;
}

/** @param {TargetInfo} target */
function isAddedHere(target) {
  return target.origins["address"] === "changed here";
}

/** Where a target as a whole comes from. @param {TargetInfo} target */
function originOfTarget(target) {
  if (isAddedHere(target)) return { text: t("settings.targets.added_here"), here: 0, isTag: true };
  const here = Object.entries(target.origins).filter(([key, origin]) => key !== "id" && origin === "changed here").length;
  const first = Object.entries(target.origins).find(([key, origin]) => (key === "id" || key === "name") && origin !== "changed here")?.[1] ?? target.origins["name"] ?? target.origins["address"] ?? "built-in";
  return { text: originText(target.is_built_in ? "built-in" : first), here, isTag: false };
}
