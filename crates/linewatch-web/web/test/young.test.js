// A preview of a young monitor is of what there is, and says how much that is.
import assert from "node:assert/strict";
import { test } from "node:test";

import { cropped, spanShown } from "../app/settings/young.js";

const DAY = 86_400_000;
const TO = 20 * DAY;
/** @param {number[]} t */
const day = (t) => ({ from: TO - DAY, to: TO, t, bucket_seconds: 300 });

test("a whole day is a day", () => {
  assert.deepEqual(spanShown(day([TO - DAY, TO - 300_000]), TO), { from: TO - DAY, isYoung: false, isShort: false });
});

test("most of a day is shown as a day and told as what it is", () => {
  assert.deepEqual(spanShown(day([TO - 20 * 3_600_000]), TO), { from: TO - 20 * 3_600_000, isYoung: false, isShort: true });
});

test("minutes are looked at closely, and never less than one", () => {
  assert.deepEqual(spanShown(day([TO - 600_000]), TO), { from: TO - 600_000, isYoung: true, isShort: true });
  assert.equal(spanShown(day([TO - 10_000]), TO).from, TO - 60_000);
});

test("nothing is nothing, not a young history", () => {
  assert.deepEqual(spanShown(day([]), TO), { from: null, isYoung: false, isShort: false });
});

test("the empty time before the first probe is cut off, a minute stays", () => {
  assert.equal(cropped({ from: TO - 300_000, to: TO, t: [TO - 200_000] }, TO).from, TO - 200_000);
  assert.equal(cropped({ from: TO - 300_000, to: TO, t: [TO - 5000] }, TO).from, TO - 60_000);
  assert.equal(cropped({ from: TO - 300_000, to: TO, t: [] }, TO).from, TO - 300_000);
});
