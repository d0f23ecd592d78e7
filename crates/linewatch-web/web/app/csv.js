/**
 * Writes a table as CSV (RFC 4180) and hands it to the browser as a file. A cell that a spreadsheet would run as a
 * formula begins with an apostrophe. Not here: what the columns mean.
 */

import { h } from "./dom.js";

/** @param {readonly (readonly (string | number | null)[])[]} rows The first one names the columns, with their units. */
export function csv(rows) {
  return rows.map((row) => row.map(cell).join(",")).join("\r\n") + "\r\n";
}

/** @param {string | number | null} value */
function cell(value) {
  if (value === null) return "";
  if (typeof value === "number") return String(value);
  const safe = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** An instant with the offset of the browser's zone: 2026-11-21T16:39:10.000+07:00. @param {number} at */
export function isoLocal(at) {
  const date = new Date(at);
  const offset = -date.getTimezoneOffset();
  const local = new Date(at + offset * 60_000).toISOString().slice(0, -1);
  const two = (/** @type {number} */ n) => String(n).padStart(2, "0");
  const away = Math.abs(offset);
  return `${local}${offset < 0 ? "-" : "+"}${two(Math.floor(away / 60))}:${two(away % 60)}`;
}

/** @param {string} name @param {string} text @param {string} [type] */
export function download(name, text, type = "text/csv;charset=utf-8") {
  const address = URL.createObjectURL(new Blob([text], { type }));
  const link = h("a", { href: address, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}
