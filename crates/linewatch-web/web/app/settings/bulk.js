/**
 * Says what one change of many targets would do before it is done. Input: the targets and what is wished for. Output: a patch for
 * each target that would differ, counts by key, and the load before and after. Pure.
 */

/** @typedef {import("../types").TargetInfo} TargetInfo */
/** @typedef {{ interval?: string, timeout?: string, group?: string, labels?: string }} Wishes Empty: as it is. */
/** @typedef {{ id: string, name: string, patch: Record<string, unknown> }} Change */

const UNITS = /** @type {const} */ ({ us: 0.001, ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 });

/** Milliseconds of a length as it is written: "1s", "250 ms"; NaN if it is none. @param {string} text */
export function lengthMs(text) {
  const match = /^(\d+(?:\.\d+)?)\s*(us|ms|s|m|h|d)$/.exec(text.trim());
  return match ? Number(match[1]) * UNITS[/** @type {keyof typeof UNITS} */ (match[2])] : Number.NaN;
}

/** Probes a second of those that run. @param {readonly TargetInfo[]} targets @param {ReadonlyMap<string, string>} [intervals] */
export function rate(targets, intervals = new Map()) {
  let sum = 0;
  for (const target of targets) {
    const ms = lengthMs(intervals.get(target.id) ?? target.interval);
    if (target.enabled && ms > 0) sum += 1000 / ms;
  }
  return sum;
}

/**
 * Labels after `+ site=eu1, - old`: pairs are added or replaced, a name behind a minus leaves.
 * @param {Readonly<Record<string, string>>} labels @param {string} wish
 */
export function labelsAfter(labels, wish) {
  const after = { ...labels };
  for (const part of wish.split(",").map((one) => one.trim()).filter(Boolean)) {
    const word = part.replace(/^[+-]\s*/, "");
    const cut = word.indexOf("=");
    const name = (cut < 0 ? word : word.slice(0, cut)).trim();
    if (part.startsWith("-") || part.startsWith("−")) delete after[name.replace(/^−\s*/, "")];
    else if (name !== "") after[name] = cut < 0 ? "" : word.slice(cut + 1).trim();
  }
  return after;
}

/**
 * @param {readonly TargetInfo[]} all Every target: the load is that of all.
 * @param {ReadonlySet<string>} chosen Ids.
 * @param {Wishes} wishes
 */
export function bulkPlan(all, chosen, wishes) {
  /** @type {Change[]} */
  const changes = [];
  /** @type {Map<string, string[]>} names of the targets that differ, by key */
  const byKey = new Map();
  /** @type {Map<string, string>} */
  const intervals = new Map();
  for (const target of all) {
    if (!chosen.has(target.id)) continue;
    /** @type {Record<string, unknown>} */
    const patch = {};
    for (const key of /** @type {const} */ (["interval", "timeout", "group"])) {
      const wish = (wishes[key] ?? "").trim().replace(/\s+/g, key === "group" ? " " : "");
      if (wish !== "" && wish !== target[key]) patch[key] = wish;
    }
    if ((wishes.labels ?? "").trim() !== "") {
      const labels = labelsAfter(target.labels, wishes.labels ?? "");
      if (!isSame(labels, target.labels)) patch["labels"] = labels;
    }
    const keys = Object.keys(patch);
    if (keys.length === 0) continue;
    changes.push({ id: target.id, name: target.name, patch });
    for (const key of keys) byKey.set(key, [...(byKey.get(key) ?? []), target.name]);
    if (typeof patch["interval"] === "string") intervals.set(target.id, patch["interval"]);
  }
  const values = [...byKey.values()].reduce((sum, names) => sum + names.length, 0);
  return { changes, byKey, values, before: rate(all), after: rate(all, intervals) };
}

/** @param {Readonly<Record<string, string>>} one @param {Readonly<Record<string, string>>} other */
function isSame(one, other) {
  const names = Object.keys(one);
  return names.length === Object.keys(other).length && names.every((name) => one[name] === other[name]);
}
