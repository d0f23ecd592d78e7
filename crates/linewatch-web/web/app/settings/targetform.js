/**
 * All settings of one target: name to thresholds, each with its origin. Used in the table of targets and on the target's page.
 */

import { t } from "../i18n.js";
import { store } from "../store.js";
import { valueForm } from "./form.js";
import { loadTarget, saveTarget } from "./remote.js";

/** @typedef {import("./values.js").Field} Field */

/** @type {readonly Field[]} */
const PROBE = [
  { key: "name", kind: "text" }, { key: "address", kind: "text" }, { key: "probe", kind: "choice", options: ["icmp", "tcp", "udp"] },
  { key: "port", kind: "number" }, { key: "interval", kind: "text" }, { key: "timeout", kind: "text" }, { key: "payload_bytes", kind: "number" },
  { key: "payload", kind: "choice", options: ["echo", "dns"] }, { key: "family", kind: "choice", options: ["auto", "4", "6"] },
  { key: "source", kind: "text" }, { key: "dscp", kind: "number" },
];
/** @type {readonly Field[]} */
const PLACE = [
  { key: "country", kind: "text" }, { key: "partner", kind: "text" }, { key: "group", kind: "text" }, { key: "labels", kind: "pairs" },
  { key: "enabled", kind: "flag" },
];
/** @type {readonly Field[]} */
export const GRADES = [
  { key: "grades_ms.excellent", kind: "number" }, { key: "grades_ms.good", kind: "number" }, { key: "grades_ms.fair", kind: "number" },
  { key: "grades_ms.poor", kind: "number" }, { key: "grades_ms.critical", kind: "number" },
];
/** @type {readonly Field[]} */
export const STATUS = [
  { key: "status.ok.loss", kind: "percent" }, { key: "status.ok.jitter_ms", kind: "number" }, { key: "status.ok.rtt_ms", kind: "number" },
  { key: "status.warn.loss", kind: "percent" }, { key: "status.warn.jitter_ms", kind: "number" }, { key: "status.warn.rtt_ms", kind: "number" },
];
/** @type {readonly Field[]} */
export const OUTAGE = [
  { key: "outage.lost_to_open", kind: "number" }, { key: "outage.replies_to_close", kind: "number" },
  { key: "outage.loss_ratio", kind: "percent" }, { key: "outage.window", kind: "text" }, { key: "latency_threshold_ms", kind: "number" },
];

/**
 * @param {string} id @param {import("./form.js").Loaded} loaded
 * @param {Pick<import("./form.js").FormOptions, "onsaved" | "onchange" | "oncancel">} hooks
 */
export function targetForm(id, loaded, hooks) {
  const config = /** @type {Record<string, unknown>} */ (loaded.info.config);
  const others = [...store.rows.values()].map(({ o }) => o.id).filter((other) => other !== id).sort();
  const isUdp = config["probe"] === "udp";
  const probe = PROBE.filter((field) => field.key !== "payload" || isUdp);
  return valueForm({
    ...hooks,
    prefix: "target", loaded,
    groups: [
      { title: t("settings.target.probe"), note: t("settings.target.timeout_note"), fields: probe },
      { title: t("settings.target.place"), fields: [...PLACE, { key: "behind", kind: "choice", options: ["", ...others] }] },
      { title: t("settings.grade"), note: t("settings.grade_note"), fields: GRADES },
      { title: t("settings.state"), note: t("settings.state_note"), fields: STATUS },
      { title: t("settings.outage"), fields: OUTAGE },
    ],
    load: () => loadTarget(id),
    save: (wanted, etag) => saveTarget(id, wanted, etag),
  });
}
