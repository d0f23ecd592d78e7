// Which columns a stored choice names, what it becomes by a step, and that a row can always be told from another.
import assert from "node:assert/strict";
import { test } from "node:test";

import { COLUMNS, moved, parseColumns, widthOf, writeColumns } from "../app/columns.js";

test("a choice comes back in its order, and the usual one is not kept at all", () => {
  const choice = parseColumns("target,grade,loss,p50");
  assert.deepEqual(choice, ["target", "grade", "loss", "p50"]);
  assert.equal(writeColumns(choice ?? []), "target,grade,loss,p50");
  assert.equal(writeColumns(COLUMNS), "");
  assert.notEqual(writeColumns(moved(COLUMNS, "up", -1)), "", "another order is a choice");
});

test("what another version stored is read as far as it is known, and grade and target are always there", () => {
  assert.deepEqual(parseColumns("loss,flux,loss,p50"), ["grade", "target", "loss", "p50"]);
  for (const text of ["", null, undefined, "flux", ",,"]) assert.equal(parseColumns(text), null, String(text));
});

test("a column moves by one place and never out of the table", () => {
  assert.deepEqual(moved(["grade", "target", "loss"], "loss", -1), ["grade", "loss", "target"]);
  assert.deepEqual(moved(["grade", "target"], "grade", -1), ["grade", "target"]);
  assert.deepEqual(moved(["grade", "target"], "target", 1), ["grade", "target"]);
  assert.deepEqual(moved(["grade", "target"], "loss", 1), ["grade", "target"]);
});

test("every column takes room", () => {
  assert.ok(widthOf(COLUMNS) > 1200 && widthOf(COLUMNS) < 1440, String(widthOf(COLUMNS)));
  assert.ok(widthOf(["grade", "target"]) < widthOf(["grade", "target", "loss"]));
});
