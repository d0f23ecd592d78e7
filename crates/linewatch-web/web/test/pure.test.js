// Levels, links and guesses: the pure rules the page is drawn by.
import assert from "node:assert/strict";
import { test } from "node:test";

import { badge, lossTint, tag, withNow, worstFirst } from "../app/level.js";
import { guessProbe, isFiltering, matches, noFilters, parseFilters, parseRoute, writeFilters } from "../app/url.js";
import { pinched } from "../app/charts/pinch.js";
import { isJoined } from "../app/charts/window.js";

const thresholds = {
  grades_ms: { excellent: 50, good: 100, fair: 150, poor: 300, critical: 500 },
  ok: { loss: 0.01, jitter_ms: 10, rtt_ms: 80 }, warn: { loss: 0.05, jitter_ms: 30, rtt_ms: 200 },
  latency_ms: 150, outage: { lost_to_open: 3, replies_to_close: 3, loss_ratio: 0.3, window_ms: 10_000 },
};

/** @param {object} fields @returns {any} */
function row(fields) {
  return { key: 1, id: "a", name: "A", address: "a.example", ip: null, country: "JP", group: "Asia", partner: "", probe: "icmp", state: "ok", grade: "good", loss_ppm: 0, p95_ms: 1, thresholds, ...fields };
}

test("the state takes the badge where it says more than a grade", () => {
  for (const state of ["paused", "error", "waiting", "stale", "down"]) {
    assert.equal(badge(row({ state, grade: "good" })), state);
    assert.equal(tag(row({ state })), null);
  }
  assert.equal(badge(row({ state: "warn", grade: "excellent" })), "excellent");
  assert.equal(tag(row({ state: "warn" })), "warn");
});

test("rows go worst first: badge, then loss, then p95", () => {
  const rows = [
    row({ key: 1, state: "paused" }), row({ key: 2, grade: "excellent" }), row({ key: 3, state: "down" }), row({ key: 4, state: "error" }),
    row({ key: 5, grade: "fair", p95_ms: 10 }), row({ key: 6, grade: "fair", loss_ppm: 5 }), row({ key: 7, grade: "fair", p95_ms: 20 }),
    row({ key: 8, state: "stale" }), row({ key: 9, grade: "critical" }), row({ key: 10, state: "waiting" }),
  ];
  assert.deepEqual(rows.sort(worstFirst).map((one) => one.key), [4, 3, 9, 8, 6, 7, 5, 2, 10, 1]);
});

test("loss is tinted from the OK limit on", () => {
  assert.deepEqual([0, 9_999, 10_000, 50_000, 100_000].map((loss_ppm) => lossTint(row({ loss_ppm }))), ["", "", "fair", "poor", "critical"]);
  assert.equal(lossTint(row({ loss_ppm: null })), "");
});

test("filters survive the way through a link", () => {
  const filters = { q: "tok & <b>", country: ["ID", "DE"], status: ["poor", "critical"], proto: ["icmp"], group: ["Asia, south", "x"] };
  assert.deepEqual(parseFilters(writeFilters(filters)), filters);
  assert.equal(writeFilters(noFilters()), "");
  assert.equal(writeFilters({ ...noFilters(), country: ["ID", "DE"] }), "?country=ID,DE");
  assert.equal(isFiltering(noFilters()), false);
});

test("unknown and invalid parameters are dropped", () => {
  assert.deepEqual(parseFilters("?status=poor,nonsense&proto=carrier-pigeon&foo=1&country=id,id"), { ...noFilters(), status: ["poor"], country: ["ID"] });
});

test("a filter looks at badge and state", () => {
  const warn = row({ state: "warn", grade: "good" });
  assert.ok(matches(warn, "good", { ...noFilters(), status: ["warn"] }));
  assert.ok(matches(warn, "good", { ...noFilters(), status: ["good"] }));
  assert.ok(!matches(warn, "good", { ...noFilters(), status: ["bad"] }));
  assert.ok(matches(warn, "good", { ...noFilters(), q: " A.EXAMPLE " }));
  assert.ok(!matches(warn, "good", { ...noFilters(), q: "tokyo" }));
});

test("addresses lead to pages, also below a base path", () => {
  assert.deepEqual(parseRoute("/", "/"), { page: "overview", id: "" });
  assert.deepEqual(parseRoute("/t/a%20b", "/"), { page: "target", id: "a b" });
  assert.deepEqual(parseRoute("/lw/t/x", "/lw/"), { page: "target", id: "x" });
  assert.deepEqual(parseRoute("/t/%E0%A4%A", "/"), { page: "missing", id: "" });
  assert.deepEqual(parseRoute("/nothing", "/"), { page: "missing", id: "" });
});

test("what is typed says what will be measured", () => {
  /** @type {[string, "auto" | "icmp" | "tcp" | "udp", string, number | null][]} */
  const cases = [
    ["", "auto", "empty", null], ["voice.example", "auto", "icmp", null], ["voice.example:5060", "auto", "tcp", 5060],
    ["2001:db8::1", "auto", "icmp", null], ["[2001:db8::1]:53", "auto", "tcp", 53], ["tcp://a.example:80", "auto", "tcp", 80],
    ["icmp://a.example", "auto", "icmp", null], ["udp://a.example:53", "auto", "udp", 53], ["a.example:7", "udp", "udp", 7], ["udp://a.example", "auto", "no_port", null], ["a.example", "tcp", "no_port", null],
    ["a.example:80", "icmp", "icmp", null],
  ];
  for (const [text, choice, kind, port] of cases) assert.deepEqual(guessProbe(text, choice), { kind, port }, text);
});

test("a line is never joined across a loss or a hole", () => {
  /** @param {number} at @param {number | null} rtt */
  const point = (at, rtt) => ({ at, rtt, host: null, outcome: rtt === null ? 3 : 0, flags: 0, low: null, high: null });
  assert.ok(isJoined(point(0, 5), point(1000, 5), 1000));
  assert.ok(!isJoined(point(0, 5), point(1000, null), 1000));
  assert.ok(!isJoined(point(0, 5), point(3000, 5), 1000));
});

test("the half hour that goes on is at least as bad in the strip as this moment", () => {
  const stored = Array.from({ length: 48 }, (_, cell) => (cell === 40 ? 6 : 1));
  const last = (/** @type {object} */ fields, codes = stored) => withNow(codes, row({ grade: "excellent", ...fields }))?.[47];
  assert.equal(last({}), 1);
  assert.equal(last({ loss_ppm: 20_000 }), 3, "2 % are more than the limit of OK");
  assert.equal(last({ loss_ppm: 250_000 }), 5);
  assert.equal(last({ state: "down", grade: null }), 6);
  assert.equal(last({ grade: "poor" }), 4);
  assert.equal(last({ state: "paused", loss_ppm: 250_000 }), 1, "what is not measured now tells nothing of now");
  assert.equal(last({ loss_ppm: 20_000 }, stored.with(47, 6)), 6, "what was worse stays");
  assert.equal(withNow([], row({ loss_ppm: 250_000 }))?.length, 48);
  assert.equal(withNow(null, row({ loss_ppm: 250_000 })), null);
  assert.equal(withNow(stored, row({ loss_ppm: 250_000 }))?.[40], 6);
});

test("what was under two fingers stays under them", () => {
  const view = { from: 0, to: 1000, left: 100, width: 500 };
  assert.deepEqual(pinched(view, [200, 400], [100, 600]), { from: 200, to: 600 });
  assert.deepEqual(pinched(view, [400, 200], [600, 100]), { from: 200, to: 600 }, "whichever finger came first");
  assert.deepEqual(pinched(view, [100, 600], [225, 475]), { from: -500, to: 1500 });
  assert.equal(pinched(view, [200, 204], [100, 600]), null, "fingers on one spot tell nothing");
});
