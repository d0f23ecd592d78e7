// Which rules are about a target, by what, and where each limit comes from: as the monitor itself judges it.
import assert from "node:assert/strict";
import { test } from "node:test";

import { rulesOf, windowsOf } from "../app/settings/applies.js";

const target = { group: "Europe", country: "DE", partner: "Kita", labels: { site: "fra1" }, latency_threshold_ms: 70, status: { warn: { loss: 0.05, jitter_ms: 30 } } };
/** @param {object} alerts @param {Record<string, string>} [origins] */
const info = (alerts, origins = {}) => ({ config: { alerts: { for: "10s", ...alerts } }, origins, file: null, file_origins: {}, config_path: null, web_path: "", data_dir: "", restart: [], destinations: [], password_from: null });
/** @param {object} match */
const isAbout = (match) => rulesOf(info({ rules: [{ kind: "outage", match }] }), "fra", target).map(({ by, value }) => `${by} ${value}`.trim());

test("without a rule five kinds are told of every target, by its own limits", () => {
  assert.deepEqual(rulesOf(info({}), "fra", target).map(({ kind, limit, by, hold, isOwnLimit }) => [kind, limit, by, hold, isOwnLimit]), [
    ["outage", null, "none", "10s", false], ["latency", 70, "none", "10s", true], ["loss", 0.05, "none", "10s", true], ["jitter", 30, "none", "10s", true], ["stale", null, "none", "10s", false],
  ]);
});

test("every condition of a rule must hold, and an empty one holds always", () => {
  assert.deepEqual(isAbout({}), ["all"]);
  assert.deepEqual(isAbout({ target: "fra" }), ["target fra"]);
  assert.deepEqual(isAbout({ target: "nrt" }), []);
  assert.deepEqual(isAbout({ group: "Europe", country: "DE" }), ["group Europe"]);
  assert.deepEqual(isAbout({ group: "Europe", country: "JP" }), []);
  assert.deepEqual(isAbout({ partner: "Kita", group: "" }), ["partner Kita"]);
  assert.deepEqual(isAbout({ label: "site=fra1" }), ["label site=fra1"]);
  assert.deepEqual(isAbout({ label: "site" }), ["label site"]);
  assert.deepEqual(isAbout({ label: "site=nrt1" }), []);
  assert.deepEqual(isAbout({ label: "rack" }), []);
  assert.deepEqual(isAbout({ group: "europe" }), [], "words are compared as they are written");
});

test("what concerns this computer is no rule of a target, and a rule's own numbers win", () => {
  const rules = [{ kind: "storage" }, { kind: "local", match: {} }, { kind: "latency", above: 90, for: "30s", to: ["a@example.org"], escalate: { after: "15m", to: [] } }];
  assert.deepEqual(rulesOf(info({ rules }, { "alerts.rules[2].kind": "linewatch.toml, line 9" }), "fra", target), [{
    kind: "latency", name: "", by: "all", value: "", limit: 90, isOwnLimit: false, hold: "30s", to: ["a@example.org"], escalate: { after: "15m", to: [] }, origin: "linewatch.toml, line 9",
  }]);
  assert.equal(rulesOf(info({ rules }, { "alerts.rules": "changed here" }), "fra", target)[0]?.origin, "changed here");
  assert.deepEqual(rulesOf(info({ rules: [{ kind: "storage" }] }), "fra", target), [], "a list of other rules tells nothing of this target");
});

test("a maintenance window is told until it is over", () => {
  const now = Date.parse("2026-11-21T12:00:00Z");
  const maintenance = [
    { match: {}, from: "2026-11-21T11:00:00Z", to: "2026-11-21T13:00:00Z" }, { match: {}, from: "2026-11-22T11:00:00Z", to: "" },
    { match: {}, from: "2026-11-20T11:00:00Z", to: "2026-11-20T13:00:00Z" }, { match: { group: "Asia" }, from: "", to: "" }, { match: { group: "Europe" }, from: "", to: "" },
  ];
  assert.deepEqual(windowsOf(info({ maintenance }), "fra", target, now).map(({ from, isNow }) => [from, isNow]), [["2026-11-21T11:00:00Z", true], ["2026-11-22T11:00:00Z", false], ["", true]]);
});
