/**
 * Targets as a table for a spreadsheet, and back (RFC 4180). Input: targets, or the text of a file. Output: text, or patches with
 * the line each came from. The apostrophe that keeps a cell from being run as a formula is taken off again. Pure.
 */

import { csv } from "../csv.js";

/** Columns of a file, in their order; `id` says which target a line is about. */
export const COLUMNS = /** @type {const} */ ([
  "id", "name", "address", "probe", "port", "family", "interval", "timeout", "payload_bytes", "country", "partner", "group", "labels", "behind", "enabled",
]);
/** @typedef {Record<string, string | number | boolean | Record<string, string>>} Patch */
/** @typedef {{ line: number, patch: Patch }} Row */

/** @param {readonly import("../types").TargetInfo[]} targets */
export function targetsToCsv(targets) {
  const rows = targets.map((target) => COLUMNS.map((column) => {
    if (column === "labels") return Object.entries(target.labels).map(([name, word]) => `${name}=${word}`).join(";");
    const value = target[column];
    return typeof value === "boolean" ? String(value) : value;
  }));
  return csv([[...COLUMNS], ...rows]);
}

/** Cells of a text, line by line; quoted cells may hold commas, quotes and line ends. @param {string} text @returns {string[][]} */
export function cells(text) {
  /** @type {string[][]} */
  const rows = [];
  let row = [""];
  let isQuoted = false;
  const body = text.replace(/^\uFEFF/, "");
  // A spreadsheet of a country with decimal commas parts cells by semicolons.
  const comma = (body.split("\n", 1)[0] ?? "").includes(",") ? "," : ";";
  for (let i = 0; i < body.length; i += 1) {
    const char = body[i] ?? "";
    const last = row.length - 1;
    if (isQuoted) {
      if (char !== '"') row[last] += char;
      else if (body[i + 1] === '"') {
        row[last] += '"';
        i += 1;
      } else isQuoted = false;
    } else if (char === '"' && row[last] === "") isQuoted = true;
    else if (char === comma) row.push("");
    else if (char === "\n") {
      rows.push(row);
      row = [""];
    } else if (char !== "\r") row[last] += char;
  }
  if (row.length > 1 || row[0] !== "") rows.push(row);
  return rows.filter((one) => one.some((cell) => cell.trim() !== ""));
}

/**
 * Reads a file of targets. Empty cells are left as they are.
 * @param {string} text
 * @returns {{ rows: Row[], unknown: string[] }} `unknown`: columns nobody here knows.
 */
export function csvToTargets(text) {
  const [head = [], ...lines] = cells(text);
  const names = head.map((name) => name.trim().toLowerCase());
  const known = new Set(/** @type {readonly string[]} */ (COLUMNS));
  const rows = lines.map((line, index) => ({ line: index + 2, patch: patchOf(names, line) }));
  return { rows: rows.filter(({ patch }) => Object.keys(patch).length > 0), unknown: names.filter((name) => name !== "" && !known.has(name)) };
}

/** @param {readonly string[]} names @param {readonly string[]} line */
function patchOf(names, line) {
  /** @type {Patch} */
  const patch = {};
  names.forEach((name, column) => {
    // What a formula would begin with was written behind an apostrophe.
    const word = (line[column] ?? "").trim().replace(/^'(?=[=+\-@])/, "");
    if (word === "" || !(/** @type {readonly string[]} */ (COLUMNS)).includes(name)) return;
    if (name === "port" || name === "payload_bytes") patch[name] = /^\d+$/.test(word) ? Number(word) : word;
    else if (name === "enabled") patch[name] = !/^(false|no|0)$/i.test(word);
    else if (name === "labels") {
      patch[name] = Object.fromEntries(word.split(";").filter((pair) => pair.includes("=")).map((pair) => {
        const cut = pair.indexOf("=");
        return [pair.slice(0, cut).trim(), pair.slice(cut + 1).trim()];
      }));
    } else patch[name] = word;
  });
  return patch;
}

/**
 * Lines as people paste them: `HOST`, `HOST:PORT`, `NAME=TARGET`, or name and address beside each other.
 * @param {string} text
 * @returns {Row[]}
 */
export function linesToTargets(text) {
  return text.split(/\r?\n/).flatMap((raw, index) => {
    const line = raw.replace(/#.*$/, "").trim();
    if (line === "") return [];
    const named = /^([^=\s][^=]*)=(.+)$/.exec(line) ?? /^(.+?)[\t,;]\s*(\S+)$/.exec(line);
    const patch = named ? { name: (named[1] ?? "").trim(), address: (named[2] ?? "").trim() } : { address: line };
    return [{ line: index + 1, patch: /** @type {Patch} */ (patch) }];
  });
}
