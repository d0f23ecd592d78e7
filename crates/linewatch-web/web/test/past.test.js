// What history says of every target of a large fleet, although the order of the overview moves between two answers.
import assert from "node:assert/strict";
import { test } from "node:test";

import { named } from "../app/range.js";

const TARGETS = 1500;

/** Answers like the server, in another order each time it is asked. @param {string[]} asked */
function movingServer(asked) {
  return async (/** @type {string} */ address) => {
    asked.push(address);
    const url = new URL(address, "http://localhost");
    const [offset, limit] = ["offset", "limit"].map((name) => Number(url.searchParams.get(name)));
    // Of the first answer's 1,000 targets 500 are in the second one's place, too: some are in neither.
    const keys = Array.from({ length: TARGETS }, (_, index) => (index + (asked.length === 2 ? TARGETS - 500 : 0)) % TARGETS);
    const targets = keys.slice(offset, offset + limit).map((key) => ({ key, p50_ms: key, strip_24h: null }));
    return new Response(JSON.stringify({ total: TARGETS, from: 0, to: 1, targets }));
  };
}

test("every target has its figures although the order moves between two pages", async () => {
  /** @type {string[]} */
  const asked = [];
  Object.assign(globalThis, { fetch: movingServer(asked), requestAnimationFrame: () => 0, document: { hidden: false } });
  const { past } = await import("../app/past.js");
  past.range = named("24h");
  await past.ask();
  const missing = Array.from({ length: TARGETS }, (_, key) => key).filter((key) => past.figures(/** @type {any} */ ({ o: { key } })).p50_ms !== key);
  assert.deepEqual(missing, []);
  assert.equal(asked.length, 4, "two pages, and both once more");
  await past.ask();
  assert.equal(asked.length, 6, "nothing is asked twice without need");
});
