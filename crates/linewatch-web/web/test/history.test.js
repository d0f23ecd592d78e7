// The history is drawn by these rules: periods in a link, buckets, limits, holes, heat, CSV.
import assert from "node:assert/strict";
import { test } from "node:test";

import { csv, isoLocal } from "../app/csv.js";
import { bucketAt, buckets, heat, holes, limits, logEdges, lossLevel, pointsFor, zoomed } from "../app/charts/buckets.js";
import { custom, fromField, isWrong, named, parseRange, rangeQuery, spanOf, toField, writeRange } from "../app/range.js";

const WORDS = /** @type {const} */ (["live", "24h", "7d", "30d", "custom"]);
const NOW = Date.UTC(2026, 10, 21, 9, 56, 11);
const MINUTE = 60_000;

/** @param {Partial<import("../app/types").SeriesAnswer>} [more] @returns {import("../app/types").SeriesAnswer} */
function series(more = {}) {
  const smoke = [10, 11, 12, 13, 14, 15, 16, 18, 30].map((ms) => [ms, ms + 1, null]);
  return {
    target: "a", key: 1, from: 0, to: 10 * MINUTE, bucket_seconds: 60, source: "1m", t: [0, MINUTE, 5 * MINUTE], sent: [60, 60, 60], lost: [0, 3, 60],
    min: [], avg: [], max: [], sd: [], jitter: [], p50: [14, 15, null], p95: [19, 20, null], p99: [25, 26, null], smoke, gaps: [], marks: [], ...more,
  };
}

test("a period survives the way through a link", () => {
  for (const range of [named("24h"), named("7d"), named("live"), custom(NOW - 5 * MINUTE, NOW - MINUTE)]) {
    const search = new URLSearchParams(writeRange(range, "live")).toString();
    const read = parseRange(search, WORDS, "live");
    assert.deepEqual(spanOf(read, NOW), spanOf(range, NOW));
    assert.equal(read.word, range.word);
  }
  assert.deepEqual(writeRange(named("live"), "live"), []);
});

test("a link that makes no sense falls back", () => {
  for (const search of ["?range=fortnight", "?range=1h", "?range=custom", "?range=custom&from=x&to=y", "?range=custom&from=5&to=3", `?range=custom&from=${NOW}&to=${NOW}`, "?range=custom&from=1970-01-01T00:00:00Z&to=2026-01-01T00:00:00Z"]) {
    assert.deepEqual(parseRange(search, WORDS, "24h"), named("24h"), search);
  }
  assert.equal(parseRange(`?from=${NOW - MINUTE}&to=${NOW}`, WORDS, "live").word, "custom");
});

test("a period ends now at the latest and asks by its name or its ends", () => {
  assert.deepEqual(spanOf(named("24h"), NOW), { from: NOW - 86_400_000, to: NOW });
  assert.equal(spanOf(custom(NOW - MINUTE, NOW + MINUTE), NOW).to, NOW);
  assert.equal(rangeQuery(named("7d")), "range=7d");
  assert.equal(rangeQuery(custom(1, 2)), "range=custom&from=1&to=2");
  assert.deepEqual([isWrong(NaN, 1), isWrong(NOW, NOW), isWrong(0, NOW), isWrong(NOW - 1, NOW)], ["missing", "order", "outside", null]);
});

test("a field holds local time to the minute and gives it back", () => {
  const at = Math.floor(NOW / MINUTE) * MINUTE;
  assert.equal(fromField(toField(at)), at);
  assert.match(toField(at), /^2026-11-\d\dT\d\d:\d\d$/);
  assert.ok(Number.isNaN(fromField("")));
});

test("buckets are never narrower than three pixels", () => {
  assert.deepEqual([pointsFor(1300, "24h"), pointsFor(1300, "7d"), pointsFor(300, "24h"), pointsFor(10, "24h"), pointsFor(9000, "custom")], [290, 338, 100, 40, 480]);
});

test("a bucket without an answer has no quantiles and is no zero", () => {
  const list = buckets(series());
  assert.deepEqual(list.map((bucket) => bucket.q?.[4] ?? null), [14, 15, null]);
  assert.deepEqual([list[2]?.at, list[2]?.to], [5 * MINUTE, 6 * MINUTE]);
});

test("the colour of the loss steps by percent", () => {
  assert.deepEqual([0, 1, 10_000, 10_001, 50_000, 250_000, 250_001, 1_000_000].map(lossLevel), ["excellent", "good", "good", "fair", "fair", "poor", "critical", "critical"]);
});

test("what was not measured is a hole: named where a gap is known, grey where not", () => {
  const list = buckets(series());
  assert.deepEqual(holes(series(), list), [{ kind: "none", from: 2 * MINUTE, to: 5 * MINUTE }]);
  const told = series({ gaps: [[1, "suspended", 2 * MINUTE, 5 * MINUTE, 180]] });
  assert.deepEqual(holes(told, list), [{ kind: "suspended", from: 2 * MINUTE, to: 5 * MINUTE }]);
});

test("one spike in a thousand does not flatten the rest", () => {
  const list = Array.from({ length: 1000 }, (_, i) => ({ at: i, to: i + 1, sent: 1, lost: 0, q: [18, 19, 19, 20, 20, 20, 21, 22, i === 500 ? 3000 : 25], p50: 20, p95: 24, p99: 25 }));
  assert.ok(limits(list, false).high < 30);
  assert.ok(limits(list, true).high < 30 && limits(list, true).low > 0);
  const { low } = limits(list, true);
  assert.ok(/^\d(e|$)/.test(Number(low.toPrecision(12)).toExponential()), `a logarithmic axis begins with a whole digit, not at ${low}`);
  assert.deepEqual(limits([], false), { low: 0, high: 100 });
});

test("the cells of a heat column hold every answer once", () => {
  const q = [10, 11, 12, 13, 14, 15, 16, 18, 30];
  const cells = heat(q, logEdges(9, 40, 36));
  assert.ok(Math.abs(cells.reduce((sum, share) => sum + share, 0) - 1) < 1e-9);
  assert.ok(Math.abs(heat([5, 5, 5, 5, 5, 5, 5, 5, 5], [1, 4, 6, 9]).reduce((sum, share) => sum + share, 0) - 1) < 1e-6);
});

test("a zoom is at least five samples and ends now at the latest", () => {
  const near = zoomed(NOW - 100, NOW, 2000, NOW);
  assert.deepEqual(near, { from: NOW - 10_000, to: NOW });
  assert.deepEqual(zoomed(NOW - 60 * MINUTE, NOW - 30 * MINUTE, 1000, NOW), { from: NOW - 60 * MINUTE, to: NOW - 30 * MINUTE });
  assert.equal(bucketAt(buckets(series()), 3.6 * MINUTE), 2);
  assert.equal(bucketAt([], 1), null);
});

test("CSV keeps commas, quotes and lines, and runs nothing", () => {
  assert.equal(csv([["a", "b"], ["x,y", 'say "hi"'], ["=1+1", null], ["-5", -5]]), 'a,b\r\n"x,y","say ""hi"""\r\n\'=1+1,\r\n\'-5,-5\r\n');
  const at = Date.UTC(2026, 10, 21, 9, 39, 10);
  assert.equal(Date.parse(isoLocal(at)), at);
  assert.match(isoLocal(at), /T\d\d:\d\d:\d\d\.\d{3}[+-]\d\d:\d\d$/);
});
