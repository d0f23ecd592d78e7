// The axis of a link: what it may say, what it says again, and what lies outside of it.
import assert from "node:assert/strict";
import { test } from "node:test";

import { drawnSpans } from "../app/charts/buckets.js";
import { FIX_MAX_MS, beyond, fixedY, logLimits, parseY, readY, writeY } from "../app/yaxis.js";

test("an axis goes into a link and comes back", () => {
  for (const text of ["log", "fix:0-200", "fix:0.5-2.25", `fix:0-${FIX_MAX_MS}`]) {
    const y = readY(text);
    assert.ok(y, text);
    assert.deepEqual(writeY(y), [["y", text]]);
    assert.deepEqual(parseY(`?range=1h&y=${text}`), y);
  }
  assert.deepEqual(writeY(parseY("?y=lin")), [], "the usual axis is not mentioned");
});

test("what is no axis is none, and the page shows the usual one", () => {
  for (const text of ["fix:many", "fix:200-0", "fix:5-5", "fix:-1-5", "fix:0-", "fix:0-600001", "fix:1e2-9e3", "fix:0-200ms", "cube", "fix:0-1-2", "fix:0.0001-1"]) {
    assert.equal(readY(text), null, text);
    assert.equal(parseY(`?y=${encodeURIComponent(text)}`).kind, "lin", text);
  }
  assert.equal(fixedY(NaN, 5), null);
  assert.equal(fixedY(0, Infinity), null);
});

test("what an axis does not reach is counted, with the furthest of it", () => {
  const found = beyond([[10, 20], null, [40, 300], [190, 3000], [200, 200]], { low: 50, high: 200 });
  assert.deepEqual(found, { above: 2, below: 2, most: 3000, least: 10 });
  assert.deepEqual(beyond([[60, 100]], { low: 50, high: 200 }), { above: 0, below: 0, most: 200, least: 50 });
});

test("only percentiles that are drawn can be cut off, and of smoke everything is drawn", () => {
  const bucket = { at: 0, to: 1, sent: 9, lost: 0, q: [1, 2, 3, 4, 5, 6, 7, 8, 900], p50: 5, p95: 8, p99: 9 };
  const empty = { ...bucket, lost: 9, q: null, p50: null, p95: null, p99: null };
  assert.deepEqual(drawnSpans([bucket, empty], null), [[1, 900], null]);
  assert.deepEqual(drawnSpans([bucket, empty], new Set(["p50", "p95"])), [[5, 8], null]);
  assert.deepEqual(drawnSpans([bucket], new Set()), [null]);
});

test("a logarithmic axis begins at a whole digit above nothing and reaches over what it holds", () => {
  for (const [low, high] of /** @type {const} */ ([[12, 300], [0.02, 0.02], [0, 5], [90, 95]])) {
    const axis = logLimits({ low, high });
    assert.ok(axis.low > 0 && axis.low <= Math.max(low, 0.001) && axis.high > high && axis.high >= 1.5 * axis.low, `${low} ${high} ${JSON.stringify(axis)}`);
  }
});
