/**
 * Reads and writes settings over HTTP, with the version that guards against a lost update. Not here: what a value means.
 */

import { getTagged, send } from "../api.js";

/** @typedef {import("./form.js").Loaded} Loaded */
/** @typedef {import("./form.js").Wanted} Wanted */

/** @returns {Promise<Loaded>} */
export async function loadConfig() {
  /** @type {{ data: import("../types").ConfigAnswer, etag: string | null }} */
  const { data, etag } = await getTagged("config");
  return { info: data, etag };
}

/** @param {Wanted} wanted @param {string | null} etag @returns {Promise<Loaded>} */
export async function saveConfig(wanted, etag) {
  /** @type {{ data: import("../types").ConfigAnswer, etag: string | null }} */
  const { data, etag: now } = await send("PUT", "config", wanted, etag);
  return { info: data, etag: now };
}

/** @param {string} id @returns {Promise<Loaded>} */
export async function loadTarget(id) {
  /** @type {{ data: import("../types").ConfigAnswer, etag: string | null }} */
  const { data, etag } = await getTagged(`config?target=${encodeURIComponent(id)}`);
  return { info: data, etag };
}

/** @param {string} id @param {Wanted} wanted @param {string | null} etag @returns {Promise<Loaded>} */
export async function saveTarget(id, wanted, etag) {
  const patch = { ...wanted.set, ...Object.fromEntries(wanted.reset.map((key) => [key, null])) };
  await send("PATCH", `targets/${encodeURIComponent(id)}`, patch, etag);
  return loadTarget(id);
}
