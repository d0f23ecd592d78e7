// The evidence of an outage: its line of time, what is drawn on it, and the sentences.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { setCatalogue } from "../app/i18n.js";
import { conclusion, lines, losses, merged, points, timeline } from "../app/proof.js";

/** @typedef {import("../app/types").EvidenceAnswer} EvidenceAnswer */
/** @typedef {import("../app/types").LineInfo} LineInfo */

setCatalogue(JSON.parse(readFileSync(new URL("../i18n/en.json", import.meta.url), "utf8")), "en");

/** @param {string} target @param {number} lost @param {boolean} [isGateway] @returns {LineInfo} */
function line(target, lost, isGateway = false) {
  return { target, target_name: target.toUpperCase(), is_gateway: isGateway, sent: 20, lost, d: [[100, 10, 0, 9], [101, 10, lost, 9]] };
}

/** @param {Partial<EvidenceAnswer["verdict"]["figures"]>} [figures] @param {LineInfo[]} [several] @returns {EvidenceAnswer} */
function answer(figures = {}, several = [line("gw", 8, true), line("a", 2)]) {
  const outage = { id: "1-2", target: "far", target_name: "Far", from: 100_000, to: 102_000, duration_ms: 2000, opened_by: /** @type {const} */ ("run"), sent: 2, received: 0, lost: 2, uncertainty_ms: 1000 };
  return {
    outage, key: 1,
    verdict: { code: "near", figures: {
      sent: 20, lost: 20, unsent: 0, unmeasured: 0, late: 0, late_min_ms: null, late_max_ms: null, gateway: { sent: 20, lost: 8 }, others: 14, others_failing: 14,
      is_link_lost: false, process_p95_ms: 0.1, lateness_p95_ms: 0.1, ...figures,
    } },
    parts: [{ part: "whole", from: 70_000, to: 132_000, left_out: 0, faults: [], lines: several,
      segments: [{ run: 1, base: 70_000, d: [[1, 0, 500_000, 0, 20_000, 20_100, 0], [1, 1, 1_500_000, 3, null, null, 0], [1, 1, 1_500_000, 0, 1_900_000, null, 2], [1, 2, 2_500_000, 4, null, null, 0]] }] }],
  };
}

test("two edges of a long outage stand side by side and what lies between them has no place", () => {
  const whole = timeline([{ from: 0, to: 100 }]);
  assert.deepEqual([whole.place(0), whole.place(50), whole.place(100), whole.place(101)], [0, 0.5, 1, null]);
  const edges = timeline([{ from: 0, to: 60 }, { from: 1000, to: 1060 }]);
  assert.equal(edges.place(500), null);
  assert.ok((edges.place(60) ?? 1) < (edges.place(1000) ?? 0));
  assert.ok(Math.abs((edges.place(1060) ?? 0) - 1) < 1e-9);
});

test("a probe is drawn once: what was answered late is lost, what was not sent is not drawn", () => {
  assert.deepEqual(points(answer()), [{ at: 70_500, rtt: 20, isLost: false }, { at: 71_500, rtt: null, isLost: true }]);
});

test("the gateway comes first, then those that lost most, and the rest is one line", () => {
  const several = [line("a", 1), line("b", 9), line("gw", 0, true), line("c", 5), line("d", 2)];
  const grouped = lines(answer({}, several), 3);
  assert.deepEqual(grouped.lines.map((one) => one.target), ["gw", "b", "c"]);
  assert.deepEqual(grouped.rest.map((one) => one.target), ["d", "a"]);
  assert.deepEqual(merged(grouped.rest), [{ at: 101_000, share: 0.2 }]);
  assert.deepEqual(losses(line("x", 5)), [{ at: 101_000, share: 0.5 }]);
  // One more than fits alone is no group.
  assert.equal(lines(answer({}, several), 4).rest.length, 0);
});

test("the conclusion names the gateway, the others and what this computer did", () => {
  const said = conclusion(answer({ late: 12, late_min_ms: 1050, late_max_ms: 1900 }));
  assert.equal(said.title, "The fault was likely near this computer.");
  assert.equal(said.because, "The gateway (GW) lost 40% in the same span. 14 of 14 other targets lost packets too.");
  assert.equal(said.details[0], "0 probes unsent, link up.");
  assert.match(said.details[1] ?? "", /^12 of the 20 lost replies came late/);
  assert.equal(said.details.length, 2);
});

test("without a gateway and others the conclusion says so, and a busy computer is told", () => {
  const said = conclusion(answer({ gateway: null, others: 0, others_failing: 0, process_p95_ms: 60 }));
  assert.equal(said.because, "No gateway was measured. No other target was measured.");
  assert.match(said.details[1] ?? "", /^This computer added 60/);
});
