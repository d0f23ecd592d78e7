/**
 * What holds for a target without being one of its settings: the alert rules and maintenance windows that are about it, and how
 * long its history is kept. Read only, with the way to where each is changed. Input: a target's settings. Output: a card.
 */

import { ROOT } from "../api.js";
import { fill, h } from "../dom.js";
import { loss, plain, short } from "../format.js";
import { t, tn } from "../i18n.js";
import { store } from "../store.js";
import { momentMinute } from "../time.js";
import { failureText } from "../ui/addform.js";
import { rulesOf, windowsOf } from "./applies.js";
import { labelOf, originText } from "./form.js";
import { loadConfig } from "./remote.js";
import { at, originOf, spaced } from "./values.js";

/** @typedef {import("./applies.js").Applied} Applied */

const KEPT = /** @type {const} */ (["raw", "seconds", "minutes", "ten_minutes", "hours", "outages"]);

/** @param {string} id @param {() => unknown} settings Of the target, as they are now. */
export function appliesPanel(id, settings) {
  const body = h("div", { class: "applies-body" }, h("p", { class: "muted small" }, t("loading")));
  const element = h("section", { class: "card panel settings-group applies" }, h("div", { class: "card-title" }, h("h2", null, t("settings.applies.title")), h("span", { class: "note" }, t("settings.applies.note"))), body);
  const refresh = async () => {
    try {
      const { info } = await loadConfig();
      const target = /** @type {import("./applies.js").Element} */ (settings());
      const rules = rulesOf(info, id, target);
      fill(body,
        h("h3", { class: "label" }, t("settings.rules.title")),
        target["enabled"] === false ? h("p", { class: "muted small" }, t("settings.applies.paused")) : null,
        rules.length === 0 ? h("p", null, t("settings.applies.no_rule")) : h("ul", { class: "applies-list" }, ...rules.map(ruleItem)),
        info.destinations.length === 0 ? h("p", { class: "applies-window" }, t("settings.applies.no_way")) : null,
        ...windowsOf(info, id, target, store.now()).map(windowLine),
        h("p", null, link("alerts", t("settings.applies.to_alerts"))),
        h("h3", { class: "label" }, t("settings.data.kept")),
        h("dl", { class: "pairs settings-facts applies-kept" }, ...KEPT.flatMap((kind) => {
          const key = `storage.retention.${kind}`;
          return [h("dt", null, labelOf("config", key)), h("dd", null, wordOf(at(info.config, key)), " ", h("span", { class: "origin" }, originText(originOf(info.origins, key))))];
        })),
        h("p", { class: "muted small" }, t("settings.applies.kept_note"), " ", link("data", t("settings.applies.to_data"))));
    } catch (error) {
      fill(body, h("p", { class: "field-error", role: "alert" }, failureText(error)));
    }
  };
  void refresh();
  return { element, refresh: () => void refresh() };
}

/** The way to where it is changed; a dialog does not stay open over another page. @param {string} section @param {string} text */
function link(section, text) {
  const element = h("a", { href: `${ROOT}settings?section=${section}`, onclick: () => element.closest("dialog")?.close() }, text);
  return element;
}

/** "30d" of the file in words. @param {unknown} value */
function wordOf(value) {
  const match = /^(\d+)([hdwy])$/.exec(String(value));
  if (match) return tn(`settings.applies.span.${match[2]}`, Number(match[1]));
  return value === "forever" ? t("settings.applies.forever") : String(value);
}

/** A rule in one line of words, and why it is about this target. @param {Applied} rule */
function ruleItem(rule) {
  const kind = t(`settings.kind.${rule.kind}`);
  const limit = rule.limit === null ? "" : rule.kind === "loss" ? plain(loss(rule.limit * 1_000_000)) : `${short(rule.limit)} ms`;
  const parts = [
    limit === "" ? "" : t(rule.isOwnLimit ? "settings.applies.above_own" : "settings.applies.above", { limit }),
    rule.hold === "" ? "" : t("settings.applies.for", { time: spaced(rule.hold) }),
    t("settings.applies.tells", { to: rule.to.join(", ") || t("settings.rules.everybody") }),
    rule.escalate === null ? "" : t("settings.rules.then", { after: spaced(rule.escalate.after), to: rule.escalate.to.join(", ") || t("settings.rules.everybody") }),
  ].filter(Boolean);
  return h("li", null, h("p", null, h("b", null, rule.name === "" ? kind : `${kind} · ${rule.name}`), ` ${parts.join(", ")}`),
    h("p", { class: "origin" }, t(`settings.applies.by.${rule.by}`, { value: rule.value }), rule.by === "none" ? null : ` · ${originText(rule.origin)}`));
}

/** @param {{ from: string, to: string, isNow: boolean }} window */
function windowLine({ from, to, isNow }) {
  const moment = (/** @type {string} */ text) => momentMinute(Date.parse(text), store.now());
  const until = to === "" ? t("settings.applies.no_end") : moment(to);
  return h("p", { class: "applies-window" }, isNow ? t("settings.applies.window_now", { until }) : t("settings.applies.window", { from: moment(from), until }));
}
