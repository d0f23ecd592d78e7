// A long list is drawn in part: what is in sight is there, and the empty space stands for exactly the rest.
import assert from "node:assert/strict";
import { test } from "node:test";

import { balanced, slice } from "../app/slice.js";

test("space and rows always add up to the whole list", () => {
  for (const [count, columns, pitch] of [[2000, 1, 45], [101, 2, 122], [333, 5, 242], [0, 1, 45]]) {
    const lines = Math.ceil(count / columns);
    for (const top of [500, 0, -1, -4321, -pitch * lines, -1e6]) {
      const { from, to, before, after } = slice({ count, columns, pitch, top, height: 900 });
      const drawn = Math.ceil((to - from) / columns);
      assert.equal(before + drawn * pitch + after, lines * pitch, `${count} ${columns} ${top}`);
      assert.ok(from >= 0 && to <= count && from <= to);
      assert.ok(drawn <= 900 / pitch + 18);
    }
  }
});

test("every row in sight is drawn", () => {
  for (let top = 300; top > -90_000; top -= 777) {
    const { from, to } = slice({ count: 2000, columns: 1, pitch: 45, top, height: 900 });
    for (let row = 0; row < 2000; row += 1) {
      const y = top + row * 45;
      if (y + 45 > 0 && y < 900) assert.ok(row >= from && row < to, `row ${row} at ${top}`);
    }
  }
});

test("tiles stand so that the last line has the fewest holes, and never grow by more than a half", () => {
  assert.deepEqual([balanced(11, 5), balanced(10, 5), balanced(15, 4), balanced(7, 6)], [4, 5, 4, 4]);
  for (let count = 0; count < 60; count += 1) {
    for (let fit = 1; fit < 9; fit += 1) {
      const columns = balanced(count, fit);
      assert.ok(columns <= fit && columns >= Math.min(fit, Math.max(2, fit / 1.5)), `${count} ${fit} ${columns}`);
    }
  }
});
