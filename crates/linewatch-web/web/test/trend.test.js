// Medians of several targets on one axis: lines are broken where nothing was measured, and only there.
import assert from "node:assert/strict";
import { test } from "node:test";

import { firstAt, loners, trendColumns, trendLimits } from "../app/charts/trendlines.js";
import { COMPARED_MAX, parseCompared } from "../app/url.js";

const STEP = 300_000;
/** @param {number} at @param {number | null} p50 @param {number} [step] */
const bucket = (at, p50, step = STEP) => ({ at, to: at + step, sent: 300, lost: 0, q: null, p50, p95: p50, p99: p50 });

test("a line goes on over the instants of another one and is broken where it was not measured", () => {
  const whole = [bucket(0, 10), bucket(STEP, 11), bucket(2 * STEP, 12), bucket(3 * STEP, 13)];
  const holed = [bucket(0, 20), bucket(3 * STEP, 23)];
  const { x, y } = trendColumns([whole, holed]);
  assert.deepEqual(x, [150, 300, 450, 750, 1050]);
  assert.deepEqual(y[0], [10, undefined, 11, 12, 13]);
  assert.deepEqual(y[1], [20, null, undefined, undefined, 23]);
});

test("a bucket in which nothing answered breaks the line", () => {
  const { y } = trendColumns([[bucket(0, 10), bucket(STEP, null), bucket(2 * STEP, 12)]]);
  assert.deepEqual(y, [[10, null, 12]]);
  assert.deepEqual(loners(y[0] ?? []), [0, 2]);
});

test("what has a neighbour is no loner, also over instants of another target", () => {
  assert.deepEqual(loners([1, undefined, 2, null, 3, null]), [4]);
  assert.deepEqual(loners([]), []);
});

test("the axis has air, begins on a whole digit, and does not fail without data", () => {
  assert.deepEqual(trendLimits([[null, undefined], []]), { low: 1, high: 100 });
  const { low, high } = trendLimits([[12.4, null, 532]]);
  assert.ok(low === 9 && high === 665, `${low} ${high}`);
  const under = trendLimits([[0.03, 0.05]]);
  assert.ok(under.low > 0 && under.low < 0.03, String(under.low));
});

test("the first instant is of any of the lines", () => {
  assert.equal(firstAt([[], [bucket(900, 1)], [bucket(600, 1)]]), 600);
  assert.equal(firstAt([[], []]), null);
});

test("a link compares six targets at most, none twice", () => {
  assert.deepEqual(parseCompared("?cmp=a,b,,a,%20c"), ["a", "b", "c"]);
  assert.deepEqual(parseCompared(""), []);
  assert.equal(parseCompared(`?cmp=${Array.from({ length: 9 }, (_, i) => `t${i}`).join()}`).length, COMPARED_MAX);
});
