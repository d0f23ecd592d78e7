/**
 * Speaks HTTP with the server: where it lives, JSON in and out, errors as one type.
 * The root of all addresses comes from where this module was loaded from, so a base path needs no setting.
 */

/** The path the program is served under: modules stand in ROOT/a/HASH/app/. */
export const ROOT = new URL("../../../", import.meta.url).pathname;

/** An answer that is not a success, or no answer. */
export class RequestError extends Error {
  /**
   * @param {number} status 0 if the server could not be reached.
   * @param {string} message
   * @param {string | null} field Which input it is about.
   * @param {Partial<import("./types").LoginErrorBody>} [more] What the server said beside it.
   */
  constructor(status, message, field, more = {}) {
    super(message);
    this.status = status;
    this.field = field;
    this.more = more;
  }
}

const UNAUTHORIZED = 401;
/** @type {() => Promise<boolean>} */
let signIn = async () => false;

/** What to do when the server wants to know who asks: true when somebody has signed in, and the same is asked again. @param {() => Promise<boolean>} ask */
export function onUnauthorized(ask) {
  signIn = ask;
}

/**
 * @template T
 * @param {string} method
 * @param {string} path Under /api/v1/.
 * @param {{ body?: unknown, etag?: string | null }} [options]
 * @returns {Promise<{ data: T, etag: string | null }>}
 */
export async function request(method, path, options = {}) {
  /** @type {Record<string, string>} */
  const headers = { Accept: "application/json" };
  if (options.body !== undefined) headers["Content-Type"] = "application/json";
  if (options.etag) headers["If-Match"] = options.etag;
  /** @type {RequestInit} */
  const init = { method, headers, cache: "no-store" };
  if (options.body !== undefined) init.body = JSON.stringify(options.body);
  let response;
  try {
    response = await fetch(`${ROOT}api/v1/${path}`, init);
  } catch {
    throw new RequestError(0, "", null);
  }
  const text = await response.text();
  /** @type {unknown} */
  let data = null;
  try {
    data = text === "" ? null : JSON.parse(text);
  } catch {
    throw new RequestError(response.status, `${response.status} ${response.statusText}`, null);
  }
  if (response.status === UNAUTHORIZED && path !== "login" && await signIn()) return request(method, path, options);
  if (!response.ok) {
    const error = /** @type {{ error?: Partial<import("./types").LoginErrorBody> } | null} */ (data)?.error;
    throw new RequestError(response.status, error?.message ?? `${response.status} ${response.statusText}`, error?.field ?? null, error);
  }
  return { data: /** @type {T} */ (data), etag: response.headers.get("ETag") };
}

/** @template T @param {string} path @returns {Promise<T>} */
export async function get(path) {
  return /** @type {T} */ ((await request("GET", path)).data);
}

/** @template T @param {string} path @returns {Promise<{ data: T, etag: string | null }>} */
export function getTagged(path) {
  return request("GET", path);
}

/** @template T @param {string} method @param {string} path @param {unknown} body @param {string | null} [etag] @returns {Promise<{ data: T, etag: string | null }>} */
export function send(method, path, body, etag = null) {
  return request(method, path, { body, etag });
}

/** @param {import("./types").TargetPatch} patch */
export async function addTarget(patch) {
  /** @type {{ data: import("./types").ChangeAnswer, etag: string | null }} */
  const answer = await request("POST", "targets", { body: patch });
  return answer.data;
}

/** @param {string} id @param {import("./types").TargetPatch} patch @param {string | null} etag */
export async function patchTarget(id, patch, etag) {
  /** @type {{ data: import("./types").ChangeAnswer, etag: string | null }} */
  const answer = await request("PATCH", `targets/${encodeURIComponent(id)}`, { body: patch, etag });
  return answer.data;
}

/** @param {string} id */
export async function removeTarget(id) {
  await request("DELETE", `targets/${encodeURIComponent(id)}`);
}

/** @param {string} id @param {"start" | "stop"} what */
export async function runTarget(id, what) {
  await request("POST", `targets/${encodeURIComponent(id)}/${what}`, { body: {} });
}

/** @param {string} password @param {boolean} stay Across restarts, for 30 days. */
export async function logIn(password, stay) {
  /** @type {{ data: import("./types").SessionInfo, etag: string | null }} */
  const answer = await request("POST", "login", { body: { password, stay } });
  return answer.data;
}

export async function logOut() {
  await request("POST", "logout", { body: {} });
}

/**
 * What to send to get a removed target back.
 * @param {import("./types").TargetInfo} info
 * @returns {import("./types").TargetPatch}
 */
export function patchOf(info) {
  /** @type {import("./types").TargetPatch} */
  const patch = {
    id: info.id, name: info.name, address: info.address, probe: info.probe, family: info.family, interval: info.interval,
    timeout: info.timeout, payload_bytes: info.payload_bytes, country: info.country, partner: info.partner, group: info.group,
    enabled: info.enabled,
  };
  if (info.port !== null) patch.port = info.port;
  return patch;
}
