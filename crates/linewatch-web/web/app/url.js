/**
 * Reads and writes the state a link carries: which page, which filters. Pure: strings in, strings out.
 * Unknown parameters are kept out, invalid values dropped; the order is fixed so that equal views have equal links.
 */

import { BADGES } from "./level.js";

/** @typedef {{ q: string, country: string[], status: string[], proto: string[], group: string[] }} Filters */
/** @typedef {{ page: string, id: string }} Route `id` is "" where the page is of no single target. */

/** Where each page lives, under the root. */
const ROUTES = /** @type {const} */ ([
  ["overview", /^$/],
  ["target", /^t\/([^/]+)\/?$/],
  ["hud", /^hud(?:\/([^/]+))?\/?$/],
  ["events", /^events\/?$/],
  ["logs", /^logs\/?$/],
  ["report", /^report\/([^/]+)\/?$/],
  ["settings", /^settings\/?$/],
]);
const STATUSES = new Set([...BADGES, "ok", "warn", "bad"]);
const PROTOCOLS = new Set(["icmp", "tcp", "udp"]);
/** A longer text is no filter anyone types. */
const QUERY_CHARS_MAX = 200;
/** Targets drawn on one axis: three colours, each whole and dashed. */
export const COMPARED_MAX = 6;

/** @returns {Filters} */
export function noFilters() {
  return { q: "", country: [], status: [], proto: [], group: [] };
}

/** @param {Filters} filters */
export function isFiltering(filters) {
  return filters.q !== "" || filters.country.length + filters.status.length + filters.proto.length + filters.group.length > 0;
}

/**
 * @param {string} search The part after the path, with or without "?".
 * @returns {Filters}
 */
export function parseFilters(search) {
  const params = new URLSearchParams(search);
  /** @param {string} name */
  const list = (name) => [...new Set((params.get(name) ?? "").split(",").map((word) => word.trim()).filter(Boolean))];
  return {
    q: (params.get("q") ?? "").slice(0, QUERY_CHARS_MAX),
    country: list("country").map((code) => code.toUpperCase()),
    status: list("status").map((word) => word.toLowerCase()).filter((word) => STATUSES.has(word)),
    proto: list("proto").map((word) => word.toLowerCase()).filter((word) => PROTOCOLS.has(word)),
    // Group names may hold commas: they travel as repeated parameters.
    group: [...new Set(params.getAll("group").filter(Boolean))],
  };
}

/**
 * @param {Filters} filters
 * @param {readonly [string, string][]} [more] What else the link says.
 * @returns {string} "" or "?…"
 */
export function writeFilters(filters, more = []) {
  const params = new URLSearchParams();
  if (filters.country.length > 0) params.set("country", filters.country.join(","));
  if (filters.status.length > 0) params.set("status", filters.status.join(","));
  if (filters.proto.length > 0) params.set("proto", filters.proto.join(","));
  for (const group of filters.group) params.append("group", group);
  if (filters.q !== "") params.set("q", filters.q);
  for (const [name, value] of more) params.set(name, value);
  const text = params.toString().replaceAll("%2C", ",").replaceAll("%3A", ":");
  return text === "" ? "" : `?${text}`;
}

/** The targets a link compares, by id. @param {string} search @returns {string[]} */
export function parseCompared(search) {
  const ids = (new URLSearchParams(search).get("cmp") ?? "").split(",").map((id) => id.trim()).filter(Boolean);
  return [...new Set(ids)].slice(0, COMPARED_MAX);
}

/**
 * @param {string} pathname
 * @param {string} root The path the program is served under, with a slash at its end.
 * @returns {Route}
 */
export function parseRoute(pathname, root) {
  const rest = pathname.startsWith(root) ? pathname.slice(root.length) : pathname.replace(/^\//, "");
  for (const [page, pattern] of ROUTES) {
    const match = pattern.exec(rest);
    if (!match) continue;
    try {
      return { page, id: decodeURIComponent(match[1] ?? "") };
    } catch {
      break;
    }
  }
  return { page: "missing", id: "" };
}

/**
 * Does a row pass the filters? The text looks into name, address, id, country, group and partner.
 * @param {import("./types").OverviewRow} row
 * @param {string} badge
 * @param {Filters} filters
 */
export function matches(row, badge, filters) {
  if (filters.country.length > 0 && !filters.country.includes(row.country.toUpperCase())) return false;
  if (filters.status.length > 0 && !filters.status.includes(badge) && !filters.status.includes(row.state)) return false;
  if (filters.proto.length > 0 && !filters.proto.includes(row.probe)) return false;
  if (filters.group.length > 0 && !filters.group.includes(row.group)) return false;
  if (filters.q === "") return true;
  const needle = filters.q.trim().toLowerCase();
  return [row.name, row.address, row.ip ?? "", row.id, row.country, row.group, row.partner]
    .some((text) => text.toLowerCase().includes(needle));
}

/**
 * What an address as typed will be measured by.
 * @param {string} text
 * @param {"auto" | "icmp" | "tcp" | "udp"} choice
 * @returns {{ kind: "empty" | "icmp" | "tcp" | "udp" | "no_port", port: number | null }}
 */
export function guessProbe(text, choice) {
  const address = text.trim();
  if (address === "") return { kind: "empty", port: null };
  const scheme = /^(icmp|tcp|udp):\/\//i.exec(address)?.[1]?.toLowerCase() ?? null;
  const rest = scheme === null ? address : address.slice(scheme.length + 3);
  // "a:b:c" without brackets is an IPv6 address, not a host with a port.
  const isBareV6 = !rest.startsWith("[") && (rest.match(/:/g)?.length ?? 0) > 1;
  const port = isBareV6 ? null : Number(/:(\d{1,5})$/.exec(rest)?.[1] ?? NaN) || null;
  const probe = choice === "auto" ? scheme ?? (port === null ? "icmp" : "tcp") : choice;
  if (probe === "icmp") return { kind: "icmp", port: null };
  if (port === null) return { kind: "no_port", port: null };
  return { kind: probe === "udp" ? "udp" : "tcp", port };
}
