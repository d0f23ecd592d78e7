/** What is kept: sizes, how long each kind of record stays, deleting what is older, a copy to take away. */

import { ROOT, get, send } from "../api.js";
import { fill, h } from "../dom.js";
import { count, loss, plain } from "../format.js";
import { t, tn } from "../i18n.js";
import { date } from "../time.js";
import { failureText } from "../ui/addform.js";
import { openDialog, toast } from "../ui/dialog.js";
import { valueForm } from "./form.js";
import { button, card, facts, sectionHead } from "./parts.js";
import { loadConfig, saveConfig } from "./remote.js";

const KINDS = /** @type {const} */ (["raw", "seconds", "minutes", "ten_minutes", "hours", "outages", "events", "logs"]);
const DAYS_DEFAULT = "30";

/** Bytes for people. @param {number} bytes */
export function bytes(bytes) {
  const steps = ["B", "KiB", "MiB", "GiB", "TiB"];
  let value = bytes;
  let step = 0;
  while (value >= 1024 && step < steps.length - 1) {
    value /= 1024;
    step += 1;
  }
  return `${step === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${steps[step] ?? ""}`;
}

/** @type {import("../pages/settings.js").SectionMaker} */
export async function dataSection() {
  const [loaded, status] = await Promise.all([loadConfig(), /** @type {Promise<import("../types").Status>} */ (get("status"))]);
  const form = valueForm({
    prefix: "config", loaded, load: loadConfig, save: saveConfig,
    groups: [
      { title: t("settings.data.room"), fields: [
        { key: "storage.max_size", kind: "text" }, { key: "storage.flush_interval", kind: "text" }, { key: "storage.data_dir", kind: "text", isFixed: true },
      ] },
      { title: t("settings.data.kept"), note: t("settings.data.kept_note"), fields: KINDS.map((kind) => ({ key: `storage.retention.${kind}`, kind: /** @type {const} */ ("text") })) },
    ],
  });
  const sizes = h("div", null);
  /** @param {import("../types").Status} now */
  const draw = ({ storage }) => {
    const budget = storage.budget_bytes;
    const meter = h("meter", { min: 0, max: budget ?? storage.size_bytes, value: storage.size_bytes, "aria-label": t("settings.data.size") });
    const share = budget === null || budget === 0 ? "" : t("settings.data.share", { share: plain(loss((storage.size_bytes * 1_000_000) / budget)), free: bytes(Math.max(0, budget - storage.size_bytes)) });
    fill(sizes, h("p", { class: "storage-bar" }, meter, h("span", { class: "small muted" }, share)), facts([
      [t("settings.data.size"), budget === null ? bytes(storage.size_bytes) : t("settings.data.of", { size: bytes(storage.size_bytes), budget: bytes(budget) })],
      [t("settings.data.state"), t(`settings.data.state.${storage.state}`)],
      [t("settings.data.waiting"), count(storage.waiting_samples)],
      ...Object.entries(storage.oldest).map(([kind, at]) => /** @type {[string, string]} */ ([t("settings.data.oldest", { kind: t(`settings.key.config.storage.retention.${kind}`).toLocaleLowerCase() }), date(at)])),
      [t("settings.data.path"), h("code", null, storage.path)],
    ]));
  };
  draw(status);
  let asked = 0;
  return {
    element: h("div", null,
      sectionHead(t("settings.section.data"), t("settings.data.sub"), h("a", { class: "button", href: `${ROOT}api/v1/backup`, download: "" }, t("settings.data.backup"))),
      card(t("settings.data.now"), sizes), form.element, card(t("settings.data.older"), olderForm(form))),
    isDirty: form.isDirty,
    update() {
      asked += 1;
      if (asked % 10 === 0) void get("status").then((fresh) => draw(/** @type {import("../types").Status} */ (fresh)), () => {});
    },
  };
}

/**
 * Deletes by the one way there is: a shorter time to keep. Events go at once, everything else within the hour.
 * @param {ReturnType<typeof valueForm>} form
 */
function olderForm(form) {
  const kind = h("select", { class: "field", id: "older-kind" }, ...KINDS.map((name) => h("option", { value: name, selected: name === "events" }, t(`settings.key.config.storage.retention.${name}`))));
  const days = h("input", { class: "field", id: "older-days", inputmode: "numeric", value: DAYS_DEFAULT });
  const error = h("p", { class: "field-error", role: "alert" });
  const run = async () => {
    try {
      const key = `storage.retention.${kind.value}`;
      /** @type {{ data: import("../types").ConfigAnswer, etag: string | null }} */
      const { data, etag } = await send("PUT", "config", { set: { [key]: `${days.value.trim()}d` }, reset: [] });
      form.show({ info: data, etag });
      if (kind.value === "events") {
        const answer = await fetch(`${ROOT}api/events/cleanup`, { method: "POST", headers: { "Content-Type": "application/json" }, body: "{}" });
        /** @type {{ deleted_count?: number }} */
        const said = await answer.json();
        toast(tn("settings.data.deleted", said.deleted_count ?? 0));
      } else toast(t("settings.data.deleting"));
    } catch (failure) {
      fill(error, failureText(failure));
    }
  };
  const ask = () => {
    fill(error);
    openDialog(t("settings.data.sure"), (close) => [
      h("p", null, t("settings.data.sure_text", { kind: kind.selectedOptions[0]?.textContent ?? "", days: days.value })),
      h("div", { class: "dialog-actions" }, button(t("settings.data.delete"), () => { close(); void run(); }, "stop"), button(t("action.cancel"), close)),
    ]);
  };
  return h("div", { class: "inline-form" }, h("label", { for: "older-kind" }, t("settings.data.older_kind")), kind,
    h("label", { for: "older-days" }, t("settings.data.older_days")), days, button(t("settings.data.delete_button"), ask), error);
}
