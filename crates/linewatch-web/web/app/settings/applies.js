/**
 * Which alert rules and maintenance windows are about a target, and by what: a target has none of its own in the configuration,
 * rules say whom they match. The page's side of `Matcher::matches` and `alerting::policy`. Pure: objects in, the same out.
 */

import { at, originOf } from "./values.js";

/** @typedef {Record<string, unknown>} Element */
/** @typedef {"target" | "group" | "country" | "partner" | "label" | "all" | "none"} By `none`: nobody wrote a rule, this is what is told then. */
/**
 * @typedef {object} Applied
 * @property {string} kind
 * @property {string} name
 * @property {By} by The narrowest condition that matches.
 * @property {string} value Of that condition.
 * @property {number | null} limit ms, or a ratio for loss; null: this kind has none.
 * @property {boolean} isOwnLimit The target's own, because the rule names none.
 * @property {string} hold How long it must last.
 * @property {string[]} to Empty: everybody.
 * @property {{ after: string, to: string[] } | null} escalate
 * @property {string} origin
 */

/** What is told when nobody wrote a rule (INTERFACE.md `[[alerts.rules]]`). */
const WITHOUT_RULES = ["outage", "latency", "loss", "jitter", "stale"];
/** About this computer, not about a target. */
const OF_MONITOR = new Set(["local", "storage"]);
/** Conditions, the narrowest first. */
const CONDITIONS = /** @type {const} */ (["target", "label", "group", "partner", "country"]);
/** Where a target has its own limit of a kind. @type {Readonly<Record<string, string>>} */
const LIMITS = { latency: "latency_threshold_ms", loss: "status.warn.loss", jitter: "status.warn.jitter_ms" };

/** @param {Element} match @param {string} id @param {Element} target Its settings. */
function matches(match, id, target) {
  return CONDITIONS.every((name) => {
    const wanted = String(match[name] ?? "");
    if (wanted === "") return true;
    if (name === "target") return wanted === id;
    if (name !== "label") return wanted === String(target[name] ?? "");
    const labels = /** @type {Record<string, string>} */ (target["labels"] ?? {});
    const cut = wanted.indexOf("=");
    return cut < 0 ? wanted in labels : labels[wanted.slice(0, cut)] === wanted.slice(cut + 1);
  });
}

/** @param {Element} match @returns {{ by: By, value: string }} */
function narrowest(match) {
  const by = CONDITIONS.find((name) => String(match[name] ?? "") !== "");
  return by === undefined ? { by: "all", value: "" } : { by, value: String(match[by]) };
}

/**
 * @param {import("../types").ConfigAnswer} info The whole configuration. @param {string} id @param {Element} target Its settings.
 * @returns {Applied[]} In the order of the file.
 */
export function rulesOf(info, id, target) {
  const rules = /** @type {Element[]} */ (at(info.config, "alerts.rules") ?? []);
  const hold = String(at(info.config, "alerts.for") ?? "");
  const limitOf = (/** @type {string} */ kind) => (LIMITS[kind] === undefined ? null : Number(at(target, LIMITS[kind])));
  if (rules.length === 0) {
    return WITHOUT_RULES.map((kind) => ({ kind, name: "", by: "none", value: "", limit: limitOf(kind), isOwnLimit: limitOf(kind) !== null, hold, to: [], escalate: null, origin: "default" }));
  }
  return rules.flatMap((rule, place) => {
    const match = /** @type {Element} */ (rule["match"] ?? {});
    const kind = String(rule["kind"]);
    if (OF_MONITOR.has(kind) || !matches(match, id, target)) return [];
    const above = rule["above"];
    const escalate = /** @type {Element | undefined} */ (rule["escalate"]);
    return [{
      kind, name: String(rule["name"] ?? ""), ...narrowest(match), limit: typeof above === "number" ? above : limitOf(kind), isOwnLimit: typeof above !== "number" && limitOf(kind) !== null,
      hold: String(rule["for"] ?? hold), to: /** @type {string[]} */ (rule["to"] ?? []),
      escalate: escalate === undefined ? null : { after: String(escalate["after"] ?? ""), to: /** @type {string[]} */ (escalate["to"] ?? []) },
      origin: originOfPlace(info.origins, place),
    }];
  });
}

/** A list changed here has one origin as a whole. @param {Readonly<Record<string, string>>} origins @param {number} place */
function originOfPlace(origins, place) {
  return originOf(origins, "alerts.rules" in origins ? "alerts.rules" : `alerts.rules[${place}]`);
}

/**
 * Maintenance windows about a target that are not over, as they are written.
 * @param {import("../types").ConfigAnswer} info @param {string} id @param {Element} target @param {number} now ms
 * @returns {{ from: string, to: string, isNow: boolean }[]}
 */
export function windowsOf(info, id, target, now) {
  const windows = /** @type {Element[]} */ (at(info.config, "alerts.maintenance") ?? []);
  return windows.flatMap((window) => {
    const [from, to] = [String(window["from"] ?? ""), String(window["to"] ?? "")];
    const end = to === "" ? Infinity : Date.parse(to);
    if (!(end > now) || !matches(/** @type {Element} */ (window["match"] ?? {}), id, target)) return [];
    return [{ from, to, isNow: from === "" || Date.parse(from) <= now }];
  });
}
