// Numbers read the same here and in the terminal: one table, and the vectors shared with the Rust twin.
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { test } from "node:test";

import { NONE, availability, count, duration, loss, plain, rtt, setNumbers, setting, short } from "../app/format.js";

const shared = new URL("../../../linewatch-render/vectors.json", import.meta.url);

const table = {
  rtt_ms: [
    [0, "0.00", "ms"], [0.004, "<0.01", "ms"], [0.005, "0.01", "ms"], [0.04, "0.04", "ms"], [0.84, "0.84", "ms"], [1, "1.00", "ms"],
    [9.994, "9.99", "ms"], [9.995, "10.0", "ms"], [12.45, "12.5", "ms"], [88.2, "88.2", "ms"], [99.949, "99.9", "ms"], [99.95, "100", "ms"],
    [254.5, "255", "ms"], [1234.4, "1,234", "ms"], [9999.4, "9,999", "ms"], [9999.5, "10.0", "s"], [10200, "10.2", "s"],
  ],
  loss_ppm: [
    [0, "0", "%"], [1, "<0.01", "%"], [99, "<0.01", "%"], [949, "0.09", "%"], [950, "0.1", "%"], [4200, "0.4", "%"], [16667, "1.7", "%"], [66667, "6.7", "%"], [99500, "10", "%"],
    [411000, "41", "%"], [995000, "99", "%"], [999999, "99", "%"], [1000000, "100", "%"],
  ],
  availability_ppm: [[1000000, "100.00"], [999999, "99.99"], [999900, "99.99"], [998100, "99.81"], [0, "0.00"]],
  duration_ms: [
    [0, "0 ms"], [250, "250 ms"], [999, "999 ms"], [8000, "8 s"], [59999, "59 s"], [112000, "1 m 52 s"], [909000, "15 m 09 s"],
    [11520000, "3 h 12 m"], [187200000, "2 d 4 h"],
  ],
  count: [[0, "0"], [999, "999"], [86400, "86,400"], [1234567, "1,234,567"], [-5, "−5"]],
};

/** @param {typeof table} vectors */
function check(vectors) {
  for (const [ms, value, unit] of vectors.rtt_ms) assert.deepEqual(rtt(ms), { value, unit }, `rtt ${ms}`);
  for (const [ppm, value, unit] of vectors.loss_ppm) assert.deepEqual(loss(ppm), { value, unit }, `loss ${ppm}`);
  for (const [ppm, value] of vectors.availability_ppm) assert.equal(availability(ppm).value, value, `availability ${ppm}`);
  for (const [ms, text] of vectors.duration_ms) assert.equal(duration(ms), text, `duration ${ms}`);
  for (const [n, text] of vectors.count) assert.equal(count(n), text, `count ${n}`);
}

test("numbers are written as the specification says", () => check(table));

test("numbers are written as the Rust twin writes them", { skip: !existsSync(shared) }, () => {
  check(JSON.parse(readFileSync(shared, "utf8")));
});

test("Indonesian has its own separators and the same digits and units", { skip: !existsSync(shared) }, () => {
  setNumbers("id");
  try {
    check(JSON.parse(readFileSync(shared, "utf8")).id);
    assert.deepEqual([short(0.5), short(1234.567), short(80), setting(1500), plain(loss(16667))], ["0,5", "1234,57", "80", "1,5 s", "1,7%"]);
  } finally {
    setNumbers("en");
  }
});

test("no data is a dash and never a zero", () => {
  for (const nothing of [null, undefined, NaN]) {
    assert.equal(rtt(nothing).value, NONE);
    assert.equal(loss(nothing).value, NONE);
    assert.equal(availability(nothing).value, NONE);
    assert.equal(duration(nothing), NONE);
    assert.equal(count(nothing), NONE);
  }
});

test("loss is 0 only if none and 100 only if all were lost", () => {
  for (let ppm = 1; ppm < 1_000_000; ppm += 997) {
    assert.notEqual(loss(ppm).value, "0");
    assert.notEqual(loss(ppm).value, "100");
  }
});

test("availability never rounds up", () => {
  for (let ppm = 0; ppm <= 1_000_000; ppm += 331) assert.ok(Math.round(Number(availability(ppm).value) * 10_000) <= ppm);
});

test("settings and whole texts carry their unit", () => {
  assert.equal(setting(1000), "1 s");
  assert.equal(setting(1500), "1.5 s");
  assert.equal(setting(25), "25 ms");
  assert.equal(plain(rtt(88.2)), "88.2 ms");
  assert.equal(plain(loss(16667)), "1.7%");
  assert.equal(plain(rtt(null)), NONE);
});
