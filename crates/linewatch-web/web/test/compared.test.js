// Targets drawn beside the one of a page stand in its link; those that are not there are found.
import assert from "node:assert/strict";
import { test } from "node:test";

import { BESIDE_MAX, checkCompared, parseBeside, withCompared } from "../app/compared.js";

const isKnown = (/** @type {string} */ id) => id.length === 1;

test("a page draws the others of its link, once each, and never itself", () => {
  assert.deepEqual(parseBeside("?cmp=b,a,b,%20c,,own&y=log", "own"), ["b", "a", "c"]);
  assert.deepEqual(parseBeside("?range=7d", "own"), []);
  assert.equal(parseBeside("?cmp=a,b,c,d,e,f", "own").length, BESIDE_MAX);
});

test("another choice leaves the rest of the link as it was", () => {
  assert.equal(withCompared("?range=24h&y=fix:0-200", ["a", "b"]), "?range=24h&y=fix:0-200&cmp=a,b");
  assert.equal(withCompared("?range=24h&cmp=a,b", []), "?range=24h");
  assert.equal(withCompared("?cmp=a", []), "");
});

test("ids that no target has, and those above the number drawn, are told and taken out", () => {
  assert.deepEqual(checkCompared("target", "o", "?cmp=a,ghost,b&y=log", isKnown), { wrong: [{ name: "cmp", value: "ghost" }], search: "?cmp=a,b&y=log" });
  assert.deepEqual(checkCompared("target", "o", "?cmp=a,b,c,d,e", isKnown), { wrong: [{ name: "cmp", value: "e" }], search: "?cmp=a,b,c,d" });
  assert.deepEqual(checkCompared("target", "o", "?cmp=o,a", isKnown), { wrong: [], search: "?cmp=o,a" }, "one's own target is no mistake");
  assert.deepEqual(checkCompared("overview", "", "?cmp=a,b,c,d,e,ghost", isKnown).wrong, [{ name: "cmp", value: "ghost" }]);
  assert.deepEqual(checkCompared("events", "", "?cmp=ghost", isKnown).wrong, [], "a page without it ignores the name");
  assert.deepEqual(checkCompared("target", "o", "?cmp=gone", isKnown).search, "");
});
