/**
 * Keeps how the page looks: in this browser's storage, else as this monitor keeps it for every browser. Input and output: words.
 * Storage may be forbidden; then a choice holds for this visit.
 */

import { get } from "../api.js";
import { themeChanged } from "../charts/canvas.js";

/** Names with what holds where nobody chose. @type {Readonly<Record<string, string>>} */
const LOOK = { theme: "auto", density: "comfortable", palette: "safe", language: "auto", keys: "on", columns: "" };
/** @type {Map<string, string>} */
const visit = new Map();

/** @returns {Record<string, string>} */
export function readLook() {
  return Object.fromEntries(Object.entries(LOOK).map(([name, otherwise]) => {
    try {
      return [name, visit.get(name) ?? localStorage.getItem(`linewatch.${name}`) ?? otherwise];
    } catch {
      return [name, visit.get(name) ?? otherwise];
    }
  }));
}

/** @param {string} name @param {string} word @returns {boolean} Whether it is kept: else it holds for this visit. */
export function writeLook(name, word) {
  visit.set(name, word);
  try {
    localStorage.setItem(`linewatch.${name}`, word);
    return true;
  } catch {
    return false;
  }
}

/** Shows it: the styles read these marks. */
export function applyLook() {
  const look = readLook();
  for (const name of ["theme", "density", "palette", "keys", "columns"]) document.documentElement.dataset[name] = look[name] ?? "";
  themeChanged();
}

/** At the begin of a visit: what was kept here; in a browser that never chose, what the monitor keeps for every browser. */
export async function adoptLook() {
  applyLook();
  try {
    // Which columns somebody reads says nothing of how the page should look.
    if (Object.keys(LOOK).some((name) => name !== "columns" && localStorage.getItem(`linewatch.${name}`) !== null)) return;
    /** @type {import("../types").PreferencesAnswer} */
    const { preferences } = await get("preferences");
    for (const [name, word] of Object.entries(preferences)) if (name in LOOK && name !== "language" && localStorage.getItem(`linewatch.${name}`) === null) visit.set(name, String(word));
    applyLook();
  } catch {
    // Without storage or without an answer every visit begins as the page comes.
  }
}
