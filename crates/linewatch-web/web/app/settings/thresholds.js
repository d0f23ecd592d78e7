/**
 * Thresholds for every target that does not say otherwise, beside what the stored history of one target would have been by the
 * numbers typed. Input: `[defaults]` with origins. Output: a PUT; the preview writes nothing.
 */

import { get } from "../api.js";
import { h } from "../dom.js";
import { t, tn } from "../i18n.js";
import { valueForm } from "./form.js";
import { sectionHead } from "./parts.js";
import { previewPanel } from "./preview.js";
import { loadConfig, saveConfig } from "./remote.js";
import { GRADES, OUTAGE, STATUS } from "./targetform.js";

/** @param {readonly import("./values.js").Field[]} fields */
const ofDefaults = (fields) => fields.map((field) => ({ ...field, key: `defaults.${field.key}` }));

/** @type {import("../pages/settings.js").SectionMaker} */
export async function thresholdsSection() {
  /** @type {[import("./form.js").Loaded, import("../types").TargetList]} */
  const [loaded, { targets }] = await Promise.all([loadConfig(), get("targets")]);
  const own = targets.filter((target) => Object.keys(target.origins).some((key) => /^(grades_ms|status|outage|latency_threshold_ms)/.test(key))).length;
  let current = loaded;
  const preview = previewPanel({ prefix: "defaults.", config: () => current.info.config, onpick: (key, text) => form.type(key, text) });
  const form = valueForm({
    prefix: "config", loaded, load: loadConfig, save: saveConfig,
    groups: [
      { title: t("settings.grade"), note: t("settings.grade_note"), fields: ofDefaults(GRADES) },
      { title: t("settings.state"), note: t("settings.state_note"), fields: ofDefaults(STATUS) },
      { title: t("settings.outage"), fields: ofDefaults(OUTAGE) },
    ],
    onchange: (typed, back) => preview.follow(typed, back),
    onsaved: (fresh) => {
      current = fresh;
      preview.refresh();
    },
  });
  preview.refresh();
  return {
    element: h("div", null, sectionHead(t("settings.section.thresholds"), t("settings.thresholds.sub", { own: tn("settings.thresholds.own", own) })),
      h("div", { class: "thresholds-columns" }, form.element, preview.element)),
    isDirty: form.isDirty,
    dispose: preview.dispose,
  };
}
