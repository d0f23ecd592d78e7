// The pure parts of the Settings page: values and origins, CSV there and back, what a change of many would do.
import assert from "node:assert/strict";
import { test } from "node:test";

import { elementOf } from "../app/settings/alertlists.js";
import { bulkPlan, labelsAfter, lengthMs, rate } from "../app/settings/bulk.js";
import { COLUMNS, cells, csvToTargets, linesToTargets, targetsToCsv } from "../app/settings/csv.js";
import { changesOf, conflicts, origin, originCounts, textOf, undoOf, valueOf } from "../app/settings/values.js";

/** @param {object} more @returns {any} */
const target = (more) => ({
  id: "fra", name: "Frankfurt", address: "192.0.2.1", probe: "icmp", port: null, family: "auto", interval: "1s", timeout: "2s", payload_bytes: 56,
  country: "DE", partner: "", group: "Europe", labels: {}, behind: null, enabled: true, origins: {}, ...more,
});

test("a file of targets comes back as it was written, formulas and all", () => {
  const wild = target({ name: '=HYPERLINK("x")', group: "a,b\n\"c\"", labels: { site: "fra1", rack: "7" }, port: 443, enabled: false, partner: "+1" });
  const text = targetsToCsv([wild]);
  assert.match(text, /'=HYPERLINK/, "a spreadsheet would run it");
  const { rows, unknown } = csvToTargets(text);
  assert.deepEqual(unknown, []);
  assert.deepEqual(rows[0]?.patch, {
    id: "fra", name: '=HYPERLINK("x")', address: "192.0.2.1", probe: "icmp", port: 443, family: "auto", interval: "1s", timeout: "2s", payload_bytes: 56,
    country: "DE", partner: "+1", group: "a,b\n\"c\"", labels: { site: "fra1", rack: "7" }, enabled: false,
  });
  assert.equal(text.split("\r\n")[0], COLUMNS.join(","));
});

test("a file of a spreadsheet with semicolons, a mark at its begin and columns of its own is read", () => {
  const { rows, unknown } = csvToTargets("\uFEFFName;Address;Colour\r\nGateway;192.0.2.1;red\n\n;;\n");
  assert.deepEqual(rows, [{ line: 2, patch: { name: "Gateway", address: "192.0.2.1" } }]);
  assert.deepEqual(unknown, ["colour"]);
  assert.deepEqual(cells('a,"b""c,\nd"'), [["a", 'b"c,\nd']]);
  assert.deepEqual(csvToTargets("").rows, []);
});

test("lines are read as people paste them", () => {
  const rows = linesToTargets("192.0.2.1\n\n# a comment\nGateway=192.0.2.2:443\nTokyo\tnrt.example  # slow\nBerlin, ber.example\n");
  assert.deepEqual(rows.map(({ line, patch }) => [line, patch["name"] ?? null, patch["address"]]), [
    [1, null, "192.0.2.1"], [4, "Gateway", "192.0.2.2:443"], [5, "Tokyo", "nrt.example"], [6, "Berlin", "ber.example"],
  ]);
});

test("a change of many says which values differ and what load comes of it", () => {
  const all = [target({}), target({ id: "lhr", name: "London", labels: { site: "eu1" } }), target({ id: "syd", name: "Sydney", group: "Asia" }), target({ id: "off", enabled: false })];
  const plan = bulkPlan(all, new Set(["fra", "lhr", "syd"]), { interval: "500 ms", group: "Europe", labels: "+ site=eu1" });
  assert.equal(plan.values, 6);
  assert.deepEqual(Object.fromEntries(plan.byKey), { interval: ["Frankfurt", "London", "Sydney"], labels: ["Frankfurt", "Sydney"], group: ["Sydney"] });
  assert.deepEqual([plan.before, plan.after], [3, 6]);
  assert.deepEqual(plan.changes[2]?.patch, { interval: "500ms", group: "Europe", labels: { site: "eu1" } });
  assert.deepEqual(bulkPlan(all, new Set(["fra"]), { interval: "1s" }).changes, []);
  assert.deepEqual(labelsAfter({ a: "1", b: "2" }, "- a, c=3"), { b: "2", c: "3" });
  assert.deepEqual([lengthMs("1s"), lengthMs("250 ms"), Number.isNaN(lengthMs("soon"))], [1000, 250, true]);
  assert.equal(rate([target({ interval: "soon" })]), 0);
});

const info = {
  config: { defaults: { timeout: "1s", grades_ms: { good: 110 }, status: { ok: { loss: 0.01 } } } },
  origins: { "defaults.timeout": "changed here", "defaults.grades_ms.good": "changed here", "server.listen": "linewatch.toml, line 3" },
  file: { defaults: { timeout: "2s", grades_ms: { good: 100 } } }, file_origins: { "defaults.timeout": "linewatch.toml, line 14" },
};
/** @type {import("../app/settings/values.js").Field[]} */
const fields = [{ key: "defaults.timeout", kind: "text" }, { key: "defaults.grades_ms.good", kind: "number" }, { key: "defaults.status.ok.loss", kind: "percent" }, { key: "server.listen", kind: "text" }];

test("an origin says where a value stands and what it would be without the change", () => {
  assert.deepEqual(fields.map((field) => origin(info, field)), [
    { kind: "here", text: "changed here", back: "2s", isFile: true }, { kind: "here", text: "changed here", back: "100", isFile: false },
    { kind: "default", text: "default", back: null, isFile: false }, { kind: "file", text: "linewatch.toml, line 3", back: null, isFile: false },
  ]);
  assert.deepEqual(originCounts(info, fields), { file: 1, default: 1, here: 2, other: 0 });
  assert.equal(origin({ ...info, origins: { "alerts.rules[0].kind": "changed here" }, file: { alerts: { rules: [{}, {}] } } }, { key: "alerts.rules", kind: "text" }).back, "2");
});

test("only what differs is sent, as the kind of its field has it", () => {
  const typed = new Map([["defaults.timeout", " 1s "], ["defaults.status.ok.loss", "2,5"], ["defaults.grades_ms.good", "many"]]);
  assert.deepEqual(changesOf(fields, info.config, typed, new Set()), { set: { "defaults.status.ok.loss": 0.025, "defaults.grades_ms.good": "many" }, reset: [] });
  assert.deepEqual(changesOf(fields, info.config, typed, new Set(["defaults.grades_ms.good"])), { set: { "defaults.status.ok.loss": 0.025 }, reset: ["defaults.grades_ms.good"] });
  assert.equal(textOf({ key: "x", kind: "percent" }, 0.07), "7");
  assert.deepEqual(valueOf({ key: "x", kind: "pairs" }, "a=1, b=x=y"), { a: "1", b: "x=y" });
  assert.deepEqual(valueOf({ key: "x", kind: "list" }, "a@b.c, ,d@e.f"), ["a@b.c", "d@e.f"]);
});

test("undo sets what was changed here before and gives the rest back to the file", () => {
  assert.deepEqual(undoOf(info.config, info.origins, ["defaults.timeout", "server.listen"]), { set: { "defaults.timeout": "1s" }, reset: ["server.listen"] });
});

test("both sides of a lost update are shown, where they differ", () => {
  const theirs = { defaults: { timeout: "3s", grades_ms: { good: 120 }, status: { ok: { loss: 0.01 } } } };
  assert.deepEqual(conflicts(fields, info.config, theirs, { "defaults.timeout": "4s", "defaults.grades_ms.good": 120 }), [{ key: "defaults.timeout", theirs: "3s", mine: "4s" }]);
});

test("an element of a list keeps what was not in the form and loses what was emptied", () => {
  const rule = /** @type {const} */ ([{ key: "kind", kind: "text" }, { key: "match.group", kind: "text" }, { key: "above", kind: "number" }]);
  const typed = new Map([["kind", "loss"], ["match.group", ""], ["above", "0.05"]]);
  assert.deepEqual(elementOf(rule, { kind: "loss", match: { group: "x" }, secret_file: "s", was: 1 }, (key) => typed.get(key) ?? ""), { kind: "loss", above: 0.05, secret_file: "s", was: 1 });
});
