// The rows of the HUD: its link, its limits, the bars of its net-graph.
import assert from "node:assert/strict";
import { test } from "node:test";

import { isPoor, isShown, limitOf, parseHud, writeHud } from "../app/hudrows.js";

const thresholds = /** @type {any} */ ({ ok: { rtt_ms: 80, jitter_ms: 30, loss: 0.01 }, grades_ms: { good: 100 } });
const o = /** @type {any} */ ({ state: "warn", thresholds });

test("a link says which rows, when, and from which value on they are poor", () => {
  const view = parseHud("?rows=rtt,proc,loss:poor:2.5&scale=1.25&bg=clear");
  assert.deepEqual(view.rows.filter((row) => row.when !== "never"), [
    { name: "rtt", when: "always", limit: null }, { name: "proc", when: "always", limit: null }, { name: "loss", when: "poor", limit: 2.5 }]);
  assert.deepEqual([view.scale, view.bg, view.isPopup], [1.25, "clear", false]);
  assert.equal(writeHud(view), "?rows=rtt,proc,loss:poor:2.5&scale=1.25&bg=clear");
  assert.deepEqual(parseHud(writeHud(view)), view);
});

test("a plain view has a plain link, and a broken one is the plain view", () => {
  assert.equal(writeHud(parseHud("")), "");
  assert.equal(writeHud(parseHud("?rows=nothing&scale=NaN&bg=blue")), "");
  assert.deepEqual([parseHud("?scale=9").scale, parseHud("?scale=0.1").scale], [2, 0.75]);
});

test("a row is poor from its own value on, else from the target's", () => {
  const [rtt, , jitter, loss, rto, status] = parseHud("?rows=rtt:always:50,jitter,loss,rto,status").rows;
  assert.ok(rtt && jitter && loss && rto && status);
  assert.equal(limitOf(rtt, thresholds), 50);
  assert.equal(isPoor(rtt, 49.9, o), false);
  assert.equal(isPoor(rtt, Infinity, o), true, "a time-out is beyond any limit");
  assert.equal(limitOf({ ...rtt, limit: null }, thresholds), 100);
  assert.equal(isPoor(jitter, 30, o), true);
  assert.equal(isPoor(loss, 0, { ...o, thresholds: { ok: { ...thresholds.ok, loss: 0 } } }), false, "no loss is never poor");
  assert.equal(isPoor(rto, 1, o), true);
  assert.equal(isPoor(loss, null, o), false);
  assert.equal(isPoor(status, null, o), true);
  assert.equal(isPoor(status, null, { ...o, state: "ok" }), false);
});

test("never hides, always shows, poor shows when it is", () => {
  const row = (/** @type {"always" | "poor" | "never"} */ when) => ({ name: /** @type {const} */ ("loss"), when, limit: null });
  assert.deepEqual([isShown(row("always"), false), isShown(row("poor"), false), isShown(row("poor"), true), isShown(row("never"), true)], [true, false, true, false]);
});
