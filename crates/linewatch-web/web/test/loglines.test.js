// Log lines: fields, repeats, following, filters and their link.
import assert from "node:assert/strict";
import { test } from "node:test";

import { foldLines, joinLines, parseFields, parseLogFilters, passes, writeLogFilters } from "../app/loglines.js";

/** @param {number} at @param {string} message @param {Partial<import("../app/types").LogInfo>} [more] @returns {import("../app/types").LogInfo} */
const line = (at, message, more = {}) => ({ at, level: "info", module: "web", message, ...more });

test("a line parts into its sentence and its fields", () => {
  assert.deepEqual(parseFields('outage opened target=gw note="a \\"b\\" c" lost=3'), { text: "outage opened", fields: [["target", "gw"], ["note", 'a "b" c'], ["lost", "3"]] });
  assert.deepEqual(parseFields("1 probe lost kind=packet_loss about=Resolver B 198.51.100.53"), { text: "1 probe lost", fields: [["kind", "packet_loss"], ["about", "Resolver B 198.51.100.53"]] });
  assert.deepEqual(parseFields("1 = 1, 2 >= 1"), { text: "1 = 1, 2 >= 1", fields: [] });
  assert.deepEqual(parseFields("key=value"), { text: "key=value", fields: [] });
  assert.deepEqual(parseFields(""), { text: "", fields: [] });
});

test("a line of 10 kB is read at once", () => {
  const started = performance.now();
  parseFields(`${"a=b ".repeat(2500)}`);
  parseFields(`x ${"=".repeat(10_000)}`);
  assert.ok(performance.now() - started < 1000);
});

test("neighbours that differ in numbers alone fold", () => {
  const items = foldLines([line(5, "next try in 30 s"), line(4, "next try in 60 s"), line(3, "next try in 60 s", { level: "warn" }), line(2, "other"), line(1, "next try in 1 s")]);
  assert.deepEqual(items.map((item) => item.times), [[5, 4], [3], [2], [1]]);
});

test("lines about two targets are two, though only their addresses differ", () => {
  assert.equal(foldLines([line(2, "1 probe lost id=1-2 about=192.0.2.1"), line(1, "1 probe lost id=1-1 about=192.0.2.2")]).length, 2);
  assert.equal(foldLines([line(2, "2 probes lost id=1-2 about=192.0.2.1"), line(1, "1 probes lost id=1-1 about=192.0.2.1")]).length, 1);
});

test("a followed log has each line once, also where two came in one millisecond", () => {
  const older = [line(3, "c"), line(2, "b"), line(1, "a")];
  assert.deepEqual(joinLines([line(4, "e"), line(3, "d"), line(3, "c")], older, 10).map((one) => one.message), ["e", "d", "c", "b", "a"]);
  assert.deepEqual(joinLines([], older, 2).map((one) => one.message), ["c", "b"]);
});

test("the link keeps level, limit, text, part and follow, and mends what cannot be", () => {
  const filters = parseLogFilters("?level=warn&limit=99999&q=dns&follow=0&part=store,web");
  assert.deepEqual(filters, { level: "warn", limit: 10_000, q: "dns", follow: false, part: ["store", "web"] });
  assert.deepEqual(parseLogFilters(writeLogFilters(filters)), filters);
  assert.deepEqual(parseLogFilters("?level=loud&limit=-3"), { level: "info", limit: 200, q: "", follow: true, part: [] });
  assert.equal(parseLogFilters("?limit=3").limit, 10);
});

test("a text is looked for in every column", () => {
  const filters = parseLogFilters("?q=WARN");
  assert.equal(passes(line(1, "x", { level: "warn" }), filters), true);
  assert.equal(passes(line(1, "x"), filters), false);
  assert.equal(passes(line(1, "x"), parseLogFilters("?part=store")), false);
});
