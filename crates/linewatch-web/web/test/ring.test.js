// The ring holds the same arrays for the same set of rows, in whatever order and however often they come.
import assert from "node:assert/strict";
import { test } from "node:test";

import { FLAG_DUPLICATE, FLAG_LATE, KEEP_US, LOST, NO_VALUE, REFUSED, REPLY, Ring, UNKNOWN, UNMEASURED, UNREACHABLE, UNSENT } from "../app/ring.js";

const BASE = 1_795_254_971_000;

/** A reply with sequence number `seq`, one a second. @param {number} seq @returns {import("../app/types").ProbeRow} */
function reply(seq) {
  return [7, seq, seq * 1_000_000 + 17, REPLY, 20_000 + seq, 20_500 + seq, 0];
}

/** @param {Ring} ring */
function rows(ring) {
  return Array.from({ length: ring.length }, (_, i) => [ring.run[i], ring.seq[i], ring.at[i], ring.outcome[i], ring.rtt[i], ring.host[i], ring.flags[i]]);
}

/** A small deterministic shuffle. @template T @param {T[]} list @param {number} seed */
function shuffled(list, seed) {
  const result = [...list];
  let state = seed;
  for (let i = result.length - 1; i > 0; i -= 1) {
    state = (state * 1103515245 + 12345) % 2147483648;
    const j = state % (i + 1);
    [result[i], result[j]] = [result[j], result[i]];
  }
  return result;
}

test("the order and repetition of arriving rows does not change the arrays", () => {
  const sent = Array.from({ length: 100 }, (_, seq) => reply(seq));
  const ordered = new Ring();
  for (const row of sent) ordered.merge(1, BASE, row);
  for (const seed of [1, 2, 3]) {
    const ring = new Ring();
    for (const row of shuffled([...sent, ...sent.slice(20, 60)], seed)) ring.merge(1, BASE, row);
    assert.deepEqual(rows(ring), rows(ordered));
  }
});

test("times are exact to the microsecond", () => {
  const ring = new Ring();
  ring.merge(1, BASE, [7, 1, -123_457, REPLY, 1, 2, 0]);
  assert.equal(ring.at[0], BASE * 1000 - 123_457);
});

test("a lost probe has no round trip and is not zero", () => {
  const ring = new Ring();
  ring.merge(1, BASE, [7, 1, 0, LOST, null, null, 0]);
  assert.equal(ring.rtt[0], NO_VALUE);
  assert.equal(ring.host[0], NO_VALUE);
});

test("a late reply marks its lost probe and does not revive it", () => {
  for (const isLateFirst of [false, true]) {
    /** @type {import("../app/types").ProbeRow[]} */
    const two = [[7, 1, 0, LOST, null, null, 0], [7, 1, 0, REPLY, 3_000_000, 3_000_100, FLAG_LATE]];
    const ring = new Ring();
    for (const row of isLateFirst ? two.reverse() : two) ring.merge(1, BASE, row);
    assert.deepEqual(rows(ring), [[1, 1, BASE * 1000, LOST, NO_VALUE, NO_VALUE, FLAG_LATE]]);
  }
});

test("a duplicate reply alone is no answer", () => {
  const ring = new Ring();
  ring.merge(1, BASE, [7, 1, 0, REPLY, 20_000, 20_100, FLAG_DUPLICATE]);
  assert.equal(ring.outcome[0], UNKNOWN);
  assert.deepEqual(ring.losses(0), { finished: 0, failed: 0 });
});

test("a new run begins after the old one although its numbers start again", () => {
  const ring = new Ring();
  ring.merge(1, BASE, reply(500));
  ring.merge(2, BASE + 600_000, reply(0));
  ring.merge(1, BASE, reply(501));
  assert.deepEqual(rows(ring).map(([run, seq]) => [run, seq]), [[1, 500], [1, 501], [2, 0]]);
});

test("the ring keeps two minutes and at most its limit", () => {
  const slow = new Ring();
  for (let seq = 0; seq < 2000; seq += 1) slow.merge(1, BASE, reply(seq));
  assert.ok(slow.length >= 120 && slow.length < 300, `${slow.length}`);
  assert.equal(slow.seq[slow.length - 1], 1999);
  const fast = new Ring();
  for (let seq = 0; seq < 20_000; seq += 1) fast.merge(1, BASE, [7, seq, seq * 1000, REPLY, 1, 1, 0]);
  assert.ok(fast.length <= 4096, `${fast.length}`);
  assert.equal(fast.seq[fast.length - 1], 19_999);
  assert.ok(fast.newestAt - /** @type {number} */ (fast.at[0]) < KEEP_US);
});

test("losses are counted since an instant", () => {
  const ring = new Ring();
  for (let seq = 0; seq < 10; seq += 1) ring.merge(1, BASE, seq % 2 === 0 ? reply(seq) : [7, seq, seq * 1_000_000, LOST, null, null, 0]);
  assert.deepEqual(ring.losses(0), { finished: 10, failed: 5 });
  assert.deepEqual(ring.losses(BASE * 1000 + 8_000_000), { finished: 2, failed: 1 });
});

test("losses are counted as if every row were looked at, whatever came late, twice or left", () => {
  const ring = new Ring();
  /** @param {number} sinceUs */
  const slowly = (sinceUs) => {
    let [finished, failed] = [0, 0];
    for (let i = ring.from(sinceUs); i < ring.length; i += 1) {
      const outcome = ring.outcome[i] ?? UNKNOWN;
      if (outcome <= LOST) finished += 1;
      if (outcome === LOST || outcome === UNREACHABLE) failed += 1;
    }
    return { finished, failed };
  };
  const outcomes = [REPLY, REPLY, LOST, REPLY, REFUSED, UNREACHABLE, UNSENT, REPLY, UNMEASURED, REPLY];
  for (let seq = 0; seq < 400; seq += 1) {
    const outcome = outcomes[(seq * 7) % outcomes.length] ?? REPLY;
    const at = seq * 1_000_000;
    // Every ninth comes after its follower, every eleventh is corrected, every thirteenth has an answer after all.
    const place = seq % 9 === 0 ? seq + 1 : seq % 9 === 1 ? seq - 1 : seq;
    ring.merge(1, BASE, [7, place, place * 1_000_000, outcome, outcome === REPLY ? 20_000 : null, null, 0]);
    if (seq % 11 === 0) ring.merge(1, BASE, [7, place, place * 1_000_000, LOST, null, null, 0]);
    if (seq % 13 === 0) ring.merge(1, BASE, [7, place, at, REPLY, 900_000, null, FLAG_LATE]);
    const since = BASE * 1000 + at - 60_000_000;
    assert.deepEqual(ring.losses(since), slowly(since), `after row ${seq}`);
  }
});
