/**
 * Says which figures the HUD shows, when, and from which value on each is poor. Reads and writes it in a link:
 * `rows=rtt,proc,loss:poor:2.5` shows RTT and process always, loss only from 2.5 % on; what is not named is never shown.
 * Pure: no element, no clock.
 */

/** @typedef {"rtt" | "proc" | "jitter" | "loss" | "rto" | "status"} HudName */
/** @typedef {"always" | "poor" | "never"} HudWhen */
/** @typedef {{ name: HudName, when: HudWhen, limit: number | null }} HudRow `limit`: own warning value; null: the target's. */
/** @typedef {{ rows: HudRow[], scale: number, bg: "solid" | "clear", isPopup: boolean }} HudView */

export const HUD_NAMES = /** @type {const} */ (["rtt", "proc", "jitter", "loss", "rto", "status"]);
export const HUD_WHEN = /** @type {const} */ (["always", "poor", "never"]);
export const SCALES = [0.75, 1, 1.25, 1.5, 1.75, 2];

/** @returns {HudRow[]} */
function everything() {
  return HUD_NAMES.map((name) => ({ name, when: "always", limit: null }));
}

/** @param {string} search @returns {HudView} */
export function parseHud(search) {
  const params = new URLSearchParams(search);
  const scale = Number(params.get("scale") ?? "1");
  return {
    rows: parseRows(params.get("rows")),
    scale: Number.isFinite(scale) && scale > 0 ? Math.min(2, Math.max(0.75, scale)) : 1,
    bg: params.get("bg") === "clear" ? "clear" : "solid",
    isPopup: params.get("pop") === "1",
  };
}

/** @param {string | null} text @returns {HudRow[]} In the order of the page, each once. */
function parseRows(text) {
  if (text === null) return everything();
  const said = new Map(text.split(",").map((part) => {
    const [name = "", when = "always", limit = ""] = part.trim().toLowerCase().split(":");
    const number = Number(limit);
    return [name, { when: HUD_WHEN.find((word) => word === when) ?? "always", limit: limit !== "" && number > 0 ? number : null }];
  }));
  const rows = HUD_NAMES.map((name) => ({ name, when: said.get(name)?.when ?? "never", limit: said.get(name)?.limit ?? null }));
  // A link without one known name is a mistake, not a wish for nothing.
  return rows.every((row) => row.when === "never") ? everything() : rows;
}

/** @param {HudView} view @returns {string} "" or "?…" */
export function writeHud({ rows, scale, bg, isPopup }) {
  const params = new URLSearchParams();
  if (rows.some((row) => row.when !== "always" || row.limit !== null)) {
    params.set("rows", rows.filter((row) => row.when !== "never" || row.limit !== null)
      .map(({ name, when, limit }) => name + (when !== "always" || limit !== null ? `:${when}` : "") + (limit !== null ? `:${limit}` : "")).join(","));
  }
  if (scale !== 1) params.set("scale", String(scale));
  if (bg !== "solid") params.set("bg", bg);
  if (isPopup) params.set("pop", "1");
  const text = params.toString().replaceAll("%2C", ",").replaceAll("%3A", ":");
  return text === "" ? "" : `?${text}`;
}

/**
 * From which value on a row is poor, in the unit it is shown in; null where there is no number.
 * @param {HudRow} row
 * @param {import("./types").Thresholds} thresholds
 */
export function limitOf({ name, limit }, thresholds) {
  if (limit !== null) return limit;
  switch (name) {
    case "rtt":
    case "proc": return thresholds.grades_ms.good;
    case "jitter": return thresholds.ok.jitter_ms;
    case "loss": return thresholds.ok.loss * 100;
    case "rto": return 1;
    case "status": return null;
  }
}

/**
 * Is the row poor? Without a value it is, where the target fails.
 * @param {HudRow} row
 * @param {number | null} value
 * @param {import("./types").OverviewRow} o
 */
export function isPoor(row, value, o) {
  if (row.name === "status") return o.state !== "ok" && o.state !== "waiting" && o.state !== "paused";
  const limit = limitOf(row, o.thresholds);
  return value !== null && limit !== null && value >= limit && value > 0;
}

/** @param {HudRow} row @param {boolean} poor */
export function isShown({ when }, poor) {
  return when === "always" || (when === "poor" && poor);
}
